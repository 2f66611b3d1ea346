"""Cross-entropies: how surprised predicted probabilities are by the targets.

One loss a sample, from either form of the predictions:

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


def _paired(name: str, target: Any, output: Any) -> tuple[Any, Any]:
    target, output = tensor(target), to_float(output)
    same_rank = target.ndim == output.ndim
    if not same_rank or any(
        m != n for m, n in zip(target.shape, output.shape, strict=True) if _known(m, n)
    ):
        raise value_error(
            f"{name} compares arrays of one shape.",
            shapes=f"target {target.shape}, output {output.shape}",
        )
    return target.astype(output.dtype), output


def _known(*sizes: Any) -> bool:
    return all(isinstance(n, int) for n in sizes)


@op(tensors=2)
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """`-target * log(p) - (1 - target) * log(1 - p)`, element by element.

    Args:
        target: probabilities of yes, any shape.
        output: predicted probabilities in the same shape, or their logits.
        from_logits: whether `output` are logits; precise for large ones too.

    Example:

        >>> round(float(binary_crossentropy([1.0], [0.5])[0]), 4)
        0.6931
    """
    target, output = _paired("binary_crossentropy", target, output)
    if from_logits:
        return _binary_from_logits(output, target)
    return _binary(target, output, epsilon=settings.current.epsilon)


@fused(static=("epsilon",))
def _binary(target: Any, p: Any, epsilon: float) -> Any:
    p = jnp.clip(p, epsilon, 1 - epsilon)
    return -(target * jnp.log(p) + (1 - target) * jnp.log(1 - p))


@fused(static=("axis", "epsilon"))
def _log_probabilities(p: Any, axis: int, epsilon: float) -> Any:
    total = jnp.sum(p, axis, keepdims=True)
    total = jnp.where(total > 1e-12, total, 1e-12)  # nor zero, nor the NaN of inf - inf
    return jnp.log(jnp.clip(p / total, epsilon, 1 - epsilon))


@op(tensors=2, compiled=True)
def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """`-sum(target * log(p))` over the classes.

    Args:
        target: probabilities `(..., classes)`, often one-hot.
        output: predicted probabilities in the same shape, or their logits.
        from_logits: whether `output` are logits.
        axis: of the classes.

    Returns:
        `(...)`, one loss per sample.

    Example:

        >>> round(float(categorical_crossentropy([0.0, 1.0], [0.5, 0.5])), 4)
        0.6931
    """
    target, output = _paired("categorical_crossentropy", target, output)
    if not output.ndim:
        raise value_error("categorical_crossentropy needs an axis of classes.")
    if from_logits:
        return _from_logits(jnp.moveaxis(output, axis, -1), jnp.moveaxis(target, axis, -1))
    return _from_probabilities(target, output, axis=axis, epsilon=settings.current.epsilon)


@fused(static=("axis", "epsilon"))
def _from_probabilities(target: Any, p: Any, axis: int, epsilon: float) -> Any:
    return -jnp.sum(target * _log_probabilities(p, axis=axis, epsilon=epsilon), axis=axis)


_binary_from_logits = fused(crossentropy.sigmoid_crossentropy)
_from_logits = fused(crossentropy.softmax_crossentropy)
_sparse_from_logits = fused(crossentropy.sparse_softmax_crossentropy)


@op(tensors=2, compiled=True)
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """`-log(p[target])`: cross-entropy for classes given by number.

    Args:
        target: class numbers `(...)` or `(..., 1)`; a number that is no class gives NaN.
        output: predicted probabilities `(..., classes)`, or their logits.
        from_logits: whether `output` are logits.
        axis: of the classes.

    Returns:
        `(...)`, one loss per sample.

    Example:

        >>> round(float(sparse_categorical_crossentropy([1], [[0.5, 0.5]])[0]), 4)
        0.6931
    """
    target, output = tensor(target).astype("int32"), to_float(output)
    if not output.ndim:
        raise value_error("sparse_categorical_crossentropy needs an axis of classes.")
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = jnp.squeeze(target, -1)
    output = jnp.moveaxis(output, axis, -1)
    if target.ndim != output.ndim - 1 or any(
        m != n for m, n in zip(target.shape, output.shape, strict=False) if _known(m, n)
    ):
        raise value_error(
            "sparse_categorical_crossentropy takes one class number per sample.",
            shapes=f"target {target.shape}, output {output.shape}",
            fix="targets that are vectors belong to categorical_crossentropy.",
        )
    if from_logits:
        return _sparse_from_logits(output, target)
    return _sparse_from_probabilities(target, output, epsilon=settings.current.epsilon)


@fused(static=("epsilon",))
def _sparse_from_probabilities(target: Any, output: Any, epsilon: float) -> Any:
    logs = _log_probabilities(output, axis=-1, epsilon=epsilon)
    classes = lax.broadcasted_iota("int32", output.shape, output.ndim - 1)
    picked = jnp.sum(jnp.where(classes == target[..., None], logs, 0), axis=-1)
    inside = (target >= 0) & (target < output.shape[-1])
    return jnp.where(inside, -picked, jnp.nan)
