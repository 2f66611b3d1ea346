"""JAX's control flow and transforms for functions that read and write variables.

Reads need nothing: an outer value is an ordinary closure. Writes are found first, while the
primitive traces the function: if there are none (`_pure`), that trace is the one that is used.
Otherwise exactly the variables written are carried through the JAX primitive and written back into
whatever surrounds the call: a frame, or the variables.

    scan(body, init, xs)  ->  lax.scan(body, init, xs), given up: body writes [moving_mean]
                          ->  lax.scan(pure, (init, [moving_mean]), xs)  ->  moving_mean.assign(...)

What `add_loss` is given inside comes out the same way, summed over the steps of a loop.
"""

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cornu.context import local
from cornu.core.frame import AddedLoss, Frame, effects_of, is_tracing, purify
from cornu.core.objects.tracking import Identities, unique
from cornu.core.programs.cache import Cache
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


def pass_on(losses: Sequence[AddedLoss]) -> None:
    """Hand what `add_loss` collected inside a transform to whatever surrounds the transform."""
    if local.frame is None and local.call is None:  # losses are those of the last call
        for owner in unique(loss.owner for loss in losses):
            owner._clear_losses()
    for loss in losses:
        loss.owner.add_loss(loss.value)


def _zeros(losses: Any) -> Any:
    return jax.tree.map(lambda loss: jnp.zeros(loss.shape, loss.dtype), losses)


def _add(losses: Any, more: Any) -> Any:
    return jax.tree.map(jnp.add, losses, more)


def _sum(losses: Any) -> Any:
    """Losses stacked along the first axis, summed over it."""
    return jax.tree.map(lambda loss: jnp.sum(loss, axis=0), losses)


def _of_arrays(
    fn: Fn, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Callable[..., Any], list[Any]]:
    """`fn` as a function of the arrays among its arguments, and those arrays.

    The other arguments (flags, names, None) stay what they are, so that `if training:` works.
    """
    leaves, treedef = jax.tree.flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, (jax.Array, np.ndarray))]

    def call(*arrays: Any) -> Any:
        filled = list(leaves)
        for place, array in zip(places, arrays, strict=True):
            filled[place] = array
        a, k = treedef.unflatten(filled)
        return fn(*a, **k)

    return call, [leaves[place] for place in places]


class _EffectsError(Exception):
    """Gives up a trace whose function writes variables or adds losses; says which."""

    def __init__(self, written: list[Variable], losses: list[AddedLoss]):
        super().__init__()
        self.written = written
        self.losses = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(jnp.shape(x), jnp.result_type(x)), losses
        )


def _pure(fn: Fn) -> Fn:
    """`fn`, which must be without effects: raises `_EffectsError` at the end if it has some."""

    def run(*args: Any) -> Any:
        with Frame(open_ended=True) as frame:
            out = fn(*args)
        if frame.losses or frame.held():
            raise _EffectsError(frame.held(), frame.losses)
        return out

    return run


