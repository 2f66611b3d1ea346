"""JAX's control flow and transforms for functions that read and write variables.

Reads need nothing: an outer value is an ordinary closure. Writes are found first, by running the
function once on shapes alone (`written_by`); exactly the variables written are then carried through
the JAX primitive and written back into whatever surrounds the call: a frame, or the variables.

    written = [moving_mean]                      # found by an abstract run
    scan(body, init, xs)  ->  lax.scan(pure, (init, [moving_mean]), xs)  ->  moving_mean.assign(...)

Functions that write nothing go straight to JAX.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cornu.core.context import local
from cornu.core.frame import Frame, purify, written_by
from cornu.core.tracking import Identities
from cornu.core.variable import Variable
from cornu.errors import explain

Fn = Callable[..., Any]


def read(variables: Sequence[Variable]) -> list[Any]:
    """Current values in the variables' own dtypes, from frames or from the variables."""
    return [v._stored() for v in variables]


def write(variables: Sequence[Variable], values: Sequence[Any]) -> None:
    """Assign values to variables, in order."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _pass_on(losses: Sequence[Any]) -> None:
    """Hand what `add_loss` collected inside a transform to the frame around it."""
    if local.frame is not None:
        local.frame.losses.extend(losses)


def _first(tree: Any) -> Any:
    """Shapes of the first elements along the leading axis of every leaf."""
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), tree)


def scan(
    f: Fn,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """`lax.scan` whose body may read and write variables."""
    written = written_by(f, init, None if xs is None else _first(jax.tree.map(jnp.asarray, xs)))
    pure = purify(f, written, with_losses=True)

    def body(carry: Any, x: Any) -> Any:
        values, state = carry
        (state, y), values, losses = pure(values, state, x)
        return (values, state), (y, losses)

    start = (read(written), init)
    (values, carry), (ys, losses) = lax.scan(
        body, start, xs, length=length, reverse=reverse, unroll=unroll
    )
    write(written, values)
    _pass_on(jax.tree.map(lambda loss: jnp.sum(loss, axis=0), losses))
    return carry, ys


def while_loop(cond_fun: Fn, body_fun: Fn, init: Any) -> Any:
    """`lax.while_loop` whose condition and body may read and whose body may write variables."""
    written = written_by(body_fun, init)
    pure = purify(body_fun, written)

    def condition(carry: Any) -> Any:
        values, state = carry
        with Frame(written, values):
            return cond_fun(state)

    def body(carry: Any) -> Any:
        state, values = pure(*carry)
        return values, state

    values, state = lax.while_loop(condition, body, (read(written), init))
    write(written, values)
    return state


def fori_loop(lower: Any, upper: Any, body_fun: Fn, init: Any) -> Any:
    """`lax.fori_loop` whose body `(i, state) -> state` may read and write variables."""
    index = jax.ShapeDtypeStruct((), jnp.int32)
    written = written_by(body_fun, index, init)
    pure = purify(body_fun, written)

    def body(i: Any, carry: Any) -> Any:
        values, state = carry
        state, values = pure(values, i, state)
        return values, state

    values, state = lax.fori_loop(lower, upper, body, (read(written), init))
    write(written, values)
    return state


def _branches(fns: Sequence[Fn], operands: Sequence[Any]) -> tuple[list[Variable], list[Fn]]:
    """The union of what the branches write, and each branch as a function that returns all of it."""
    written: dict[int, Variable] = {}
    for fn in fns:
        written |= {id(v): v for v in written_by(fn, *operands)}
    variables = list(written.values())
    return variables, [purify(fn, variables) for fn in fns]


def cond(pred: Any, true_fn: Fn, false_fn: Fn, *operands: Any) -> Any:
    """`lax.cond` whose branches may read and write variables."""
    written, (on_true, on_false) = _branches((true_fn, false_fn), operands)
    out, values = lax.cond(pred, on_true, on_false, read(written), *operands)
    write(written, values)
    return out


def switch(index: Any, branches: Sequence[Fn], *operands: Any) -> Any:
    """`lax.switch` whose branches may read and write variables."""
    written, pure = _branches(branches, operands)
    out, values = lax.switch(index, pure, read(written), *operands)
    write(written, values)
    return out


def map(f: Fn, xs: Any) -> Any:
    """`lax.map` for a function that may read and write variables, element after element."""
    return scan(lambda carry, x: (carry, f(x)), (), xs)[1]


def vmap(f: Fn, in_axes: Any = 0, out_axes: Any = 0) -> Fn:
    """`jax.vmap` of a function that may write variables, if no lane differs from another.

    A seed counter advances the same way in each lane, so dropout works; running statistics of a
    lane's own data do not.

    Raises:
        RuntimeError: a written value would depend on the lane.
    """

    @functools.wraps(f)
    def mapped(*args: Any) -> Any:
        written: list[Variable] = []

        def record(*args: Any) -> Any:
            with Frame(open_ended=True) as frame:
                out = f(*args)
            written.extend(v for v in frame.held() if v not in Identities(written))
            return out

        jax.eval_shape(jax.vmap(record, in_axes=in_axes, out_axes=out_axes), *args)
        if not written:
            return jax.vmap(f, in_axes=in_axes, out_axes=out_axes)(*args)
        pure = purify(f, written)

        def lane(*args: Any) -> Any:
            return pure(read(written), *args)

        try:
            out, values = jax.vmap(lane, in_axes=in_axes, out_axes=(out_axes, None))(*args)
        except ValueError as error:
            if "out_axes" not in str(error):
                raise
            raise RuntimeError(
                explain(
                    "A variable would get a different value in each lane of vectorized_map.",
                    variables=", ".join(v.path for v in written),
                    fix="call the layer on the whole batch, or with training=False,\n"
                    "or use cornu.ops.map, which goes through the elements one after another.",
                )
            ) from error
        write(written, values)
        return out

    return mapped


def remat(f: Fn) -> Fn:
    """`jax.checkpoint` of a function that may read and write variables.

    Its intermediate results are computed again in the backward pass instead of being kept.
    """

    @functools.wraps(f)
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        fixed = functools.partial(f, **kwargs)
        written = written_by(fixed, *args)
        pure = jax.checkpoint(purify(fixed, written, with_losses=True))
        out, values, losses = pure(read(written), *args)
        write(written, values)
        _pass_on(losses)
        return out

    return recomputed


def value_and_grad(fn: Fn, variables: Sequence[Variable], *, has_aux: bool = False) -> Fn:
    """The value of `fn(*args)` and its gradients with respect to variables it reads.

    Args:
        fn: returns a scalar, or `(scalar, aux)` with `has_aux`.
        variables: differentiated with respect to, such as `model.trainable_variables`.
        has_aux: whether `fn` returns something else besides the scalar.

    Returns:
        A function `(*args) -> (value, gradients)`, the gradients in the order of `variables`. What
        `fn` writes (running statistics, seeds) is written.

    Example:

        >>> w = Variable(3.0, name="w")
        >>> value, (slope,) = value_and_grad(lambda x: w.value ** 2 * x, [w])(2.0)
        >>> float(value), float(slope)
        (18.0, 12.0)
    """
    variables = list(variables)

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> tuple[Any, list[Any]]:
        fixed = functools.partial(fn, **kwargs)
        written = [v for v in written_by(fixed, *args) if v not in Identities(variables)]

        def objective(values: list[Any], state: list[Any]) -> Any:
            with Frame([*variables, *written], [*values, *state]) as frame:
                out = fixed(*args)
            loss, aux = out if has_aux else (out, None)
            return loss, (aux, frame.values_of(written))

        grad = jax.value_and_grad(objective, has_aux=True)
        (loss, (aux, state)), gradients = grad(read(variables), read(written))
        write(written, state)
        return ((loss, aux) if has_aux else loss), gradients

    return call
