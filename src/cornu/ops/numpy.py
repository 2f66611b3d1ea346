"""Operations with the names and semantics of numpy, on the dtypes of deep learning.

A dictionary rather than a story. First the rows: what jax.numpy has and Keras agrees with, one line
each. Then the functions that need Keras's semantics, by subject.

What holds for all of them: integers that need a fraction become `floatx` (`sqrt(4)`), a Python
scalar does not decide the dtype (`float16 + 2.5` stays float16), and indices are int32.
"""

import builtins
from collections.abc import Callable, Sequence
from operator import index
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cornu.bcoo import coordinates
from cornu.budget import counted, spend
from cornu.core import dtypes
from cornu.core.frame import is_tracer
from cornu.core.graph.op import fused, op, rows_of, shape_rule
from cornu.core.graph.op_errors import explained
from cornu.core.graph.operands import (
    HALVES,
    SCALARS,
    axes,
    pair,
    tensor,
    to_float,
    to_floats,
    weak,
)
from cornu.core.symbolic import KerasTensor, any_symbolic
from cornu.core.variable import Variable
from cornu.errors import type_error, value_error
from cornu.kernels import matmul as products, rows
from cornu.numeric import is_integer
from cornu.types import Axis, DType, Shape, Tensor

unary, binary, reduction = rows_of(__name__)

# ---- rows: one tensor, element by element -------------------------------------------------------

absolute = unary(jnp.abs, "absolute", "Absolute value, element by element.")
abs = absolute
angle = unary(
    lambda x: jnp.angle(x).astype(jnp.finfo(x.dtype).dtype),  # jnp widens scalars
    "angle",
    "Phase of complex numbers, in radians.",
    floating=True,
)
arccos = unary(
    jnp.arccos, "arccos", "Inverse cosine in radians, NaN beyond [-1, 1].", floating=True
)
arccosh = unary(jnp.arccosh, "arccosh", "Inverse hyperbolic cosine, NaN below 1.", floating=True)
arcsin = unary(jnp.arcsin, "arcsin", "Inverse sine in radians, NaN beyond [-1, 1].", floating=True)
arcsinh = unary(jnp.arcsinh, "arcsinh", "Inverse hyperbolic sine.", floating=True)
arctan = unary(jnp.arctan, "arctan", "Inverse tangent in radians, in (-pi/2, pi/2).", floating=True)
arctanh = unary(jnp.arctanh, "arctanh", "Inverse hyperbolic tangent.", floating=True)
bitwise_invert = unary(jnp.invert, "bitwise_invert", "Bitwise NOT.")
bitwise_not = unary(jnp.invert, "bitwise_not", "Bitwise NOT.")
cbrt = unary(jnp.cbrt, "cbrt", "Cube root.", floating=True)
ceil = unary(jnp.ceil, "ceil", "Ceiling: the smallest integer >= x.", floating=True)
conjugate = unary(jnp.conjugate, "conjugate", "Complex conjugate.")
conj = conjugate
copy = unary(lambda x: jnp.array(x, copy=True), "copy", "A copy in a buffer of its own.")
cos = unary(jnp.cos, "cos", "Cosine of radians.", floating=True)
cosh = unary(jnp.cosh, "cosh", "Hyperbolic cosine.", floating=True)
deg2rad = unary(jnp.deg2rad, "deg2rad", "Degrees to radians.", floating=True)
exp = unary(jnp.exp, "exp", "`e ** x`.", floating=True)
exp2 = unary(jnp.exp2, "exp2", "`2 ** x`.", floating=True)
expm1 = unary(jnp.expm1, "expm1", "`exp(x) - 1`, precise near zero.", floating=True)
fabs = unary(jnp.fabs, "fabs", "Absolute value as a float.", floating=True)
floor = unary(jnp.floor, "floor", "Floor: the largest integer <= x.", floating=True)
i0 = unary(jnp.i0, "i0", "Modified Bessel function of the first kind, order 0.", floating=True)
imag = unary(jnp.imag, "imag", "Imaginary part; zeros for real numbers.")
isfinite = unary(jnp.isfinite, "isfinite", "Whether each element is neither infinite nor NaN.")
isinf = unary(jnp.isinf, "isinf", "Whether each element is infinite.")
isnan = unary(jnp.isnan, "isnan", "Whether each element is NaN.")
isneginf = unary(jnp.isneginf, "isneginf", "Whether each element is minus infinity.")
isposinf = unary(jnp.isposinf, "isposinf", "Whether each element is plus infinity.")
isreal = unary(jnp.isreal, "isreal", "Whether the imaginary part of each element is zero.")
log = unary(jnp.log, "log", "Natural logarithm; NaN below zero.", floating=True)
log10 = unary(jnp.log10, "log10", "Logarithm to base 10.", floating=True)
log1p = unary(jnp.log1p, "log1p", "`log(1 + x)`, precise near zero.", floating=True)
log2 = unary(jnp.log2, "log2", "Logarithm to base 2.", floating=True)
logical_not = unary(jnp.logical_not, "logical_not", "Whether each element is zero.")
negative = unary(jnp.negative, "negative", "`-x`.")
rad2deg = unary(jnp.rad2deg, "rad2deg", "Radians to degrees.", floating=True)
real = unary(jnp.real, "real", "Real part.")
reciprocal = unary(jnp.reciprocal, "reciprocal", "`1 / x`.", floating=True)
sign = unary(jnp.sign, "sign", "Sign of each element: -1, 0 or 1.")
signbit = unary(jnp.signbit, "signbit", "Whether the sign bit is set, as it is in -0.0.")
sin = unary(jnp.sin, "sin", "Sine of radians.", floating=True)
sinc = unary(jnp.sinc, "sinc", "`sin(pi x) / (pi x)`, 1 at zero.", floating=True, wide=True)
sinh = unary(jnp.sinh, "sinh", "Hyperbolic sine.", floating=True)
sqrt = unary(jnp.sqrt, "sqrt", "Square root; NaN below zero.", floating=True)
tan = unary(jnp.tan, "tan", "Tangent of radians.", floating=True)
tanh = unary(jnp.tanh, "tanh", "Hyperbolic tangent, in (-1, 1).", floating=True)
trunc = unary(jnp.trunc, "trunc", "Truncation towards zero.")

# ---- rows: two tensors, broadcast ---------------------------------------------------------------

add = binary(jnp.add, "add", "`x1 + x2`.")
arctan2 = binary(
    jnp.arctan2, "arctan2", "Angle of the point `(x2, x1)`, in radians.", floating=True
)
bitwise_and = binary(jnp.bitwise_and, "bitwise_and", "`x & y`, bit by bit.", letters=True)
bitwise_left_shift = binary(
    jnp.left_shift, "bitwise_left_shift", "`x * 2 ** y` by shifting bits.", letters=True
)
bitwise_or = binary(jnp.bitwise_or, "bitwise_or", "`x | y`, bit by bit.", letters=True)
bitwise_right_shift = binary(
    jnp.right_shift, "bitwise_right_shift", "`x // 2 ** y` by shifting bits.", letters=True
)
bitwise_xor = binary(jnp.bitwise_xor, "bitwise_xor", "`x ^ y`, bit by bit.", letters=True)
divide = binary(jnp.true_divide, "divide", "`x1 / x2`; infinite or NaN where x2 is zero.")
equal = binary(jnp.equal, "equal", "Whether `x1 == x2`.")
floor_divide = binary(jnp.floor_divide, "floor_divide", "`x1 // x2`, rounded down.")
fmax = binary(jnp.fmax, "fmax", "Larger of the two; a number wins over NaN.")
fmin = binary(jnp.fmin, "fmin", "Smaller of the two; a number wins over NaN.")
fmod = binary(jnp.fmod, "fmod", "Remainder with the sign of `x1`.")
gcd = binary(jnp.gcd, "gcd", "Greatest common divisor of integers.")
greater = binary(jnp.greater, "greater", "Whether `x1 > x2`.")
greater_equal = binary(jnp.greater_equal, "greater_equal", "Whether `x1 >= x2`.")
heaviside = binary(jnp.heaviside, "heaviside", "0 below zero, 1 above, x2 at zero.", floating=True)
hypot = binary(jnp.hypot, "hypot", "`sqrt(x1 ** 2 + x2 ** 2)` without overflow.", floating=True)
lcm = binary(jnp.lcm, "lcm", "Least common multiple of integers.")
left_shift = binary(jnp.left_shift, "left_shift", "`x * 2 ** y` by shifting bits.", letters=True)
less = binary(jnp.less, "less", "Whether `x1 < x2`.")
less_equal = binary(jnp.less_equal, "less_equal", "Whether `x1 <= x2`.")
logaddexp = binary(jnp.logaddexp, "logaddexp", "`log(exp(x1) + exp(x2))`.", floating=True)
logaddexp2 = binary(jnp.logaddexp2, "logaddexp2", "`log2(2 ** x1 + 2 ** x2)`.", floating=True)
logical_and = binary(jnp.logical_and, "logical_and", "Whether both are non-zero.")
logical_or = binary(jnp.logical_or, "logical_or", "Whether one of the two is non-zero.")
logical_xor = binary(jnp.logical_xor, "logical_xor", "Whether exactly one is non-zero.")
maximum = binary(jnp.maximum, "maximum", "Larger of the two; NaN wins.")
minimum = binary(jnp.minimum, "minimum", "Smaller of the two; NaN wins.")
mod = binary(jnp.mod, "mod", "Remainder with the sign of `x2`.")
multiply = binary(jnp.multiply, "multiply", "`x1 * x2`.")
nextafter = binary(
    jnp.nextafter, "nextafter", "The next float after `x1` towards `x2`.", floating=True
)
not_equal = binary(jnp.not_equal, "not_equal", "Whether `x1 != x2`.")
power = binary(jnp.power, "power", "`x1 ** x2`.")
right_shift = binary(jnp.right_shift, "right_shift", "`x // 2 ** y` by bits.", letters=True)
subtract = binary(jnp.subtract, "subtract", "`x1 - x2`.")
true_divide = binary(jnp.true_divide, "true_divide", "`x1 / x2`.")

