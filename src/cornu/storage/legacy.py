"""Whole-model .h5 files of Keras 2, which Keras 3 still reads and writes.

    model_config       architecture            read through `migration.py`, written as of today
    training_config    arguments of compile    "mse" and "mean_squared_error" both mean the same
    model_weights      layers with weights     by position in the model, or by names of layers
    optimizer_weights                          by position, or by kind of slot as Keras 2 wrote it

Everything is read through `archive/legacy_h5.py`, and so through the checks of `SafeH5`. Nothing is
assigned before all shapes are compared.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from cornu import losses
from cornu.archive.legacy_h5 import LegacyGroup, LegacyReader, write_legacy
from cornu.archive.safeh5 import Spec, fits, shown
from cornu.archive.safejson import parse
from cornu.archive.walk import Difference, Report, why_mismatched
from cornu.core.objects.registry import CustomObjectScope
from cornu.core.objects.serialize import serialize_shared
from cornu.errors import explain, value_error, warn
from cornu.layers.base.own import own_weights
from cornu.storage.load_report import LoadReport
from cornu.storage.migration import Migration, modern_compile
from cornu.storage.own_functions import (
    require_functions,
    warn_of_lambdas,
    with_own_functions,
)
from cornu.storage.stored_objects import all_finite
from cornu.storage.vetting import vet_config
from cornu.types import FilePath

ENDINGS = (".h5", ".hdf5")

# What Keras 2 calls the slots of an optimizer -> what they may be called here.
_SLOTS = {"m": ("momentum",), "v": ("velocity", "norm"), "vhat": ("velocity_hat",),
          "rms": ("velocity",), "mg": ("average_gradient",)}  # fmt: skip


def is_legacy_name(name: str) -> bool:
    """Whether a name is that of a file of Keras 2's kind.

    Example:

        >>> is_legacy_name("m.h5"), is_legacy_name("m.weights.h5")
        (True, False)
    """
    return name.endswith(ENDINGS) and not name.endswith(".weights.h5")


# ---- writing ----------------------------------------------------------------------------------


def save_legacy(model: Any, path: str | os.PathLike[str], include_optimizer: bool = True) -> None:
    """Save a whole model to an .h5 file that Keras 3 reads.

    Args:
        model: built model; not changed.
        path: path of the file, which is replaced atomically.
        include_optimizer: whether to write the arguments of compile and the optimizer's state.
    """
    config = serialize_shared(model)
    warn_of_lambdas(config)
    compile_config = config.pop("compile_config", None)
    optimizer = getattr(model, "optimizer", None)
    training = None
    if include_optimizer and compile_config:
        training = {k: v for k, v in compile_config.items() if k != "optimizer"}
        training["loss"] = _long_names(training.get("loss"))
        training["optimizer_config"] = compile_config.get("optimizer")
    write_legacy(
        path,
        [(layer.name, _by_path(_weights(layer))) for layer in model.layers],
        top_level=_by_path(own_weights(model)),
        optimizer=_by_path(optimizer.variables) if include_optimizer and optimizer else None,
        model_config=json.dumps(config),
        training_config=None if training is None else json.dumps(training),
    )


def _weights(layer: Any) -> list[Any]:
    """The weights of a layer and all inside it, in the order of these files."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _by_path(variables: Sequence[Any]) -> dict[str, np.ndarray]:
    """Values by the paths of variables; a path that comes again is numbered."""
    found: dict[str, np.ndarray] = {}
    for variable in variables:
        path, number = variable.path, 0
        while path in found:
            number += 1
            path = f"{variable.path}_{number}"
        found[path] = np.asarray(variable.value)
    return found


def _long_names(loss: Any) -> Any:
    """`"mse"` as `"mean_squared_error"`, which is the only one that Keras reads here."""
    if isinstance(loss, str):
        return getattr(losses.get(loss), "__name__", loss)
    if isinstance(loss, dict) and "class_name" not in loss:
        return {k: _long_names(v) for k, v in loss.items()}
    return [_long_names(v) for v in loss] if isinstance(loss, (list, tuple)) else loss


# ---- whole models -----------------------------------------------------------------------------


