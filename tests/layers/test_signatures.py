"""Parameters of layers, by position and by `inspect`, as Keras has them."""

import inspect

import keras
import pytest

from cornu import layers

NAMES = [n for n in dir(keras.layers) if inspect.isclass(getattr(keras.layers, n))]
NAMES = [n for n in NAMES if hasattr(layers, n) and n not in ("Layer", "TFSMLayer")]


@pytest.mark.parametrize("name", NAMES)
def test_parameters_come_in_the_order_of_keras(name):
    ours, theirs = (_positional(getattr(module, name)) for module in (layers, keras.layers))
    assert ours[: len(theirs)] == theirs


def _positional(cls):
    parameters = inspect.signature(cls).parameters.values()
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]


def test_the_order_that_one_layer_has_for_itself():
    layer = layers.Conv3DTranspose(2, 3, 1, "same", "channels_first", None, 1, "relu")
    assert (layer.data_format, layer.activation.__name__) == ("channels_first", "relu")