# ---- rows: reductions ---------------------------------------------------------------------------

all = reduction(jnp.all, "all", "Whether every element is non-zero.")
amax = reduction(jnp.max, "amax", "Maximum; NaN if any element is NaN.")
amin = reduction(jnp.min, "amin", "Minimum; NaN if any element is NaN.")
any = reduction(jnp.any, "any", "Whether some element is non-zero.")
mean = reduction(jnp.mean, "mean", "Arithmetic mean.", floating=True)
median = reduction(
    jnp.median,
    "median",
    "Median: the middle value, or the mean of the two middle values.",
    floating=True,
    wide=True,
)
nanmax = reduction(jnp.nanmax, "nanmax", "Maximum, ignoring NaN.")
nanmean = reduction(jnp.nanmean, "nanmean", "Mean, ignoring NaN.", floating=True, wide=True)
nanmedian = reduction(jnp.nanmedian, "nanmedian", "Median, ignoring NaN.", floating=True, wide=True)
nanmin = reduction(jnp.nanmin, "nanmin", "Minimum, ignoring NaN.")
nanprod = reduction(jnp.nanprod, "nanprod", "Product, ignoring NaN.")
nanstd = reduction(
    jnp.nanstd, "nanstd", "Standard deviation, ignoring NaN.", floating=True, wide=True
)
nansum = reduction(jnp.nansum, "nansum", "Sum, ignoring NaN.")
nanvar = reduction(jnp.nanvar, "nanvar", "Variance, ignoring NaN.", floating=True)
ptp = reduction(jnp.ptp, "ptp", "Range of values, maximum minus minimum.")
std = reduction(
    jnp.std, "std", "Standard deviation, square root of `var`.", floating=True, wide=True
)
sum = reduction(jnp.sum, "sum", "Sum; integers of less than 32 bits are summed in 32.")
var = reduction(jnp.var, "var", "Variance: mean squared deviation from the mean.", floating=True)


@op
def max(
    x: Tensor, axis: Axis = None, keepdims: bool = False, initial: Tensor | None = None
) -> Tensor:
    """Maximum along `axis`; NaN if any element is NaN.

    Args:
        x: array of any shape.
        axis: the axis or axes to reduce; all of them if None.
        keepdims: whether reduced axes stay with size 1.
        initial: lower bound of the result, which an empty axis gives; none if None.

    Example:

        >>> float(max([3.0, 1.0]))
        3.0
    """
    return jnp.max(tensor(x), axis=axes(axis), keepdims=keepdims, initial=initial)


@op
def min(
    x: Tensor, axis: Axis = None, keepdims: bool = False, initial: Tensor | None = None
) -> Tensor:
    """Minimum along `axis`; see `max`."""
    return jnp.min(tensor(x), axis=axes(axis), keepdims=keepdims, initial=initial)


@op
def prod(
    x: Tensor, axis: Axis = None, keepdims: bool = False, dtype: DType | None = None
) -> Tensor:
    """Product along `axis`, in `dtype` if given.

    Example:

        >>> int(prod([2, 3, 4]))
        24
    """
    x = tensor(x)
    return jnp.prod(x, axis=axes(axis), keepdims=keepdims, dtype=_dtype_or_none(dtype))


@op(named=("weights",), wide=True)
def average(x: Tensor, axis: Axis = None, weights: Tensor | None = None) -> Tensor:
    """Mean along `axis`, weighted by `weights` of the same shape or of the length of `axis`.

    Example:

        >>> float(average([1.0, 4.0], weights=[2.0, 1.0]))
        2.0
    """
    if weights is None:
        return jnp.average(to_float(x), axis=axes(axis))
    x, weights = to_floats(*pair(tensor(x), tensor(weights)))
    return jnp.average(x, axis=axes(axis), weights=weights)


@op
def count_nonzero(x: Tensor, axis: Axis = None) -> Tensor:
    """Number of non-zero elements, int32."""
    return jnp.count_nonzero(tensor(x), axis=axes(axis)).astype("int32")


