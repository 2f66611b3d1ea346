"""The library in one file: read it from top to bottom.

words -> layers -> a model -> training -> looking inside -> saving -> one's own steps
"""

import jax
import numpy as np

import cornu as keras
from cornu import layers, ops


def two_moons(samples=200, seed=0):
    """Two interleaved half circles, the classic problem that no line can solve."""
    random = np.random.default_rng(seed)
    angle = random.uniform(0, np.pi, samples)
    upper = random.integers(0, 2, samples)
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle))
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    noise = random.normal(size=(samples, 2)) * 0.1
    return (np.stack([x, y], -1) + noise).astype("float32"), upper.astype("float32")


def test_variables_hold_arrays():
    gain = keras.Variable([1.0, 2.0], name="gain")
    gain.assign(gain * 3)
    assert gain.numpy().tolist() == [3.0, 6.0]


def test_ops_compute_trace_and_record():
    assert float(ops.sum([1.0, 2.0])) == 3.0  # on values
    assert float(jax.grad(lambda x: ops.sum(x**2))(3.0)) == 6.0  # under any JAX transform
    x = keras.Input((4,))
    assert ops.sum(x, axis=-1).shape == (None,)  # on symbolic tensors: a graph


def test_layers_make_their_weights_when_they_see_a_shape():
    dense = layers.Dense(3)
    assert not dense.built
    assert dense(np.ones((2, 5))).shape == (2, 3)
    assert [w.path for w in dense.weights] == [f"{dense.name}/kernel", f"{dense.name}/bias"]


def test_a_model_learns():
    keras.utils.set_random_seed(1)
    x, y = two_moons()
    model = keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(32, activation="relu"),
            layers.Dense(32, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=30, batch_size=20, validation_split=0.2, verbose=0)
    assert sorted(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert history.history["val_accuracy"][-1] > 0.9
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert loss < 0.3
    assert accuracy > 0.9
    assert model.predict(x[:3], verbose=0).shape == (3, 1)


def test_graphs_branch_and_join():
    words = keras.Input((6,), dtype="int32", name="words")
    size = keras.Input((2,), name="size")
    text = layers.GlobalAveragePooling1D()(layers.Embedding(10, 4)(words))
    joined = layers.Concatenate()([text, size])
    model = keras.Model([words, size], {"kind": layers.Dense(3)(joined), "size": size * 2})
    out = model([np.ones((5, 6), int), np.ones((5, 2))])
    assert {name: value.shape for name, value in out.items()} == {"kind": (5, 3), "size": (5, 2)}


def test_models_are_pure_functions_when_asked():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])

    def loss(trainable, x):
        y, _ = model.stateless_call(trainable, model.non_trainable_variables, x)
        return ops.sum(y)

    kernel, bias = jax.jit(jax.grad(loss))(
        [v.value for v in model.trainable_variables], np.ones((2, 3))
    )
    np.testing.assert_allclose(kernel, 2.0)
    np.testing.assert_allclose(bias, 2.0)


def test_one_can_write_the_step_oneself():
    class Halving(keras.Model):
        """Minimizes half of the squared error, to show that the step is one's own."""

        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y = data

            def loss():
                return ops.mean(ops.square(self(x, training=True) - y)) / 2

            value, gradients = keras.value_and_grad(loss, self.trainable_variables)()
            self.optimizer.apply(gradients, self.trainable_variables)
            return {"half": value}

    model = Halving()
    model.compile(keras.optimizers.SGD(0.1))
    x = np.linspace(-1, 1, 40, dtype="float32")[:, None]
    history = model.fit(x, 3 * x, epochs=20, verbose=0).history
    assert history["half"][-1] < history["half"][0] / 10


def test_models_are_saved_and_loaded(tmp_path):
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(4, activation="tanh"), layers.Dense(1)]
    )
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(10, 3)).astype("float32")
    model.fit(x, x[:, :1], verbose=0)
    model.save(tmp_path / "model.keras")
    twin = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(twin.predict(x, verbose=0), model.predict(x, verbose=0))
    twin.fit(x, x[:, :1], verbose=0)  # and goes on learning where it stopped
