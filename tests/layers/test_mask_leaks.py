"""What a mask hides reaches no output that counts, whichever layer takes it and however called.

x      1 2 3 . .        x with other numbers at the hidden steps    1 2 3 # #
       |                                                            |
y      a b c ? ?        the same where the output counts            a b c ? ?
"""

import jax
import numpy as np
import pytest

import cornu
import cornu.layers as L  # noqa: N812
from cornu import ops
from cornu.core.masks import mask_of, set_mask
from cornu.layers.base.call import signature_of_call

BATCH, TIME, FEATURES = 3, 5, 4
HIDDEN = np.array(
    [[1, 1, 1, 0, 0], [0, 1, 1, 0, 1], [0, 0, 1, 1, 1]], bool
)  # after, inside, before
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(BATCH, TIME, FEATURES)).astype("float32")
OTHER = np.where(HIDDEN[..., None], X, 20 * RANDOM.normal(size=X.shape)).astype("float32")
DROP = {"dropout": 0.3, "seed": 1}


class Marked(L.Layer):
    """The inputs with a mask that does not depend on their values."""

    def call(self, inputs):
        return inputs * 1

    def compute_mask(self, inputs, mask=None):
        return jax.numpy.asarray(HIDDEN)


class Outer(L.Layer):
    """A layer that was never told about masks, around two that know them."""

    def __init__(self):
        super().__init__()
        self.first, self.second = L.GRU(3, return_sequences=True), L.LSTM(2)

    def call(self, x):
        return self.second(self.first(x))


def attended(layer, **options):
    return layer, lambda layer, x, **mode: layer(x, x, **options, **mode)


def listed(layer, **options):
    return layer, lambda layer, x, **mode: layer([x, x], **options, **mode)


def started(layer, states):
    """A recurrent layer that is given its first states."""
    zeros = [np.zeros((BATCH, 3), "float32")] * states
    return layer, lambda layer, x, **mode: layer(x, initial_state=zeros, **mode)


SEQUENCES = {"return_sequences": True}
CASES = {
    "SimpleRNN": lambda: L.SimpleRNN(3, **DROP),
    "LSTM": lambda: L.LSTM(3, **DROP),
    "LSTM-sequences": lambda: L.LSTM(3, **SEQUENCES),
    "LSTM-states": lambda: L.LSTM(3, **SEQUENCES, return_state=True),
    "LSTM-backwards": lambda: L.LSTM(3, **SEQUENCES, go_backwards=True),
    "LSTM-zeros": lambda: L.LSTM(3, **SEQUENCES, zero_output_for_mask=True),
    "LSTM-unrolled": lambda: L.LSTM(3, **SEQUENCES, unroll=True),
    "LSTM-recurrent-dropout": lambda: L.LSTM(3, recurrent_dropout=0.3, seed=1),
    "LSTM-started": lambda: started(L.LSTM(3), 2),
    "GRU": lambda: L.GRU(3, **DROP),
    "GRU-backwards": lambda: L.GRU(3, go_backwards=True, reset_after=False),
    "GRU-started": lambda: started(L.GRU(3, **SEQUENCES), 1),
    "RNN": lambda: L.RNN([L.LSTMCell(3), L.GRUCell(2)]),
    "RNN-backwards": lambda: L.RNN(L.SimpleRNNCell(3), **SEQUENCES, go_backwards=True),
    "Bidirectional": lambda: L.Bidirectional(L.LSTM(3, **DROP)),
    "Bidirectional-sequences": lambda: L.Bidirectional(L.GRU(3, **SEQUENCES)),
    "Bidirectional-backwards": lambda: L.Bidirectional(L.GRU(3, **SEQUENCES, go_backwards=True)),
    "ConvLSTM1D": lambda: images_of_steps(L.ConvLSTM1D(2, 2, **SEQUENCES)),
    "ConvLSTM1D-last": lambda: images_of_steps(L.ConvLSTM1D(2, 2, **DROP)),
    "TimeDistributed": lambda: L.TimeDistributed(L.Dense(3)),
    "BatchNormalization": lambda: L.BatchNormalization(),
    "BatchNormalization-axis": lambda: L.BatchNormalization(axis=1),
    "BatchNormalization-renorm": lambda: L.BatchNormalization(renorm=True),
    "GlobalAveragePooling1D": lambda: L.GlobalAveragePooling1D(),
    "Softmax": lambda: L.Softmax(),
    "Softmax-time": lambda: L.Softmax(axis=1),
    "Softmax-both": lambda: L.Softmax(axis=(1, 2)),
    "Attention": lambda: listed(L.Attention(**DROP)),
    "Attention-scores": lambda: listed(L.Attention(use_scale=True), return_attention_scores=True),
    "Attention-concat": lambda: listed(L.Attention(score_mode="concat")),
    "AdditiveAttention": lambda: listed(L.AdditiveAttention()),
    "AdditiveAttention-causal": lambda: listed(L.AdditiveAttention(), use_causal_mask=True),
    "MultiHeadAttention": lambda: attended(L.MultiHeadAttention(2, 3)),
    "MultiHeadAttention-window": lambda: attended(L.MultiHeadAttention(2, 3, sliding_window=2)),
    "MultiHeadAttention-dropout": lambda: attended(L.MultiHeadAttention(2, 3, **DROP)),
    "MultiHeadAttention-scores": lambda: attended(
        L.MultiHeadAttention(2, 3), use_causal_mask=True, return_attention_scores=True
    ),
    "MultiHeadAttention-flash": lambda: attended(
        L.MultiHeadAttention(2, 3, flash_attention=True, use_gate=True), use_causal_mask=True
    ),
    "GroupQueryAttention": lambda: attended(L.GroupQueryAttention(3, 4, 2)),
    "GroupQueryAttention-dropout": lambda: attended(L.GroupQueryAttention(3, 4, 2, **DROP)),
    "GroupQueryAttention-scores": lambda: attended(
        L.GroupQueryAttention(3, 4, 2, sliding_window=2), return_attention_scores=True
    ),
    "Sequential": lambda: cornu.Sequential([L.Dense(3), L.Dropout(0.3, seed=1), L.LSTM(2)]),
    "Functional": lambda: functional(),
    "Outer": lambda: Outer(),
    "Lambda": lambda: L.Lambda(mean_of_what_counts, mask=lambda x, mask: None),
    "Add": lambda: listed(L.Add()),
    "Concatenate": lambda: listed(L.Concatenate(axis=1)),
    "Multiply": lambda: listed(L.Multiply()),
    "Maximum": lambda: listed(L.Maximum()),
}  # fmt: skip


