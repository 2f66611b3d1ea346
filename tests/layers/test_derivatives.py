"""Each layer can be differentiated forward and backward, once and twice, in both of its modes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cornu
from layers.test_everywhere import ROWS, arguments
from parity.harness import build, floating, mode, projection, quiet, with_floats

# The same loop in another dress, which is compiled for long.
SAME_AS_ANOTHER = {"Bidirectional", "ConvLSTM1D", "ConvLSTM3D", "RNN"}
TRIED = [case for case in ROWS if case.name not in SAME_AS_ANOTHER]


def product(a, b):
    return sum(map(jnp.vdot, jax.tree.leaves(a), jax.tree.leaves(b)))


@pytest.mark.parametrize("case", TRIED, ids=lambda case: case.name)
def test_forward_and_reverse_mode_agree(case):
    args = arguments(case)
    with quiet():
        layer = build(cornu, case)
        layer(*args)
        others = [v.value for v in layer.non_trainable_variables]
        point = [v.value for v in layer.trainable_variables], floating(args)
        random = np.random.default_rng(1)
        along = jax.tree.map(lambda x: random.normal(size=x.shape).astype(x.dtype), point)

        def forward(f):
            return lambda point: jax.jvp(f, (point,), (along,))[1]

        def derivatives(point):
            found = []
            for training in [True, False] if mode(layer, True) else [True]:

                def value(point, flag=mode(layer, training)):
                    trainable, floats = point
                    inputs = with_floats(args, floats)
                    return projection(layer.stateless_call(trainable, others, *inputs, **flag)[0])

                gradient = jax.grad(value)
                found.append((forward(value)(point), product(gradient(point), along)))
                if training:

                    def slope(point, gradient=gradient):
                        return product(gradient(point), along)

                    second = forward(gradient)(point), jax.grad(slope)(point)
                    found += zip(*map(jax.tree.leaves, second), strict=True)
            return found

        pairs = jax.jit(derivatives)(point) if jax.tree.leaves(point) else []
    for forward_mode, reverse_mode in pairs:
        assert np.isfinite(reverse_mode).all()
        np.testing.assert_allclose(forward_mode, reverse_mode, rtol=1e-3, atol=1e-3)


def test_what_second_order_methods_ask_of_a_network():
    cornu.utils.set_random_seed(0)
    layers = cornu.layers
    model = cornu.Sequential(
        [cornu.Input((6, 6, 3)), layers.Conv2D(2, 3, activation="tanh"), layers.MaxPooling2D(),
         layers.Flatten(), layers.Dense(2, activation="relu"),
         layers.Dropout(0.5), layers.Dense(1)]
    )  # fmt: skip
    x = jnp.cos(jnp.arange(2 * 6 * 6 * 3.0)).reshape(2, 6, 6, 3)
    others = [v.value for v in model.non_trainable_variables]
    weights = [v.value for v in model.trainable_variables]

    def loss(kernel, x):
        return jnp.sum(model.stateless_call([*weights[:-2], kernel, weights[-1]], others, x)[0])

    jacobian, transposed, hessian, product = jax.jit(
        lambda kernel: (
            jax.jacfwd(loss, 1)(kernel, x[:1]),
            jax.jacrev(loss, 1)(kernel, x[:1]),
            jax.hessian(lambda k: jnp.square(loss(k, x)))(kernel),
            jax.vmap(jax.grad(lambda k: jnp.square(loss(k, x))))(kernel[None]),
        )
    )(weights[-2])
    np.testing.assert_allclose(jacobian, transposed, rtol=1e-4, atol=1e-6)
    outer = jax.grad(loss)(weights[-2], x)
    np.testing.assert_allclose(
        hessian.reshape(2, 2), 2 * outer @ outer.T, rtol=1e-4, atol=1e-6
    )  # the loss is linear in the last kernel
    np.testing.assert_allclose(product[0], 2 * loss(weights[-2], x) * outer, rtol=1e-4, atol=1e-6)
