"""What ops do with sparse matrices, `jax.experimental.sparse.BCOO`.

Every op takes them. Where the result is as sparse as the argument it stays sparse, and only the
values that are there are computed; any other op computes on the dense array.

    abs, sqrt, sign, cast, ...       of zero they are zero: on the values alone
    add, subtract, maximum, ...      of two sparse arrays: sparse
    multiply, divide                 by a number or a dense array: on the values alone
    matmul                           sparse @ dense is dense, and reads no zeros; sparse @ sparse is
                                     sparse
    transpose, reshape, x[0], ...    the places move, the values stay
    sum, mean                        of the values; sparse, as Keras has it
    exp, max, softmax, ...           dense

The ops are given these answers here, as `ops/operators.py` gives operators to symbolic tensors. A
function that returns `NotImplemented` leaves the call to the op itself.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu.core.op import Op
from cornu.core.operands import SCALARS, tensor
from cornu.core.variable import Variable
from cornu.ops import core, einops, math, numpy

Answer = Callable[..., Any]


def is_sparse(x: Any) -> bool:
    """Whether it is a BCOO matrix without batch and dense axes, the common kind."""
    return type(x).__name__ == "BCOO" and x.n_batch == 0 and x.n_dense == 0


def _with_values(x: Any, values: Any, once: bool = True) -> Any:
    return type(x)((values, x.indices), shape=x.shape, unique_indices=once)


def _once(x: Any) -> Any:
    """The matrix with one value for each place."""
    return x if x.unique_indices else x.sum_duplicates(nse=x.nse)


def _sparsified(function: Answer, *args: Any, **settings: Any) -> Any:
    from jax.experimental import sparse  # a tenth of a second to import, so only when it is met

    return sparse.sparsify(lambda *arrays: function(*arrays, **settings))(*args)


# ---- answers ------------------------------------------------------------------------------------


def _on_values(op: Op) -> Answer:
    """For an op of one array that maps zero to zero."""

    def answer(x: Any, *settings: Any, **named: Any) -> Any:
        if not is_sparse(x):
            return NotImplemented
        x = _once(x)
        return _with_values(x, op(x.data, *settings, **named))

    return answer


def _of_two(function: Answer) -> Answer:
    """For an op of two sparse arrays of one shape."""

    def answer(x1: Any, x2: Any) -> Any:
        if not (is_sparse(x1) and is_sparse(x2) and x1.shape == x2.shape):
            return NotImplemented
        return function(x1, x2)

    return answer


def _extreme(op: Op) -> Answer:
    """`maximum` and `minimum`: each place of either, the value of the other may be a zero."""

    def answer(x1: Any, x2: Any) -> Any:
        both = _union(x1, x2)
        places = tuple(both.indices.T)
        a, b = (x.todense().at[places].get(mode="fill", fill_value=0) for x in (x1, x2))
        return _with_values(both, op(a, b))

    return _of_two(answer)


def _union(x1: Any, x2: Any) -> Any:
    ones = [type(x)((jnp.ones_like(x.data), x.indices), shape=x.shape) for x in (x1, x2)]
    total = ones[0] + ones[1]
    return total.sum_duplicates(nse=total.nse)


def _scaled(op: Op, *, both_sides: bool) -> Answer:
    """For products and quotients with a number or a dense array that broadcasts to the matrix."""

    def answer(x1: Any, x2: Any) -> Any:
        if is_sparse(x1) and is_sparse(x2):
            if not both_sides or x1.shape != x2.shape:
                return NotImplemented
            return x1 * x2
        if is_sparse(x2):
            return answer_to(x2, x1, swapped=True) if both_sides else NotImplemented
        return answer_to(x1, x2, swapped=False)

    def answer_to(x: Any, factor: Any, swapped: bool) -> Any:
        if not is_sparse(x):
            return NotImplemented
        if type(factor) not in SCALARS:
            factor = tensor(factor)
            if factor.ndim and jnp.broadcast_shapes(factor.shape, x.shape) != x.shape:
                return NotImplemented
        x = _once(x)
        if getattr(factor, "ndim", 0):
            places = tuple(x.indices.T)
            factor = jnp.broadcast_to(factor, x.shape).at[places].get(mode="fill", fill_value=1)
        return _with_values(x, op(factor, x.data) if swapped else op(x.data, factor))

    return answer


def _moved(function: Answer) -> Answer:
    """For an op that moves values to other places."""

    def answer(x: Any, *settings: Any, **named: Any) -> Any:
        if not is_sparse(x):
            return NotImplemented
        return _sparsified(lambda x: function(x, *settings, **named), x)

    return answer


def _folded(op: Op, *, shared: bool) -> Answer:
    """For sums, and with `shared` for means."""

    def answer(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if not is_sparse(x):
            return NotImplemented
        alike = jax.ShapeDtypeStruct(x.shape, x.dtype)
        folded = jax.eval_shape(lambda x: op(x, axis, keepdims), alike)
        values = x.data.astype(folded.dtype)
        if shared:
            values = values / (x.size // max(folded.size, 1))
        over = (
            range(x.ndim) if axis is None else axis if isinstance(axis, (list, tuple)) else [axis]
        )
        gone = [a % x.ndim for a in over]
        if keepdims:
            places = x.indices.at[:, np.array(gone, int)].set(0)
        else:
            places = x.indices[:, np.array([a for a in range(x.ndim) if a not in gone], int)]
        return type(x)((values, places), shape=folded.shape)  # values at one place add up

    return answer


def _item(x: Any, key: Any) -> Any:
    """Ints, slices, `...` and None; arrays as indices make it dense."""
    keys = key if isinstance(key, tuple) else (key,)
    if not is_sparse(x) or not all(type(k) in (int, slice, type(...), type(None)) for k in keys):
        return NotImplemented
    jax.eval_shape(lambda x: numpy.get_item(x, key), jax.ShapeDtypeStruct(x.shape, x.dtype))
    return x[key]


def _as_complex(x: Any) -> Any:
    if not is_sparse(x) or not x.ndim or x.shape[-1] != 2:
        return NotImplemented
    real, imag = x[..., 0], x[..., 1]
    complex_dtype = jnp.result_type(x.dtype, jnp.complex64)
    parts = [
        _with_values(p, p.data.astype(complex_dtype) * unit, once=p.unique_indices)
        for p, unit in ((real, 1), (imag, 1j))
    ]
    return parts[0] + parts[1]


def _product(x1: Any, x2: Any) -> Any:
    sparse = [is_sparse(x) for x in (x1, x2)]
    arrays = [
        x if is_sparse(x) else tensor(x.value if isinstance(x, Variable) else x) for x in (x1, x2)
    ]
    floating = all(jnp.issubdtype(x.dtype, jnp.inexact) for x in arrays)
    if not floating or any(x.ndim != 2 for x in arrays):
        return NotImplemented
    if all(sparse):
        return _sparsified(jnp.matmul, *arrays)
    return arrays[0] @ arrays[1]


def _joined(xs: Any, axis: Any = 0) -> Any:
    if axis is None or not all(is_sparse(x) for x in xs):
        return NotImplemented
    return _sparsified(lambda *parts: jnp.concatenate(parts, axis), *xs)


def _first(sparse: list[bool]) -> bool:
    return sparse[0]


KEEP_ZERO = (
    "absolute", "arcsin", "arcsinh", "arctan", "arctanh", "ceil", "conjugate", "copy", "expm1",
    "floor", "imag", "log1p", "negative", "real", "round", "sign", "sin", "sinh",
    "sqrt", "square", "tan", "tanh",
)  # fmt: skip

for _name in KEEP_ZERO:
    _op = getattr(numpy, _name)
    _op.sparse = _on_values(_op)
core.cast.sparse = _on_values(core.cast)
numpy.add.sparse = _of_two(lambda x1, x2: x1 + x2)
numpy.subtract.sparse = _of_two(lambda x1, x2: x1 - x2)
numpy.maximum.sparse = _extreme(numpy.maximum)
numpy.minimum.sparse = _extreme(numpy.minimum)
numpy.multiply.sparse = _scaled(numpy.multiply, both_sides=True)
numpy.divide.sparse = _scaled(numpy.divide, both_sides=False)
numpy.true_divide.sparse = _scaled(numpy.true_divide, both_sides=False)
numpy.matmul.sparse = _product
numpy.concatenate.sparse = _joined
numpy.sum.sparse = _folded(numpy.sum, shared=False)
numpy.mean.sparse = _folded(numpy.mean, shared=True)
numpy.get_item.sparse = _item
math.view_as_complex.sparse = _as_complex
for _moving in (
    numpy.transpose, numpy.reshape, numpy.expand_dims, numpy.squeeze, einops.rearrange,
):  # fmt: skip
    _moving.sparse = _moved(_moving)

# What is known of the result before there are matrices.
for _mixing in (numpy.add, numpy.subtract, numpy.maximum, numpy.minimum, numpy.matmul):
    _mixing.sparse_if = all
numpy.concatenate.sparse_if = all
numpy.multiply.sparse_if = any
for _following in (
    numpy.divide, numpy.true_divide, numpy.sum, numpy.mean, numpy.transpose, numpy.reshape,
    numpy.expand_dims, numpy.squeeze,
):  # fmt: skip
    _following.sparse_if = _first
