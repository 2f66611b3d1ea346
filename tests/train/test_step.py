"""Steps: the default ones, and a model's own in both forms."""

import jax
import numpy as np
import pytest

import cornu as keras
from cornu.train.step import pack_x_y_sample_weight, unpack_x_y_sample_weight
from train.models import blobs


def test_batches_are_unpacked_and_packed():
    assert unpack_x_y_sample_weight((1,)) == (1, None, None)
    assert unpack_x_y_sample_weight([1, 2]) == (1, 2, None)
    assert unpack_x_y_sample_weight({"a": 1}) == ({"a": 1}, None, None)
    assert pack_x_y_sample_weight(1, 2, 3) == (1, 2, 3)
    assert pack_x_y_sample_weight((1, 2)) == ((1, 2),)
    with pytest.raises(ValueError, match="got 4 items"):
        unpack_x_y_sample_weight((1, 2, 3, 4))


def layers():
    keras.utils.set_random_seed(1)
    return [
        keras.layers.Dense(8, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.2, seed=3),
        keras.layers.Dense(3, activation="softmax"),
    ]


class Chain(keras.Model):
    """A subclassed model with running statistics and a seed."""

    def __init__(self):
        super().__init__()
        self.chain = layers()

    def call(self, x, training=None):
        for layer in self.chain:
            x = layer(x)
        return x


class PureStep(Chain):
    """Trains as Keras's guides for JAX do."""

    def compute_loss_and_updates(self, trainable, non_trainable, x, y):
        y_pred, non_trainable = self.stateless_call(trainable, non_trainable, x, training=True)
        return self.compute_loss(x, y, y_pred), (y_pred, non_trainable)

    def train_step(self, state, data):
        trainable, non_trainable, optimizer, metrics = state
        x, y = data
        grad = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (loss, (y_pred, non_trainable)), grads = grad(trainable, non_trainable, x, y)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, grads, trainable)
        return {"loss": loss}, (trainable, non_trainable, optimizer, metrics)


class ImperativeStep(Chain):
    """Trains by reading and writing variables."""

    def train_step(self, data):
        x, y = data

        def loss():
            return self.compute_loss(x, y, self(x, training=True))

        value, gradients = keras.value_and_grad(loss, self.trainable_variables)()
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": value}


def fit(model, epochs=3):
    x, y = blobs()
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    keras.utils.set_random_seed(2)
    history = model.fit(x, y, batch_size=16, epochs=epochs, verbose=0)
    return model, history.history["loss"]


@pytest.mark.parametrize("kind", [PureStep, ImperativeStep])
def test_own_steps_train_as_the_default_does(kind):
    default, _ = fit(Chain())
    own, losses = fit(kind())
    assert losses[-1] < losses[0]
    for a, b in zip(own.get_weights(), default.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)  # float32 in another order
    seeds = [model.chain[2].seed_generator.state.numpy() for model in (own, default)]
    np.testing.assert_array_equal(*seeds)


def test_a_step_that_returns_too_little_is_explained():
    class Forgetful(Chain):
        def train_step(self, state, data):
            return {"loss": 0.0}

    with pytest.raises(ValueError, match=r"not \(logs, state\)"):
        fit(Forgetful(), epochs=1)


def test_a_step_that_returns_another_structure_is_explained():
    class Shuffled(Chain):
        def train_step(self, state, data):
            trainable, non_trainable, optimizer, metrics = state
            return {"loss": 0.0}, (non_trainable, trainable, optimizer, metrics)

    with pytest.raises(ValueError, match="must return a state of the structure"):
        fit(Shuffled(), epochs=1)


def test_own_compute_loss_is_what_is_minimized():
    class Shrink(Chain):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return keras.ops.sum(keras.ops.square(self.chain[0].kernel))

    model, losses = fit(Shrink())
    assert losses[-1] < losses[0]


def test_several_optimizers_in_one_model_are_part_of_the_state():
    class TwoOptimizers(Chain):
        def compile(self, first, second, **options):
            super().compile(first, **options)
            self.second = second

        def train_step(self, data):
            x, y = data
            ends = [self.chain[0], self.chain[-1]]
            for optimizer, layer in zip((self.optimizer, self.second), ends, strict=True):
                value, gradients = keras.value_and_grad(
                    lambda: self.compute_loss(x, y, self(x, training=True)),
                    layer.trainable_variables,
                )()
                optimizer.apply(gradients, layer.trainable_variables)
            return {"loss": value}

    x, y = blobs()
    model = TwoOptimizers()
    model.build((None, 4))
    first, second = keras.optimizers.SGD(0.1), keras.optimizers.Adam(0.01)
    first.build(model.chain[0].trainable_variables)
    second.build(model.chain[-1].trainable_variables)
    model.compile(first, second, loss="sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=32, epochs=2, verbose=0)
    assert int(first.iterations.value) == int(second.iterations.value) == 6
