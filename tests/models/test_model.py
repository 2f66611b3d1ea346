"""Subclassed models."""

import numpy as np
import pytest

import cornu as keras
from cornu import layers


class Perceptron(keras.Model):
    """Two layers and a switch for dropout."""

    def __init__(self, units=8, classes=3, **kwargs):
        super().__init__(**kwargs)
        self.units, self.classes = units, classes
        self.hidden = layers.Dense(units, activation="relu")
        self.drop = layers.Dropout(0.5, seed=1)
        self.head = layers.Dense(classes, activation="softmax")

    def call(self, x, training=False):
        return self.head(self.drop(self.hidden(x), training=training))


def test_layers_and_weights_come_in_order_of_assignment():
    model = Perceptron(name="net")
    model(np.ones((2, 4)))
    assert [type(layer).__name__ for layer in model.layers] == ["Dense", "Dropout", "Dense"]
    assert [v.path for v in model.weights] == [
        f"net/{model.hidden.name}/kernel",
        f"net/{model.hidden.name}/bias",
        f"net/{model.head.name}/kernel",
        f"net/{model.head.name}/bias",
    ]


def test_layers_in_lists_and_dicts_belong_to_the_model():
    class Stack(keras.Model):
        def __init__(self):
            super().__init__()
            self.blocks = [layers.Dense(3) for _ in range(3)]
            self.heads = {"a": layers.Dense(1), "b": layers.Dense(2)}

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return {name: head(x) for name, head in self.heads.items()}

    model = Stack()
    out = model(np.ones((2, 4)))
    assert {k: v.shape for k, v in out.items()} == {"a": (2, 1), "b": (2, 2)}
    assert len(model.layers) == 5
    assert len(model.weights) == 10


def test_it_trains_and_is_built_by_fit():
    keras.utils.set_random_seed(0)
    model = Perceptron()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.random.default_rng(0).normal(size=(60, 4)).astype("f")
    y = (x.sum(1) > 0).astype(int)
    history = model.fit(x, y, epochs=5, verbose=0).history
    assert model.built
    assert history["loss"][-1] < history["loss"][0]


def test_config_comes_from_the_constructor():
    config = Perceptron(units=5).get_config()
    assert (config["units"], config["classes"]) == (5, 3)
    assert Perceptron.from_config(config).units == 5


def test_summary_before_and_after_building():
    model = Perceptron()
    lines = []
    model.summary(print_fn=lines.append)
    assert "unbuilt" in "\n".join(lines)
    model(np.ones((1, 4)))
    lines.clear()
    model.summary(print_fn=lines.append)
    assert "Total params: 67" in "\n".join(lines)


def test_forgetting_call_or_super_is_explained():
    class NoCall(keras.Model):
        pass

    with pytest.raises(NotImplementedError, match="does not define `call`"):
        NoCall()(np.ones((1, 2)))

    class NoSuper(keras.Model):
        def __init__(self):
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    with pytest.raises(RuntimeError, match=r"super\(\).__init__\(\)"):
        NoSuper()(np.ones((1, 2)))


def test_methods_that_need_compile_say_so():
    model = Perceptron()
    for method in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match="call compile first"):
            method(np.ones((2, 4)), np.zeros(2))
