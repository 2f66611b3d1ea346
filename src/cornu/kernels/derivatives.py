"""Functions whose gradient is written out, differentiable in forward mode too.

`jax.custom_vjp` keeps a gradient that was written by hand, and refuses `jvp`, `jacfwd` and
`hessian`; `jax.custom_jvp` allows both modes, but gives up how the gradient is computed. Here a
function has a `jax.custom_jvp` rule whose tangent is one equation, linear in the slopes, that
knows its transpose:

    y, kept = forward(x)
    dy      = linear(kept, dx)
                 |-- reverse mode: transposed to backward(kept, g), inline. The program is the one
                 |                 that `jax.custom_vjp` gives, equation for equation.
                 `-- forward mode: evaluated as the transpose of `backward`, which jax derives,
                                   since that is linear in g; or by a `tangent` of the function.

`jax.custom_derivatives.linear_call` is not enough: it cannot be vectorized (so neither can
`jacfwd`), nor differentiated with respect to what is kept (so there is no second derivative).
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

Tree = Any
Arrays = tuple[jax.Array, ...]  # what a rule takes, keeps or gives
# (arrays that are kept, arrays) -> arrays; linear in the second
Map = Callable[[Sequence[Any], Sequence[Any]], list[Any]]


class Differentiable:
    """A function with a gradient of its own, to be used as `jax.custom_vjp` is.

    Args:
        function: takes trees of arrays, and returns one.
        nondiff_argnums: positions of arguments that are no arrays.

    Example:

        >>> @Differentiable
        ... def cube(x):
        ...     return x**3
        >>> cube.defvjp(lambda x: (cube(x), x), lambda x, g: (3 * x * x * g,))
        >>> jax.grad(cube)(2.0).item(), jax.jvp(cube, (2.0,), (1.0,))[1].item()
        (12.0, 12.0)
    """

    def __init__(self, function: Callable[..., Tree], nondiff_argnums: Sequence[int] = ()) -> None:
        functools.update_wrapper(self, function)
        self._static = tuple(nondiff_argnums)
        self._call = jax.custom_jvp(function, nondiff_argnums=self._static)

    def defvjp(
        self,
        forward: Callable[..., tuple[Tree, Tree]],
        backward: Callable[..., tuple[Tree, ...]],
        tangent: Callable[..., Tree] | None = None,
    ) -> None:
        """Say what the derivative is.

        Args:
            forward: takes the arguments; returns `(result, arrays to keep)`.
            backward: takes the values of `nondiff_argnums`, what is kept and the gradient of the
                result; returns the gradient of each other argument, `None` for zero.
            tangent: takes the same, but the slopes of the arguments (a tuple, zeros written out)
                for the gradient; returns the slope of the result. `None` is the transpose of
                `backward`, which must then be linear in the gradient.
        """

        def slope(*arguments: Any) -> tuple[Tree, Tree]:
            *static, primals, slopes = arguments
            result, kept = _as_it_is(functools.partial(self._with, forward, static), primals)
            back = functools.partial(backward, *static)
            along = None if tangent is None else functools.partial(tangent, *static)
            return result, _slope(result, kept, primals, slopes, back, along)

        self._call.defjvp(slope, symbolic_zeros=True)

    def _with(self, function: Callable[..., Tree], static: Sequence[Any], *arrays: Any) -> Tree:
        arguments = list(arrays)
        for position, value in zip(self._static, static, strict=True):
            arguments.insert(position, value)
        return function(*arguments)

    def __call__(self, *arguments: Any) -> Tree:
        return self._call(*arguments)


def custom_gradient(function: Callable[..., tuple[Tree, Callable[[Tree], Any]]]) -> Callable:
    """A function from one that returns `(result, function of the result's gradient)`.

    Args:
        function: takes trees of arrays. The second function returns the gradient of each argument,
            alone if there is one; it may read whatever the first has computed.

    Example:

        >>> square = custom_gradient(lambda x: (x * x, lambda g: 2 * x * g))
        >>> jax.grad(square)(3.0).item(), jax.jvp(square, (3.0,), (1.0,))[1].item()
        (6.0, 6.0)
    """

    @jax.custom_jvp
    def call(*arguments: Any) -> Tree:
        return function(*arguments)[0]

    def slope(primals: tuple[Any, ...], slopes: tuple[Any, ...]) -> tuple[Tree, Tree]:
        result, back = function(*primals)
        # The arrays that `back` has closed over become arguments: it may be called elsewhere.
        traced, shape = jax.make_jaxpr(back, return_shape=True)(result)
        structure = jax.tree.structure(shape)

        def backward(kept: Any, g: Tree) -> tuple[Any, ...]:
            found = jax.core.eval_jaxpr(traced.jaxpr, kept, *jax.tree.leaves(g))
            gradients = jax.tree.unflatten(structure, found)
            return (gradients,) if len(primals) == 1 else tuple(gradients)

        return result, _slope(result, traced.consts, primals, slopes, backward, None)

    call.defjvp(slope, symbolic_zeros=True)
    return call


def _as_it_is(function: Callable[..., Tree], primals: Tree) -> Tree:
    """The function of the arrays, inside a rule that is being linearized.

    The trace that looks for what is linear would otherwise take loops apart.
    """
    call = jax.custom_jvp(function)

    def differentiate(primals: Any, slopes: Any) -> tuple[Tree, Tree]:
        leaves, structure = jax.tree.flatten(primals)
        every = structure.flatten_up_to(slopes)
        moved = [i for i, t in enumerate(every) if not isinstance(t, SymbolicZero)]

        def of_moved(*values: Any) -> Tree:
            given = list(leaves)
            for i, value in zip(moved, values, strict=True):
                given[i] = value
            return function(*structure.unflatten(given))

        return jax.jvp(of_moved, [leaves[i] for i in moved], [every[i] for i in moved])

    call.defjvp(differentiate, symbolic_zeros=True)
    return call(*primals)


def _slope(
    result: Tree,
    kept: Tree,
    primals: Tree,
    slopes: Tree,
    backward: Callable[[Tree, Tree], tuple[Any, ...]],
    tangent: Callable[[Tree, Tree], Tree] | None,
) -> Tree:
    """The slope of `result`, as an equation that knows its transpose."""
    leaves, structure = jax.tree.flatten(primals)
    of_leaves = [jax.typeof(leaf) for leaf in leaves]
    all_slopes = structure.flatten_up_to(slopes)
    moved = [i for i, t in enumerate(all_slopes) if not isinstance(t, SymbolicZero)]
    results, result_structure = jax.tree.flatten(result)
    of_results = [jax.typeof(y) for y in results]
    kept_leaves, kept_structure = jax.tree.flatten(kept)

    def transposed(kept: Sequence[Any], g: Sequence[Any]) -> list[Any]:
        trees = kept_structure.unflatten(kept), result_structure.unflatten(g)
        found = structure.flatten_up_to(backward(*trees))
        return [
            _zeros(of_leaves[i]) if found[i] is None else found[i].astype(of_leaves[i].dtype)
            for i in moved
        ]

    def direct(kept: Sequence[Any], slopes: Sequence[Any]) -> list[Any]:
        if tangent is None:
            anywhere = [_zeros(t) for t in of_results]
            return jax.vjp(lambda g: transposed(kept, g), anywhere)[1](list(slopes))[0]
        every = [_zeros(t) for t in of_leaves]
        for i, t in zip(moved, slopes, strict=True):
            every[i] = t
        return jax.tree.leaves(tangent(kept_structure.unflatten(kept), structure.unflatten(every)))

    slope = linear_p.bind(
        *kept_leaves,
        *(all_slopes[i] for i in moved),
        direct=direct,
        transposed=transposed,
        count=len(kept_leaves),
        types=tuple(of_results),
    )
    return result_structure.unflatten(slope)


def _zeros(like: Any) -> jax.Array:
    return jnp.zeros(like.shape, like.dtype)


# ---- the equation ------------------------------------------------------------------------------

# Its arguments are `count` arrays that are kept, then the slopes; `direct` and `transposed` map
# (kept, slopes) -> results and (kept, results) -> slopes.
linear_p = Primitive("linear_with_transpose")
linear_p.multiple_results = True


def _evaluate(*arguments: Any, direct: Map, count: int, **_: Any) -> list[Any]:
    return direct(arguments[:count], arguments[count:])


def _differentiate(primals: Any, tangents: Any, **params: Any) -> tuple[Any, Any]:
    count = params["count"]
    results = linear_p.bind(*primals, **params)
    slopes = [ad.Zero(jax.typeof(y)) for y in results]
    if not all(isinstance(t, ad.Zero) for t in tangents[count:]):
        along = map(ad.instantiate_zeros, tangents[count:])
        slopes = linear_p.bind(*primals[:count], *along, **params)
    moved = [i for i, t in enumerate(tangents[:count]) if not isinstance(t, ad.Zero)]
    if moved:

        def of_kept(*values: Any) -> list[Any]:
            kept = list(primals[:count])
            for i, value in zip(moved, values, strict=True):
                kept[i] = value
            return params["direct"](kept, primals[count:])

        start, step = [primals[i] for i in moved], [tangents[i] for i in moved]
        more = jax.jvp(of_kept, start, step)[1]
        slopes = [ad.add_tangents(a, b) for a, b in zip(slopes, more, strict=True)]
    return results, slopes


def _transpose(gradients: Any, *arguments: Any, transposed: Map, count: int, **_: Any) -> list[Any]:
    g = [ad.instantiate_zeros(g) for g in gradients]
    found = transposed(arguments[:count], g)
    linear = map(ad.is_undefined_primal, arguments[count:])
    return [None] * count + [a if b else None for a, b in zip(found, linear, strict=True)]


def _vectorize(arguments: Any, axes: Any, **params: Any) -> tuple[Any, list[int]]:
    """Slopes and results all have the new axis, in front; what is kept, where it has it."""
    count = params["count"]
    size = next(a.shape[axis] for a, axis in zip(arguments, axes, strict=True) if axis is not None)
    slopes = [
        jnp.broadcast_to(a, (size, *jnp.shape(a))) if axis is None else jnp.moveaxis(a, axis, 0)
        for a, axis in zip(arguments[count:], axes[count:], strict=True)
    ]

    def over(function: Map) -> Map:
        return lambda kept, slopes: jax.vmap(function, (list(axes[:count]), 0))(
            list(kept), list(slopes)
        )

    results = linear_p.bind(
        *arguments[:count],
        *slopes,
        direct=over(params["direct"]),
        transposed=over(params["transposed"]),
        count=count,
        types=tuple(t.update(shape=(size, *t.shape)) for t in params["types"]),
    )
    return results, [0] * len(results)


linear_p.def_impl(_evaluate)
linear_p.def_abstract_eval(lambda *_, types, **__: list(types))
ad.primitive_jvps[linear_p] = _differentiate
ad.primitive_transposes[linear_p] = _transpose
batching.primitive_batchers[linear_p] = _vectorize
mlir.register_lowering(linear_p, mlir.lower_fun(_evaluate, multiple_results=True))
