"""Layers on sparse inputs: every one takes them, and says which outputs are sparse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.sparse import BCOO

import cornu
from cornu import bcoo, layers, ops, tree
from cornu.core.frame import Frame
from cornu.core.symbolic import KerasTensor
from layers.test_everywhere import ROWS, arguments
from parity.harness import build, quiet

X = np.array([[[0, 0.5, 0], [0.25, 0, -0.75]], [[0, 0, 0], [1, 2, 0]]], "float32")


def sparse(x):
    return bcoo.blank(x.shape, x.dtype, 2)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_every_layer_takes_sparse_inputs(case, training):
    args = arguments(case)
    with quiet():
        layer = build(cornu, case)

        def call(*args):
            with Frame(open_ended=True):  # what is written to variables is of no interest
                return layer(*args, training=training)

        expected = jax.eval_shape(call, *args)
        got = jax.eval_shape(call, *tree.map_structure(sparse, args))
        symbols = tree.map_structure(
            lambda x: KerasTensor((None, *x.shape[1:]), str(x.dtype), sparse=True), args
        )
        specs = layer(*symbols, training=training)
    for a, b, spec in zip(
        bcoo.leaves(got), bcoo.leaves(expected), tree.flatten(specs), strict=True
    ):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        assert spec.sparse == isinstance(a, BCOO)


KEEP = {
    "Identity": layers.Identity(),
    "Flatten": layers.Flatten(),
    "Reshape": layers.Reshape((6,)),
    "Reshape with a free size": layers.Reshape((-1, 2)),
    "Permute": layers.Permute((2, 1)),
    "Activation": layers.Activation("relu"),
    "Dropout at rest": layers.Dropout(0.5),
    "Cropping1D": layers.Cropping1D((0, 1)),
}
MERGE = {
    "Add": layers.Add(),
    "Subtract": layers.Subtract(),
    "Multiply": layers.Multiply(),
    "Maximum": layers.Maximum(),
    "Average": layers.Average(),
    "Concatenate": layers.Concatenate(),
}
DENSE = {
    "Dense": layers.Dense(2),
    "EinsumDense": layers.EinsumDense("abc,cd->abd", (None, 2)),
    "LSTM": layers.LSTM(2),
    "LayerNormalization": layers.LayerNormalization(),
    "Softmax": layers.Softmax(),
    "Conv1D": layers.Conv1D(2, 1),
    "ReLU": layers.ReLU(),
}


@pytest.mark.parametrize("name", [*KEEP, *MERGE, *DENSE])
def test_outputs_are_those_of_dense_inputs(name):
    layer = {**KEEP, **MERGE, **DENSE}[name]
    x = BCOO.fromdense(X)
    given, plain = ([x, x], [X, X]) if name in MERGE else (x, X)
    got, expected = layer(given), layer(plain)
    assert isinstance(got, BCOO) == (name not in DENSE)
    np.testing.assert_allclose(ops.convert_to_numpy(got), expected, rtol=1e-5, atol=1e-6)


def test_a_sparse_and_a_dense_input():
    got = layers.Concatenate()([BCOO.fromdense(X), X])
    np.testing.assert_array_equal(got, np.concatenate([X, X], -1))
    summed = layers.Add()([BCOO.fromdense(X), jnp.ones(X.shape)])
    np.testing.assert_array_equal(summed, X + 1)


@pytest.mark.parametrize("dtype", ["mixed_float16", "bfloat16"])
def test_sparse_inputs_are_cast_as_dense_ones(dtype):
    x, layer = BCOO.fromdense(X[0]), layers.Dense(2, dtype=dtype)
    assert layer(x).dtype == layer(X[0]).dtype == layer.compute_dtype
    np.testing.assert_allclose(*(np.asarray(layer(v), "float32") for v in (x, X[0])), atol=0.02)


def test_embedding_of_sparse_identifiers():
    ids = np.array([[0, 3], [2, 0]])
    layer = layers.Embedding(4, 2)
    np.testing.assert_array_equal(layer(BCOO.fromdense(ids)), layer(ids))


def test_own_layers_get_what_was_given():
    class Scaled(layers.Layer):
        def call(self, x):
            assert isinstance(x, BCOO)
            return ops.multiply(x, 2.0)

    doubled = Scaled()(BCOO.fromdense(X))
    np.testing.assert_array_equal(doubled.todense(), 2 * X)
    assert Scaled()(KerasTensor((None, 3), sparse=True)).sparse


def test_quantized_and_adapted_weights():
    x, layer = BCOO.fromdense(X[0]), layers.Dense(2)
    layer.build((None, 3))
    layer.enable_lora(2)
    np.testing.assert_allclose(layer(x), layer(X[0]), rtol=1e-5)
    layer.quantize("int8")
    np.testing.assert_allclose(layer(x), layer(X[0]), rtol=1e-5)


def test_specs_of_layers_that_are_not_built():
    tensor = KerasTensor((None, 3), sparse=True)
    for policy, dtype in (("float32", "float32"), ("mixed_float16", "float16")):
        for layer in (layers.Dense(2, dtype=policy), layers.BatchNormalization(dtype=policy)):
            spec = layer.compute_output_spec(tensor)
            assert (spec.dtype, spec.sparse, layer.built) == (dtype, False, False)