def images_of_steps(layer):
    return layer, lambda layer, x, **mode: layer(images_with_mask(x), **mode)


def images_with_mask(x):
    """`(batch, time, size, 1)` with the mask of `(batch, time, size)`."""
    y = ops.expand_dims(x, -1)
    set_mask(y, mask_of(x))
    return y


def mean_of_what_counts(x, mask):
    counts = ops.cast(mask, x.dtype)[..., None]
    return ops.sum(x * counts, axis=1) / ops.sum(counts, axis=1)


def functional():
    inputs = L.Input((TIME, FEATURES))
    x = L.Bidirectional(L.LSTM(2, **SEQUENCES))(inputs)
    x = L.MultiHeadAttention(1, 2)(x, x)
    inner = cornu.Sequential([L.Input((TIME, 4)), L.Dense(3), L.GRU(2, **SEQUENCES)])
    return cornu.Model(inputs, L.GlobalAveragePooling1D()(inner(x)))


class Through(L.Layer):
    """A layer on inputs that carry a mask; outputs with a mask that says which of them count."""

    def __init__(self, made, **options):
        super().__init__(**options)
        self.marked = Marked(dtype="float32")
        self.layer, self.run = made if isinstance(made, tuple) else (made, None)

    def call(self, x, training=False):
        mode = {"training": training}
        x = self.marked(x)
        outputs = self.layer(x, **mode) if self.run is None else self.run(self.layer, x, **mode)
        return [(y, mask_of(y)) for y in jax.tree.leaves(outputs)]


def public_layers():
    found = (getattr(L, name) for name in dir(L) if not name.startswith("_"))
    return [c for c in found if isinstance(c, type) and issubclass(c, L.Layer)]


def test_every_layer_that_takes_a_mask_is_looked_at():
    looked_at = {name.split("-")[0] for name in CASES}
    bases = {"ConvLSTM2D", "ConvLSTM3D"}  # as ConvLSTM1D
    taking = {c.__name__ for c in public_layers() if signature_of_call(c).masks}
    taking = {"GroupQueryAttention" if "Grouped" in n else n for n in taking}
    hands_on = {"Pipeline"}  # to the layers inside
    assert taking - bases - hands_on <= looked_at


def assert_same_where_it_counts(found, others, tolerance):
    assert found
    for (y, mask), (other, _) in zip(found, others, strict=True):
        y, other = (np.asarray(a, "float32") for a in (y, other))
        if mask is not None:
            y, other = y[np.asarray(mask)], other[np.asarray(mask)]
        elif y.ndim == 4 and y.shape[-2:] == (TIME, TIME):  # weights of attention
            y, other = (np.moveaxis(a, 1, 2)[HIDDEN] for a in (y, other))  # of queries that count
        elif y.ndim == 3 and y.shape[-2:] == (TIME, TIME):
            y, other = y[HIDDEN], other[HIDDEN]
        assert np.isfinite(y).all() and y.size
        np.testing.assert_allclose(other, y, rtol=tolerance, atol=tolerance)


@pytest.mark.filterwarnings("ignore:Outer")
@pytest.mark.parametrize("case", CASES)
def test_what_a_mask_hides_changes_nothing_that_counts(case):
    layer = Through(CASES[case]())
    layer(X)
    variables = layer.trainable_variables, layer.non_trainable_variables
    state = [[v.value for v in vs] for vs in variables]

    def outputs(x):
        return [layer.stateless_call(*state, x, training=mode)[0] for mode in (False, True)]

    eager = () if "-" in case else (outputs,)  # once for each class
    for run in (jax.jit(outputs), *eager):
        for found, others in zip(run(X), run(OTHER), strict=True):
            assert_same_where_it_counts(found, others, 1e-5)


IN_HALF = {"Softmax-time", "Attention-scores", "MultiHeadAttention-scores", "BatchNormalization",
           "MultiHeadAttention", "GlobalAveragePooling1D", "GRU-backwards"}  # fmt: skip


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_nor_does_it_in_half_precision(dtype):
    cornu.config.set_dtype_policy(dtype)
    try:
        cases = {case: Through(CASES[case]()) for case in CASES if case in IN_HALF}
        for layer in cases.values():
            layer(X)
    finally:
        cornu.config.set_dtype_policy("float32")

    for layer in cases.values():
        found, others = layer(X), layer(OTHER)
        assert_same_where_it_counts(found, others, 1e-2)
