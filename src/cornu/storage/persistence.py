"""Saving and loading of whole models.

    m.keras                 zip, stored, fixed dates     or a directory (zipped=False)
      metadata.json         which version of the format
      config.json           the architecture and the arguments of compile
      model.weights.h5      variables of layers and optimizer, at Keras's paths
      cornu.state.h5        seeds and metrics, if the model has any; Keras does not look at it
      cornu.training.json   epochs done, order of the data, history; neither
      assets/...            files of layers, such as vocabularies

    m.h5, m.hdf5            the same in one file of Keras 2's kind (`legacy.py`)

Loading does the cheap and safe things first: limits of the container, limits of the JSON, the table
of contents of the weights, code and sizes in the config (`vetting.py`). Then the model is made, in
today's grammar (`migration.py`), from names that this library or the user registered, all shapes
are compared, and only then weights are read. Saving twice gives the same bytes, and the old file
stays until the new one is complete.
"""

import json
import math
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

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
from cornu.archive.atomic import atomic_write, explained, temporary_folder
from cornu.archive.safejson import parse
from cornu.archive.safezip import write_zip
from cornu.archive.stores import H5Writer
from cornu.core.objects.blank import blank_weights
from cornu.core.objects.registry import CustomObjectScope, how_to_register
from cornu.core.objects.serialize import deserialize_keras_object, serialize_shared, unknown_names
from cornu.engine import collector
from cornu.errors import explain, trimmed, value_error, warn
from cornu.layers.preprocessing.feature_space import FeatureSpace
from cornu.storage.assets import FOLDER, load_assets, save_assets
from cornu.storage.container import (
    CONFIG,
    METADATA,
    STATE,
    TRAINING,
    WEIGHTS,
    opened,
    write_directory,
)
from cornu.storage.legacy import is_legacy_name, load_legacy, save_legacy
from cornu.storage.load_report import writer
from cornu.storage.migration import Migration, modernize
from cornu.storage.own_functions import (
    require_functions,
    warn_of_lambdas,
    with_own_functions,
)
from cornu.storage.stored_objects import (
    has_state,
    objects_in,
    read_objects,
    read_state,
    write_objects,
    write_state,
)
from cornu.storage.training_state import restore_training, training_text
from cornu.storage.vetting import bounded, loading, vet_config
from cornu.storage.weights_files import make_folder, target, unknown
from cornu.train.trainer import Trainer
from cornu.types import Config, FilePath
from cornu.version import KERAS_VERSION, __version__

if TYPE_CHECKING:
    from cornu.models.model import Model

# A file may name what these define: importing them whole enters every class in the registry.
VOCABULARY = (
    activations, constraints, dtype_policies, initializers, layers, losses, metrics, ops,
    optimizers, regularizers,
)  # fmt: skip


# ---- whole models -----------------------------------------------------------------------------


