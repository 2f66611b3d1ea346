"""The workloads: data, sizes and settings that all peers share, and the models in Keras' words.

    data(samples) ---> numpy arrays, the same in every process      (synthetic, or MNIST's own)
    build(keras) ----> the model, for any library that speaks Keras
    raw_torch.py, raw_jax.py: the same models by hand, same initial distributions

Nothing here imports a framework. MNIST itself is used instead of the synthetic digits when
CORNU_DATA names a folder with `mnist.npz`.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

VOCABULARY, CONTEXT, GPT_WIDTH, GPT_DEPTH, GPT_HEADS = 1000, 128, 256, 4, 8
FIELDS, CATEGORIES, EMBEDDING, MEASURES = 26, 80_000, 16, 13
RESNET_CHANNELS, RESNET_BLOCKS = (16, 32, 64), 3
SEPARABLE = ((64, 1), (128, 2), (128, 1), (256, 2))  # channels, stride


@dataclass(frozen=True)
class Workload:
    """One row of the table.

    Attributes:
        about: what it is, in a line.
        build: the library -> the model.
        data: number of samples -> (list of inputs, labels).
        samples: in an epoch.
        quick: in an epoch with `--quick`.
        batch: samples in a step.
        loss: "classes" (probabilities out), "tokens" (logits out), "yes_no" or "pixels".
        optimizer: "adam" or "rmsprop", both with a learning rate of 0.001.
        needs: layers that a library may not have yet.
    """

    about: str
    build: Callable[[Any], Any]
    data: Callable[[int], tuple[list[np.ndarray], np.ndarray]]
    samples: int
    quick: int
    batch: int
    loss: str = "classes"
    optimizer: str = "adam"
    needs: tuple[str, ...] = ()


# ---- data ----------------------------------------------------------------------------------------


def digits(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Images `(n, 28, 28)` in 0..1 and labels: MNIST, or blurred strokes with its statistics."""
    folder = os.environ.get("CORNU_DATA")
    if folder and (Path(folder) / "mnist.npz").exists():
        with np.load(Path(folder) / "mnist.npz") as file:
            x, y = file["x_train"][:samples], file["y_train"][:samples]
        return x.astype("float32") / 255, y.astype("int32")
    rng = np.random.default_rng(1)
    y = rng.integers(0, 10, samples).astype("int32")
    strokes = np.zeros((10, 8, 28, 28), "float32")
    for picture in strokes.reshape(-1, 28, 28):  # the random walk of a pen three pixels wide
        row, column = 14.0, 14.0
        for _ in range(60):
            row, column = np.clip([row, column] + rng.normal(0, 1.6, 2), 5, 22)
            picture[int(row) - 1 : int(row) + 2, int(column) - 1 : int(column) + 2] += 0.4
    x = np.minimum(strokes, 1)[y, rng.integers(0, 8, samples)]
    for part, shift in zip(np.array_split(x, 25), np.ndindex(5, 5), strict=True):
        part[:] = np.roll(part, (shift[0] - 2, shift[1] - 2), (1, 2))
    ink = rng.standard_normal((samples, 28, 28), "float32")
    return np.clip(x * (1 + 0.3 * ink), 0, 1), _some_wrong(y, rng)


