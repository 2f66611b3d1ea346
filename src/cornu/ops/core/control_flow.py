"""Control flow: loops and branches.

Bodies of loops and branches may read and write Variables: they go through `core/programs/lift.py`,
which finds what a body writes and carries exactly that through the JAX primitive.

Called on arrays, loops are traced and compiled at each call, so they always see what their
functions read now; `cond` and `switch` run the branch that they take. Inside a compiled function
(`jax.jit`, a layer of a compiled model) everything is traced once.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cornu.core.graph.op import op, shape_rule
from cornu.core.graph.operands import tensor
from cornu.core.programs import lift
from cornu.core.symbolic import KerasTensor, infer
from cornu.core.variable import Variable
from cornu.errors import type_error, value_error
from cornu.types import Tensor, Tensors

Fn = Callable[..., Any]


@op(tensors=("f", "init", "xs"), calls_back=True)
def scan(
    f: Fn,
    init: Tensors,
    xs: Tensors | None = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """Scan over the first axis, with a carried state.

    Args:
        f: `f(carry, x) -> (carry, y)`; it may read and write Variables.
        init: initial state, nested as `f` takes it.
        xs: arrays `(length, ...)`, nested as `f` takes it; None if `f` reads no inputs.
        length: number of steps; the length of `xs` if None.
        reverse: whether to scan from the last element to the first.
        unroll: number of steps per iteration of the compiled loop; True unrolls it fully.

    Returns:
        The final state, and the `y` of all steps stacked: `(length, ...)`.

    Example:

        >>> carry, ys = scan(lambda c, x: (c + x, c * x), 0, jnp.arange(4))
        >>> int(carry), ys.tolist()
        (6, [0, 0, 2, 9])

    Called on arrays, the loop is compiled at each call, which takes about 20 ms. A loop that runs
    often belongs in a compiled function, where a call takes some microseconds. What the loop reads
    must be an argument of that function: `jax.jit` keeps the first value of everything else.

        >>> last = jax.jit(lambda rate, xs: scan(lambda c, x: (rate * c + x, c), 0.0, xs)[0])
        >>> [float(last(rate, jnp.ones(3))) for rate in (0.0, 0.5)]
        [1.0, 1.75]
    """
    if not callable(f):
        raise type_error(f"scan: f must be a function (carry, x) -> (carry, y), got {f!r}.")
    if not isinstance(unroll, (bool, int)) or (not isinstance(unroll, bool) and unroll < 1):
        raise value_error(f"scan: unroll must be a positive int or a bool, got {unroll!r}.")
    if xs is None and length is None:
        raise value_error("scan: xs or length must be given.")
    xs = None if xs is None else _tensors(xs)
    return lift.scan(f, _tensors(init), xs, length, reverse, unroll)


def _tensors(structure: Tensors) -> Any:
    if isinstance(structure, jax.Array):
        return structure
    return jax.tree.map(tensor, structure, is_leaf=lambda x: isinstance(x, Variable))


@op(tensors=("f", "elems"), calls_back=True)
def associative_scan(f: Fn, elems: Tensors, reverse: bool = False, axis: int = 0) -> Tensors:
    """Parallel prefix scan of an associative function, in logarithmic depth.

    Args:
        f: associative function `f(a, b)` of arrays nested as `elems`.
        elems: arrays, combined along `axis`.
        reverse: whether to scan from the last element to the first.
        axis: axis to scan along.

    Example:

        >>> associative_scan(lambda a, b: a + b, jnp.arange(4)).tolist()
        [0, 1, 3, 6]
    """
    if not callable(f):
        raise type_error(f"associative_scan: f must be a function (a, b), got {f!r}.")
    return lax.associative_scan(f, _tensors(elems), reverse=reverse, axis=axis)


@shape_rule(associative_scan)
def _scanned(f: Fn, elems: Tensors, reverse: bool = False, axis: int = 0) -> Any:
    if not callable(f):
        raise type_error(f"associative_scan: f must be a function (a, b), got {f!r}.")
    leaves = jax.tree.leaves(elems)
    if any(not -x.ndim <= axis < x.ndim for x in leaves):
        raise value_error(f"associative_scan: elems has no axis {axis}.", elems=leaves)
    lengths = {x.shape[axis] for x in leaves} - {None}
    if len(lengths) > 1:
        raise value_error(
            "associative_scan: the arrays must have the same length.", lengths=sorted(lengths)
        )
    made = infer(f, elems, elems)  # one step says what all of them do
    return jax.tree.map(lambda x, y: KerasTensor(x.shape, y.dtype), elems, made)


@op(tensors=("loop_vars",), calls_back=True)
def while_loop(
    cond: Fn, body: Fn, loop_vars: Tensors, maximum_iterations: int | None = None
) -> Tensors:
    """Repeat `body` while `cond` holds.

    Args:
        cond: `cond(*loop_vars) -> bool`.
        body: `body(*loop_vars) -> loop_vars`, in the same shapes and dtypes; it may read and write
            Variables.
        loop_vars: initial state: a tuple or list, which `cond` and `body` take as separate
            arguments, or a single array or dict. Each part may be nested.
        maximum_iterations: upper bound of the number of iterations; None for no bound.

    Returns:
        The final state; a tuple if `loop_vars` is a tuple or list.

    Example:

        >>> int(while_loop(lambda i: i < 10, lambda i: (i + 4,), (0,))[0])
        12
    """
    single = not isinstance(loop_vars, (tuple, list))
    start = tuple(_tensors([loop_vars] if single else list(loop_vars)))

    def holds(state: tuple[Any, ...]) -> Any:
        return jnp.reshape(cond(*state), ())

    def call_body(state: tuple[Any, ...]) -> tuple[Any, ...]:
        out = body(*state)
        out = tuple(out) if isinstance(out, (tuple, list)) else (out,)
        if len(out) != len(state):
            raise value_error(
                "while_loop: body must return as many values as it takes.",
                received=f"{len(out)} values, {len(state)} loop_vars",
            )
        return _as_before(out, state)

    if maximum_iterations is None:
        state = lift.while_loop(holds, call_body, start)
    else:
        _, state = lift.while_loop(
            lambda s: (s[0] < maximum_iterations) & holds(s[1]),
            lambda s: (s[0] + 1, call_body(s[1])),
            (jnp.int32(0), start),
        )
    return state[0] if single else state


def _as_before(new: Tensors, old: Tensors) -> Any:
    """The new state in the old one's dtypes: a Python number at the start must not end a loop."""
    return jax.tree.map(lambda a, b: jnp.asarray(a, b.dtype), new, old)


