"""Saving and loading of weights.

    m.weights.h5       variables of layers and optimizer, at the paths of Keras
    m.weights.json     the same in shards, m_00000.weights.h5, ...
    m.safetensors      variables of layers, by their paths (`storage/named_weights.py`)
    m.keras            the weights of a whole model
    m.h5               the weights of a file of Keras 2's kind, whole or not; only read

What was loaded, and what was not, is told by `model.load_report` afterwards.
"""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from cornu.archive.safejson import parse
from cornu.archive.stores import H5Reader, H5Writer, ShardedWriter, open_reader
from cornu.archive.walk import REBUILD
from cornu.errors import explain, make_error, value_error
from cornu.storage.container import METADATA, is_model_file, opened
from cornu.storage.legacy import is_legacy_name, load_legacy_weights
from cornu.storage.load_report import LoadReport, writer
from cornu.storage.named_weights import load_named, save_named
from cornu.storage.stored_objects import read_objects, write_objects
from cornu.storage.vetting import loading
from cornu.types import FilePath

_ENDINGS = (".weights.h5", ".weights.json", ".safetensors", ".h5", ".hdf5")


def save_weights(
    model: Any,
    filepath: FilePath,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    **kwargs: Any,
) -> None:
    """Save the weights of a model and the state of its optimizer.

    Args:
        model: built model; not changed.
        filepath: path ending in `.weights.h5`, in `.weights.json` for sharded files, or in
            `.safetensors` for the layers only.
        overwrite: whether to replace an existing file, which is an error otherwise.
        max_shard_size: maximum size of a shard in GiB.
        **kwargs: `objects_to_skip`, a list of layers to skip, with all below them.

    Raises:
        ValueError: `filepath` has another suffix, or the model is not built.
        FileExistsError: the file exists and `overwrite` is False.
    """
    skip = kwargs.pop("objects_to_skip", None) or ()
    if kwargs:
        raise ValueError(unknown("save_weights", kwargs, "overwrite, max_shard_size"))
    path = target(filepath, overwrite)
    sharded = path.name.endswith(".weights.json")
    named = path.name.endswith(".safetensors")
    if not sharded and not named and not path.name.endswith(".weights.h5"):
        raise value_error(
            f"filepath must end in '.weights.h5', got {os.fspath(filepath)!r}.",
            fix="model.save_weights('model.weights.h5') or ('model.safetensors'), or "
            "model.save('model.keras') for the whole model.",
        )
    if max_shard_size is not None and not sharded:
        raise value_error(
            "With max_shard_size, filepath must end in '.weights.json'.",
            fix=f"model.save_weights({path.name.removesuffix('.h5') + '.json'!r}, "
            f"max_shard_size={max_shard_size})",
        )
    _require_built(model, "save")
    make_folder(path.parent)
    if named:
        save_named(model, path)
        return
    # Keras starts a new file at 10 GB where nobody says otherwise.
    with ShardedWriter(path, max_shard_size or 10) if sharded else H5Writer(path) as store:
        write_objects(model, store, skip)


