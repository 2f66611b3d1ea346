"""Images from the bytes of a file, in the wanted size.

    decode    JPEG                                        other formats     resize
    "auto"    simplejpeg, scaled while decoding, or       Pillow            Pillow, antialiased
              Pillow with `draft`
    "exact"   Pillow, every pixel                         Pillow            Keras's pixels

A JPEG is stored as blocks of 8 x 8 frequencies; decoding only the low ones gives the image at
1/8, 2/8, ... of its size. From 4000 x 3000 to 224 x 224 that takes a fifth of the time, and there
is no aliasing. The orientation in EXIF is not applied, as in Keras.

Both decoders release the GIL. The number of pixels is read from the header and bounded before any
is decoded. Of animations the first frame is taken.
"""

import io
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cornu import errors
from cornu.data.decode.resample import INTERPOLATIONS, crop_box, pad_box, resize

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "WEBP")  # in the words of Pillow
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
DECODE = ("auto", "exact")
MAX_PIXELS = 178_956_970  # where Pillow refuses too: half a gigabyte as RGB

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_COLORSPACES = {1: "GRAY", 3: "RGB", 4: "RGBA"}
_IN_MEMORY = {1: ("GRAY", "L"), 3: ("RGBX", "RGBX"), 4: ("RGBA", "RGBA")}  # as Pillow keeps them
_FILTERS = {"bilinear": "BILINEAR", "bicubic": "BICUBIC", "lanczos3": "LANCZOS", "area": "BOX"}


