"""Looking for mistakes in data and labels before the first step.

    arrays                     all of them, or many rows
    generators, loaders ...    the first batch, which was read anyway to learn the shapes
    validation data            what would make its results meaningless

The checks themselves know arrays and a small description of the model's outputs; here a model is
described to them. What is only suspicious becomes a warning, what cannot train as meant an error.
"""

from dataclasses import replace
from typing import Any

import jax
import numpy as np

from cornu import tree
from cornu.checks import (
    Output,
    check_classes,
    check_indices,
    check_inputs,
    check_labels,
    check_split,
)
from cornu.checks.inputs import NOT_FINITE, check_finite, check_shapes
from cornu.core.objects.registry import is_builtin
from cornu.data.source import Resident, Source
from cornu.errors import explain, value_error, warn
from cornu.findings import WARNING, Finding, error
from cornu.numeric import is_float, is_integer
from cornu.train.objective import ACCURACY, CompileLoss
from cornu.train.step import unpack_x_y_sample_weight
from cornu.train.trainable import TrainableModel
from cornu.types import Tensors


def check_data(
    model: TrainableModel, source: Source, validation: Source | None, *, nonfinite: str = "error"
) -> None:
    """Raise on the first mistake in the data, and warn of what is suspicious.

    A model with a training step of its own may mean anything by its labels, so only its inputs are
    looked at.

    Args:
        model: the model.
        source: the data to train on.
        validation: the data to validate on, or None.
        nonfinite: how serious it is if numbers are not finite: "error" or "warning".

    Raises:
        ValueError: the data do not fit the model or the loss.
    """
    outputs = describe_outputs(model)
    findings = _look_at(model, source, outputs, "")
    if validation is not None:
        found = _look_at(model, validation, outputs, "in the validation data")
        findings += [f for f in found if f.severity == "error"]
        if isinstance(source, Resident) and isinstance(validation, Resident) and outputs:
            y = unpack_x_y_sample_weight(source.arrays)[1]
            held_out = unpack_x_y_sample_weight(validation.arrays)[1]
            if y is not None and held_out is not None:
                findings += check_split(y, held_out, outputs)
    _tell(
        [
            replace(found, severity=nonfinite) if found.kind == NOT_FINITE else found
            for found in findings
        ]
    )


def _look_at(
    model: TrainableModel, source: Source, outputs: list[Output] | None, where: str
) -> list[Finding]:
    """What is wrong with the arrays of a source, or with its first batch."""
    if isinstance(source, Resident):
        data = source.arrays
    else:
        first = getattr(source, "first", None)
        if first is None:
            return []
        data = first.data
        where = where or "in the first batch"
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    shapes = input_shapes(model, x)
    exchanged = _exchanged(x, y, shapes)
    if exchanged is not None:
        return [replace(exchanged, where=where)]
    labels = len(y) if hasattr(y, "shape") else None
    findings = check_inputs(x, shapes, rescales=_rescales(model), samples=labels)
    findings = [f for found in findings if (f := _as_it_spreads(model, x, found)) is not None]
    rows = embedded_rows(model)
    if rows is not None:
        findings += check_indices(x, rows)
    if y is not None and outputs is not None:
        whole = isinstance(source, Resident) and not where
        findings += check_labels(y, outputs, sample_weight, whole=whole)
    return [replace(f, where=where) for f in findings]


def _exchanged(x: Tensors, y: Tensors, shapes: Any) -> Finding | None:
    """That x and y have changed places: y has the shape of the inputs, and x has not."""
    if not (hasattr(x, "shape") and hasattr(y, "shape")) or shapes is None:
        return None
    if not check_shapes(x, shapes) or check_shapes(y, shapes):
        return None
    return error(
        "x and y are exchanged.",
        shapes=f"x {tuple(x.shape)}, y {tuple(y.shape)}, model "
        f"{shapes[0] if isinstance(shapes, list) else shapes}",
        fix="x, y = y, x",
    )


