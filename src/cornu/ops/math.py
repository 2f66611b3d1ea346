"""Segments, largest elements, error functions and spectra."""

from operator import index
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cornu.arguments import positive_int
from cornu.core.frame import is_tracer
from cornu.core.graph.op import fused, op, shape_rule, unary
from cornu.core.graph.operands import axes, tensor, to_float
from cornu.core.programs.eager import in_one_program
from cornu.core.symbolic import KerasTensor
from cornu.errors import type_error, value_error
from cornu.kernels import gather, signal
from cornu.numeric import is_integer

erf = unary(jax.scipy.special.erf, "erf", "Error function, in (-1, 1).", floating=True)
erfc = unary(
    jax.scipy.special.erfc, "erfc", "`1 - erf(x)`, precise where it is small.", floating=True
)
erfinv = unary(jax.scipy.special.erfinv, "erfinv", "Inverse of `erf`, on (-1, 1).", floating=True)
rsqrt = unary(lax.rsqrt, "rsqrt", "`1 / sqrt(x)`.", floating=True)


# ---- segments -----------------------------------------------------------------------------------


def _per_segment(
    compute: Any, data: Any, segment_ids: Any, num_segments: int | None, **settings: Any
) -> Any:
    """Rows with the same number folded by `compute(data, ids, count)`, in one program."""
    data, ids = tensor(data), tensor(segment_ids)
    if ids.ndim != 1 or not data.ndim or data.shape[0] != ids.shape[0]:
        raise value_error(
            "segment_ids is a vector, one number for each row of the data.",
            shapes=f"data {tuple(data.shape)}, segment_ids {tuple(ids.shape)}",
        )
    if not is_integer(ids.dtype):
        raise type_error(f"segment_ids are integers, got {ids.dtype}.")
    if num_segments is None:
        if is_tracer(ids):
            raise value_error(
                "The number of segments is not known inside compiled code.",
                fix="give num_segments=...",
            )
        num_segments = int(ids.max()) + 1
    return compute(data, ids, num_segments, **settings)


_SEGMENTS = {
    name: in_one_program(function, ("data", "segment_ids"))
    for name, function in {
        "sum": gather.segment_sum,
        "max": jax.ops.segment_max,
        "min": jax.ops.segment_min,
        "prod": jax.ops.segment_prod,
    }.items()
}


