"""Texts as lists of word indices, ranked by frequency: what IMDB and Reuters have in common.

lists in the file ──> one array of all words, and the lengths ──> shift, mark starts, cut long
texts, replace rare and frequent words, each in one pass over the array ──> lists
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cornu import errors
from cornu.archive import safejson
from cornu.datasets import archive
from cornu.engine.collector import paused
from cornu.types import FilePath

LARGEST_TABLE = 1 << 22  # integers from the smallest to the largest that the lists share

Part = tuple[np.ndarray, np.ndarray]


@dataclass
class Texts:
    """Texts of word indices.

    Attributes:
        words: words of all texts, one after the other, `(words,)`.
        lengths: number of words in each text, `(texts,)`.
    """

    words: np.ndarray
    lengths: np.ndarray

    def marked(self, start: int | None) -> "Texts":
        """The texts with a word in front of each."""
        if start is None:
            return self
        heads = np.cumsum(self.lengths + 1) - self.lengths - 1
        words = np.empty(len(self.words) + len(heads), np.int64)
        is_word = np.ones(len(words), bool)
        is_word[heads] = False
        words[heads], words[is_word] = start, self.words
        return Texts(words, self.lengths + 1)

    def largest(self, kept: np.ndarray) -> int:
        """The largest word in some of the texts, by their indices."""
        is_kept = np.zeros(len(self.lengths), bool)
        is_kept[kept] = True
        return int(self.words[np.repeat(is_kept, self.lengths)].max(initial=0))

    def limited(self, first: int, end: int, other: int | None) -> "Texts":
        """The texts with `other`, or nothing if None, for words not in `first <= word < end`."""
        known = (self.words >= first) & (self.words < end)
        if other is not None:
            return Texts(np.where(known, self.words, other), self.lengths)
        text = np.repeat(np.arange(len(self.lengths)), self.lengths)
        return Texts(self.words[known], np.bincount(text[known], minlength=len(self.lengths)))

    def lists(self, order: np.ndarray) -> np.ndarray:
        """Some of the texts, by their indices, as an array of lists."""
        low, high = int(self.words.min(initial=0)), int(self.words.max(initial=0))
        words = self.words
        if high - low < LARGEST_TABLE:  # equal integers as one object, which saves memory
            words = np.arange(low, high + 1).astype(object)[words - low]
        ends = np.cumsum(self.lengths)
        starts = ends - self.lengths
        found = np.empty(len(order), object)
        with paused():
            for k, text in enumerate(order.tolist()):
                found[k] = words[starts[text] : ends[text]].tolist()
        return found


@dataclass
class Choice:
    """What is kept of the texts; see `imdb.load_data` for the arguments."""

    num_words: int | None
    skip_top: int
    maxlen: int | None
    start_char: int | None
    oov_char: int | None
    index_from: int | None

    def applied(self, parts: Sequence["Source"]) -> list[Part]:
        """Shifted, cut and limited texts and their labels, of one or several parts."""
        found = []
        for source in parts:
            words = source.texts.words + (self.index_from or 0)
            texts = Texts(words, source.texts.lengths).marked(self.start_char)
            order = source.order
            if self.maxlen:
                order = order[texts.lengths[order] < self.maxlen]
                if not len(order):
                    raise errors.value_error(
                        f"No text has fewer than maxlen={self.maxlen} words, the start included.",
                        fix="maxlen=200",
                    )
            found.append((texts, source.labels, order))
        end = self.num_words or max(texts.largest(order) for texts, _, order in found)
        return [
            (texts.limited(self.skip_top, end, self.oov_char).lists(order), labels[order])
            for texts, labels, order in found
        ]


class Source(NamedTuple):
    """Texts, their labels `(texts,)`, and the order in which they are handed out `(texts,)`."""

    texts: Texts
    labels: np.ndarray
    order: np.ndarray


def read(
    path: Path, count: int, names: tuple[str, str], classes: int, random: np.random.RandomState
) -> Source:
    """A part of a data set, to be handed out in a random order.

    Args:
        path: path of the npz.
        count: number of texts that it must hold.
        names: names of the arrays of lists and of labels.
        classes: number of classes.
        random: source of the order.
    """
    labels = archive.read_numbers(path, {names[1]: (count,)})[names[1]]
    archive.check_labels(path, labels, classes)
    order = np.arange(count)
    random.shuffle(order)
    return Source(Texts(*archive.read_rows(path, names[0], count)), labels, order)


def word_index(path: FilePath, file: str, md5: str) -> dict[str, int]:
    """The ranks of words, from a JSON file of the server.

    Args:
        path: name of the file in the cache, or the path of a local file.
        file: name of the file on the server.
        md5: hash of a download; it comes over https.
    """
    place = archive.locate(path, archive.ORIGIN + file, md5=md5, limit=16 << 20)
    found = safejson.parse(place.read_bytes(), what=place.name, max_bytes=16 << 20)
    if not isinstance(found, dict) or not set(map(type, found.values())) <= {int}:
        raise errors.value_error(
            f"{place.name} must hold a dict from words to integers.",
            file=place,
            fix="delete the file to download it again.",
        )
    return found
