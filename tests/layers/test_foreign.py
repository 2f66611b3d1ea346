"""Functions of jax and modules of flax as layers; refused ones."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu.layers import Dense, FlaxLayer, Input, JaxLayer, TFSMLayer, TorchModuleWrapper
from cornu.models import Sequential
from cornu.saving import register_keras_serializable

X = np.ones((2, 3), "float32")


@register_keras_serializable("tests")
def affine_init(rng, inputs):
    return {"w": jax.random.normal(rng, (inputs.shape[-1], 2)), "b": jnp.zeros(2)}


@register_keras_serializable("tests")
def affine(params, inputs):
    return inputs @ params["w"] + params["b"]


def test_params_become_weights():
    layer = JaxLayer(affine, affine_init, name="affine")
    assert layer(X).shape == (2, 2)
    assert [w.path for w in layer.weights] == ["affine/params_b", "affine/params_w"]
    again = JaxLayer.from_config(layer.get_config())
    again.build((None, 3))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(X), layer(X))


def test_state_and_random_numbers_are_carried():
    def init(rng, inputs):
        return {"w": jnp.ones(3)}, {"calls": jnp.zeros(())}

    def call(params, state, rng, inputs, training):
        noise = jax.random.normal(rng, inputs.shape) if training else 0.0
        return inputs * params["w"] + noise, {"calls": state["calls"] + 1}

    layer = JaxLayer(call, init, seed=1)
    a, b = layer(X, training=True), layer(X, training=True)
    assert not np.array_equal(a, b)
    (calls,) = [v for v in layer.weights if not v.trainable]
    assert float(calls.value) == 2


def test_unknown_arguments_are_named():
    with pytest.raises(ValueError, match="no argument 'x'"):
        JaxLayer(lambda params, x: x, affine_init)
    with pytest.raises(ValueError, match="init_fn"):
        JaxLayer(affine)


class Module:
    """What FlaxLayer needs of a module."""

    def __call__(self, inputs, training=False): ...

    def init(self, rngs, inputs, training=False):
        return {"params": {"gain": jnp.full(3, 2.0)}, "stats": {"seen": jnp.zeros(())}}

    def apply(self, variables, inputs, rngs, mutable, training=False):
        changed = {"stats": {"seen": variables["stats"]["seen"] + 1}} if mutable else {}
        return inputs * variables["params"]["gain"], changed


def test_a_module_of_flax_is_a_layer():
    layer = FlaxLayer(Module(), name="module")
    assert layer(X).tolist() == (X * 2).tolist()
    layer(X, training=True)
    assert [w.path for w in layer.weights] == ["module/params_gain", "module/state_stats_seen"]
    assert float(layer.weights[1].value) == 1


def test_a_module_learns_and_its_weights_are_saved(tmp_path):
    model = Sequential([Input((3,)), FlaxLayer(Module()), Dense(1)])
    model.compile("sgd", "mse")
    before = [w.numpy() for w in model.weights]
    model.fit(X, np.zeros((2, 1), "float32"), verbose=0)
    assert not np.allclose(model.weights[0].numpy(), before[0])
    model.save_weights(tmp_path / "m.weights.h5")
    again = Sequential([Input((3,)), FlaxLayer(Module()), Dense(1)])
    again.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(again(X), model(X))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: TFSMLayer("x"), "load the .keras or .weights.h5 file"),
        (lambda: TFSMLayer.from_config({}), "does not run inside a compiled JAX program"),
        (lambda: TorchModuleWrapper(None), "module.state_dict()"),
        (lambda: TorchModuleWrapper.from_config({}, safe_mode=True), "layers.JaxLayer"),
    ],
)
def test_other_engines_are_refused_with_what_to_use(make, says):
    with pytest.raises(NotImplementedError, match=re.escape(says)):
        make()


def test_functions_without_params_or_with_state_alone():
    double = JaxLayer(lambda inputs: inputs * 2)
    assert double(np.ones((1, 2))).tolist() == [[2, 2]] and double.built

    def count(state, inputs):
        return inputs + state["calls"], {"calls": state["calls"] + 1}

    for given in (
        {"state": {"calls": np.zeros(())}},
        {"init_fn": lambda rng, inputs: {"calls": np.zeros(())}},
    ):
        layer = JaxLayer(count, **given)
        assert [layer(np.zeros((1, 1))).item() for _ in range(3)] == [0, 1, 2]
        assert len(layer.weights) == 1
    with pytest.raises(ValueError, match="init_fn"):
        JaxLayer(count)


class Point:
    """A container that JAX knows by registration."""

    def __init__(self, x, y):
        self.x, self.y = x, y


jax.tree_util.register_pytree_node(Point, lambda p: ((p.x, p.y), None), lambda _, xy: Point(*xy))


def test_a_state_may_hold_settings_and_containers_of_ones_own():
    def count(state, inputs):
        scale = 2.0 if state["mode"] == "double" else 1.0
        counted = {**state, "at": [Point(state["at"][0].x + 1, state["at"][0].y)]}
        return inputs * scale, counted

    state = {"mode": "double", "unset": None, "at": [Point(0.0, 5.0)]}
    layer = JaxLayer(count, state=state)
    assert layer.state["mode"] == "double" and layer.state["unset"] is None
    for compiled in (layer, jax.jit(layer.stateless_call)):
        if compiled is layer:
            np.testing.assert_array_equal(layer(X), 2 * X)
        else:
            outputs, after = compiled([], [w.value for w in layer.non_trainable_variables], X)
            np.testing.assert_array_equal(outputs, 2 * X)
            assert [float(value) for value in after[:2]] == [2.0, 5.0]
    assert float(layer.state["at"][0].x.value) == 1.0


def test_without_params_a_function_gets_none_and_a_warning():
    def twice(params, state, inputs):
        return 2 * inputs, state

    with pytest.warns(UserWarning, match=r"takes params and gets None: give init_fn"):
        layer = JaxLayer(twice, state={"n": 0.0})
    np.testing.assert_array_equal(layer(X), 2 * X)


@pytest.mark.parametrize("state", [[0.0], {"n": {"m": 0.0}}, {"n": [[0.0]]}, {"n": []}])
def test_a_state_of_another_structure_is_refused(state):
    layer = JaxLayer(lambda state, inputs: (inputs, {"n": [jnp.ones(())]}), state=state)
    with pytest.raises(ValueError, match="must return a state of the same structure"):
        layer(X)
