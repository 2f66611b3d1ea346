"""`Vocabulary`: terms in order, with the tables that are made of them when they are asked for.

As an asset of a `.keras` file a vocabulary is `vocabulary.txt`, one term per line, special tokens
first, as Keras writes it. Terms that hold line breaks do not fit there; they stand in the config.
"""

import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cornu import budget
from cornu.errors import value_error
from cornu.layers.preprocessing.tables import IntegerTable, TextTable
from cornu.types import FilePath

FILE = "vocabulary.txt"
DROPPED, MISSING = -1, -2  # indices of a mask token outside of "int", and of what is no term

Term = str | int


class Vocabulary:
    """Terms in order.

    Args:
        terms: texts or integers, each once.
        start: index of the first term; indices below are those of special tokens.
        known: dict from further tokens to their index.
        default: index of what is no term.

    Example:

        >>> from cornu.layers.preprocessing.spans import Spans
        >>> words = Vocabulary(["a", "b"], 1, {}, 0)
        >>> words.texts.of(Spans.of(["b", "x"])).tolist(), len(words)
        ([2, 0], 2)
    """

    def __init__(self, terms: Sequence[Any], start: int, known: dict[Any, int], default: int):
        self.terms, self._start, self._known, self._default = list(terms), start, known, default

    def __len__(self) -> int:
        return len(self.terms)

    def __getstate__(self) -> dict[str, Any]:
        """Without the tables, which can be made again."""
        names = ("terms", "_start", "_known", "_default")
        return {name: vars(self)[name] for name in names}

    @property
    def _indices(self) -> dict[Any, int]:
        numbers = range(self._start, self._start + len(self.terms))
        return dict(zip(self.terms, numbers, strict=True)) | self._known

    @functools.cached_property
    def texts(self) -> TextTable:
        """The table of terms that are texts."""
        return TextTable(self._indices, self._default)

    @functools.cached_property
    def integers(self) -> IntegerTable:
        """The table of terms that are integers."""
        return IntegerTable(self._indices, self._default)

    @functools.cached_property
    def by_place(self) -> np.ndarray:
        """The terms as an array."""
        if self.terms and not isinstance(self.terms[0], str):
            return np.array(self.terms, np.int64)
        return np.array(self.terms, np.dtypes.StringDType())

    @functools.cached_property
    def fits_lines(self) -> bool:
        """Whether a file of lines holds the terms, for Cornu and for Keras."""
        if not self.terms or not isinstance(self.terms[0], str):
            return True
        text = "\n".join(self.terms)
        whole = text.encode("utf-8", "replace").decode() == text  # no half of a surrogate pair
        return whole and self.terms[-1] != "" and text.splitlines() == self.terms


def read_lines(path: FilePath) -> list[str]:
    """The terms of a file, one per line.

    Raises:
        ValueError: there is no such file, or it is not text.
    """
    path = Path(path)
    if not path.is_file():
        raise value_error(
            f"There is no vocabulary file {str(path)!r}.", directory=path.parent.absolute()
        )
    return lines_of(path.read_bytes(), f"the vocabulary file {path.name!r}")


def lines_of(content: bytes, what: str, count: int | None = None) -> list[str]:
    """The lines of a text in UTF-8; empty lines at the end are none, except up to a known number.

    Args:
        content: bytes of the text.
        what: how messages call it.
        count: number of lines, if it is known.

    Raises:
        ValueError: it is not UTF-8.

    Example:

        >>> lines_of(b"\\nthe\\ncat\\n", "the vocabulary")
        ['', 'the', 'cat']
    """
    budget.spend(content.count(b"\n") // budget.VALUES)
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise value_error(f"{what[:1].upper()}{what[1:]} is not UTF-8 text.") from None
    if len(lines) > 1 and all(line.endswith("\r") for line in lines[:-1]):  # written on Windows
        lines = [line.removesuffix("\r") for line in lines]
    while lines and lines[-1] == "" and len(lines) != count:
        lines.pop()
    return lines


def as_integers(lines: Iterable[str], what: str) -> list[int]:
    """The integers of lines.

    Raises:
        ValueError: a line is no integer of 64 bits.
    """
    found: list[int] = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(int(np.int64(int(line[:40]))))
        except (ValueError, OverflowError):
            raise value_error(f"Line {number} of {what} is no integer: {line!r:.60}.") from None
    return found


def require_unique(terms: Sequence[Any]) -> None:
    """Raise a ValueError if a term occurs twice.

    Example:

        >>> require_unique(["a", "b", "a"])
        Traceback (most recent call last):
        ValueError: The vocabulary has terms that occur more than once: 'a'.
          fix: vocabulary = list(dict.fromkeys(vocabulary))
    """
    if len(set(terms)) == len(terms):
        return
    twice = [repr(term) for term, count in Counter(terms).items() if count > 1]
    raise value_error(
        f"The vocabulary has terms that occur more than once: {', '.join(twice[:10])}.",
        fix="vocabulary = list(dict.fromkeys(vocabulary))",
    )
