"""Operations with the names and the meaning of numpy, on the dtypes of deep learning.

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
from cornu.core.graph.op import binary, fused, op, reduction, shape_rule, unary
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
from cornu.kernels import matmul as products
from cornu.numeric import is_integer

# ---- rows: one tensor, element by element -------------------------------------------------------

absolute = unary(jnp.abs, "absolute", "Absolute value, element by element.")
abs = absolute
angle = unary(
    lambda x: jnp.angle(x).astype(jnp.finfo(x.dtype).dtype),  # jnp widens scalars
    "angle",
    "Angle of complex numbers in the plane, in radians.",
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
bitwise_invert = unary(jnp.invert, "bitwise_invert", "Each bit turned over; `not` for bools.")
bitwise_not = unary(jnp.invert, "bitwise_not", "Each bit turned over; `not` for bools.")
cbrt = unary(jnp.cbrt, "cbrt", "Cube root.", floating=True)
ceil = unary(jnp.ceil, "ceil", "The smallest whole number that is not below.", floating=True)
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
floor = unary(jnp.floor, "floor", "The largest whole number that is not above.", floating=True)
i0 = unary(jnp.i0, "i0", "Modified Bessel function of the first kind, order 0.", floating=True)
imag = unary(jnp.imag, "imag", "Imaginary part; zeros for real numbers.")
isfinite = unary(jnp.isfinite, "isfinite", "Whether each element is neither infinite nor NaN.")
isinf = unary(jnp.isinf, "isinf", "Whether each element is infinite.")
isnan = unary(jnp.isnan, "isnan", "Whether each element is NaN.")
isneginf = unary(jnp.isneginf, "isneginf", "Whether each element is minus infinity.")
isposinf = unary(jnp.isposinf, "isposinf", "Whether each element is plus infinity.")
isreal = unary(jnp.isreal, "isreal", "Whether each element has no imaginary part.")
log = unary(jnp.log, "log", "Natural logarithm; NaN below zero.", floating=True)
log10 = unary(jnp.log10, "log10", "Logarithm to base 10.", floating=True)
log1p = unary(jnp.log1p, "log1p", "`log(1 + x)`, precise near zero.", floating=True)
log2 = unary(jnp.log2, "log2", "Logarithm to base 2.", floating=True)
logical_not = unary(jnp.logical_not, "logical_not", "Whether each element is zero.")
negative = unary(jnp.negative, "negative", "`-x`.")
rad2deg = unary(jnp.rad2deg, "rad2deg", "Radians to degrees.", floating=True)
real = unary(jnp.real, "real", "Real part.")
reciprocal = unary(jnp.reciprocal, "reciprocal", "`1 / x`.", floating=True)
sign = unary(jnp.sign, "sign", "-1, 0 or 1 as the element is below, at or above zero.")
signbit = unary(jnp.signbit, "signbit", "Whether the sign bit is set, as it is in -0.0.")
sin = unary(jnp.sin, "sin", "Sine of radians.", floating=True)
sinc = unary(jnp.sinc, "sinc", "`sin(pi x) / (pi x)`, 1 at zero.", floating=True, wide=True)
sinh = unary(jnp.sinh, "sinh", "Hyperbolic sine.", floating=True)
sqrt = unary(jnp.sqrt, "sqrt", "Square root; NaN below zero.", floating=True)
tan = unary(jnp.tan, "tan", "Tangent of radians.", floating=True)
tanh = unary(jnp.tanh, "tanh", "Hyperbolic tangent, in (-1, 1).", floating=True)
trunc = unary(jnp.trunc, "trunc", "The fraction cut off.")

# ---- rows: two tensors, broadcast ---------------------------------------------------------------

add = binary(jnp.add, "add", "`x1 + x2`.")
arctan2 = binary(jnp.arctan2, "arctan2", "Angle of the point (x2, x1) in radians.", floating=True)
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

# ---- rows: axes folded --------------------------------------------------------------------------

all = reduction(jnp.all, "all", "Whether every element is non-zero.")
amax = reduction(jnp.max, "amax", "Largest element; NaN if there is one.")
amin = reduction(jnp.min, "amin", "Smallest element; NaN if there is one.")
any = reduction(jnp.any, "any", "Whether some element is non-zero.")
mean = reduction(jnp.mean, "mean", "Arithmetic mean.", floating=True)
median = reduction(
    jnp.median, "median", "The middle value, or the mean of two.", floating=True, wide=True
)
nanmax = reduction(jnp.nanmax, "nanmax", "Largest element that is not NaN.")
nanmean = reduction(jnp.nanmean, "nanmean", "Mean of what is not NaN.", floating=True, wide=True)
nanmedian = reduction(
    jnp.nanmedian, "nanmedian", "Median of what is not NaN.", floating=True, wide=True
)
nanmin = reduction(jnp.nanmin, "nanmin", "Smallest element that is not NaN.")
nanprod = reduction(jnp.nanprod, "nanprod", "Product of what is not NaN.")
nanstd = reduction(jnp.nanstd, "nanstd", "Deviation of what is not NaN.", floating=True, wide=True)
nansum = reduction(jnp.nansum, "nansum", "Sum of what is not NaN.")
nanvar = reduction(jnp.nanvar, "nanvar", "Variance of what is not NaN.", floating=True)
ptp = reduction(jnp.ptp, "ptp", "Largest minus smallest element.")
std = reduction(
    jnp.std, "std", "Standard deviation, square root of `var`.", floating=True, wide=True
)
sum = reduction(jnp.sum, "sum", "Sum; small integers are summed in 32 bits.")
var = reduction(jnp.var, "var", "Variance: mean squared distance from the mean.", floating=True)


@op
def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Largest element along `axis`; NaN if there is one.

    Args:
        x: array of any shape.
        axis: the axis or axes to fold; all of them if None.
        keepdims: whether folded axes stay with size 1.
        initial: the result is at least this; what an empty axis gives.

    Example:

        >>> float(max([3.0, 1.0]))
        3.0
    """
    return jnp.max(tensor(x), axis=axes(axis), keepdims=keepdims, initial=initial)


