"""What each layer says to inputs that it cannot take: what is wrong, the shapes, and a fix."""

import numpy as np
import pytest

import cornu
from cornu import layers
from cornu.layers import Input, Layer


def ones(*shape):
    return np.ones(shape, "float32")


SERIES, IMAGE, VOLUME = (2, 7, 3), (2, 7, 6, 3), (2, 4, 5, 6, 2)
ROW, QUERY = ones(2, 3), ones(2, 4, 6)


def once(layer, *inputs):
    """The layer after a call, which settles the sizes of its weights."""
    layer(*inputs)
    return layer


# name: (layer, inputs, options of the call, words that the message holds)
TABLE = {
    "Dense": (lambda: once(layers.Dense(3), ones(2, 5)), [ones(2, 4)], {}, "last axis is 5, got 4"),
    "Dense-flat": (lambda: layers.Dense(3), [ones(4)], {}, "at least 2 axes, got 1"),
    "Dense-unknown": (lambda: layers.Dense(3), [Input((None,))], {}, "size of the last axis"),
    "PReLU": (lambda: layers.PReLU(), [Input((None, 3))], {}, "all sizes are needed"),
    "Reshape": (lambda: layers.Reshape((7,)), [ROW], {}, "cannot put 3 elements into (7,)"),
    "Permute": (lambda: layers.Permute((2, 1)), [ROW], {}, "3 axes, got 2"),
    "RepeatVector": (lambda: layers.RepeatVector(3), [ones(*SERIES)], {}, "layers.Flatten()"),
    "Concatenate": (
        lambda: layers.Concatenate(axis=1), [[ones(2, 3, 4), ones(2, 3, 5)]], {},
        "differ besides along its axis",
    ),
    "Concatenate-axis": (
        lambda: layers.Concatenate(axis=3), [[ROW, ROW]], {}, "an axis from 0 to 1"
    ),
    "Dense-list": (lambda: layers.Dense(3), [[ROW]], {}, "takes one array, got a list of 1"),
    "Dense-two": (lambda: layers.Dense(3), [[ROW, ROW]], {}, "Concatenate"),
    "Concatenate-one": (lambda: layers.Concatenate(), [ROW], {}, "takes a list"),
    "Dot": (lambda: layers.Dot(axes=1), [[ones(2, 3), ones(2, 5)]], {}, "different sizes"),
    "Dot-axes": (lambda: layers.Dot(axes=4), [[ROW, ROW]], {}, "cannot sum along these axes"),
    "Dot-batch": (lambda: layers.Dot(axes=0), [[ROW, ROW]], {}, "not be the batch axis"),
    "Conv2D-groups": (lambda: layers.Conv2D(4, 2, groups=2), [ones(*IMAGE)], {}, "3 channels"),
    "Conv2D-channels": (
        lambda: once(layers.Conv2D(4, 2), ones(2, 7, 6, 4)), [ones(*IMAGE)], {},
        "last axis is 4, got 3",
    ),
    "Conv2D-window": (lambda: layers.Conv2D(4, 9), [ones(*IMAGE)], {}, "padding='same'"),
    "Dropout": (
        lambda: layers.Dropout(0.5, noise_shape=(2, 9)), [ROW], {"training": True},
        "noise_shape (2, 9)",
    ),
    "BatchNormalization": (
        lambda: once(layers.BatchNormalization(), ones(2, 5)), [ROW], {}, "last axis is 5, got 3"
    ),
    "BatchNormalization-mask": (
        lambda: layers.BatchNormalization(), [ones(*SERIES)],
        {"mask": ones(2, 9) > 0, "training": True}, "mask (2, 9)",
    ),
    "LayerNormalization": (
        lambda: once(layers.LayerNormalization(), ones(2, 5)), [ROW], {}, "is 5, got 3"
    ),
    "LayerNormalization-axis": (
        lambda: layers.LayerNormalization(axis=4), [ROW], {}, "has no axis 4"
    ),
    "RMSNormalization": (lambda: layers.RMSNormalization(axis=4), [ROW], {}, "has no axis 4"),
    "UnitNormalization": (lambda: layers.UnitNormalization(axis=4), [ROW], {}, "has no axis 4"),
    "GroupNormalization": (lambda: layers.GroupNormalization(2), [ROW], {}, "into 2 groups"),
    "SpectralNormalization": (
        lambda: layers.SpectralNormalization(layers.Flatten()), [ROW], {}, "neither a kernel"
    ),
    "RNN": (lambda: layers.RNN(layers.LSTMCell(2)), [ROW], {}, "at least 3 axes, got 2"),
    "LSTM-states": (
        lambda: layers.LSTM(2), [ones(*SERIES)], {"initial_state": [ones(2, 2)]}, "has 2 states"
    ),
    "SimpleRNNCell": (
        lambda: layers.SimpleRNNCell(2), [ROW, [ones(2, 9)]], {}, "have 2 numbers"
    ),
    "GRUCell": (lambda: layers.GRUCell(2), [ROW, [ones(2, 9)]], {}, "have 2 numbers"),
    "LSTMCell": (lambda: layers.LSTMCell(2), [ROW, [ones(2, 9)] * 2], {}, "have 2 numbers"),
    "StackedRNNCells": (
        lambda: layers.StackedRNNCells([layers.GRUCell(2), layers.GRUCell(2)]),
        [ROW, [[ones(2, 2)]]], {}, "has 2 cells, but got the states of 1",
    ),
    "Bidirectional": (lambda: layers.Bidirectional(layers.GRU(2)), [ROW], {}, "3 axes, got 2"),
    "Bidirectional-states": (
        lambda: layers.Bidirectional(layers.LSTM(2)), [ones(*SERIES)],
        {"initial_state": [ones(2, 2)]}, "initial_state",
    ),
    "TimeDistributed": (
        lambda: layers.TimeDistributed(layers.Dense(2)), [ROW], {}, "3 axes, got 2"
    ),
    "TimeDistributed-inside": (
        lambda: layers.TimeDistributed(layers.Conv2D(2, 2)), [ones(*SERIES)], {},
        "Conv2D 'conv2d",
    ),
    "Attention": (
        lambda: layers.Attention(), [[QUERY, ones(2, 5, 7)]], {}, "do not fit together"
    ),
    "Attention-one": (lambda: layers.Attention(), [QUERY], {}, "takes a list"),
    "Attention-mask": (
        lambda: layers.Attention(), [[QUERY, QUERY]], {"mask": [None, ones(2, 9) > 0]},
        "value_mask (2, 9)",
    ),
    "AdditiveAttention": (
        lambda: layers.AdditiveAttention(), [[QUERY, ones(2, 5, 7)]], {}, "do not fit together"
    ),
    "MultiHeadAttention": (
        lambda: layers.MultiHeadAttention(2, 3), [ROW, ROW], {}, "x[:, None] makes one step"
    ),
    "MultiHeadAttention-batch": (
        lambda: layers.MultiHeadAttention(2, 3), [QUERY, ones(3, 5, 6)], {}, "same size"
    ),
    "MultiHeadAttention-key": (
        lambda: layers.MultiHeadAttention(2, 3), [QUERY, QUERY, ones(2, 5, 6)], {}, "same axes"
    ),
    "MultiHeadAttention-mask": (
        lambda: layers.MultiHeadAttention(2, 3), [QUERY, QUERY],
        {"attention_mask": ones(2, 9, 9) > 0}, "attention_mask (2, 9, 9)",
    ),
    "MultiHeadAttention-value_mask": (
        lambda: layers.MultiHeadAttention(2, 3), [QUERY, QUERY], {"value_mask": ones(2, 9) > 0},
        "4 queries and 4 keys",
    ),
    "GroupQueryAttention": (
        lambda: layers.GroupQueryAttention(3, 4, 2), [ROW, ROW], {}, "(batch, time, dim)"
    ),
    "GroupQueryAttention-mask": (
        lambda: layers.GroupQueryAttention(3, 4, 2), [QUERY, QUERY],
        {"attention_mask": ones(2, 9, 9) > 0}, "attention_mask (2, 9, 9)",
    ),
}  # fmt: skip

