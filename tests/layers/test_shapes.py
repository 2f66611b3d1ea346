"""What layers say where shapes are unknown or wrong."""

import numpy as np
import pytest

from cornu import layers, settings
from cornu.layers import Conv2D, Flatten, Input, MaxPooling2D


def test_the_setting_of_the_data_format_is_used():
    settings.current.set_image_data_format("channels_first")
    try:
        assert Conv2D(4, 3)(np.ones((1, 2, 6, 7), "float32")).shape == (1, 4, 4, 5)
        assert MaxPooling2D()(np.ones((1, 2, 6, 8), "float32")).shape == (1, 2, 3, 4)
    finally:
        settings.current.set_image_data_format("channels_last")


def test_an_image_without_channels_is_explained():
    with pytest.raises(ValueError, match="4 axes, got 3") as caught:
        Conv2D(8, 3)(np.ones((32, 28, 28)))
    assert "x[..., None]" in str(caught.value)


def test_a_window_that_does_not_fit_is_explained():
    x = MaxPooling2D(4)(Input((8, 8, 3)))
    with pytest.raises(ValueError, match="larger than its inputs") as caught:
        Conv2D(8, 3)(x)
    assert "padding='same'" in str(caught.value)


def test_unknown_channels_are_asked_for():
    with pytest.raises(ValueError, match="number of channels"):
        Conv2D(8, 3)(Input((8, 8, None)))


def test_inputs_that_do_not_fit_together_are_shown():
    with pytest.raises(ValueError, match="do not fit together") as caught:
        layers.Add()([Input((4, 3)), Input((5, 3))])
    assert "(None, 4, 3), (None, 5, 3)" in str(caught.value)


def test_unknown_sizes_stay_unknown():
    assert Flatten()(Input((None, 3))).shape == (None, None)
    assert layers.Reshape((-1, 3))(Input((None, 6))).shape == (None, None, 3)
    assert layers.UpSampling2D(2)(Input((None, 4, 3))).shape == (None, None, 8, 3)
    assert layers.ZeroPadding1D(2)(Input((None, 3))).shape == (None, None, 3)
