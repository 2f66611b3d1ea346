"""Words of texts, numbered by how frequent they are, as Keras 2 did it.

    Tokenizer               learns the numbers, gives sequences and matrices
    text_to_word_sequence   the words of a text
    one_hot, hashing_trick  a number for each word by its hash, without learning

Today `keras.layers.TextVectorization` does this, as part of a model too.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from cornu.absent import names_of
from cornu.archive.safejson import parse
from cornu.arguments import one_of, positive_int
from cornu.errors import unknown_arguments, value_error
from cornu.layers.preprocessing.hashes import farmhash64
from cornu.preprocessing.advice import advise
from cornu.types import Config

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_TODAY = "keras.layers.TextVectorization"

Text = str | list[str]


def text_to_word_sequence(
    input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " "
) -> list[str]:
    """The words of a text.

    Args:
        input_text: a text.
        filters: characters that part words, like `split`.
        lower: whether to turn letters into lower case.
        split: text between words.

    Example:

        >>> text_to_word_sequence("The cat, the DOG!")
        ['the', 'cat', 'the', 'dog']
    """
    advise("text.text_to_word_sequence", f"{_TODAY}, or text.lower().split()")
    return _words(input_text, filters, lower, split)


def _words(text: str, filters: str, lower: bool, split: str) -> list[str]:
    text = text.lower() if lower else text
    table: dict[str, str | int | None] = dict.fromkeys(filters, split)
    parts = text.translate(str.maketrans(table)).split(split)
    return [part for part in parts if part]


def one_hot(
    input_text: str,
    n: int,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], list[str]] | None = None,
) -> list[int]:
    """A number from 1 to n - 1 for each word of a text, by its hash; different words may share one.

    The numbers are the same in every process.

    Args:
        input_text: a text.
        n: number of numbers, with 0, which no word gets.
        filters: characters that part words, like `split`.
        lower: whether to turn letters into lower case.
        split: text between words.
        analyzer: function that gives the words of a text.

    Example:

        >>> one_hot("the cat the", 100)
        [20, 66, 20]
    """
    advise("text.one_hot", "keras.layers.Hashing(n), which is no one-hot encoding either.")
    return _hashed(input_text, n, None, filters, lower, split, analyzer)


def hashing_trick(
    text: str,
    n: int,
    hash_function: str | Callable[[str], int] | None = None,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], list[str]] | None = None,
) -> list[int]:
    """A number from 1 to n - 1 for each word of a text, by its hash.

    Args:
        text: a text.
        n: number of numbers, with 0, which no word gets.
        hash_function: "md5", a function of a word, or None for FarmHash.
        filters: characters that part words, like `split`.
        lower: whether to turn letters into lower case.
        split: text between words.
        analyzer: function that gives the words of a text.

    Example:

        >>> hashing_trick("the cat", 100, "md5")
        [51, 3]
    """
    advise("text.hashing_trick", "keras.layers.Hashing(n)")
    return _hashed(text, n, hash_function, filters, lower, split, analyzer)


def _hashed(
    text: str,
    n: int,
    function: str | Callable[[str], int] | None,
    filters: str,
    lower: bool,
    split: str,
    analyzer: Callable[[str], list[str]] | None,
) -> list[int]:
    if positive_int(n, "n") < 2:
        raise value_error("n must be at least 2, got 1.", fix="n=1000")
    words = _words(text, filters, lower, split) if analyzer is None else analyzer(text)
    hashes: Iterable[int]
    if function is None:
        hashes = farmhash64(words).tolist()
    elif callable(function):
        hashes = map(function, words)
    else:
        one_of(function, ("md5",), "hash_function")
        hashes = (int(hashlib.md5(word.encode()).hexdigest(), 16) for word in words)
    return [code % (n - 1) + 1 for code in hashes]


class Tokenizer:
    """Number words by how frequent they are, from 1 on; 0 is left for padding.

    Args:
        num_words: numbers in all, 0 with them: words with larger ones are left out. All if None.
        filters: characters that part words, like `split`.
        lower: whether to turn letters into lower case.
        split: text between words.
        char_level: whether every character is a word.
        oov_token: word that stands for unknown ones, number 1; they are left out if None.
        analyzer: function that gives the words of a text.
        **kwargs: `document_count`, and `nb_words` for `num_words`.

    Attributes:
        word_counts: how often each word was seen, in the order in which they came.
        word_docs: in how many texts each was seen.
        word_index, index_word: number of each word, word of each number.
        index_docs: in how many texts the word of each number was seen.
        document_count: number of texts seen.

    Example:

        >>> tokenizer = Tokenizer(oov_token="?")
        >>> tokenizer.fit_on_texts(["The cat sat.", "The dog!"])
        >>> tokenizer.word_index
        {'?': 1, 'the': 2, 'cat': 3, 'sat': 4, 'dog': 5}
        >>> tokenizer.texts_to_sequences(["the dog ran"])
        [[2, 5, 1]]
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable[[str], list[str]] | None = None,
        **kwargs: Any,
    ):
        advise("text.Tokenizer", f"{_TODAY}(num_words); layer.adapt(texts); layer(texts)")
        num_words = kwargs.pop("nb_words", num_words)
        self.document_count: int = kwargs.pop("document_count", 0)
        if kwargs:
            known = (
                "num_words",
                "filters",
                "lower",
                "split",
                "char_level",
                "oov_token",
                "analyzer",
            )
            raise TypeError(unknown_arguments("Tokenizer", kwargs, known))
        self.num_words, self.filters, self.lower, self.split = num_words, filters, lower, split
        self.char_level, self.oov_token, self.analyzer = char_level, oov_token, analyzer
        self.word_counts: dict[str, int] = Counter()
        self.word_docs: dict[str, int] = Counter()
        self.index_docs: dict[int, int] = Counter()
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    # ---- learning -----------------------------------------------------------------------------

    def fit_on_texts(self, texts: Iterable[Text]) -> None:
        """Count the words of texts, and number them anew.

        Args:
            texts: texts, or lists of words.

        Raises:
            ValueError: `texts` is a single text.
        """
        counts, documents = Counter(self.word_counts), Counter(self.word_docs)
        for words in self._all_words(texts):
            self.document_count += 1
            counts.update(words)
            documents.update(set(words))
        self.word_counts, self.word_docs = counts, documents
        # Of equal counts the word that came first has the smaller number.
        ranked = sorted(counts, key=counts.__getitem__, reverse=True)
        order = [*([] if self.oov_token is None else [self.oov_token]), *ranked]
        self.word_index = dict(zip(order, range(1, len(order) + 1), strict=True))
        self.index_word = {number: word for word, number in self.word_index.items()}
        self.index_docs = Counter(self.index_docs)
        self.index_docs |= {self.word_index[word]: n for word, n in documents.items()}

    def fit_on_sequences(self, sequences: Sequence[Sequence[int]]) -> None:
        """Count numbers of sequences, for `sequences_to_matrix` with mode "tfidf".

        Args:
            sequences: lists of numbers.
        """
        self.document_count += len(sequences)
        self.index_docs = Counter(self.index_docs)
        for sequence in sequences:
            self.index_docs.update(set(sequence))

    def _all_words(self, texts: Iterable[Text]) -> Iterator[Sequence[str]]:
        if isinstance(texts, str) and not self.char_level:
            raise value_error("texts must be a list of texts, got a single text.", fix="[text]")
        for text in texts:
            if isinstance(text, list):
                yield [word.lower() for word in text] if self.lower else text
            elif self.char_level:
                yield text.lower() if self.lower else text
            elif self.analyzer is not None:
                yield self.analyzer(text)
            else:
                yield _words(text, self.filters, self.lower, self.split)

    # ---- texts and sequences --------------------------------------------------------------------

    def texts_to_sequences(self, texts: Iterable[Text]) -> list[list[int]]:
        """The numbers of the words of texts.

        Args:
            texts: texts, or lists of words.
        """
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Text]) -> Iterator[list[int]]:
        """The numbers of the words of texts, one text after the other."""
        number_of, limit = self.word_index.get, self.num_words or len(self.word_index) + 2
        unknown = None if self.oov_token is None else number_of(self.oov_token)
        for words in self._all_words(texts):
            numbers = map(number_of, words)
            known = (n if n is not None and n < limit else unknown for n in numbers)
            yield [n for n in known if n is not None]

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """Texts of the words that numbers stand for, joined by spaces.

        Args:
            sequences: lists of numbers.
        """
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """Texts of the words that numbers stand for, one after the other."""
        limit = self.num_words or len(self.word_index) + 2
        for sequence in sequences:
            words = (self.index_word.get(n) if n < limit else None for n in map(int, sequence))
            known = (self.oov_token if word is None else word for word in words)
            yield " ".join(word for word in known if word is not None)

    def texts_to_matrix(self, texts: Iterable[Text], mode: str = "binary") -> np.ndarray:
        """A row for each text and a column for each number; see `sequences_to_matrix`."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(
        self, sequences: Sequence[Sequence[int]], mode: str = "binary"
    ) -> np.ndarray:
        """A row for each sequence and a column for each number.

        Args:
            sequences: lists of numbers; those of `num_words` and more are left out.
            mode: "binary" for presence, "count" for how often, "freq" for the fraction of the
                sequence, "tfidf" for `(1 + log count) * log(1 + documents / (1 + documents with
                the word))`.

        Returns:
            float64 `(sequences, num_words)`.

        Raises:
            ValueError: nothing was learned, and `num_words` is None.
        """
        one_of(mode, ("binary", "count", "freq", "tfidf"), "mode")
        width = self.num_words or (len(self.word_index) + 1 if self.word_index else 0)
        if not width or (mode == "tfidf" and not self.document_count):
            raise value_error(
                "The Tokenizer has seen no texts.", fix="tokenizer.fit_on_texts(texts)"
            )
        lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
        numbers = np.fromiter(chain.from_iterable(sequences), np.int64, int(lengths.sum()))
        rows = np.repeat(np.arange(len(lengths)), lengths)[numbers < width]
        places = rows * width + numbers[numbers < width]
        counts = np.bincount(places, minlength=len(lengths) * width).astype("float64")
        counts = counts.reshape(len(lengths), width)
        if mode == "count":
            return counts
        if mode == "binary":
            return (counts > 0).astype("float64")
        if mode == "freq":
            return counts / np.maximum(lengths, 1)[:, None]
        documents = np.array([self.index_docs.get(i, 0) for i in range(width)])
        frequency = 1 + np.log(counts, out=np.full_like(counts, -1), where=counts > 0)
        return frequency * np.log(1 + self.document_count / (1 + documents))

    # ---- files ----------------------------------------------------------------------------------

    def get_config(self) -> Config:
        """Settings and counts, dicts as JSON, as Keras 2 wrote them."""
        settings = ("num_words", "filters", "lower", "split", "char_level", "oov_token",
                    "document_count")  # fmt: skip
        tables = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        config = {name: getattr(self, name) for name in settings}
        return config | {name: json.dumps(getattr(self, name)) for name in tables}

    def to_json(self, **kwargs: Any) -> str:
        """The tokenizer as JSON, which `tokenizer_from_json` reads.

        Args:
            **kwargs: arguments of `json.dumps`.
        """
        return json.dumps({"class_name": "Tokenizer", "config": self.get_config()}, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The tokenizer that `to_json` wrote, here or in Keras.

    Args:
        json_string: the text.

    Raises:
        ValueError: it describes no tokenizer.

    Example:

        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["a b a"])
        >>> tokenizer_from_json(tokenizer.to_json()).word_index
        {'a': 1, 'b': 2}
    """
    what = "The JSON of a tokenizer"
    written = parse(json_string, what=what)
    config = dict(written.get("config") or {}) if isinstance(written, dict) else {}
    tables = {}
    for name in ("word_counts", "word_docs", "index_docs", "index_word", "word_index"):
        if not isinstance(config.get(name), str):
            raise value_error(f"{what} has no {name}.", fix="tokenizer.to_json()")
        tables[name] = parse(config.pop(name), what=what)
        if not isinstance(tables[name], dict):
            raise value_error(f"{name} in the JSON of a tokenizer must be a dict.")
    made = Tokenizer(**config)
    for name, table in tables.items():
        by_number = name.startswith("index_")
        setattr(made, name, {int(k): v for k, v in table.items()} if by_number else table)
    return made


globals()["__getattr__"] = names_of(__name__)
