"""`Layer`: what it owns, how it learns, what it adds, how it is copied."""

import copy
import os
import pickle

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import cornu
from cornu import layers
from cornu.core.variable import Variable

X = np.ones((2, 3), "float32")


def block(library):
    """A layer with weights made in the constructor and in build, seeds, and layers."""

    class Block(library.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.scale = self.add_weight(shape=(1,), initializer="ones", name="scale")
            self.drop = library.layers.Dropout(0.5, seed=1)
            self.parts = [library.layers.Dense(4, name="first"), {"norm": self.norm(library)}]

        def norm(self, library):
            return library.layers.BatchNormalization(name="norm")

        def build(self, input_shape):
            self.fixed = self.add_weight(shape=(2,), name="fixed", trainable=False)
            self.gain = self.add_weight(shape=(input_shape[-1],), name="gain")

        def call(self, x, training=None):
            x = self.drop(self.parts[0](x * self.gain * self.scale))
            return self.parts[1]["norm"](x)

    return Block(name="block")


class TestVariables:
    @pytest.mark.parametrize(
        "which",
        ["weights", "trainable_variables", "trainable_weights", "non_trainable_weights"],
    )
    def test_order_and_paths_are_those_of_keras(self, which):
        found = []
        for library in (cornu, keras):
            layer = block(library)
            layer(X)
            found.append([(v.path, tuple(v.shape)) for v in getattr(layer, which)])
        assert found[0] == found[1]

    def test_seeds_are_variables_but_no_weights(self):
        layer = block(cornu)
        layer(X)
        seeds = [v for v in layer.variables if v not in set(layer.weights)]
        assert [v.name for v in seeds] == ["seed_generator_state"]
        assert seeds[0] in set(layer.non_trainable_variables)

    def test_shared_layers_count_once(self):
        class Twice(layers.Layer):
            def __init__(self):
                super().__init__()
                self.dense = layers.Dense(3)
                self.again = [self.dense, self.dense]

            def call(self, x):
                return self.dense(self.dense(x))

        layer = Twice()
        layer(X)
        assert len(layer.weights) == 2

    def test_layers_may_own_each_other_in_circles(self):
        class Parent(layers.Layer):
            def __init__(self):
                super().__init__()
                self.child = layers.Dense(2)
                self.child.parent = self

            def call(self, x):
                return self.child(x)

        layer = Parent()
        layer(X)
        assert len(layer.weights) == 2
        layer.trainable = False
        assert layer.trainable_variables == []
        assert layer.losses == []

    def test_weights_as_arrays(self):
        layer = layers.Dense(2)
        layer(X)
        layer.set_weights([np.full((3, 2), 2.0), np.ones(2)])
        assert [w.tolist() for w in layer.get_weights()] == [[[2, 2]] * 3, [1, 1]]
        with pytest.raises(ValueError, match="has 2 weights, got 1 arrays"):
            layer.set_weights([np.ones((3, 2))])
        with pytest.raises(ValueError, match="The weight for 'dense.*/kernel' has the wrong shape"):
            layer.set_weights([np.ones((2, 3)), np.ones(2)])
        assert layer.kernel.numpy().tolist() == [[2, 2]] * 3

    def test_counting(self):
        layer = layers.Dense(2)
        with pytest.raises(ValueError, match="is not built, so its parameters cannot be counted"):
            layer.count_params()
        layer(X)
        assert layer.count_params() == 8


class TestAddWeight:
    def test_forms(self):
        layer = layers.Layer(name="l")
        by_keyword = layer.add_weight(shape=(2,), initializer="ones", name="k")
        by_position = layer.add_weight((2,), "ones", "float16")
        scalar = layer.add_weight(initializer=cornu.initializers.Constant(3.0))
        integer = layer.add_weight(shape=(2,), dtype="int32")
        assert (by_keyword.path, by_keyword.numpy().tolist()) == ("l/k", [1, 1])
        assert (by_position.dtype, by_position.shape) == ("float16", (2,))
        assert float(scalar) == 3
        assert (integer.dtype, integer.numpy().tolist()) == ("int32", [0, 0])
        assert layer.add_variable((1,), "zeros", name="v").path == "l/v"
        assert len(layer.weights) == 5
        with pytest.raises(TypeError, match="add_weight takes 3 arguments by position, got 4"):
            layer.add_weight((2,), "ones", "float16", False)

    def test_an_array_as_initializer(self):
        layer = layers.Layer()
        assert layer.add_weight((2,), np.array([1.0, 2.0])).numpy().tolist() == [1, 2]

    def test_like_takes_the_settings_of_the_name(self):
        layer = layers.Layer(name="l")
        layer.bias_initializer = "ones"
        layer.bias_constraint = "non_neg"
        layer.bias_regularizer = "l2"
        bias = layer.add_weight((2,), like="bias")
        assert (bias.path, bias.numpy().tolist()) == ("l/bias", [1, 1])
        assert type(bias.constraint).__name__ == "NonNeg"
        assert type(bias.regularizer).__name__ == "L2"

    def test_unknown_sizes_are_refused(self):
        with pytest.raises(ValueError, match="needs a shape of known, non-negative sizes"):
            layers.Layer().add_weight(shape=(None, 3))


class TestTrainable:
    def test_running_statistics_stay_what_they_are(self):
        layer = block(cornu)
        layer(X)
        before = [v.path for v in layer.trainable_variables]
        layer.trainable = False
        assert layer.trainable_variables == []
        assert len(layer.non_trainable_variables) == len(layer.variables)
        assert not layer.parts[0].trainable
        layer.trainable = True
        assert [v.path for v in layer.trainable_variables] == before
        norm = layer.parts[1]["norm"]
        assert not norm.moving_mean.trainable
        assert not norm.moving_variance.trainable

    @pytest.mark.parametrize("library", [cornu, keras], ids=["cornu", "keras"])
    @pytest.mark.parametrize("when", ["constructor", "before build", "after build"])
    def test_a_frozen_part_stays_frozen_in_the_whole(self, library, when):
        class Two(library.layers.Layer):
            def __init__(self):
                super().__init__()
                frozen = {"trainable": False} if when == "constructor" else {}
                self.a = library.layers.Dense(2, name="a", **frozen)
                self.b = library.layers.Dense(2, name="b")

            def call(self, x):
                return self.b(self.a(x))

        layer = Two()
        if when == "before build":
            layer.a.trainable = False
        layer(X)
        if when == "after build":
            layer.a.trainable = False
        assert [v.name for v in layer.trainable_variables] == ["kernel", "bias"]
        assert all("/b/" in v.path for v in layer.trainable_variables)
        assert not layer.a.kernel.trainable
        layer.trainable = True
        assert len(layer.trainable_variables) == 4

    def test_frozen_batch_normalization_is_in_inference_mode(self):
        layer = layers.BatchNormalization()
        layer(X)
        layer.trainable = False
        layer(X, training=True)
        assert layer.moving_mean.numpy().tolist() == [0, 0, 0]


class Penalty(layers.Layer):
    def call(self, x):
        self.add_loss(jnp.sum(x))
        self.add_loss([jnp.max(x), 1.0])
        return x


class TestLosses:
    def test_of_the_last_call_and_of_weights(self):
        layer = layers.Dense(
            2, kernel_initializer="ones", kernel_regularizer="l2", activity_regularizer="l1"
        )
        for _ in range(2):
            layer(X)
            assert [round(float(loss), 4) for loss in layer.losses] == [0.06, 0.06]

    def test_of_layers_below(self):
        class Outer(layers.Layer):
            def __init__(self):
                super().__init__()
                self.inner = [Penalty(), Penalty()]

            def call(self, x):
                return self.inner[1](self.inner[0](x))

        layer = Outer()
        for _ in range(2):
            layer(X)
            assert [float(loss) for loss in layer.losses] == [6, 1, 1, 6, 1, 1]
        assert [float(loss) for loss in layer.inner[0].losses] == [6, 1, 1]

    def test_a_function_is_not_a_loss(self):
        with pytest.raises(TypeError, match="add_loss takes a value, not a function"):
            layers.Layer().add_loss(lambda: 0.0)

    def test_a_frozen_layer_has_no_penalty(self):
        layer = layers.Dense(2, kernel_regularizer="l2")
        layer(X)
        layer.trainable = False
        assert layer.losses == []

    def test_add_metric_says_what_to_use(self):
        with pytest.raises(NotImplementedError, match="keras.metrics.Mean"):
            layers.Layer().add_metric(1.0)


class TestStatelessCall:
    def test_values_in_values_out(self):
        layer = layers.BatchNormalization(momentum=0.0)
        layer.build((None, 3))
        state = [v.value for v in layer.non_trainable_variables]
        trainable = [v.value * 2 for v in layer.trainable_variables]
        x = np.array([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]], "float32")
        y, (mean, variance) = jax.jit(lambda t, s, x: layer.stateless_call(t, s, x, training=True))(
            trainable, state, x
        )
        assert mean.tolist() == [2, 3, 4]
        np.testing.assert_allclose(y, [[-2, -2, -2], [2, 2, 2]], atol=2e-3)
        assert layer.moving_mean.numpy().tolist() == [0, 0, 0]

    def test_losses_on_request(self):
        layer = Penalty()
        layer(X)
        _, _, losses = layer.stateless_call([], [], X * 2, return_losses=True)
        assert [float(loss) for loss in losses] == [12, 2, 1]
        assert [float(loss) for loss in layer.losses] == [6, 1, 1]

    def test_numbers_of_values_are_checked(self):
        layer = layers.Dense(2)
        with pytest.raises(ValueError, match="is not built, so its variables are not known"):
            layer.stateless_call([], [], X)
        layer(X)
        with pytest.raises(ValueError, match="has 2 trainable variables, got 1 values"):
            layer.stateless_call([layer.kernel.value], [], X)

    def test_variables_are_taken_too(self):
        layer = layers.Dense(2)
        layer(X)
        y, _ = layer.stateless_call(layer.trainable_variables, [], X)
        np.testing.assert_allclose(y, layer(X), rtol=1e-6)

    def test_gradients(self):
        layer = layers.Dense(1)
        layer(X)
        values = [v.value for v in layer.trainable_variables]
        grads = jax.grad(lambda v: layer.stateless_call(v, [], X)[0].sum())(values)
        assert [g.tolist() for g in grads] == [[[2]] * 3, [2]]