for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"):
    make = getattr(layers, name)
    TABLE[name] = (make, [[ones(2, 3), ones(2, 5)]], {}, "do not fit together")

for name in ("SimpleRNN", "GRU", "LSTM"):
    make = getattr(layers, name)
    state = [ones(2, 5)] * (2 if name == "LSTM" else 1)
    TABLE[name] = (lambda make=make: make(2), [ROW], {}, "3 axes, got 2")
    TABLE[f"{name}-mask"] = (
        lambda make=make: make(2), [ones(*SERIES)], {"mask": ones(2, 5) > 0}, "mask (2, 5)",
    )  # fmt: skip
    TABLE[f"{name}-state"] = (
        lambda make=make: make(2),
        [ones(*SERIES)], {"initial_state": state}, "must have shape (batch, 2)",
    )  # fmt: skip

# Layers over places, called with inputs that lack an axis (ConvLSTM lacks two).
ARGUMENTS = {"Cropping": (), "ZeroPadding": (), "UpSampling": (), "SpatialDropout": (0.5,),
             "Global": (), "MaxPooling": (2,), "AveragePooling": (2,), "Adaptive": (2,),
             "DepthwiseConv": (2,)}  # fmt: skip
for name in dir(layers):
    rank = name[-2:-1] if name[-1:] == "D" else name[-11:-10] if "DTranspose" in name else ""
    if rank.isdigit() and "Convolution" not in name and "Pool1" not in name:
        given = next((a for n, a in ARGUMENTS.items() if name.startswith(n)), (2, 2))
        low = ones(*(SERIES, IMAGE, VOLUME)[int(rank) - 1][:-1])
        make = getattr(layers, name)
        TABLE[name] = (lambda make=make, given=given: make(*given), [low], {}, "axes, got")