@op(tensors=("init_val",), calls_back=True)
def fori_loop(lower: Tensor, upper: Tensor, body_fun: Fn, init_val: Tensors) -> Any:
    """Repeat `body_fun(i, state) -> state` for `i` from `lower` up to, not including, `upper`.

    Example:

        >>> int(fori_loop(1, 5, lambda i, total: total + i, 0))
        10
    """
    start = _tensors(init_val)
    if not (isinstance(lower, int) and isinstance(upper, int)):  # the number of steps is unknown
        lower, upper = tensor(lower), tensor(upper)
    return lift.fori_loop(lower, upper, lambda i, s: _as_before(body_fun(i, s), s), start)


@op(tensors=("pred", "true_fn", "false_fn"), calls_back=True)
def cond(pred: Tensor, true_fn: Fn, false_fn: Fn) -> Any:
    """The result of `true_fn` or `false_fn`; only that one runs.

    Args:
        pred: a bool, or an array of one.
        true_fn, false_fn: functions without arguments, whose results have the same structure,
            shapes and dtypes; they may read and write Variables.

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
def _either(pred: Tensor, true_fn: Fn, false_fn: Fn) -> Any:
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
            raise type_error(f"cond: {name} must be a function without arguments, got {fn!r}.")


@op(tensors=("index", "branches"), calls_back=True)
def switch(index: Tensor, branches: Sequence[Fn], *operands: Tensor) -> Any:
    """The result of `branches[index](*operands)`.

    Args:
        index: int32 scalar, clipped to the range of the branches.
        branches: functions whose results have the same structure, shapes and dtypes; they may read
            and write Variables.
        *operands: arguments of the branches.

    Example:

        >>> int(switch(1, [lambda x: x + 1, lambda x: x * 10], 5))
        50
    """
    index = index if isinstance(index, int) else tensor(index)
    return lift.switch(index, list(branches), *[_tensors(x) for x in operands])


@op(tensors=("f", "xs"), calls_back=True)
def map(f: Fn, xs: Tensors) -> Any:
    """`f` of each element along the first axis, in order; the results are stacked.

    Example:

        >>> map(lambda x: x * x, jnp.arange(3)).tolist()
        [0, 1, 4]
    """
    return lift.map(f, _tensors(xs))


@op(tensors=("elements",), calls_back=True)
def vectorized_map(function: Fn, elements: Tensors) -> Any:
    """`function` of each element along the first axis, vectorized.

    Args:
        function: function of one element, nested as `elements`.
        elements: an array `(n, ...)`, or arrays nested in lists, tuples and dicts.

    Example:

        >>> vectorized_map(lambda x: x.sum(), jnp.ones((2, 3))).tolist()
        [3.0, 3.0]
    """
    return lift.vmap(function)(_tensors(elements))
