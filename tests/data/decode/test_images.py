"""Images: Keras's pixels, scaled decoding, every format, damaged files."""

import io
import pickle
import zlib

import numpy as np
import pytest
from PIL import Image

from cornu.data.decode.images import ImageDecoder


def smooth(height, width, seed=0):
    size = (height // 40 + 2, width // 40 + 2, 3)
    small = np.random.default_rng(seed).integers(0, 256, size)
    return Image.fromarray(small.astype("uint8")).resize((width, height), Image.BICUBIC)


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["png", "bmp", "gif", "webp", "jpeg"])
@pytest.mark.parametrize("color_mode, channels", [("rgb", 3), ("grayscale", 1), ("rgba", 4)])
def test_every_format_in_every_color_mode(kind, color_mode, channels):
    data = encoded(smooth(40, 60), kind, **({"lossless": True} if kind == "webp" else {}))
    image = ImageDecoder((40, 60), color_mode, decode="exact")(data)
    assert image.shape == (40, 60, channels) and image.dtype == np.float32
    quick = ImageDecoder((40, 60), color_mode)(data).astype("f")
    assert abs(image - quick).max() <= (12 if kind == "jpeg" else 0)
    assert abs(image - quick).mean() < 1.5
    if kind == "png" and channels == 3:
        np.testing.assert_array_equal(image, np.asarray(smooth(40, 60)))


@pytest.mark.parametrize("decoder", ["simplejpeg", "Pillow"])
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_scaled_decoding_gives_the_antialiased_image(decoder, fit, monkeypatch):
    if decoder == "Pillow":
        monkeypatch.setattr(ImageDecoder, "_simplejpeg", None)
    picture = smooth(800, 1200)
    quick = ImageDecoder((90, 64), fit=fit)
    image = quick(encoded(picture, "jpeg", quality=95)).astype("f")
    whole = quick._shrunk(picture, 800, 1200).astype("f")  # without the way through a JPEG
    assert image.shape == (90, 64, 3)
    assert abs(image - whole).mean() < 1.5
    assert pickle.loads(pickle.dumps(quick)) == quick


def test_jpeg_files_that_simplejpeg_refuses_are_read_by_pillow():
    cmyk = encoded(smooth(40, 60).convert("CMYK"), "jpeg", quality=95)
    image = ImageDecoder((20, 30))(cmyk).astype("f")
    assert abs(image - np.asarray(smooth(40, 60).resize((30, 20)), "f")).mean() < 6


def test_sixteen_bits_are_scaled_and_not_cut_to_white():
    values = np.linspace(0, 65535, 64).reshape(8, 8).astype("uint16")
    image = ImageDecoder((8, 8), decode="exact")(encoded(Image.fromarray(values), "png"))
    np.testing.assert_array_equal(image[:, :, 1], values >> 8)


def test_the_orientation_in_exif_is_left_as_it_is():
    picture = smooth(40, 60)
    exif = picture.getexif()
    exif[0x0112] = 6
    assert ImageDecoder()(encoded(picture, "jpeg", exif=exif)).shape == (40, 60, 3)


@pytest.mark.parametrize("decode", ["auto", "exact"])
@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda data: b"", "empty"),
        (lambda data: data[: len(data) // 2], "truncated"),
        (lambda data: b"<!DOCTYPE html><p>not found", "HTML"),
        (lambda data: b"\0" * 100, "none of JPEG"),
        (lambda data: b"II*\0" + data, "TIFF"),
    ],
)
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_damaged_files_are_no_black_images(decode, damage, message, kind):
    data = damage(encoded(smooth(80, 80), kind))
    with pytest.raises(Exception, match=message):
        ImageDecoder((20, 20), decode=decode)(data)


def test_decompression_bombs_are_refused_by_their_header():
    jpeg = bytearray(encoded(smooth(16, 16), "jpeg"))
    start = jpeg.index(b"\xff\xc0") + 5
    jpeg[start : start + 4] = b"\xff\xff\xff\xff"
    png = bytearray(encoded(smooth(16, 16), "png"))
    png[16:24] = b"\0\1\0\0\0\1\0\0"
    png[29:33] = zlib.crc32(png[12:29]).to_bytes(4, "big")
    for data in (jpeg, png):
        with pytest.raises(Exception, match="pixels|bomb"):
            ImageDecoder((8, 8))(bytes(data))


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="interpolation must be one of.*'bilinaer'"):
        ImageDecoder(interpolation="bilinaer")
    with pytest.raises(ValueError, match="color_mode must be one of"):
        ImageDecoder(color_mode="gray")
    with pytest.raises(ValueError, match="decode must be one of"):
        ImageDecoder(decode="fast")