class TestCopies:
    @pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
    @pytest.mark.parametrize(
        "make",
        [
            lambda: layers.Dense(2, activation="relu", kernel_regularizer="l2"),
            lambda: layers.BatchNormalization(),
            lambda: layers.Dropout(0.5, seed=1),
            lambda: layers.RNN(layers.LSTMCell(2)),
        ],
        ids=["Dense", "BatchNormalization", "Dropout", "RNN"],
    )
    def test_a_copy_is_its_own(self, make, twin_of):
        layer = make()
        x = np.ones((2, 4, 3), "float32")
        y = layer(x)
        twin = twin_of(layer)
        assert twin.get_config() == layer.get_config()
        np.testing.assert_array_equal(twin(x), y)
        for variable in twin.variables:
            variable.assign(variable.value + 1)
        np.testing.assert_array_equal(layer(x), y)

    def test_an_unbuilt_layer(self):
        twin = pickle.loads(pickle.dumps(layers.Dense(2)))
        assert twin(X).shape == (2, 2)


class TestConstructor:
    def test_unknown_arguments_get_a_suggestion(self):
        with pytest.raises(ValueError, match="Dense takes no argument 'activatoin'") as caught:
            layers.Dense(2, activatoin="relu")
        assert "did you mean 'activation'" in str(caught.value)

    @pytest.mark.parametrize("use", ["call", "add_weight"])
    def test_a_forgotten_super_is_explained(self, use):
        class Forgetful(layers.Layer):
            def __init__(self):
                if use == "add_weight":
                    self.w = self.add_weight(shape=())

            def call(self, x):
                return x

        with pytest.raises(RuntimeError, match=r"does not call super\(\).__init__\(\)") as caught:
            Forgetful()(X)
        assert "super().__init__(**kwargs)" in str(caught.value)

    def test_call_must_be_written(self):
        with pytest.raises(NotImplementedError, match="Layer does not define `call`"):
            layers.Layer()(X)

    def test_repr(self):
        assert repr(layers.Dense(2, name="d")) == "<Dense name=d, built=False>"


