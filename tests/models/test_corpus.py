"""Files that real versions of Keras wrote, from 2.15 on, load with the outputs stored beside them.

The files lie in `tests/files`, and so do the scripts that made them.
"""

from pathlib import Path

import numpy as np
import pytest

from cornu import layers
from cornu.errors import UnsafeFileError
from cornu.models import Model, Sequential, load_model
from cornu.saving import CustomObjectScope, load_weights

FILES = Path(__file__).parent.parent / "files"


class Containers(Model):
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


class Gain(layers.Layer):
    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")

    def call(self, inputs):
        return inputs * self.gain * self.start


def cubed(x):
    return x * x * x


CUSTOM = {"corpus>Containers": Containers, "corpus>Gain": Gain, "corpus>cubed": cubed}

# What is refused, and what the message says.
REFUSED = {
    "3.15.1/lambda.keras": (UnsafeFileError, "code of a Python lambda"),
}
# Layers that may not be there.
NEEDS = {"3.15.1/preprocessing.keras": "StringLookup"}
# Sums in 16 bits are taken in another order.
COARSE = {"3.15.1/mixed_bfloat16.keras": 0.05, "3.15.1/mixed_float16.keras": 2e-3,
          "3.15.1/bfloat16.keras": 0.05}  # fmt: skip


def names():
    found = sorted(FILES.glob("*/*.keras")) + sorted(FILES.glob("*/*.h5"))
    return [p.relative_to(FILES).as_posix() for p in found if ".weights." not in p.name]


def flat(value):
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    return list(value) if isinstance(value, (list, tuple)) else [value]


def stored(name):
    """Inputs, outputs and the rest of what is stored beside a file."""
    with np.load(FILES / f"{name}.npz") as arrays:
        entries = dict(arrays)
    inputs, outputs = ([v for k, v in sorted(entries.items()) if k[0] == c] for c in "xy")
    return inputs, outputs, entries


def outputs_of(model, inputs):
    if not inputs:
        return []
    struct = getattr(model, "inputs_struct", None)
    if isinstance(struct, dict):
        return flat(model(dict(zip(sorted(struct), inputs, strict=True))))
    return flat(model(inputs if len(inputs) > 1 else inputs[0]))


@pytest.mark.parametrize("name", [n for n in names() if n not in REFUSED])
def test_a_file_of_keras_loads(name):
    if name in NEEDS and not hasattr(layers, NEEDS[name]):
        pytest.skip(f"{NEEDS[name]} is not offered")
    with CustomObjectScope(CUSTOM):
        model = load_model(FILES / name)
    inputs, expected, rest = stored(name)
    tolerance = COARSE.get(name, 1e-5)
    for mine, theirs in zip(outputs_of(model, inputs), expected, strict=True):
        np.testing.assert_allclose(np.asarray(mine, "float32"), theirs, tolerance, tolerance)
    if "iterations" in rest:
        assert int(np.asarray(model.optimizer.iterations)) == int(rest["iterations"])
        assert model.load_report.optimizer == "restored"
    if name in NEEDS:
        assert model.layers[-1].get_vocabulary() == ["[UNK]", "a", "b", "c"]
    assert model.load_report.complete and not model.load_report.lost
    assert model.load_report.written_by == f"Keras {name.split('/')[0]}"


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_refused(name):
    kind, says = REFUSED[name]
    with pytest.raises(kind, match=says):
        load_model(FILES / name)


@pytest.mark.parametrize("name", ["sequential.weights.h5", "sharded.weights.json"])
def test_weights_of_keras_load(name):
    model = Sequential(
        [layers.Input((4,)), layers.Dense(3, activation="relu"), layers.Dropout(0.5),
         layers.BatchNormalization(), layers.Dense(2)]
    )  # fmt: skip
    load_weights(model, FILES / "3.15.1" / name)
    inputs, (expected,), _ = stored(f"3.15.1/{name}")
    np.testing.assert_allclose(model(inputs[0]), expected, 1e-5, 1e-5)


def test_keras_2_is_told_in_the_report():
    model = load_model(FILES / "2.15.0/graph.h5")
    notes = "\n".join(model.load_report.migrated)
    assert "the calls of its layers are written as Keras 2 wrote them" in notes
    assert "Keras 2.15.0" in str(model.load_report)
    assert [m.name for m in model.metrics][0] == "loss"


def test_the_decay_of_keras_2_is_a_schedule():
    model = load_model(FILES / "2.15.0/old_adam.h5")
    step = int(np.asarray(model.optimizer.iterations))
    rate = float(model.optimizer.learning_rate)
    np.testing.assert_allclose(rate, 0.01 / (1 + 1e-3 * step), rtol=1e-6)
    # The slots went to their weights: all momenta stood before all velocities in the file.
    velocities = [v.numpy() for v in model.optimizer.variables if v.path.endswith("velocity")]
    assert len(velocities) == 4 and all((v >= 0).all() for v in velocities)


def test_the_corpus_is_small():
    assert sum(p.stat().st_size for p in FILES.rglob("*")) < 1_500_000
