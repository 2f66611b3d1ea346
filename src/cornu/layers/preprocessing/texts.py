"""Texts of any kind as Python's, and their tokens.

    Texts       str, bytes, lists, arrays of numpy, columns of tables, tensors of TensorFlow
    clean       lower case, no punctuation: of ASCII, as Keras does it
    split       the tokens of each text, as spans
    ngrams      tokens of neighbours, joined by a space

A batch is cleaned and split as one string of bytes, in which texts are parted by a byte that UTF-8
never has, so that a token costs no step of Python.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from cornu.errors import type_error, value_error
from cornu.layers.preprocessing.spans import BETWEEN, Spans, joined
from cornu.numeric import ragged
from cornu.types import Tensor

# The characters that Keras's regular expression names: all punctuation of ASCII.
PUNCTUATION = b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_BLANK = bytes(byte in b" \t\n\v\f\r" + BETWEEN for byte in range(256))


class Texts(NamedTuple):
    """Texts in flat order, and the shape of the array that they come from."""

    flat: list[str]
    shape: tuple[int, ...]


def read(values: Tensor, encoding: str = "utf-8", what: str = "the input") -> Texts:
    """The texts of an array, list, column or tensor.

    Args:
        values: str or bytes, or anything that holds them.
        encoding: encoding of bytes.
        what: how messages call the values.

    Raises:
        TypeError: a value is no text.
        ValueError: a value is missing, bytes are of another encoding, or rows differ in length.

    Example:

        >>> read([["a"], [b"b"]])
        Texts(flat=['a', 'b'], shape=(2, 1))
    """
    if isinstance(values, (str, bytes)):
        return Texts(_decoded([values], encoding, what), ())
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    if hasattr(values, "to_list"):  # a ragged tensor of TensorFlow
        values = values.to_list()
    if isinstance(values, (list, tuple)) and set(map(type, values)) <= {str, bytes}:
        return Texts(_decoded(list(values), encoding, what), (len(values),))
    try:
        array = np.array(values, dtype=object) if isinstance(values, list | tuple) else values
        array = np.asarray(array)
    except ValueError:
        raise ValueError(ragged(what)) from None
    if array.dtype.kind == "O" and array.size and isinstance(array.flat[0], (list, np.ndarray)):
        raise ValueError(ragged(what))
    return Texts(_decoded(array.ravel().tolist(), encoding, what), array.shape)


def read_rows(values: Tensor, encoding: str = "utf-8") -> tuple[list[str], np.ndarray]:
    """The texts of documents, which may differ in length, and the length of each.

    Example:

        >>> flat, lengths = read_rows([["a", "b"], ["c"]])
        >>> flat, lengths.tolist()
        (['a', 'b', 'c'], [2, 1])
    """
    rows = values.tolist() if isinstance(values, np.ndarray) and values.dtype == object else values
    if isinstance(rows, (list, tuple)) and rows and isinstance(rows[0], (list, tuple, np.ndarray)):
        texts = [read(row, encoding, "the data") for row in rows]
        lengths = np.array([len(t.flat) for t in texts])
        return list(chain.from_iterable(t.flat for t in texts)), lengths
    found = read(values, encoding, "the data")
    if len(found.shape) < 2:
        return found.flat, np.ones(len(found.flat), np.int64)
    width = found.shape[-1]
    return found.flat, np.full(len(found.flat) // max(width, 1), width)


def _decoded(texts: list[Any], encoding: str, what: str) -> list[str]:
    kinds = set(map(type, texts))
    if kinds <= {str, np.str_}:
        return texts
    for position, text in enumerate(texts):
        if isinstance(text, bytes):
            try:
                texts[position] = text.decode(encoding)
            except UnicodeDecodeError as error:
                raise value_error(
                    f"Text {position} of {what} is not encoded in {encoding}.",
                    text=repr(text[max(error.start - 20, 0) : error.end + 20]),
                    fix="encoding='latin-1'",
                ) from None
        elif text is None or text != text or type(text).__module__.startswith("pandas"):
            raise value_error(
                f"Text {position} of {what} is missing ({text!r}).",
                fix="fill missing texts first: data = data.fillna('')",
            )
        elif not isinstance(text, str):
            raise type_error(
                f"Text {position} of {what} is no text but {type(text).__name__} {text!r:.40}.",
                fix="make it text: data = numpy.asarray(data).astype(str)\n"
                "or use IntegerLookup for integers.",
            )
    return texts


# ---- tokens -----------------------------------------------------------------------------------


class Tokens(NamedTuple):
    """The tokens of texts, one after the other, and how many each text has."""

    spans: Spans
    lengths: np.ndarray


def clean(texts: Sequence[str], lower: bool, strip_punctuation: bool) -> bytes:
    """Texts in UTF-8, with ASCII letters in lower case and without ASCII punctuation.

    They are joined by `spans.BETWEEN`. Letters beyond ASCII keep their case, as in Keras.

    Example:

        >>> [t.decode() for t in clean(["Don't!", "É = A"], True, True).split(BETWEEN)]
        ['dont', 'É  a']
    """
    data = joined(texts)
    if lower:
        data = data.lower()
    return data.translate(None, PUNCTUATION) if strip_punctuation else data


def words(data: bytes, count: int) -> Tokens:
    """The words of texts, parted by the white space of ASCII.

    Args:
        data: texts, joined by `spans.BETWEEN`.
        count: number of texts.

    Example:

        >>> words(joined(["the cat", "", " a "]), 3).lengths.tolist()
        [2, 0, 1]
    """
    blank = np.frombuffer((BETWEEN + data + BETWEEN).translate(_BLANK), bool)
    edges = np.flatnonzero(blank[1:] != blank[:-1])
    starts, ends = edges[::2], edges[1::2]
    between = np.flatnonzero(np.frombuffer(data, np.uint8) == BETWEEN[0])
    before = np.searchsorted(starts, between)
    lengths = np.diff(before, prepend=0, append=len(starts))
    return Tokens(Spans(data, starts, ends - starts), lengths if count else lengths[:0])


def characters(texts: Sequence[str]) -> Tokens:
    """The characters of texts."""
    data = "".join(texts).encode("utf-8", "surrogatepass")
    inner = (np.frombuffer(data, np.uint8) & 0xC0) == 0x80
    starts = np.flatnonzero(~inner)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    return Tokens(Spans(data, starts, np.diff(starts, append=len(data))), lengths)


def split_by(split: Callable[[Any], Any], texts: np.ndarray) -> Tokens:
    """The tokens that a user's function makes of an array of texts.

    Args:
        split: function of an array of texts `(batch,)` that returns a list of tokens for each.
        texts: array of texts.

    Raises:
        ValueError: it returns something else.
    """
    rows = split(texts)
    rows = rows.to_list() if hasattr(rows, "to_list") else list(rows)
    if len(rows) != len(texts) or any(isinstance(row, str | bytes) for row in rows):
        raise value_error(
            "split must return a list of tokens for each text.",
            received=f"{len(rows)} items for {len(texts)} texts, such as {rows[:1]!r:.60}",
            fix="split=lambda texts: [text.split(',') for text in texts]",
        )
    found = [read(row, what="what split returns").flat for row in rows]
    lengths = np.fromiter(map(len, found), np.int64, len(found))
    return Tokens(Spans.of(list(chain.from_iterable(found))), lengths)


def ngrams(tokens: Tokens, widths: Sequence[int]) -> Tokens:
    """Runs of `n` tokens of a text, joined by a space; for each width in turn.

    Example:

        >>> ngrams(Tokens(Spans.of(["a", "b", "c"]), np.array([3])), (1, 2)).spans.listed()
        [b'a', b'b', b'c', b'a b', b'b c']
    """
    spans, lengths = tokens.spans.spaced(), tokens.lengths
    row = np.repeat(np.arange(len(lengths)), lengths)
    first = np.cumsum(lengths) - lengths  # of each text, among the tokens
    runs = [np.maximum(lengths - width + 1, 0) for width in widths]
    totals = np.sum(runs, axis=0)
    begin = np.cumsum(totals) - totals  # of each text, among the runs
    starts, sizes = (np.empty(int(totals.sum()), np.int64) for _ in range(2))
    for width, count in zip(widths, runs, strict=True):
        # A run lies within a text if its first and last token do.
        some = np.flatnonzero(row[: max(len(row) - width + 1, 0)] == row[width - 1 :])
        place = (begin - first)[row[some]] + some
        last = some + width - 1
        starts[place] = spans.starts[some]
        sizes[place] = spans.starts[last] + spans.sizes[last] - spans.starts[some]
        begin = begin + count
    return Tokens(Spans(spans.data, starts, sizes), totals)
