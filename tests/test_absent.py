"""Modules answer for names that they have not: by attribute, by `from ... import`, by `hasattr`."""

import importlib.util

import pytest

import cornu
from cornu import absent, layers


@pytest.mark.parametrize(
    ("statement", "hint"),
    [
        ("from cornu.layers import Densee", "did you mean 'Dense'?"),
        ("from cornu.layers import Linear", "did you mean 'Dense'?"),
        ("from cornu.layers import Adam", "it is cornu.optimizers.Adam."),
        ("from cornu.utils import plot_model", "instead: model.summary()"),
        ("from cornu.backend import set_value", "instead: variable.assign(value)"),
        ("from cornu import applications", "instead: a model of your own"),
        ("from cornu.applications import VGG16", "instead: a model of your own"),
        ("from cornu.preprocessing.text import Tokeniser", "did you mean 'Tokenizer'?"),
        ("import cornu.layer", "did you mean 'layers'?"),
        ("from cornu import Dense", "it is cornu.layers.Dense."),
        ("from cornu.optimizers.schedules import ExponentialDekay", "'ExponentialDecay'"),
    ],
)
def test_imports(statement, hint):
    with pytest.raises(ImportError) as caught:
        exec(statement, {})
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("keras.layers.Conv2d", "did you mean 'Conv2D'"),
        ("keras.layers.LayerNorm", "did you mean 'LayerNormalization'?"),
        ("keras.backend.sum", "it is cornu.ops.sum."),
        ("keras.backend.learning_phase()", "the argument training of call"),
        ("keras.datasets.iris.load_data()", "sklearn.datasets.load_iris"),
        ("keras.EarlyStopping", "it is cornu.callbacks.EarlyStopping."),
        ("keras.losses.MSELoss()", "did you mean 'MeanSquaredError'?"),
    ],
)
def test_attributes(expression, hint):
    with pytest.raises(AttributeError) as caught:
        eval(expression, {"keras": cornu})
    assert hint in str(caught.value)


@pytest.mark.parametrize("space", [n for n in cornu.NAMESPACES if n not in ("compat", "tree")])
def test_every_module_answers(space):
    module = getattr(cornu, space)
    assert not hasattr(module, "unicorn") and not hasattr(module, "__unicorn__")
    with pytest.raises(AttributeError, match="has no 'unicorn'"):
        _ = module.unicorn


def test_looking_around_imports_nothing(monkeypatch):
    monkeypatch.setattr(absent, "elsewhere", lambda name: pytest.fail("looked"))
    assert not hasattr(layers, "Adam") and getattr(layers, "Adam", None) is None


def test_there_is_no_keras_for_those_who_ask(monkeypatch):
    from cornu.signpost import Signpost

    assert Signpost.find_spec("keras") is None and Signpost.find_spec("numpy") is None
    assert importlib.util.find_spec("no_such_keras") is None