class TestDtypes:
    def test_mixed_precision(self):
        seen = {}

        class Look(layers.Layer):
            def build(self, shape):
                self.w = self.add_weight(shape=(3,), initializer="ones")
                self.exact = self.add_weight(shape=(3,), autocast=False)
                self.free = Variable(1.0)

            def call(self, x, table):
                seen.update(x=x.dtype, table=table.dtype, w=self.w.value.dtype)
                seen.update(exact=self.exact.value.dtype, free=self.free.value.dtype)
                return x * self.w

        layer = Look(dtype="mixed_bfloat16")
        y = layer(X, np.arange(3))
        assert seen == {
            "x": "bfloat16", "table": "int32", "w": "bfloat16", "exact": "float32",
            "free": "bfloat16",
        }  # fmt: skip
        assert (y.dtype, layer.w.dtype) == ("bfloat16", "float32")
        assert (layer.dtype, layer.compute_dtype, layer.input_dtype) == (
            "float32", "bfloat16", "bfloat16",
        )  # fmt: skip
        assert layer.w.value.dtype == "float32"

    def test_an_inner_layer_has_a_policy_of_its_own(self):
        class Outer(layers.Layer):
            def __init__(self):
                super().__init__(dtype="mixed_float16")
                self.inner = layers.Dense(2, dtype="float32")

            def call(self, x):
                assert x.dtype == "float16"
                y = self.inner(x)
                assert y.dtype == "float32"
                return y

        assert Outer()(X).dtype == "float32"

    def test_without_autocast(self):
        layer = layers.Activation("linear", dtype="float16", autocast=False)
        assert layer(X).dtype == "float32"
        assert layer.get_config()["autocast"] is False