@pytest.mark.parametrize("name", TABLE)
def test_a_wrong_input_is_explained(name):
    make, inputs, options, words = TABLE[name]
    with pytest.raises((ValueError, TypeError)) as caught:
        make()(*inputs, **options)
    assert words in str(caught.value)
    assert "fix:" in str(caught.value)


def test_layers_that_take_anything_are_the_only_ones_without_a_row():
    folders = ("attention", "convolutional", "normalization", "rnn", "merging", "pooling",
               "global_pooling", "reshaping", "resizing", "regularization")  # fmt: skip
    classes = {
        value.__name__
        for value in vars(layers).values()
        if isinstance(value, type)
        and issubclass(value, Layer)
        and value.__module__.removeprefix("cornu.layers.").split(".")[0] in folders
    }
    covered = {getattr(layers, row.split("-")[0]).__name__ for row in TABLE}
    assert classes - covered == {
        "ActivityRegularization", "AlphaDropout", "Flatten", "GaussianDropout", "GaussianNoise",
    }  # fmt: skip


def test_an_index_beyond_an_embedding_is_traced_to_it():
    x = Input((2,), dtype="int32")  # what is computed from the data is known to the program alone
    model = cornu.Model(x, layers.Dense(1)(layers.Flatten()(layers.Embedding(5, 2)(x + 4))))
    model.compile("sgd", "mse")
    with pytest.raises(FloatingPointError) as caught:
        model.fit(np.array([[-1, 3], [-2, 0]]), np.ones((2, 1)), verbose=0)
    assert "embedding" in str(caught.value) and "up to 7" in str(caught.value)


def test_a_second_input_is_not_taken_for_the_training_flag():
    with pytest.raises(TypeError, match="(?s)training is True or False, got ndarray.*one input"):
        layers.Dense(2)(ROW, ROW)
    assert layers.Dense(2)(ROW, True).shape == (2, 2)


class TwoShapes(layers.Layer):
    """Asks for what no call gives."""

    def build(self, first_shape, other):
        pass

    def call(self, first, second):
        return first


def of_two(x):
    a, b = layers.Input((2,)), layers.Input((2,))
    return cornu.Model([a, b], layers.Add()([a, b]))(x)


ONES = np.ones((2, 3), "float32")
REFUSED = {
    "trainable": lambda: layers.Dense(2, trainable="yes"),
    "n must be at least 1": lambda: layers.RepeatVector(0),
    "cannot both": lambda: layers.ConvLSTM2D(2, 3, strides=2, dilation_rate=3),
    "not both": lambda: layers.InputLayer(batch_size=2, batch_shape=(2, 3)),
    "the tensor has": lambda: layers.InputLayer(shape=(3,), input_tensor=layers.Input((4,))),
    "Add takes a list": lambda: layers.Add().compute_mask([ONES, ONES], ONES > 0),
    "Concatenate takes a list": lambda: layers.Concatenate().compute_mask([ONES, ONES], [ONES > 0]),
    "takes 'other'": lambda: TwoShapes()(ONES, ONES),
    "got None for its input": lambda: of_two([ONES[:, :2], None]),
    "input of another shape": lambda: cornu.Sequential(
        [layers.Input((2,)), layers.Dense(1)]
    ).build((3, 4)),
}  # fmt: skip


@pytest.mark.parametrize("said", REFUSED)
def test_what_cannot_be_meant_is_refused(said):
    with pytest.raises(ValueError, match=said):
        REFUSED[said]()


def test_an_empty_batch_has_no_penalty():
    layer = layers.Activation("linear", activity_regularizer="l2")
    layer(np.ones((0, 5), "float32"))
    assert [float(loss) for loss in layer.losses] == [0.0]
