"""The objects of a model that have variables in a file, and how they are saved and loaded.

    model --walk--> (path, object) --save_own_variables--> store["layers/dense"] = [kernel, bias]
    store --plan--> Report: matched, missing, mismatched, unused --load_own_variables--> objects

Layers and optimizers have a path; metrics and seeds have none in Keras's files. What they hold is
written by `write_state` to a file of its own, which Keras does not look at.

Nothing is read before all shapes are compared. An object whose class, written by the user, reads
its variables in a way of its own (`load_own_variables`) is handed what the file declares for it.
"""

import dataclasses
import functools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from cornu.archive.safeh5 import Spec, fits, shown
from cornu.archive.stores import H5Reader, H5Writer, ShardedWriter
from cornu.archive.walk import Difference, Report, plan_load, walk
from cornu.core.graph.operation import Operation
from cornu.core.objects.configurable import Configurable
from cornu.core.objects.registry import is_builtin
from cornu.core.objects.tracking import attributes
from cornu.errors import UnsafeFileError, explain, make_error, value_error, warn
from cornu.layers.base.layer import Layer
from cornu.layers.base.own import own_weights
from cornu.metrics.metric import Metric
from cornu.numeric import is_float
from cornu.optimizers.optimizer import Optimizer
from cornu.random.seed import SeedGenerator
from cornu.storage.load_report import LoadReport
from cornu.train.trainer import Trainer

Writer = H5Writer | ShardedWriter

# What these define, every layer, model or optimizer has, so it holds nothing of its own.
_PLAIN = (Layer, Trainer, Optimizer, Operation, Configurable, object)
# The metrics of compile in the file of states, and how many numbers they may be.
_COMPILED, _MEASURED = "compiled", ("loss", "metrics", "losses")
_LARGEST_STATE = 2**22
# What is no layer: optimizers, and the metrics that Keras 2 stored too.
_APART = re.compile(r"(^|/)(\w+_)?optimizer(_\w+)?(/|$)|^metrics/")


# ---- objects and their paths ------------------------------------------------------------------


def objects_in(root: Any) -> dict[str, Any]:
    """The layers and optimizers of a model by the paths at which Keras stores them.

    Example:

        >>> from cornu.layers import Dense
        >>> list(objects_in(Dense(2)))
        ['']
    """
    found = walk(root, _attributes, lambda x: isinstance(x, (Layer, Optimizer)), _is_graph)
    return dict(found)


def _state_in(root: Any) -> dict[str, Any]:
    """The seeds and metrics of a model by paths of the same kind."""
    kinds = (Layer, SeedGenerator, Metric)
    found = walk(root, _attributes, lambda x: isinstance(x, kinds), _is_graph)
    return {path: obj for path, obj in found if not isinstance(obj, Layer)}


def _is_graph(obj: object) -> bool:
    """Whether it is a graph or a list of layers, whose layers come before other attributes."""
    return hasattr(type(obj), "inputs_struct")


def _attributes(obj: object) -> Iterator[tuple[str, Any]]:
    """An object's attributes, its class's properties included, as (name, value)."""
    found = dict(attributes(obj))
    if isinstance(obj, Trainer):
        found["layers"] = obj.layers  # type: ignore[attr-defined]
    if isinstance(obj, Layer | Optimizer):
        cls: Any = type(obj)
        for name in _properties(cls):
            try:
                found[name] = getattr(obj, name)
            except Exception:
                continue  # one that cannot be asked yet shows nothing that is not elsewhere
    return iter(found.items())


@functools.cache
def _properties(cls: type) -> list[str]:
    """Properties that a class adds to those of every layer, model or optimizer."""
    known = {name for plain in _PLAIN for name in dir(plain)}
    members = {name: m for c in reversed(cls.__mro__) for name, m in vars(c).items()}
    return [n for n, m in members.items() if isinstance(m, property) and n not in known]


# ---- writing ----------------------------------------------------------------------------------