def load_legacy(
    filepath: FilePath,
    build: Callable[[Any, str, int, int], tuple[Any, Migration]],
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
) -> Any:
    """The model of an .h5 file, with its weights, compiled as it was.

    Args:
        filepath: a path, or a seekable binary file.
        build: function of `(config, name of the text, number of elements and arrays in the file)`
            that returns a vetted and migrated model, and what was migrated.
        custom_objects: dict from names to classes and functions.
        compile: whether to compile the model and restore the optimizer.

    Raises:
        ValueError: the file is damaged, has weights only, or they do not match.
        UnsafeFileError: the file asks for something that loading a model must never do.
    """
    with LegacyReader(filepath) as reader:
        what = f"model_config of {reader.label[0].lower()}{reader.label[1:]}"
        if reader.model_config is None:
            raise value_error(
                f"{reader.label} has weights only, no model.",
                fix="make the model and call load_weights.",
            )
        config = parse(reader.model_config, what=what)
        model, migration = build(config, what, reader.elements(), reader.arrays())
        report = _read_by_position(model, reader, skip_mismatch=False)
        report = report.told(migrated=tuple(migration.notes), lost=tuple(migration.lost))
        if compile and reader.training_config is not None:
            what = what.replace("model_config", "training_config", 1)
            training = parse(reader.training_config, what=what)
            if not isinstance(training, dict):
                raise value_error(f"{what} is not an object.")
            vet_config(training, what=what)
            with_own_functions({"compile_config": training}, custom_objects)
            training, migration = modern_compile(training, config)
            require_functions({"compile_config": training}, what)
            with CustomObjectScope(custom_objects or {}):
                model.compile_from_config(training)
            report = report.told(
                migrated=(*report.migrated, *migration.notes),
                lost=(*report.lost, *migration.lost),
                optimizer=_restore_optimizer(model.optimizer, reader),
            )
    model.load_report = report
    return model


# ---- weights ----------------------------------------------------------------------------------


def load_legacy_weights(
    model: Any, filepath: FilePath, *, by_name: bool = False, skip_mismatch: bool = False
) -> LoadReport:
    """Read the weights of an .h5 file into a model.

    Args:
        model: built model.
        filepath: path or seekable binary file of a whole model or of weights.
        by_name: whether to match layers by name instead of position, and ignore those that only
            one side has.
        skip_mismatch: whether to skip layers whose shapes differ, with a warning.

    Raises:
        ValueError: layers or shapes differ; nothing is changed then.
    """
    with LegacyReader(filepath) as reader:
        if by_name:
            return _read_by_name(model, reader, skip_mismatch)
        return _read_by_position(model, reader, skip_mismatch)


_Pair = tuple[str, list[Any], LegacyGroup]


def _read_by_position(model: Any, reader: LegacyReader, skip_mismatch: bool) -> LoadReport:
    groups = [group for group in reader.layers if group.weights]
    layers = [layer for layer in model.layers if _weights(layer)]
    if len(groups) != len(layers):
        waiting = [layer.name for layer in model.layers if not layer.built]
        fix = "build the model as the saved one was built,\nor load what has the same name: "
        fix += "load_weights(..., by_name=True)."
        if waiting:
            fix = f"build the model before: {waiting[0]!r} has no weights yet."
        raise value_error(
            f"{reader.label} has {len(groups)} layers with weights, but model '{model.name}' has "
            f"{len(layers)}.",
            file=_names(g.name for g in groups),
            model=_names(layer.name for layer in layers),
            fix=fix,
        )
    pairs = [(lay.name, _weights(lay), g) for lay, g in zip(layers, groups, strict=True)]
    return _read(model, reader, [*pairs, *_top(model, reader)], (), (), skip_mismatch)


def _read_by_name(model: Any, reader: LegacyReader, skip_mismatch: bool) -> LoadReport:
    groups = {group.name: group for group in reader.layers if group.weights}
    pairs: list[_Pair] = []
    missing = []
    for layer in model.layers:
        weights = _weights(layer)
        if layer.name in groups and weights:
            pairs.append((layer.name, weights, groups.pop(layer.name)))
        elif weights:
            why = "the file has no layer of this name."
            missing.append(Difference(layer.name, tuple(_specs(weights)), None, why))
    unused = [
        Difference(name, None, tuple(g.weights.values()), "the model has no layer of this name.")
        for name, g in groups.items()
    ]
    return _read(model, reader, [*pairs, *_top(model, reader)], missing, unused, skip_mismatch)


def _top(model: Any, reader: LegacyReader) -> list[_Pair]:
    """The variables that the model owns itself, if the file has them too."""
    own = own_weights(model)
    top = reader.top_level
    return [(model.name, own, top)] if own and top is not None and top.weights else []


