"""What every layer offers: shapes without building, calls of other kinds, and class attributes."""

import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu import dtype_policies, layers
from cornu.core.symbolic import KerasTensor
from cornu.models import Sequential

X = np.random.default_rng(0).normal(size=(2, 5)).astype("float32")


class Block(layers.Layer):
    """Makes layers and draws numbers, so that a second one would leave traces."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units)
        self.dropout = layers.Dropout(0.5)

    def build(self, input_shape):
        self.scale = self.add_weight("scale", (input_shape[-1], 10**6), "glorot_uniform")

    def call(self, inputs):
        return self.dropout(self.dense(inputs)) * 2


class TestOutputShapes:
    def test_of_an_unbuilt_layer_nothing_is_left_behind(self):
        layer = Block(3)
        state = random.getstate()
        assert layer.compute_output_shape((None, 4, 5)) == (None, 4, 3)
        assert not layer.built and not layer.dense.built and not hasattr(layer, "scale")
        assert random.getstate() == state
        layer(np.ones((2, 5)))
        assert layer.scale.numpy().std() > 0  # of a layer that is used, numbers are drawn

    def test_numbering_goes_on_as_if_nobody_had_asked(self):
        layer = Block(3)
        first = int(layers.Dense(1).name.rpartition("_")[2])
        layer.compute_output_shape((None, 5))
        assert layers.Dense(1).name == f"dense_{first + 1}"

    def test_of_a_layer_that_cannot_be_saved(self):
        class Opaque(layers.Layer):
            def __init__(self, fn):
                super().__init__()
                self._fn = fn

            def get_config(self):
                raise NotImplementedError("holds a function")

            def build(self, input_shape):
                self.w = self.add_weight("w", (input_shape[-1], 2))

            def call(self, inputs):
                return self._fn(inputs @ self.w)

        layer = Opaque(jnp.tanh)
        assert layer.compute_output_shape((None, 4)) == (None, 2)
        assert not layer.built

    @pytest.mark.parametrize(
        ("equation", "output_shape", "shape"),
        [
            ("abc,cde->abde", (None, 2, 4), (None, None, 5)),
            ("...x,xy->...y", (4,), (None, 3, 5)),
            ("ab...,bc->ac...", (4,), (None, 5, 3)),
        ],
    )
    def test_of_dense_layers_by_a_formula(self, equation, output_shape, shape):
        layer = layers.EinsumDense(equation, output_shape)
        expected = layer.compute_output_shape(shape)
        assert not layer.built
        layer.build(shape)
        assert tuple(layer.compute_output_spec(KerasTensor(shape)).shape) == expected
        assert layers.Dense(7).compute_output_shape((None, 3, 5)) == (None, 3, 7)

    def test_an_activation_may_change_the_shape(self):
        halve = layers.Dense(6, activation=lambda x: x[..., ::2])
        assert halve(KerasTensor((None, 5))).shape == (None, 3)


class TestCalls:
    def test_a_symbolic_call_is_remembered(self):
        layer = layers.Dense(3)
        layer.build((None, 5))
        y = layer.symbolic_call(KerasTensor((None, 5)))
        assert y.shape == (None, 3)
        assert y._keras_history.operation is layer

    def test_a_rematerialized_call_gives_the_same_gradient(self):
        layer = layers.Dense(3, activation="tanh")
        layer(X)

        def total(x):
            return layer.rematerialized_call(layer.call, x).sum()

        np.testing.assert_allclose(total(X), layer(X).sum(), rtol=1e-6)
        assert "remat" in str(jax.make_jaxpr(jax.grad(total))(X))
        expected = jax.grad(lambda x: layer(x).sum())(X)
        np.testing.assert_allclose(jax.grad(total)(X), expected, rtol=1e-5)

    def test_masks_pass_by_default(self):
        assert layers.Layer().compute_mask(X, "mask") == "mask"
        assert layers.Layer().compute_mask(X, None) is None


class TestAttributes:
    def test_stand_on_the_class(self):
        for name in ("path", "input_spec", "supports_masking", "dtype_policy", "quantization_mode"):
            assert hasattr(layers.Layer, name)
        assert hasattr(layers.InputLayer, "batch_shape") and hasattr(layers.Dense, "kernel")
        assert layers.InputLayer((3,)).batch_shape == (None, 3)

    @pytest.mark.parametrize(
        ("make", "name"),
        [
            (lambda: layers.Dense(3), "kernel"),
            (lambda: layers.EinsumDense("ab,bc->ac", 3), "kernel"),
            (lambda: layers.Embedding(3, 3), "embeddings"),
        ],
    )
    def test_a_weight_is_there_once_the_layer_is_built(self, make, name):
        layer = make()
        with pytest.raises(AttributeError, match=f"is not built, so it has no {name}"):
            getattr(layer, name)
        layer.build((2, 4))
        assert getattr(layer, name) is layer.weights[0]

    def test_the_policy_may_be_set_later(self):
        layer = layers.Dense(3)
        layer.dtype_policy = "mixed_bfloat16"
        assert (layer.compute_dtype, layer.variable_dtype) == ("bfloat16", "float32")
        assert layer(X).dtype == "bfloat16"

    def test_a_map_of_policies_reaches_the_layers_inside(self):
        policies = dtype_policies.DTypePolicyMap("float32", {"attention/query": "bfloat16"})
        layer = layers.MultiHeadAttention(2, 2, name="attention", dtype=policies)
        layer.build((2, 3, 4), (2, 3, 4))
        assert layer.dtype_policy is policies
        dtypes = {w.path: w.dtype for w in layer.weights if w.path.endswith("kernel")}
        assert dtypes["attention/query/kernel"] == "bfloat16"
        assert dtypes["attention/key/kernel"] == "float32"


class TestModels:
    def test_training_goes_on_beside_quantized_weights(self):
        model = Sequential([layers.Input((5,)), layers.Dense(4, name="a"), layers.Dense(2)])
        before = model.predict(X, verbose=0)
        model.quantize("int8", filters="a")
        assert np.abs(model.predict(X, verbose=0) - before).max() > 0  # not the old program
        model.compile("sgd", "mse")
        integers, bias = model.layers[0].kernel.numpy(), model.layers[0].bias.numpy()
        model.fit(X, np.ones((2, 2), "float32"), verbose=0)
        np.testing.assert_array_equal(model.layers[0].kernel.numpy(), integers)
        assert not np.allclose(model.layers[0].bias.numpy(), bias)

    def test_scales_of_8_bit_floats_follow_what_passes(self):
        model = Sequential([layers.Input((5,)), layers.Dense(2)])
        model.quantize("float8")
        model.compile("sgd", "mse")
        model.fit(X, np.ones((2, 2), "float32"), epochs=2, verbose=0)
        dense = model.layers[0]
        largest = np.abs(X).max()
        assert dense.inputs_amax_history.numpy()[0] == pytest.approx(largest)
        assert float(dense.inputs_scale.value) == pytest.approx(largest / 448)

    def test_layers_that_stay_in_floats_are_named(self):
        model = Sequential([layers.Input((4, 5)), layers.Conv1D(2, 2, name="conv"),
                            layers.Flatten(), layers.Dense(2)])  # fmt: skip
        with pytest.warns(UserWarning, match=r"do not support 'int8' .*: conv \(Conv1D\)\."):
            model.quantize("int8")


@pytest.mark.parametrize(
    "make",
    [lambda: layers.Dense(2), lambda: layers.EinsumDense("ab,bc->ac", 2),
     lambda: layers.Embedding(4, 2), lambda: layers.ReversibleEmbedding(4, 2)],
)  # fmt: skip
def test_what_is_not_quantized_does_not_compute_so(make):
    layer, x = make(), np.ones((2, 5), "int32")
    layer(x)
    with pytest.raises(NotImplementedError, match="is not quantized"):
        layer.quantized_call(x)
