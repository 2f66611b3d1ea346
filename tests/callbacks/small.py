"""A small model, data, and a model that only remembers, for the tests of callbacks."""

import numpy as np

import cornu as keras


def data(samples=40, features=4):
    x = np.random.default_rng(0).normal(size=(samples, features)).astype("float32")
    return x, x.sum(1, keepdims=True)


def regression(optimizer="sgd", dropout=0.0, **options):
    keras.utils.set_random_seed(3)
    layers = [keras.Input((4,)), keras.layers.Dense(8, activation="tanh")]
    if dropout:
        layers.append(keras.layers.Dropout(dropout))
    model = keras.Sequential([*layers, keras.layers.Dense(1)])
    model.compile(optimizer, "mse", metrics=["mae"], **options)
    return model


def fit(model, *callbacks, **options):
    options = {"epochs": 3, "batch_size": 10, "verbose": 0, "shuffle": False, **options}
    return model.fit(*data(), callbacks=list(callbacks), **options)


class Fake:
    """Has the few attributes of a model that most callbacks use."""

    def __init__(self, metrics=(), rate=0.1):
        self.metrics = list(metrics)
        self.stop_training = False
        self.optimizer = type("Optimizer", (), {"learning_rate": rate})()
        self.weights = [np.zeros(1)]

    def get_weights(self):
        return [w.copy() for w in self.weights]

    def set_weights(self, weights):
        self.weights = [np.array(w) for w in weights]


def drive(callback, values, model=None, name="loss"):
    """Call the hooks of a training whose result takes these values; stop when it is told to."""
    model = model or Fake()
    callback.set_model(model)
    callback.on_train_begin()
    epochs = 0
    for epoch, value in enumerate(values):
        callback.on_epoch_begin(epoch)
        model.weights = [np.full(1, float(epoch))]
        callback.on_epoch_end(epoch, {name: value})
        epochs += 1
        if model.stop_training:
            break
    callback.on_train_end()
    return epochs
