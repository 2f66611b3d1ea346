"""Tensors themselves, control flow, and scattered reads and writes.

Bodies of loops and branches may read and write Variables: they go through `core/programs/lift.py`,
which finds what a body writes and carries exactly that through the JAX primitive.

Called on arrays, `scan`, `while_loop` and `fori_loop` are compiled once for each function object,
as in jax (`core/programs/kept.py`): define the function once and call it often. What it reads
besides its arguments may change; the values of Variables cost nothing, anything else a new
compilation. `map`,
`vectorized_map`, `associative_scan`, `cond` and `switch` run their functions at each call, as in
jax. Inside a compiled function (`jax.jit`, a layer of a compiled model) everything is traced once.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cornu.bcoo import is_sparse
from cornu.core import dtypes
from cornu.core.frame import is_tracer
from cornu.core.graph.op import op, shape_rule
from cornu.core.graph.op_errors import explained
from cornu.core.graph.operands import tensor
from cornu.core.programs import lift
from cornu.core.programs.kept import in_kept_program
from cornu.core.symbolic import KerasTensor, infer, is_symbolic
from cornu.core.variable import Variable
from cornu.errors import type_error, value_error
from cornu.kernels import derivatives
from cornu.kernels.saturate import saturate

Fn = Callable[..., Any]

# ---- tensors ------------------------------------------------------------------------------------


@op
def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """An array from numbers, nested lists, numpy arrays or Variables.

    Args:
        x: what to convert.
        dtype: of the result; Python floats become `floatx`, Python ints int32 if None.
        sparse: False makes sparse arrays dense; otherwise they stay sparse.
        ragged: must not be true.

    Example:

        >>> convert_to_tensor([1, 2]).dtype.name
        'int32'
    """
    if ragged:
        raise value_error("There are no ragged tensors.", fix="pad to a common length.")
    return tensor(x, dtype)


@shape_rule(convert_to_tensor)
def _converted(
    x: KerasTensor, dtype: Any = None, sparse: Any = None, ragged: Any = None
) -> KerasTensor:
    return KerasTensor(
        x.shape, x.dtype if dtype is None else dtype, sparse=x.sparse and sparse is not False
    )


@explained
def convert_to_numpy(x: Any) -> np.ndarray:
    """The values as a numpy array of its own, which may be written to.

    Example:

        >>> convert_to_numpy(jnp.ones(2)).tolist()
        [1.0, 1.0]
    """
    return np.array(x if isinstance(x, np.ndarray) else tensor(x))


def is_tensor(x: Any) -> bool:
    """Whether it is an array of the engine; numpy arrays and Variables are not."""
    return isinstance(x, (jax.Array, KerasTensor)) or is_sparse(x)


@explained
def shape(x: Any) -> tuple[Any, ...]:
    """The shape as a tuple; None where a symbolic tensor's size is unknown.

    Example:

        >>> shape([[1, 2, 3]])
        (1, 3)
    """
    found = getattr(x, "shape", None)
    return tuple(tensor(x).shape if found is None else found)


def dtype(x: Any) -> str:
    """The name of an array's dtype."""
    return dtypes.standardize_dtype(x.dtype)


@op
def cast(x: Any, dtype: Any) -> Any:
    """The elements in another dtype.

    Example:

        >>> cast([1.7, -2.3], "int32").tolist()
        [1, -2]
    """
    name = dtypes.standardize_dtype(dtype)
    x = x if isinstance(x, jax.Array) else tensor(x)
    return x if x.dtype == name else x.astype(name)


@shape_rule(cast)
def _cast(x: KerasTensor, dtype: Any) -> KerasTensor:
    return KerasTensor(x.shape, dtype, sparse=x.sparse)


@op(compiled=True)
def saturate_cast(x: Any, dtype: Any) -> Any:
    """The elements in another dtype, values beyond its range moved to its ends.

    Example:

        >>> saturate_cast([-3.0, 300.0], "uint8").tolist()
        [0, 255]
    """
    x = tensor(x)
    wanted = jax.dtypes.canonicalize_dtype(dtypes.numpy_dtype(dtypes.standardize_dtype(dtype)))
    return saturate(x, wanted)