def scan(
    f: Fn,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """`lax.scan` whose body may read and write variables."""
    xs = jax.tree.map(jnp.asarray, xs)
    settings: dict[str, Any] = {"length": length, "reverse": reverse, "unroll": unroll}
    try:
        return lax.scan(_pure(f), init, xs, **settings)
    except _EffectsError as effects:
        written = effects.written
    pure = purify(f, written, with_losses=True)

    def body(carry: Any, x: Any) -> Any:
        values, state = carry
        (state, y), values, losses = pure(values, state, x)
        return (values, state), (y, losses)

    start = (read(written), init)
    (values, carry), (ys, losses) = lax.scan(body, start, xs, **settings)
    write(written, values)
    pass_on(_sum(losses))
    return carry, ys


def while_loop(cond_fun: Fn, body_fun: Fn, init: Any) -> Any:
    """`lax.while_loop` whose condition and body may read and whose body may write variables."""
    try:
        return lax.while_loop(cond_fun, _pure(body_fun), init)
    except _EffectsError as effects:
        written, added = effects.written, effects.losses
    pure = purify(body_fun, written, with_losses=True)

    def condition(carry: Any) -> Any:
        values, _, state = carry
        with Frame(written, values):
            return cond_fun(state)

    def body(carry: Any) -> Any:
        values, losses, state = carry
        state, values, more = pure(values, state)
        return values, _add(losses, more), state

    start = (read(written), _zeros(added), init)
    values, losses, state = lax.while_loop(condition, body, start)
    write(written, values)
    pass_on(losses)
    return state


def fori_loop(lower: Any, upper: Any, body_fun: Fn, init: Any) -> Any:
    """`lax.fori_loop` whose body `(i, state) -> state` may read and write variables."""
    try:
        return lax.fori_loop(lower, upper, _pure(body_fun), init)
    except _EffectsError as effects:
        written, added = effects.written, effects.losses
    pure = purify(body_fun, written, with_losses=True)

    def body(i: Any, carry: Any) -> Any:
        values, losses, state = carry
        state, values, more = pure(values, i, state)
        return values, _add(losses, more), state

    start = (read(written), _zeros(added), init)
    values, losses, state = lax.fori_loop(lower, upper, body, start)
    write(written, values)
    pass_on(losses)
    return state


def _array(x: Any) -> Any:
    return x if isinstance(x, jax.Array) else jnp.asarray(x)


def _one_of(
    choose: Callable[..., Any], which: Any, fns: Sequence[Fn], operands: Sequence[Any]
) -> Any:
    """`choose(which, branches, *operands)` with the union of what the branches write and add.

    Each branch returns all of it: what it does not write as it was, the losses of others as zeros.
    Where nothing is traced the number of the branch is known, and it runs as it is.
    """
    if not is_tracing() and _alike(fns, operands):
        number = int(not which) if choose is not lax.switch else int(which)
        chosen = fns[min(max(number, 0), len(fns) - 1)]
        return jax.tree.map(_array, chosen(*operands))
    effects = [effects_of(fn, *operands) for fn in fns]
    written = unique(v for variables, _ in effects for v in variables)
    added = [losses for _, losses in effects]

    def branch(number: int, fn: Fn) -> Fn:
        pure = purify(fn, written, with_losses=True)

        def run(values: Any, *operands: Any) -> Any:
            out, values, losses = pure(values, *operands)
            slots = [_zeros(losses) for losses in added]
            slots[number] = _add(slots[number], losses)  # so the dtypes of all branches agree
            return out, values, slots

        return run

    branches = [branch(number, fn) for number, fn in enumerate(fns)]
    out, values, losses = choose(which, branches, read(written), *operands)
    write(written, values)
    pass_on([loss for of_branch in losses for loss in of_branch])
    return out


_alike_before: Cache[bool] = Cache(limit=256)


def _alike(fns: Sequence[Fn], operands: Sequence[Any]) -> bool:
    """Whether the functions return arrays of the same structure, shapes and dtypes.

    Asked once per set of functions and shapes: a change since then would only be missed as an
    error, since the branch that is chosen runs in any case.
    """
    leaves, structure = jax.tree.flatten(operands)
    kinds = tuple([(x.shape, x.dtype) for x in leaves])
    try:  # a weak reference is equal to another one of the same living function
        key = (tuple([weakref.ref(fn) for fn in fns]), structure, kinds)
        hash(key)
    except TypeError:  # a callable that has no weak reference or no hash is asked again
        return _compared(fns, operands)
    return _alike_before.get(key, lambda: _compared(fns, operands))


def _compared(fns: Sequence[Fn], operands: Sequence[Any]) -> bool:
    def shapes_of(fn: Fn) -> Any:
        def run(*args: Any) -> Any:
            with Frame(open_ended=True):
                return fn(*args)

        return jax.eval_shape(run, *operands)

    shapes = [shapes_of(fn) for fn in fns]
    kinds = [
        (jax.tree.structure(x), [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(x)])
        for x in shapes
    ]
    return all(kind == kinds[0] for kind in kinds)


def cond(pred: Any, true_fn: Fn, false_fn: Fn, *operands: Any) -> Any:
    """`lax.cond` whose branches may read and write variables."""

    def choose(pred: Any, branches: Sequence[Fn], *operands: Any) -> Any:
        return lax.cond(pred, *branches, *operands)

    return _one_of(choose, pred, (true_fn, false_fn), operands)


def switch(index: Any, branches: Sequence[Fn], *operands: Any) -> Any:
    """`lax.switch` whose branches may read and write variables."""
    return _one_of(lax.switch, index, branches, operands)


def map(f: Fn, xs: Any) -> Any:
    """`lax.map` for a function that may read and write variables, element after element."""
    return scan(lambda carry, x: (carry, f(x)), (), xs)[1]


def vmap(f: Fn, in_axes: Any = 0, out_axes: Any = 0) -> Fn:
    """`jax.vmap` of a function that may write variables, if no lane differs from another.

    A seed counter advances the same way in each lane, so dropout works; running statistics of a
    lane's own data do not. Losses are summed over the lanes.

    Raises:
        RuntimeError: a written value would depend on the lane.
    """

    @functools.wraps(f, updated=())
    def mapped(*args: Any) -> Any:
        try:
            return jax.vmap(_pure(f), in_axes=in_axes, out_axes=out_axes)(*args)
        except _EffectsError as effects:
            written = effects.written
        pure = purify(f, written, with_losses=True)

        def lane(*args: Any) -> Any:
            return pure(read(written), *args)

        try:
            lanes = jax.vmap(lane, in_axes=in_axes, out_axes=(out_axes, None, 0))
            out, values, losses = lanes(*args)
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
        pass_on(_sum(losses))
        return out

    return mapped


def remat(f: Fn) -> Fn:
    """`jax.checkpoint` of a function that may read and write variables.

    Its intermediate results are computed again in the backward pass instead of being kept.
    """

    @functools.wraps(f, updated=())
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        fixed, arrays = _of_arrays(f, args, kwargs)
        written, _ = effects_of(fixed, *arrays)
        pure = jax.checkpoint(purify(fixed, written, with_losses=True))
        out, values, losses = pure(read(written), *arrays)
        write(written, values)
        pass_on(losses)
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

    @functools.wraps(fn, updated=())
    def call(*args: Any, **kwargs: Any) -> tuple[Any, list[Any]]:
        fixed, arrays = _of_arrays(fn, args, kwargs)
        written, _ = effects_of(fixed, *arrays)
        others = [v for v in written if v not in Identities(variables)]

        def objective(values: list[Any], state: list[Any]) -> Any:
            with Frame([*variables, *others], [*values, *state]) as frame:
                out = fixed(*arrays)
            loss, aux = out if has_aux else (out, None)
            return loss, (aux, frame.values_of(written), frame.losses)

        grad = jax.value_and_grad(objective, has_aux=True)
        (loss, (aux, state, losses)), gradients = grad(read(variables), read(others))
        write(written, state)
        pass_on(losses)
        return ((loss, aux) if has_aux else loss), gradients

    return call
