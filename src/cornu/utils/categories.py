"""One-hot encoding of class indices, and vectors of length 1."""

import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu import errors, ops
from cornu.core.frame import is_tracer
from cornu.types import Tensor, Tensors


def to_categorical(x: Tensor, num_classes: int | None = None) -> Any:
    """One-hot vectors of class indices: `y[..., k] = 1` where `x[...] = k`, else 0.

    The labels of the loss `categorical_crossentropy`; `sparse_categorical_crossentropy` takes
    class indices as they are.

    Args:
        x: integers from 0, any shape `(...)`; a last axis of size 1 is dropped.
        num_classes: number of classes; the largest index plus 1 if None.

    Returns:
        `(..., num_classes)`: a numpy array of float64, or for a jax array one of float32.

    Raises:
        IndexError: an index is negative, or `num_classes` or more.
        ValueError: `x` holds other values than integers, or is empty.

    Example:

        >>> to_categorical([0, 2, 1], num_classes=3)
        array([[1., 0., 0.],
               [0., 0., 1.],
               [0., 1., 0.]])
    """
    if num_classes is not None:
        num_classes = _whole(num_classes)
    if isinstance(x, jax.Array):
        return _of_jax(x, num_classes)
    labels = _class_numbers(x)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    size = _checked_size(labels, num_classes)
    categorical = np.zeros((*labels.shape, size))
    np.put_along_axis(categorical, labels[..., None], 1.0, axis=-1)
    return categorical


def normalize(x: Tensor, axis: int | tuple[int, ...] = -1, order: int | float = 2) -> Any:
    """Vectors divided by their norm; vectors of zeros stay as they are.

    Args:
        x: array of any shape.
        axis: axis along which the vectors lie.
        order: order of the norm: 1, 2 (Euclidean), or `numpy.inf`.

    Returns:
        An array of the shape of `x`: numpy for numpy, else of jax.

    Example:

        >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
        array([[0.6, 0.8],
               [0. , 0. ]])
    """
    if not isinstance(x, np.ndarray):
        return ops.nn.normalize(x, axis=axis, order=order)
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norm == 0, 1, norm)


def _of_jax(x: jax.Array, num_classes: int | None) -> jax.Array:
    if x.ndim > 1 and x.shape[-1] == 1:
        x = x[..., 0]
    if is_tracer(x):  # inside jit the numbers are not known
        if not num_classes:
            raise errors.value_error(
                "num_classes must be given inside a compiled function.",
                fix="to_categorical(x, num_classes=10)",
            )
    else:
        num_classes = _checked_size(_class_numbers(np.asarray(x)), num_classes)
    return jax.nn.one_hot(x.astype(jnp.int32), num_classes, dtype=jnp.float32)


def _whole(num_classes: int) -> int:
    try:
        return operator.index(num_classes)
    except TypeError as error:
        raise errors.type_error(f"num_classes must be an int, got {num_classes!r}.") from error


def _class_numbers(x: Tensors) -> np.ndarray:
    """`x` as int64, if it holds whole numbers, whatever their type."""
    try:
        given = np.asarray(x)
        with np.errstate(invalid="ignore"):  # NaN is reported below
            labels = given.astype(np.int64)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            errors.explain(
                "x must hold class indices.",
                received=f"{type(x).__name__} ({error})",
                fix="names, x = np.unique(x, return_inverse=True)",
            )
        ) from error
    # The conversion cuts 0.5 to 0, and NaN to anything.
    if given.dtype.kind == "f" and not (given == labels).all():
        odd = given[given != labels].ravel()[0]
        raise errors.value_error(
            f"x holds {odd}, which is not a class index.", fix="of probabilities: x = x.argmax(-1)"
        )
    return labels


def _checked_size(labels: np.ndarray, num_classes: int | None) -> int:
    """The number of classes, if all labels are below it."""
    if not num_classes:
        if labels.size == 0:
            raise errors.value_error(
                "x is empty, so num_classes must be given.", fix="to_categorical(x, num_classes=10)"
            )
        num_classes = int(labels.max()) + 1
    if num_classes < 0:
        raise errors.value_error(f"num_classes must be >= 1, got {num_classes}.")
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        low, high = int(labels.min()), int(labels.max())
        raise IndexError(
            errors.explain(
                f"x holds classes {low} to {high}, but num_classes={num_classes} allows "
                f"0 to {num_classes - 1}.",
                fix="x = x - x.min()" if low != 0 else f"num_classes={high + 1}",
            )
        )
    return num_classes
