"""Functions with a gradient of their own can be differentiated in both modes, everywhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu import ops
from cornu.kernels.conv import conv, conv_transpose
from cornu.kernels.depthwise import depthwise_conv
from cornu.kernels.derivatives import Differentiable, custom_gradient
from cornu.kernels.memory import row_major


@Differentiable
def cube(x):
    return x**3


cube.defvjp(lambda x: (cube(x), x), lambda x, g: (3 * x * x * g,))
cube_too = custom_gradient(lambda x: (x**3, lambda g: 3 * x * x * g))


def repeated(x):
    return jax.lax.scan(lambda c, _: (cube(c) / 2, None), x, None, 3)[0]


def plainly_repeated(x):
    for _ in range(3):
        x = x**3 / 2
    return x


PLACES = {
    "alone": (cube, lambda x: x**3),
    "as users write it": (cube_too, lambda x: x**3),
    "in a loop": (repeated, plainly_repeated),
    "recomputed": (jax.checkpoint(cube), lambda x: x**3),
    "a loop that is recomputed": (jax.checkpoint(repeated), plainly_repeated),
    "compiled": (jax.jit(repeated), plainly_repeated),
    "vectorized": (lambda x: jax.vmap(cube)(x[None] * jnp.ones(2)).sum(), lambda x: 2 * x**3),
    "chosen": (lambda x: jax.lax.cond(x > 0, cube, jnp.sin, x), lambda x: x**3),
}


@pytest.mark.parametrize("place", PLACES)
def test_derivatives_of_any_order_in_both_modes(place):
    ours, plain = PLACES[place]

    def derivatives(f):
        def forward(f):
            return lambda x: jax.jvp(f, (x,), (1.0,))[1]

        once = f, jax.grad(f), forward(f), jax.jacfwd(f), lambda x: jax.linearize(f, x)[1](1.0)
        twice = jax.grad(jax.grad(f)), jax.hessian(f), forward(forward(f)), jax.grad(forward(f))
        return lambda x: [d(x) for d in (*once, *twice, jax.jacfwd(jax.hessian(f)))]

    x = jnp.float32(1.1)
    found, expected = jax.jit(derivatives(ours))(x), jax.jit(derivatives(plain))(x)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    many = jax.jit(jax.vmap(derivatives(ours)))(jnp.stack([x, x]))  # of the equations themselves
    np.testing.assert_allclose(many, np.stack([expected, expected], 1), rtol=1e-5)


def test_one_linearization_serves_many_directions():
    x = jnp.arange(3.0)
    _, slope = jax.linearize(cube, x)
    np.testing.assert_allclose(jax.vmap(slope)(jnp.eye(3)), np.diag(3 * x * x))
    back = jax.linear_transpose(slope, x)
    np.testing.assert_allclose(jax.vmap(back)(jnp.eye(3))[0], np.diag(3 * x * x))


def test_what_is_kept_may_be_integers_and_what_does_not_move_costs_nothing():
    @Differentiable
    def pick(x, labels, bias):
        return x[labels] + bias

    pick.defvjp(
        lambda x, labels, bias: (pick(x, labels, bias), (labels, len(x))),
        lambda kept, g: (jnp.zeros(3).at[kept[0]].add(g), None, None),
    )
    x, labels = jnp.arange(3.0), jnp.array([2, 2])
    slope = jax.jvp(lambda x: pick(x, labels, 0.0), (x,), (x + 1,))[1]
    assert slope.tolist() == [3, 3]
    assert jax.grad(lambda x: pick(x, labels, 0.0).sum())(x).tolist() == [0, 0, 2]
    assert jax.grad(lambda b: pick(x, labels, b).sum())(0.0) == 0  # the rule says so
    steps = jax.make_jaxpr(lambda x: jax.jvp(lambda x: pick(x, labels, 0.0), (x,), (x,)))(x)
    (linear,) = [e for e in steps.eqns if e.primitive.name == "linear_with_transpose"]
    assert len(linear.invars) == linear.params["count"] + 1


def test_a_tangent_may_be_given_where_the_gradient_is_not_linear():
    @Differentiable
    def through(x):
        return jnp.round(x)

    through.defvjp(
        lambda x: (jnp.round(x), x), lambda x, g: (jnp.round(g),), lambda x, slopes: slopes[0]
    )
    assert jax.grad(lambda x: 0.7 * through(x))(1.2) == 1
    assert jax.jvp(through, (1.2,), (0.25,))[1] == 0.25


def test_custom_gradient_takes_nests_and_what_it_has_computed():
    @ops.custom_gradient
    def product(pair, scale):
        root = jnp.sqrt(scale)

        def gradient(g):
            return (g * pair[1] * root, g * pair[0] * root), g * pair[0] * pair[1] / (2 * root)

        return pair[0] * pair[1] * root, gradient

    arguments = (jnp.float32(2), jnp.float32(3)), jnp.float32(4)
    value, slope = jax.jvp(product, arguments, jax.tree.map(jnp.ones_like, arguments))
    assert value == 12 and slope == 6 + 4 + 1.5
    assert jax.grad(product, (0, 1))(*arguments) == ((6, 4), 1.5)
    hessian = jax.jit(jax.hessian(lambda a: product((a, a), a)))(jnp.float32(4))
    np.testing.assert_allclose(hessian, 2.5 * 1.5 * 4**0.5, rtol=1e-5)


@pytest.mark.parametrize(
    ("f", "x", "w"),
    [
        (lambda x, w: conv(x, w), (2, 8, 3), (3, 3, 4)),
        (lambda x, w: conv(x, w, 2, "same"), (2, 7, 6, 3), (3, 2, 3, 4)),
        (lambda x, w: conv_transpose(x, w, 2, "same"), (2, 4, 5, 3), (3, 3, 2, 3)),
        (lambda x, w: depthwise_conv(x, w, 1, "same"), (2, 6, 5, 3), (3, 3, 3, 2)),
    ],
    ids=["1 axis", "strides", "transposed", "depthwise"],
)
def test_second_derivatives_agree_within_one_program(f, x, w):
    # A layout constraint at the end of a program makes jax misread other outputs of it.
    rng = np.random.default_rng(0)
    point = tuple(rng.normal(size=s).astype("float32") for s in (x, w))
    along = tuple(rng.normal(size=s).astype("float32") for s in (x, w))
    weights = rng.normal(size=jax.eval_shape(f, *point).shape).astype("float32")
    slopes = jax.grad(lambda *p: jnp.vdot(weights, f(*p)), (0, 1))

    def both(*point):
        def projected(*point):
            return sum(map(jnp.vdot, slopes(*point), along))

        return jax.jvp(slopes, point, along)[1], jax.grad(projected, (0, 1))(*point)

    forward_over_reverse, twice_reverse = jax.jit(both)(*point)
    for a, b in zip(forward_over_reverse, twice_reverse, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_a_constraint_on_memory_constrains_no_derivative():
    x = jnp.ones((2, 3))
    text = str(jax.make_jaxpr(jax.grad(lambda x: row_major(x.T).sum()))(x))
    assert text.count("layout_constraint") == 1  # of the value