def test_a_layer_without_a_matmul_says_that_it_cannot_be_quantized():
    layer = layers.LayerNormalization(name="norm")
    layer.build((None, 3))
    with pytest.raises(NotImplementedError, match="LayerNormalization 'norm' cannot be quantized"):
        layer.quantize("int8")
    with pytest.raises(NotImplementedError, match="make the model in floats and call model.quant"):
        layers.LayerNormalization(dtype="int8_from_float32")(np.ones((2, 3)))


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_a_quantized_policy_quantizes_a_built_layer(mode):
    layer = layers.Dense(2)
    layer.build((None, 4))
    layer.dtype_policy = f"{mode}_from_float32" if mode != "int4" else "int4/-1_from_float32"
    assert layer.quantization_mode == mode and layer(np.ones((1, 4))).shape == (1, 2)
    assert len(layer.variables) > 2


def test_quantized_layers_say_what_rounds_their_inputs():
    layer = layers.Dense(2)
    layer.build((None, 4))
    with pytest.raises(AttributeError, match="not quantized"):
        _ = layer.inputs_quantizer
    with pytest.raises(ValueError, match="fits weights to data"):
        layer.dtype_policy = "gptq/4/128_from_float32"
    layer.quantize("int8")
    assert type(layer.inputs_quantizer).__name__ == "AbsMaxQuantizer"
    with pytest.raises(NotImplementedError, match="int7"):
        layer.quantized_build((4, 2), "int7")