def _as_it_spreads(model: TrainableModel, x: Tensors, finding: Finding) -> Finding | None:
    """A finding of numbers that are not finite, as serious as what the model makes of them.

    A layer may fill missing values, and a mask may hold infinite ones: nothing is wrong then. Where
    the model cannot be asked, it is a warning.
    """
    row = finding.row
    if row is None or finding.kind != NOT_FINITE:
        return finding
    if any(hasattr(leaf, "some") for leaf in tree.flatten(x)):  # rows that are made batch by batch
        return finding
    try:
        one = tree.map_structure(lambda a: np.asarray(a[row : row + 1]), x)
        outputs = jax.tree.leaves(model(one, training=False))
    except Exception:  # it is called in another way
        return replace(finding, severity=WARNING, kind="")
    return None if all(bool(np.isfinite(np.asarray(out)).all()) for out in outputs) else finding


def _tell(findings: list[Finding]) -> None:
    for finding in findings:
        if finding.severity == "error":
            raise ValueError(finding.message)
    for finding in findings:
        warn(finding.message)


def require_labels(model: TrainableModel, example: Tensors, call: str) -> None:
    """Raise if there is a loss, and nothing to compare the outputs with.

    Args:
        model: the model.
        example: the first batch `(x, ...)`.
        call: what was called, with labels.
    """
    loss = model._compiled.loss
    if loss is None or model._steps_itself or unpack_x_y_sample_weight(example)[1] is not None:
        return
    raise value_error(
        "The loss needs labels (y) to compare the outputs with, and there are none.", fix=call
    )


def columns_of(x: Tensors) -> tuple[str, ...] | None:
    """The names of the columns of a table; None of anything else."""
    columns = getattr(x, "columns", None) if hasattr(x, "to_numpy") else None
    return None if columns is None else tuple(map(str, columns))


def check_columns(x: Tensors, known: tuple[str, ...] | None, name: str = "x") -> None:
    """Raise if a table has the columns of training in another order; warn if it has others.

    Args:
        x: the data.
        known: names of the columns with which the model was trained.
        name: what to call the data.
    """
    columns = columns_of(x)
    if columns is None or known is None or columns == known or len(columns) != len(known):
        return
    if sorted(columns) == sorted(known):
        raise value_error(
            f"The columns of {name} are not in the order of training.",
            training=_shown(known),
            **{name: _shown(columns)},
            fix=f"{name} = {name}[{list(known)}]" if len(known) <= 10 else None,
        )
    other = [c for c in columns if c not in known]
    warn(
        explain(
            f"{name} has columns that the training data did not have: {_shown(other)}.",
            training=_shown(known),
        )
    )


def _shown(names: Any) -> str:
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")


def tell_nonfinite(results: Any, data: Tensors) -> None:
    """Warn where results are NaN because the data are.

    Args:
        results: outputs or metrics, as a tree.
        data: the arrays that they came from, `(x, ...)`; None if they are not at hand.
    """
    leaves = [a for a in map(np.asarray, jax.tree.leaves(results)) if is_float(a.dtype)]
    if data is None or all(bool(np.isfinite(a).all()) for a in leaves):
        return
    x, y, _ = unpack_x_y_sample_weight(data)
    found = check_finite(x, "x", labelled=y is not None) + check_finite(y, "y")
    for finding in found:
        warn(finding.message)


def check_values(model: TrainableModel, source: Source, example: Tensors) -> None:
    """Raise if data that are not trained on do not fit the model.

    They have other axes than it expects, identifiers without a row, or labels of no class.

    Args:
        model: the model.
        source: the data; all of them are looked at where they are arrays.
        example: the first batch `(x, ...)`, of arrays or of their shapes.
    """
    x = unpack_x_y_sample_weight(example)[0]
    _tell(check_shapes(x, input_shapes(model, x)))
    first = getattr(source, "first", None)
    data = source.arrays if isinstance(source, Resident) else first and first.data
    if data is None:
        return
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    rows = embedded_rows(model)
    if rows is not None:
        require_rows(x, rows)
    outputs = None if y is None or model._measures_itself else describe_outputs(model)
    if outputs is not None:
        _tell(check_classes(y, outputs, sample_weight))


def require_rows(x: Tensors, rows: Any) -> None:
    """Tell if the embeddings have no row for some identifier, or it is no whole number.

    Args:
        x: inputs.
        rows: what `embedded_rows` says.

    Raises:
        ValueError: an identifier has no row, or is missing.
    """
    _tell(check_indices(x, rows))