def _some_wrong(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels with some errors, so that no model gets to a loss of zero (and to denormals)."""
    return np.where(rng.random(len(y)) < 0.05, rng.integers(0, 10, len(y)), y).astype("int32")


def photos(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Images `(n, 32, 32, 3)` around zero, and labels: a coarse colour pattern a class."""
    rng = np.random.default_rng(2)
    y = rng.integers(0, 10, samples).astype("int32")
    patterns = rng.normal(0, 0.7, (10, 8, 8, 3)).repeat(4, 1).repeat(4, 2).astype("float32")
    x = patterns[y] + rng.standard_normal((samples, 32, 32, 3), "float32")
    return x, _some_wrong(y, rng)


def _flat_digits(samples: int) -> tuple[list[np.ndarray], np.ndarray]:
    x, y = digits(samples)
    return [x.reshape(samples, -1)], y


def _rows_of_digits(samples: int) -> tuple[list[np.ndarray], np.ndarray]:
    x, y = digits(samples)
    return [x], y


def _digit_images(samples: int) -> tuple[list[np.ndarray], np.ndarray]:
    x, y = digits(samples)
    return [x[..., None]], y


def _photo_images(samples: int) -> tuple[list[np.ndarray], np.ndarray]:
    x, y = photos(samples)
    return [x], y


def _reconstruction(samples: int) -> tuple[list[np.ndarray], np.ndarray]:
    (x,), _ = _digit_images(samples)
    return [x], x


def _flowers(samples: int) -> tuple[list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, samples).astype("int32")
    x = rng.normal(0, 1.5, (3, 4))[y] + rng.normal(0, 1, (samples, 4))
    return [x.astype("float32")], y


def _text(samples: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Tokens where each one mostly decides the next."""
    rng = np.random.default_rng(4)
    follows = rng.integers(0, VOCABULARY, VOCABULARY)
    tokens = np.empty((samples, CONTEXT + 1), "int32")
    tokens[:, 0] = rng.integers(0, VOCABULARY, samples)
    for i in range(CONTEXT):
        random = rng.integers(0, VOCABULARY, samples)
        tokens[:, i + 1] = np.where(rng.random(samples) < 0.8, follows[tokens[:, i]], random)
    return [tokens[:, :-1].copy()], tokens[:, 1:].copy()


def _clicks(samples: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Categories (few of them frequent), measures, and whether something was clicked."""
    rng = np.random.default_rng(5)
    categories = (CATEGORIES * rng.random((samples, FIELDS)) ** 3).astype("int32")
    measures = rng.standard_normal((samples, MEASURES), "float32")
    taste = rng.normal(0, 1, CATEGORIES)
    score = taste[categories].sum(1) / FIELDS**0.5 + measures[:, 0]
    return [categories, measures], (score > 0).astype("float32")[:, None]


# ---- models --------------------------------------------------------------------------------------


def _mlp(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((784,)),
            layers.Dense(512, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def _mlp_small(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(200, activation="relu"),
            layers.Dense(200, activation="relu"),
            layers.Dense(3, activation="softmax"),
        ]
    )


def _cnn(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def _normalized(keras: Any, x: Any, convolution: Any, relu: bool = True) -> Any:
    x = keras.layers.BatchNormalization()(convolution(x))
    return keras.layers.ReLU()(x) if relu else x


def _classifier(keras: Any, inputs: Any, x: Any) -> Any:
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))


def _plain_conv(keras: Any, channels: int, size: int = 3, strides: int = 1) -> Any:
    return keras.layers.Conv2D(channels, size, strides=strides, padding="same", use_bias=False)


def _cnn_bn(keras: Any) -> Any:
    inputs = x = keras.layers.Input((32, 32, 3))
    for channels in (32, 64, 128):
        x = _normalized(keras, x, _plain_conv(keras, channels, strides=2))
    return _classifier(keras, inputs, x)


def _resnet20(keras: Any) -> Any:
    inputs = keras.layers.Input((32, 32, 3))
    x = _normalized(keras, inputs, _plain_conv(keras, RESNET_CHANNELS[0]))
    for stage, channels in enumerate(RESNET_CHANNELS):
        for block in range(RESNET_BLOCKS):
            strides = 2 if stage and not block else 1
            y = _normalized(keras, x, _plain_conv(keras, channels, strides=strides))
            y = _normalized(keras, y, _plain_conv(keras, channels), relu=False)
            if strides == 2:
                x = _normalized(keras, x, _plain_conv(keras, channels, 1, 2), relu=False)
            x = keras.layers.ReLU()(keras.layers.add([x, y]))
    return _classifier(keras, inputs, x)


def _depthwise(keras: Any) -> Any:
    layers = keras.layers
    inputs = layers.Input((32, 32, 3))
    x = _normalized(keras, inputs, _plain_conv(keras, 32))
    for channels, strides in SEPARABLE:
        by_channel = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)
        x = _normalized(keras, x, by_channel)
        x = _normalized(keras, x, _plain_conv(keras, channels, 1))
    return _classifier(keras, inputs, x)


def _lstm(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [layers.Input((28, 28)), layers.LSTM(128), layers.Dense(10, activation="softmax")]
    )


def _gru_bidir(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Bidirectional(layers.GRU(64, return_sequences=True)),
            layers.Bidirectional(layers.GRU(64)),
            layers.Dense(10, activation="softmax"),
        ]
    )