@trimmed
def save_model(
    model: Any,
    filepath: FilePath | BinaryIO,
    overwrite: bool = True,
    zipped: bool | None = None,
    **kwargs: Any,
) -> None:
    """Save architecture, weights, the arguments of `compile` and the optimizer's state.

    Args:
        model: model to save; not changed.
        filepath: path ending in `.keras`, or of a directory with `zipped=False`; or ending in
            `.h5` for the legacy format, without seeds, metrics and assets. An open binary file
            gets the content of a `.keras` file.
        overwrite: whether to replace an existing file, which is an error otherwise.
        zipped: whether to write one file rather than a directory.
        **kwargs: `include_optimizer=False`, for `.h5`, leaves out the training state.

    Raises:
        ValueError: `filepath` has another suffix, or a part of the model cannot be saved.
        FileExistsError: the file exists and `overwrite` is False.

    Example:

        >>> from cornu.models import Sequential
        >>> model = Sequential([layers.Dense(2, input_shape=(4,))])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_model(model, f"{folder}/m.keras")
        ...     load_model(f"{folder}/m.keras").count_params()
        10
    """
    if not isinstance(filepath, (str, os.PathLike)) and hasattr(filepath, "write"):
        with tempfile.TemporaryDirectory() as made:
            archive = Path(made) / "model.keras"
            save_model(model, archive, zipped=zipped, **kwargs)
            filepath.write(archive.read_bytes())
        return
    path = target(filepath, overwrite)  # type: ignore[arg-type]
    is_archive, is_legacy = path.name.endswith(".keras"), is_legacy_name(path.name)
    include_optimizer = kwargs.pop("include_optimizer", True)
    if not (include_optimizer or is_legacy):
        warn(
            "include_optimizer=False has no effect on a .keras file; use "
            "load_model(..., compile=False) instead."
        )
    if kwargs.pop("save_format", None) is not None:
        warn("save_format has no effect: the suffix of filepath selects the format.")
    if kwargs:
        raise ValueError(unknown("save", kwargs, "overwrite, zipped"))
    if is_legacy and zipped is None:
        make_folder(path.parent)
        save_legacy(model, path, include_optimizer)
        return
    if is_archive == (zipped is False):
        raise ValueError(_wrong_model_name(path, zipped))
    if not getattr(model, "built", True) and not model.weights:
        warn(f"Model '{model.name}' is not built, so the file has no weights.")
    make_folder(path.parent if is_archive else path)
    config = serialize_shared(model)
    warn_of_lambdas(config)
    texts = {METADATA: json.dumps(_metadata()), CONFIG: json.dumps(config)}
    aside = path if is_archive else path / CONFIG
    with explained(path), temporary_folder(aside) as folder:
        members: list[tuple[str, str | Path]] = list(texts.items())
        with (folder / WEIGHTS).open("wb") as file, H5Writer(file) as store:
            write_objects(model, store)
        members.append((WEIGHTS, folder / WEIGHTS))
        if has_state(model):
            with (folder / STATE).open("wb") as file, H5Writer(file) as store:
                write_state(model, store)
            members.append((STATE, folder / STATE))
        training = training_text(model)
        if training is not None:
            members.append((TRAINING, training))
        (folder / FOLDER).mkdir()
        members += save_assets(objects_in(model), folder / FOLDER)
        if is_archive:
            with atomic_write(path) as temporary:
                write_zip(temporary, members)
        else:
            write_directory(path, members)


