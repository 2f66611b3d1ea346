"""Cross-entropies: one loss per sample, from logits or from probabilities.

logits         -> kernels.crossentropy, which never leaves the logarithms
probabilities  -> scaled to sum one, clipped by epsilon, then the logarithm
"""

from typing import Any

import jax.numpy as jnp
from jax import lax

from cornu import settings
from cornu.core.graph.op import fused, op
from cornu.core.graph.operands import tensor, to_float
from cornu.errors import value_error
from cornu.kernels import crossentropy
from cornu.types import Tensor


def _paired(name: str, target: Tensor, output: Tensor) -> tuple[Any, Any]:
    target, output = tensor(target), to_float(output)
    same_rank = target.ndim == output.ndim
    if not same_rank or any(
        m != n for m, n in zip(target.shape, output.shape, strict=True) if _known(m, n)
    ):
        raise value_error(
            f"{name}: target and output must have the same shape.",
            shapes=f"target {target.shape}, output {output.shape}",
        )
    return target.astype(output.dtype), output


def _known(*sizes: Any) -> bool:
    return all(isinstance(n, int) for n in sizes)


@op(tensors=2)
def binary_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False) -> Tensor:
    """`-target * log(p) - (1 - target) * log(1 - p)`, element by element.

    Args:
        target: probabilities of the positive class, any shape.
        output: predicted probabilities in the same shape, or their logits.
        from_logits: whether `output` holds logits, which is more precise.

    Example:

        >>> round(float(binary_crossentropy([1.0], [0.5])[0]), 4)
        0.6931
    """
    target, output = _paired("binary_crossentropy", target, output)
    if from_logits:
        return _binary_from_logits(output, target)
    return _binary(target, output, epsilon=settings.current.epsilon)


@fused(static=("epsilon",))
def _binary(target: Tensor, p: Tensor, epsilon: float) -> Tensor:
    p = jnp.clip(p, epsilon, 1 - epsilon)
    return -(target * jnp.log(p) + (1 - target) * jnp.log(1 - p))


@fused(static=("axis", "epsilon"))
def _log_probabilities(p: Tensor, axis: int, epsilon: float) -> Tensor:
    total = jnp.sum(p, axis, keepdims=True)
    total = jnp.where(total > 1e-12, total, 1e-12)  # nor zero, nor the NaN of inf - inf
    return jnp.log(jnp.clip(p / total, epsilon, 1 - epsilon))


@op(tensors=2, compiled=True)
def categorical_crossentropy(
    target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """`-sum(target * log(p))` over the classes.

    Args:
        target: probabilities `(..., classes)`, often one-hot.
        output: predicted probabilities in the same shape, or their logits.
        from_logits: whether `output` holds logits.
        axis: axis of the classes.

    Returns:
        `(...)`, one loss per sample.

    Example:

        >>> round(float(categorical_crossentropy([0.0, 1.0], [0.5, 0.5])), 4)
        0.6931
    """
    target, output = _paired("categorical_crossentropy", target, output)
    if not output.ndim:
        raise value_error(
            "categorical_crossentropy: target and output must have an axis of classes, got scalars."
        )
    if from_logits:
        return _from_logits(jnp.moveaxis(output, axis, -1), jnp.moveaxis(target, axis, -1))
    return _from_probabilities(target, output, axis=axis, epsilon=settings.current.epsilon)


@fused(static=("axis", "epsilon"))
def _from_probabilities(target: Tensor, p: Tensor, axis: int, epsilon: float) -> Tensor:
    return -jnp.sum(target * _log_probabilities(p, axis=axis, epsilon=epsilon), axis=axis)


_binary_from_logits = fused(crossentropy.sigmoid_crossentropy)
_from_logits = fused(crossentropy.softmax_crossentropy)
_sparse_from_logits = fused(crossentropy.sparse_softmax_crossentropy)


@op(tensors=2, compiled=True)
def sparse_categorical_crossentropy(
    target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """`-log(p[target])`: cross-entropy with integer class labels.

    Args:
        target: class indices `(...)` or `(..., 1)`; an index out of range gives NaN.
        output: predicted probabilities `(..., classes)`, or their logits.
        from_logits: whether `output` holds logits.
        axis: axis of the classes.

    Returns:
        `(...)`, one loss per sample.

    Example:

        >>> round(float(sparse_categorical_crossentropy([1], [[0.5, 0.5]])[0]), 4)
        0.6931
    """
    target, output = tensor(target).astype("int32"), to_float(output)
    if not output.ndim:
        raise value_error(
            "sparse_categorical_crossentropy: output must have an axis of classes, got a scalar."
        )
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = jnp.squeeze(target, -1)
    output = jnp.moveaxis(output, axis, -1)
    if target.ndim != output.ndim - 1 or any(
        m != n for m, n in zip(target.shape, output.shape, strict=False) if _known(m, n)
    ):
        raise value_error(
            "sparse_categorical_crossentropy: target must hold one class index per sample.",
            shapes=f"target {target.shape}, output {output.shape}",
            fix="use categorical_crossentropy for one-hot targets.",
        )
    if from_logits:
        return _sparse_from_logits(output, target)
    return _sparse_from_probabilities(target, output, epsilon=settings.current.epsilon)


@fused(static=("epsilon",))
def _sparse_from_probabilities(target: Tensor, output: Tensor, epsilon: float) -> Tensor:
    logs = _log_probabilities(output, axis=-1, epsilon=epsilon)
    classes = lax.broadcasted_iota("int32", output.shape, output.ndim - 1)
    picked = jnp.sum(jnp.where(classes == target[..., None], logs, 0), axis=-1)
    inside = (target >= 0) & (target < output.shape[-1])
    return jnp.where(inside, -picked, jnp.nan)
