"""`load_img`, `img_to_array`, `array_to_img`, `save_img`, `smart_resize` beside Keras."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

from cornu.utils import array_to_img, img_to_array, load_img, save_img
from cornu.utils.images import smart_resize

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (14, 20, 3)).astype("uint8")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    Image.fromarray(PIXELS).save(root / "rgb.png")
    Image.fromarray(RNG.integers(0, 256, (9, 8, 4)).astype("uint8")).save(root / "rgba.png")
    Image.fromarray(RNG.integers(0, 60000, (9, 8)).astype("uint16")).save(root / "wide.png")
    return root


@pytest.mark.parametrize("name", ["rgb.png", "rgba.png", "wide.png"])
@pytest.mark.parametrize(
    "options",
    [{}, {"color_mode": "grayscale"}, {"color_mode": "rgba", "target_size": (5, 7)},
     {"target_size": (6, 6), "interpolation": "bicubic", "keep_aspect_ratio": True}],
)  # fmt: skip
def test_loaded_images_are_those_of_keras(files, name, options):
    ours, theirs = (m(files / name, **options) for m in (load_img, keras.utils.load_img))
    assert ours.mode == theirs.mode and ours.size == theirs.size
    for data_format in ("channels_last", "channels_first"):
        a, b = (m(i, data_format) for m, i in
                ((img_to_array, ours), (keras.utils.img_to_array, theirs)))  # fmt: skip
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype == np.float32


def test_loading_takes_bytes_in_memory_and_names_what_it_cannot_read(files, tmp_path):
    image = load_img(io.BytesIO((files / "rgb.png").read_bytes()))
    np.testing.assert_array_equal(image, PIXELS)
    (tmp_path / "page.jpg").write_text("<html></html>")
    with pytest.raises(ValueError, match=r"page.jpg cannot be read as an image") as caught:
        load_img(tmp_path / "page.jpg")
    assert "it holds HTML" in str(caught.value)
    with pytest.raises(ValueError, match="color_mode must be one of"):
        load_img(files / "rgb.png", color_mode="gray")
    with pytest.raises(FileNotFoundError):
        load_img(tmp_path / "none.jpg")


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_arrays_become_the_images_of_keras(channels, scale, data_format):
    x = RNG.uniform(0, 250, (6, 7, channels))
    x = x.transpose(2, 0, 1) if data_format == "channels_first" else x
    ours, theirs = (m(x, data_format, scale) for m in (array_to_img, keras.utils.array_to_img))
    assert ours.mode == theirs.mode
    np.testing.assert_array_equal(ours, theirs)
    if channels == 1:
        assert array_to_img(x * 100, data_format, scale=False).mode == "I"


def test_arrays_that_are_no_images():
    with pytest.raises(ValueError, match="must have 3 axes"):
        array_to_img(np.zeros((2, 4, 5, 3)))
    with pytest.raises(ValueError, match="1, 3 or 4 channels"):
        array_to_img(np.zeros((3, 4, 5)))
    with pytest.raises(ValueError, match="must have shape"):
        img_to_array(np.zeros(3))


def test_saved_images_come_back(tmp_path):
    save_img(tmp_path / "a.png", PIXELS, scale=False)
    np.testing.assert_array_equal(load_img(tmp_path / "a.png"), PIXELS)
    with pytest.warns(UserWarning, match="no transparency"):
        save_img(tmp_path / "b.jpg", np.ones((4, 4, 4)), quality=90)
    assert load_img(tmp_path / "b.jpg").size == (4, 4)
    save_img(str(tmp_path / "c.bin"), PIXELS, file_format="jpg")
    assert Image.open(tmp_path / "c.bin").format == "JPEG"


@pytest.mark.parametrize("shape, data_format", [
    ((14, 20, 3), "channels_last"), ((2, 14, 20, 3), "channels_last"),
    ((2, 3, 14, 20), "channels_first"),
])  # fmt: skip
def test_smart_resize_is_that_of_keras(shape, data_format):
    x = RNG.uniform(0, 255, shape).astype("f")
    ours = smart_resize(x, (8, 8), data_format=data_format)
    theirs = keras.preprocessing.image.smart_resize(x, (8, 8), data_format=data_format)
    assert isinstance(ours, np.ndarray)
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
    with pytest.raises(TypeError, match="interpolaton"):
        smart_resize(x, (8, 8), interpolaton="nearest")