@trimmed
def load_model(
    filepath: FilePath | BinaryIO,
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> "Model":
    """Load a model saved by `save_model` or Keras; `model.load_report` is the report.

    Args:
        filepath: a `.keras` file, a directory with the same content, an `.h5` file, or a seekable
            binary file of the first kind.
        custom_objects: dict from names to classes and functions that are neither built in nor
            registered, and from names of Lambda layers to their functions.
        compile: whether to compile as the saved model was, and restore the optimizer.
        safe_mode: whether the memory of the model is limited by the size of the weights. Code in a
            file is never run in either mode: give functions in `custom_objects`.

    Raises:
        ValueError: the file is missing or damaged, or its weights do not match its config.
        UnsafeFileError: the file asks for something that loading a model must never do.
        TypeError: a class or function is unknown.
    """
    named = isinstance(filepath, (str, os.PathLike))
    what = f"the file {os.fspath(filepath)!r}" if named else "the file"  # type: ignore[arg-type]
    collector.make_room()
    with loading(what, safe_mode=safe_mode):
        if named and is_legacy_name(os.fspath(filepath)):  # type: ignore[arg-type]
            return _load_legacy(filepath, custom_objects, compile, safe_mode)
        return _load(filepath, custom_objects, compile, safe_mode)


def _load(
    filepath: FilePath | BinaryIO,
    custom_objects: dict[str, Any] | None,
    compile: bool,
    safe_mode: bool,
) -> "Model":
    """The model of a .keras file or a directory."""
    with opened(filepath) as content:
        if CONFIG not in content.names:
            raise value_error(
                f"{content.label} is not a saved model: {CONFIG} is missing.",
                fix="for a file of weights, make the model and call load_weights.",
            )
        where = f"{CONFIG} of {content.label[0].lower()}{content.label[1:]}"
        config = parse(content.read(CONFIG), what=where)
        if not compile:
            _drop_compile(config)
        with content.weights() as reader:
            sizes = [math.prod(s) for path in reader.paths() for s, _ in reader.shapes(path)]
            stored = sum(sizes)
            bounded(stored, len(sizes))
            with blank_weights():
                model, migration = _made(config, where, stored, custom_objects, safe_mode)
                report = read_objects(
                    model, reader, fix="the file is incomplete; get it from its source again."
                )
            if report.optimizer == "fresh" and "optimizer" not in reader.paths():
                warn(
                    f"{content.label} holds no state of the optimizer; training goes on from a "
                    "fresh one."
                )
        if STATE in content.names:
            with content.store(STATE) as reader:
                read_state(model, reader)
        if TRAINING in content.names:
            what = where.replace(CONFIG, TRAINING, 1)
            restore_training(model, parse(content.read(TRAINING), what=what), what)
        load_assets(objects_in(model), content.names, content.copy, content.read)
        metadata = parse(content.read(METADATA)) if METADATA in content.names else None
    model.load_report = report.told(
        written_by=writer(metadata),
        migrated=tuple(migration.notes),
        lost=tuple(migration.lost),
    )
    return model


def _made(
    config: Config,
    what: str,
    stored: int | None,
    custom_objects: dict[str, Any] | None,
    safe_mode: bool = True,
) -> tuple[Any, Migration]:
    """A model of a config: vetted as it is written, and as it is after migration."""
    replaced = with_own_functions(config, custom_objects)
    vet_config(config, what=what, stored=stored)
    with CustomObjectScope(custom_objects or {}):
        config, migration = modernize(config)
    migration.notes[:0] = replaced
    vet_config(config, what=what, stored=stored)
    require_functions(config, what)
    try:
        model = deserialize_keras_object(config, custom_objects, safe_mode=safe_mode)
    except TypeError as error:
        with CustomObjectScope(custom_objects or {}):
            names = unknown_names(config)
        if len(names) < 2:
            raise
        raise TypeError(_all_unknown(what, names)) from error
    if not isinstance(model, Trainer | FeatureSpace):
        raise value_error(f"{what} must describe a model, got a {type(model).__name__}.")
    if migration.lost:
        warn(
            f"{what} has settings unknown to this version, which are left out: "
            + "; ".join(migration.lost[:20])
        )
    return model, migration


def _all_unknown(what: str, unknown: list[tuple[str, str]]) -> str:
    """The message for several names: who registers one after the other would meet it each time."""
    return explain(
        f"{what} has {len(unknown)} unknown classes and functions.",
        unknown=", ".join(f"{kind} {name!r}" for kind, name in unknown),
        fix="register them before loading:\n" + how_to_register([name for _, name in unknown]),
    )


def _load_legacy(
    filepath: Any, custom_objects: dict[str, Any] | None, compile: bool, safe_mode: bool
) -> Any:
    """The model of an .h5 file."""

    def build(config: Config, what: str, stored: int, arrays: int) -> tuple[Any, Migration]:
        bounded(stored, arrays)
        return _made(config, what, stored, custom_objects, safe_mode)

    with blank_weights():
        return load_legacy(filepath, build, custom_objects, compile)


@trimmed
def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> "Model":
    """A model of the architecture that `to_json` wrote, with new weights.

    Raises:
        UnsafeFileError: the text has code, or is malicious.

    Example:

        >>> from cornu.models import Sequential
        >>> model = Sequential([layers.Dense(2, input_shape=(4,))])
        >>> model_from_json(model.to_json()).count_params()
        10
    """
    with loading("the JSON text", size=len(json_string)):
        config = parse(json_string, what="The JSON text")
        bounded(None)
        with blank_weights():
            return _made(config, "the JSON text", None, custom_objects)[0]


def check_saving(model: Any, filepath: FilePath) -> None:
    """Raise, before training, the error that `save_model` would raise after it.

    Raises:
        ValueError: a part of the model cannot be saved.
        OSError: `filepath` cannot be written.
    """
    path = Path(filepath)
    make_folder(path.parent)
    if not path.name.endswith(".weights.h5"):
        warn_of_lambdas(serialize_shared(model))


# ---- what they share --------------------------------------------------------------------------


def _drop_compile(config: Config) -> None:
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
    return {"keras_version": KERAS_VERSION, "cornu_version": __version__}


def _wrong_model_name(path: Path, zipped: bool | None) -> str:
    name = os.fspath(path)
    if zipped is False:
        return explain(
            f"With zipped=False, a directory, filepath cannot end in '.keras', got {name!r}."
        )
    if name.endswith(".weights.h5"):
        return explain(
            f"filepath must be that of a whole model, got a file of weights: {name!r}.",
            fix=f"model.save_weights({name!r})",
        )
    return explain(
        f"filepath must end in '.keras', got {name!r}.",
        fix=f"model.save({path.stem + '.keras'!r})",
    )


def _save_features(self: FeatureSpace, filepath: FilePath) -> None:
    """Save features, their layers and what these learned, as a `.keras` file."""
    save_model(self, filepath)


FeatureSpace.save = _save_features
