"""pad_sequences beside Keras's."""

import keras
import numpy as np
import pytest

from cornu.utils import pad_sequences

ROWS = [[1, 2, 3, 4], [5], [], [6, 7]]
STEPS = [np.ones((2, 3)), np.zeros((4, 3)), np.ones((1, 3))]


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
@pytest.mark.parametrize("maxlen", [None, 2, 6])
@pytest.mark.parametrize(
    ("rows", "options"),
    [
        (ROWS, {}),
        ([np.array(r, "int64") for r in ROWS], {"value": -1}),
        (tuple(map(tuple, ROWS)), {"dtype": "float32", "value": 0.5}),
        (STEPS, {"dtype": "float64"}),
        ([s.tolist() for s in STEPS], {}),
        ([["a", "bcd"], ["e"]], {"dtype": object, "value": "<pad>"}),
        (np.arange(6).reshape(2, 3), {}),
    ],
    ids=["lists", "arrays", "tuples", "steps", "lists of steps", "texts", "array"],
)
def test_as_keras(rows, options, maxlen, padding, truncating):
    given = {"maxlen": maxlen, "padding": padding, "truncating": truncating, **options}
    found, expected = pad_sequences(rows, **given), keras.utils.pad_sequences(rows, **given)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_texts_keep_their_letters_and_nothing_gives_nothing():
    found = pad_sequences([["long", "er"], ["x"]], dtype="str", value="")
    assert found.tolist() == [["long", "er"], ["", "x"]]
    assert (
        pad_sequences([]).shape == (0, 0) and pad_sequences([[], []], 3).tolist() == [[0] * 3] * 2
    )


def test_fractions_are_not_lost_silently():
    with pytest.warns(UserWarning, match="cuts 0.5 to a whole number"):
        assert pad_sequences([[0.5, 2.0]]).tolist() == [[0, 2]]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pad_sequences([1, 2]), "no sequence, but 1"),
        (lambda: pad_sequences([[1]], padding="left"), "padding must be"),
        (lambda: pad_sequences([[1]], truncating="left"), "truncating must be"),
        (lambda: pad_sequences([[1]], value="a"), "dtype=object"),
        (lambda: pad_sequences([np.ones((2, 3)), np.ones((2, 4))]), r"\(3,\) and \(4,\)"),
        (lambda: pad_sequences([[[1, 2]], [[1]]]), r"\(2,\) and \(1,\)"),
        (lambda: pad_sequences([["a"]]), "dtype=object"),
        (lambda: pad_sequences([[2**40]]), "cannot hold 1099511627776"),
        (lambda: pad_sequences([[1]], maxlen=-1), "maxlen"),
    ],
)
def test_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
