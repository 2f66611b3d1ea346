"""`Dense` by its definition, on inputs of any rank, before and after its shape is known."""

import numpy as np
import pytest

from cornu import ops
from cornu.layers import Dense, Input

X = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")


def test_a_product_a_bias_and_an_activation():
    layer = Dense(4, activation="relu", bias_initializer="normal")
    y = layer(X)
    expected = np.maximum(X @ layer.kernel.numpy() + layer.bias.numpy(), 0)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    assert layer.compute_output_shape(X.shape) == (2, 5, 4)


def test_weights_are_made_at_the_first_call():
    layer = Dense(4, use_bias=False)
    assert layer.weights == []
    layer(Input((3,)))
    assert [w.shape for w in layer.weights] == [(3, 4)]


def test_what_the_settings_ask_of_the_weights():
    layer = Dense(4, kernel_regularizer="l2", kernel_constraint="non_neg")
    layer(X)
    np.testing.assert_allclose(layer.losses[0], 0.01 * (layer.kernel.numpy() ** 2).sum(), rtol=1e-5)
    assert (np.asarray(layer.kernel.constraint(layer.kernel.value)) >= 0).all()


def test_half_precision_computes_in_half_and_keeps_weights_in_single():
    layer = Dense(4, dtype="mixed_bfloat16")
    assert layer(X).dtype == "bfloat16" and layer.kernel.dtype == "float32"


def test_a_layer_is_a_function_of_its_variables():
    layer = Dense(4)
    expected = layer(X)
    values = [ops.convert_to_tensor(v) for v in layer.trainable_variables]
    y, rest = layer.stateless_call(values, [], X)
    np.testing.assert_array_equal(y, expected)
    assert rest == []


@pytest.mark.parametrize("units", [0, -3, 2.5, "4"])
def test_units_must_be_a_positive_integer(units):
    with pytest.raises((ValueError, TypeError), match="units"):
        Dense(units)


def test_inputs_of_another_width_are_refused_with_both_widths():
    layer = Dense(4)
    layer(X)
    with pytest.raises(ValueError, match=r"3(.|\n)*7"):
        layer(np.ones((2, 7), "float32"))
