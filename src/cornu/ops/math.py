"""Segment reductions, top-k, error functions, Fourier transforms and distances."""

from collections.abc import Callable
from operator import index
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cornu.arguments import positive_int
from cornu.core.frame import is_tracer
from cornu.core.graph.op import fused, op, rows_of, shape_rule
from cornu.core.graph.operands import axes, tensor, to_float
from cornu.core.programs.eager import in_one_program
from cornu.core.symbolic import KerasTensor
from cornu.errors import type_error, value_error
from cornu.kernels import gather, signal
from cornu.numeric import is_integer
from cornu.types import Axis, Tensor

unary, _, _ = rows_of(__name__)

erf = unary(jax.scipy.special.erf, "erf", "Error function, in (-1, 1).", floating=True)
erfc = unary(
    jax.scipy.special.erfc, "erfc", "`1 - erf(x)`, precise where it is small.", floating=True
)
erfinv = unary(jax.scipy.special.erfinv, "erfinv", "Inverse of `erf`, on (-1, 1).", floating=True)
rsqrt = unary(lax.rsqrt, "rsqrt", "`1 / sqrt(x)`.", floating=True)


# ---- segments -----------------------------------------------------------------------------------


def _per_segment(
    compute: Callable[..., Tensor],
    data: Tensor,
    segment_ids: Tensor,
    num_segments: int | None,
    **settings: Any,
) -> Any:
    """Rows with the same segment id reduced by `compute(data, ids, count)`, in one program."""
    data, ids = tensor(data), tensor(segment_ids)
    if ids.ndim != 1 or not data.ndim or data.shape[0] != ids.shape[0]:
        raise value_error(
            "segment_ids must be 1-D, with one id per row of data.",
            shapes=f"data {tuple(data.shape)}, segment_ids {tuple(ids.shape)}",
        )
    if not is_integer(ids.dtype):
        raise type_error(f"segment_ids must be integers, got {ids.dtype}.")
    if num_segments is None:
        if is_tracer(ids):
            raise value_error(
                "num_segments must be given in compiled code.",
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
    data: KerasTensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> KerasTensor:
    return KerasTensor((num_segments, *data.shape[1:]), data.dtype)


@op(tensors=2, wide=True)
def segment_sum(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Sum of the rows of each segment.

    Args:
        data: `(rows, ...)`.
        segment_ids: `(rows,)` integers; ids outside `[0, num_segments)` are ignored.
        num_segments: number of segments; the largest id plus one if None, which is not possible in
            compiled code.
        sorted: whether `segment_ids` is sorted.

    Returns:
        `(num_segments, ...)`.

    Example:

        >>> segment_sum([1.0, 2.0, 4.0], [0, 1, 0]).tolist()
        [5.0, 2.0]
    """
    return _per_segment(_SEGMENTS["sum"], data, segment_ids, num_segments)


@op(tensors=2)
def segment_max(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Maximum of the rows of each segment; `-inf` if it is empty. See `segment_sum`."""
    fold = _SEGMENTS["max"]
    return _per_segment(fold, data, segment_ids, num_segments, indices_are_sorted=sorted)


@op(tensors=2)
def segment_min(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Minimum of the rows of each segment; `inf` if it is empty. See `segment_sum`."""
    fold = _SEGMENTS["min"]
    return _per_segment(fold, data, segment_ids, num_segments, indices_are_sorted=sorted)


@op(tensors=2)
def segment_prod(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Product of the rows of each segment; 1 if it is empty. See `segment_sum`."""
    fold = _SEGMENTS["prod"]
    return _per_segment(fold, data, segment_ids, num_segments, indices_are_sorted=sorted)


for _function in (segment_sum, segment_max, segment_min, segment_prod):
    shape_rule(_function)(_segment_shape)


# ---- largest elements ---------------------------------------------------------------------------


@op
def top_k(x: Tensor, k: int, sorted: bool = True) -> tuple[Tensor, ...]:
    """The `k` largest elements along the last axis, largest first, and their indices.

    Args:
        x: `(..., n)`.
        k: number of elements, at most n.
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
def in_top_k(targets: Tensor, predictions: Tensor, k: int) -> Tensor:
    """Whether the score of the target is among the `k` largest; a tie counts as among.

    Args:
        targets: class indices `(...)`.
        predictions: scores `(..., classes)`.
        k: number of largest scores, at least 1.

    Returns:
        Bools `(...)`.

    Example:

        >>> in_top_k([2], [[0.1, 0.5, 0.4]], 2).tolist()
        [True]
    """
    targets, predictions = tensor(targets), tensor(predictions)
    if targets.ndim != predictions.ndim - 1:
        raise value_error(
            "in_top_k: there must be one target per row of predictions.",
            shapes=f"targets {targets.shape}, predictions {predictions.shape}",
        )
    if not is_integer(targets.dtype):
        raise type_error(f"in_top_k: targets must be integer class indices, got {targets.dtype}.")
    if k < 1:
        raise value_error(f"in_top_k: k must be >= 1, got {k}.")
    return _in_top_k(targets, predictions, k=k)


@fused(static=("k",))
def _in_top_k(targets: Tensor, predictions: Tensor, k: int) -> Tensor:
    # counting what beats the target is cheaper than sorting, and needs no gather
    classes = lax.broadcasted_iota("int32", predictions.shape, predictions.ndim - 1)
    own = classes == targets[..., None]
    score = jnp.sum(jnp.where(own, predictions, 0), axis=-1, keepdims=True)
    better = jnp.sum(predictions > score, axis=-1)
    inside = (targets >= 0) & (targets < predictions.shape[-1])
    return inside & (better < k) & jnp.isfinite(score[..., 0])


@op(compiled=True)
def logsumexp(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`log(sum(exp(x)))` over `axis`, without overflow; over all axes if None.

    Example:

        >>> round(float(logsumexp([1000.0, 1000.0])), 2)
        1000.69
    """
    return jax.nn.logsumexp(to_float(x), axis=axes(axis), keepdims=keepdims)


# ---- spectra ------------------------------------------------------------------------------------


def _complex(x: Tensor) -> Any:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise value_error(
            "x must be a pair (real, imaginary) of arrays.",
            received=f"one array {x.shape}" if hasattr(x, "shape") else type(x).__name__,
        )
    real, imag = to_float(x[0]), to_float(x[1])
    if real.shape != imag.shape:
        raise value_error(
            "The real and imaginary parts must have the same shape.",
            shapes=f"real {tuple(real.shape)}, imaginary {tuple(imag.shape)}",
        )
    wide = jnp.promote_types(real.dtype, jnp.float32)
    return lax.complex(real.astype(wide), imag.astype(wide))


def _parts(z: Tensor) -> tuple[Any, Any]:
    return jnp.real(z), jnp.imag(z)


@op(file_name="FFT", compiled=True)
def fft(x: Tensor) -> Tensor:
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
def fft2(x: Tensor) -> Tensor:
    """Discrete Fourier transform along the last two axes; see `fft`."""
    return _parts(jnp.fft.fft2(_complex(x)))


@op(file_name="IFFT2", compiled=True)
def ifft2(x: Tensor) -> Tensor:
    """Inverse of `fft2`."""
    return _parts(jnp.fft.ifft2(_complex(x)))


@op(file_name="RFFT", compiled=True)
def rfft(x: Tensor, fft_length: int | None = None) -> Tensor:
    """Discrete Fourier transform of real signals along the last axis.

    Args:
        x: `(..., n)`.
        fft_length: length to truncate or zero-pad to; n if None.

    Returns:
        A pair `(real, imaginary)` of arrays `(..., fft_length // 2 + 1)`.
    """
    return _parts(jnp.fft.rfft(to_float(x), n=fft_length))


@op(file_name="IRFFT", compiled=True)
def irfft(x: Tensor, fft_length: int | None = None) -> Tensor:
    """Inverse of `rfft`.

    Args:
        x: pair `(real, imaginary)` of arrays `(..., m)`.
        fft_length: length of the result; `2 * (m - 1)` if None.
    """
    return jnp.fft.irfft(_complex(x), n=fft_length)


def _check_frames(length: Any, step: Tensor, fft_length: Any) -> None:
    for name, value in (
        ("sequence_length", length),
        ("sequence_stride", step),
        ("fft_length", fft_length),
    ):
        positive_int(value, name)
    if fft_length < length:
        raise value_error(
            "fft_length must be >= sequence_length.",
            received=f"fft_length {fft_length}, sequence_length {length}",
        )


@op(compiled=True)
def extract_sequences(x: Tensor, sequence_length: int, sequence_stride: int) -> Tensor:
    """Overlapping frames of the last axis.

    Args:
        x: `(..., time)`.
        sequence_length: length of a frame.
        sequence_stride: hop from the start of one frame to the next.

    Returns:
        `(..., 1 + (time - sequence_length) // sequence_stride, sequence_length)`.
    """
    for name, size in (("length", sequence_length), ("stride", sequence_stride)):
        if index(size) < 1:
            raise ValueError(f"sequence_{name} must be >= 1.")
    return signal.frames(tensor(x), sequence_length, sequence_stride)


@op(file_name="STFT", compiled=True)
def stft(
    x: Tensor,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: str | Tensor = "hann",
    center: bool = True,
) -> Tensor:
    """Short-time Fourier transform: spectra of windowed, overlapping frames.

    Args:
        x: `(..., time)`.
        sequence_length: length of the window.
        sequence_stride: hop from one frame to the next.
        fft_length: length of a frame, at least `sequence_length`.
        window: "hann", "hamming", values `(sequence_length,)`, or None.
        center: whether frame `i` is centered at `i * sequence_stride`; the ends are reflected.

    Returns:
        A pair `(real, imaginary)` of arrays `(..., frames, fft_length // 2 + 1)`.
    """
    _check_frames(sequence_length, sequence_stride, fft_length)
    window = window if isinstance(window, str) or window is None else tensor(window)
    x = to_float(x)
    return _parts(signal.stft(x, sequence_length, sequence_stride, fft_length, window, center))


@shape_rule(stft)
def _stft_of_unknown_length(
    x: KerasTensor, sequence_length: int, sequence_stride: int, fft_length: int, **rest: Any
) -> Any:
    """A trace on small sizes sees one frame, whatever the size."""
    if x.shape[-1] is not None:
        return NotImplemented
    dtype = "float64" if x.dtype == "float64" else "float32"
    shape = (*x.shape[:-1], None, fft_length // 2 + 1)
    return KerasTensor(shape, dtype), KerasTensor(shape, dtype)


@op(file_name="ISTFT", compiled=True)
def istft(
    x: Tensor,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: str | Tensor = "hann",
    center: bool = True,
) -> Tensor:
    """Inverse of `stft`: windowed overlap-add, divided by the energy of the windows.

    Args:
        x: pair `(real, imaginary)` of arrays `(..., frames, fft_length // 2 + 1)`.
        length: length of the result; the span of the frames if None.
        sequence_length, sequence_stride, fft_length, window, center: see `stft`.
    """
    _check_frames(sequence_length, sequence_stride, fft_length)
    window = window if isinstance(window, str) or window is None else tensor(window)
    return signal.istft(
        _complex(x), sequence_length, sequence_stride, fft_length, length, window, center
    )


@op(compiled=True)
def view_as_complex(x: Tensor) -> Tensor:
    """Pairs along a last axis of size 2 as complex numbers."""
    x = to_float(x)
    if not x.ndim or x.shape[-1] != 2:
        raise value_error(
            "view_as_complex: the last axis must have size 2.", received=tuple(x.shape)
        )
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))  # there are no complex halves
    return lax.complex(x[..., 0], x[..., 1])


@op(compiled=True)
def view_as_real(x: Tensor) -> Tensor:
    """Complex numbers as pairs along a new last axis."""
    x = tensor(x)
    return jnp.stack([jnp.real(x), jnp.imag(x)], axis=-1)


# ---- distances and determinants -----------------------------------------------------------------


@op(tensors=2, file_name="CDist")
def cdist(x: Tensor, y: Tensor) -> Tensor:
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
            "cdist: x and y must have shapes (..., n, d) and (..., m, d).",
            shapes=f"x {tuple(x.shape)}, y {tuple(y.shape)}",
        )
    return _distances(x, y)


@fused
def _distances(x: Tensor, y: Tensor) -> Tensor:
    squares = jnp.sum(jnp.square(x[..., :, None, :] - y[..., None, :, :]), axis=-1)
    return jnp.sqrt(squares)


@op(compiled=True)
def logdet(x: Tensor) -> Tensor:
    """Logarithm of the determinant of symmetric positive definite matrices."""
    x = to_float(x)
    sign, value = jnp.linalg.slogdet(x)
    return value
