"""Make the corpus of files with the real Keras 3: `python make_files.py [names]` beside it.

    <version of Keras>/<name>.keras, .h5, ...    a small model, with random weights
    <version of Keras>/<name>.npz                inputs x0, x1, ..., and its outputs y0, y1, ...

Which version writes is a matter of what is installed: 3.15.1 writes everything, older ones the few
kinds of `OLDER`. The folder 2.15.0 is made by `make_keras2_files.py`. Made on Linux with Python
3.11: Keras 3.15.1 on jax 0.10.2, and preprocessing.keras on tensorflow 2.15.1, which Keras asks
for; Keras 3.0.5, 3.6.0 and 3.13.2 on jax 0.4.30.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ["JAX_PLATFORMS"] = "cpu"

import keras
import numpy as np
from keras import layers

HERE = Path(__file__).parent
rng = np.random.default_rng(0)


def floats(*shape):
    return rng.normal(size=shape).astype("float32")


def sequential():
    model = keras.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(3, activation="relu", name="h1"),
            layers.Dropout(0.5),
            layers.BatchNormalization(),
            layers.Dense(2, name="out"),
        ],
        name="seq",
    )
    model.compile("adam", "mean_squared_error", metrics=["mae"])
    return model, [floats(3, 4)], [floats(3, 2)]


def short_names():
    model = keras.Sequential([layers.Input((4,)), layers.Dense(2)], name="short")
    model.compile("sgd", "mse", metrics=["mae"])
    return model, [floats(3, 4)], [floats(3, 2)]


def functional():
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    shared = layers.Dense(4, name="shared")
    h = layers.Concatenate(name="cat")([shared(shared(a)), layers.Dense(2, name="d")(b)])
    out = {"one": layers.Dense(1, name="one")(h), "two": layers.Dense(2, name="two")(h)}
    model = keras.Model({"a": a, "b": b}, out, name="graph")
    return model, {"a": floats(3, 4), "b": floats(3, 3)}, None


def several():
    """Without operations and dicts, for `.h5`, in which Keras loses the former."""
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    shared = layers.Dense(4, name="shared")
    h = layers.Concatenate(name="cat")([shared(shared(a)), layers.Dense(2, name="d")(b)])
    inner = keras.Sequential([layers.Input((6,)), layers.Dense(3, name="deep")], name="inner")
    model = keras.Model([a, b], [inner(h), layers.Dense(1, name="o")(h)], name="several")
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        loss={"inner": "mean_squared_error", "o": "mean_absolute_error"},
    )
    return model, [floats(3, 4), floats(3, 3)], [floats(3, 3), floats(3, 1)]


def operations():
    x = keras.Input((4,), name="x")
    h = keras.ops.reshape(keras.ops.relu(layers.Dense(6)(x)) * 2.0 + 1.0, (-1, 2, 3))
    h = keras.ops.transpose(h, (0, 2, 1))[:, 0]
    h = keras.ops.concatenate([h, x], axis=-1) + np.ones(6, "float32")
    model = keras.Model(x, layers.Dense(2)(h - keras.ops.mean(h, axis=-1, keepdims=True)))
    return model, [floats(3, 4)], None


def nested():
    inner = keras.Sequential(
        [layers.Input((4,)), layers.Dense(3), layers.BatchNormalization()], name="inner"
    )
    inner.compile("rmsprop", "mean_squared_error")
    inner.fit(floats(3, 4), floats(3, 3), verbose=0)
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(2)(inner(x)), name="outer")
    model.compile("adam", "mean_squared_error")
    return model, [floats(3, 4)], [floats(3, 2)]


@keras.saving.register_keras_serializable("corpus")
class Containers(keras.Model):
    def __init__(self, width=3, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.head = layers.Dense(2)
        self.blocks = [layers.Dense(width), layers.Dense(width)]
        self.named = {"p": layers.Dense(width), "q": layers.Dense(width)}
        self.deep = [[layers.Dense(width)], [layers.Dense(width)]]

    def call(self, x):
        for layer in [*self.blocks, *self.named.values(), self.deep[0][0], self.deep[1][0]]:
            x = layer(x)
        return self.head(x)

    def get_config(self):
        return {**super().get_config(), "width": self.width}


def subclass():
    model = Containers(3, name="containers")
    x = floats(3, 4)
    model(x)
    return model, [x], None


def recurrent():
    model = keras.Sequential(
        [
            layers.Input((5,), dtype="int32"),
            layers.Embedding(10, 4, mask_zero=True),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.GRU(3),
        ],
        name="rnn",
    )
    return model, [rng.integers(0, 9, (2, 5)).astype("int32")], None


def attention():
    q, v = keras.Input((5, 4), name="q"), keras.Input((5, 4), name="v")
    h = layers.MultiHeadAttention(2, 3, dropout=0.1)(q, v)
    h = layers.LayerNormalization()(layers.Add()([q, h]))
    model = keras.Model([q, v], layers.GlobalAveragePooling1D()(h), name="att")
    return model, [floats(2, 5, 4), floats(2, 5, 4)], None


def convolutional():
    model = keras.Sequential(
        [
            layers.Input((6, 6, 2)),
            layers.Conv2D(3, 3, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(2),
        ],
        name="conv",
    )
    return model, [floats(2, 6, 6, 2)], None


def preprocessing():
    folder = HERE / "words.txt"
    folder.write_text("a\nb\nc")
    x = keras.Input((1,), dtype="string")
    model = keras.Model(x, layers.StringLookup(vocabulary=str(folder))(x), name="words")
    folder.unlink()
    return model, [], None


def optimizer():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    model = keras.Sequential([layers.Input((4,)), layers.Dense(2)], name="schedule")
    model.compile(
        keras.optimizers.AdamW(schedule, use_ema=True, gradient_accumulation_steps=2),
        keras.losses.Huber(delta=0.3),
    )
    return model, [floats(3, 4)], [floats(3, 2)]


def mixed(policy):
    def make():
        keras.mixed_precision.set_dtype_policy(policy)
        model = keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(2)])
        keras.mixed_precision.set_dtype_policy("float32")
        model.compile("adam", "mean_squared_error")
        return model, [floats(3, 4)], [floats(3, 2)]

    return make


def bfloat16():
    model = keras.Sequential([layers.Input((4,)), layers.Dense(3, dtype="bfloat16")])
    return model, [floats(3, 4)], None


def lora():
    model = keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(2)])
    model.layers[0].enable_lora(2)
    model.layers[0].lora_kernel_b.assign(floats(2, 3))
    return model, [floats(3, 4)], None


def int8():
    model = keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(2)])
    model.quantize("int8")
    return model, [floats(3, 4)], None


@keras.saving.register_keras_serializable("corpus")
class Gain(layers.Layer):
    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")

    def call(self, inputs):
        return inputs * self.gain * self.start

    def get_config(self):
        return {**super().get_config(), "start": self.start}


@keras.saving.register_keras_serializable("corpus")
def cubed(x):
    return x * x * x


def custom():
    model = keras.Sequential([layers.Input((4,)), Gain(2.0), layers.Dense(2, activation=cubed)])
    return model, [floats(3, 4)], None


def with_lambda():
    model = keras.Sequential([layers.Input((4,)), layers.Lambda(lambda x: x + 1)])
    return model, [], None


OLDER = {
    "sequential.keras": sequential,
    "several.keras": several,
    "operations.keras": operations,
    "sequential.h5": sequential,
}
ALL = {
    **OLDER,
    "short_names.h5": short_names,
    "several.h5": several,
    "functional.keras": functional,
    "nested.keras": nested,
    "subclass.keras": subclass,
    "recurrent.keras": recurrent,
    "attention.keras": attention,
    "convolutional.keras": convolutional,
    "preprocessing.keras": preprocessing,
    "optimizer.keras": optimizer,
    "mixed_bfloat16.keras": mixed("mixed_bfloat16"),
    "mixed_float16.keras": mixed("mixed_float16"),
    "bfloat16.keras": bfloat16,
    "lora.keras": lora,
    "int8.keras": int8,
    "custom.keras": custom,
    "lambda.keras": with_lambda,
    "sharded.weights.json": sequential,
    "sequential.weights.h5": sequential,
}


def flat(value):
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    return list(value) if isinstance(value, (list, tuple)) else [value]


def randomize(model):
    for v in model.variables:
        if "float" in str(v.dtype) and "seed" not in v.path:
            v.assign(rng.uniform(0.1, 1, tuple(v.shape)))


def main():
    folder = HERE / keras.__version__
    folder.mkdir(exist_ok=True)
    table = ALL if keras.__version__ == "3.15.1" else OLDER
    for name in sys.argv[1:] or table:
        make = table[name]
        keras.utils.set_random_seed(1)
        keras.utils.clear_session()
        model, x, y = make()
        if name not in ("int8.keras", "preprocessing.keras", "lora.keras"):
            randomize(model)
        if y is not None:
            given = x if isinstance(x, dict) or len(x) > 1 else x[0]
            model.fit(given, y if len(y) > 1 else y[0], epochs=3, batch_size=3, verbose=0)
        if ".weights." in name:
            more = {"max_shard_size": 150 / 2**30} if name.endswith("json") else {}
            model.save_weights(folder / name, **more)
        else:
            model.save(folder / name)
        arrays = {}
        if len(x):
            outputs = model(x if isinstance(x, dict) or len(x) > 1 else x[0])
            arrays |= {f"x{i}": a for i, a in enumerate(flat(x))}
            # bfloat16 has no name in .npz files.
            arrays |= {f"y{i}": np.asarray(a, "float32") for i, a in enumerate(flat(outputs))}
        if y is not None:
            arrays["iterations"] = np.asarray(model.optimizer.iterations)
        np.savez(folder / (name + ".npz"), **arrays)
        print(name, (folder / name).stat().st_size, file=sys.stderr)


if __name__ == "__main__":
    main()
