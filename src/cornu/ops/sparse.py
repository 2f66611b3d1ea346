"""What ops do with sparse arrays, `jax.experimental.sparse.BCOO`.

Every op takes them, by position or by keyword. Where the result is zero wherever the arguments are,
it stays sparse, and only the values that are there are computed; any other op computes on the dense
array. For one op all of this is said here, once: what `KerasTensor(sparse=True)` leads to is found
by asking the same answers.

    abs, relu, clip, cast, ...   element by element: sparse where f(0) = 0, which is tried
    add, maximum, not_equal ...  of two sparse arrays: sparse where f(0, 0) = 0
    x * y, x / y                 by a number or a dense array: on the values alone
    matmul                       sparse @ dense is dense, and reads no zeros; sparse @ sparse is
                                 sparse
    transpose, reshape, x[0] ... the places move, the values stay
    sum, mean                    of the values; sparse, as Keras has it
    exp, max, softmax, ...       dense

A BCOO may have batch axes, for which each batch has values of its own, and dense axes, whose
entries are all there: with one dense axis its values are whole rows, Keras's indexed slices.

    values (batch, count, dense), indices (batch, count, sparse axes)

Values are computed in any layout. What moves places or meets another array has no batch axes.

The ops are given these answers as `ops/operators.py` gives operators to symbolic tensors. A
function that returns `NotImplemented` leaves the call to the op itself, on dense arrays.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu.bcoo import coordinates, dense, is_bcoo, with_layout
from cornu.core.frame import eagerly, is_tracer
from cornu.core.graph.op import TABLE, Op
from cornu.core.graph.operands import SCALARS, tensor
from cornu.core.variable import Variable
from cornu.ops import einops, math, nn, numpy
from cornu.ops.core import tensors
from cornu.types import Axis, DType, Tensor

Answer = Callable[..., Any]


# ---- layouts ------------------------------------------------------------------------------------


def _laid_out(x: Tensor, n_dense: int) -> Any:
    """The matrix without batch axes, and with `n_dense` dense ones."""
    return with_layout(x, 0, n_dense)


def _plain(x: Tensor) -> Any:
    """The matrix with one index for each axis."""
    return _laid_out(x, 0)


def _with_values(x: Tensor, values: Tensor) -> Any:
    return type(x)(
        (values, x.indices),
        shape=x.shape,
        indices_sorted=x.indices_sorted,
        unique_indices=x.unique_indices,
    )


def _once(x: Tensor) -> Any:
    """The matrix with one value for each place."""
    if x.unique_indices:
        return x
    # Sums of booleans are not defined, and zeros that are there may become something else.
    whole = _with_values(x, x.data.astype("int32")) if x.dtype == bool else x
    whole = whole.sum_duplicates(nse=x.nse, remove_zeros=False)
    return _with_values(whole, whole.data != 0) if x.dtype == bool else whole


def _sparsified(function: Answer, *args: Any) -> Any:
    from jax.experimental import sparse

    return sparse.sparsify(function)(*args)


def _is_known(*values: Any) -> bool:
    """Whether values are there to be looked at, and not traced."""
    return not any(is_tracer(x) for x in jax.tree.leaves(values))


# ---- element by element -------------------------------------------------------------------------


@functools.lru_cache(maxsize=1024)
def _zero_of(op: Op, kinds: tuple[Any, ...], settings: tuple[Any, ...], named: Any) -> bool:
    with eagerly():
        zeros = [jnp.zeros((), k) if isinstance(k, np.dtype) else k for k in kinds]
        return bool(jnp.all(op(*zeros, *settings, **dict(named)) == 0))


def _keeps_zero(op: Op, *operands: Tensor, settings: Sequence[Any] = (), named: Any = ()) -> bool:
    """Whether an op of zeros, and of numbers that are given, is zero.

    Args:
        op: operation that computes element by element.
        operands: dtypes, which stand for a zero, and numbers.
        settings: further arguments of the op.
        named: further ones by name.
    """
    named = tuple(dict(named).items())
    if not _is_known(operands, settings, named):
        return False
    try:
        hash((operands, tuple(settings), named))
    except TypeError:  # arrays among them
        return _zero_of.__wrapped__(op, operands, tuple(settings), named)
    return _zero_of(op, operands, tuple(settings), named)


def _on_values(op: Op) -> Answer:
    """For an op of one array, element by element."""

    def answer(x: Tensor, *settings: Any, **named: Any) -> Any:
        if not is_bcoo(x) or not _keeps_zero(op, x.dtype, settings=settings, named=named):
            return NotImplemented
        x = x if op in LINEAR else _once(x)
        return _with_values(x, op(x.data, *settings, **named))

    return answer


def _on_pairs(op: Op) -> Answer:
    """For an op of two arrays, element by element, of which one or both are sparse."""

    def answer(x1: Tensor, x2: Tensor) -> Any:
        if is_bcoo(x1) and is_bcoo(x2):
            return _of_both(op, x1, x2)
        sparse, other = (x1, x2) if is_bcoo(x1) else (x2, x1)
        first = sparse is x1
        if not is_bcoo(sparse):
            return NotImplemented
        if type(other) not in SCALARS:
            other = tensor(other)
        compute = (lambda x, y: op(x, y)) if first else (lambda x, y: op(y, x))
        vanishes = op in (ZERO_BY_ANY if first else ZERO_BY_ANY - {*_DIVISIONS})
        if getattr(other, "ndim", 0):
            x = sparse if op in LINEAR else _once(sparse)
            return _by_dense(compute, x, other) if vanishes else NotImplemented
        pair = (sparse.dtype, other) if first else (other, sparse.dtype)
        if not (_keeps_zero(op, *pair) if _is_known(other) else vanishes):
            return NotImplemented
        x = sparse if op in LINEAR else _once(sparse)
        return _with_values(x, compute(x.data, other))

    return answer


def _of_both(op: Op, x1: Tensor, x2: Tensor) -> Any:
    """The result at the places of either; where one has no value it counts as zero."""
    if x1.shape != x2.shape or not _keeps_zero(op, x1.dtype, x2.dtype):
        return NotImplemented
    if x1.indices is x2.indices and x1.unique_indices and x2.unique_indices:
        return _with_values(x1, op(x1.data, x2.data))
    n_dense = min(x1.n_dense, x2.n_dense)
    x1, x2 = _laid_out(x1, n_dense), _laid_out(x2, n_dense)
    places = jnp.concatenate([x1.indices, x2.indices])  # (count 1 + count 2, sparse axes)
    if op in (numpy.add, numpy.subtract):  # values at one place add up
        zeros = [jnp.zeros((), x.dtype) for x in (x1, x2)]
        values = [op(x1.data, zeros[1]), op(zeros[0], x2.data)]
        if values[0].dtype != bool:
            return coordinates(jnp.concatenate(values), places, x1.shape)
    pairs = [jnp.stack([x1.data, jnp.zeros_like(x1.data, x1.dtype)], -1),
             jnp.stack([jnp.zeros_like(x2.data, x2.dtype), x2.data], -1)]  # fmt: skip
    both = _once(coordinates(jnp.concatenate(pairs), places, (*x1.shape, 2)))
    values = [both.data[..., i].astype(x.dtype) for i, x in enumerate((x1, x2))]
    return coordinates(op(*values), both.indices, x1.shape, unique=True)


def _by_dense(compute: Answer, x: Tensor, y: Tensor) -> Any:
    """The result at the places of `x`, and where zero and the entry of `y` do not give zero."""
    if y.ndim > x.ndim or jnp.broadcast_shapes(y.shape, x.shape) != x.shape:
        return NotImplemented
    x = _laid_out(x, x.n_dense)
    if _is_known(x, y):  # in compiled code the number of places cannot depend on values
        odd = compute(jnp.zeros((), x.dtype), y) != 0
        if odd.any():
            odd = type(x).fromdense(jnp.broadcast_to(odd, x.shape), n_dense=x.n_dense)
            places = jnp.concatenate([x.indices, odd.indices])
            values = jnp.concatenate([x.data, jnp.zeros_like(odd.data, x.dtype)])
            x = _once(coordinates(values, places, x.shape))
    y = y.reshape((1,) * (x.ndim - y.ndim) + y.shape)
    rows = [x.indices[:, i] if y.shape[i] == x.shape[i] else jnp.zeros(x.nse, int)
            for i in range(x.n_sparse)]  # fmt: skip
    # Padding stands outside: zero by one is zero.
    values = y.at[tuple(rows)].get(mode="fill", fill_value=1) if rows else y
    return _with_values(x, compute(x.data, values))


# ---- places -------------------------------------------------------------------------------------


def _moved(function: Answer) -> Answer:
    """For an op that moves values to other places."""

    def answer(x: Tensor, *settings: Any, **named: Any) -> Any:
        if not is_bcoo(x):
            return NotImplemented
        return _sparsified(lambda x: function(x, *settings, **named), _plain(x))

    return answer


def _item(x: Tensor, key: Any) -> Any:
    """Ints, slices, `...` and None; arrays as indices make it dense."""
    keys = key if isinstance(key, tuple) else (key,)
    if not is_bcoo(x) or not all(type(k) in (int, slice, type(...), type(None)) for k in keys):
        return NotImplemented
    jax.eval_shape(lambda x: numpy.get_item(x, key), jax.ShapeDtypeStruct(x.shape, x.dtype))
    return _plain(x)[key]


def _joined(xs: Sequence[Tensor], axis: int | None = 0) -> Any:
    if axis is None or not all(map(is_bcoo, xs)):
        return NotImplemented
    n_dense = min(x.n_dense for x in xs)
    behind = axis % xs[0].ndim >= xs[0].ndim - n_dense
    parts = [_laid_out(x, 0 if behind else n_dense) for x in xs]
    dtype = functools.reduce(jnp.promote_types, [x.dtype for x in parts])
    parts = [x if x.dtype == dtype else x.astype(dtype) for x in parts]
    return _sparsified(lambda *parts: jnp.concatenate(parts, axis), *parts)


def _stacked(xs: Sequence[Tensor], axis: int = 0) -> Any:
    if not all(map(is_bcoo, xs)):
        return NotImplemented
    return _joined([numpy.expand_dims(x, axis) for x in xs], axis)


def _folded(op: Op, *, shared: bool) -> Answer:
    """For sums, and with `shared` for means."""

    def answer(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Any:
        if not is_bcoo(x):
            return NotImplemented
        alike = jax.ShapeDtypeStruct(x.shape, x.dtype)
        folded = jax.eval_shape(lambda x: op(x, axis, keepdims), alike)
        x = _plain(x)
        over = (
            range(x.ndim) if axis is None else axis if isinstance(axis, (list, tuple)) else [axis]
        )
        gone = [a % x.ndim for a in over]
        # What padding stands for is lost with an axis, so its values must be zero.
        values = x.data.astype(folded.dtype)
        if shared:
            values = values / functools.reduce(lambda n, a: n * x.shape[a], gone, 1)
        if keepdims:
            places = x.indices.at[:, np.array(gone, int)].set(0)
        else:
            places = x.indices[:, np.array([a for a in range(x.ndim) if a not in gone], int)]
        return coordinates(values, places, folded.shape)  # values at one place add up

    return answer


# ---- products -----------------------------------------------------------------------------------


def _product(x1: Tensor, x2: Tensor) -> Any:
    """Sparse by dense reads the rows that it needs; of more axes than two, those are flattened."""
    x1, x2 = (
        x if is_bcoo(x) else tensor(x.value if isinstance(x, Variable) else x) for x in (x1, x2)
    )
    if min(x1.ndim, x2.ndim) < 1:
        return NotImplemented
    dtype = jax.eval_shape(
        numpy.matmul, *(jax.ShapeDtypeStruct((1,), x.dtype) for x in (x1, x2))
    ).dtype
    x1, x2 = (x if x.dtype == dtype else x.astype(dtype) for x in (x1, x2))
    if is_bcoo(x1) and x1.ndim > 2 and x2.ndim <= 2:
        flat = numpy.reshape(x1, (-1, x1.shape[-1])) if _is_sized(x1) else None
        if flat is None:
            return NotImplemented
        return numpy.reshape(_product(flat, x2), (*x1.shape[:-1], *x2.shape[1:]))
    batches = max(x1.ndim, x2.ndim) - 2
    if batches > 0 and not (x1.ndim == x2.ndim and x1.shape[:-2] == x2.shape[:-2]):
        return NotImplemented
    x1, x2 = (with_layout(x, max(batches, 0), 0) if is_bcoo(x) else x for x in (x1, x2))
    return _sparsified(jnp.matmul, x1, x2)


def _is_sized(x: Tensor) -> bool:
    return all(isinstance(n, int) for n in x.shape)


def _dot(x1: Tensor, x2: Tensor) -> Any:
    return NotImplemented if max(np.ndim(x1), np.ndim(x2)) > 2 else _product(x1, x2)


# ---- what is said of a dtype --------------------------------------------------------------------


def _converted(
    x: Tensor, dtype: DType | None = None, sparse: bool | None = None, ragged: bool | None = None
) -> Any:
    if not is_bcoo(x) or ragged or sparse is False:
        return NotImplemented
    return x if dtype is None else tensors.cast(x, dtype)


def _as_complex(x: Tensor) -> Any:
    if not is_bcoo(x) or not x.ndim or x.shape[-1] != 2:
        return NotImplemented
    x = _plain(x)
    dtype = jnp.result_type(x.dtype, jnp.complex64)
    unit = jnp.where(x.indices[:, -1] == 1, 1j, 1).astype(dtype)
    # Both parts stand at one place now, and add up.
    return coordinates(x.data.astype(dtype) * unit, x.indices[:, :-1], x.shape[:-1])


def _counted(
    x: Tensor, weights: Tensor | None = None, minlength: int = 0, sparse: bool = False
) -> Any:
    """Of the values that are there, and the weights at their places."""
    if not is_bcoo(x):
        return NotImplemented
    x = _plain(x)
    places = tuple(x.indices.T)
    inside = jnp.all(x.indices < jnp.array(x.shape, x.indices.dtype), axis=1)
    if weights is None:
        counts = inside.astype("int32")
    else:
        counts = tensor(dense(weights)).at[places].get(mode="fill", fill_value=0)
    return numpy.sparse_counts(x.data, x.indices[:, :-1], x.shape[:-1], counts, minlength)


# ---- who answers what ---------------------------------------------------------------------------

# f(a + b) = f(a) + f(b), so a place may occur more than once.
LINEAR = {
    numpy.negative, numpy.real, numpy.imag, numpy.conjugate, numpy.copy, numpy.deg2rad,
    numpy.rad2deg, tensors.stop_gradient, numpy.multiply, numpy.divide, numpy.true_divide,
}  # fmt: skip

# Zero by whatever there is on the other side, infinity and NaN apart.
_DIVISIONS = (numpy.divide, numpy.true_divide, numpy.divide_no_nan)
ZERO_BY_ANY = {numpy.multiply, numpy.logical_and, numpy.bitwise_and, *_DIVISIONS}

# Element by element; those made by `unary` and `binary` say so themselves.
ALONE = (
    tensors.cast, tensors.saturate_cast, tensors.stop_gradient, numpy.clip, numpy.digitize,
    numpy.nan_to_num, numpy.round, numpy.square, nn.celu, nn.elu, nn.gelu, nn.hard_shrink,
    nn.leaky_relu, nn.soft_shrink, nn.squareplus, nn.threshold,
)  # fmt: skip
PAIRED = (numpy.divide_no_nan, numpy.ldexp)

MOVING = (
    numpy.transpose, numpy.swapaxes, numpy.moveaxis, numpy.reshape, numpy.ravel, numpy.expand_dims,
    numpy.squeeze, numpy.flip, einops.rearrange,
)  # fmt: skip

for _op in {*TABLE.values(), *ALONE, *PAIRED}:
    if _op in ALONE or _op.elementwise == 1:
        _op.elementwise, _op.sparse = 1, _on_values(_op)
    elif _op in PAIRED or _op.elementwise == 2:
        _op.elementwise, _op.sparse = 2, _on_pairs(_op)
for _op in MOVING:
    _op.sparse = _moved(_op)
numpy.sum.sparse = _folded(numpy.sum, shared=False)
numpy.mean.sparse = _folded(numpy.mean, shared=True)
numpy.matmul.sparse, numpy.dot.sparse = _product, _dot
numpy.concatenate.sparse, numpy.stack.sparse = _joined, _stacked
numpy.get_item.sparse = _item
tensors.convert_to_tensor.sparse = _converted
numpy.bincount.sparse = _counted
math.view_as_complex.sparse = _as_complex
