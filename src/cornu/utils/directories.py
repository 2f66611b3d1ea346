"""Data sets from folders of images, texts and sounds.

    main_directory/
        cats/      1.jpg  2.jpg  ...      class 0
        dogs/      1.jpg  2.jpg  ...      class 1

Which files there are, their order, labels and the split are those of Keras for the same seed. The
data sets are made of `data/folders` and `data/decode`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu import errors
from cornu.arguments import integer
from cornu.data.decode import images, sound
from cornu.data.decode.images import CHANNELS, ImageDecoder
from cornu.data.decode.sound import SoundDecoder
from cornu.data.folders.datasets import Reader
from cornu.settings import current
from cornu.types import FilePath


@errors.trimmed
def image_dataset_from_directory(
    directory: FilePath,
    labels: str | Sequence[float] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: int | tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
    *,
    decode: str = "auto",
    on_error: str = "raise",
    extensions: Sequence[str] = images.EXTENSIONS,
) -> Any:
    """A data set of the images in a folder, decoded in threads, in one size.

    Args:
        directory: path of the folder.
        labels: "inferred" for a class for each subfolder; None for no labels; or a list with a
            label for each file, in the order of their paths.
        label_mode: "int" for class indices, int32 `(batch,)`; "categorical" for one-hot vectors,
            float32 `(batch, classes)`; "binary" for 0 and 1, float32 `(batch, 1)`; None for images
            alone.
        class_names: subfolders to take, in the order of the classes; all, sorted, if None.
        color_mode: "grayscale", "rgb" or "rgba": 1, 3 or 4 channels.
        batch_size: number of images per batch; None for single images.
        image_size: height and width to which every image is resized, in pixels.
        shuffle: whether to shuffle the files, anew in each epoch; False keeps the order of paths.
        seed: seed of the order and of the split.
        validation_split: fraction of the files for validation, between 0 and 1: the last ones.
        subset: "training", "validation", or "both" for a list of the two data sets.
        interpolation: "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5",
            "gaussian" or "mitchellcubic".
        follow_links: whether to enter links to folders.
        crop_to_aspect_ratio: whether to crop images to the aspect ratio of `image_size` instead of
            distorting them.
        pad_to_aspect_ratio: whether to pad them with zeros instead.
        data_format: "channels_last" or "channels_first"; the setting of `config` if None.
        format: "tf" for a `cornu.data.Dataset`, which has the methods of `tf.data`; "grain" for a
            `grain.IterDataset`.
        verbose: whether to print the number of files and classes.
        decode: "auto" decodes large JPEG files at a fraction of their size and resizes with
            antialiasing, several times faster; "exact" gives the pixels of Keras.
        on_error: "raise" an error that names a file that cannot be read, or "skip" such files;
            they are in `skipped_files` of the data set.
        extensions: endings of the files to take.

    Returns:
        A `Dataset` of images, float32 `(batch, height, width, channels)` with values from 0 to 255,
        or of tuples of them and labels. It has `class_names` and `file_paths`. A list of two with
        `subset="both"`.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: there are no images in it, or an argument is wrong.
        UnreadableFileError: while reading: a file is damaged, or is no image.

    Example:

        >>> import tempfile, pathlib
        >>> from cornu.utils import save_img
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> for name in ("cats/1.png", "dogs/1.png", "dogs/2.png"):
        ...     (folder / name).parent.mkdir(exist_ok=True)
        ...     save_img(folder / name, np.zeros((8, 8, 3)))
        >>> data = image_dataset_from_directory(folder, image_size=(4, 6), shuffle=False)
        Found 3 files belonging to 2 classes.
        >>> for x, y in data:
        ...     print(x.shape, y, data.class_names)
        (3, 4, 6, 3) [0 1 1] ['cats', 'dogs']
    """
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise errors.value_error(
            "crop_to_aspect_ratio and pad_to_aspect_ratio cannot both be True.",
            fix="leave one of them out.",
        )
    size = _size(image_size)
    fit = "crop" if crop_to_aspect_ratio else "pad" if pad_to_aspect_ratio else "stretch"
    decoder = ImageDecoder(size, color_mode, str(interpolation).lower(), fit, decode)
    shape: tuple[int, ...] = (*size, CHANNELS[color_mode])
    first = _channels_first(data_format)
    return Reader(
        _ChannelsFirst(decoder) if first else decoder,
        "images",
        "an image",
        extensions,
        shape=(shape[-1], *size) if first else shape,
    ).datasets(
        directory, labels=labels, label_mode=label_mode, class_names=class_names,
        batch_size=batch_size, shuffle=shuffle, seed=seed, validation_split=validation_split,
        subset=subset, follow_links=follow_links, format=format, verbose=verbose,
        on_error=on_error,
    )  # fmt: skip


@errors.trimmed
def text_dataset_from_directory(
    directory: FilePath,
    labels: str | Sequence[float] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
    *,
    encoding: str = "utf-8",
    on_error: str = "raise",
    extensions: Sequence[str] = (".txt",),
) -> Any:
    """A data set of the texts in a folder, each file one text.

    Args:
        directory: path of the folder.
        labels: see `image_dataset_from_directory`.
        label_mode: see `image_dataset_from_directory`.
        class_names: see `image_dataset_from_directory`.
        batch_size: number of texts per batch; None for single texts.
        max_length: number of characters after which a text is cut; None for whole texts.
        shuffle: see `image_dataset_from_directory`.
        seed: see `image_dataset_from_directory`.
        validation_split: see `image_dataset_from_directory`.
        subset: see `image_dataset_from_directory`.
        follow_links: whether to enter links to folders.
        format: see `image_dataset_from_directory`.
        verbose: whether to print the number of files and classes.
        encoding: encoding of the files.
        on_error: "raise" an error that names a file that cannot be read, or "skip" such files.
        extensions: endings of the files to take.

    Returns:
        A `Dataset` of arrays of text `(batch,)`, or of tuples of them and labels. It has
        `class_names` and `file_paths`. A list of two with `subset="both"`.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: there are no texts in it, or an argument is wrong.
        UnreadableFileError: while reading: a file is not in this encoding.

    Example:

        >>> import tempfile, pathlib
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> for name, text in (("bad/1.txt", "boring"), ("good/1.txt", "what a film")):
        ...     (folder / name).parent.mkdir()
        ...     _ = (folder / name).write_text(text)
        >>> data = text_dataset_from_directory(folder, shuffle=False, verbose=False)
        >>> [(x.tolist(), y.tolist()) for x, y in data]
        [(['boring', 'what a film'], [0, 1])]
    """
    if max_length is not None:
        max_length = integer(max_length, "max_length")
    return Reader(
        _TextDecoder(encoding, max_length), "texts", "a text", extensions,
        stack=_texts, dtype=None,
    ).datasets(
        directory, labels=labels, label_mode=label_mode, class_names=class_names,
        batch_size=batch_size, shuffle=shuffle, seed=seed, validation_split=validation_split,
        subset=subset, follow_links=follow_links, format=format, verbose=verbose,
        on_error=on_error,
    )  # fmt: skip


@errors.trimmed
def audio_dataset_from_directory(
    directory: FilePath,
    labels: str | Sequence[float] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
    *,
    format: str = "tf",
    on_error: str = "raise",
    extensions: Sequence[str] = sound.EXTENSIONS,
) -> Any:
    """A data set of the sounds in a folder: WAV, and with the package soundfile FLAC, OGG and MP3.

    Args:
        directory: path of the folder.
        labels: see `image_dataset_from_directory`.
        label_mode: see `image_dataset_from_directory`.
        class_names: see `image_dataset_from_directory`.
        batch_size: number of sounds per batch; None for single sounds.
        sampling_rate: samples per second to which sounds are resampled; None for their own.
        output_sequence_length: number of samples per channel: longer sounds are cut, shorter ones
            end with zeros. None pads each batch to its longest sound.
        ragged: whether a batch is an array of arrays of different lengths, dtype object.
        shuffle: see `image_dataset_from_directory`.
        seed: see `image_dataset_from_directory`.
        validation_split: see `image_dataset_from_directory`.
        subset: see `image_dataset_from_directory`.
        follow_links: whether to enter links to folders.
        verbose: whether to print the number of files and classes.
        format: see `image_dataset_from_directory`.
        on_error: "raise" an error that names a file that cannot be read, or "skip" such files.
        extensions: endings of the files to take.

    Returns:
        A `Dataset` of sounds, float32 `(batch, time, channels)` with values from -1 to 1, or of
        tuples of them and labels. It has `class_names` and `file_paths`. A list of two with
        `subset="both"`.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: there are no sounds in it, or an argument is wrong.
        UnreadableFileError: while reading: a file is damaged or cut short.

    Example:

        >>> import tempfile, pathlib, wave
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> with wave.open(str(folder / "a.wav"), "wb") as file:
        ...     file.setparams((1, 2, 8000, 0, "NONE", ""))
        ...     file.writeframes(np.full(100, 16384, "<i2").tobytes())
        >>> data = audio_dataset_from_directory(folder, labels=None, output_sequence_length=120)
        Found 1 files.
        >>> [(x.shape, float(x.max())) for x in data]
        [((1, 120, 1), 0.5)]
    """
    if ragged and output_sequence_length is not None:
        raise errors.value_error(
            "ragged and output_sequence_length cannot both be given.",
            fix="leave ragged out: sounds are cut and padded to output_sequence_length.",
        )
    if sampling_rate is not None:
        sampling_rate = integer(sampling_rate, "sampling_rate")
    if output_sequence_length is not None:
        output_sequence_length = integer(output_sequence_length, "output_sequence_length")
    return Reader(
        SoundDecoder(sampling_rate, output_sequence_length), "sounds", "a sound", extensions,
        stack=_ragged if ragged else _padded,
    ).datasets(
        directory, labels=labels, label_mode=label_mode, class_names=class_names,
        batch_size=batch_size, shuffle=shuffle, seed=seed, validation_split=validation_split,
        subset=subset, follow_links=follow_links, format=format, verbose=verbose,
        on_error=on_error,
    )  # fmt: skip


# ---- images ------------------------------------------------------------------------------------


def _size(image_size: int | tuple[int, int]) -> tuple[int, int]:
    pair = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(pair) != 2:
        raise errors.value_error(
            f"image_size must be (height, width), got {image_size}.", fix="image_size=(224, 224)"
        )
    return integer(pair[0], "image_size"), integer(pair[1], "image_size")


def _channels_first(data_format: str | None) -> bool:
    chosen = data_format or current.image_data_format
    if chosen not in ("channels_last", "channels_first"):
        raise errors.value_error(
            f"data_format must be 'channels_last' or 'channels_first', got {data_format!r}.",
            fix=errors.did_you_mean(str(data_format), ["channels_last", "channels_first"]),
        )
    return chosen == "channels_first"


class _ChannelsFirst:
    def __init__(self, decoder: ImageDecoder) -> None:
        self._decoder = decoder

    def __call__(self, data: bytes) -> np.ndarray:
        return self._decoder(data).transpose(2, 0, 1)  # (channels, height, width)


# ---- texts -------------------------------------------------------------------------------------


class _TextDecoder:
    def __init__(self, encoding: str, max_length: int | None) -> None:
        self._encoding, self._max_length = encoding, max_length
        "".encode(encoding)  # LookupError now, for an encoding that Python does not know

    def __call__(self, data: bytes) -> str:
        try:
            text = data.decode(self._encoding)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"byte {error.start} is not {self._encoding}; encoding='latin-1' takes any byte"
            ) from None
        return text.removeprefix("\ufeff")[: self._max_length]


def _texts(texts: list[str]) -> np.ndarray:
    return np.array(texts, dtype=np.dtypes.StringDType())


# ---- sounds ------------------------------------------------------------------------------------


def _padded(sounds: list[np.ndarray]) -> np.ndarray:
    """The sounds in one array (batch, time, channels), with zeros after all but the longest."""
    channels = {sound.shape[1] for sound in sounds}
    if len(channels) > 1:
        raise errors.value_error(
            f"All sounds of a batch must have the same number of channels, got {sorted(channels)}.",
            fix="batch_size=None, then .map(lambda x, y: (x.mean(-1, keepdims=True), y)).",
        )
    batch = np.zeros((len(sounds), max(map(len, sounds)), *channels), np.float32)
    for row, samples in zip(batch, sounds, strict=True):
        row[: len(samples)] = samples
    return batch


def _ragged(sounds: list[np.ndarray]) -> np.ndarray:
    batch = np.empty(len(sounds), object)
    for row, samples in enumerate(sounds):
        batch[row] = samples
    return batch
