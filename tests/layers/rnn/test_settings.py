"""Settings that are declared once: what `inspect` shows, and how arguments arrive."""

import inspect
from typing import Unpack

import pytest

from cornu import layers
from cornu.layers.base.settings import spelled_out
from cornu.layers.rnn.recurrent import Recurrent
from cornu.layers.rnn.settings import SimpleRNNSettings

KINDS = [layers.SimpleRNN, layers.LSTM, layers.GRU, layers.ConvLSTM2D]


def test_the_published_signature_has_types_and_defaults():
    shown = str(inspect.signature(layers.LSTM))
    assert shown.startswith("(units: int, activation: str | ")
    assert "return_sequences: bool = False" in shown and shown.endswith("**kwargs: Any)")


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_has_the_settings_of_its_cell_as_attributes(kind):
    layer = kind(*[2] * (1 + (kind is layers.ConvLSTM2D)), dropout=0.25, seed=3)
    for name in kind._cell_settings:
        assert getattr(layer, name) is getattr(layer.cell, name)
    assert (layer.dropout, layer.seed) == (0.25, 3)


def test_positions_and_names_give_the_same():
    by_place = layers.GRU(4, "relu", "tanh", False, name="gru")
    by_name = layers.GRU(
        units=4, activation="relu", recurrent_activation="tanh", use_bias=False, name="gru"
    )
    assert by_place.get_config() == by_name.get_config()


@pytest.mark.parametrize(
    ("args", "kwargs", "says"),
    [
        ((), {}, "missing 1 required positional argument: 'units'"),
        ((3, "tanh"), {"activation": "relu"}, "got multiple values for argument 'activation'"),
        ((3, "tanh"), {"units": 3}, "got multiple values for argument 'units'"),
        ((3, *[None] * 40), {}, "got too many positional arguments"),
    ],
)
def test_wrong_calls_name_the_constructor(args, kwargs, says):
    with pytest.raises(TypeError, match=rf"LSTM.__init__\(\) {says}"):
        layers.LSTM(*args, **kwargs)


def test_a_subclass_has_the_signature_that_its_author_wrote():
    class Mine(layers.LSTM):
        def __init__(self, units, depth=2, **kwargs):
            super().__init__(units, **kwargs)
            self.depth = depth

    assert list(inspect.signature(Mine).parameters) == ["units", "depth", "kwargs"]
    layer = Mine.from_config(Mine(3, depth=4, activation="relu").get_config())
    assert (layer.units, layer.depth, layer.activation.__name__) == (3, 4, "relu")


def test_a_cell_of_its_own_declares_its_settings_once():
    class Forgetful(layers.SimpleRNNCell):
        pass

    class ForgetfulRNN(Recurrent, cell=Forgetful):
        @spelled_out(seed="activation")
        def __init__(self, units, *args, **settings: Unpack[SimpleRNNSettings]):
            super().__init__(units=units, **settings)

    assert ForgetfulRNN(3, "relu", 7).cell.name == "forgetful"
