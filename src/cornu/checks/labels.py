"""Checks of labels, outputs and loss before the first step.

For each output of the model, in this order; the first error ends it:

    head      last activation, loss and from_logits belong together
    shape     the labels have the axes that the loss compares
    numbers   no NaN, classes within range, probabilities between 0 and 1

An error is something that cannot train as meant. What may be meant is a warning at most: labels of
samples with weight 0, under a mask or of the ignored class are never looked at, and losses that
are not known by name are left alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cornu import tree
from cornu.checks.inputs import infinite_finding, nan_finding, not_finite, spread_rows
from cornu.checks.outputs import (
    BINARY,
    CATEGORICAL,
    ELEMENTWISE,
    GIVE_ANYTHING,
    GIVE_PROBABILITIES,
    PROBABILITY,
    SPARSE,
    Output,
    loss_name,
)
from cornu.checks.shapes import fits
from cornu.checks.targets import check_classes_differ, check_targets
from cornu.findings import WARNING, Finding, by_severity, error, warning
from cornu.numeric import is_float
from cornu.types import Tensor, Tensors

MANY = 4_000_000  # numbers; beyond that, rows are sampled


def check_labels(
    y: Tensors,
    outputs: Sequence[Output],
    sample_weight: Tensors | None = None,
    *,
    whole: bool = False,
) -> list[Finding]:
    """All findings about labels, last activations and losses.

    Args:
        y: an array `(samples, ...)`, a list with one per output, or a dict by name of output.
        outputs: outputs of the model, in order.
        sample_weight: weights of the samples, in the same structure, or None.
        whole: whether `y` is all labels, so that a single class is a mistake.

    Returns:
        Findings, errors first; at most one error per output.

    Example:

        >>> output = Output("classes", "categorical_crossentropy", (None, 3), "softmax")
        >>> finding, = check_labels(np.array([0, 2, 1]), [output])
        >>> print(finding.message)
        categorical_crossentropy expects one-hot labels, y holds integers.
          shapes: y (3,), output (None, 3)
          fix:    loss="sparse_categorical_crossentropy"
                  or y = keras.utils.to_categorical(y, 3)
    """
    findings: list[Finding] = []
    for name, labels, weight, output in _pairs(y, outputs, sample_weight):
        found = list(_check_output(name, labels, weight, output))
        findings += found
        if whole and not any(f.severity == "error" for f in found):
            findings += check_classes_differ(name, _classes(labels, output), output)
    return by_severity(findings)


def check_classes(
    y: Tensors, outputs: Sequence[Output], sample_weight: Tensors | None = None
) -> list[Finding]:
    """Errors about class indices: not integers, or out of range.

    For labels of an evaluation, which need no other check.

    Args:
        y: labels, as in `check_labels`.
        outputs: outputs of the model, in order.
        sample_weight: weights of the samples, in the same structure, or None.

    Example:

        >>> output = Output("classes", "sparse_categorical_crossentropy", (None, 3), "softmax")
        >>> print(check_classes(np.array([0, 3]), [output])[0].message.splitlines()[0])
        Labels contain 3, but the model has 3 outputs (0..2).
    """
    findings: list[Finding] = []
    if any(loss_name(output.loss) in SPARSE for output in outputs):
        for name, labels, weight, output in _pairs(y, outputs, sample_weight):
            loss = loss_name(output.loss)
            if loss not in SPARSE or not labels.size or labels.dtype.kind not in "biuf":
                continue
            last = output.axis in (-1, len(output.shape) - 1)
            if last and not any(_check_shape(loss, name, labels, output)):
                findings += _check_numbers(loss, name, labels, weight, output)
    return [finding for finding in findings if finding.severity == "error"]


def check_split(y: Tensors, y_validation: Tensors, outputs: Sequence[Output]) -> list[Finding]:
    """Warn about classes that (almost) only the validation data have, as with sorted data.

    Args:
        y: training labels, as in `check_labels`.
        y_validation: validation labels, in the same structure.
        outputs: outputs of the model, in order.
    """
    findings = []
    validation = {name: labels for name, labels, _, _ in _pairs(y_validation, outputs, None)}
    for name, labels, _, output in _pairs(y, outputs, None):
        seen, new = _classes(labels, output), _classes(validation.get(name), output)
        if not seen or not new:
            continue
        total, others = sum(new.values()), sum(seen.values())
        # rare classes may well miss the training part: only a sizable share is a mistake
        only = [
            c
            for c, n in new.items()
            if n >= 2 and n >= 0.05 * total and seen.get(c, 0) / others < 0.05 * n / total
        ]
        if only:
            shown = ", ".join(map(str, only[:10])) + (", ..." if len(only) > 10 else "")
            what = (
                f"Class {shown} of {name} appears"
                if len(only) == 1
                else (f"Classes {shown} of {name} appear")
            )
            almost = "almost " if any(c in seen for c in only) else ""
            findings.append(
                warning(
                    f"{what} {almost}only in the validation data, which are the last rows.",
                    fix='fit(..., validation_pick="stratified")',
                )
            )
    return findings


def _pairs(
    y: Tensors, outputs: Sequence[Output], weights: Tensors
) -> Iterator[tuple[str, np.ndarray, Any, Output]]:
    """Labels of each output with their name and weights; what cannot be paired is left out."""
    if _is_deep(y):
        leaves = tree.flatten_with_path(y)
        each = dict(tree.flatten_with_path(weights))
        if len(leaves) == len(outputs):
            for (path, labels), output in zip(leaves, outputs, strict=True):
                if hasattr(labels, "shape"):
                    name = "y" + "".join(f"[{step!r}]" for step in path)
                    yield name, np.asarray(labels), each.get(path), output
    elif isinstance(y, Mapping):
        for output in outputs:
            if (labels := y.get(output.name)) is not None and hasattr(labels, "shape"):
                weight = weights.get(output.name) if isinstance(weights, Mapping) else None
                yield f"y[{output.name!r}]", np.asarray(labels), weight, output
    elif isinstance(y, list | tuple):
        if len(y) != len(outputs):
            return
        for i, (labels, output) in enumerate(zip(y, outputs, strict=True)):
            if hasattr(labels, "shape"):
                one_each = isinstance(weights, list | tuple) and len(weights) == len(y)
                yield f"y[{i}]", np.asarray(labels), weights[i] if one_each else None, output
    elif hasattr(y, "shape") and len(outputs) == 1:
        yield "y", np.asarray(y), weights, outputs[0]


def _is_deep(y: Tensors) -> bool:
    """Whether labels are nested more than once."""
    return tree.is_nested(y) and any(len(path) > 1 for path, _ in tree.flatten_with_path(y))


def _check_output(name: str, y: np.ndarray, weight: Tensor, output: Output) -> Iterator[Finding]:
    loss = loss_name(output.loss)
    if loss is None or loss not in PROBABILITY | ELEMENTWISE or not y.size:
        return
    if y.dtype.kind not in "biuf" and not is_float(y.dtype):
        yield error(
            f"{name} holds {y.dtype} values, not numbers.",
            fix=f"{name} = numpy.unique({name}, return_inverse=True)[1]",
        )
        return
    if output.axis not in (-1, len(output.shape) - 1):
        return
    for check in (
        _check_head(loss, output),
        _check_shape(loss, name, y, output),
        _check_numbers(loss, name, y, weight, output),
    ):
        for finding in check:
            yield finding
            if finding.severity == "error":
                return


# ---- head: activation and loss ------------------------------------------------------------------


def _check_head(loss: str, output: Output) -> Iterator[Finding]:
    if loss not in PROBABILITY:
        return
    units, activation = output.shape[-1], output.activation
    last = f"layer {output.name!r}"
    if units == 1 and activation == "softmax" or units == 1 and loss in CATEGORICAL:
        why = (
            "softmax over a single output is always 1"
            if activation == "softmax"
            else (f"{loss} of a single output is always 0")
        )
        yield error(
            f"The model cannot learn: {why}.",
            fix=f'activation="sigmoid" in {last} and loss="binary_crossentropy"\n'
            f'or units=2, activation="softmax" in {last} and '
            'loss="sparse_categorical_crossentropy"',
        )
    elif output.from_logits and activation in GIVE_PROBABILITIES:
        yield warning(
            f"The last {last} gives probabilities ({activation}), "
            "but the loss takes logits (from_logits=True).",
            fix=f"activation=None in {last}\nor from_logits=False in the loss",
        )
    elif not output.from_logits and activation in {"linear", *GIVE_ANYTHING}:
        right = "sigmoid" if loss in BINARY or units == 1 else "softmax"
        yield warning(
            f"{loss} expects probabilities, but the last {last} has "
            + ("no activation." if activation == "linear" else f"activation {activation!r}."),
            fix=f'activation="{right}" in {last}\nor loss={_class_of(loss)}(from_logits=True)',
        )
    elif units != 1 and loss in SPARSE | CATEGORICAL and activation in {"sigmoid", "hard_sigmoid"}:
        yield warning(
            f"{loss} expects probabilities of one class out of {units}, but the last {last} has "
            f"activation {activation!r}, which gives each class its own.",
            fix=f'activation="softmax" in {last}',
        )


def _class_of(loss: str) -> str:
    """`keras.losses.BinaryCrossentropy` of `binary_crossentropy`."""
    return "keras.losses." + "".join(part.capitalize() for part in loss.split("_"))


# ---- shape --------------------------------------------------------------------------------------


def _check_shape(loss: str, name: str, y: np.ndarray, output: Output) -> Iterator[Finding]:
    want, have = output.shape[1:], y.shape[1:]
    shapes = f"{name} {y.shape}, output {output.shape}"
    if not want:
        return
    units = want[-1]
    # integer labels: the axes of the output without the classes, or 1 in their place
    as_integers = fits(have, want[:-1]) or (have[-1:] == (1,) and fits(have[:-1], want[:-1]))
    if loss in SPARSE:
        if as_integers:
            return
        if fits(have, want):
            yield error(
                f"{loss} expects integer labels, {name} has one column per class.",
                shapes=shapes,
                fix=f'loss="categorical_crossentropy"\nor {name} = {name}.argmax(-1)',
            )
            return
    elif fits(have, want):
        return
    elif loss in CATEGORICAL:
        if as_integers:
            yield error(
                f"{loss} expects one-hot labels, {name} holds integers.",
                shapes=shapes,
                fix=f'loss="sparse_{loss}"\n'.replace("_focal", "")
                + f"or {name} = keras.utils.to_categorical({name}, {units})",
            )
            return
    else:
        # a last axis of 1 may be missing on either side
        if want[-1] == 1 and len(want) == len(have) + 1:
            want = want[:-1]
        elif have[-1:] == (1,) and len(have) == len(want) + 1:
            have = have[:-1]
        if fits(have, want):
            return
        single = not have or (have == (1,) and loss in BINARY)
        if as_integers and single and units is not None and units > 1:
            layer = f"layer {output.name!r}"
            classes = (
                f'one class of {units}: activation="softmax" in {layer} and '
                'loss="sparse_categorical_crossentropy"\n'
                f"several labels at once: {name} has {units} columns of 0 and 1"
            )
            numbers = f"units=1 in {layer}\nor give {name} {units} columns"
            yield error(
                f"The model gives {units} numbers for each sample, {name} one.",
                shapes=shapes,
                fix=classes if loss in BINARY else numbers,
            )
            return
        if loss in ELEMENTWISE and _stretches(have, want):
            yield warning(
                f"{name} has fewer numbers than the output; each is compared with several.",
                shapes=shapes,
                fix=f"say that it is meant: {name} = numpy.broadcast_to({name}, "
                f"{(len(y), *(1 if w is None else w for w in output.shape[1:]))})",
            )
            return
        if loss in ELEMENTWISE and _stretches(want, have):
            yield replace(_mismatch(name, y, output, shapes, sparse=False), severity=WARNING)
            return
    yield _mismatch(name, y, output, shapes, sparse=loss in SPARSE)


def _stretches(small: tuple[int | None, ...], large: tuple[int | None, ...]) -> bool:
    """Whether one shape only lacks size along axes where it has 1."""
    return len(small) == len(large) > 0 and all(
        None in (s, n) or s in (1, n) for s, n in zip(small, large, strict=True)
    )


def _mismatch(name: str, y: np.ndarray, output: Output, shapes: str, *, sparse: bool) -> Finding:
    want, have = output.shape[1:], y.shape[1:]
    if len(want) > max(len(have), 1):
        return error(
            f"The output has {len(want) + 1} axes, {name} only {y.ndim}.",
            shapes=shapes,
            fix=f"layers.Flatten() before layer {output.name!r}\n"
            "or return_sequences=False in the last recurrent layer, or a pooling layer after it",
        )
    if len(have) == len(want) and fits(have[:-1], want[:-1]):
        units = have[-1]
        if units - 1 == want[-1] and _is_hot(y) and not y[..., 0].any():
            return error(
                f"{name} has {units} columns, the model {want[-1]} outputs, and column 0 is empty: "
                "the classes begin at 1.",
                shapes=shapes,
                fix=f"{name} = {name}[..., 1:]\n"
                f"or subtract 1 before: keras.utils.to_categorical({name} - 1)",
            )
        return error(
            f"{name} has {units} column{'' if units == 1 else 's'}, "
            f"the model {want[-1]} output{'' if want[-1] == 1 else 's'}.",
            shapes=shapes,
            fix=f"units={units} in layer {output.name!r}\nor pick the right columns of {name}"
            + (f"\nfor one-hot labels: {name} = {name}.argmax(-1)" if sparse else ""),
        )
    return error(
        f"{name} and the output differ in shape.",
        shapes=shapes,
        fix=f"give {name} the shape (len({name}), {', '.join(map(str, want))}), "
        "or change the last layers of the model.",
    )


def _is_hot(y: np.ndarray) -> bool:
    """Whether each row is one 1 among zeros."""
    return bool(((y == 0) | (y == 1)).all()) and bool((y.sum(-1) == 1).all())


# ---- numbers ------------------------------------------------------------------------------------


def _check_numbers(
    loss: str, name: str, y: np.ndarray, weight: Tensor, output: Output
) -> Iterator[Finding]:
    bad = not_finite(y)
    wrong = nan_finding(name, bad) if bad.nans else infinite_finding(name, bad)
    if wrong is not None:
        yield wrong
        return
    if loss not in PROBABILITY:
        if weight is None:
            yield from check_targets(loss, name, y, output)
        return
    rows = spread_rows(y, max(MANY * len(y) // y.size, 1000))
    used = np.ones(rows.shape, dtype=bool)
    if weight is not None:
        weight = np.asarray(weight)
        if len(weight) != len(y) or weight.ndim > y.ndim:
            return
        weight = spread_rows(weight, max(MANY * len(y) // y.size, 1000))
        weight = weight.reshape(weight.shape + (1,) * (rows.ndim - weight.ndim))
        used = np.broadcast_to(weight != 0, rows.shape) if _suits(weight, rows) else used
    if output.ignore_class is not None:
        used = used & (rows != output.ignore_class)
    if loss in SPARSE:
        yield from _check_classes(name, rows, used, output)
    elif loss in BINARY:
        yield from _check_zero_one(loss, name, rows, used, output)
    elif rows.ndim > 1:
        is_hot = bool(((rows == 0) | (rows == 1)).all())
        if is_hot and int(rows.sum(-1, dtype="int64").max()) > 1:
            yield warning(
                f"Some rows of {name} have several ones, but {loss} expects one class a sample.",
                fix=f'activation="sigmoid" in layer {output.name!r} and loss="binary_crossentropy"',
            )


def _suits(weight: np.ndarray, rows: np.ndarray) -> bool:
    return all(w in (1, r) for w, r in zip(weight.shape, rows.shape, strict=True))


def _check_classes(
    name: str, rows: np.ndarray, used: np.ndarray, output: Output
) -> Iterator[Finding]:
    """Class indices: integers, and below the number of outputs."""
    if rows.dtype.kind not in "biu":
        broken = used & (rows != np.rint(rows))
        if broken.any():
            value = float(rows[broken][0])
            yield error(
                f"Labels are not whole numbers: {name} contains {value:g}.",
                fix=f"number the classes: {name} = numpy.unique({name}, return_inverse=True)[1]\n"
                f'a quantity: activation=None, units=1 in layer {output.name!r} and loss="mse"',
            )
            return
    units = output.shape[-1]
    if units is None:
        return
    outside = used & ((rows < 0) | (rows >= units))
    if not outside.any():
        return
    found = np.unique(rows[outside])
    shown = ", ".join(f"{float(v):g}" for v in found[:5]) + (", ..." if len(found) > 5 else "")
    plural = "output" if units == 1 else "outputs"
    classes = "0" if units == 1 else f"0..{units - 1}"
    lowest, highest = float(found[0]), float(found[-1])
    if units == 1 and highest <= 1:
        fix = f'activation="sigmoid" in layer {output.name!r} and loss="binary_crossentropy"\n'
        fix += f"or units=2 in layer {output.name!r}"
    elif lowest < 0:
        fix = f"number the classes from 0: {name} = {name} - {name}.min()\n"
        fix += f"leave {lowest:g} out: loss={_class_of('sparse_categorical_crossentropy')}"
        fix += f"(ignore_class={lowest:g})"
    elif lowest == units == highest and not (used & (rows == 0)).any():
        fix = f"{name} = {name} - 1"
    else:
        fix = f"units={highest + 1:.0f} in layer {output.name!r}\n"
        fix += f"or number the classes anew: {name} = numpy.unique({name}, return_inverse=True)[1]"
    # padded positions of sequences may be left out by a mask, which the labels do not show
    padding = lowest < 0 and highest < 0 and (output.masked or len(output.shape) > 2)
    say = warning if padding or output.masked else error
    whose, has = ("Labels", "the model") if name == "y" else (f"Labels of {name}", "the output")
    yield say(
        f"{whose} contain {shown}, but {has} has {units} {plural} ({classes}).",
        count=f"{int(outside.sum())} of {rows.size} labels looked at",
        fix=fix,
    )


def _check_zero_one(
    loss: str, name: str, rows: np.ndarray, used: np.ndarray, output: Output
) -> Iterator[Finding]:
    """Targets of a binary loss: between 0 and 1."""
    if rows.dtype == bool:
        return
    seen = rows if used.all() else rows[used]
    if not seen.size:
        return
    low, high = float(seen.min()), float(seen.max())
    slack = 1e-3  # of rounding
    if low >= -slack and high <= 1 + slack:
        return
    few = np.unique(spread_rows(rows)[spread_rows(used)])
    if len(few) == 2:
        fix = f'{name} = ({name} == {few[1]:g}).astype("float32")'
    elif low >= 0 and high <= 255 and rows.ndim > 1:
        fix = f'{name} = {name}.astype("float32") / 255'
    elif low >= 0 and len(few) <= 1000 and np.array_equal(few, np.rint(few)):
        fix = f'{len(few)} classes: units={high + 1:.0f}, activation="softmax" in layer '
        fix += f'{output.name!r} and loss="sparse_categorical_crossentropy"'
    else:
        fix = f'a quantity: activation=None in layer {output.name!r} and loss="mse"'
    say = warning if output.masked else error
    yield say(
        f"{loss} expects labels 0 and 1, {name} goes from {low:g} to {high:g}.",
        fix=fix,
    )


# ---- split --------------------------------------------------------------------------------------


def _classes(y: np.ndarray | None, output: Output) -> dict[int, int]:
    """Number of samples per class; empty if the labels are not one class per sample."""
    loss = loss_name(output.loss)
    if y is None or loss not in PROBABILITY or not y.size:
        return {}
    if loss in CATEGORICAL:
        if y.ndim != 2 or y.shape[1] < 2:
            return {}
        y = y.argmax(-1)
    if y.size != len(y) or y.dtype.kind not in "biuf":
        return {}
    if y.dtype.kind == "f" and not np.array_equal(y, np.rint(y)):
        return {}
    values, counts = np.unique(y, return_counts=True)
    return {int(v): int(n) for v, n in zip(values, counts, strict=True)}