def _segment_shape(
    data: KerasTensor, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> KerasTensor:
    return KerasTensor((num_segments, *data.shape[1:]), data.dtype)


@op(tensors=2, wide=True)
def segment_sum(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """Sums of the rows that carry the same number.

    Args:
        data: `(rows, ...)`.
        segment_ids: `(rows,)` integers; negative ones and those beyond the end count nowhere.
        num_segments: rows of the result; the largest number plus one if None, which compiled code
            cannot know.
        sorted: whether the numbers ascend.

    Returns:
        `(num_segments, ...)`.

    Example:

        >>> segment_sum([1.0, 2.0, 4.0], [0, 1, 0]).tolist()
        [5.0, 2.0]
    """
    return _per_segment(_SEGMENTS["sum"], data, segment_ids, num_segments)


@op(tensors=2)
def segment_max(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """Largest of the rows with the same number; minus infinity for none. See `segment_sum`."""
    fold = _SEGMENTS["max"]
    return _per_segment(fold, data, segment_ids, num_segments, indices_are_sorted=sorted)


@op(tensors=2)
def segment_min(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """Smallest of the rows with the same number; infinity for none. See `segment_sum`."""
    fold = _SEGMENTS["min"]
    return _per_segment(fold, data, segment_ids, num_segments, indices_are_sorted=sorted)


@op(tensors=2)
def segment_prod(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Any:
    """Product of the rows that carry the same number; 1 for none. See `segment_sum`."""
    fold = _SEGMENTS["prod"]
    return _per_segment(fold, data, segment_ids, num_segments, indices_are_sorted=sorted)


for _function in (segment_sum, segment_max, segment_min, segment_prod):
    shape_rule(_function)(_segment_shape)


# ---- largest elements ---------------------------------------------------------------------------


@op
def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """The `k` largest elements along the last axis, largest first, and their indices.

    Args:
        x: `(..., n)`.
        k: how many, at most n.
        sorted: kept for Keras's signature; the result is sorted in any case.

    Returns:
        Values and int32 indices, both `(..., k)`.

    Example:

        >>> values, indices = top_k([1.0, 5.0, 3.0], 2)
        >>> values.tolist(), indices.tolist()
        ([5.0, 3.0], [1, 2])
    """
    return tuple(lax.top_k(tensor(x), k))


@op(tensors=2)
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether the score of the target is among the `k` largest; ties count as in.

    Args:
        targets: class numbers `(...)`.
        predictions: scores `(..., classes)`.
        k: how many of the largest.

    Returns:
        Bools `(...)`.

    Example:

        >>> in_top_k([2], [[0.1, 0.5, 0.4]], 2).tolist()
        [True]
    """
    targets, predictions = tensor(targets), tensor(predictions)
    if targets.ndim != predictions.ndim - 1:
        raise value_error(
            "in_top_k takes one target for each row of scores.",
            shapes=f"targets {targets.shape}, predictions {predictions.shape}",
        )
    if not is_integer(targets.dtype):
        raise type_error(f"in_top_k: targets are class numbers, got {targets.dtype}.")
    if k < 1:
        raise value_error(f"in_top_k: k is at least 1, got {k}.")
    return _in_top_k(targets, predictions, k=k)


@fused(static=("k",))
def _in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    # counting what beats the target is cheaper than sorting, and needs no gather
    classes = lax.broadcasted_iota("int32", predictions.shape, predictions.ndim - 1)
    own = classes == targets[..., None]
    score = jnp.sum(jnp.where(own, predictions, 0), axis=-1, keepdims=True)
    better = jnp.sum(predictions > score, axis=-1)
    inside = (targets >= 0) & (targets < predictions.shape[-1])
    return inside & (better < k) & jnp.isfinite(score[..., 0])


@op(compiled=True)
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """`log(sum(exp(x)))` over `axis`, without overflow; over all axes if None.

    Example:

        >>> round(float(logsumexp([1000.0, 1000.0])), 2)
        1000.69
    """
    return jax.nn.logsumexp(to_float(x), axis=axes(axis), keepdims=keepdims)


# ---- spectra ------------------------------------------------------------------------------------


def _complex(x: Any) -> Any:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise value_error(
            "A spectrum is a pair (real, imaginary) of arrays.",
            received=f"one array {x.shape}" if hasattr(x, "shape") else type(x).__name__,
        )
    real, imag = to_float(x[0]), to_float(x[1])
    if real.shape != imag.shape:
        raise value_error(
            "Real and imaginary part have one shape.",
            shapes=f"real {tuple(real.shape)}, imaginary {tuple(imag.shape)}",
        )
    wide = jnp.promote_types(real.dtype, jnp.float32)
    return lax.complex(real.astype(wide), imag.astype(wide))


def _parts(z: Any) -> tuple[Any, Any]:
    return jnp.real(z), jnp.imag(z)


@op(file_name="FFT", compiled=True)
def fft(x: Any) -> Any:
    """Discrete Fourier transform along the last axis.

    Args:
        x: pair `(real, imaginary)` of arrays `(..., n)`.

    Returns:
        A pair of arrays of the same shape.

    Example:

        >>> [part.tolist() for part in fft(([1.0, 1.0], [0.0, 0.0]))]
        [[2.0, 0.0], [0.0, 0.0]]
    """
    return _parts(jnp.fft.fft(_complex(x)))


@op(file_name="FFT2", compiled=True)
def fft2(x: Any) -> Any:
    """Discrete Fourier transform along the last two axes; see `fft`."""
    return _parts(jnp.fft.fft2(_complex(x)))


@op(file_name="IFFT2", compiled=True)
def ifft2(x: Any) -> Any:
    """Inverse of `fft2`."""
    return _parts(jnp.fft.ifft2(_complex(x)))


@op(file_name="RFFT", compiled=True)
def rfft(x: Any, fft_length: int | None = None) -> Any:
    """Discrete Fourier transform of real signals along the last axis.

    Args:
        x: `(..., n)`.
        fft_length: cut or filled up with zeros to this length; n if None.

    Returns:
        A pair `(real, imaginary)` of arrays `(..., fft_length // 2 + 1)`.
    """
    return _parts(jnp.fft.rfft(to_float(x), n=fft_length))


@op(file_name="IRFFT", compiled=True)
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """Inverse of `rfft`.

    Args:
        x: pair `(real, imaginary)` of arrays `(..., m)`.
        fft_length: length of the result; `2 * (m - 1)` if None.
    """
    return jnp.fft.irfft(_complex(x), n=fft_length)


def _check_frames(length: Any, step: Any, fft_length: Any) -> None:
    for name, value in (
        ("sequence_length", length),
        ("sequence_stride", step),
        ("fft_length", fft_length),
    ):
        positive_int(value, name)
    if fft_length < length:
        raise value_error(
            "fft_length is at least sequence_length.",
            received=f"fft_length {fft_length}, sequence_length {length}",
        )


@op(compiled=True)
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Overlapping pieces of the last axis.

    Args:
        x: `(..., time)`.
        sequence_length: of each piece.
        sequence_stride: from the start of one piece to the start of the next.

    Returns:
        `(..., 1 + (time - sequence_length) // sequence_stride, sequence_length)`.
    """
    for name, size in (("length", sequence_length), ("stride", sequence_stride)):
        if index(size) < 1:
            raise ValueError(f"sequence_{name} is at least 1.")
    return signal.frames(tensor(x), sequence_length, sequence_stride)


@op(file_name="STFT", compiled=True)
def stft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """Short-time Fourier transform: spectra of windowed, overlapping pieces.

    Args:
        x: `(..., time)`.
        sequence_length: samples of the window.
        sequence_stride: from one piece to the next.
        fft_length: samples of a piece, at least `sequence_length`.
        window: "hann", "hamming", values `(sequence_length,)`, or None.
        center: whether piece `i` is centered at `i * sequence_stride`; the ends are reflected.

    Returns:
        A pair `(real, imaginary)` of arrays `(..., pieces, fft_length // 2 + 1)`.
    """
    _check_frames(sequence_length, sequence_stride, fft_length)
    window = window if isinstance(window, str) or window is None else tensor(window)
    x = to_float(x)
    return _parts(signal.stft(x, sequence_length, sequence_stride, fft_length, window, center))


@op(file_name="ISTFT", compiled=True)
def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """Inverse of `stft`: overlapping pieces, windowed and added, divided by the windows' energy.

    Args:
        x: pair `(real, imaginary)` of arrays `(..., pieces, fft_length // 2 + 1)`.
        length: samples of the result; what the pieces cover if None.
        sequence_length, sequence_stride, fft_length, window, center: as for `stft`.
    """
    _check_frames(sequence_length, sequence_stride, fft_length)
    window = window if isinstance(window, str) or window is None else tensor(window)
    return signal.istft(
        _complex(x), sequence_length, sequence_stride, fft_length, length, window, center
    )


@op(compiled=True)
def view_as_complex(x: Any) -> Any:
    """Pairs along a last axis of size 2 as complex numbers."""
    x = to_float(x)
    if not x.ndim or x.shape[-1] != 2:
        raise value_error("view_as_complex takes a last axis of size 2.", received=tuple(x.shape))
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))  # there are no complex halves
    return lax.complex(x[..., 0], x[..., 1])


@op(compiled=True)
def view_as_real(x: Any) -> Any:
    """Complex numbers as pairs along a new last axis."""
    x = tensor(x)
    return jnp.stack([jnp.real(x), jnp.imag(x)], axis=-1)


# ---- distances and determinants -----------------------------------------------------------------


@op(tensors=2, file_name="CDist")
def cdist(x: Any, y: Any) -> Any:
    """Euclidean distances between all rows of two matrices.

    Args:
        x: `(..., n, d)`.
        y: `(..., m, d)`.

    Returns:
        `(..., n, m)`.

    Example:

        >>> cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]]).tolist()
        [[5.0, 1.0]]
    """
    x, y = to_float(x), to_float(y)
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise value_error(
            "cdist takes matrices (..., n, d) and (..., m, d) of rows with one length.",
            shapes=f"x {tuple(x.shape)}, y {tuple(y.shape)}",
        )
    return _distances(x, y)


@fused
def _distances(x: Any, y: Any) -> Any:
    squares = jnp.sum(jnp.square(x[..., :, None, :] - y[..., None, :, :]), axis=-1)
    return jnp.sqrt(squares)


@op(compiled=True)
def logdet(x: Any) -> Any:
    """Logarithm of the determinant of symmetric positive definite matrices."""
    x = to_float(x)
    sign, value = jnp.linalg.slogdet(x)
    return value