def embedded_rows(model: TrainableModel) -> Any:
    """For each input `(number of rows,)` of the smallest embedding that looks it up, or None.

    Nested as the inputs, with `(None,)` for one that is of whole numbers and not looked up; None if
    there are only others, or the model does not say. A layer that looks its input up in a table has
    a method `_rows_looked_up`.
    """
    struct = getattr(model, "inputs_struct", None)
    if struct is None:
        return None
    found: list[Any] = []

    def rows_of(tensor: Any) -> Any:
        found.append(_rows_for(model, tensor) or ((None,) if is_integer(tensor.dtype) else None))
        return found[-1]

    rows = tree.map_structure(rows_of, struct)
    return rows if any(found) else None


def _rows_for(model: Any, tensor: Any) -> tuple[int] | None:
    readers = [
        node for node in model._built_graph.nodes if any(t is tensor for t in node.input_tensors)
    ]
    found = []
    for node in readers:
        reader = node.operation
        if hasattr(reader, "_rows_looked_up"):
            rows = reader._rows_looked_up(*node.args, **node.kwargs)
            found += [] if rows is None else [rows]
        elif hasattr(reader, "_built_graph") and len(reader.inputs) == 1:
            found += _rows_for(reader, reader.inputs[0]) or ()
    return (min(found),) if found else None


def input_shapes(model: TrainableModel, x: Tensors) -> Any:
    """The shapes that the model expects, nested as its inputs; None if it does not say.

    A model that may take inputs of several sizes is asked about those of `x`.
    """
    struct = getattr(model, "inputs_struct", None)
    if struct is not None and hasattr(model, "_input_shape_for") and hasattr(x, "shape"):
        return model._input_shape_for(tuple(x.shape))
    return None if struct is None else tree.map_structure(lambda t: tuple(t.shape), struct)


def _rescales(model: TrainableModel) -> bool:
    """Whether the first layer that changes its inputs takes them at any scale."""
    layers = [x for x in model._flatten_layers(include_self=False) if not x._sublayers()]
    return next((x.rescales_inputs for x in layers if x.weights or x.rescales_inputs), False)


def describe_outputs(model: TrainableModel) -> list[Output] | None:
    """The outputs of a model and their losses; None if the model trains in a way of its own."""
    loss: CompileLoss | None = model._compiled.loss
    if loss is None or not loss.built or model._steps_itself:
        return None
    tensors = getattr(model, "outputs", None)
    if not tensors and len(loss.outputs) == len(loss.losses):  # a subclass: shapes are known
        return [
            Output(name, shape=shape, masked=len(shape) > 2, **_about(entry))
            for (name, shape), entry in zip(loss.outputs, loss.losses, strict=True)
        ]
    if not tensors or len(tensors) != len(loss.losses):
        return None
    accuracy = len(tensors) == 1 and _measures_accuracy(model)
    return [
        _describe(name, tensor, entry, accuracy)
        for (name, _), tensor, entry in zip(loss.outputs, tensors, loss.losses, strict=True)
    ]


def _measures_accuracy(model: TrainableModel) -> bool:
    metrics = model._compiled.metrics
    given = tree.flatten([] if metrics is None else metrics.user_metrics)
    return any(isinstance(name, str) and name.lower() in ACCURACY for name in given)


def _describe(name: str, tensor: Any, loss: Any, accuracy: bool) -> Output:
    return Output(
        name=name,
        accuracy=accuracy,
        shape=tuple(tensor.shape),
        activation=_last_activation(tensor),
        masked=tensor._keras_mask is not None,
        **_about(loss),
    )


def _about(loss: Any) -> dict[str, Any]:
    """What an `Output` tells of its loss."""
    function: Any = getattr(loss, "_function", None) or getattr(loss, "fn", None)
    return {
        "loss": function.__name__ if is_builtin(function) else None,
        "from_logits": bool(getattr(loss, "from_logits", False)),
        "ignore_class": getattr(loss, "ignore_class", None),
        "axis": getattr(loss, "axis", -1),
    }


def _last_activation(tensor: Any) -> str | None:
    """The name of the activation that made an output; None where that is not plain to see."""
    history = tensor._keras_history
    if history is None:
        return None
    return history.operation._final_activation()