def load_weights(
    model: Any,
    filepath: FilePath | BinaryIO,
    skip_mismatch: bool = False,
    **kwargs: Any,
) -> None:
    """Load the weights of a file of `save_weights`, `save_model` or Keras into a model.

    Args:
        model: built model with the structure of the saved one.
        filepath: a `.weights.h5`, `.weights.json`, `.safetensors`, `.keras` or `.h5` file, or a
            seekable binary file of the first kind.
        skip_mismatch: whether to load what matches and warn of the rest, instead of raising.
        **kwargs: `by_name=True`, for `.h5` files, to match layers by name; `objects_to_skip`, a
            list of layers to skip, with all below them.

    Raises:
        ValueError: the model is not built, or weights are missing or of another shape; the model is
            not changed.
        UnsafeFileError: the file is malicious, also with `skip_mismatch`.
    """
    by_name = kwargs.pop("by_name", False)
    skip = kwargs.pop("objects_to_skip", None) or ()
    if kwargs:
        raise ValueError(unknown("load_weights", kwargs, "skip_mismatch, by_name, objects_to_skip"))
    _require_built(model, "load")
    name = os.fspath(filepath) if isinstance(filepath, (str, os.PathLike)) else ""
    if by_name and not is_legacy_name(name):
        raise value_error(
            "by_name=True needs a legacy '.h5' file.",
            received=name or "an open file",
            fix="load_weights(..., skip_mismatch=True) loads what fits at the same place.",
        )
    if skip and (is_legacy_name(name) or name.endswith(".safetensors")):
        raise value_error(
            "objects_to_skip is not supported for this kind of file.",
            received=name,
            fix="load_weights(..., skip_mismatch=True) loads what fits.",
        )
    with loading(f"the file {name!r}" if name else "the file"):
        report = _read(model, filepath, name, by_name, skip_mismatch, skip)
    model.load_report = report


def _read(
    model: Any,
    filepath: Any,
    name: str,
    by_name: bool,
    skip_mismatch: bool,
    skip: Sequence[Any],
) -> LoadReport:
    if is_legacy_name(name):
        return load_legacy_weights(model, filepath, by_name=by_name, skip_mismatch=skip_mismatch)
    if name.endswith(".safetensors"):
        return load_named(model, filepath, skip_mismatch=skip_mismatch)
    return _load(model, filepath, skip_mismatch, skip)


def _load(
    model: Any, filepath: FilePath | BinaryIO, skip_mismatch: bool, skip: Sequence[Any]
) -> LoadReport:
    written_by = None
    with ExitStack() as stack:
        if is_model_file(filepath):
            content = stack.enter_context(opened(filepath))
            if METADATA in content.names:
                written_by = writer(parse(content.read(METADATA), what=METADATA))
            reader = stack.enter_context(content.weights())
        else:
            reader = stack.enter_context(_weights_file(filepath))
        report = read_objects(model, reader, skip_mismatch=skip_mismatch, skip=skip, fix=REBUILD)
    return report.told(written_by=written_by)


def _require_built(model: Any, doing: str) -> None:
    if not getattr(model, "built", True):
        raise value_error(
            f"'{model.name}' is not built, so it has no weights to {doing}.",
            fix="call it on a sample, or call build(input_shape).",
        )


def _weights_file(filepath: FilePath | BinaryIO) -> H5Reader:
    if isinstance(filepath, (str, os.PathLike)):
        name = os.fspath(filepath)
        if not name.endswith((".weights.h5", ".weights.json")):
            raise value_error(
                f"filepath must end in {', '.join(_ENDINGS)} or .keras, got {name!r}.",
                fix="if it is such a file under another name, rename it.",
            )
    return open_reader(filepath)


# ---- what saving and loading of models shares with this ---------------------------------------


def target(filepath: FilePath, overwrite: bool) -> Path:
    """The path to write to, unless something is there that must stay."""
    path = Path(filepath)
    if not overwrite and path.exists():
        raise make_error(
            FileExistsError, f"{os.fspath(filepath)!r} exists.", fix="overwrite=True replaces it."
        )
    return path


def make_folder(folder: Path) -> None:
    """Make the folder to write into, where it does not exist.

    Raises:
        OSError: nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        kind = type(error) if isinstance(error, (PermissionError, NotADirectoryError)) else OSError
        raise kind(
            explain(
                f"Nothing can be written to the folder {os.fspath(folder)!r}: {error.strerror}.",
                fix="save to another folder, such as model.save('model.keras') in the present one.",
            )
        ) from error


def unknown(method: str, kwargs: dict[str, Any], known: str) -> str:
    """The message for an argument that a method does not take."""
    return explain(f"{method} takes no argument {next(iter(kwargs))!r}.", known=known)
