"""Class weights as sample weights.

    labels      0  2  1  0            {0: 1.0, 1: 5.0, 2: 2.0}
    weights    1. 2. 5. 1.

Labels are integers, `(samples,)` or with a last axis of size 1, or one-hot (or soft) rows along
the last axis.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cornu import tree
from cornu.errors import type_error, value_error, warn
from cornu.types import Tensors


def class_sample_weights(
    y: Tensors, class_weight: Mapping[int, float], *, whole: bool = True, floatx: str = "float32"
) -> np.ndarray:
    """The weight of each sample's class.

    Args:
        y: integer labels `(samples,)` or `(..., 1)`, or one-hot rows `(..., classes)`.
        class_weight: dict from class to weight; classes that are missing have weight 1.
        whole: whether `y` is the whole data set, so that a class without samples or weight gives a
            warning.
        floatx: dtype of the result.

    Returns:
        Weights of shape `(samples,)`, or `(samples, ...)` for labels with more axes.

    Raises:
        TypeError: `class_weight` is not a dict.
        ValueError: `y` is not one array.

    Example:

        >>> class_sample_weights(np.array([0, 2, 1]), {0: 1.0, 1: 5.0, 2: 2.0})
        array([1., 2., 5.], dtype=float32)
    """
    if not isinstance(class_weight, Mapping):
        raise type_error(
            f"class_weight must be a dict from class to weight, got {type(class_weight).__name__}.",
            fix="classes, counts = numpy.unique(y, return_counts=True)\n"
            "class_weight = dict(zip(classes.tolist(), len(y) / (len(classes) * counts)))"
            if isinstance(class_weight, str)
            else "class_weight = dict(enumerate(class_weight))",
        )
    if y is None or tree.is_nested(y):
        raise value_error(
            "class_weight needs one array of labels, but y is "
            + ("missing." if y is None else "several arrays."),
            fix="pass sample_weight instead.",
        )
    labels, columns = _labels(np.asarray(y))
    classes, positions = np.unique(labels, return_inverse=True)
    table = {int(c): float(w) for c, w in class_weight.items()}
    missing = [int(c) for c in classes if int(c) not in table]
    known = {int(c) for c in classes} | set(range(columns))
    surplus = sorted(set(table) - known)
    if whole and missing:
        _warn(f"class_weight has no weight for {_list(missing)}; it is 1.")
    if whole and surplus:
        _warn(f"class_weight names {_list(surplus)}, which no label has.")
    weights = np.array([table.get(int(c), 1.0) for c in classes]).astype(floatx)
    return weights[positions].reshape(labels.shape)


def weighted(data: tuple[Any, ...], class_weight: Mapping[int, float], **options: Any) -> Any:
    """`(x, y)` or `(x, y, sample_weight)` with the class weights multiplied in.

    Args:
        data: arrays of a data set or of one batch.
        class_weight: dict from class to weight.
        **options: further arguments of `class_sample_weights`.
    """
    x, y, given = (*data, None, None)[:3]
    weights = class_sample_weights(y, class_weight, **options)
    if given is None:
        return x, y, weights
    given = np.asarray(given)
    rank = max(given.ndim, weights.ndim)
    given, weights = (a.reshape(a.shape + (1,) * (rank - a.ndim)) for a in (given, weights))
    return x, y, given * weights


def _labels(y: np.ndarray) -> tuple[np.ndarray, int]:
    """Integer labels, and the number of classes if the last axis counts them (else 0)."""
    columns = 0
    if y.ndim > 1 and y.shape[-1] == 1:
        y = y[..., 0]
    elif y.ndim > 1:
        if not (y.dtype.kind in "biuf" and np.allclose(y.sum(-1), 1, atol=1e-3)):
            _warn(
                f"class_weight weighs each sample by one class, and the rows of y, of shape "
                f"{y.shape}, are not one-hot: the class is the column of the greatest number. "
                "sample_weight says the weight of each sample itself."
            )
        columns = y.shape[-1]
        y = y.argmax(-1)
    if y.dtype.kind not in "biu":
        whole = np.rint(y)
        if not np.array_equal(y, whole):
            _warn("class_weight needs integer labels, y holds other numbers; they are rounded.")
        y = whole.astype("int64")
    return y, columns


def _warn(text: str) -> None:
    warn(text)


def _list(classes: list[int]) -> str:
    shown = ", ".join(map(str, classes[:20])) + (", ..." if len(classes) > 20 else "")
    return f"class {shown}" if len(classes) == 1 else f"classes {shown or 'none'}"
