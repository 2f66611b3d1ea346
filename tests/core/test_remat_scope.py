"""Which layers are computed again on the way back."""

import jax
import jax.numpy as jnp
import pytest

import cornu as keras


def recomputed(layer, x):
    """Whether the gradient of a layer's call computes it again."""

    def loss(x):
        return jnp.sum(layer(x))

    return "remat" in str(jax.make_jaxpr(jax.grad(loss))(x)) or "checkpoint" in str(
        jax.make_jaxpr(loss)(x)
    )


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ({}, [True, True]),
        ({"mode": "activations"}, [True, False]),
        ({"mode": "larger_than", "output_size_threshold": 30}, [False, True]),
        ({"mode": "list_of_layers", "layer_names": ["wide"]}, [False, True]),
        ({"mode": None}, [False, False]),
    ],
)
def test_modes(arguments, expected):
    with keras.RematScope(**arguments):
        small = keras.layers.Dense(4, activation="tanh", name="small")
        wide = keras.layers.Dense(16, name="wide")
    x = jnp.ones((2, 3))
    for layer in (small, wide):
        layer.build((2, 3))
    assert [recomputed(layer, x) for layer in (small, wide)] == expected


def test_scopes_nest_and_end():
    with keras.RematScope():
        with keras.RematScope(None):
            assert keras.layers.Dense(1)._remat_mode is None
        assert keras.layers.Dense(1)._remat_mode.mode == "full"
    assert keras.layers.Dense(1)._remat_mode is None


def test_layers_that_hold_layers_leave_it_to_them():
    with keras.RematScope():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    text = str(jax.make_jaxpr(lambda x: model(x))(jnp.ones((2, 3))))
    assert text.count("checkpoint") + text.count("remat") == 1


def test_an_unknown_mode_is_explained():
    with pytest.raises(ValueError, match="did you mean 'full'"):
        keras.RematScope("fulll")
