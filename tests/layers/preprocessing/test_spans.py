"""Tokens in numpy, beside dicts and lists of Python."""

import numpy as np
import pytest

from cornu.layers.preprocessing.spans import HashTable, Spans, SpanTable
from cornu.layers.preprocessing.tables import IntegerTable
from cornu.layers.preprocessing.texts import Tokens, ngrams

RANDOM = np.random.default_rng(5)


def words(count, most=40):
    sizes = RANDOM.integers(0, most, count)
    return ["".join(RANDOM.choice(list("abé\0 \U0001f600"), n)) for n in sizes]


@pytest.mark.parametrize("collide", [False, True])
def test_a_table_finds_what_a_dict_finds(collide, monkeypatch):
    if collide:
        monkeypatch.setattr(Spans, "hashes", lambda self: self.sizes.astype(np.uint64))
    terms = list(dict.fromkeys(words(3000)))
    places = {term: i for i, term in enumerate(terms)}
    tokens = [*terms[::-1], *words(500), "", "a" * 24, "a" * 24 + "b", "a\0", "a"]
    found = SpanTable(terms).find(Spans.of(tokens))
    assert found.tolist() == [places.get(token, -1) for token in tokens]
    in_bytes = [token.encode() for token in tokens]
    assert SpanTable(terms).find(Spans.of(in_bytes)).tolist() == found.tolist()
    assert Spans.of(tokens).listed() == in_bytes


def test_a_table_of_keys():
    keys = RANDOM.choice(2**62, 5000, replace=False).astype(np.uint64)
    assert HashTable(keys).find(keys).tolist() == list(range(5000))
    assert (HashTable(keys).find(keys + np.uint64(2**62)) == -1).all()
    assert HashTable(keys[:0]).find(keys[:3]).tolist() == [-1] * 3


@pytest.mark.parametrize("spread", [3, 10**12])
def test_a_table_of_integers(spread):
    keys = (RANDOM.choice(10_000, 300, replace=False) - 5000) * spread
    table = IntegerTable({int(k): i for i, k in enumerate(keys)}, -7)
    asked = np.append(keys, keys + 1)
    assert table.of(asked).tolist() == [*range(300), *[-7] * 300]


def test_an_array_of_ascii_is_read_without_objects():
    array = np.array([["a", ""], ["abc", "a b"]])
    assert Spans.of_array(array).listed() == [b"a", b"", b"abc", b"a b"]
    assert Spans.of_array(np.array(["é"])) is None and Spans.of_array(np.array([1])) is None
    assert Spans.of_array(array.T).listed() == [b"a", b"abc", b"", b"a b"]


def test_runs():
    rows = [["a", "bb", "a"], [], ["c"], ["d", "e"]]
    tokens = Spans.of([t for row in rows for t in row])
    found = ngrams(Tokens(tokens, np.array([3, 0, 1, 2])), (2, 1, 3))
    said = ["a bb", "bb a", "a", "bb", "a", "a bb a", "c", "d e", "d", "e"]
    assert [t.decode() for t in found.spans.listed()] == said
    assert found.lengths.tolist() == [6, 0, 1, 3]
