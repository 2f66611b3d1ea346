"""Texts as Keras 2 prepared them, beside what Keras still has of it."""

import json
import warnings

import numpy as np
import pytest
from keras.src.legacy.preprocessing import text as theirs

from cornu.preprocessing import advice, text as ours

TEXTS = ["The cat sat on the mat.", "A dog; a DOG!", "", "naïve café\tcafé", ["The", "List", "cat"]]


@pytest.fixture(autouse=True)
def said(monkeypatch):
    monkeypatch.setattr(advice, "_said", set())
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield found


@pytest.mark.parametrize(
    "options",
    [{}, {"num_words": 4}, {"oov_token": "?", "num_words": 5}, {"char_level": True},
     {"lower": False, "filters": ".", "split": " "}, {"analyzer": str.split}],
)  # fmt: skip
def test_tokenizers_agree(options):
    mine, other = ours.Tokenizer(**options), theirs.Tokenizer(**options)
    for part in (TEXTS, [TEXTS[0], ["new"]]):
        mine.fit_on_texts(part)
        other.fit_on_texts(part)
    sequences = other.texts_to_sequences([*TEXTS, "unknown cat"])
    assert mine.texts_to_sequences([*TEXTS, "unknown cat"]) == sequences
    assert mine.sequences_to_texts(sequences) == other.sequences_to_texts(sequences)
    for mode in ("binary", "count", "freq", "tfidf"):
        expected = other.texts_to_matrix(TEXTS, mode)
        np.testing.assert_allclose(mine.texts_to_matrix(TEXTS, mode), expected, atol=1e-12)
    dicts = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
    for name in dicts:
        assert dict(getattr(mine, name)) == dict(getattr(other, name))
    assert list(mine.word_counts) == list(other.word_counts)
    again = ours.tokenizer_from_json(other.to_json())
    assert again.texts_to_sequences(TEXTS[:1]) == mine.texts_to_sequences(TEXTS[:1]) or (
        "analyzer" in options
    )
    assert theirs.tokenizer_from_json(mine.to_json()).word_index == other.word_index
    again.fit_on_texts(TEXTS[:1])  # goes on counting
    mine.fit_on_sequences([[1, 2], [2]])
    other.fit_on_sequences([[1, 2], [2]])
    assert dict(mine.index_docs) == dict(other.index_docs)


def test_words_and_hashes_agree():
    for options in ({}, {"lower": False}, {"filters": "", "split": "a"}):
        found = ours.text_to_word_sequence("A cat, a DOG\nan ant", **options)
        assert found == theirs.text_to_word_sequence("A cat, a DOG\nan ant", **options)
    text = "the cat sat, the cat"
    assert ours.hashing_trick(text, 50, "md5") == theirs.hashing_trick(text, 50, "md5")
    assert ours.hashing_trick(text, 50, len) == theirs.hashing_trick(text, 50, len)
    found = ours.one_hot(text, 50)
    assert found[:2] == found[3:] and all(0 < n < 50 for n in found)


def test_one_line_names_the_way_of_today(said):
    for _ in range(2):
        ours.Tokenizer()
        ours.one_hot("a", 5)
    lines = [str(s.message) for s in said]
    assert len(lines) == 2 and "today: keras.layers.TextVectorization" in lines[0]
    assert said[0].filename == __file__


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ours.Tokenizer().fit_on_texts("one text"), "a single text"),
        (lambda: ours.Tokenizer().sequences_to_matrix([[1]]), "has seen no texts"),
        (lambda: ours.Tokenizer(3).sequences_to_matrix([[1]], "tf-idf"), "did you mean 'tfidf'"),
        (lambda: ours.one_hot("a", 1), "at least 2"),
        (lambda: ours.tokenizer_from_json("{}"), "has no word_counts"),
        (lambda: ours.tokenizer_from_json("[" * 500), "JSON of a tokenizer"),
        (lambda: ours.tokenizer_from_json(json.dumps({"config": {"word_counts": "[]"}})), "dict"),
    ],
)
def test_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