@op(tensors=2)
def quantile(
    x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Quantile: the value below which a fraction `q` of the elements lies.

    Args:
        x: array of any shape.
        q: fraction in [0, 1], or a vector of them, whose axis comes first in the result.
        axis: the axis or axes to reduce; all of them if None.
        method: interpolation between two elements: "linear", "lower", "higher", "midpoint" or
            "nearest".
        keepdims: whether reduced axes stay with size 1.

    Example:

        >>> float(quantile([1.0, 2.0, 4.0], 0.75))
        3.0
    """
    return _quantile(jnp.quantile, x, q, axis, method, keepdims)


@op(tensors=2)
def percentile(
    x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """`quantile` with `q` in percent."""
    return _quantile(jnp.percentile, x, q, axis, method, keepdims, most=100)


@op(tensors=2)
def nanquantile(
    x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """`quantile`, ignoring NaN."""
    return _quantile(jnp.nanquantile, x, q, axis, method, keepdims)


@op(tensors=2)
def nanpercentile(
    x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """`percentile`, ignoring NaN."""
    return _quantile(jnp.nanpercentile, x, q, axis, method, keepdims, most=100)


def _quantile(
    function: Callable[..., Tensor],
    x: Tensor,
    q: Tensor,
    axis: Axis,
    method: str,
    keepdims: bool,
    most: int = 1,
) -> Any:
    x = to_float(x)
    if type(q) in (int, float):
        if not 0 <= q <= most:
            raise ValueError(f"q must lie between 0 and {most}.")
        q = float(q)
    else:
        q = tensor(q, x.dtype)
    return function(x, q, axis=axes(axis), method=method, keepdims=keepdims)


def _dtype_or_none(dtype: DType | None) -> str | None:
    return None if dtype is None else dtypes.standardize_dtype(dtype)


# ---- along an axis ------------------------------------------------------------------------------


@op
def cumsum(x: Tensor, axis: Axis = None, dtype: DType | None = None) -> Tensor:
    """Cumulative sum along `axis`; of the flattened array if None.

    Example:

        >>> cumsum([1, 2, 3]).tolist()
        [1, 3, 6]
    """
    return _running(jnp.cumsum, x, axis, dtype)


@op
def cumprod(x: Tensor, axis: Axis = None, dtype: DType | None = None) -> Tensor:
    """Cumulative product along `axis`; of the flattened array if None."""
    return _running(jnp.cumprod, x, axis, dtype)


@op(compiled=True)
def nancumsum(x: Tensor, axis: Axis = None, dtype: DType | None = None) -> Tensor:
    """Cumulative sum in which NaN counts as zero."""
    x = tensor(x)
    return _running(jnp.cumsum, jnp.where(jnp.isnan(x), jnp.zeros_like(x), x), axis, dtype)


@op(compiled=True)
def nancumprod(x: Tensor, axis: Axis = None, dtype: DType | None = None) -> Tensor:
    """Cumulative product in which NaN counts as one."""
    x = tensor(x)
    return _running(jnp.cumprod, jnp.where(jnp.isnan(x), jnp.ones_like(x), x), axis, dtype)


def _running(function: Callable[..., Tensor], x: Tensor, axis: Axis, dtype: DType | None) -> Any:
    x = tensor(x)
    if dtype is None:
        dtype = "int32" if x.dtype == bool else x.dtype
    dtype = _dtype_or_none(dtype)
    if dtype in HALVES:  # what later terms bring back must not be lost on the way
        return function(x, axis=axis, dtype="float32").astype(dtype)
    return function(x, axis=axis, dtype=dtype)


@op
def argmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Index of the first maximum along `axis`, int32; of the flattened array if None.

    Example:

        >>> argmax([[1, 5, 2], [7, 0, 7]], axis=-1).tolist()
        [1, 0]
    """
    return jnp.argmax(tensor(x), axis=axis, keepdims=keepdims).astype("int32")


@op
def argmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Index of the first minimum along `axis`, int32; see `argmax`."""
    return jnp.argmin(tensor(x), axis=axis, keepdims=keepdims).astype("int32")


@op
def nanargmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Index of the maximum, ignoring NaN; -1 where all are NaN."""
    return jnp.nanargmax(tensor(x), axis=axis, keepdims=keepdims).astype("int32")


@op
def nanargmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Index of the minimum, ignoring NaN; -1 where all are NaN."""
    return jnp.nanargmin(tensor(x), axis=axis, keepdims=keepdims).astype("int32")


@op
def argsort(x: Tensor, axis: int | None = -1) -> Tensor:
    """Indices that sort along `axis`, int32; stable. A scalar counts as a vector of one element."""
    x = tensor(x)
    return jnp.argsort(x, axis=axis if x.ndim else None).astype("int32")


@op
def argpartition(x: Tensor, kth: int, axis: int | None = -1) -> Tensor:
    """Indices that partition around the element of rank `kth`, int32.

    Along `axis`; of the flattened array if None.
    """
    x = tensor(x)
    x, axis = (jnp.ravel(x), -1) if axis is None else (x, axis)
    return jnp.argpartition(x, kth, axis=axis).astype("int32")


@op
def sort(x: Tensor, axis: int | None = -1) -> Tensor:
    """Sort in ascending order along `axis`; NaN comes last.

    Example:

        >>> sort([3, 1, 2]).tolist()
        [1, 2, 3]
    """
    return jnp.sort(tensor(x), axis=axis)


@op
def diff(a: Tensor, n: int = 1, axis: int = -1) -> Tensor:
    """The `n`-th discrete difference along `axis`; for bools, whether neighbors differ."""
    return jnp.diff(tensor(a), n=n, axis=axis)


@op(wide=True)
def trapezoid(y: Tensor, x: Tensor | None = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """Integral by the trapezoidal rule.

    Args:
        y: samples of the function.
        x: coordinates of the samples; equally spaced by `dx` if None.
        dx: spacing of the samples.
        axis: axis to integrate along.
    """
    y = to_float(y)
    dx = dx if type(dx) in SCALARS else tensor(dx, y.dtype)
    return jnp.trapezoid(y, None if x is None else to_float(x), dx=dx, axis=axis)


@op
def roll(x: Tensor, shift: int | Sequence[int], axis: Axis = None) -> Tensor:
    """Roll elements by `shift` positions along `axis`; those beyond the end reenter at the start.

    Example:

        >>> roll([1, 2, 3], 1).tolist()
        [3, 1, 2]
    """
    return jnp.roll(tensor(x), shift, axis=axes(axis))


@op
def flip(x: Tensor, axis: Axis = None) -> Tensor:
    """Reverse the order of elements along `axis`; along every axis if None."""
    return jnp.flip(tensor(x), axis=axes(axis))


@op
def fliplr(x: Tensor) -> Tensor:
    """Reverse the second axis."""
    return jnp.fliplr(tensor(x))


@op
def flipud(x: Tensor) -> Tensor:
    """Reverse the first axis."""
    return jnp.flipud(tensor(x))


# ---- shape --------------------------------------------------------------------------------------


@op
def reshape(x: Tensor, newshape: int | Shape) -> Tensor:
    """Reshape, in row-major order.

    Args:
        x: array of any shape.
        newshape: new sizes; one of them may be -1, and is inferred from the others.

    Example:

        >>> reshape(arange(6), (2, -1)).shape
        (2, 3)
    """
    sizes = tuple(-1 if n is None else n for n in _as_sizes(newshape))
    if [n for n in sizes if isinstance(n, int) and n < 0] not in ([], [-1]):
        raise value_error("Sizes must be >= 0, except one -1.")
    return jnp.reshape(tensor(x), sizes)


def _as_sizes(newshape: int | Shape) -> Sequence[Any]:
    return newshape if isinstance(newshape, (list, tuple)) else (newshape,)


@shape_rule(reshape)
def _reshaped(x: KerasTensor, newshape: int | Shape) -> KerasTensor:
    sizes = _as_sizes(newshape)
    if any_symbolic((sizes,)):  # which sizes those are is known when the graph runs
        given = [None if isinstance(n, KerasTensor) or n in (-1, None) else int(n) for n in sizes]
        return KerasTensor(given, x.dtype, sparse=getattr(x, "sparse", False))
    newshape = tuple(-1 if n is None else int(n) for n in sizes)
    if newshape.count(-1) > 1:
        raise value_error(f"reshape: only one size may be -1, got {newshape}.", received=x.shape)
    known = None not in x.shape
    size = int(np.prod([n for n in x.shape if n is not None], dtype=int))
    wanted = int(np.prod([n for n in newshape if n != -1], dtype=int))
    fits = True
    if known:
        fits = (size % wanted == 0 if wanted else size == 0) if -1 in newshape else size == wanted
    if not fits:
        raise value_error(
            f"reshape: cannot reshape {size} elements to {newshape}.",
            received=x.shape,
            fix="the product of the sizes must stay the same.",
        )
    free = size // wanted if known and wanted else None
    return KerasTensor([free if n == -1 else n for n in newshape], x.dtype, sparse=x.sparse)


@op
def transpose(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """Permute the axes; reverse them if `axes` is None.

    Example:

        >>> transpose(zeros((2, 3, 4)), (1, 0, 2)).shape
        (3, 2, 4)
    """
    return jnp.transpose(tensor(x), None if axes is None else tuple(axes))


@op
def expand_dims(x: Tensor, axis: Axis) -> Tensor:
    """Insert one or several axes of size 1, at the given positions in the result."""
    return jnp.expand_dims(tensor(x), axes(axis))


@op
def squeeze(x: Tensor, axis: Axis = None) -> Tensor:
    """Remove axes of size 1: those given, or all of them."""
    return jnp.squeeze(tensor(x), axis=axes(axis))


@shape_rule(squeeze)
def _squeezed(x: KerasTensor, axis: Axis = None) -> KerasTensor:
    if axis is None:
        return KerasTensor([n for n in x.shape if n != 1], x.dtype, sparse=x.sparse)
    gone = set()
    for one in axis if isinstance(axis, (list, tuple)) else (axis,):
        if not -x.ndim <= one < x.ndim:
            raise value_error(f"squeeze: x has no axis {one}.", received=x.shape)
        if x.shape[one] not in (1, None):
            raise value_error(
                f"squeeze: axis {one} must have size 1, got {x.shape[one]}.", received=x.shape
            )
        gone.add(one % x.ndim)
    kept = [n for i, n in enumerate(x.shape) if i not in gone]
    return KerasTensor(kept, x.dtype, sparse=x.sparse)


@op
def moveaxis(x: Tensor, source: Axis, destination: Axis) -> Tensor:
    """Move axes from `source` to `destination`; the others keep their order."""
    return jnp.moveaxis(tensor(x), axes(source), axes(destination))


@op
def swapaxes(x: Tensor, axis1: int, axis2: int) -> Tensor:
    """Swap two axes."""
    return jnp.swapaxes(tensor(x), axis1, axis2)


@op
def ravel(x: Tensor) -> Tensor:
    """Flatten to one axis."""
    return jnp.ravel(tensor(x))


@op
def broadcast_to(x: Tensor, shape: Shape) -> Tensor:
    """Broadcast to a shape."""
    return jnp.broadcast_to(tensor(x), tuple(shape))


@shape_rule(broadcast_to)
def _broadcast(x: KerasTensor, shape: Shape) -> KerasTensor:
    shape = tuple(shape)
    behind = shape[len(shape) - x.ndim :]
    if len(shape) < x.ndim or builtins.any(
        m not in (1, None) and m != n for m, n in zip(x.shape, behind, strict=True)
    ):
        raise value_error(f"broadcast_to: cannot broadcast to {shape}.", received=x.shape)
    return KerasTensor(shape, x.dtype)


@op
def tile(x: Tensor, repeats: int | Sequence[int]) -> Tensor:
    """Tile: repeat the whole array `repeats` times along each axis."""
    return jnp.tile(tensor(x), repeats if isinstance(repeats, int) else tuple(repeats))


@op
def repeat(x: Tensor, repeats: int | Sequence[int] | np.ndarray, axis: int | None = None) -> Tensor:
    """Repeat each element along `axis`; of the flattened array if None.

    Args:
        x: array of any shape.
        repeats: number of repetitions, one int or one per element of the axis; must be known while
            tracing.
        axis: axis to repeat along.

    Example:

        >>> repeat([1, 2], 2).tolist()
        [1, 1, 2, 2]
    """
    if isinstance(repeats, (list, tuple)) and builtins.all(isinstance(n, int) for n in repeats):
        repeats = np.asarray(repeats)  # stays known, whatever is traced around it
    elif not isinstance(repeats, (int, np.ndarray)):
        repeats = tensor(repeats)
    return jnp.repeat(tensor(x), repeats, axis=axis)


@shape_rule(repeat)
def _repeated(x: Tensor, repeats: int | Sequence[int], axis: int | None = None) -> Any:
    unknown = None in (x.shape if axis is None else (x.shape[axis],))
    if not any_symbolic((repeats,)) and (isinstance(repeats, int) or not unknown):
        return NotImplemented
    sizes = [None] if axis is None else [*x.shape]
    sizes[axis or 0] = None
    return KerasTensor(sizes, x.dtype)


@op
def rot90(array: Tensor, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """Rotate by 90 degrees `k` times, from the first of the two axes towards the second."""
    return jnp.rot90(tensor(array), k=k, axes=axes)


@op(named=("constant_values",))
def pad(
    x: Tensor,
    pad_width: int | Sequence[Any],
    mode: str = "constant",
    constant_values: Tensor | None = None,
) -> Tensor:
    """Pad an array.

    Args:
        x: array of any shape.
        pad_width: `(before, after)` per axis, or one pair or int for all axes.
        mode: "constant", "reflect", "symmetric", "edge", "wrap", "linear_ramp", "maximum",
            "mean", "median", "minimum" or "empty".
        constant_values: fill value of mode "constant"; 0 if None.

    Example:

        >>> pad([1, 2], (1, 0)).tolist()
        [0, 1, 2]
    """
    widths = pad_width
    if isinstance(pad_width, (list, tuple)):
        widths = tuple(tuple(w) if isinstance(w, (list, tuple)) else w for w in pad_width)
    if constant_values is None:
        return jnp.pad(tensor(x), widths, mode=mode)
    if mode != "constant":
        raise value_error(f"pad: constant_values requires mode='constant', got {mode!r}.")
    return jnp.pad(tensor(x), widths, mode=mode, constant_values=constant_values)


@op
def view(x: Tensor, dtype: DType | None = None) -> Tensor:
    """Reinterpret the bits as another dtype; the last axis is scaled by the ratio of sizes."""
    return tensor(x).view(_dtype_or_none(dtype))


@op
def size(x: Tensor) -> int:
    """Number of elements, as an int."""
    return x.size if isinstance(x, (jax.Array, np.ndarray)) else tensor(x).size


@op
def ndim(x: Tensor) -> int:
    """Number of axes, as an int."""
    return jnp.ndim(tensor(x))


# ---- joining and cutting ------------------------------------------------------------------------


def _together(xs: Sequence[Tensor]) -> list[Any]:
    """Arrays of one dtype: the one that all of them promote to."""
    if hasattr(xs, "shape"):
        return list(tensor(xs))
    return [tensor(x) for x in xs]


@op
def concatenate(xs: Sequence[Tensor], axis: int | None = 0) -> Tensor:
    """Concatenate arrays along an existing axis.

    Args:
        xs: arrays whose shapes agree except along `axis`.
        axis: axis to concatenate along; arrays are flattened first if None.

    Example:

        >>> concatenate([zeros((2, 1)), ones((2, 3))], axis=1).shape
        (2, 4)
    """
    return jnp.concatenate(_together(xs), axis=axis)


@op
def stack(x: Tensor, axis: int = 0) -> Tensor:
    """Stack arrays of the same shape along a new axis.

    Example:

        >>> stack([[1, 2], [3, 4]], axis=1).tolist()
        [[1, 3], [2, 4]]
    """
    return jnp.stack(_together(x), axis=axis)


@op
def vstack(xs: Sequence[Tensor]) -> Tensor:
    """Stack vertically, along the first axis; vectors become rows."""
    return jnp.vstack(_together(xs))


@op
def hstack(xs: Sequence[Tensor]) -> Tensor:
    """Stack horizontally, along the second axis; vectors along their only one."""
    return jnp.hstack(_together(xs))


@op
def dstack(xs: Sequence[Tensor]) -> Tensor:
    """Stack depthwise, along the third axis."""
    return jnp.dstack(_together(xs))


@op(tensors=2)
def append(x1: Tensor, x2: Tensor, axis: int | None = None) -> Tensor:
    """Append `x2` to `x1` along `axis`; both are flattened if None."""
    return jnp.append(*pair(x1, x2), axis=axis)


@op
def split(x: Tensor, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """Split along `axis` into equal parts, or at given indices.

    Args:
        x: array of any shape.
        indices_or_sections: number of parts, which must divide the size of the axis, or the
            indices at which a new part begins.
        axis: axis to split along.

    Returns:
        A list of arrays.

    Example:

        >>> [part.tolist() for part in split(arange(4), [1, 3])]
        [[0], [1, 2], [3]]
    """
    return list(jnp.split(tensor(x), _cuts(indices_or_sections), axis=axis))


@shape_rule(split)
def _parts(
    x: KerasTensor, indices_or_sections: int | Sequence[int], axis: int = 0
) -> list[KerasTensor]:
    total = x.shape[axis]
    indices_or_sections = _cuts(indices_or_sections)
    if isinstance(indices_or_sections, int):
        parts = indices_or_sections
        if total is not None and total % parts:
            raise value_error(
                f"split: the size of axis {axis} must be a multiple of {parts}.", received=x.shape
            )
        sizes = [None if total is None else total // parts] * parts
    else:
        cuts = [0, *map(int, indices_or_sections), total]
        ends = [None if c is None else c if total is None else _place(c, total) for c in cuts]
        sizes = [
            None if a is None or b is None else builtins.max(b - a, 0)
            for a, b in zip(ends[:-1], ends[1:], strict=True)
        ]
    axis %= x.ndim
    return [KerasTensor((*x.shape[:axis], n, *x.shape[axis + 1 :]), x.dtype) for n in sizes]


def _place(cut: int, total: int) -> int:
    return builtins.min(cut + total if cut < 0 else cut, total)


def _cuts(indices_or_sections: int | Sequence[int]) -> Any:
    if isinstance(indices_or_sections, (int, np.integer)):
        spend(int(indices_or_sections))  # each part is made
        return indices_or_sections
    if isinstance(indices_or_sections, (list, tuple)):
        return list(counted(indices_or_sections))
    return tensor(indices_or_sections)


@op
def array_split(x: Tensor, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """`split` into parts whose sizes may differ by one."""
    return list(jnp.array_split(tensor(x), _cuts(indices_or_sections), axis=axis))


@op
def hsplit(x: Tensor, indices_or_sections: int | Sequence[int]) -> list[Any]:
    """`split` along the second axis; along the only one of a vector."""
    return list(jnp.hsplit(tensor(x), _cuts(indices_or_sections)))


@op
def vsplit(x: Tensor, indices_or_sections: int | Sequence[int]) -> list[Any]:
    """`split` along the first axis."""
    return list(jnp.vsplit(tensor(x), _cuts(indices_or_sections)))


@op
def dsplit(x: Tensor, indices_or_sections: int | Sequence[int]) -> list[Any]:
    """`split` along the third axis."""
    return list(jnp.dsplit(tensor(x), _cuts(indices_or_sections)))


@op
def meshgrid(*x: Any, indexing: str = "xy") -> list[Any]:
    """Coordinate arrays of a grid, one per axis.

    Args:
        *x: vectors of coordinates along each axis.
        indexing: "xy" (Cartesian: the first vector varies along the second axis of the results) or
            "ij" (matrix: along the first).

    Example:

        >>> [g.tolist() for g in meshgrid([1, 2], [3, 4, 5], indexing="ij")][0]
        [[1, 1, 1], [2, 2, 2]]
    """
    return list(jnp.meshgrid(*map(tensor, x), indexing=indexing))


# ---- choosing elements --------------------------------------------------------------------------


@op(tensors=2)
def get_item(x: Tensor, key: Any) -> Tensor:
    """`x[key]`, with indices, slices, `...`, None and arrays as numpy takes them."""
    x = tensor(x)
    key = jax.tree.map(_value, key, is_leaf=lambda k: isinstance(k, Variable))
    _check_places(x, key if isinstance(key, tuple) else (key,))
    return x[key]


def _value(key: Any) -> Any:
    return key.value if isinstance(key, Variable) else key


@shape_rule(get_item)
def _picked(x: Tensor, key: Any) -> Any:
    if isinstance(key, KerasTensor) and key.dtype == "bool":  # how many are picked is not known
        return KerasTensor((None, *x.shape[key.ndim :]), x.dtype)
    return NotImplemented


def _check_places(x: Tensor, key: tuple[Any, ...]) -> None:
    """Whether the ints of a key lie inside: jax takes the nearest element if they do not."""
    counted = [k for k in key if k is not None and k is not Ellipsis]
    if builtins.any(hasattr(k, "ndim") or isinstance(k, (list, bool)) for k in counted):
        return  # which axes arrays stand for depends on what they hold
    axis = 0
    for k in key:
        if k is Ellipsis:
            axis += x.ndim - len(counted)
        elif k is not None:
            size = x.shape[axis] if axis < x.ndim else None
            if isinstance(k, int) and isinstance(size, int) and not -size <= k < size:
                raise IndexError(
                    f"there is no element {k} along axis {axis}, whose size is {size}."
                )
            axis += 1


@op(tensors=2)
def take(x: Tensor, indices: Tensor, axis: int | None = None) -> Tensor:
    """Elements along `axis` at the given indices.

    Args:
        x: array of any shape.
        indices: integers of any shape; negative ones count from the end. Out of range they give NaN
            (for integers the smallest value).
        axis: axis to take along; that of the flattened array if None.

    Returns:
        The shape of `x` with `axis` replaced by the shape of `indices`.

    Example:

        >>> take([[1, 2], [3, 4]], [1, 0], axis=0).tolist()
        [[3, 4], [1, 2]]
    """
    x, indices = tensor(x), tensor(indices)
    return jnp.take(x, indices, axis=axis)


@op(tensors=2)
def take_along_axis(x: Tensor, indices: Tensor, axis: int | None = None) -> Tensor:
    """Elements along `axis` at indices that vary along the others, as from `argsort`.

    Args:
        x: array of any shape.
        indices: integers, with the axes of `x`.
        axis: axis to take along; that of the flattened array if None.
    """
    x, indices = tensor(x), tensor(indices)
    return jnp.take_along_axis(x, indices, axis=axis)


@op(tensors=3)
def where(condition: Tensor, x1: Tensor | None = None, x2: Tensor | None = None) -> Tensor:
    """`x1` where the condition holds, else `x2`; without them, the indices where it holds.

    Args:
        condition: bools; other dtypes are true where non-zero.
        x1, x2: arrays, broadcast against the condition.

    Returns:
        An array; without `x1` and `x2` a tuple of index vectors, one per axis.

    Example:

        >>> where([True, False], 1.0, 2.0).tolist()
        [1.0, 2.0]
    """
    condition = tensor(condition)
    if x1 is None and x2 is None:
        return jnp.where(condition)
    if x1 is None or x2 is None:
        raise value_error("where: x1 and x2 must both be given, or neither.")
    return jnp.where(condition, *pair(x1, x2))


@shape_rule(where)
def _where(condition: Tensor, x1: Tensor | None = None, x2: Tensor | None = None) -> Any:
    return _nonzero(condition) if x1 is None and x2 is None else NotImplemented


@op
def nonzero(x: Tensor) -> Tensor:
    """Indices of the non-zero elements: a tuple of vectors, one per axis."""
    return jnp.nonzero(tensor(x))


@shape_rule(nonzero)
def _nonzero(x: KerasTensor) -> Any:
    return tuple(KerasTensor((None,), "int32") for _ in x.shape)


@op(tensors=3, compiled=True)
def select(condlist: Sequence[Tensor], choicelist: Sequence[Tensor], default: Tensor = 0) -> Tensor:
    """Elementwise, the choice whose condition is the first to hold.

    Args:
        condlist: list of bool arrays.
        choicelist: list of as many arrays.
        default: value where no condition holds.
    """
    conditions = [tensor(c) for c in condlist]
    choices = [weak(c) for c in choicelist]
    if builtins.all(type(c) in SCALARS for c in (*choices, default)):
        choices = [tensor(c) for c in choices]
    return jnp.select(conditions, choices, weak(default))


@op
def diag(x: Tensor, k: int = 0) -> Tensor:
    """A matrix with the vector on diagonal `k`, or the diagonal `k` of a matrix."""
    return jnp.diag(tensor(x), k=k)


@op(compiled=True)
def diagflat(x: Tensor, k: int = 0) -> Tensor:
    """A matrix with the elements of the flattened array on diagonal `k`."""
    return jnp.diagflat(tensor(x), k=k)


@op
def diagonal(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Diagonal of the matrices along two axes, as the last axis."""
    x = tensor(x)
    if x.ndim > 1 and -x.ndim <= axis1 < x.ndim and axis1 % x.ndim == axis2 % x.ndim:
        raise value_error(f"diagonal: axis1 and axis2 must differ, got {axis1} for both.")
    return jnp.diagonal(x, offset=offset, axis1=axis1, axis2=axis2)


@op
def trace(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Sum along a diagonal of the matrices along two axes."""
    return jnp.trace(tensor(x), offset=offset, axis1=axis1, axis2=axis2)


@op
def tril(x: Tensor, k: int = 0) -> Tensor:
    """Lower triangle: elements up to diagonal `k`, zeros above."""
    return jnp.tril(tensor(x), k=k)


@op
def triu(x: Tensor, k: int = 0) -> Tensor:
    """Upper triangle: elements from diagonal `k` on, zeros below."""
    return jnp.triu(tensor(x), k=k)


@op
def unique(
    x: Tensor,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Tensor | None = None,
) -> Tensor:
    """Unique elements, sorted; NaNs are not equal to each other.

    Args:
        x: array of any shape.
        sorted: kept for Keras's signature; the result is sorted in any case.
        return_index: whether to also return the index of the first occurrence of each.
        return_inverse: whether to also return the indices that reconstruct `x`.
        return_counts: whether to also return the number of occurrences.
        axis: axis whose slices are compared; elements are if None.
        size: size of the result; required in compiled code, where it cannot depend on values.
        fill_value: padding of the result up to `size`; the smallest element if None.

    Returns:
        An array, or a tuple of arrays with what was asked for.
    """
    return jnp.unique(
        tensor(x),
        return_index=return_index,
        return_inverse=return_inverse,
        return_counts=return_counts,
        axis=axis,
        size=size,
        fill_value=fill_value,
        equal_nan=False,
    )


@shape_rule(unique)
def _unique(
    x: KerasTensor,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Tensor | None = None,
) -> Any:
    if axis is not None and not -x.ndim <= axis < x.ndim:
        raise value_error(f"unique: x has no axis {axis}.", received=x.shape)
    values: list[int | None] = [size] if axis is None else [*x.shape]
    values[axis or 0] = size
    found = KerasTensor(values, x.dtype)
    inverse = x.shape if axis is None else (x.shape[axis],)
    asked = [(return_index, (size,)), (return_inverse, inverse), (return_counts, (size,))]
    further = [KerasTensor(shape, "int32") for wanted, shape in asked if wanted]
    return (found, *further) if further else found


@op(tensors=2, file_name="IsIn")
def isin(x1: Tensor, x2: Tensor, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each element of `x1` is in `x2`; with `invert`, whether it is not."""
    return jnp.isin(tensor(x1), tensor(x2), assume_unique=assume_unique, invert=invert)


@op(tensors=2, file_name="SearchSorted")
def searchsorted(sorted_sequence: Tensor, values: Tensor, side: str = "left") -> Tensor:
    """Indices at which to insert values into a sorted vector to keep it sorted, int32.

    Args:
        sorted_sequence: ascending vector.
        values: array of any shape.
        side: index before ("left") or after ("right") equal elements.
    """
    sorted_sequence, values = tensor(sorted_sequence), tensor(values)
    if sorted_sequence.ndim != 1:
        raise value_error(
            "searchsorted: sorted_sequence must be 1-D.",
            received=sorted_sequence.shape,
            fix="ops.vectorized_map applies it row by row.",
        )
    return jnp.searchsorted(sorted_sequence, values, side=side).astype("int32")


@shape_rule(searchsorted)
def _searched(sorted_sequence: Tensor, values: Tensor, side: str = "left") -> KerasTensor:
    if len(sorted_sequence.shape) != 1:
        raise value_error(
            "searchsorted: sorted_sequence must be 1-D.",
            received=sorted_sequence.shape,
        )
    return KerasTensor(getattr(values, "shape", np.shape(values)), "int32")


@op(tensors=2)
def digitize(x: Tensor, bins: Tensor) -> Tensor:
    """Index of the bin of each element: `i` where `bins[i - 1] <= x < bins[i]`; int32."""
    bins = tensor(bins)
    if bins.ndim != 1:
        raise value_error("bins must be 1-D.")
    return jnp.digitize(tensor(x), bins).astype("int32")


@op(compiled=True)
def unravel_index(indices: Tensor, shape: Shape) -> tuple[Tensor, ...]:
    """Flat indices as a tuple of index arrays, one per axis."""
    indices = tensor(indices)
    indices = indices.astype("int32") if indices.dtype == bool else indices
    return tuple(i.astype(indices.dtype) for i in _unraveled(indices, shape))


def _unraveled(indices: Tensor, shape: Shape) -> Any:
    return jnp.unravel_index(indices, tuple(shape))


@op
def bincount(
    x: Tensor, weights: Tensor | None = None, minlength: int = 0, sparse: bool = False
) -> Tensor:
    """Number of occurrences of each integer from 0 on, per row of a batch.

    Args:
        x: non-negative integers `(n,)` or `(batch, n)`.
        weights: weights of the counts, of the shape of `x`; 1 if None.
        minlength: minimum length of the result; in compiled code, its length.
        sparse: whether the result is a sparse array, as it is for sparse `x`, of which only the
            stored values are counted.

    Returns:
        `(length,)` or `(batch, length)`, int32, or the dtype of the weights.

    Example:

        >>> bincount([0, 2, 2]).tolist()
        [1, 0, 2]
    """
    x = tensor(x)
    if sparse:
        rows = jnp.indices(x.shape).reshape(x.ndim, -1).T  # (integers, axes)
        weights = None if weights is None else tensor(weights).reshape(-1)
        return sparse_counts(x.reshape(-1), rows[:, :-1], x.shape[:-1], weights, minlength)
    length = _length_of_counts(x, minlength)
    weights = None if weights is None else tensor(weights)
    dtype = _dtype_of_counts(weights)
    if x.ndim == 1:
        return jnp.bincount(x, weights, length=length).astype(dtype)
    hot = x[..., None] == lax.broadcasted_iota(x.dtype, (*x.shape, length), x.ndim)
    counts = hot if weights is None else jnp.where(hot, weights[..., None], 0)
    return jnp.sum(counts, axis=-2).astype(dtype)


def _length_of_counts(x: Tensor, minlength: int) -> int:
    if is_tracer(x) or not x.size:
        return minlength
    return builtins.max(int(x.max()) + 1, int(minlength))


def _dtype_of_counts(weights: Tensor) -> Any:
    return "int32" if weights is None else dtypes.result_type(weights.dtype, "int32")


def sparse_counts(
    values: Tensor, rows: Tensor, shape: tuple[int, ...], weights: Tensor, minlength: int
) -> Any:
    """Number of occurrences of each integer per row, as a sparse array.

    Args:
        values: integers `(n,)`.
        rows: coordinates of the row of each, `(n, axes)`.
        shape: shape of the rows.
        weights: weights of the counts, `(n,)`; 1 if None.
        minlength: minimum length of the rows of the result; see `bincount`.
    """
    counts = jnp.ones(values.shape, "int32") if weights is None else weights
    places = jnp.concatenate([rows, values[:, None].astype(rows.dtype)], axis=1)
    length = _length_of_counts(values, minlength)
    return coordinates(counts.astype(_dtype_of_counts(weights)), places, (*shape, length))


@shape_rule(bincount)
def _bincount(
    x: KerasTensor, weights: Tensor | None = None, minlength: int = 0, sparse: bool = False
) -> KerasTensor:
    made_sparse = sparse or getattr(x, "sparse", False)
    return KerasTensor((*x.shape[:-1], None), _dtype_of_counts(weights), sparse=made_sparse)


@op
def histogram(x: Tensor, bins: int = 10, range: tuple[float, float] | None = None) -> Tensor:
    """Histogram: number of elements per bin, for bins of equal width, and the edges of the bins.

    Args:
        x: vector.
        bins: number of bins.
        range: `(lowest, highest)`; minimum and maximum of `x` if None.

    Returns:
        Counts `(bins,)` and edges `(bins + 1,)`.
    """
    if not isinstance(bins, int):
        raise type_error(f"bins must be an int, got {bins!r}.")
    if bins <= 0:
        raise value_error(f"bins must be >= 1, got {bins}.")
    numbers = builtins.all(isinstance(end, (int, float, np.generic)) for end in range or ())
    if range and numbers and range[-1] < range[0]:
        raise value_error(f"range must be (lowest, highest), got {range}.")
    x = tensor(x)
    if x.ndim != 1:
        raise value_error("histogram: x must be 1-D.", received=x.shape)
    return jnp.histogram(x, bins=bins, range=range)


# ---- arithmetic with rules of its own -----------------------------------------------------------


@op
def square(x: Tensor) -> Tensor:
    """`x * x`; bools as int32.

    Example:

        >>> square([1, -3]).tolist()
        [1, 9]
    """
    x = tensor(x)
    return jnp.square(x.astype("int32") if x.dtype == bool else x)


@op
def round(x: Tensor, decimals: int = 0) -> Tensor:
    """Round to `decimals` places; halves are rounded to even.

    Args:
        x: array of any shape.
        decimals: number of decimal places; negative ones round to tens, hundreds and so on.

    Example:

        >>> round([1234, 1250], -2).tolist()
        [1200, 1200]
    """
    x = tensor(x)
    if decimals < 0 and is_integer(x.dtype):
        return _to_multiples(x, 10**-decimals)
    return jnp.round(x, decimals=decimals)


def _to_multiples(x: Tensor, step: int) -> Any:
    """The nearest multiples of integers, or the last integer where that is beyond it."""
    info = jnp.iinfo(x.dtype)
    wide = x if info.bits >= 32 else x.astype("int32")
    if step > jnp.iinfo(wide.dtype).max:
        return jnp.zeros_like(x)
    least, most = (jnp.asarray(end, wide.dtype) for end in (info.min, info.max))
    below = wide % step
    above = step - below
    up = (below > above) | ((below == above) & (wide // step % 2 == 1))
    # Compared before they are added, as the sum may be no integer of the dtype.
    higher = jnp.where(wide > most - above, most, wide + above)
    lower = jnp.where(wide < least + below, least, wide - below)
    return jnp.where(up, higher, lower).astype(x.dtype)


@op
def clip(x: Tensor, x_min: Tensor, x_max: Tensor) -> Tensor:
    """Clip to `[x_min, x_max]`.

    Example:

        >>> clip([-1.0, 0.5, 3.0], 0.0, 1.0).tolist()
        [0.0, 0.5, 1.0]
    """
    x_min, x_max = (None if bound is None else weak(bound) for bound in (x_min, x_max))
    bounds = [bound for bound in (x_min, x_max) if bound is not None]
    if type(x) in (int, float, complex):  # decides no more than the kind of number
        kinds = [b.dtype.name if hasattr(b, "dtype") else type(b) for b in bounds]
        x = tensor(x, dtypes.result_type(type(x), *kinds))
    x = tensor(x)
    if x.dtype == bool:
        x = x.astype("int32")
    for bound in bounds:
        x, _ = pair(x, bound)
    return jnp.clip(x, x_min, x_max)


@op(tensors=2)
def divide_no_nan(x1: Tensor, x2: Tensor) -> Tensor:
    """`x1 / x2`, and 0 where `x2` is 0.

    Example:

        >>> divide_no_nan([1.0, 1.0], [2.0, 0.0]).tolist()
        [0.5, 0.0]
    """
    return _divide_no_nan(*to_floats(*pair(x1, x2)))


@fused
def _divide_no_nan(x1: Tensor, x2: Tensor) -> Tensor:
    zero = x2 == 0
    # the inner where keeps the gradient of the other branch finite
    return jnp.where(zero, 0, x1 / jnp.where(zero, 1, x2))


@op(tensors=2)
def ldexp(x1: Tensor, x2: Tensor) -> Tensor:
    """`x1 * 2 ** x2` with integer `x2`."""
    x2 = tensor(x2)
    if not is_integer(x2.dtype):
        raise type_error(f"ldexp: x2 must be integers, got {x2.dtype}.")
    return jnp.ldexp(to_float(x1), x2)


@op
def nan_to_num(
    x: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """Replace NaN and infinities: by default with 0 and the largest finite numbers of the dtype."""
    return jnp.nan_to_num(tensor(x), nan=nan, posinf=posinf, neginf=neginf)


@op(tensors=4)
def isclose(
    x1: Tensor, x2: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Whether `abs(x1 - x2) <= atol + rtol * abs(x2)`; infinities of one sign are close.

    Example:

        >>> isclose([1.0, float("inf")], [1.0 + 1e-6, float("inf")]).tolist()
        [True, True]
    """
    return jnp.isclose(*pair(x1, x2), rtol=rtol, atol=atol, equal_nan=equal_nan)


@op(tensors=2, file_name="AllClose")
def allclose(
    x1: Tensor, x2: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Whether all elements are close; see `isclose`."""
    return jnp.allclose(*pair(x1, x2), rtol=rtol, atol=atol, equal_nan=equal_nan)


# ---- products -----------------------------------------------------------------------------------


def _wide(x1: Tensor, x2: Tensor) -> Any:
    """int32 for two int8 operands: their products do not fit 8 bits."""
    return "int32" if x1.dtype == x2.dtype == jnp.int8 else None


@op(tensors=2)
def matmul(x1: Tensor, x2: Tensor) -> Tensor:
    """Matrix product of the last two axes; leading axes are broadcast.

    Args:
        x1: `(..., n, k)` or `(k,)`.
        x2: `(..., k, m)` or `(k,)`.

    Returns:
        `(..., n, m)`; int32 for int8 matrices.

    Example:

        >>> matmul([[1.0, 2.0]], [[3.0], [4.0]]).tolist()
        [[11.0]]
    """
    x1, x2 = tensor(x1), tensor(x2)
    for kernel in (products, rows):
        y = kernel.matmul(x1, x2)
        if y is not None:
            return y
    return jnp.matmul(x1, x2, preferred_element_type=_wide(x1, x2))


@op(tensors=2)
def dot(x1: Tensor, x2: Tensor) -> Tensor:
    """Dot product over the last axis of `x1` and the second-to-last of `x2`."""
    return jnp.dot(*pair(x1, x2))


@op
def einsum(subscripts: str, *operands: Tensor, **kwargs: Any) -> Tensor:
    """Sum of products in Einstein notation.

    Args:
        subscripts: one letter per axis, operands separated by commas, as in `"bij,bjk->bik"`;
            axes that the result lacks are summed over.
        *operands: arrays.

    Example:

        >>> einsum("ij,j->i", [[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0]).tolist()
        [3.0, 7.0]
    """
    arrays = [tensor(x) for x in operands]
    for kernel in (products, rows) if len(arrays) == 2 and not kwargs else ():
        y = kernel.einsum(subscripts, *arrays)
        if y is not None:
            return y
    kind = "int32" if builtins.all(x.dtype == jnp.int8 for x in arrays) else None
    return jnp.einsum(subscripts, *arrays, preferred_element_type=kind, **kwargs)


@op(tensors=2)
def tensordot(x1: Tensor, x2: Tensor, axes: int | Sequence[Any] = 2) -> Tensor:
    """Tensor contraction over pairs of axes.

    Args:
        x1, x2: arrays.
        axes: number of last axes of `x1` and first axes of `x2`, or a pair of lists of axes.
    """
    if isinstance(axes, (list, tuple)):
        axes = tuple(tuple(a) if isinstance(a, (list, tuple)) else a for a in axes)
    return jnp.tensordot(tensor(x1), tensor(x2), axes=axes)


@op(tensors=2)
def inner(x1: Tensor, x2: Tensor) -> Tensor:
    """Inner product over the last axis of both."""
    return jnp.inner(*pair(x1, x2))


@op(tensors=2)
def outer(x1: Tensor, x2: Tensor) -> Tensor:
    """Outer product of the flattened arrays, as a matrix."""
    x1, x2 = pair(x1, x2)
    return jnp.outer(x1, x2)


@op(tensors=2)
def vdot(x1: Tensor, x2: Tensor) -> Tensor:
    """Dot product of the flattened arrays, with `x1` conjugated."""
    return jnp.vdot(*pair(x1, x2))


@op(tensors=2)
def kron(x1: Tensor, x2: Tensor) -> Tensor:
    """Kronecker product."""
    return jnp.kron(*pair(x1, x2))


@op(tensors=2)
def cross(
    x1: Tensor,
    x2: Tensor,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Tensor:
    """Cross product of vectors of length 3 (or 2, which gives the third component only)."""
    x1, x2 = tensor(x1), tensor(x2)
    return jnp.cross(x1, x2, axisa=axisa, axisb=axisb, axisc=axisc, axis=axis)


@op(tensors=2)
def correlate(x1: Tensor, x2: Tensor, mode: str = "valid") -> Tensor:
    """Cross-correlation of two vectors.

    Args:
        x1, x2: vectors.
        mode: "valid" (complete overlap), "same" (the size of the longer) or "full" (any overlap).
    """
    x1, x2 = to_floats(*pair(tensor(x1), tensor(x2)))
    return jnp.correlate(x1, x2, mode=mode)


@op(wide=True)
def corrcoef(x: Tensor) -> Tensor:
    """Pearson correlation coefficients of the rows of a matrix."""
    return jnp.corrcoef(to_float(x))


@op
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Vandermonde matrix: powers of each element as rows, in descending order by default."""
    return jnp.vander(tensor(x), N=N, increasing=increasing)


@op
def slogdet(x: Tensor) -> tuple[Tensor, ...]:
    """Sign and log of the absolute value of the determinant."""
    return tuple(jnp.linalg.slogdet(to_float(x)))


# ---- new arrays ---------------------------------------------------------------------------------


def _sizes(shape: int | Shape) -> tuple[Any, ...]:
    return tuple(shape) if isinstance(shape, (list, tuple)) else (shape,)


@explained
def zeros(shape: int | Shape, dtype: DType | None = None) -> jax.Array:
    """Zeros in the given shape, in `floatx` if no dtype is given.

    Example:

        >>> zeros((2, 3)).shape
        (2, 3)
    """
    return jnp.zeros(_sizes(shape), dtype=dtypes.standardize_dtype(dtype))


@explained
def ones(shape: int | Shape, dtype: DType | None = None) -> jax.Array:
    """Ones in the given shape, in `floatx` if no dtype is given."""
    return jnp.ones(_sizes(shape), dtype=dtypes.standardize_dtype(dtype))


@explained
def full(shape: int | Shape, fill_value: Tensor, dtype: DType | None = None) -> jax.Array:
    """An array filled with one value, in `floatx` if no dtype is given."""
    return jnp.full(_sizes(shape), weak(fill_value), dtype=dtypes.standardize_dtype(dtype))


@explained
def empty(shape: int | Shape, dtype: DType | None = None) -> jax.Array:
    """An array with unspecified values; here zeros."""
    return jnp.zeros(_sizes(shape), dtype=dtypes.standardize_dtype(dtype))


@op
def zeros_like(x: Tensor, dtype: DType | None = None) -> Tensor:
    """Zeros in the shape of `x`, and in its dtype if none is given."""
    return jnp.zeros_like(tensor(x), dtype=_dtype_or_none(dtype))


@op
def ones_like(x: Tensor, dtype: DType | None = None) -> Tensor:
    """Ones in the shape of `x`, and in its dtype if none is given."""
    return jnp.ones_like(tensor(x), dtype=_dtype_or_none(dtype))


@op
def empty_like(x: Tensor, dtype: DType | None = None) -> Tensor:
    """An array in the shape of `x` with unspecified values; here zeros."""
    return jnp.zeros_like(tensor(x), dtype=_dtype_or_none(dtype))


@op(tensors=2)
def full_like(x: Tensor, fill_value: Tensor, dtype: DType | None = None) -> Tensor:
    """One value in the shape of `x`, and in its dtype if none is given."""
    return jnp.full_like(tensor(x), weak(fill_value), dtype=_dtype_or_none(dtype))


@explained
def eye(N: int, M: int | None = None, k: int = 0, dtype: DType | None = None) -> jax.Array:
    """Ones on diagonal `k` of an `(N, M)` matrix, zeros elsewhere; `M` is `N` if None."""
    return jnp.eye(
        index(N), None if M is None else index(M), k=k, dtype=dtypes.standardize_dtype(dtype)
    )


@explained
def identity(n: int, dtype: DType | None = None) -> jax.Array:
    """The identity matrix `(n, n)`."""
    return jnp.identity(index(n), dtype=dtypes.standardize_dtype(dtype))


@explained
def tri(N: int, M: int | None = None, k: int = 0, dtype: DType | None = None) -> jax.Array:
    """Ones at and below diagonal `k` of an `(N, M)` matrix, zeros above."""
    return jnp.tri(N, M, k=k, dtype=dtypes.standardize_dtype(dtype))


@explained
def arange(
    start: Tensor,
    stop: Tensor | None = None,
    step: Tensor | None = None,
    dtype: DType | None = None,
) -> jax.Array:
    """Numbers in `[start, stop)` with spacing `step`; in `[0, start)` if `stop` is None.

    Args:
        start, stop, step: numbers; `step` is 1 if None.
        dtype: int32 for integers and `floatx` for floats if None.

    Example:

        >>> arange(1, 7, 2).tolist()
        [1, 3, 5]
    """
    if dtype is None:
        given = [x for x in (start, stop, step) if x is not None]
        dtype = dtypes.result_type(*(getattr(x, "dtype", type(x)) for x in given))
        dtype = {"int64": "int32", "float64": "float32"}.get(dtype, dtype)
    dtype = dtypes.standardize_dtype(dtype)
    if stop is None:
        start, stop = 0, start
    return jnp.arange(start, stop, step, dtype=dtype)


def _ends(start: Tensor, stop: Tensor, dtype: DType | None) -> tuple[Any, Any, Any]:
    """The ends of an interval, and its dtype; Python numbers stay as they are."""
    dtype = _dtype_or_none(dtype)
    if type(start) in SCALARS and type(stop) in SCALARS:
        if dtype is None and complex not in (type(start), type(stop)):
            dtype = dtypes.standardize_dtype(None)
        return start, stop, dtype
    return *to_floats(*pair(start, stop)), dtype


@op(tensors=2)
def linspace(
    start: Tensor,
    stop: Tensor,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DType | None = None,
    axis: int = 0,
) -> Tensor:
    """`num` evenly spaced numbers from `start` to `stop`.

    Args:
        start, stop: numbers or arrays.
        num: number of samples.
        endpoint: whether `stop` is the last sample.
        retstep: whether to also return the spacing.
        dtype: dtype of the result; a float dtype if None.
        axis: position of the new axis if `start` or `stop` is an array.

    Example:

        >>> linspace(0, 1, 3).tolist()
        [0.0, 0.5, 1.0]
    """
    start, stop, dtype = _ends(start, stop, dtype)
    return jnp.linspace(start, stop, num, endpoint, retstep, dtype, axis)


@op(tensors=2)
def logspace(
    start: Tensor,
    stop: Tensor,
    num: int = 50,
    endpoint: bool = True,
    base: Tensor = 10,
    dtype: DType | None = None,
    axis: int = 0,
) -> Tensor:
    """Powers of `base` with evenly spaced exponents from `start` to `stop`."""
    start, stop, dtype = _ends(start, stop, dtype)
    return jnp.logspace(start, stop, num, endpoint, base, dtype, axis)


@op(tensors=2)
def geomspace(
    start: Tensor,
    stop: Tensor,
    num: int = 50,
    endpoint: bool = True,
    dtype: DType | None = None,
    axis: int = 0,
) -> Tensor:
    """Numbers from `start` to `stop` in a geometric progression."""
    start, stop, dtype = _ends(start, stop, dtype)
    return jnp.geomspace(start, stop, num, endpoint, dtype, axis)


@op
def array(x: Tensor, dtype: DType | None = None) -> Tensor:
    """An array from numbers, nested lists or another array."""
    return jnp.array(tensor(x), dtype=_dtype_or_none(dtype))


@op
def bartlett(x: Tensor) -> Tensor:
    """Bartlett (triangular) window of `x` samples, zero at both ends."""
    return jnp.bartlett(int(x)).astype(dtypes.standardize_dtype(None))


@op
def blackman(x: Tensor) -> Tensor:
    """Blackman window of `x` samples."""
    return jnp.blackman(int(x)).astype(dtypes.standardize_dtype(None))


@op
def hamming(x: Tensor) -> Tensor:
    """Hamming window of `x` samples."""
    return jnp.hamming(int(x)).astype(dtypes.standardize_dtype(None))


@op
def hanning(x: Tensor) -> Tensor:
    """Hann window of `x` samples, zero at both ends."""
    return jnp.hanning(int(x)).astype(dtypes.standardize_dtype(None))


@op
def kaiser(x: Tensor, beta: Tensor) -> Tensor:
    """Kaiser window of `x` samples with shape parameter `beta`."""
    return jnp.kaiser(int(x), beta).astype(dtypes.standardize_dtype(None))


def _window(x: Tensor, beta: Tensor | None = None) -> KerasTensor:
    return KerasTensor((None,), dtypes.standardize_dtype(None))


for _function in (bartlett, blackman, hamming, hanning, kaiser):
    shape_rule(_function)(_window)


def vectorize(
    pyfunc: Callable[..., Any],
    *,
    excluded: Sequence[Any] | None = None,
    signature: str | None = None,
) -> Callable[..., Any]:
    """Vectorize a function of scalars; its array arguments are broadcast.

    Args:
        pyfunc: function of scalars, or of what `signature` says.
        excluded: positions and names of arguments that are not vectorized.
        signature: core axes of arguments and results, such as `"(n),(n)->()"`.

    Example:

        >>> vectorize(lambda a, b: a + b)([1, 2], 10).tolist()
        [11, 12]
    """
    if not callable(pyfunc):
        raise value_error(f"vectorize: pyfunc must be callable, got {pyfunc!r}.")
    return jnp.vectorize(pyfunc, excluded=frozenset(excluded or ()), signature=signature)
