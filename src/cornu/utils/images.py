"""Single images: from a file to an image of Pillow, an array, and back into a file."""

import io
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from cornu import errors, ops
from cornu.data.decode.faults import Faults
from cornu.data.decode.images import CHANNELS, check_pixels, what_it_is
from cornu.data.decode.resample import crop_box
from cornu.errors import warn
from cornu.settings import current
from cornu.types import DType, FilePath, Tensor

if TYPE_CHECKING:
    from PIL.Image import Image

FILTERS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
_LAYOUTS = ("channels_last", "channels_first")


@errors.trimmed
def load_img(
    path: FilePath | bytes | io.BytesIO,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> "Image":
    """The image in a file, as an image of Pillow.

    Args:
        path: path of the file, or its content as `io.BytesIO`.
        color_mode: "rgb", "rgba" or "grayscale"; a gray image of 16 bits or more keeps them in
            "grayscale".
        target_size: height and width to resize to; None for the size of the image.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: whether to cut out the largest window of the aspect ratio of
            `target_size`, in the middle, instead of distorting the image.

    Raises:
        FileNotFoundError: there is no such file.
        UnreadableFileError: the file is damaged, or is no image.

    Example:

        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/image.png"
        >>> save_img(path, np.zeros((20, 30, 3)))
        >>> load_img(path, target_size=(10, 10)).size
        (10, 10)
    """
    pillow = errors.need("PIL.Image", for_="load_img", install="Pillow")
    _one_of("color_mode", color_mode, tuple(CHANNELS))
    _one_of("interpolation", interpolation, FILTERS)
    if isinstance(path, io.BytesIO):
        content, name = path.getvalue(), "the file"
    elif isinstance(path, str | bytes | os.PathLike):
        name = os.fsdecode(path)
        content = Path(name).read_bytes()
    else:
        raise errors.type_error(
            f"path must be a path or io.BytesIO, got {type(path).__name__}.",
            fix="load_img('image.jpg')",
        )
    with Faults("raise", "an image").watching(name):
        try:
            image = pillow.open(io.BytesIO(content))
        except pillow.UnidentifiedImageError:
            raise ValueError(what_it_is(content)) from None
        check_pixels(*image.size)
        wide = color_mode == "grayscale" and image.mode in ("I;16", "I")
        if image.mode != _MODES[color_mode] and not wide:
            image = image.convert(_MODES[color_mode])
        image.load()
    if target_size is None:
        return image
    height, width = target_size
    if image.size == (width, height):
        return image
    box = None
    if keep_aspect_ratio:
        top, left, h, w = crop_box(image.height, image.width, (height, width))
        box = (left, top, left + w, top + h)
    return image.resize((width, height), pillow.Resampling[interpolation.upper()], box=box)


@errors.trimmed
def img_to_array(
    img: "Image | Tensor", data_format: str | None = None, dtype: DType | None = None
) -> np.ndarray:
    """An image of Pillow as an array.

    Args:
        img: image of Pillow, or an array `(height, width)` or `(height, width, channels)`.
        data_format: "channels_last" or "channels_first"; the setting of `config` if None.
        dtype: dtype of the result; `config.floatx()` if None.

    Returns:
        `(height, width, channels)`, or `(channels, height, width)` with "channels_first".

    Example:

        >>> img_to_array(np.zeros((4, 5))).shape
        (4, 5, 1)
    """
    first = _data_format(data_format) == "channels_first"
    x = np.asarray(img, dtype=_dtype(dtype))
    if x.ndim not in (2, 3):
        raise errors.value_error(
            f"An image must have shape (height, width) or (height, width, channels), got {x.shape}."
        )
    x = x[:, :, None] if x.ndim == 2 else x  # (height, width, channels)
    return x.transpose(2, 0, 1) if first else x  # (channels, height, width)


@errors.trimmed
def array_to_img(
    x: Tensor, data_format: str | None = None, scale: bool = True, dtype: DType | None = None
) -> "Image":
    """An array as an image of Pillow.

    Args:
        x: `(height, width, channels)` with 1, 3 or 4 channels, or in the other `data_format`.
        data_format: "channels_last" or "channels_first"; the setting of `config` if None.
        scale: whether to map the smallest value to 0 and the largest one to 255. Without, values
            must be from 0 to 255; their fractions are cut off.
        dtype: dtype in which that is computed; `config.floatx()` if None.

    Example:

        >>> array_to_img(np.ones((4, 5, 3))).size
        (5, 4)
    """
    pillow = errors.need("PIL.Image", for_="array_to_img", install="Pillow")
    x = np.asarray(x, dtype=_dtype(dtype))
    if x.ndim != 3:
        raise errors.value_error(
            f"An image must have 3 axes (height, width, channels), got shape {x.shape}.",
            fix="x[0] takes the first image of a batch,\nx[..., None] adds the channel of a gray "
            "image.",
        )
    if _data_format(data_format) == "channels_first":
        x = x.transpose(1, 2, 0)  # (height, width, channels)
    if x.shape[2] not in (1, 3, 4):
        raise errors.value_error(
            f"An image must have 1, 3 or 4 channels, got shape {x.shape}.",
            fix="data_format='channels_first'" if x.shape[0] in (1, 3, 4) else None,
        )
    if scale:
        x = x - x.min()
        top = x.max()
        x = (x / top if top else x) * 255
    if x.shape[2] == 1:
        wide = x.size and x.max() > 255
        return pillow.fromarray(x[:, :, 0].astype("int32" if wide else "uint8"))
    return pillow.fromarray(x.astype("uint8"))


@errors.trimmed
def save_img(
    path: FilePath | IO[bytes],
    x: Tensor,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Save an array as an image file.

    Args:
        path: path of the file, or an open file.
        x: array; see `array_to_img`.
        data_format: "channels_last" or "channels_first"; the setting of `config` if None.
        file_format: "png", "jpeg", ...; by the ending of the path if None.
        scale: whether to map the values to 0 to 255; see `array_to_img`.
        **kwargs: options of `PIL.Image.Image.save`, such as `quality`.

    Example:

        >>> file = io.BytesIO()
        >>> save_img(file, np.zeros((4, 5, 3)), file_format="png")
        >>> file.getvalue()[1:4]
        b'PNG'
    """
    if file_format is None and isinstance(path, str | os.PathLike):
        file_format = Path(path).suffix[1:]
    if file_format is not None:
        file_format = file_format.lower().replace("jpg", "jpeg") or None
    image = array_to_img(x, data_format=data_format, scale=scale)
    if image.mode == "RGBA" and file_format == "jpeg":
        warn("JPEG has no transparency: the fourth channel is left out.")
        image = image.convert("RGB")
    image.save(path, format=file_format, **kwargs)


@errors.trimmed
def smart_resize(
    x: Tensor,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
    **kwargs: Any,
) -> Any:
    """Images in another size, cropped rather than distorted.

    The largest window of the aspect ratio of `size`, in the middle, is cut out and resized.

    Args:
        x: `(height, width, channels)` or `(batch, height, width, channels)`, or the channels first.
        size: height and width of the result.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        data_format: "channels_last" or "channels_first".
        **kwargs: `backend_module`, accepted as in Keras.

    Returns:
        A numpy array for a numpy array, else a jax array.

    Example:

        >>> smart_resize(np.zeros((340, 500, 3)), (200, 200)).shape
        (200, 200, 3)
    """
    kwargs.pop("backend_module", None)
    if kwargs:
        raise TypeError(
            errors.unknown_arguments(
                "smart_resize", kwargs, ["x", "size", "interpolation", "data_format"]
            )
        )
    if len(size) != 2:
        raise errors.value_error(f"size must be (height, width), got {size}.", fix="(224, 224)")
    image = ops.convert_to_tensor(x)
    if image.ndim not in (3, 4):
        raise errors.value_error(
            f"Images must have shape (height, width, channels) or (batch, height, width, channels),"
            f" got {tuple(image.shape)}."
        )
    rows = -3 if _data_format(data_format) == "channels_last" else -2
    height, width = image.shape[rows], image.shape[rows + 1]
    top, left, h, w = crop_box(height, width, (int(size[0]), int(size[1])))
    window = [slice(None)] * image.ndim
    window[rows], window[rows + 1] = slice(top, top + h), slice(left, left + w)
    resized = ops.image.resize(
        image[tuple(window)], tuple(size), interpolation=interpolation, data_format=data_format
    )
    return np.asarray(resized) if isinstance(x, np.ndarray) else resized


def _data_format(data_format: str | None) -> str:
    chosen = data_format or current.image_data_format
    _one_of("data_format", chosen, _LAYOUTS)
    return chosen


def _dtype(dtype: DType | None) -> Any:
    return np.dtype(current.floatx if dtype is None else dtype)


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise errors.value_error(
            f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}.",
            fix=errors.did_you_mean(str(value), allowed),
        )
