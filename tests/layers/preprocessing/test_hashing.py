"""Hashing and HashedCrossing against values recorded with Keras on TensorFlow 2.21."""

# ruff: noqa: C408, E501 - arguments read best as calls, rows on one line

import copy
import pickle

import jax
import numpy as np
import pandas as pd
import pytest

import cornu
from cornu.layers import Dense, HashedCrossing, Hashing, Input

LETTERS = [["A"], ["B"], ["C"], ["D"], ["E"]]
WORDS = ["cat", "dog", "", "a long sentence, longer than sixteen", "cat"]
INTS = [1, -5, 0, 123456, 2**31 - 1]
TWICE = [WORDS, WORDS[::-1]]


@pytest.mark.parametrize(
    ("settings", "inputs", "expected"),
    [
        (dict(num_bins=3), LETTERS, [[1], [0], [1], [1], [2]]),
        (dict(num_bins=3, mask_value=""), [["A"], ["B"], [""], ["C"], ["D"]], [[1], [1], [0], [2], [2]]),
        (dict(num_bins=3, salt=133), LETTERS, [[0], [0], [2], [1], [0]]),
        (dict(num_bins=3, salt=[133, 137]), LETTERS, [[1], [2], [1], [0], [2]]),
        (dict(num_bins=100), WORDS, [96, 12, 63, 72, 96]),
        (dict(num_bins=100), INTS, [49, 16, 35, 98, 57]),
        (dict(num_bins=100, mask_value=0, salt=5), INTS, [74, 90, 0, 13, 41]),
        (dict(num_bins=100), [1.7, -5.2, 0.0], [49, 16, 35]),
        (dict(num_bins=100), [True, False], [70, 57]),
        (dict(num_bins=4, output_mode="one_hot"), LETTERS, [[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1], [1, 0, 0, 0]]),
        (dict(num_bins=4, output_mode="multi_hot"), TWICE, [[1, 0, 0, 1], [1, 0, 0, 1]]),
        (dict(num_bins=4, output_mode="count"), TWICE, [[4, 0, 0, 1], [4, 0, 0, 1]]),
        (dict(num_bins=4, output_mode="one_hot"), [WORDS[:2]], [[[1, 0, 0, 0], [1, 0, 0, 0]]]),
    ],
)  # fmt: skip
def test_bins_are_those_of_keras(settings, inputs, expected):
    assert Hashing(**settings)(inputs).tolist() == expected


def test_crosses_are_those_of_keras():
    cross = HashedCrossing(100)
    column = np.array(WORDS)[:, None]
    assert cross((WORDS, INTS)).tolist() == [67, 6, 0, 22, 4]
    assert cross((np.array(INTS)[:, None], column, column)).tolist() == [
        [2],
        [53],
        [30],
        [82],
        [66],
    ]
    assert cross(("cat", 5)).tolist() == 73
    one_hot = HashedCrossing(5, output_mode="one_hot")((WORDS, INTS))
    assert one_hot.argmax(-1).tolist() == [2, 1, 0, 2, 4]


def test_text_of_every_kind():
    expected = [96, 12, 63, 72, 96]
    for text in (
        np.array(WORDS),
        np.array(WORDS, object),
        np.array([w.encode() for w in WORDS]),
        np.array(WORDS, np.dtypes.StringDType()),
        pd.Series(WORDS),
    ):
        assert Hashing(100)(text).tolist() == expected


def test_identifiers_of_64_bits_keep_their_digits():
    large = np.array([2**40, 2**40 + 1, 2**63 - 1])
    assert (Hashing(10_000)(large) == Hashing(10_000)(large.astype(str))).all()


def test_numbers_in_compiled_code():
    x = np.array(INTS)
    assert jax.jit(Hashing(100))(x).tolist() == [49, 16, 35, 98, 57]
    assert jax.vmap(Hashing(100))(x).tolist() == [49, 16, 35, 98, 57]
    pair = jax.jit(lambda v: HashedCrossing(100)([v, v]))(x)
    assert pair.tolist() == HashedCrossing(100)([x, x]).tolist()


def test_sparse_dtypes_and_empty():
    layer = Hashing(4, output_mode="count", sparse=True, dtype="float16")
    y = layer(TWICE)
    assert y.dtype == "float16"
    assert y.todense().tolist() == Hashing(4, output_mode="count")(TWICE).tolist()
    assert Hashing(3)(np.array([], str)).shape == (0,)
    assert Hashing(3, dtype="int32")(LETTERS).dtype == "int32"
    assert Hashing(1, mask_value="A")(LETTERS).tolist() == [[0]] * 5


def test_a_model_of_text_and_numbers_trains_and_is_saved(tmp_path):
    word, number = Input((1,), dtype="string", name="word"), Input((1,), dtype="int32", name="n")
    hot = [Hashing(8, output_mode="one_hot")(word), HashedCrossing(8, "one_hot")([word, number])]
    model = cornu.Model({"word": word, "n": number}, Dense(1)(cornu.layers.Concatenate()(hot)))
    x = {"word": np.array(WORDS)[:, None], "n": np.arange(5)[:, None]}
    model.compile("sgd", "mse")
    model.fit(x, np.ones((5, 1)), verbose=0)
    model.save(tmp_path / "m.keras")
    again = cornu.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), 1e-5)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer)),
                                   lambda layer: type(layer).from_config(layer.get_config())])  # fmt: skip
def test_copies(again):
    layer = Hashing(7, salt=3, mask_value="A")
    assert (again(layer)(LETTERS) == layer(LETTERS)).all()
    assert again(HashedCrossing(7, name="c")).get_config() == {
        "num_bins": 7, "output_mode": "int", "sparse": False, "name": "c", "dtype": "int64"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Hashing(0), "num_bins"),
        (lambda: Hashing(3, salt="a"), "salt must be"),
        (lambda: Hashing(3, salt=[1, 2, 3]), "salt must be"),
        (lambda: Hashing(3, output_mode="ints"), "output_mode must be"),
        (lambda: Hashing(3, sparse=True), "output_mode of vectors"),
        (lambda: Hashing(3, dtype="float32"), "dtype must be"),
        (lambda: Hashing(3)([np.nan]), "no hash"),
        (lambda: HashedCrossing(3, output_mode="count"), "output_mode must be"),
        (lambda: HashedCrossing(3)([WORDS]), "two inputs"),
        (lambda: HashedCrossing(3)(np.array(WORDS)), "two inputs"),
        (lambda: HashedCrossing(3)([WORDS, INTS[:2]]), "must all have shape"),
        (lambda: HashedCrossing(3)([TWICE, TWICE]), "must all have shape"),
    ],
)
def test_wrong_values(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_wrong_kinds():
    with pytest.raises(TypeError, match="Discretization"):
        HashedCrossing(3)([WORDS, [0.5] * 5])
    with pytest.raises(TypeError, match="mask_value=0"):
        Hashing(3, mask_value="")(INTS)
    with pytest.raises(TypeError, match="strings and integers"):
        Hashing(3)(np.array(["2020-01-01"], "datetime64[D]"))