def write_objects(root: Any, store: Writer, skip: Sequence[Any] = ()) -> None:
    """Write the variables of a model's layers and optimizer, except of `skip` and what is below.

    Raises:
        ValueError: a layer with weights has no path, because it is in a set, say.
    """
    objects = objects_in(root)
    with_path = {id(obj) for obj in objects.values()}
    for layer in root._flatten_layers():
        if id(layer) not in with_path and own_weights(layer):
            raise value_error(
                f"The weights of layer '{layer.name}' cannot be saved: it has no path.",
                fix="keep it in an attribute of the model or of a layer, or in a list, tuple "
                "or dict there; a set has no order.",
            )
    left_out = _with_all_below(skip)
    for path, obj in objects.items():
        if id(obj) not in left_out:
            store.write(path, obj.name, stored_by(obj))


def _with_all_below(objects: Sequence[Any]) -> set[int]:
    """The ids of objects and of what is stored below them."""
    return {id(below) for obj in objects for below in objects_in(obj).values()}


def _under_stored_names(objects: dict[str, Any], stored: set[str]) -> dict[str, Any]:
    """The objects at other paths that lead to them, where a file has only those.

    A class whose attribute has become another may offer it under the old name by a property.
    """
    paths = {id(obj): path for path, obj in objects.items()}
    renamed: dict[str, str] = {}
    for path, owner in objects.items():
        cls: Any = type(owner)
        for name in _properties(cls) if isinstance(owner, Layer) else ():
            place = f"{path}/{name}".lstrip("/")
            known = paths.get(id(getattr(owner, name, None)))
            if place in stored and known is not None and known not in stored:
                renamed[known] = place
    if not renamed:
        return objects

    def modern(path: str) -> str:
        for old, new in renamed.items():
            if path == old or path.startswith(f"{old}/"):
                return new + path[len(old) :]
        return path

    return {modern(path): obj for path, obj in objects.items()}


def stored_by(obj: Any) -> dict[str, Any]:
    """What an object puts into a store: key -> variable or array."""
    store: dict[str, Any] = {}
    if not isinstance(obj, Layer) or obj.built or own_weights(obj):
        obj.save_own_variables(store)
    return store


def has_state(root: Any) -> bool:
    """Whether a model holds seeds or metrics."""
    return bool(_state_in(root) or _measured(root))


def write_state(root: Any, store: Writer) -> None:
    """Write the seeds and metrics of a model, which Keras's files leave out."""
    for path, obj in _state_in(root).items():
        # Seeds have automatic names, which differ from process to process.
        name = path.rpartition("/")[2]
        store.write(path, name, [v.numpy() for v in _state_variables(obj)])
    for name, values in _measured(root).items():
        store.write(f"{_COMPILED}/{name}", name, [np.array(getattr(v, "value", v)) for v in values])


def read_state(root: Any, reader: H5Reader) -> None:
    """Restore what `write_state` wrote; what is not there or has another shape stays."""
    stored = set(reader.paths())
    for path, obj in _state_in(root).items():
        variables = _state_variables(obj)
        specs = [(v.shape, v.dtype) for v in variables]
        if path in stored and _same(specs, reader.shapes(path)):
            for variable, array in zip(variables, reader.read(path, specs), strict=True):
                variable.assign(array)
    compiled = getattr(root, "_compiled", None)
    if compiled is None:
        return
    # The metrics of compile are made when the shapes of labels are known, so these have to wait.
    measured = {n: f"{_COMPILED}/{n}" for n in _MEASURED if f"{_COMPILED}/{n}" in stored}
    size = sum(math.prod(shape) for p in measured.values() for shape, _ in reader.shapes(p))
    if size > _LARGEST_STATE:
        raise make_error(
            UnsafeFileError, f"{reader.label} holds metrics that are too large.", size=size
        )
    compiled.restore_measured({n: reader.read(p, reader.shapes(p)) for n, p in measured.items()})


