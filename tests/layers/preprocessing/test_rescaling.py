"""Rescaling: channels, dtypes, files."""

import keras
import numpy as np
import pytest

import cornu
from cornu import config
from cornu.layers import Rescaling


def test_one_number_per_channel_in_both_formats(monkeypatch):
    x = np.ones((1, 3, 2, 3), "float32")
    layer = Rescaling([1.0, 2.0, 3.0], offset=np.array([0.0, 1.0, 2.0], "float32"))
    assert layer(x)[0, 0, 0].tolist() == [1, 3, 5]
    config.set_image_data_format("channels_first")
    try:
        assert layer(x)[0, :, 0, 0].tolist() == [1, 3, 5]
    finally:
        config.set_image_data_format("channels_last")


@pytest.mark.parametrize("dtype", ["uint8", "bool", "int16", "float16", "float64"])
def test_dtypes(dtype):
    y = Rescaling(0.5)(np.array([[0, 1, 200]]).astype(dtype))
    assert y.dtype == "float32"
    assert y.tolist() == [[0.0, 0.5, 0.5 if dtype == "bool" else 100.0]]


def test_halves_are_rounded_once():
    y = Rescaling(1 / 1000, dtype="mixed_float16")(np.array([65_535.0], "float32"))
    assert float(y[0]) == float(np.float16(65.535))


def test_files_are_exchanged_with_keras(tmp_path):
    x = np.ones((2, 3), "float32")
    for scale in (0.5, [1.0, 2.0, 3.0], np.array([1.0, 2.0, 3.0], "float32")):
        for made, read in ((cornu, keras), (keras, cornu)):
            model = made.Sequential([made.Input((3,)), made.layers.Rescaling(scale, offset=1.0)])
            model.save(tmp_path / "m.keras")
            again = read.models.load_model(tmp_path / "m.keras")
            np.testing.assert_allclose(again(x), model(x))


def test_text_is_no_scale():
    with pytest.raises(ValueError, match="scale holds text"):
        Rescaling("a")
