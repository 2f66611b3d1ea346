"""Operations of neural networks.

Activations are written out where the plain formula is faster than the library's (see the comments);
convolutions, pooling, attention and cross-entropies are front doors to `cornu.kernels`, which works
with channels last. Images with channels first are transposed on the way in and out.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cornu import settings
from cornu.core import dtypes
from cornu.core.op import axes, fused, op, pair, tensor, to_float, to_floats, unary
from cornu.errors import did_you_mean, explain
from cornu.kernels import (
    attention as attention_kernel,
    conv as conv_kernel,
    crossentropy,
    depthwise,
    normalization,
    pool,
    sequence,
)

# ---- activations --------------------------------------------------------------------------------


@jax.custom_jvp
def _softplus_formula(x: jax.Array) -> jax.Array:
    # A third faster than logaddexp(x, 0) on a CPU, and exact to the last bits at both ends.
    return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


@_softplus_formula.defjvp
def _softplus_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return _softplus_formula(x), dx * jax.nn.sigmoid(x)


_stable_softplus = fused(_softplus_formula)
_softmax = fused(jax.nn.softmax, static=("axis",))
_log_softmax = fused(jax.nn.log_softmax, static=("axis",))

relu = unary(fused(jax.nn.relu), "relu", "`max(x, 0)`; its gradient at 0 is 0.")
relu6 = unary(jax.nn.relu6, "relu6", "`min(max(x, 0), 6)`.")
sigmoid = unary(jax.nn.sigmoid, "sigmoid", "`1 / (1 + exp(-x))`, in (0, 1).", floating=True)
silu = unary(jax.nn.silu, "silu", "`x * sigmoid(x)`.", floating=True)
swish = silu
softsign = unary(jax.nn.soft_sign, "softsign", "`x / (1 + abs(x))`, in (-1, 1).", floating=True)
log_sigmoid = unary(
    lambda x: -_stable_softplus(-x),
    "log_sigmoid",
    "`log(sigmoid(x))` without underflow.",
    floating=True,
)
hard_sigmoid = unary(
    jax.nn.hard_sigmoid,
    "hard_sigmoid",
    "`x / 6 + 1 / 2`, kept in [0, 1]: a sigmoid of straight lines.",
    floating=True,
)
hard_silu = unary(jax.nn.hard_silu, "hard_silu", "`x * hard_sigmoid(x)`.", floating=True)
hard_swish = hard_silu
hard_tanh = unary(
    lambda x: jnp.clip(x.astype("int32") if x.dtype == bool else x, -1, 1),
    "hard_tanh",
    "`x` kept in [-1, 1].",
)
selu = unary(
    jax.nn.selu,
    "selu",
    "`1.0507 * elu(x, 1.6733)`: keeps mean 0 and variance 1 from layer to layer.",
    floating=True,
)
tanh_shrink = unary(lambda x: x - jnp.tanh(x), "tanh_shrink", "`x - tanh(x)`.", floating=True)
sparse_plus = unary(
    jax.nn.sparse_plus,
    "sparse_plus",
    "0 below -1, `(x + 1) ** 2 / 4` up to 1, `x` above: a softplus with a flat foot.",
    floating=True,
)
sparse_sigmoid = unary(
    jax.nn.sparse_sigmoid,
    "sparse_sigmoid",
    "`(x + 1) / 2`, kept in [0, 1]: the gradient of `sparse_plus`.",
    floating=True,
)


softplus = unary(_stable_softplus, "softplus", "`log(1 + exp(x))` without overflow.", floating=True)


@op
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """`x` above zero, `negative_slope * x` below.

    Example:

        >>> leaky_relu([-1.0, 2.0]).tolist()
        [-0.20000000298023224, 2.0]
    """
    return jax.nn.leaky_relu(to_float(x), negative_slope)


@op
def elu(x: Any, alpha: float = 1.0) -> Any:
    """`x` above zero, `alpha * (exp(x) - 1)` below."""
    return jax.nn.elu(to_float(x), alpha=alpha)


@op
def celu(x: Any, alpha: float = 1.0) -> Any:
    """`x` above zero, `alpha * (exp(x / alpha) - 1)` below."""
    return jax.nn.celu(to_float(x), alpha=alpha)


@op
def gelu(x: Any, approximate: bool = True) -> Any:
    """`x * P(N <= x)` for a standard normal N.

    Args:
        x: array of any shape.
        approximate: by a tanh (True), or with the error function.

    Example:

        >>> round(float(gelu(1.0, approximate=False)), 4)
        0.8413
    """
    x = to_float(x)
    if approximate:
        return jax.nn.gelu(x, approximate=True)
    return _gelu_erf(x)


@fused
def _gelu_erf(x: Any) -> Any:
    # 1 + erf rather than erfc: three times as fast on a CPU.
    return 0.5 * x * (1 + lax.erf(x * math.sqrt(0.5)))


@op
def glu(x: Any, axis: int = -1) -> Any:
    """The first half along `axis` times the sigmoid of the second half."""
    x = to_float(x)
    if isinstance(x.shape[axis], int) and x.shape[axis] % 2:
        raise ValueError(
            explain(f"glu halves axis {axis}, whose size is odd.", received=f"x {x.shape}")
        )
    return jax.nn.glu(x, axis=axis)


@op
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` where it is further than `threshold` from zero, else 0."""
    x = to_float(x)
    return jnp.where(jnp.abs(x) > threshold, x, jnp.zeros_like(x))