def _measured(root: Any) -> dict[str, list[Any]]:
    """What the loss and the metrics of `compile` have gathered, if they have."""
    compiled = getattr(root, "_compiled", None)
    values = {} if compiled is None else compiled.measured()
    return (
        values
        if any(np.any(np.asarray(getattr(v, "value", v))) for v in values.get("loss", ()))
        else {}
    )


def _state_variables(obj: Any) -> list[Any]:
    return [obj.state] if isinstance(obj, SeedGenerator) else obj.variables


# ---- reading ----------------------------------------------------------------------------------


def read_objects(
    root: Any,
    reader: H5Reader,
    *,
    skip_mismatch: bool = False,
    skip: Sequence[Any] = (),
    fix: str | None = None,
) -> LoadReport:
    """Read the variables of a model's layers and optimizer.

    Args:
        root: built model.
        reader: store that is open for reading.
        skip_mismatch: whether to load what matches, and warn of the rest.
        skip: layers to skip, with all below them.
        fix: fix of the error if something does not match.

    Returns:
        A report of what was loaded and what was not.

    Raises:
        ValueError: variables of the model are missing or of another shape; nothing is changed.
        UnsafeFileError: the file is malicious, also with `skip_mismatch`.
    """
    stored = set(reader.paths())
    objects = _under_stored_names(objects_in(root), stored)
    left_out = _with_all_below(skip)
    skipped = {path for path, obj in objects.items() if id(obj) in left_out}
    objects = {path: obj for path, obj in objects.items() if path not in skipped}
    layers = {path: obj for path, obj in objects.items() if not isinstance(obj, Optimizer)}
    _require_built(layers, reader, stored)
    expected = {path: _expected(obj, path, reader, stored) for path, obj in layers.items()}
    report = _named(plan_load(expected, reader), layers)
    known = skipped | {path for path in objects if path not in layers}
    unused = tuple(d for d in report.unused if d.path not in known and not _APART.search(d.path))
    report = dataclasses.replace(report, unused=unused)
    if not report.complete and not skip_mismatch:
        raise report.misfit(root.name, fix)
    broken = [
        layers[path].name
        for path, where in report.matched.items()
        if not _read(layers[path], expected[path], where, reader)
    ]
    for path, layer in layers.items():
        if path not in stored and _reads_itself(layer):
            layer.load_own_variables({})  # it may have to do something else then
    if broken:
        warn(f"{reader.label} holds weights that are NaN or infinite: {', '.join(broken[:20])}.")
    if not report.complete or report.unused:
        warn(f"Not everything was loaded. {report.describe()}")
    restored = None
    for path, obj in objects.items():
        if isinstance(obj, Optimizer):
            owner = objects.get(path.rpartition("/")[0])
            done = path in stored and _read_optimizer(obj, owner, path, reader)
            if path == "optimizer":
                restored = "restored" if done else "fresh"
    return LoadReport(report, nonfinite=tuple(broken), optimizer=restored)


def _require_built(layers: Mapping[str, Any], reader: H5Reader, stored: set[str]) -> None:
    """A layer without variables would silently take nothing."""
    for path, layer in layers.items():
        waits = path in stored and not layer.built and not _reads_itself(layer)
        if waits and reader.shapes(path) and not own_weights(layer):
            raise value_error(
                f"Layer '{layer.name}' has no variables yet, so it cannot take weights.",
                file=shown(reader.shapes(path)),
                fix="build the model first: model.build(input_shape), or call it on a sample.",
            )


def _reads_itself(obj: Any) -> bool:
    """Whether its class reads variables in a way of its own: written by the user, or a lookup."""
    return getattr(obj, "_takes_stored", False) or not is_builtin(type(obj).load_own_variables)


def _expected(obj: Any, path: str, reader: H5Reader, stored: set[str]) -> list[Spec]:
    if _reads_itself(obj) and path in stored:
        return reader.shapes(path)
    values = stored_by(obj).values()
    return [(tuple(np.shape(v)), getattr(v, "dtype", None) or np.asarray(v).dtype) for v in values]