def _read(
    model: Any,
    reader: LegacyReader,
    pairs: Sequence[_Pair],
    missing: Sequence[Difference],
    unused: Sequence[Difference],
    skip_mismatch: bool,
) -> LoadReport:
    """Compare all pairs, then read and assign those that fit."""
    mismatched, fitting = [], []
    for name, weights, group in pairs:
        wanted, found = _specs(weights), list(group.weights.values())
        if _same(wanted, found):
            fitting.append((name, weights, group))
        else:
            label = name if name == group.name else f"{name} ({group.name} in the file)"
            why = why_mismatched(wanted, found)
            mismatched.append(Difference(label, tuple(wanted), tuple(found), why))
    matched = {name: group.name for name, _, group in fitting}
    weights_ = Report(reader.label, matched, tuple(missing), tuple(unused), tuple(mismatched))
    if mismatched and not skip_mismatch:
        raise weights_.misfit(model.name)
    if mismatched:
        warn(f"Not everything was loaded. {weights_.describe()}")
    nonfinite = []
    for name, weights, group in fitting:
        values = reader.read(group, _specs(weights))
        for variable, value in zip(weights, values, strict=True):
            variable.assign(value)
        if not all(map(all_finite, values)):
            nonfinite.append(name)
    version = reader.keras_version
    return LoadReport(
        weights_,
        written_by=None if version is None else f"Keras {version[:40]}",
        nonfinite=tuple(nonfinite),
    )


def _specs(variables: Sequence[Any]) -> list[Spec]:
    return [(v.shape, v.dtype) for v in variables]


def _same(wanted: Sequence[Spec], found: Sequence[Spec]) -> bool:
    return len(wanted) == len(found) and all(
        tuple(w[0]) == tuple(f[0]) and fits(jnp.dtype(f[1]), w[1])
        for w, f in zip(wanted, found, strict=True)
    )


def _names(names: Any) -> str:
    some = list(names)
    return ", ".join(some[:20]) + (", ..." if len(some) > 20 else "")


# ---- optimizers -------------------------------------------------------------------------------


def _restore_optimizer(optimizer: Any, reader: LegacyReader) -> str | None:
    """Restore the state of the optimizer; if it does not match, warn and keep the fresh one."""
    group = reader.optimizer
    if optimizer is None:
        return None
    if group is None or not group.weights:
        return "fresh"
    names, found = list(group.weights), list(group.weights.values())
    if names[0].rpartition("/")[2] in ("iter:0", "iteration:0"):
        variables = _in_keras2_order(optimizer, group.weights)
    else:
        variables = list(optimizer.variables)
        if len(found) <= 2:  # saved before any training: the count of steps, and maybe the rate
            variables = variables[: len(found)]
    if variables is not None and _same(_specs(variables), found):
        values = reader.read(group, _specs(variables))
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return "restored"
    warn(
        explain(
            f"The state of optimizer '{optimizer.name}' is not loaded, so training goes on from a "
            "fresh one.",
            model=shown(_specs(optimizer.variables)),
            file=shown(found),
        )
    )
    return "fresh"


def _in_keras2_order(optimizer: Any, stored: Mapping[str, Spec]) -> list[Any] | None:
    """The optimizer's variables in the order in which Keras 2 stored them; None if unknown.

    Keras up to 2.10 calls a slot `Adam/dense/kernel/m:0` and lists all of a kind together, later
    ones `Adam/m/dense/kernel:0`, weight by weight. Within a kind the order is that of the weights.
    """
    rows = optimizer._slots
    slots = [*optimizer._declared_slots(), *optimizer._later_slots]
    counts: Counter[str] = Counter()
    variables = [optimizer.iterations]
    for name in list(stored)[1:]:
        parts = re.sub(r":\d+$", "", name).split("/")
        kinds = [parts[-1], *parts[1:2]]  # the older and the newer place of the kind
        candidates = [s for kind in kinds for s in (kind, *_SLOTS.get(kind, ())) if s in slots]
        if not candidates:
            return None
        slot = candidates[0]
        if counts[slot] >= len(rows) or slots.index(slot) >= len(rows[counts[slot]]):
            return None
        variables.append(rows[counts[slot]][slots.index(slot)])
        counts[slot] += 1
    return variables