@op
def stop_gradient(variable: Any) -> Any:
    """The same values, through which no gradient passes."""
    return jax.tree.map(lambda x: lax.stop_gradient(tensor(x)), variable, is_leaf=_is_variable)


def _is_variable(x: Any) -> bool:
    return isinstance(x, Variable)


def custom_gradient(f: Fn) -> Fn:
    """Decorate a function that returns its value and the function of its gradient.

    Args:
        f: `f(*args) -> (value, grad)`, where `grad(upstream=g)` or `grad(g)` returns the gradients
            with respect to the arguments.

    Example:

        >>> @custom_gradient
        ... def log1pexp(x):
        ...     e = jnp.exp(x)
        ...     return jnp.log(1 + e), lambda upstream: upstream * (1 - 1 / (1 + e))
        >>> bool(jnp.isfinite(jax.grad(log1pexp)(100.0)))
        True
    """
    wrapped = derivatives.custom_gradient(lambda *args: _with_tuple(f(*args)))

    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            bound = derivatives.custom_gradient(lambda *a: _with_tuple(f(*a, **kwargs)))
            return bound(*_values(args))
        return wrapped(*_values(args))

    call.__name__ = getattr(f, "__name__", "custom_gradient")
    call.__doc__ = f.__doc__
    return call


def _values(args: Sequence[Any]) -> list[Any]:
    return [a.value if isinstance(a, Variable) else a for a in args]


def _with_tuple(result: tuple[Any, Fn]) -> tuple[Any, Fn]:
    value, grad = result

    def gradient(g: Any) -> Any:
        try:
            return grad(upstream=g)
        except TypeError:
            return grad(g)

    return value, gradient


# ---- control flow -------------------------------------------------------------------------------