@dataclass(frozen=True)
class ImageDecoder:
    """A function from the bytes of an image file to an array of a given size.

    Args:
        size: height and width of the result; the size of the image itself if None.
        color_mode: "grayscale", "rgb" or "rgba".
        interpolation: "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5",
            "gaussian" or "mitchellcubic".
        fit: "stretch" to the size, "crop" to its aspect ratio first, or "pad" with zeros.
        decode: "auto" for speed, "exact" for the pixels that Keras gives.

    Example:

        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (40, 30), (255, 0, 0)).save(file, "png")
        >>> image = ImageDecoder((6, 8))(file.getvalue())
        >>> image.shape, image[0, 0].tolist()
        ((6, 8, 3), [255, 0, 0])
    """

    size: tuple[int, int] | None = None
    color_mode: str = "rgb"
    interpolation: str = "bilinear"
    fit: str = "stretch"
    decode: str = "auto"

    def __post_init__(self) -> None:
        for name, allowed in (
            ("color_mode", tuple(CHANNELS)),
            ("interpolation", INTERPOLATIONS),
            ("decode", DECODE),
        ):
            value = getattr(self, name)
            if value not in allowed:
                raise errors.value_error(
                    f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}.",
                    fix=errors.did_you_mean(str(value), allowed),
                )

    @cached_property
    def channels(self) -> int:
        """Number of channels of the result."""
        return CHANNELS[self.color_mode]

    @cached_property
    def _scaled(self) -> bool:
        return self.decode == "auto" and self.size is not None and self.interpolation in _FILTERS

    @cached_property
    def _simplejpeg(self) -> Any:
        try:
            return errors.need("simplejpeg", for_="fast JPEG")
        except ImportError:
            return None

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __call__(self, data: bytes) -> np.ndarray:
        """The image, `(height, width, channels)`, float32 or uint8 with values from 0 to 255.

        Raises:
            ValueError: the file is damaged, of another format, or has too many pixels.
        """
        if not data:
            raise ValueError("the file is empty")
        if self._scaled:
            if data[:2] == b"\xff\xd8" and self._simplejpeg is not None:
                found = self._fast_jpeg(data)
                if found is not None:
                    pixels, height, width = found
                    if (height, width) == self.size:
                        return pixels
                    return self._shrunk(self._pillow_image(pixels), height, width)
            return self._shrunk(*self._opened(data, draft=True))
        image = np.asarray(self._opened(data)[0])
        image = image[:, :, None] if image.ndim == 2 else image  # (h, w, channels)
        return image if self.size is None else self._resized(image)

    # ---- decoding ------------------------------------------------------------------------------

    def _fast_jpeg(self, data: bytes) -> tuple[np.ndarray, int, int] | None:
        """The JPEG at the smallest scale that covers the size, and its own height and width.

        None if Pillow has to read it.
        """
        try:
            height, width, colorspace, _ = self._simplejpeg.decode_jpeg_header(data)
        except ValueError:
            return None
        check_pixels(width, height)
        if colorspace == "CMYK":
            return None
        rows, columns = self._least(height, width)
        same = (height, width) == self.size
        try:
            # The fast cosine transform takes a third less time, and is that of TensorFlow.
            pixels = self._simplejpeg.decode_jpeg(
                data,
                _COLORSPACES[self.channels] if same else _IN_MEMORY[self.channels][0],
                fastdct=True,
                min_height=rows,
                min_width=columns,
            )
        except ValueError:  # a flaw that Pillow can pass over, or says better
            return None
        return pixels, height, width

    def _least(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns that a scaled image must have at least."""
        assert self.size is not None
        if self.fit == "pad":
            return pad_box(height, width, self.size)[2:]
        return self.size

    def _opened(self, data: bytes, draft: bool = False) -> tuple[Any, int, int]:
        """The image of Pillow with 8 bits per channel, and its height and width in the file."""
        pillow = errors.need("PIL.Image", for_="reading images", install="Pillow")
        try:
            image = pillow.open(io.BytesIO(data), formats=FORMATS)
        except pillow.UnidentifiedImageError:
            raise ValueError(what_it_is(data)) from None
        width, height = image.size
        check_pixels(width, height)
        mode = _MODES[self.channels]
        if draft and image.format in ("JPEG", "MPO"):
            rows, columns = self._least(height, width)
            image.draft("L" if mode == "L" else "RGB", (columns, rows))
        if image.mode.startswith("I"):  # 16 bits: Pillow would cut all above 255 to white
            values = np.asarray(image)
            values = np.minimum(values >> 8 if values.max(initial=0) > 255 else values, 255)
            image = pillow.fromarray(values.astype(np.uint8))
        return image if image.mode == mode else image.convert(mode), height, width

    def _pillow_image(self, pixels: np.ndarray) -> Any:
        pillow = errors.need("PIL.Image", for_="resizing images", install="Pillow")
        height, width = pixels.shape[:2]
        mode = _IN_MEMORY[self.channels][1]
        return pillow.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)

    # ---- sizes ---------------------------------------------------------------------------------

    def _shrunk(self, image: Any, height: int, width: int) -> np.ndarray:
        """The image of Pillow, antialiased, uint8; height and width are those in the file."""
        assert self.size is not None
        pillow = errors.need("PIL.Image", for_="resizing images", install="Pillow")
        resample = pillow.Resampling[_FILTERS[self.interpolation]]
        rows, columns = self.size
        box, place = None, None
        if self.fit == "crop":
            top, left, h, w = crop_box(height, width, self.size)
            x, y = image.width / width, image.height / height  # what of it is decoded
            box = (left * x, top * y, (left + w) * x, (top + h) * y)
        elif self.fit == "pad":
            place = pad_box(height, width, self.size)
            rows, columns = place[2:]
        if image.size != (columns, rows) or box is not None:
            image = image.resize((columns, rows), resample, box=box, reducing_gap=3.0)
        if image.mode == "RGBX":
            image = image.convert("RGB")
        out = np.asarray(image)
        out = out[:, :, None] if out.ndim == 2 else out
        return out if place is None else self._padded(out, place)

    def _resized(self, image: np.ndarray) -> np.ndarray:
        """The pixels in the size, as Keras computes them, float32."""
        assert self.size is not None
        height, width = image.shape[:2]
        if self.fit == "crop":
            top, left, h, w = crop_box(height, width, self.size)
            image = image[top : top + h, left : left + w]
        elif self.fit == "pad":
            place = pad_box(height, width, self.size)
            return self._padded(resize(image, *place[2:], self.interpolation), place)
        return resize(image, *self.size, self.interpolation)

    def _padded(self, image: np.ndarray, place: tuple[int, int, int, int]) -> np.ndarray:
        assert self.size is not None
        top, left, h, w = place
        out = np.zeros((*self.size, self.channels), image.dtype)
        out[top : top + h, left : left + w] = image
        return out


def check_pixels(width: int, height: int) -> None:
    """Refuse an image that would take too much memory.

    Raises:
        ValueError: it has more than `MAX_PIXELS` pixels.
    """
    if width * height > MAX_PIXELS:
        raise ValueError(f"it must have at most {MAX_PIXELS:,} pixels, got {width} x {height}")


_MAGIC = {
    b"<!DOCTYPE": "HTML",
    b"<html": "HTML",
    b"<svg": "SVG",
    b"<?xml": "XML",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"%PDF": "PDF",
    b"PK\x03\x04": "ZIP",
    b"\0\x05\x16\x07": "AppleDouble",
    b"version https://git-lfs": "a Git LFS pointer",
}


def what_it_is(data: bytes) -> str:
    """What a file that no reader of images knows holds, by its first bytes."""
    start = data[:64].lstrip()
    known = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypavif", b"ftypmif1"):
        known = "HEIC or AVIF"
    if known:
        return f"it holds {known}"
    return "it is none of JPEG, PNG, GIF, BMP and WebP, or its beginning is damaged"
