"""Texts of any kind as Python's, and their tokens.

    Texts       str, bytes, lists, arrays of numpy, columns of tables, tensors of TensorFlow
    clean       lower case, no punctuation: of ASCII, as Keras does it
    split       a list of tokens for each text
    ngrams      tokens of neighbours, joined by a space

A batch is cleaned and split as one string of bytes, in which texts are parted by a byte that UTF-8
never has, so that a token costs no step of Python.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, compress
from typing import Any, NamedTuple

import numpy as np

from cornu.errors import type_error, value_error
from cornu.numeric import ragged
from cornu.types import Tensor

# The characters that Keras's regular expression names: all punctuation of ASCII.
PUNCTUATION = b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_BETWEEN = b"\xff"


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
                fix="fill missing texts first: data.fillna('')",
            )
        elif not isinstance(text, str):
            raise type_error(
                f"Text {position} of {what} is no text but {type(text).__name__} {text!r:.40}.",
                fix="make it text: numpy.asarray(data).astype(str)\n"
                "or use IntegerLookup for integers.",
            )
    return texts


# ---- tokens -----------------------------------------------------------------------------------


class Tokens(NamedTuple):
    """The tokens of texts, one after the other, as str or as UTF-8 bytes, and how many each has."""

    flat: Iterable[Any]
    lengths: np.ndarray

    @property
    def total(self) -> int:
        """Number of tokens in all."""
        return int(self.lengths.sum())


def clean(texts: Sequence[str], lower: bool, strip_punctuation: bool) -> list[bytes]:
    """Texts in UTF-8, with ASCII letters in lower case and without ASCII punctuation.

    Letters beyond ASCII keep their case, as in Keras.

    Example:

        >>> [t.decode() for t in clean(["Don't!", "É = A"], True, True)]
        ['dont', 'É  a']
    """
    if not texts:
        return []
    try:
        joined = _BETWEEN.join(map(str.encode, texts))
    except UnicodeEncodeError:  # half of a surrogate pair
        joined = _BETWEEN.join([t.encode("utf-8", "surrogatepass") for t in texts])
    if lower:
        joined = joined.lower()
    if strip_punctuation:
        joined = joined.translate(None, PUNCTUATION)
    return joined.split(_BETWEEN)


def words(texts: Iterable[bytes]) -> Tokens:
    """The words of texts, parted by the white space of ASCII."""
    return _of_rows(list(map(bytes.split, texts)))


def characters(texts: Iterable[str]) -> Tokens:
    """The characters of texts."""
    rows = list(texts)
    return Tokens("".join(rows), np.fromiter(map(len, rows), np.int64, len(rows)))


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
    return _of_rows([read(row, what="what split returns").flat for row in rows])


def _of_rows(rows: list[Any]) -> Tokens:
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    return Tokens(chain.from_iterable(rows), lengths)


def ngrams(tokens: Tokens, widths: Sequence[int]) -> Tokens:
    """Runs of `n` tokens of a text, joined by a space; for each width in turn.

    Example:

        >>> list(ngrams(Tokens("abc", np.array([3])), (1, 2)).flat)
        ['a', 'b', 'c', 'a b', 'b c']
    """
    flat, lengths = list(tokens.flat), tokens.lengths
    joint: Any = b" " if flat and isinstance(flat[0], bytes) else " "
    row = np.repeat(np.arange(len(lengths)), lengths)
    found: list[Any] = []
    rows = []
    for width in widths:
        # A run lies within a text if its first and last token do.
        starts = max(len(flat) - width + 1, 0)
        within = row[:starts] == row[width - 1 :]
        runs = map(joint.join, zip(*(flat[i:] for i in range(width)), strict=False))
        found += compress(runs, within.tolist())
        rows.append(row[:starts][within])
    order = np.argsort(np.concatenate(rows), kind="stable")
    return Tokens(
        [found[i] for i in order.tolist()],
        np.bincount(np.concatenate(rows), minlength=len(lengths)).astype(np.int64),
    )
