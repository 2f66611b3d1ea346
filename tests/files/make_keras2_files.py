"""Make the part of the corpus that Keras 2 writes: `python make_keras2_files.py`.

The same layout as `make_files.py`, in the folder of the version. Made on Linux with Python 3.11,
tensorflow-cpu 2.15.1 with Keras 2.15.0, and numpy 1.26.
"""

import os
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
from tensorflow import keras

layers = keras.layers
rng = np.random.default_rng(0)
folder = Path(__file__).parent / "2.15.0"


def floats(*shape):
    return rng.normal(size=shape).astype("float32")


def flat(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def save(name, model, x, endings=(".h5",)):
    outputs = model(x)
    arrays = {f"x{i}": np.asarray(a) for i, a in enumerate(flat(x))}
    arrays |= {f"y{i}": np.asarray(a) for i, a in enumerate(flat(outputs))}
    if getattr(model, "optimizer", None) is not None:
        arrays["iterations"] = np.asarray(model.optimizer.iterations)
    for ending in endings:
        model.save(folder / (name + ending))
        np.savez(folder / (name + ending + ".npz"), **arrays)


def randomize(model):
    model.set_weights([rng.uniform(0.1, 1, w.shape) for w in model.get_weights()])


def main():
    folder.mkdir(exist_ok=True)
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            layers.Dense(3, activation="relu", input_shape=(4,), name="h1"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(2, name="out"),
        ],
        name="seq",
    )
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(floats(16, 4), floats(16, 2), verbose=0, epochs=2)
    save("sequential", model, floats(3, 4), (".h5", ".keras"))

    model = keras.Sequential(
        [layers.Input((4,)), layers.Dense(3, activation="tanh"), layers.Dense(3, "softmax")]
    )
    model.compile(
        keras.optimizers.legacy.Adam(0.01, decay=1e-3),
        keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)],
    )
    model.fit(floats(16, 4), rng.integers(0, 3, 16), verbose=0)
    save("old_adam", model, floats(3, 4))

    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    shared = layers.Dense(4, name="shared")
    h = layers.Concatenate(name="cat")([shared(shared(a)), layers.Dense(2, name="d")(b)])
    inner = keras.Sequential(
        [layers.Input((6,)), layers.Dense(3, name="deep"), layers.BatchNormalization()],
        name="inner",
    )
    model = keras.Model([a, b], [inner(h), layers.Dense(1, name="o")(h)], name="graph")
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        loss={"inner": "mse", "o": keras.losses.Huber()},
        metrics={"o": ["mae"]},
    )
    model.fit([floats(8, 4), floats(8, 3)], [floats(8, 3), floats(8, 1)], verbose=0)
    save("graph", model, [floats(3, 4), floats(3, 3)], (".h5", ".keras"))

    model = keras.Sequential(
        [
            layers.Embedding(10, 4, mask_zero=True, input_length=5),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.GRU(3),
            layers.Dense(2),
        ],
        name="rnn",
    )
    model.build((None, 5))
    randomize(model)
    save("recurrent", model, rng.integers(0, 9, (2, 5)))

    model = keras.Sequential(
        [
            layers.Input((8, 8, 2)),
            layers.Conv2D(3, 3, padding="same"),
            layers.BatchNormalization(),
            layers.LeakyReLU(0.2),
            layers.MaxPooling2D(),
            layers.DepthwiseConv2D(3),
            layers.ReLU(max_value=6),
            layers.SeparableConv2D(2, 2),
            layers.Flatten(),
            layers.Dense(2),
        ],
        name="conv",
    )
    randomize(model)
    save("convolutional", model, floats(2, 8, 8, 2))

    q, v = keras.Input((5, 4), name="q"), keras.Input((5, 4), name="v")
    h = layers.LayerNormalization()(layers.Add()([q, layers.MultiHeadAttention(2, 3)(q, v)]))
    model = keras.Model([q, v], layers.GlobalAveragePooling1D()(h), name="att")
    randomize(model)
    save("attention", model, [floats(2, 5, 4), floats(2, 5, 4)])

    i = keras.Input((4,), name="i")
    t = layers.Dense(4)(i)
    h = tf.nn.relu(t * 2.0 + 1.0) - tf.reduce_mean(t, axis=-1, keepdims=True)
    model = keras.Model(i, layers.Dense(2)(h), name="functions")
    save("functions", model, floats(2, 4))

    i = keras.Input((5, 3), name="i")
    sequence, h, c = layers.LSTM(2, return_sequences=True, return_state=True)(i)
    model = keras.Model(i, layers.LSTM(2)(sequence, initial_state=[h, c]), name="states")
    save("states", model, floats(2, 5, 3))


if __name__ == "__main__":
    main()
