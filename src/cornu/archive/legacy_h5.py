"""The .h5 files of Keras 2, which Keras 3 still writes: whole models, or weights alone.

    /                        attributes keras_version, backend, model_config and training_config
    |                        (JSON texts)
    |- model_weights         attribute layer_names = ["h1", "dropout", ...]; the root itself has it
    |  |                     in a file of weights alone
    |  |- h1                 attribute weight_names = ["seq/h1/kernel", "seq/h1/bias"]
    |  |  '- seq/h1/kernel   datasets at those paths below the group
    |  '- top_level_model_weights         the same, for variables the model itself owns
    '- optimizer_weights     attribute weight_names, datasets below

A list of names too long for one attribute (64 KiB) goes to `layer_names0`, `layer_names1`, ...
This file knows HDF5 only: texts and arrays in order go in and out. What a config means, and which
layer of a model takes which arrays (by position, in Keras), is decided elsewhere.
"""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from cornu.archive.hdf5.writing import Writer
from cornu.archive.safeh5 import SafeH5, Source, Spec, fits, h5_writer, put, shown
from cornu.errors import UnsafeFileError, make_error, value_error

TOP_LEVEL = "top_level_model_weights"
_ATTRIBUTE_BYTES = 64_512  # an object header holds 64 KiB, some of it its own
_PARTS = 10_000


@dataclass(frozen=True)
class LegacyGroup:
    """The arrays of one layer, of the model itself, or of the optimizer.

    Attributes:
        name: name of the layer.
        weights: dict from the name of an array to its shape and dtype, in the order of the file.
    """

    name: str
    weights: Mapping[str, Spec]
    _path: str = field(repr=False)


class LegacyReader:
    """Reads a Keras 2 style .h5 file; checked like every HDF5 file before anything is read.

    Args:
        source: path, or seekable binary file that stays open.

    Attributes:
        label: name of the file in messages.
        model_config: JSON text of the architecture, or None in a file of weights.
        training_config: JSON text of the compile arguments, or None.
        keras_version, backend: version and backend of the writer, or None.
        layers: one `LegacyGroup` per layer, in order, also those without weights.
        top_level: arrays of the model itself, or None.
        optimizer: arrays of the optimizer, or None.

    Raises:
        UnsafeFileError: the file has something that no weight file needs.
        ValueError: the file is not HDF5, is damaged, or has another layout.
    """

    def __init__(self, source: Source) -> None:
        self._file = SafeH5(source)
        self.label = self._file.label
        try:
            self._read_names()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "LegacyReader":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def elements(self) -> int:
        """Number of elements of all arrays in the file together."""
        return sum(math.prod(stored.shape) for stored in self._file.datasets.values())

    def arrays(self) -> int:
        """Number of arrays in the file."""
        return len(self._file.datasets)

    def read(self, group: LegacyGroup, expected: Sequence[Spec]) -> list[np.ndarray]:
        """The arrays of a group, which must be as expected.

        Args:
            group: one of `layers`, `top_level` or `optimizer`.
            expected: shape and dtype of each array, in order.

        Returns:
            The arrays, in the expected dtypes.

        Raises:
            ValueError: their number, a shape or a kind of dtype differs; nothing is read.
        """
        pairs = list(zip(group.weights.values(), expected, strict=False))
        if len(group.weights) != len(expected) or any(
            have[0] != tuple(want[0]) or not fits(have[1], want[1]) for have, want in pairs
        ):
            raise value_error(
                f"{self._file.label} does not match {group.name!r}.",
                expected=shown(expected),
                found=shown(group.weights.values()),
            )
        return [
            self._file.array(f"{group._path}/{name}".lstrip("/"), shape, dtype)
            for name, (shape, dtype) in zip(group.weights, expected, strict=True)
        ]

    def _read_names(self) -> None:
        file = self._file
        self.model_config = file.text("", "model_config")
        self.training_config = file.text("", "training_config")
        root = "model_weights" if "model_weights" in file.groups else ""
        self.keras_version = file.text("", "keras_version") or file.text(root, "keras_version")
        self.backend = file.text("", "backend") or file.text(root, "backend")
        names = self._names(root, "layer_names")
        if names is None:
            raise value_error(
                f"{file.label} is not a Keras 2 file: it has no attribute layer_names.",
                fix="files that Keras 3 writes end in .keras or .weights.h5; rename this one "
                "if it is such a file.",
            )
        if len(set(names)) < len(names):
            raise make_error(UnsafeFileError, f"{file.label} names a layer twice.")
        self.layers = [self._group(name, _joined(root, name)) for name in names]
        top = _joined(root, TOP_LEVEL)
        self.top_level = self._group(TOP_LEVEL, top) if top in file.groups else None
        slots = "optimizer_weights"
        self.optimizer = self._group("optimizer", slots) if slots in file.groups else None

    def _group(self, name: str, path: str) -> LegacyGroup:
        if path not in self._file.groups:
            raise value_error(f"{self._file.label} has no group for the layer {name!r}.")
        weights: dict[str, Spec] = {}
        for weight in self._names(path, "weight_names") or []:
            stored = self._file.datasets.get(f"{path}/{weight}")
            if stored is None:
                raise value_error(f"{self._file.label} has no weight {weight!r} in {path!r}.")
            if weight in weights:
                raise make_error(
                    UnsafeFileError,
                    f"{self._file.label} names the weight {weight!r} twice.",
                    layer=name,
                )
            weights[weight] = (stored.shape, stored.dtype)
        return LegacyGroup(name, weights, path)

    def _names(self, path: str, attribute: str) -> list[str] | None:
        """A list of names, from one attribute or from its numbered parts."""
        whole = self._file.texts(path, attribute)
        if whole is not None:
            return whole
        parts: list[str] = []
        for i in range(_PARTS):
            part = self._file.texts(path, f"{attribute}{i}")
            if part is None:
                return parts if i else None
            parts += part
        raise make_error(UnsafeFileError, f"{self._file.label} has too many parts of {attribute}.")


