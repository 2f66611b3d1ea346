"""TextVectorization: functions of users, shapes, and texts of every size."""

import numpy as np
import pytest

import cornu
from cornu.layers import TextVectorization
from cornu.saving import register_keras_serializable

TEXTS = ["a,b", "c"]


@register_keras_serializable("texts")
def by_comma(texts):
    return [text.split(",") for text in texts]


def test_functions_of_users():
    layer = TextVectorization(standardize=np.char.upper, split=by_comma)
    layer.adapt(np.array(TEXTS))
    assert layer.get_vocabulary() == ["", "[UNK]", "C", "B", "A"]
    assert layer(["b,c", "b"]).tolist() == [[3, 2], [3, 0]]
    layer = TextVectorization(split=by_comma, vocabulary=["a", "b"])
    again = TextVectorization.from_config(cornu.layers.serialize(layer)["config"])
    assert again.split is by_comma and again(["b"]).tolist() == [[3]]
    table = TextVectorization(split=lambda t: np.array([list("ab")] * len(t)), vocabulary=["b"])
    assert table(["x"]).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"split": lambda texts: ["a b"] * len(texts)}, "a list of tokens for each text"),
        ({"split": lambda texts: [["a"]]}, "1 items for 2 texts"),
        ({"standardize": lambda texts: texts[:1]}, "one text for each text"),
    ],
)
def test_functions_that_return_something_else(options, words):
    with pytest.raises(ValueError, match=words):
        TextVectorization(vocabulary=["a"], **options)(TEXTS)


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "tf_idf"])
@pytest.mark.parametrize("shape", [(2,), (2, 1)])
@pytest.mark.parametrize("split", ["whitespace", None])
def test_shapes_are_as_said(mode, shape, split):
    weights = [1.0, 2.0] if mode == "tf_idf" else None
    layer = TextVectorization(
        vocabulary=["a", "b"], output_mode=mode, idf_weights=weights, split=split
    )
    if split is None and mode != "one_hot" and len(shape) == 1:
        return  # the tokens of one text
    found = layer(np.array(["a b b", "z"]).reshape(shape))
    said = layer.compute_output_spec(cornu.KerasTensor((None, *shape[1:]), "string"))
    assert len(said.shape) == found.ndim and said.dtype == found.dtype
    assert all(n in (None, m) for n, m in zip(said.shape, found.shape, strict=True))


def test_one_hot_pads_with_zeros():
    layer = TextVectorization(vocabulary=["a"], output_mode="one_hot")
    assert layer(["a z", "a"]).tolist() == [[[0, 1], [1, 0]], [[0, 1], [0, 0]]]


def test_many_texts_are_split_in_parts(monkeypatch):
    texts = [f"w{i % 7} w{i % 3}" * (i % 4) for i in range(50)]
    layer = TextVectorization(ngrams=2)
    layer.adapt(texts)
    whole, vocabulary = layer(texts).tolist(), layer.get_vocabulary()
    monkeypatch.setattr("cornu.layers.preprocessing.text_vectorization._TEXTS", 8)
    layer.adapt(texts)
    assert layer.get_vocabulary() == vocabulary and layer(texts).tolist() == whole
    assert layer([]).shape == (0, 0)


def test_half_a_surrogate_pair_is_a_token():
    layer = TextVectorization()
    layer.adapt(["a \ud800", "b"])
    assert layer(["\ud800"]).tolist() == [[2 + layer.get_vocabulary()[2:].index("\ud800")]]


def test_set_vocabulary_and_its_size():
    layer = TextVectorization(output_mode="tf_idf", pad_to_max_tokens=True, max_tokens=5)
    layer.set_vocabulary(["a", "b"], idf_weights=[1.0, 3.0])
    assert layer.vocabulary_size() == 3
    assert layer(["a b b q"]).tolist() == [[2.0, 1.0, 6.0, 0.0, 0.0]]