def _read(obj: Any, specs: list[Spec], path: str, reader: H5Reader) -> bool:
    """Read one object; whether all its numbers are finite."""
    arrays = reader.read(path, specs)
    keys = reader.entries(path) if _reads_itself(obj) else map(str, range(len(arrays)))
    if arrays or _reads_itself(obj):
        obj.load_own_variables(dict(zip(keys, arrays, strict=True)))
    return all(map(all_finite, arrays))


def all_finite(array: np.ndarray) -> bool:
    """Whether no number of an array is NaN or infinite.

    The sum of squares takes half the time of a look at each number; it is finite only if all are.

    Example:

        >>> all_finite(np.array([3e38, 3e38], "float32")), all_finite(np.array([1.0, np.nan]))
        (True, False)
    """
    if not is_float(array.dtype):
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        flat = array.reshape(-1)
        squares = flat @ flat if array.dtype in (np.float32, np.float64) else flat.sum()
        return bool(np.isfinite(squares)) or bool(np.isfinite(array).all())


def _read_optimizer(optimizer: Any, owner: Any, path: str, reader: H5Reader) -> bool:
    """Restore the state of the optimizer; if it does not match, warn and keep the fresh one."""
    found = reader.shapes(path)
    if len(found) > 2 and not optimizer.built and isinstance(owner, Layer) and owner.built:
        optimizer.build(owner.trainable_variables)
    if _reads_itself(optimizer):
        optimizer.load_own_variables(
            dict(zip(reader.entries(path), reader.read(path, found), strict=True))
        )
        return True
    wanted = [(v.shape, v.dtype) for v in optimizer.variables]
    # What was saved before any training has no slots: the count of steps, and maybe the rate.
    untrained = len(found) <= 2 and optimizer.built
    if _lacks_rate(optimizer, wanted, found):
        variables = [v for i, v in enumerate(optimizer.variables) if i != 1]
        for variable, array in zip(
            variables, reader.read(path, wanted[:1] + wanted[2:]), strict=True
        ):
            variable.assign(array)
        return True
    if _same(wanted[: len(found)] if untrained else wanted, found):
        arrays = reader.read(path, wanted[: len(found)])
        optimizer.load_own_variables({str(i): array for i, array in enumerate(arrays)})
        return True
    warn(
        explain(
            f"The state of optimizer '{optimizer.name}' is not loaded, so training goes on from a "
            "fresh one.",
            model=shown(wanted),
            file=shown(found),
            fix="compile with the optimizer of the saved model, and freeze the same layers before.",
        )
    )
    return False


def _lacks_rate(optimizer: Any, wanted: list[Spec], found: list[Spec]) -> bool:
    """Whether a file has all but the rate, as Keras 2 wrote it; the config has the rate.

    Optimizers with optional slots had those in another order.
    """
    has_rate = len(wanted) > 1 and wanted[1][0] == () and not getattr(optimizer, "_later_slots", ())
    return has_rate and len(found) > 2 and _same(wanted[:1] + wanted[2:], found)


def _same(expected: list[Spec], found: list[Spec]) -> bool:
    return len(expected) == len(found) and all(
        tuple(e[0]) == tuple(f[0]) and fits(jnp.dtype(f[1]), e[1])
        for e, f in zip(expected, found, strict=True)
    )


def _named(report: Report, layers: Mapping[str, Any]) -> Report:
    """The report with the layers' own names beside the paths."""

    def named(differences: tuple[Difference, ...]) -> tuple[Difference, ...]:
        return tuple(
            dataclasses.replace(d, path=f"{layers[d.path].name} ({d.path or 'the model itself'})")
            for d in differences
        )

    return dataclasses.replace(
        report, missing=named(report.missing), mismatched=named(report.mismatched)
    )
