"""Attributes that programs read and set beside `compile` and `fit`."""

import jax
import numpy as np
import pytest

import cornu as keras
from cornu import layers, ops

X, Y = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")


def small():
    return keras.Sequential([keras.Input((2,)), layers.Dense(1, kernel_initializer="ones")])


def test_what_is_there_before_compile():
    model = small()
    assert (model.optimizer, model.loss, model.compiled) == (None, None, False)
    assert (model.train_function, model.test_function, model.predict_function) == (None,) * 3
    model.steps_per_execution = 1
    with pytest.warns(UserWarning, match="steps_per_execution=4"):
        model.steps_per_execution = 4


def test_the_loss_as_a_function_to_differentiate():
    model = small()
    model.compile(keras.optimizers.SGD(loss_scale_factor=2.0), "mse", metrics=["mae"])
    model.optimizer.build(model.trainable_variables)
    values = [
        [v.value for v in variables]
        for variables in (
            model.trainable_variables,
            model.non_trainable_variables,
            model.metrics_variables,
        )
    ]
    (loss, (unscaled, outputs, _, measured)), (kernel, bias) = jax.value_and_grad(
        model.compute_loss_and_updates, has_aux=True
    )(*values, X, Y, None, training=True)
    assert (float(unscaled), float(loss)) == (4.0, 8.0)  # outputs are 2
    assert outputs.shape == (4, 1) and len(measured) == len(values[2])
    assert kernel.tolist() == [[8.0], [8.0]] and bias.tolist() == [8.0]  # twice the gradient


def test_a_model_with_a_compile_of_its_own_says_that_it_is_compiled():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(1, kernel_initializer="ones")

        def call(self, x):
            return self.inner(x)

        def compile(self, optimizer):
            self.optimizer = optimizer
            self.compiled = True

        def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
            return ops.mean(ops.square(y_pred))

    model = Own()
    model.compile(keras.optimizers.SGD(0.25))
    assert model.fit(X, Y, verbose=0).history["loss"] == [4.0]
    model.compiled = False
    with pytest.raises(ValueError, match="call compile first"):
        model.fit(X, Y, verbose=0)


def test_names_of_outputs_may_be_set():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, [layers.Dense(1)(inputs), layers.Dense(1)(inputs)])
    model.output_names = ["left", "right"]
    model.compile("sgd", ["mse", "mse"])
    logs = model.evaluate(X, [Y, Y], verbose=0, return_dict=True)
    assert sorted(logs) == ["left_loss", "loss", "right_loss"]


def test_a_layer_that_cannot_be_compiled_makes_auto_eager():
    class Host(layers.Layer):
        supports_jit = False

        def call(self, x):
            return x

    model = keras.Sequential([keras.Input((2,)), Host(), layers.Dense(1)])
    model.compile("sgd", "mse")
    assert model.jit_compile is False
    model.compile("sgd", "mse", jit_compile=True)
    assert model.jit_compile is True


def test_a_callback_compares_as_it_is_told():
    class Lenient(keras.callbacks.EarlyStopping):
        def on_train_begin(self, logs=None):
            super().on_train_begin(logs)
            self.monitor_op = np.less_equal

    usual, lenient = (cls("loss", patience=1) for cls in (keras.callbacks.EarlyStopping, Lenient))
    assert usual.monitor_op(1.0, 2.0) and not usual.monitor_op(2.0, 2.0)
    for callback, epochs in ((usual, 2), (lenient, 3)):
        model = small()
        model.trainable = False  # the loss stays
        model.compile("sgd", "mse")
        history = model.fit(X, Y, epochs=3, callbacks=[callback], verbose=0)
        assert len(history.epoch) == epochs


def test_a_class_without_a_constructor_takes_no_arguments():
    class Half(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.5

    with pytest.raises(TypeError, match="Half takes no arguments"):
        Half(3)
    assert Half()(0) == 0.5