def write_legacy(
    target: str | os.PathLike[str] | BinaryIO,
    layers: Iterable[tuple[str, Mapping[str, Any]]],
    *,
    top_level: Mapping[str, Any] | None = None,
    optimizer: Mapping[str, Any] | None = None,
    model_config: str | None = None,
    training_config: str | None = None,
    keras_version: str = "3.15.1",
    backend: str = "jax",
) -> None:
    """Write a Keras 2 style file, whole if it gets a `model_config`, else of weights alone.

    A path is replaced in one step when all is written.

    Args:
        target: path, or seekable binary file.
        layers: dict from layer name to arrays by weight name, in model order.
        top_level: arrays of the model itself.
        optimizer: arrays by name; only in a whole model.
        model_config: JSON text of the architecture.
        training_config: JSON text of the compile arguments.
        keras_version, backend: version and backend of the writer.

    Raises:
        ValueError: two layers have the same name, or a name is too long for an attribute.

    Example:

        >>> import io
        >>> file = io.BytesIO()
        >>> write_legacy(file, [("h1", {"h1/kernel": np.ones((4, 3), "float32")})])
        >>> with LegacyReader(file) as old:
        ...     old.layers[0].name, old.layers[0].weights
        ('h1', {'h1/kernel': ((4, 3), dtype('float32'))})
    """
    with h5_writer(target) as file:
        weights = ""
        file.attribute("", "keras_version", keras_version)
        file.attribute("", "backend", backend)
        if model_config is not None:
            weights = "model_weights"
            file.attribute("", "model_config", model_config)
            file.attribute(weights, "keras_version", keras_version)
            file.attribute(weights, "backend", backend)
        if training_config is not None:
            file.attribute("", "training_config", training_config)
        names = []
        for name, arrays in layers:
            if name in names:
                raise value_error(f"Names of layers must be unique, got {name!r} twice.")
            names.append(name)
            _write_group(file, _joined(weights, name), arrays)
        _write_names(file, weights, "layer_names", names)
        _write_group(file, _joined(weights, TOP_LEVEL), top_level or {})
        if optimizer is not None:
            _write_group(file, "optimizer_weights", optimizer)


def _write_group(file: Writer, path: str, arrays: Mapping[str, Any]) -> None:
    _write_names(file, path, "weight_names", list(arrays))
    for name, array in arrays.items():
        put(file, f"{path}/{name}", np.asarray(array))


def _write_names(file: Writer, path: str, attribute: str, names: Sequence[str]) -> None:
    """Fixed-width UTF-8, in as many parts as the limit on an attribute asks for."""
    values = np.array([n.encode() for n in names], dtype=None if names else "S1")
    if values.itemsize > _ATTRIBUTE_BYTES:
        raise value_error(f"A name of {values.itemsize} bytes does not fit an attribute.")
    parts = math.ceil(values.nbytes / _ATTRIBUTE_BYTES)
    if parts <= 1:
        file.attribute(path, attribute, values)
        return
    per_part = _ATTRIBUTE_BYTES // values.itemsize
    for i, start in enumerate(range(0, len(values), per_part)):
        file.attribute(path, f"{attribute}{i}", values[start : start + per_part])


def _joined(root: str, name: str) -> str:
    return f"{root}/{name}".lstrip("/")