@op
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` moved towards zero by `threshold`, 0 where it would cross it."""
    x = to_float(x)
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, 0))


@op
def squareplus(x: Any, b: int = 4) -> Any:
    """`(x + sqrt(x ** 2 + b)) / 2`."""
    return jax.nn.squareplus(to_float(x), b=b)


@op
def threshold(x: Any, threshold: Any, default_value: Any) -> Any:
    """`x` where it is above `threshold`, `default_value` elsewhere."""
    x = to_float(x)
    return jnp.where(x > threshold, x, jnp.asarray(default_value, x.dtype))


@op
def softmax(x: Any, axis: Any = -1) -> Any:
    """`exp(x) / sum(exp(x))` over `axis`: positive numbers that sum to one.

    Args:
        x: logits of any shape.
        axis: over which to normalize; several as a tuple, all of them if None.

    Example:

        >>> softmax([0.0, 0.0]).tolist()
        [0.5, 0.5]
    """
    return _softmax(to_float(x), axis=axes(axis))


@op
def log_softmax(x: Any, axis: Any = -1) -> Any:
    """Logarithm of `softmax`, precise where the softmax is close to 0."""
    return _log_softmax(to_float(x), axis=axes(axis))


@op
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The nearest point of the probability simplex: like softmax, with exact zeros.

    Example:

        >>> sparsemax([3.0, 1.0, 2.9]).tolist()
        [0.5499999523162842, 0.0, 0.4500000476837158]
    """
    return _sparsemax(to_float(x), axis=axis)


@fused(static=("axis",))
def _sparsemax(x: Any, axis: int) -> Any:
    ordered = jnp.flip(jnp.sort(x, axis=axis), axis=axis)
    total = jnp.cumsum(ordered, axis=axis)
    rank = lax.broadcasted_iota(x.dtype, x.shape, axis % x.ndim) + 1
    inside = 1 + rank * ordered > total
    count = jnp.sum(inside, axis=axis, keepdims=True).astype(x.dtype)
    excess = (jnp.sum(jnp.where(inside, ordered, 0), axis=axis, keepdims=True) - 1) / count
    return jnp.maximum(x - excess, 0)


# ---- classes as vectors -------------------------------------------------------------------------


@op
def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Any:
    """Indices to unit vectors; an index outside `[0, num_classes)` gives zeros.

    Args:
        x: integers of any shape `(...)`.
        num_classes: length of the new axis.
        axis: where the new axis goes; -1 is last.
        dtype: of the result, `floatx` if None.
        sparse: kept for Keras's signature; the result is dense.

    Returns:
        `(..., num_classes)` for `axis=-1`.

    Example:

        >>> one_hot([0, 2], 3).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    x = tensor(x)
    if jnp.issubdtype(x.dtype, jnp.floating):
        x = x.astype("int32")
    return jax.nn.one_hot(x, num_classes, axis=axis, dtype=dtypes.standardize_dtype(dtype))


@op
def multi_hot(
    inputs: Any,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
    **kwargs: Any,
) -> Any:
    """Sets of indices to vectors with a 1 for each index.

    Args:
        inputs: integers `(..., n)`; an index outside `[0, num_classes)` counts nowhere.
        num_classes: length of the vectors.
        axis: where the new axis goes.
        dtype: of the result, `floatx` if None.
        sparse: kept for Keras's signature; the result is dense.

    Returns:
        `(..., num_classes)`.

    Example:

        >>> multi_hot([0, 2], 4).tolist()
        [1.0, 0.0, 1.0, 0.0]
    """
    num_classes = kwargs.pop("num_tokens", num_classes)
    if num_classes is None:
        raise ValueError(explain("multi_hot needs num_classes, the length of the vectors."))
    x = tensor(inputs)
    hot = jax.nn.one_hot(x, num_classes, axis=axis, dtype=dtypes.standardize_dtype(dtype))
    return jnp.max(hot, axis=1 if x.ndim > 1 else 0)


# ---- losses -------------------------------------------------------------------------------------


def _paired(name: str, target: Any, output: Any) -> tuple[Any, Any]:
    target, output = tensor(target), to_float(output)
    same_rank = target.ndim == output.ndim
    if not same_rank or any(
        m != n for m, n in zip(target.shape, output.shape, strict=True) if _known(m, n)
    ):
        raise ValueError(
            explain(
                f"{name} compares arrays of one shape.",
                shapes=f"target {target.shape}, output {output.shape}",
            )
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
    p = p / jnp.sum(p, axis, keepdims=True)
    return jnp.log(jnp.clip(p, epsilon, 1 - epsilon))


@op(tensors=2)
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
        raise ValueError(explain("categorical_crossentropy needs an axis of classes."))
    if from_logits:
        return _from_logits(jnp.moveaxis(output, axis, -1), jnp.moveaxis(target, axis, -1))
    return _from_probabilities(target, output, axis=axis, epsilon=settings.current.epsilon)


@fused(static=("axis", "epsilon"))
def _from_probabilities(target: Any, p: Any, axis: int, epsilon: float) -> Any:
    return -jnp.sum(target * _log_probabilities(p, axis=axis, epsilon=epsilon), axis=axis)


_binary_from_logits = fused(crossentropy.sigmoid_crossentropy)
_from_logits = fused(crossentropy.softmax_crossentropy)
_sparse_from_logits = fused(crossentropy.sparse_softmax_crossentropy)


@op(tensors=2)
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
        raise ValueError(explain("sparse_categorical_crossentropy needs an axis of classes."))
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = jnp.squeeze(target, -1)
    output = jnp.moveaxis(output, axis, -1)
    if target.ndim != output.ndim - 1 or any(
        m != n for m, n in zip(target.shape, output.shape, strict=False) if _known(m, n)
    ):
        raise ValueError(
            explain(
                "sparse_categorical_crossentropy takes one class number per sample.",
                shapes=f"target {target.shape}, output {output.shape}",
                fix="targets that are vectors belong to categorical_crossentropy.",
            )
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


@op(tensors=4, file_name="CTCLoss")
def ctc_loss(
    target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0
) -> Any:
    """Connectionist temporal classification: how unlikely a label sequence is.

    Args:
        target: labels `(batch, labels)`.
        output: logits `(batch, time, classes)`.
        target_length: used labels `(batch,)`.
        output_length: used steps `(batch,)`.
        mask_index: the class that means "no label".

    Returns:
        `(batch,)`, minus the logarithm of the probability of each target.
    """
    target, output = tensor(target), to_float(output)
    if target.ndim != 2 or output.ndim != 3:
        raise ValueError(
            explain(
                "ctc_loss takes targets (batch, labels) and outputs (batch, time, classes).",
                shapes=f"target {target.shape}, output {output.shape}",
            )
        )
    return sequence.ctc_loss(
        target, output, tensor(target_length), tensor(output_length), mask_index
    )


@op(tensors=2, file_name="CTCDecode")
def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> Any:
    """Label sequences read off the outputs of a network trained with `ctc_loss`.

    Args:
        inputs: logits `(batch, time, classes)`.
        sequence_lengths: used steps `(batch,)`.
        strategy: "greedy" takes the best class of each step; "beam_search" sums over the ways to
            spell a label sequence.
        beam_width: candidates kept by the beam search.
        top_paths: how many results of the beam search.
        merge_repeated: whether a class repeated without a blank between is one label.
        mask_index: the class that means "no label".

    Returns:
        Labels `(paths, batch, time)`, filled up with -1, and scores `(batch, paths)`.
    """
    inputs = to_float(inputs)
    lengths = tensor(sequence_lengths).astype("int32")
    if strategy == "greedy":
        return sequence.ctc_greedy_decode(inputs, lengths, merge_repeated, mask_index)
    if strategy == "beam_search":
        return sequence.ctc_beam_search_decode(inputs, lengths, beam_width, top_paths, mask_index)
    raise ValueError(
        explain(
            f"ctc_decode has no strategy {strategy!r}.",
            fix=did_you_mean(strategy, ["greedy", "beam_search"]),
        )
    )


# ---- normalization ------------------------------------------------------------------------------


@op
def normalize(x: Any, axis: Any = -1, order: Any = 2, epsilon: Any = None) -> Any:
    """`x` divided by its norm along `axis`, or by `epsilon` where that is larger.

    Args:
        x: array of any shape.
        axis: the axis or axes of the vectors.
        order: of the norm: 1, 2 (Euclidean), any positive number, or `inf`.
        epsilon: smallest divisor, `config.epsilon()` if None.

    Example:

        >>> [round(v, 3) for v in normalize([3.0, 4.0]).tolist()]
        [0.6, 0.8]
    """
    if not isinstance(order, (int, float)) or order < 1:
        raise ValueError(explain(f"normalize: order is a number of at least 1, got {order!r}."))
    epsilon = settings.current.epsilon if epsilon is None else epsilon
    return _normalize(to_float(x), axis=axes(axis), order=order, epsilon=epsilon)


@fused(static=("axis", "order", "epsilon"))
def _normalize(x: Any, axis: Any, order: Any, epsilon: float) -> Any:
    if order == 2:
        # the larger of the squares under the root: the gradient at the zero vector stays finite
        squares = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
        return x * lax.rsqrt(jnp.maximum(squares, epsilon**2))
    if order == math.inf:
        size = jnp.max(jnp.abs(x), axis=axis, keepdims=True)
    else:
        powers = jnp.sum(jnp.power(jnp.abs(x), order), axis=axis, keepdims=True)
        size = jnp.power(jnp.maximum(powers, epsilon**order), 1 / order)
    return x / jnp.maximum(size, epsilon)


@op
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Mean and variance over axes, computed in float32 at least.

    Args:
        x: array of any shape.
        axes: the axis or axes.
        keepdims: whether they stay with size 1.
        synchronized: kept for Keras's signature; under sharding the moments are those of the whole.

    Example:

        >>> [float(m) for m in moments([1.0, 3.0], axes=0)]
        [2.0, 1.0]
    """
    x = to_float(x)
    axes = tuple(axes) if isinstance(axes, (list, tuple)) else axes
    mean, variance = _moments(x, axes=axes, keepdims=keepdims)
    if x.dtype == mean.dtype:
        return mean, variance
    limit = float(jnp.finfo(x.dtype).max)
    return tuple(jnp.clip(m, -limit, limit).astype(x.dtype) for m in (mean, variance))


_moments = fused(normalization.moments, static=("axes", "keepdims"))


@op(tensors=("x", "mean", "variance", "offset", "scale"), file_name="BatchNorm")
def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Any:
    """`(x - mean) / sqrt(variance + epsilon) * scale + offset` with vectors along `axis`."""
    offset, scale = (None if v is None else tensor(v) for v in (offset, scale))
    mean, variance = tensor(mean), tensor(variance)
    return _batch_norm(to_float(x), mean, variance, offset, scale, axis=axis, epsilon=epsilon)


@fused(static=("axis", "epsilon"))
def _batch_norm(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, axis: int, epsilon: float
) -> Any:
    shape = [1] * x.ndim
    shape[axis] = -1

    def along(vector: Any) -> Any:
        return vector.reshape(shape)

    # two passes over x become one: x * factor + shift, with small vectors
    factor = lax.rsqrt(along(variance) + epsilon)
    if scale is not None:
        factor = factor * along(scale)
    shift = -along(mean) * factor
    if offset is not None:
        shift = shift + along(offset)
    return (x * factor + shift).astype(x.dtype)


@op(tensors=("x", "gamma", "beta"), file_name="LayerNorm")
def layer_normalization(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: Any = -1,
    epsilon: Any = None,
    **kwargs: Any,
) -> Any:
    """Mean 0 and variance 1 within each sample, then `* gamma + beta`.

    Args:
        x: array of any shape.
        gamma, beta: scale and offset, of the shape of the normalized axes; left out if None.
        axis: the axis or axes over which moments are taken.
        epsilon: added to the variance, `config.epsilon()` if None.

    Example:

        >>> [round(v, 3) for v in layer_normalization([1.0, 3.0]).tolist()]
        [-1.0, 1.0]
    """
    x = to_float(x)
    epsilon = settings.current.epsilon if epsilon is None else epsilon
    over = sorted(a % x.ndim for a in (axis if isinstance(axis, (list, tuple)) else [axis]))
    gamma, beta = (None if v is None else tensor(v) for v in (gamma, beta))
    if over == [x.ndim - 1] and not kwargs.get("rms_scaling"):
        return _layer_norm(x, gamma, beta, epsilon=epsilon)
    shape = [n if i in over else 1 for i, n in enumerate(x.shape)]
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    mean, variance = normalization.moments(wide, over, keepdims=True)
    if kwargs.get("rms_scaling"):
        y = wide * lax.rsqrt(variance + epsilon)
        beta = None
    else:
        y = (wide - mean) * lax.rsqrt(variance + epsilon)
    y = y if gamma is None else y * gamma.reshape(shape)
    y = y if beta is None else y + beta.reshape(shape)
    return y.astype(x.dtype)


_layer_norm = fused(normalization.layer_norm, static=("epsilon",))


@op(named=("scale",), file_name="RMSNorm")
def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: Any = None) -> Any:
    """`x / sqrt(mean(x ** 2) + epsilon) * scale` over `axis`.

    Example:

        >>> [round(v, 3) for v in rms_normalization([3.0, 4.0]).tolist()]
        [0.849, 1.131]
    """
    x = to_float(x)
    epsilon = settings.current.epsilon if epsilon is None else epsilon
    over = tuple(a % x.ndim for a in (axis if isinstance(axis, (list, tuple)) else [axis]))
    scale = None if scale is None else tensor(scale)
    return _rms_norm(x, scale, over=over, epsilon=epsilon)


@fused(static=("over", "epsilon"))
def _rms_norm(x: Any, scale: Any, over: tuple[int, ...], epsilon: float) -> Any:
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    y = wide * lax.rsqrt(jnp.mean(jnp.square(wide), axis=over, keepdims=True) + epsilon)
    if scale is not None:
        y = y * scale.reshape([n if i in over else 1 for i, n in enumerate(x.shape)])
    return y.astype(x.dtype)


# ---- windows over images ------------------------------------------------------------------------


def channels_last(x: Any, data_format: str | None) -> tuple[Any, bool]:
    """Images with their channels in the last axis, and whether they were in front."""
    data_format = data_format or settings.current.image_data_format
    if data_format not in settings.DATA_FORMATS:
        raise ValueError(
            explain(
                f"data_format is one of {settings.DATA_FORMATS}, got {data_format!r}.",
                fix=did_you_mean(data_format, settings.DATA_FORMATS),
            )
        )
    if data_format == "channels_first":
        return jnp.moveaxis(x, 1, -1), True
    return x, False


def _back(y: Any, first: bool) -> Any:
    return jnp.moveaxis(y, -1, 1) if first else y


def _images(name: str, x: Any, lowest: int = 3, highest: int = 5) -> Any:
    x = to_float(x)
    if not lowest <= x.ndim <= highest:
        raise ValueError(
            explain(
                f"{name} takes a batch with one to three spatial axes and one of channels.",
                received=f"inputs {tuple(x.shape)}",
            )
        )
    return x


def _padding(padding: Any) -> Any:
    return padding.lower() if isinstance(padding, str) else padding


def _same_dtype(x: Any, kernel: Any) -> tuple[Any, Any]:
    dtype = jnp.promote_types(x.dtype, kernel.dtype)
    return x.astype(dtype), kernel.astype(dtype)


@op(tensors=2)
def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolution over one to three spatial axes; the kernel is not flipped.

    Args:
        inputs: `(batch, *spatial, in)`, or `(batch, in, *spatial)` with channels first.
        kernel: `(*window, in / groups, out)`; the number of groups follows from the shapes.
        strides: step of the window, one number or one an axis.
        padding: "valid" (none) or "same" (size divided by the stride, rounded up).
        data_format: "channels_last" or "channels_first"; the setting if None.
        dilation_rate: distance of the taps of the kernel.

    Returns:
        `(batch, *new_spatial, out)`, or with channels first.

    Example:

        >>> conv(jnp.ones((1, 5, 5, 3)), jnp.ones((3, 3, 3, 8))).shape
        (1, 3, 3, 8)
    """
    x, kernel = _images("conv", inputs), tensor(kernel)
    x, first = channels_last(x, data_format)
    channels, taken = x.shape[-1], kernel.shape[-2]
    if kernel.ndim != x.ndim or channels % taken or kernel.shape[-1] % (channels // taken):
        raise ValueError(
            explain(
                "conv: the kernel does not fit the channels of the inputs.",
                shapes=f"inputs {tuple(x.shape)} (channels last), kernel {tuple(kernel.shape)}",
                fix="kernel (*window, in / groups, out); groups divides in and out.",
            )
        )
    x, kernel = _same_dtype(x, kernel)
    y = conv_kernel.conv(
        x, kernel, strides, _padding(padding), dilation_rate, groups=channels // taken
    )
    return _back(y, first)


@op(tensors=2)
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolution of each channel with kernels of its own.

    Args:
        inputs: `(batch, *spatial, in)`, or `(batch, in, *spatial)` with channels first.
        kernel: `(*window, in, multiplier)`.
        strides, padding, data_format, dilation_rate: see `conv`.

    Returns:
        `(batch, *new_spatial, in * multiplier)`, or with channels first.
    """
    x, kernel = _images("depthwise_conv", inputs), tensor(kernel)
    x, first = channels_last(x, data_format)
    if kernel.ndim != x.ndim or kernel.shape[-2] != x.shape[-1]:
        raise ValueError(
            explain(
                "depthwise_conv: the kernel does not fit the channels of the inputs.",
                shapes=f"inputs {tuple(x.shape)} (channels last), kernel {tuple(kernel.shape)}",
                fix="kernel (*window, in, multiplier).",
            )
        )
    x, kernel = _same_dtype(x, kernel)
    y = depthwise.depthwise_conv(x, kernel, strides, _padding(padding), dilation_rate)
    return _back(y, first)


@op(tensors=3)
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """`depthwise_conv`, then a convolution with a window of one.

    Args:
        inputs: `(batch, *spatial, in)`, or `(batch, in, *spatial)` with channels first.
        depthwise_kernel: `(*window, in, multiplier)`.
        pointwise_kernel: `(1, ..., in * multiplier, out)`.
        strides, padding, data_format, dilation_rate: see `conv`; they belong to the first step.
    """
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, 1, "valid", data_format, 1)


@op(tensors=2)
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Transposed convolution: images grow by the stride.

    Args:
        inputs: `(batch, *spatial, in)`, or `(batch, in, *spatial)` with channels first.
        kernel: `(*window, out, in)`.
        strides: how much the images grow.
        padding: "valid" or "same" (size times stride).
        output_padding: elements added at the end of each axis; found from `padding` if None.
        data_format, dilation_rate: see `conv`.
    """
    x, kernel = _images("conv_transpose", inputs), tensor(kernel)
    x, first = channels_last(x, data_format)
    if kernel.ndim != x.ndim or kernel.shape[-1] != x.shape[-1]:
        raise ValueError(
            explain(
                "conv_transpose: the kernel does not fit the channels of the inputs.",
                shapes=f"inputs {tuple(x.shape)} (channels last), kernel {tuple(kernel.shape)}",
                fix="kernel (*window, out, in).",
            )
        )
    x, kernel = _same_dtype(x, kernel)
    y = conv_kernel.conv_transpose(
        x, kernel, strides, _padding(padding), output_padding, dilation_rate
    )
    return _back(y, first)


@op
def max_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Largest element of each window.

    Args:
        inputs: `(batch, *spatial, channels)`, or with channels first.
        pool_size: size of the window, one number or one an axis.
        strides: step of the window; its size if None.
        padding: "valid" (whole windows only) or "same".
        data_format: "channels_last" or "channels_first"; the setting if None.

    Example:

        >>> max_pool([[[1.0], [3.0], [2.0], [4.0]]], 2)[0, :, 0].tolist()
        [3.0, 4.0]
    """
    x, first = channels_last(_pooled("max_pool", inputs, padding), data_format)
    return _back(pool.max_pool(x, pool_size, strides, _padding(padding)), first)


@op
def average_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Mean of each window; what "same" adds at the border does not count. See `max_pool`."""
    x, first = channels_last(to_float(_pooled("average_pool", inputs, padding)), data_format)
    return _back(pool.average_pool(x, pool_size, strides, _padding(padding)), first)


def _pooled(name: str, inputs: Any, padding: Any) -> Any:
    x = tensor(inputs)
    if not 3 <= x.ndim <= 5:
        raise ValueError(
            explain(
                f"{name} takes a batch with one to three spatial axes and one of channels.",
                received=f"inputs {tuple(x.shape)}",
            )
        )
    if _padding(padding) not in ("valid", "same"):
        raise ValueError(explain(f"{name}: padding is 'valid' or 'same', got {padding!r}."))
    return x


@op
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """Mean over as many windows as asked for, which cover the images evenly.

    Args:
        inputs: `(batch, *spatial, channels)`, or with channels first.
        output_size: windows along each axis, one number or one an axis; None keeps an axis.
        data_format: "channels_last" or "channels_first"; the setting if None.
    """
    return _adaptive(jnp.mean, to_float(inputs), output_size, data_format)


@op
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """Largest element of as many windows as asked for; see `adaptive_average_pool`."""
    return _adaptive(jnp.max, tensor(inputs), output_size, data_format)


def _adaptive(fold: Any, x: Any, output_size: Any, data_format: str | None) -> Any:
    x, first = channels_last(x, data_format)
    rank = x.ndim - 2
    wanted = (output_size,) * rank if isinstance(output_size, int) else tuple(output_size)
    if len(wanted) != rank:
        raise ValueError(
            explain(
                f"output_size is an int or {rank} of them, got {output_size!r}.",
                received=f"inputs {tuple(x.shape)}",
            )
        )
    for axis, count in enumerate(wanted, start=1):
        size = x.shape[axis]
        if count is None or count == size:
            continue
        if size % count == 0:
            shape = (*x.shape[:axis], count, size // count, *x.shape[axis + 1 :])
            x = fold(x.reshape(shape), axis=axis + 1)
            continue
        windows = [((i * size) // count, -(-((i + 1) * size) // count)) for i in range(count)]
        parts = [lax.slice_in_dim(x, start, stop, axis=axis) for start, stop in windows]
        x = jnp.concatenate([fold(part, axis=axis, keepdims=True) for part in parts], axis)
    return _back(x, first)


# ---- blocks of images ---------------------------------------------------------------------------


def _four(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


@op
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Channels laid out as square blocks of pixels.

    Args:
        x: `(batch, height, width, channels * block_size ** 2)`, or with channels first.
        block_size: height and width of a block.
        data_format: "channels_last" or "channels_first".
    """
    x, first = channels_last(tensor(x), data_format)
    b, (n, h, w, c) = block_size, x.shape
    if c % (b * b):
        raise ValueError(explain(f"depth_to_space: {c} channels are not a multiple of {b} * {b}."))
    y = x.reshape(n, h, w, b, b, c // (b * b)).transpose(0, 1, 3, 2, 4, 5)
    return _back(y.reshape(n, h * b, w * b, c // (b * b)), first)


@op
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Square blocks of pixels laid out as channels: the inverse of `depth_to_space`."""
    x, first = channels_last(tensor(x), data_format)
    b, (n, h, w, c) = block_size, x.shape
    if _known(h, w) and (h % b or w % b):
        raise ValueError(
            explain(f"space_to_depth: {h} x {w} pixels do not divide into blocks of {b} x {b}.")
        )
    y = x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5)
    return _back(y.reshape(n, h // b, w // b, b * b * c), first)


@op
def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Every window of the images as a column.

    Args:
        x: `(batch, channels, height, width)`.
        kernel_size, dilation, padding, stride: of the window, a number or two.

    Returns:
        `(batch, channels * window, positions)`.
    """
    x = tensor(x)
    k, d, p, s = map(_four, (kernel_size, dilation, padding, stride))
    patches = lax.conv_general_dilated_patches(
        x, k, s, [(p[0], p[0]), (p[1], p[1])], rhs_dilation=d
    )
    return patches.reshape(x.shape[0], patches.shape[1], -1)


@op
def fold(
    x: Any,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Any:
    """Columns put back to their windows and summed where these overlap: the adjoint of `unfold`.

    Args:
        x: `(batch, channels * window, positions)`.
        output_size: `(height, width)` of the images.
        kernel_size, dilation, padding, stride: of the window, a number or two.

    Returns:
        `(batch, channels, height, width)`.
    """
    x = to_float(x)
    size = _four(output_size)
    k, d, p, s = map(_four, (kernel_size, dilation, padding, stride))
    counts = [
        (n + 2 * b - e * (m - 1) - 1) // t + 1
        for n, b, e, m, t in zip(size, p, d, k, s, strict=True)
    ]
    channels = x.shape[1] // (k[0] * k[1])
    if x.shape[1] % (k[0] * k[1]) or x.shape[2] != counts[0] * counts[1]:
        raise ValueError(
            explain(
                "fold: the columns do not fit the windows.",
                received=f"x {tuple(x.shape)}",
                expected=f"{counts[0]} x {counts[1]} positions of windows {k}",
            )
        )
    columns = x.reshape(x.shape[0], channels, *k, *counts)
    out = jnp.zeros((x.shape[0], channels, size[0] + 2 * p[0], size[1] + 2 * p[1]), x.dtype)
    for i in range(k[0]):
        for j in range(k[1]):
            rows = slice(i * d[0], i * d[0] + counts[0] * s[0], s[0])
            cols = slice(j * d[1], j * d[1] + counts[1] * s[1], s[1])
            out = out.at[:, :, rows, cols].add(columns[:, :, i, j])
    return out[:, :, p[0] : p[0] + size[0], p[1] : p[1] + size[1]]


# ---- attention and measures ---------------------------------------------------------------------


@op(tensors=3, named=("bias", "mask", "scale"))
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: Any = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """`softmax(query @ key * scale + bias) @ value` for each head.

    Args:
        query: `(batch, time, heads, head_dim)`.
        key, value: `(batch, source, kv_heads, head_dim)`; `kv_heads` divides `heads`.
        bias: added to the logits, broadcast to `(batch, heads, time, source)`.
        mask: bools of that shape; False hides a position.
        scale: of the logits, `1 / sqrt(head_dim)` if None.
        is_causal: hide what comes after each position.
        flash_attention: kept for Keras's signature; the kernel picks the form itself.
        attn_logits_soft_cap: limit of the logits, `cap * tanh(logits / cap)`.

    Returns:
        `(batch, time, heads, head_dim)`.
    """
    q, k, v = to_float(query), to_float(key), to_float(value)
    if not q.ndim == k.ndim == v.ndim == 4:
        raise ValueError(
            explain(
                "dot_product_attention takes arrays (batch, time, heads, head_dim).",
                shapes=f"query {q.shape}, key {k.shape}, value {v.shape}",
            )
        )
    dtype = jnp.result_type(q, k, v)
    q, k, v = q.astype(dtype), k.astype(dtype), v.astype(dtype)
    bias = None if bias is None else tensor(bias)
    mask = None if mask is None else tensor(mask).astype(bool)
    if attn_logits_soft_cap is None:
        return attention_kernel.attention(q, k, v, bias, mask, is_causal, scale)
    return _capped_attention(q, k, v, bias, mask, is_causal, scale, attn_logits_soft_cap)


def _capped_attention(
    q: Any, k: Any, v: Any, bias: Any, mask: Any, causal: bool, scale: Any, cap: float
) -> Any:
    group = q.shape[2] // k.shape[2]
    k, v = jnp.repeat(k, group, axis=2), jnp.repeat(v, group, axis=2)
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    logits = jnp.einsum("btnh,bsnh->bnts", q, k, preferred_element_type=jnp.float32) * scale
    logits = cap * jnp.tanh(logits / cap)
    if bias is not None:
        logits = logits + bias
    hidden = jnp.asarray(jnp.finfo(logits.dtype).min * 0.7, logits.dtype)
    if mask is not None:
        logits = jnp.where(mask, logits, hidden)
    if causal:
        t, s = logits.shape[-2:]
        logits = jnp.where(jnp.tril(jnp.ones((t, s), bool)), logits, hidden)
    weights = jax.nn.softmax(logits, axis=-1).astype(v.dtype)
    return jnp.einsum("bnts,bsnh->btnh", weights, v)


@op(tensors=2)
def polar(abs_: Any, angle: Any) -> Any:
    """Complex numbers from absolute value and angle in radians."""
    abs_, angle = to_floats(*pair(abs_, angle))
    return lax.complex(abs_ * jnp.cos(angle), abs_ * jnp.sin(angle))


@op(tensors=2, file_name="PSNR")
def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """Peak signal-to-noise ratio in decibels: `20 log10(max_val) - 10 log10(mse)`.

    Args:
        x1, x2: arrays of one shape.
        max_val: the largest value that elements can have, 255 or 1.
    """
    x1, x2 = to_float(x1), to_float(x2)
    if x1.shape != x2.shape:
        raise ValueError(
            explain("psnr compares arrays of one shape.", shapes=f"x1 {x1.shape}, x2 {x2.shape}")
        )
    mse = jnp.mean(jnp.square(x1 - x2))
    return 20 * math.log10(max_val) - 10 * jnp.log10(mse)
