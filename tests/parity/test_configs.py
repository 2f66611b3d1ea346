"""The configs of all words, alone and in a compiled model, between this library and Keras.

One row is a word: a loss, metric, optimizer, schedule, initializer, regularizer or constraint with
its arguments, taken from the tables of its kind. Each row takes four roads, as JSON text:

              reader: ours            reader: Keras
    writer: ours    same settings           same settings
    writer: Keras   same settings           (not ours to test)

first alone, then as a part of a compiled model. A word that was read is asked again for its config;
what Keras itself leaves out of its configs (the tables `LOST_BY_KERAS`) is not expected from there.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

os.environ["KERAS_BACKEND"] = "jax"
sys.path.insert(0, str(Path(__file__).parent))

import activations as word_rows
import keras
import numpy as np
import pytest

import cornu
import cornu.optimizers.schedules
import initializers as initializer_rows
import losses as loss_rows
import metrics as metric_rows
import optimizers as optimizer_rows


class Word(NamedTuple):
    """A word of one kind, as text that both libraries evaluate."""

    kind: str
    call: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.call}"

    @property
    def name(self) -> str:
        return self.call.split("(")[0]

    def made_by(self, library: Any) -> Any:
        return eval(self.call, vars(self.of(library)).copy())

    def of(self, library: Any) -> Any:
        for part in self.kind.split("."):
            library = getattr(library, part)
        return library


def calls(kind: str, texts: list[str]) -> list[Word]:
    return [Word(kind, text) for text in dict.fromkeys(texts)]


def called(rows: list[Any], field: str) -> list[str]:
    """Rows of a name and arguments as calls."""
    return [
        f"{row.name}({', '.join(f'{k}={v!r}' for k, v in getattr(row, field).items())})"
        for row in rows
    ]


OPTIMIZERS = [*optimizer_rows.RULES, *optimizer_rows.SHARED]
WORDS = [
    *calls("losses", [row.call for row in loss_rows.CLASSES]),
    *calls("metrics", [row.call for row in metric_rows.ROWS]),
    *calls("optimizers", called(OPTIMIZERS, "arguments")),
    *calls("optimizers.schedules", called(optimizer_rows.SCHEDULES, "arguments")),
    *calls("initializers", initializer_rows.CONFIGS),
    *calls("regularizers", called(word_rows.REGULARIZERS, "settings")),
    *calls("constraints", called(word_rows.CONSTRAINTS, "settings")),
]

LOST = {
    "losses": loss_rows.LOST_BY_KERAS,
    "metrics": metric_rows.LOST_BY_KERAS,
    "initializers": initializer_rows.LOST_BY_KERAS,
}


# Names that only Keras's general reader knows, not the `deserialize` of their kind.
FOR_THE_GENERAL_READER = {"CategoricalGeneralizedCrossEntropy", "Lamb"}


def json_of(value: Any) -> Any:
    """What is left of a config in a file."""
    return json.loads(json.dumps(value))


def settings_of(word: Word, thing: Any, *, from_keras: bool) -> dict[str, Any]:
    """The config as it would stand in a file, without numbers in names and lost settings."""
    config = json_of(plain(thing.get_config()))
    if isinstance(config.get("name"), str):
        config["name"] = re.sub(r"_\d+$", "", config["name"])
    lost = LOST.get(word.kind, {}).get(word.name, set()) if from_keras else set()
    if word.kind == "losses" and from_keras:
        lost = {*lost, "dtype"}
    return {key: value for key, value in config.items() if key not in lost}


def plain(value: Any) -> Any:
    """Arrays that Keras leaves in its configs as lists; floats as float32 knows them."""
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return float(np.float32(value)) if isinstance(value, float) else value


def read(library: Any, written: Any) -> Any:
    """What the general reader makes of a config."""
    return library.saving.deserialize_keras_object(written)


# ---- alone --------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", WORDS, ids=str)
def test_alone(word):
    ours, theirs = word.made_by(cornu), word.made_by(keras)
    written = json_of(plain(word.of(cornu).serialize(ours)))

    again = word.of(cornu).deserialize(written)
    assert type(again) is type(ours)
    assert settings_of(word, again, from_keras=False) == settings_of(word, ours, from_keras=False)

    general = word.name in FOR_THE_GENERAL_READER
    in_keras = read(keras, written) if general else word.of(keras).deserialize(written)
    assert type(in_keras) is type(theirs)
    expected = settings_of(word, theirs, from_keras=True)
    assert settings_of(word, in_keras, from_keras=True) == expected

    from_keras = word.of(cornu).deserialize(json_of(plain(word.of(keras).serialize(theirs))))
    assert type(from_keras) is type(ours)
    assert settings_of(word, from_keras, from_keras=True) == expected


# ---- in a compiled model ------------------------------------------------------------------------


def model_with(library: Any, word: Word) -> Any:
    """A small compiled model of which the word is a part."""
    part = word.made_by(library)
    settings: dict[str, Any] = {}
    if word.kind in ("initializers", "regularizers", "constraints"):
        settings[f"kernel_{word.kind.removesuffix('s')}"] = part
    if word.kind == "optimizers.schedules":
        part = library.optimizers.SGD(part)
    optimizer = part if word.kind.startswith("optimizers") else "sgd"
    layer = library.layers.Dense(3, name="layer", **settings)
    model = library.Sequential([library.Input((4,)), layer] if not settings else [layer])
    loss = part if word.kind == "losses" else "mse"
    model.compile(optimizer, loss, metrics=[part] if word.kind == "metrics" else None)
    return model


def part_of(model: Any, word: Word) -> Any:
    """The word, found in a model again."""
    if word.kind == "optimizers.schedules":
        return model.optimizer._learning_rate
    if word.kind == "optimizers":
        return model.optimizer
    if word.kind == "losses":
        return model.loss
    if word.kind == "metrics":
        return model.get_compile_config()["metrics"][0]
    return getattr(model.layers[0], f"kernel_{word.kind.removesuffix('s')}")


def settings_in(model: Any, library: Any, word: Word, *, from_keras: bool) -> dict[str, Any]:
    part = part_of(model, word)
    if isinstance(part, dict):  # a compile config
        part = word.of(library).deserialize(part)
    return settings_of(word, part, from_keras=from_keras)


@pytest.mark.parametrize("word", WORDS, ids=str)
def test_in_a_compiled_model(word):
    ours, theirs = model_with(cornu, word), model_with(keras, word)
    written = json_of(plain(cornu.saving.serialize_keras_object(ours)))

    again = read(cornu, written)
    assert again.compiled
    expected = settings_in(ours, cornu, word, from_keras=False)
    assert settings_in(again, cornu, word, from_keras=False) == expected

    in_keras = read(keras, written)
    assert in_keras.compiled
    if "label_weights" not in word.call:  # Keras's AUC cannot read the tensor that Keras writes
        expected = settings_in(theirs, keras, word, from_keras=True)
        assert settings_in(in_keras, keras, word, from_keras=True) == expected

    from_keras = read(cornu, json_of(plain(keras.saving.serialize_keras_object(theirs))))
    assert from_keras.compiled
    assert settings_in(from_keras, cornu, word, from_keras=True) == expected


# ---- nothing is left out ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted({word.kind for word in WORDS}))
def test_every_class_has_a_row(kind):
    """Base classes, wrappers of functions and combinations are tested by their own files."""
    others = {
        "losses": {"Loss"},
        "metrics": {"Metric", "Mean", "Sum", "MeanMetricWrapper"},
        "optimizers": {"Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"},
        "optimizers.schedules": {"LearningRateSchedule"},
        "initializers": {"Initializer"},
        "regularizers": {"Regularizer"},
    }
    listed = {
        cls.__name__ for cls in vars(Word(kind, "").of(keras)).values() if isinstance(cls, type)
    }
    assert listed - others.get(kind, set()) == {w.name for w in WORDS if w.kind == kind}


@pytest.mark.parametrize(
    ("family", "name"),
    [("constraints", "non_neg"), ("constraints", "NonNeg"), ("initializers", "GlorotUniform"),
     ("initializers", "zeros"), ("metrics", "MeanSquaredError"), ("regularizers", "l2"),
     ("regularizers", "L1L2")],
)  # fmt: skip
def test_names_alone_are_described_objects(family, name):
    ours = getattr(cornu, family).deserialize(name)
    theirs = getattr(keras, family).deserialize(name)
    assert callable(ours) and ours is not None
    assert getattr(type(ours), "__name__", "") == type(theirs).__name__