@op
def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Smallest element along `axis`; see `max`."""
    return jnp.min(tensor(x), axis=axes(axis), keepdims=keepdims, initial=initial)


@op
def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """Product along `axis`, in `dtype` if given.

    Example:

        >>> int(prod([2, 3, 4]))
        24
    """
    x = tensor(x)
    return jnp.prod(x, axis=axes(axis), keepdims=keepdims, dtype=_dtype_or_none(dtype))


@op(named=("weights",), wide=True)
def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
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
def count_nonzero(x: Any, axis: Any = None) -> Any:
    """How many elements are not zero, int32."""
    return jnp.count_nonzero(tensor(x), axis=axes(axis)).astype("int32")


@op(tensors=2)
def quantile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """The value below which a fraction `q` of the elements lies.

    Args:
        x: array of any shape.
        q: fraction in [0, 1], or a vector of them, whose axis comes first in the result.
        axis: the axis or axes to fold; all of them if None.
        method: between two elements: "linear", "lower", "higher", "midpoint" or "nearest".
        keepdims: whether folded axes stay with size 1.

    Example:

        >>> float(quantile([1.0, 2.0, 4.0], 0.75))
        3.0
    """
    return _quantile(jnp.quantile, x, q, axis, method, keepdims)


@op(tensors=2)
def percentile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """`quantile` with `q` in percent."""
    return _quantile(jnp.percentile, x, q, axis, method, keepdims, most=100)


@op(tensors=2)
def nanquantile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """`quantile` of what is not NaN."""
    return _quantile(jnp.nanquantile, x, q, axis, method, keepdims)


@op(tensors=2)
def nanpercentile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """`quantile` of what is not NaN, with `q` in percent."""
    return _quantile(jnp.nanpercentile, x, q, axis, method, keepdims, most=100)


def _quantile(
    function: Any, x: Any, q: Any, axis: Any, method: str, keepdims: bool, most: int = 1
) -> Any:
    x = to_float(x)
    if type(q) in (int, float):
        if not 0 <= q <= most:
            raise ValueError(f"q lies between 0 and {most}.")
        q = float(q)
    else:
        q = tensor(q, x.dtype)
    return function(x, q, axis=axes(axis), method=method, keepdims=keepdims)


def _dtype_or_none(dtype: Any) -> str | None:
    return None if dtype is None else dtypes.standardize_dtype(dtype)


# ---- along an axis ------------------------------------------------------------------------------


@op
def cumsum(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """Running sum along `axis`; of the flattened array if None.

    Example:

        >>> cumsum([1, 2, 3]).tolist()
        [1, 3, 6]
    """
    return _running(jnp.cumsum, x, axis, dtype)


@op
def cumprod(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """Running product along `axis`; of the flattened array if None."""
    return _running(jnp.cumprod, x, axis, dtype)


@op(compiled=True)
def nancumsum(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """Running sum in which NaN counts as zero."""
    x = tensor(x)
    return _running(jnp.cumsum, jnp.where(jnp.isnan(x), jnp.zeros_like(x), x), axis, dtype)


@op(compiled=True)
def nancumprod(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """Running product in which NaN counts as one."""
    x = tensor(x)
    return _running(jnp.cumprod, jnp.where(jnp.isnan(x), jnp.ones_like(x), x), axis, dtype)


def _running(function: Any, x: Any, axis: Any, dtype: Any) -> Any:
    x = tensor(x)
    if dtype is None:
        dtype = "int32" if x.dtype == bool else x.dtype
    dtype = _dtype_or_none(dtype)
    if dtype in HALVES:  # what later terms bring back must not be lost on the way
        return function(x, axis=axis, dtype="float32").astype(dtype)
    return function(x, axis=axis, dtype=dtype)


@op
def argmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Index of the largest element along `axis`, int32; of the flattened array if None.

    Of equal ones the first counts.

    Example:

        >>> argmax([[1, 5, 2], [7, 0, 7]], axis=-1).tolist()
        [1, 0]
    """
    return jnp.argmax(tensor(x), axis=axis, keepdims=keepdims).astype("int32")


@op
def argmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Index of the smallest element along `axis`, int32; see `argmax`."""
    return jnp.argmin(tensor(x), axis=axis, keepdims=keepdims).astype("int32")


@op
def nanargmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Index of the largest element that is not NaN; -1 where all are."""
    return jnp.nanargmax(tensor(x), axis=axis, keepdims=keepdims).astype("int32")


@op
def nanargmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Index of the smallest element that is not NaN; -1 where all are."""
    return jnp.nanargmin(tensor(x), axis=axis, keepdims=keepdims).astype("int32")


@op
def argsort(x: Any, axis: Any = -1) -> Any:
    """Indices that sort along `axis`, int32; equal elements keep their order.

    A scalar is taken for a vector of one element.
    """
    x = tensor(x)
    return jnp.argsort(x, axis=axis if x.ndim else None).astype("int32")


@op
def argpartition(x: Any, kth: int, axis: Any = -1) -> Any:
    """Indices that put element `kth` in its place, smaller ones in front of it; int32.

    Along `axis`; of the flattened array if None.
    """
    x = tensor(x)
    x, axis = (jnp.ravel(x), -1) if axis is None else (x, axis)
    return jnp.argpartition(x, kth, axis=axis).astype("int32")


@op
def sort(x: Any, axis: Any = -1) -> Any:
    """The elements in ascending order along `axis`; NaN comes last.

    Example:

        >>> sort([3, 1, 2]).tolist()
        [1, 2, 3]
    """
    return jnp.sort(tensor(x), axis=axis)


@op
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Differences of neighbours along `axis`, taken `n` times; for bools, whether they differ."""
    return jnp.diff(tensor(a), n=n, axis=axis)