def _positions(keras: Any) -> Any:
    """A layer that adds a learned vector to each position."""

    class Positions(keras.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.table = self.add_weight(
                shape=input_shape[1:],
                initializer=keras.initializers.RandomUniform(-0.05, 0.05),
                name="table",
            )

        def call(self, x: Any) -> Any:
            return x + self.table

    return Positions()


def _transformer(keras: Any) -> Any:
    layers = keras.layers
    inputs = layers.Input((28, 28))
    x = _positions(keras)(layers.Dense(128)(inputs))
    for _ in range(2):
        x = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, 32)(x, x))
        y = layers.Dense(128)(layers.Dense(512, activation="gelu")(x))
        x = layers.LayerNormalization()(x + y)
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def _gpt_small(keras: Any) -> Any:
    layers, width = keras.layers, GPT_WIDTH
    inputs = layers.Input((CONTEXT,), dtype="int32")
    x = _positions(keras)(layers.Embedding(VOCABULARY, width)(inputs))
    for _ in range(GPT_DEPTH):
        y = layers.LayerNormalization()(x)
        attention = layers.MultiHeadAttention(GPT_HEADS, width // GPT_HEADS)
        x = x + attention(y, y, use_causal_mask=True)
        y = layers.LayerNormalization()(x)
        x = x + layers.Dense(width)(layers.Dense(4 * width, activation="gelu")(y))
    x = layers.LayerNormalization()(x)
    return keras.Model(inputs, layers.Dense(VOCABULARY)(x))


def _wide_deep(keras: Any) -> Any:
    layers = keras.layers
    categories, measures = layers.Input((FIELDS,), dtype="int32"), layers.Input((MEASURES,))
    deep = layers.Flatten()(layers.Embedding(CATEGORIES, EMBEDDING)(categories))
    deep = layers.concatenate([deep, measures])
    for units in (256, 128):
        deep = layers.Dense(units, activation="relu")(deep)
    wide = layers.Flatten()(layers.Embedding(CATEGORIES, 1)(categories))
    outputs = layers.Dense(1, activation="sigmoid")(layers.concatenate([deep, wide]))
    return keras.Model([categories, measures], outputs)


def _autoencoder(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(64),
            layers.Dense(7 * 7 * 32, activation="relu"),
            layers.Reshape((7, 7, 32)),
            layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid"),
        ]
    )


WORKLOADS: dict[str, Workload] = {
    "mlp": Workload(
        "784-512-10", _mlp, _flat_digits, 60_000, 12_800, 128, optimizer="rmsprop"
    ),
    "mlp_small": Workload("4-200-200-3, batches of 20", _mlp_small, _flowers, 4_000, 2_000, 20),
    "cnn": Workload("two convolutions, pooling, dropout", _cnn, _digit_images, 6_400, 1_280, 128),
    "cnn_bn": Workload(
        "three strided convolutions, batch norm", _cnn_bn, _photo_images, 6_400, 1_280, 128
    ),
    "resnet20": Workload(
        "ResNet-20, 16/32/64 channels", _resnet20, _photo_images, 1_024, 256, 64
    ),
    "depthwise": Workload(
        "depthwise separable blocks", _depthwise, _photo_images, 1_024, 256, 64,
        needs=("DepthwiseConv2D",),
    ),
    "lstm": Workload("rows of a digit, 128 units", _lstm, _rows_of_digits, 6_400, 1_280, 128),
    "gru_bidir": Workload(
        "two bidirectional layers, 64 units", _gru_bidir, _rows_of_digits, 3_200, 640, 128,
        needs=("Bidirectional",),
    ),
    "transformer": Workload(
        "encoder, 2 blocks, 128 wide", _transformer, _rows_of_digits, 2_560, 640, 128,
        needs=("MultiHeadAttention",),
    ),
    "gpt_small": Workload(
        "4 causal blocks, 256 wide, 128 tokens", _gpt_small, _text, 128, 32, 16, loss="tokens",
        needs=("MultiHeadAttention",),
    ),
    "wide_deep": Workload(
        "embeddings of 80,000 categories", _wide_deep, _clicks, 10_240, 5_120, 512, loss="yes_no"
    ),
    "autoencoder": Workload(
        "convolutions and transposed ones", _autoencoder, _reconstruction, 6_400, 1_280, 128,
        loss="pixels", needs=("Conv2DTranspose",),
    ),
}  # fmt: skip
