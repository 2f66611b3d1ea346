"""Models and weights, to files and back.

    m.keras                 zip, stored, fixed dates     or a directory (zipped=False)
      metadata.json         which version of the format
      config.json           the architecture and the arguments of compile
      model.weights.h5      variables of layers and optimizer, at Keras's paths
      cornu.state.h5        seeds and metrics, if the model has any; Keras does not look at it
      assets/...            files of layers, such as vocabularies

    m.weights.h5            the variables alone
    m.weights.json          the same in shards, m_00000.weights.h5, ...

Loading does the cheap and safe things first: limits of the container, limits of the JSON, the table
of contents of the weights, code and sizes in the config (`vetting.py`). Then the model is made from
names that this library or the user registered, all shapes are compared, and only then weights are
read. Saving twice gives the same bytes, and the old file stays until the new one is complete.
"""

import importlib.metadata
import json
import math
import os
import tempfile
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from cornu import (
    activations,
    constraints,
    dtype_policies,
    initializers,
    layers,
    losses,
    metrics,
    ops,
    optimizers,
    regularizers,
)
from cornu.archive.atomic import atomic_write
from cornu.archive.safejson import parse
from cornu.archive.safezip import write_zip
from cornu.archive.stores import H5Reader, H5Writer, ShardedWriter, open_reader
from cornu.core.serialize import deserialize_keras_object, serialize_shared
from cornu.errors import explain
from cornu.models.assets import FOLDER, load_assets, save_assets
from cornu.models.container import (
    CONFIG,
    METADATA,
    STATE,
    WEIGHTS,
    FilePath,
    is_model_file,
    opened,
    write_directory,
)
from cornu.models.stored_objects import (
    has_state,
    objects_in,
    read_objects,
    read_state,
    write_objects,
    write_state,
)
from cornu.models.vetting import vet_config
from cornu.train.trainer import Trainer

# A file may name what these define: importing them whole enters every class in the registry.
VOCABULARY = (
    activations, constraints, dtype_policies, initializers, layers, losses, metrics, ops,
    optimizers, regularizers,
)  # fmt: skip

FORMAT_VERSION = "3.15.1"  # the Keras whose files ours are like


# ---- whole models -----------------------------------------------------------------------------


def save_model(
    model: Any,
    filepath: FilePath,
    overwrite: bool = True,
    zipped: bool | None = None,
    **kwargs: Any,
) -> None:
    """Save architecture, weights, the arguments of `compile` and the optimizer's state.

    Args:
        model: what to save; it stays as it is.
        filepath: a name ending in `.keras`, or of a directory with `zipped=False`.
        overwrite: replace what is there; else that is an error.
        zipped: False writes a directory instead of one file.

    Raises:
        ValueError: the name has another ending, or a part of the model cannot be saved.
        FileExistsError: the file exists and `overwrite` is False.

    Example:

        >>> import tempfile
        >>> from cornu.models import Sequential
        >>> model = Sequential([layers.Dense(2, input_shape=(4,))])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_model(model, f"{folder}/m.keras")
        ...     load_model(f"{folder}/m.keras").count_params()
        10
    """
    if kwargs:
        raise ValueError(_unknown("save", kwargs, "overwrite, zipped"))
    path = _target(filepath, overwrite)
    is_archive = path.name.endswith(".keras")
    if is_archive == (zipped is False):
        raise ValueError(_wrong_model_name(path, zipped))
    if not getattr(model, "built", True):
        warnings.warn(
            f"Model '{model.name}' is saved before it is built, so the file holds no weights.",
            stacklevel=3,
        )
    config = serialize_shared(model)
    texts = {METADATA: json.dumps(_metadata()), CONFIG: json.dumps(config)}
    if not is_archive:
        path.mkdir(parents=True, exist_ok=True)
    beside = path.parent if is_archive else path
    with tempfile.TemporaryDirectory(prefix=".saving.", dir=beside) as made:
        folder = Path(made)
        members: list[tuple[str, str | Path]] = list(texts.items())
        with H5Writer(folder / WEIGHTS) as store:
            write_objects(model, store)
        members.append((WEIGHTS, folder / WEIGHTS))
        if has_state(model):
            with H5Writer(folder / STATE) as store:
                write_state(model, store)
            members.append((STATE, folder / STATE))
        (folder / FOLDER).mkdir()
        members += save_assets(objects_in(model), folder / FOLDER)
        if is_archive:
            with atomic_write(path) as temporary:
                write_zip(temporary, members)
        else:
            write_directory(path, members)