@op(wide=True)
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """Integral by the trapezoidal rule.

    Args:
        y: values of the function.
        x: where they were taken; `dx` apart if None.
        dx: distance of the points.
        axis: to integrate along.
    """
    y = to_float(y)
    dx = dx if type(dx) in SCALARS else tensor(dx, y.dtype)
    return jnp.trapezoid(y, None if x is None else to_float(x), dx=dx, axis=axis)


@op
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """The elements moved by `shift` places along `axis`, around the end to the beginning.

    Example:

        >>> roll([1, 2, 3], 1).tolist()
        [3, 1, 2]
    """
    return jnp.roll(tensor(x), shift, axis=axes(axis))


@op
def flip(x: Any, axis: Any = None) -> Any:
    """The elements in reverse order along `axis`, along every axis if None."""
    return jnp.flip(tensor(x), axis=axes(axis))


@op
def fliplr(x: Any) -> Any:
    """The second axis in reverse order."""
    return jnp.fliplr(tensor(x))


@op
def flipud(x: Any) -> Any:
    """The first axis in reverse order."""
    return jnp.flipud(tensor(x))


# ---- shape --------------------------------------------------------------------------------------


@op
def reshape(x: Any, newshape: Any) -> Any:
    """The same elements in another shape, in row-major order.

    Args:
        x: array of any shape.
        newshape: sizes; one of them may be -1, and is found from the others.

    Example:

        >>> reshape(arange(6), (2, -1)).shape
        (2, 3)
    """
    sizes = tuple(-1 if n is None else n for n in _as_sizes(newshape))
    if [n for n in sizes if isinstance(n, int) and n < 0] not in ([], [-1]):
        raise value_error("A size must not be negative, except one -1.")
    return jnp.reshape(tensor(x), sizes)


def _as_sizes(newshape: Any) -> Sequence[Any]:
    return newshape if isinstance(newshape, (list, tuple)) else (newshape,)


@shape_rule(reshape)
def _reshaped(x: KerasTensor, newshape: Any) -> KerasTensor:
    sizes = _as_sizes(newshape)
    if any_symbolic((sizes,)):  # which sizes those are is known when the graph runs
        given = [None if isinstance(n, KerasTensor) or n in (-1, None) else int(n) for n in sizes]
        return KerasTensor(given, x.dtype, sparse=getattr(x, "sparse", False))
    newshape = tuple(-1 if n is None else int(n) for n in sizes)
    if newshape.count(-1) > 1:
        raise value_error(f"reshape can find one unknown size, got {newshape}.", received=x.shape)
    known = None not in x.shape
    size = int(np.prod([n for n in x.shape if n is not None], dtype=int))
    wanted = int(np.prod([n for n in newshape if n != -1], dtype=int))
    fits = True
    if known:
        fits = (size % wanted == 0 if wanted else size == 0) if -1 in newshape else size == wanted
    if not fits:
        raise value_error(
            f"reshape cannot turn {size} elements into the shape {newshape}.",
            received=x.shape,
            fix="the product of the sizes must stay.",
        )
    free = size // wanted if known and wanted else None
    return KerasTensor([free if n == -1 else n for n in newshape], x.dtype, sparse=x.sparse)


@op
def transpose(x: Any, axes: Any = None) -> Any:
    """Axes in another order, reversed if `axes` is None.

    Example:

        >>> transpose(zeros((2, 3, 4)), (1, 0, 2)).shape
        (3, 2, 4)
    """
    return jnp.transpose(tensor(x), None if axes is None else tuple(axes))


@op
def expand_dims(x: Any, axis: Any) -> Any:
    """A new axis of size 1 (or several) at the given position in the result."""
    return jnp.expand_dims(tensor(x), axes(axis))


@op
def squeeze(x: Any, axis: Any = None) -> Any:
    """Axes of size 1 taken away: those given, or all of them."""
    return jnp.squeeze(tensor(x), axis=axes(axis))


@shape_rule(squeeze)
def _squeezed(x: KerasTensor, axis: Any = None) -> KerasTensor:
    if axis is None:
        return KerasTensor([n for n in x.shape if n != 1], x.dtype, sparse=x.sparse)
    gone = set()
    for one in axis if isinstance(axis, (list, tuple)) else (axis,):
        if not -x.ndim <= one < x.ndim:
            raise value_error(f"squeeze: there is no axis {one}.", received=x.shape)
        if x.shape[one] not in (1, None):
            raise value_error(
                f"squeeze: axis {one} has size {x.shape[one]}, not 1.", received=x.shape
            )
        gone.add(one % x.ndim)
    kept = [n for i, n in enumerate(x.shape) if i not in gone]
    return KerasTensor(kept, x.dtype, sparse=x.sparse)


@op
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Axes moved from `source` to `destination`; the others keep their order."""
    return jnp.moveaxis(tensor(x), axes(source), axes(destination))


@op
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    return jnp.swapaxes(tensor(x), axis1, axis2)


@op
def ravel(x: Any) -> Any:
    """All elements along one axis."""
    return jnp.ravel(tensor(x))


@op
def broadcast_to(x: Any, shape: Any) -> Any:
    """The array repeated along axes of size 1 and new leading axes until it has the shape."""
    return jnp.broadcast_to(tensor(x), tuple(shape))


@shape_rule(broadcast_to)
def _broadcast(x: KerasTensor, shape: Any) -> KerasTensor:
    shape = tuple(shape)
    behind = shape[len(shape) - x.ndim :]
    if len(shape) < x.ndim or builtins.any(
        m not in (1, None) and m != n for m, n in zip(x.shape, behind, strict=True)
    ):
        raise value_error(f"broadcast_to cannot reach {shape}.", received=x.shape)
    return KerasTensor(shape, x.dtype)


@op
def tile(x: Any, repeats: Any) -> Any:
    """The whole array side by side `repeats` times along each axis."""
    return jnp.tile(tensor(x), repeats if isinstance(repeats, int) else tuple(repeats))


@op
def repeat(x: Any, repeats: Any, axis: Any = None) -> Any:
    """Each element `repeats` times in a row along `axis`; of the flattened array if None.

    Args:
        x: array.
        repeats: a number, or one for each element of the axis; inside compiled code they must be
            known before.
        axis: to repeat along.

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
def _repeated(x: Any, repeats: Any, axis: Any = None) -> Any:
    unknown = None in (x.shape if axis is None else (x.shape[axis],))
    if not any_symbolic((repeats,)) and (isinstance(repeats, int) or not unknown):
        return NotImplemented
    sizes = [None] if axis is None else [*x.shape]
    sizes[axis or 0] = None
    return KerasTensor(sizes, x.dtype)