@op(tensors=("f", "init", "xs"), calls_back=True)
def scan(
    f: Fn,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """A loop over the first axis that carries a state.

    Args:
        f: `f(carry, x) -> (carry, y)`; it may read and write Variables.
        init: state at the start, nested as `f` takes it.
        xs: arrays `(length, ...)`, nested as `f` takes it; None if there is nothing to read.
        length: number of steps, if `xs` does not say it.
        reverse: go from the end to the beginning.
        unroll: steps in one iteration of the compiled loop.

    Returns:
        The last state, and the `y` of all steps stacked: `(length, ...)`.

    Example:

        >>> carry, ys = scan(lambda c, x: (c + x, c * x), 0, jnp.arange(4))
        >>> int(carry), ys.tolist()
        (6, [0, 0, 2, 9])
    """
    if not callable(f):
        raise type_error(f"scan: f is a function (carry, x) -> (carry, y), got {f!r}.")
    if not isinstance(unroll, (bool, int)) or (not isinstance(unroll, bool) and unroll < 1):
        raise value_error(f"scan: unroll is a positive int or a bool, got {unroll!r}.")
    if xs is None and length is None:
        raise value_error("scan: give xs or length, to say how many steps there are.")
    xs = None if xs is None else _tensors(xs)
    return in_kept_program(_scan, (f,), (length, reverse, unroll), _tensors(init), xs)


def _scan(functions: Sequence[Fn], constants: tuple[Any, ...], init: Any, xs: Any) -> Any:
    return lift.scan(functions[0], init, xs, *constants)


def _tensors(structure: Any) -> Any:
    if isinstance(structure, jax.Array):
        return structure
    return jax.tree.map(tensor, structure, is_leaf=_is_variable)


@op(tensors=("f", "elems"), calls_back=True)
def associative_scan(f: Fn, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """All running results of an associative function, in logarithmic depth.

    Args:
        f: `f(a, b)`, associative, of arrays nested as `elems`.
        elems: arrays, combined along `axis`.
        reverse: combine from the end.
        axis: along which.

    Example:

        >>> associative_scan(lambda a, b: a + b, jnp.arange(4)).tolist()
        [0, 1, 3, 6]
    """
    if not callable(f):
        raise type_error(f"associative_scan: f is a function (a, b), got {f!r}.")
    return lax.associative_scan(f, _tensors(elems), reverse=reverse, axis=axis)


@shape_rule(associative_scan)
def _scanned(f: Fn, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    if not callable(f):
        raise type_error(f"associative_scan: f is a function (a, b), got {f!r}.")
    leaves = jax.tree.leaves(elems)
    if any(not -x.ndim <= axis < x.ndim for x in leaves):
        raise value_error(f"associative_scan: there is no axis {axis}.", elems=leaves)
    lengths = {x.shape[axis] for x in leaves} - {None}
    if len(lengths) > 1:
        raise value_error(
            "associative_scan: the arrays must be equally long.", lengths=sorted(lengths)
        )
    made = infer(f, elems, elems)  # one step says what all of them do
    return jax.tree.map(lambda x, y: KerasTensor(x.shape, y.dtype), elems, made)


@op(tensors=("loop_vars",), calls_back=True)
def while_loop(cond: Fn, body: Fn, loop_vars: Any, maximum_iterations: int | None = None) -> Any:
    """Repeat `body` as long as `cond` holds.

    Args:
        cond: `cond(*loop_vars) -> bool`.
        body: `body(*loop_vars) -> loop_vars`, in the same shapes and dtypes; it may read and write
            Variables.
        loop_vars: tuple or list of the parts of the state, which `cond` and `body` take as
            arguments of their own; a single array or a dict for one argument. Each part may be
            nested.
        maximum_iterations: stop after so many in any case.

    Returns:
        The state after the loop, a tuple for a tuple or a list.

    Example:

        >>> int(while_loop(lambda i: i < 10, lambda i: (i + 4,), (0,))[0])
        12
    """
    single = not isinstance(loop_vars, (tuple, list))
    start = tuple(_tensors([loop_vars] if single else list(loop_vars)))
    state = in_kept_program(_while_loop, (cond, body), (maximum_iterations,), start)
    return state[0] if single else state


def _while_loop(functions: Sequence[Fn], constants: tuple[Any, ...], start: Any) -> Any:
    (cond, body), (most,) = functions, constants

    def holds(state: tuple[Any, ...]) -> Any:
        return jnp.reshape(cond(*state), ())

    def call_body(state: tuple[Any, ...]) -> tuple[Any, ...]:
        out = body(*state)
        out = tuple(out) if isinstance(out, (tuple, list)) else (out,)
        if len(out) != len(state):
            raise value_error(
                "while_loop: body returns as many values as it takes.",
                received=f"{len(out)} values, {len(state)} loop_vars",
            )
        return _as_before(out, state)

    if most is None:
        return lift.while_loop(holds, call_body, start)
    return lift.while_loop(
        lambda s: (s[0] < most) & holds(s[1]),
        lambda s: (s[0] + 1, call_body(s[1])),
        (jnp.int32(0), start),
    )[1]


def _as_before(new: Any, old: Any) -> Any:
    """The new state in the old one's dtypes: a Python number at the start must not end a loop."""
    return jax.tree.map(lambda a, b: jnp.asarray(a, b.dtype), new, old)


@op(tensors=("init_val",), calls_back=True)
def fori_loop(lower: Any, upper: Any, body_fun: Fn, init_val: Any) -> Any:
    """Repeat `body_fun(i, state) -> state` for `i` from `lower` up to, not including, `upper`.

    Example:

        >>> int(fori_loop(1, 5, lambda i, total: total + i, 0))
        10
    """
    start = _tensors(init_val)
    if isinstance(lower, int) and isinstance(upper, int):  # the number of steps is known
        return in_kept_program(_fori_loop, (body_fun,), (lower, upper), start)
    return in_kept_program(_fori_loop, (body_fun,), (), start, tensor(lower), tensor(upper))


def _fori_loop(
    functions: Sequence[Fn], constants: tuple[Any, ...], start: Any, *limits: Any
) -> Any:
    (body,) = functions
    lower, upper = constants or limits
    return lift.fori_loop(lower, upper, lambda i, s: _as_before(body(i, s), s), start)


@op(tensors=("pred", "true_fn", "false_fn"), calls_back=True)
def cond(pred: Any, true_fn: Fn, false_fn: Fn) -> Any:
    """The result of one of two functions; only that one runs.

    Args:
        pred: a bool, or an array of one.
        true_fn, false_fn: functions without arguments whose results are alike; they may read and
            write Variables.

    Example:

        >>> float(cond(True, lambda: 1.0, lambda: 2.0))
        1.0
    """
    _check_branches(true_fn, false_fn)
    if not isinstance(pred, bool):
        pred = tensor(pred)
        if pred.dtype != bool:
            pred = pred != 0
        if pred.ndim:
            pred = jnp.reshape(pred, ())
    return lift.cond(pred, true_fn, false_fn)


@shape_rule(cond)
def _either(pred: Any, true_fn: Fn, false_fn: Fn) -> Any:
    _check_branches(true_fn, false_fn)
    results = [infer(fn) for fn in (true_fn, false_fn)]
    first, second = (jax.tree.map(lambda x: (x.shape, x.dtype), result) for result in results)
    if first != second:
        raise value_error(
            "cond: the results of the two functions must have the same shapes and dtypes.",
            true_fn=first,
            false_fn=second,
        )
    return results[0]


def _check_branches(true_fn: Any, false_fn: Any) -> None:
    for name, fn in (("true_fn", true_fn), ("false_fn", false_fn)):
        if not callable(fn):
            raise type_error(f"cond: {name} is a function without arguments, got {fn!r}.")


@op(tensors=("index", "branches"), calls_back=True)
def switch(index: Any, branches: Sequence[Fn], *operands: Any) -> Any:
    """The result of the branch with the given number, called with the operands.

    Args:
        index: int32 scalar, moved into the range of the branches.
        branches: functions whose results are alike; they may read and write Variables.
        *operands: their arguments.

    Example:

        >>> int(switch(1, [lambda x: x + 1, lambda x: x * 10], 5))
        50
    """
    index = index if isinstance(index, int) else tensor(index)
    return lift.switch(index, list(branches), *[_tensors(x) for x in operands])


@op(tensors=("f", "xs"), calls_back=True)
def map(f: Fn, xs: Any) -> Any:
    """`f` of each element along the first axis, one after another, the results stacked.

    Example:

        >>> map(lambda x: x * x, jnp.arange(3)).tolist()
        [0, 1, 4]
    """
    return lift.map(f, _tensors(xs))


@op(tensors=("elements",), calls_back=True)
def vectorized_map(function: Fn, elements: Any) -> Any:
    """`function` of each element along the first axis, all at once.

    Args:
        function: of one element; given several, nested as `elements`.
        elements: an array `(n, ...)`, or arrays nested in lists, tuples and dicts.

    Example:

        >>> vectorized_map(lambda x: x.sum(), jnp.ones((2, 3))).tolist()
        [3.0, 3.0]
    """
    return lift.vmap(function)(_tensors(elements))


# ---- scattered reads and writes -----------------------------------------------------------------


@op(tensors=2, compiled=True)
def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Zeros of the given shape with values added at indices; values at one place add up.

    Args:
        indices: `(..., k)` integers, each row the first k coordinates of a place.
        values: `(..., *shape[k:])`.
        shape: of the result.

    Example:

        >>> scatter([[0], [2], [2]], [1.0, 2.0, 3.0], (4,)).tolist()
        [1.0, 0.0, 5.0, 0.0]
    """
    values = tensor(values)
    places = _places(indices)
    return jnp.zeros(tuple(shape), values.dtype).at[places].add(values)


def _places(indices: Any) -> tuple[Any, ...]:
    """Rows of coordinates as one vector of indices an axis."""
    indices = tensor(indices)
    if not jnp.issubdtype(indices.dtype, jnp.integer):
        raise TypeError(f"indices are integers, got {indices.dtype}.")
    return tuple(jnp.moveaxis(indices, -1, 0))


_REDUCTIONS = (None, "add", "max", "min", "mul")


@op(tensors=3, compiled=True)
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """A copy of `inputs` in which the elements at `indices` are replaced or combined.

    Args:
        inputs: array.
        indices: `(..., k)` integers, each row the first k coordinates of a place.
        updates: `(..., *inputs.shape[k:])`.
        reduction: None replaces; "add", "max", "min" and "mul" combine with what is there.

    Example:

        >>> scatter_update([1.0, 2.0, 3.0], [[1]], [9.0]).tolist()
        [1.0, 9.0, 3.0]
    """
    if reduction not in _REDUCTIONS:
        raise value_error(f"scatter_update: reduction is one of {_REDUCTIONS}, got {reduction!r}.")
    inputs = tensor(inputs)
    updates = tensor(updates, inputs.dtype)
    places = inputs.at[_places(indices)]
    return getattr(places, reduction or "set")(updates)


@op(tensors=2)
def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """A block of the array.

    Args:
        inputs: array with k axes.
        start_indices: k ints or a vector of k; moved so that the block lies inside.
        shape: k sizes of the block; -1 for all that follow the start.

    Example:

        >>> slice([[1, 2], [3, 4]], (1, 0), (1, -1)).tolist()
        [[3, 4]]
    """
    inputs, starts = tensor(inputs), _starts(start_indices)
    sizes = _block(inputs.shape, starts, shape)
    if None in sizes:
        raise value_error(
            "slice: a size of -1 depends on the start, which is computed by the program.",
            fix="give the size of the block, or the start as a number.",
        )
    return lax.dynamic_slice(inputs, starts, sizes)


@shape_rule(slice)
def _sliced(inputs: KerasTensor, start_indices: Any, shape: Any) -> KerasTensor:
    if isinstance(start_indices, KerasTensor):
        start_indices = [None] * inputs.ndim
    sizes = _block(inputs.shape, list(start_indices), shape)
    known = [pair for pair in zip(sizes, inputs.shape, strict=True) if None not in pair]
    if any(size > n for size, n in known):
        raise value_error(
            "slice: the block is larger than the array.", array=inputs.shape, block=sizes
        )
    return KerasTensor(sizes, inputs.dtype)


def _block(sizes: Any, starts: Any, shape: Any) -> tuple[Any, ...]:
    """The sizes of a block; where it reaches to the end, None if that is not known."""
    if not len(sizes) == len(starts) == len(shape):
        raise value_error(
            "slice: start_indices and shape must have one entry for each axis of inputs.",
            inputs=f"{len(sizes)} axes",
            start_indices=f"{len(starts)} entries",
            shape=tuple(shape),
        )

    def rest(n: Any, start: Any) -> Any:
        if n is None or start is None or is_symbolic(start) or is_tracer(start):
            return None
        return n - int(start) if start >= 0 else -int(start)

    block = zip(sizes, starts, shape, strict=True)
    return tuple(rest(n, start) if size == -1 else size for n, start, size in block)


def _starts(start_indices: Any) -> list[Any]:
    if isinstance(start_indices, np.ndarray):
        return start_indices.tolist()
    if isinstance(start_indices, (list, tuple)):
        return [i.value if isinstance(i, Variable) else i for i in start_indices]
    return list(tensor(start_indices))


@op(tensors=3)
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """A copy of `inputs` with a block replaced.

    Example:

        >>> slice_update([1, 2, 3], [1], [9]).tolist()
        [1, 9, 3]
    """
    inputs = tensor(inputs)
    return lax.dynamic_update_slice(inputs, tensor(updates, inputs.dtype), _starts(start_indices))


@op
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """The slices along an axis, as a list without that axis.

    Args:
        x: array.
        num: how many there are; needed if the size of the axis is unknown.
        axis: to take apart.
    """
    x = tensor(x)
    if num is not None and isinstance(x.shape[axis], int) and num != x.shape[axis]:
        raise value_error(
            f"unstack: axis {axis} has size {x.shape[axis]}, not {num}.", received=x.shape
        )
    return list(jnp.unstack(x, axis=axis))


@shape_rule(unstack)
def _unstacked(x: KerasTensor, num: int | None = None, axis: int = 0) -> list[KerasTensor]:
    if not -x.ndim <= axis < x.ndim:
        raise value_error(f"unstack: there is no axis {axis}.", received=x.shape)
    count = x.shape[axis] if num is None else num
    if count is None:
        raise value_error(f"unstack: the size of axis {axis} is unknown.", fix="num=...")
    rest = [n for i, n in enumerate(x.shape) if i != axis % x.ndim]
    return [KerasTensor(rest, x.dtype) for _ in range(count)]