def load_model(
    filepath: FilePath | BinaryIO,
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """The model that `save_model` or Keras saved.

    Args:
        filepath: a `.keras` file, a directory with the same content, or a seekable binary file.
        custom_objects: name -> class or function, for what is neither built in nor registered.
        compile: compile as the saved model was, and restore the optimizer.
        safe_mode: kept for Keras's signature. Code in a file is never run, whatever it says: give
            functions by name in `custom_objects`.

    Raises:
        ValueError: there is no such file, it is damaged, or its weights do not fit its config.
        UnsafeFileError: it asks for something that loading a model must never do.
        TypeError: it names a class or function that is not known.
    """
    with opened(filepath) as content:
        if CONFIG not in content.names:
            raise ValueError(
                explain(
                    f"{content.label} is not a saved model: it has no {CONFIG}.",
                    fix="for a file of weights, make the model and call load_weights.",
                )
            )
        where = f"{CONFIG} of {content.label[0].lower()}{content.label[1:]}"
        config = parse(content.read(CONFIG), what=where)
        if not compile:
            _drop_compile(config)
        with content.weights() as reader:
            stored = sum(
                math.prod(shape) for path in reader.paths() for shape, _ in reader.shapes(path)
            )
            vet_config(config, what=where, stored=stored)
            model = deserialize_keras_object(config, custom_objects, safe_mode=safe_mode)
            if not isinstance(model, Trainer):
                raise ValueError(
                    explain(f"{where} describes a {type(model).__name__}, which is not a model.")
                )
            read_objects(model, reader, fix="the file is incomplete; get it from its source again.")
            optimizer = getattr(model, "optimizer", None)
            if optimizer is not None and "optimizer" not in reader.paths():
                warnings.warn(
                    f"{content.label} holds no state of the optimizer; training goes on from a "
                    "fresh one.",
                    stacklevel=2,
                )
        if STATE in content.names:
            with content.store(STATE) as reader:
                read_state(model, reader)
        load_assets(objects_in(model), content.names, content.copy)
    return model


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Any:
    """The model whose architecture `to_json` wrote; its weights are new.

    Raises:
        UnsafeFileError: the text holds code, or is built to do harm.

    Example:

        >>> from cornu.models import Sequential
        >>> model = Sequential([layers.Dense(2, input_shape=(4,))])
        >>> model_from_json(model.to_json()).count_params()
        10
    """
    config = parse(json_string, what="The JSON text")
    vet_config(config, what="the JSON text")
    return deserialize_keras_object(config, custom_objects)


# ---- weights ----------------------------------------------------------------------------------


def save_weights(
    model: Any,
    filepath: FilePath,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    **kwargs: Any,
) -> None:
    """Save the variables of a model's layers and of its optimizer.

    Args:
        model: built; it stays as it is.
        filepath: a name ending in `.weights.h5`, or in `.weights.json` for several files.
        overwrite: replace what is there; else that is an error.
        max_shard_size: size of one of several files, in GiB.

    Raises:
        ValueError: the name has another ending, or the model is not built.
        FileExistsError: the file exists and `overwrite` is False.
    """
    if kwargs:
        raise ValueError(_unknown("save_weights", kwargs, "overwrite, max_shard_size"))
    path = _target(filepath, overwrite)
    sharded = path.name.endswith(".weights.json")
    if not sharded and not path.name.endswith(".weights.h5"):
        raise ValueError(
            explain(
                f"A file of weights ends in '.weights.h5', got {os.fspath(filepath)!r}.",
                fix="model.save_weights('model.weights.h5'), or model.save('model.keras') for the "
                "whole model.",
            )
        )
    if max_shard_size is not None and not sharded:
        raise ValueError(
            explain(
                "Weights in several files need a name ending in '.weights.json'.",
                fix=f"model.save_weights({path.name.removesuffix('.h5') + '.json'!r}, "
                f"max_shard_size={max_shard_size})",
            )
        )
    _require_built(model, "save")
    # Keras starts a new file at 10 GB where nobody says otherwise.
    with ShardedWriter(path, max_shard_size or 10) if sharded else H5Writer(path) as store:
        write_objects(model, store)


def load_weights(
    model: Any, filepath: FilePath | BinaryIO, skip_mismatch: bool = False, **kwargs: Any
) -> None:
    """Load variables that `save_weights`, `save_model` or Keras wrote into a model.

    Args:
        model: built, with the structure of the saved one.
        filepath: a `.weights.h5`, `.weights.json` or `.keras` file, or a seekable binary file.
        skip_mismatch: load what fits and warn of the rest, instead of raising.

    Raises:
        ValueError: the model is not built, or the file lacks something that the model has, or has
            it in another shape; the model is unchanged then.
        UnsafeFileError: the file is built to do harm; `skip_mismatch` does not skip that.
    """
    if kwargs:
        raise ValueError(_unknown("load_weights", kwargs, "skip_mismatch"))
    _require_built(model, "load")
    with ExitStack() as stack:
        if is_model_file(filepath):
            reader = stack.enter_context(stack.enter_context(opened(filepath)).weights())
        else:
            reader = stack.enter_context(_weights_file(filepath))
        read_objects(
            model,
            reader,
            skip_mismatch=skip_mismatch,
            fix="build the model as the saved one was built,\n"
            "or load what fits with load_weights(..., skip_mismatch=True).",
        )


def _require_built(model: Any, doing: str) -> None:
    if not getattr(model, "built", True):
        raise ValueError(
            explain(
                f"'{model.name}' is not built, so it has no weights to {doing}.",
                fix="call it on a sample, or call build(input_shape).",
            )
        )


def _weights_file(filepath: FilePath | BinaryIO) -> H5Reader:
    if isinstance(filepath, (str, os.PathLike)):
        name = os.fspath(filepath)
        if not name.endswith((".weights.h5", ".weights.json")):
            raise ValueError(
                explain(
                    f"Weights are read from '.weights.h5', '.weights.json' and '.keras' files, got "
                    f"{name!r}.",
                    fix="if it is such a file under another name, rename it.",
                )
            )
    return open_reader(filepath)


# ---- what they share --------------------------------------------------------------------------


def _drop_compile(config: Any) -> None:
    """Take the arguments of compile out of a config, also of models inside."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                value.pop("compile_config", None)
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _metadata() -> dict[str, str]:
    """No date: two saves of one model are the same bytes."""
    return {"keras_version": FORMAT_VERSION, "cornu_version": _version()}


def _version() -> str:
    try:
        return importlib.metadata.version("cornu")
    except importlib.metadata.PackageNotFoundError:  # run from its source without an installation
        return "0"


def _target(filepath: FilePath, overwrite: bool) -> Path:
    path = Path(filepath)
    if not overwrite and path.exists():
        raise FileExistsError(
            explain(f"{os.fspath(filepath)!r} exists.", fix="overwrite=True replaces it.")
        )
    return path


def _wrong_model_name(path: Path, zipped: bool | None) -> str:
    name = os.fspath(path)
    if zipped is False:
        return explain(
            f"zipped=False writes a directory, whose name does not end in '.keras', got {name!r}."
        )
    if name.endswith(".weights.h5"):
        return explain(
            f"{name!r} is the name of a file of weights.", fix=f"model.save_weights({name!r})"
        )
    return explain(
        f"A saved model ends in '.keras', got {name!r}.",
        fix=f"model.save({path.stem + '.keras'!r}), or model.export(path) for serving.",
    )


def _unknown(method: str, kwargs: dict[str, Any], known: str) -> str:
    return explain(f"{method} takes no argument {next(iter(kwargs))!r}.", known=known)
