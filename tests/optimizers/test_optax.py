"""Transformations in optax's form, written here by hand."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cornu as keras
from cornu.core.variable import Variable
from cornu.optimizers import SGD, Adam, Optax


class Transformation(NamedTuple):
    init: Any
    update: Any


class AdamState(NamedTuple):
    count: Any
    mu: Any
    nu: Any


def adam(rate):
    def init(weights):
        zeros = jax.tree.map(jnp.zeros_like, weights)
        return (AdamState(jnp.zeros((), jnp.int32), zeros, zeros), ())

    def update(gradients, state, weights=None):
        count, mu, nu = state[0]
        count = count + 1
        mu = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mu, gradients)
        nu = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, nu, gradients)
        alpha = -rate * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        updates = jax.tree.map(lambda m, v: alpha * m / (jnp.sqrt(v) + 1e-7), mu, nu)
        return updates, (AdamState(count, mu, nu), ())

    return Transformation(init, update)


def weights():
    return [Variable([1.0, 2.0], name="a"), Variable([[3.0]], name="b")]


def grads(i):
    return [jnp.array([0.5, -1.0]) * i, jnp.array([[2.0]])]


@pytest.mark.parametrize("shared", [{}, {"clipnorm": 0.5}, {"gradient_accumulation_steps": 2}])
def test_against_the_built_in_adam(shared):
    ours, theirs = weights(), weights()
    optax, built_in = Optax(adam(0.1), **shared), Adam(0.1, **shared)
    optax.build(ours)
    pure_values = [w.value for w in ours]
    state = [v.value for v in optax.variables]
    step = jax.jit(optax.stateless_apply)
    for i in range(4):
        pure_values, state = step(state, grads(i), pure_values)
        optax.apply(grads(i))
        built_in.apply(grads(i), theirs)
    for w, pure, expected in zip(ours, pure_values, theirs, strict=True):
        np.testing.assert_allclose(w.numpy(), expected.numpy(), rtol=1e-5)
        np.testing.assert_allclose(pure, expected.numpy(), rtol=1e-5)


def test_the_state_is_variables():
    optimizer = Optax(adam(0.1), name="optax")
    optimizer.build(weights())
    assert [(v.path, v.shape, v.dtype) for v in optimizer.variables] == [
        ("optax/iteration", (), "int32"),
        ("optax/learning_rate", (), "float32"),
        ("optax/0_count", (), "int32"),
        ("optax/0_mu_0", (2,), "float32"),
        ("optax/0_mu_1", (1, 1), "float32"),
        ("optax/0_nu_0", (2,), "float32"),
        ("optax/0_nu_1", (1, 1), "float32"),
    ]
    store = {}
    optimizer.save_own_variables(store)
    assert len(store) == 7


def test_the_rate_multiplies_updates():
    plain, halved = weights(), weights()
    Optax(adam(0.1)).apply(grads(1), plain)
    Optax(adam(0.2), learning_rate=0.5).apply(grads(1), halved)
    np.testing.assert_allclose(plain[0].numpy(), halved[0].numpy(), rtol=1e-6)


def test_weights_in_another_order():
    ordered, turned = weights(), weights()
    a, b = Optax(adam(0.1)), Optax(adam(0.1))
    a.build(ordered)
    b.build(turned)
    for i in range(3):
        a.apply(grads(i))
        b.apply(grads(i)[::-1], turned[::-1])
    for x, y in zip(ordered, turned, strict=True):
        np.testing.assert_array_equal(x.numpy(), y.numpy())


def test_a_chain_of_the_package_goes_on_where_it_was_saved(tmp_path):
    optax = pytest.importorskip("optax", reason="chains transformations of optax")
    x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")

    def compiled():
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        chain = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(0.05))
        model.compile(Optax(chain), "mse")
        return model

    def train(model):
        model.fit(x, x[:, :1], batch_size=8, epochs=2, shuffle=False, verbose=0)
        return model.get_weights()

    model = compiled()
    train(model)
    model.save_weights(tmp_path / "half.weights.h5")
    again = compiled()
    again.load_weights(tmp_path / "half.weights.h5")
    for a, b in zip(train(again), train(model), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(again.optimizer.iterations.value) == 16


def test_refused():
    with pytest.raises(TypeError, match="must have the methods init and update, got SGD"):
        Optax(SGD())
    optimizer, ws = Optax(adam(0.1)), weights()
    optimizer.build(ws)
    with pytest.raises(ValueError, match="each needs a gradient: 2, got 1"):
        optimizer.apply(grads(1)[:1], ws[:1])
    with pytest.raises(TypeError, match="(?s)adam must return a transformation.*missing"):
        Optax(adam)


def recipe():
    return adam(0.1)


X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize(
    "given", [adam(0.1), recipe, lambda: adam(0.1)], ids=["made", "recipe", "lambda"]
)
def test_a_whole_model_goes_on_where_it_was_saved(tmp_path, ending, given):
    name = "recipe" if given is recipe else "transformation"
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(Optax(given, clipnorm=1.0), "mse")
    model.fit(X, X[:, :1], batch_size=8, verbose=0)
    path = tmp_path / f"m{ending}"
    model.save(path)
    with pytest.raises(TypeError, match=f"(?s)compiled with a transformation of optax.*'{name}'"):
        keras.models.load_model(path)
    assert keras.models.load_model(path, compile=False).optimizer is None
    for meaning in (adam(0.1), recipe):
        copy = keras.models.load_model(path, {name: meaning})
        assert copy.optimizer.clipnorm == 1.0
        assert copy.optimizer.get_config() == model.optimizer.get_config()
        for a, b in zip(copy.optimizer.variables, model.optimizer.variables, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
    again = [m.fit(X, X[:, :1], shuffle=False, verbose=0).history["loss"] for m in (model, copy)]
    assert again[0][-1] == again[1][-1]


def test_a_registered_recipe_needs_no_argument(tmp_path):
    @keras.saving.register_keras_serializable("tests")
    def descent():
        return adam(0.1)

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(Optax(descent), "mse")
    model.save(tmp_path / "m.keras")
    copy = keras.models.load_model(tmp_path / "m.keras")
    assert copy.optimizer.get_config()["transformation"] == "tests>descent"