@op
def rot90(array: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """A quarter turn, `k` times, from the first of the two axes towards the second."""
    return jnp.rot90(tensor(array), k=k, axes=tuple(axes))


@op(named=("constant_values",))
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """Elements added around the array.

    Args:
        x: array of any shape.
        pad_width: `(before, after)` for each axis, or one pair or int for all.
        mode: "constant", "reflect", "symmetric", "edge", "wrap", "linear_ramp", "maximum",
            "mean", "median", "minimum" or "empty".
        constant_values: what is added in mode "constant"; 0 if None.

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
        raise value_error(f"pad takes constant_values in mode 'constant' only, not in {mode!r}.")
    return jnp.pad(tensor(x), widths, mode=mode, constant_values=constant_values)


@op
def view(x: Any, dtype: Any = None) -> Any:
    """The same bits read as another dtype; the last axis grows or shrinks with the size."""
    return tensor(x).view(_dtype_or_none(dtype))


@op
def size(x: Any) -> Any:
    """Number of elements, as an int."""
    return x.size if isinstance(x, (jax.Array, np.ndarray)) else tensor(x).size


@op
def ndim(x: Any) -> Any:
    """Number of axes, as an int."""
    return jnp.ndim(tensor(x))


# ---- joining and cutting ------------------------------------------------------------------------


def _together(xs: Any) -> list[Any]:
    """Arrays of one dtype: the one that all of them promote to."""
    if hasattr(xs, "shape"):
        return list(tensor(xs))
    return [tensor(x) for x in xs]


@op
def concatenate(xs: Any, axis: Any = 0) -> Any:
    """Arrays one after another along an axis that they have.

    Args:
        xs: arrays that are alike in all axes but `axis`.
        axis: along which they follow each other; flattened first if None.

    Example:

        >>> concatenate([zeros((2, 1)), ones((2, 3))], axis=1).shape
        (2, 4)
    """
    return jnp.concatenate(_together(xs), axis=axis)


@op
def stack(x: Any, axis: int = 0) -> Any:
    """Arrays of one shape side by side along a new axis.

    Example:

        >>> stack([[1, 2], [3, 4]], axis=1).tolist()
        [[1, 3], [2, 4]]
    """
    return jnp.stack(_together(x), axis=axis)


@op
def vstack(xs: Any) -> Any:
    """Arrays below each other, along the first axis; vectors become rows."""
    return jnp.vstack(_together(xs))


@op
def hstack(xs: Any) -> Any:
    """Arrays beside each other, along the second axis; vectors along their only one."""
    return jnp.hstack(_together(xs))


@op
def dstack(xs: Any) -> Any:
    """Arrays behind each other, along the third axis."""
    return jnp.dstack(_together(xs))


@op(tensors=2)
def append(x1: Any, x2: Any, axis: Any = None) -> Any:
    """`x2` after `x1` along `axis`; both flattened if None."""
    return jnp.append(*pair(x1, x2), axis=axis)


@op
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """The array cut along `axis` into equal parts, or at given places.

    Args:
        x: array.
        indices_or_sections: the number of parts, which divides the size of the axis, or the
            indices at which a new part begins.
        axis: to cut.

    Returns:
        A list of arrays.

    Example:

        >>> [part.tolist() for part in split(arange(4), [1, 3])]
        [[0], [1, 2], [3]]
    """
    return list(jnp.split(tensor(x), _cuts(indices_or_sections), axis=axis))


@shape_rule(split)
def _parts(x: KerasTensor, indices_or_sections: Any, axis: int = 0) -> list[KerasTensor]:
    total = x.shape[axis]
    indices_or_sections = _cuts(indices_or_sections)
    if isinstance(indices_or_sections, int):
        parts = indices_or_sections
        if total is not None and total % parts:
            raise value_error(
                f"split cannot cut axis {axis} into {parts} equal parts.", received=x.shape
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


def _cuts(indices_or_sections: Any) -> Any:
    if isinstance(indices_or_sections, (int, np.integer)):
        spend(int(indices_or_sections))  # each part is made
        return indices_or_sections
    if isinstance(indices_or_sections, (list, tuple)):
        return list(counted(indices_or_sections))
    return tensor(indices_or_sections)


@op
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """`split` into parts that may differ by one in size."""
    return list(jnp.array_split(tensor(x), _cuts(indices_or_sections), axis=axis))


@op
def hsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the second axis; along the only one of a vector."""
    return list(jnp.hsplit(tensor(x), _cuts(indices_or_sections)))


@op
def vsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the first axis."""
    return list(jnp.vsplit(tensor(x), _cuts(indices_or_sections)))


@op
def dsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the third axis."""
    return list(jnp.dsplit(tensor(x), _cuts(indices_or_sections)))


@op
def meshgrid(*x: Any, indexing: str = "xy") -> list[Any]:
    """Coordinates of the points of a grid, one array for each of the given axes.

    Args:
        *x: vectors, the coordinates along each axis.
        indexing: "xy" lets the first vector run along the second axis of the results; "ij" along
            the first.

    Example:

        >>> [g.tolist() for g in meshgrid([1, 2], [3, 4, 5], indexing="ij")][0]
        [[1, 1, 1], [2, 2, 2]]
    """
    return list(jnp.meshgrid(*map(tensor, x), indexing=indexing))


# ---- choosing elements --------------------------------------------------------------------------


@op(tensors=2)
def get_item(x: Any, key: Any) -> Any:
    """`x[key]`, with indices, slices, `...`, None and arrays as numpy takes them."""
    x = tensor(x)
    key = jax.tree.map(_value, key, is_leaf=lambda k: isinstance(k, Variable))
    _check_places(x, key if isinstance(key, tuple) else (key,))
    return x[key]


def _value(key: Any) -> Any:
    return key.value if isinstance(key, Variable) else key


@shape_rule(get_item)
def _picked(x: Any, key: Any) -> Any:
    if isinstance(key, KerasTensor) and key.dtype == "bool":  # how many are picked is not known
        return KerasTensor((None, *x.shape[key.ndim :]), x.dtype)
    return NotImplemented


def _check_places(x: Any, key: tuple[Any, ...]) -> None:
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
                raise IndexError(f"there is no element {k} along axis {axis}, which has {size}.")
            axis += 1


@op(tensors=2)
def take(x: Any, indices: Any, axis: Any = None) -> Any:
    """Elements along `axis` at the given indices.

    Args:
        x: array.
        indices: integers of any shape; negative ones count from the end. Beyond the axis there is
            NaN (the smallest value for integers).
        axis: to take along; of the flattened array if None.

    Returns:
        The shape of `x` with `axis` replaced by the shape of `indices`.

    Example:

        >>> take([[1, 2], [3, 4]], [1, 0], axis=0).tolist()
        [[3, 4], [1, 2]]
    """
    x, indices = tensor(x), tensor(indices)
    return jnp.take(x, indices, axis=axis)


@op(tensors=2)
def take_along_axis(x: Any, indices: Any, axis: Any = None) -> Any:
    """Elements at indices that differ from row to row, as `argsort` and `argmax` give them.

    Args:
        x: array.
        indices: integers, with the axes of `x`.
        axis: to take along; of the flattened array if None.
    """
    x, indices = tensor(x), tensor(indices)
    return jnp.take_along_axis(x, indices, axis=axis)


@op(tensors=3)
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """`x1` where the condition holds, `x2` elsewhere; without them, where it holds.

    Args:
        condition: bools; other dtypes count as true where they are not zero.
        x1, x2: arrays, broadcast against the condition.

    Returns:
        An array; without `x1` and `x2` a tuple of index vectors, one an axis.

    Example:

        >>> where([True, False], 1.0, 2.0).tolist()
        [1.0, 2.0]
    """
    condition = tensor(condition)
    if x1 is None and x2 is None:
        return jnp.where(condition)
    if x1 is None or x2 is None:
        raise value_error("where takes both x1 and x2, or neither.")
    return jnp.where(condition, *pair(x1, x2))


@shape_rule(where)
def _where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    return _nonzero(condition) if x1 is None and x2 is None else NotImplemented


@op
def nonzero(x: Any) -> Any:
    """Where elements are not zero: a tuple of index vectors, one an axis."""
    return jnp.nonzero(tensor(x))


@shape_rule(nonzero)
def _nonzero(x: KerasTensor) -> Any:
    return tuple(KerasTensor((None,), "int32") for _ in x.shape)


@op(tensors=3, compiled=True)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """From each place, the choice whose condition is the first to hold there.

    Args:
        condlist: list of bool arrays.
        choicelist: list of arrays, as many.
        default: where no condition holds.
    """
    conditions = [tensor(c) for c in condlist]
    choices = [weak(c) for c in choicelist]
    if builtins.all(type(c) in SCALARS for c in (*choices, default)):
        choices = [tensor(c) for c in choices]
    return jnp.select(conditions, choices, weak(default))


@op
def diag(x: Any, k: int = 0) -> Any:
    """A matrix with the vector on diagonal `k`, or the diagonal `k` of a matrix."""
    return jnp.diag(tensor(x), k=k)


@op(compiled=True)
def diagflat(x: Any, k: int = 0) -> Any:
    """A matrix with all elements of the array on diagonal `k`."""
    return jnp.diagflat(tensor(x), k=k)


@op
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """A diagonal of the matrices along two axes, as a last axis."""
    x = tensor(x)
    if x.ndim > 1 and -x.ndim <= axis1 < x.ndim and axis1 % x.ndim == axis2 % x.ndim:
        raise value_error(f"diagonal: axis1 and axis2 must differ, both are {axis1}.")
    return jnp.diagonal(x, offset=offset, axis1=axis1, axis2=axis2)


@op
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Sum of a diagonal of the matrices along two axes."""
    return jnp.trace(tensor(x), offset=offset, axis1=axis1, axis2=axis2)


@op
def tril(x: Any, k: int = 0) -> Any:
    """The lower triangle up to diagonal `k`, zeros above."""
    return jnp.tril(tensor(x), k=k)


@op
def triu(x: Any, k: int = 0) -> Any:
    """The upper triangle from diagonal `k` on, zeros below."""
    return jnp.triu(tensor(x), k=k)


@op
def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different elements, ascending; each NaN differs from all others.

    Args:
        x: array.
        sorted: kept for Keras's signature; the result is sorted in any case.
        return_index: also where each comes first.
        return_inverse: also which of them each element is.
        return_counts: also how often each occurs.
        axis: compare slices along it; elements if None.
        size: of the result; needed inside compiled code, where it cannot depend on the values.
        fill_value: fills up the result to `size`; the smallest element if None.

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
    axis: Any = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    if axis is not None and not -x.ndim <= axis < x.ndim:
        raise value_error(f"unique: there is no axis {axis}.", received=x.shape)
    values: list[int | None] = [size] if axis is None else [*x.shape]
    values[axis or 0] = size
    found = KerasTensor(values, x.dtype)
    inverse = x.shape if axis is None else (x.shape[axis],)
    asked = [(return_index, (size,)), (return_inverse, inverse), (return_counts, (size,))]
    further = [KerasTensor(shape, "int32") for wanted, shape in asked if wanted]
    return (found, *further) if further else found


@op(tensors=2, file_name="IsIn")
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether each element of `x1` is among those of `x2`; with `invert`, whether it is not."""
    return jnp.isin(tensor(x1), tensor(x2), assume_unique=assume_unique, invert=invert)


@op(tensors=2, file_name="SearchSorted")
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Where values would have to be put in to keep a sorted vector sorted, int32.

    Args:
        sorted_sequence: ascending vector.
        values: array of any shape.
        side: of equal elements, before the first ("left") or after the last ("right").
    """
    sorted_sequence, values = tensor(sorted_sequence), tensor(values)
    if sorted_sequence.ndim != 1:
        raise value_error(
            "searchsorted searches in one sorted vector.",
            received=f"sorted_sequence {sorted_sequence.shape}",
            fix="ops.vectorized_map applies it row by row.",
        )
    return jnp.searchsorted(sorted_sequence, values, side=side).astype("int32")


@shape_rule(searchsorted)
def _searched(sorted_sequence: Any, values: Any, side: str = "left") -> KerasTensor:
    if len(sorted_sequence.shape) != 1:
        raise value_error(
            "searchsorted searches in one sorted vector.",
            received=f"sorted_sequence {sorted_sequence.shape}",
        )
    return KerasTensor(getattr(values, "shape", np.shape(values)), "int32")


@op(tensors=2)
def digitize(x: Any, bins: Any) -> Any:
    """Number of the bin of each element: `i` where `bins[i - 1] <= x < bins[i]`; int32."""
    bins = tensor(bins)
    if bins.ndim != 1:
        raise ValueError("bins is a vector.")
    return jnp.digitize(tensor(x), bins).astype("int32")


@op(compiled=True)
def unravel_index(indices: Any, shape: Any) -> Any:
    """Indices into the flattened array as a tuple of indices, one an axis."""
    indices = tensor(indices)
    indices = indices.astype("int32") if indices.dtype == bool else indices
    return tuple(i.astype(indices.dtype) for i in _unraveled(indices, shape))


def _unraveled(indices: Any, shape: Any) -> Any:
    return jnp.unravel_index(indices, tuple(shape))


@op
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """How often each integer from 0 on occurs, in each row of a batch.

    Args:
        x: non-negative integers `(n,)` or `(batch, n)`.
        weights: counts instead of 1, of the shape of `x`.
        minlength: smallest length of the result; inside compiled code, its length.
        sparse: whether the result is a sparse array, as it is for sparse integers: of those only
            the values that are there are counted.

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


def _length_of_counts(x: Any, minlength: int) -> int:
    if is_tracer(x) or not x.size:
        return minlength
    return builtins.max(int(x.max()) + 1, int(minlength))


def _dtype_of_counts(weights: Any) -> Any:
    return "int32" if weights is None else dtypes.result_type(weights.dtype, "int32")


def sparse_counts(
    values: Any, rows: Any, shape: tuple[int, ...], weights: Any, minlength: int
) -> Any:
    """How often each integer occurs in each row, as a sparse array.

    Args:
        values: integers `(n,)`.
        rows: where each stands, `(n, axes)`.
        shape: shape of the rows.
        weights: counts instead of 1, `(n,)`, or None.
        minlength: see `bincount`.
    """
    counts = jnp.ones(values.shape, "int32") if weights is None else weights
    places = jnp.concatenate([rows, values[:, None].astype(rows.dtype)], axis=1)
    length = _length_of_counts(values, minlength)
    return coordinates(counts.astype(_dtype_of_counts(weights)), places, (*shape, length))


@shape_rule(bincount)
def _bincount(
    x: KerasTensor, weights: Any = None, minlength: int = 0, sparse: bool = False
) -> KerasTensor:
    made_sparse = sparse or getattr(x, "sparse", False)
    return KerasTensor((*x.shape[:-1], None), _dtype_of_counts(weights), sparse=made_sparse)


@op
def histogram(x: Any, bins: Any = 10, range: Any = None) -> Any:
    """How many elements lie in each of `bins` bins of equal width, and the edges of the bins.

    Args:
        x: vector.
        bins: number of bins.
        range: `(lowest, highest)`; smallest and largest element if None.

    Returns:
        Counts `(bins,)` and edges `(bins + 1,)`.
    """
    if not isinstance(bins, int):
        raise type_error(f"bins must be an int, got {bins!r}.")
    if bins <= 0:
        raise value_error(f"bins must be positive, got {bins}.")
    numbers = builtins.all(isinstance(end, (int, float, np.generic)) for end in range or ())
    if range and numbers and range[-1] < range[0]:
        raise value_error(f"range must be (lowest, highest), got {range}.")
    x = tensor(x)
    if x.ndim != 1:
        raise value_error("histogram takes a vector.", received=x.shape)
    return jnp.histogram(x, bins=bins, range=range)


# ---- arithmetic with rules of its own -----------------------------------------------------------


@op
def square(x: Any) -> Any:
    """`x * x`; bools as int32.

    Example:

        >>> square([1, -3]).tolist()
        [1, 9]
    """
    x = tensor(x)
    return jnp.square(x.astype("int32") if x.dtype == bool else x)


@op
def round(x: Any, decimals: int = 0) -> Any:
    """Rounded to `decimals` places; halves go to the even neighbour.

    Args:
        x: array of any shape.
        decimals: places behind the point; negative ones round to tens, hundreds and so on.

    Example:

        >>> round([1234, 1250], -2).tolist()
        [1200, 1200]
    """
    x = tensor(x)
    if decimals < 0 and is_integer(x.dtype):
        return _to_multiples(x, 10**-decimals)
    return jnp.round(x, decimals=decimals)


def _to_multiples(x: Any, step: int) -> Any:
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
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """The elements moved into `[x_min, x_max]`.

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
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """`x1 / x2`, and 0 where `x2` is 0.

    Example:

        >>> divide_no_nan([1.0, 1.0], [2.0, 0.0]).tolist()
        [0.5, 0.0]
    """
    return _divide_no_nan(*to_floats(*pair(x1, x2)))


@fused
def _divide_no_nan(x1: Any, x2: Any) -> Any:
    zero = x2 == 0
    # the inner where keeps the gradient of the other branch finite
    return jnp.where(zero, 0, x1 / jnp.where(zero, 1, x2))


@op(tensors=2)
def ldexp(x1: Any, x2: Any) -> Any:
    """`x1 * 2 ** x2` with integer `x2`."""
    x2 = tensor(x2)
    if not is_integer(x2.dtype):
        raise type_error(f"ldexp takes integer exponents, got {x2.dtype}.")
    return jnp.ldexp(to_float(x1), x2)


@op
def nan_to_num(x: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """NaN and infinities replaced by numbers: by 0 and the largest finite ones of the dtype."""
    return jnp.nan_to_num(tensor(x), nan=nan, posinf=posinf, neginf=neginf)


@op(tensors=4)
def isclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    """Whether `abs(x1 - x2) <= atol + rtol * abs(x2)`; infinities of one sign are close.

    Example:

        >>> isclose([1.0, float("inf")], [1.0 + 1e-6, float("inf")]).tolist()
        [True, True]
    """
    return jnp.isclose(*pair(x1, x2), rtol=rtol, atol=atol, equal_nan=equal_nan)


@op(tensors=2, file_name="AllClose")
def allclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    """Whether all elements are close; see `isclose`."""
    return jnp.allclose(*pair(x1, x2), rtol=rtol, atol=atol, equal_nan=equal_nan)


# ---- products -----------------------------------------------------------------------------------


def _wide(x1: Any, x2: Any) -> Any:
    """int32 for two int8 operands: their products do not fit 8 bits."""
    return "int32" if x1.dtype == x2.dtype == jnp.int8 else None


@op(tensors=2)
def matmul(x1: Any, x2: Any) -> Any:
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
    narrow = products.matmul(x1, x2)
    if narrow is not None:
        return narrow
    return jnp.matmul(x1, x2, preferred_element_type=_wide(x1, x2))


@op(tensors=2)
def dot(x1: Any, x2: Any) -> Any:
    """Sum of products over the last axis of `x1` and the last but one of `x2`."""
    return jnp.dot(*pair(x1, x2))


@op
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Sum of products in Einstein's notation.

    Args:
        subscripts: one letter an axis, operands separated by commas, as in `"bij,bjk->bik"`;
            letters that the result lacks are summed over.
        *operands: arrays.

    Example:

        >>> einsum("ij,j->i", [[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0]).tolist()
        [3.0, 7.0]
    """
    arrays = [tensor(x) for x in operands]
    narrow = products.einsum(subscripts, *arrays) if len(arrays) == 2 and not kwargs else None
    if narrow is not None:
        return narrow
    kind = "int32" if builtins.all(x.dtype == jnp.int8 for x in arrays) else None
    return jnp.einsum(subscripts, *arrays, preferred_element_type=kind, **kwargs)


@op(tensors=2)
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """Sum of products over pairs of axes.

    Args:
        x1, x2: arrays.
        axes: how many of the last axes of `x1` meet the first of `x2`, or a pair of lists of axes.
    """
    if isinstance(axes, (list, tuple)):
        axes = tuple(tuple(a) if isinstance(a, (list, tuple)) else a for a in axes)
    return jnp.tensordot(tensor(x1), tensor(x2), axes=axes)


@op(tensors=2)
def inner(x1: Any, x2: Any) -> Any:
    """Sum of products over the last axis of both."""
    return jnp.inner(*pair(x1, x2))


@op(tensors=2)
def outer(x1: Any, x2: Any) -> Any:
    """Every element of `x1` times every element of `x2`, as a matrix."""
    x1, x2 = pair(x1, x2)
    return jnp.outer(x1, x2)


@op(tensors=2)
def vdot(x1: Any, x2: Any) -> Any:
    """Sum of the products of all elements, the first conjugated."""
    return jnp.vdot(*pair(x1, x2))


@op(tensors=2)
def kron(x1: Any, x2: Any) -> Any:
    """Kronecker product: `x2` times each element of `x1`, laid out as `x1` is."""
    return jnp.kron(*pair(x1, x2))


@op(tensors=2)
def cross(
    x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Any:
    """Vector product of vectors of length 3 (or 2, of which the third component remains)."""
    x1, x2 = tensor(x1), tensor(x2)
    return jnp.cross(x1, x2, axisa=axisa, axisb=axisb, axisc=axisc, axis=axis)


@op(tensors=2)
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """Cross-correlation of two vectors.

    Args:
        x1, x2: vectors.
        mode: "valid" where they overlap wholly, "same" in the size of the longer, "full" where
            they overlap at all.
    """
    x1, x2 = to_floats(*pair(tensor(x1), tensor(x2)))
    return jnp.correlate(x1, x2, mode=mode)


@op(wide=True)
def corrcoef(x: Any) -> Any:
    """Correlation coefficients of the rows of a matrix."""
    return jnp.corrcoef(to_float(x))


@op
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Powers of the elements of a vector as rows, the highest first unless `increasing`."""
    return jnp.vander(tensor(x), N=N, increasing=increasing)


@op
def slogdet(x: Any) -> Any:
    """Sign and logarithm of the absolute value of determinants."""
    return tuple(jnp.linalg.slogdet(to_float(x)))


# ---- new arrays ---------------------------------------------------------------------------------


def _sizes(shape: Any) -> tuple[Any, ...]:
    return tuple(shape) if isinstance(shape, (list, tuple)) else (shape,)


@explained
def zeros(shape: Any, dtype: Any = None) -> jax.Array:
    """Zeros in the given shape, in `floatx` if no dtype is given.

    Example:

        >>> zeros((2, 3)).shape
        (2, 3)
    """
    return jnp.zeros(_sizes(shape), dtype=dtypes.standardize_dtype(dtype))


@explained
def ones(shape: Any, dtype: Any = None) -> jax.Array:
    """Ones in the given shape, in `floatx` if no dtype is given."""
    return jnp.ones(_sizes(shape), dtype=dtypes.standardize_dtype(dtype))


@explained
def full(shape: Any, fill_value: Any, dtype: Any = None) -> jax.Array:
    """One value everywhere, in `floatx` if no dtype is given."""
    return jnp.full(_sizes(shape), weak(fill_value), dtype=dtypes.standardize_dtype(dtype))


@explained
def empty(shape: Any, dtype: Any = None) -> jax.Array:
    """An array whose values are not defined; here zeros."""
    return jnp.zeros(_sizes(shape), dtype=dtypes.standardize_dtype(dtype))


@op
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros in the shape of `x`, and in its dtype if none is given."""
    return jnp.zeros_like(tensor(x), dtype=_dtype_or_none(dtype))


@op
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Ones in the shape of `x`, and in its dtype if none is given."""
    return jnp.ones_like(tensor(x), dtype=_dtype_or_none(dtype))


@op
def empty_like(x: Any, dtype: Any = None) -> Any:
    """An array in the shape of `x` whose values are not defined; here zeros."""
    return jnp.zeros_like(tensor(x), dtype=_dtype_or_none(dtype))


@op(tensors=2)
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """One value in the shape of `x`, and in its dtype if none is given."""
    return jnp.full_like(tensor(x), weak(fill_value), dtype=_dtype_or_none(dtype))


@explained
def eye(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> jax.Array:
    """Ones on diagonal `k` of an `(N, M)` matrix, zeros elsewhere; `M` is `N` if None."""
    return jnp.eye(
        index(N), None if M is None else index(M), k=k, dtype=dtypes.standardize_dtype(dtype)
    )


@explained
def identity(n: int, dtype: Any = None) -> jax.Array:
    """The identity matrix `(n, n)`."""
    return jnp.identity(index(n), dtype=dtypes.standardize_dtype(dtype))


@explained
def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> jax.Array:
    """Ones at and below diagonal `k` of an `(N, M)` matrix, zeros above."""
    return jnp.tri(N, M, k=k, dtype=dtypes.standardize_dtype(dtype))


@explained
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> jax.Array:
    """Numbers from `start` up to, not including, `stop`; from 0 if only one is given.

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


def _ends(start: Any, stop: Any, dtype: Any) -> tuple[Any, Any, Any]:
    """The ends of a row of numbers, and its dtype; Python numbers stay what they are."""
    dtype = _dtype_or_none(dtype)
    if type(start) in SCALARS and type(stop) in SCALARS:
        if dtype is None and complex not in (type(start), type(stop)):
            dtype = dtypes.standardize_dtype(None)
        return start, stop, dtype
    return *to_floats(*pair(start, stop)), dtype


@op(tensors=2)
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """`num` numbers at equal distances from `start` to `stop`.

    Args:
        start, stop: numbers or arrays.
        num: how many.
        endpoint: whether `stop` is one of them.
        retstep: also return the distance.
        dtype: a float dtype if None.
        axis: where the new axis goes if `start` or `stop` is an array.

    Example:

        >>> linspace(0, 1, 3).tolist()
        [0.0, 0.5, 1.0]
    """
    start, stop, dtype = _ends(start, stop, dtype)
    return jnp.linspace(start, stop, num, endpoint, retstep, dtype, axis)


@op(tensors=2)
def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Powers of `base` whose exponents are at equal distances from `start` to `stop`."""
    start, stop, dtype = _ends(start, stop, dtype)
    return jnp.logspace(start, stop, num, endpoint, base, dtype, axis)


@op(tensors=2)
def geomspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Numbers from `start` to `stop` of which each is the same multiple of the one before."""
    start, stop, dtype = _ends(start, stop, dtype)
    return jnp.geomspace(start, stop, num, endpoint, dtype, axis)


@op
def array(x: Any, dtype: Any = None) -> Any:
    """An array from numbers, nested lists or another array."""
    return jnp.array(tensor(x), dtype=_dtype_or_none(dtype))


@op
def bartlett(x: Any) -> Any:
    """Triangular window of `x` samples, zero at both ends."""
    return jnp.bartlett(int(x)).astype(dtypes.standardize_dtype(None))


@op
def blackman(x: Any) -> Any:
    """Blackman window of `x` samples."""
    return jnp.blackman(int(x)).astype(dtypes.standardize_dtype(None))


@op
def hamming(x: Any) -> Any:
    """Hamming window of `x` samples."""
    return jnp.hamming(int(x)).astype(dtypes.standardize_dtype(None))


@op
def hanning(x: Any) -> Any:
    """Hann window of `x` samples, zero at both ends."""
    return jnp.hanning(int(x)).astype(dtypes.standardize_dtype(None))


@op
def kaiser(x: Any, beta: Any) -> Any:
    """Kaiser window of `x` samples; a larger `beta` makes it narrower."""
    return jnp.kaiser(int(x), beta).astype(dtypes.standardize_dtype(None))


def _window(x: Any, beta: Any = None) -> KerasTensor:
    return KerasTensor((None,), dtypes.standardize_dtype(None))


for _function in (bartlett, blackman, hamming, hanning, kaiser):
    shape_rule(_function)(_window)


def vectorize(
    pyfunc: Callable[..., Any],
    *,
    excluded: Sequence[Any] | None = None,
    signature: str | None = None,
) -> Callable[..., Any]:
    """A function of single elements as a function of arrays, which are broadcast.

    Args:
        pyfunc: function of scalars, or of what `signature` says.
        excluded: positions and names of arguments that are passed on as they are.
        signature: such as `"(n),(n)->()"`, which axes each call sees.

    Example:

        >>> vectorize(lambda a, b: a + b)([1, 2], 10).tolist()
        [11, 12]
    """
    if not callable(pyfunc):
        raise value_error(f"vectorize takes a function, got {pyfunc!r}.")
    return jnp.vectorize(pyfunc, excluded=frozenset(excluded or ()), signature=signature)
