"""IMDB: 50,000 film reviews, positive or negative, as lists of word indices.

    0 padding   1 start of a review   2 other words   3 not used   4 the most frequent word ...

Source: Maas et al., Learning Word Vectors for Sentiment Analysis, 2011.
"""

import numpy as np

from cornu import errors
from cornu.datasets import archive, sequences
from cornu.types import FilePath

SHA256 = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
MD5_OF_WORDS = "bfafd718b763782e994055a2d397834f"
COUNT = 25_000  # reviews to train on, and as many for the test
CLASSES = 2


@errors.trimmed
def load_data(
    path: FilePath = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
    **kwargs: object,
) -> tuple[sequences.Part, sequences.Part]:
    """The IMDB reviews, downloaded on first use.

    Args:
        path: name of the file in the cache, or the path of a local file.
        num_words: number of word indices: those from `num_words` on become `oov_char`. With None
            it is the largest index, so the rarest word alone is replaced, as in Keras.
        skip_top: number of indices from 0 that become `oov_char`: the most frequent words.
        maxlen: length below which reviews are kept, the start included; None keeps all.
        seed: seed of the order of the reviews.
        start_char: index in front of each review; None for none.
        oov_char: index in place of words that are left out; None to leave no trace of them.
        index_from: number that is added to the rank of each word.
        **kwargs: none; `nb_words` of Keras 1 is refused.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: reviews `(25000,)`, arrays of lists of integers, and
        labels `(25000,)` of int64, 1 for a positive review. `utils.pad_sequences` makes a matrix
        of the lists.

    Raises:
        ValueError: the file does not hold lists of integers, or no review is short enough.
        UnsafeFileError: the file holds a pickle of more than data.
        ConnectionError: it is missing and cannot be downloaded; the message says where to put it.

    Example:

        >>> (x_train, y_train), (x_test, y_test) = load_data(num_words=10000)  # doctest: +SKIP
        >>> x_train[0][:4], int(y_train[0])  # doctest: +SKIP
        ([1, 14, 22, 16], 1)
    """
    if kwargs:
        known = ("num_words", "skip_top", "maxlen", "start_char", "oov_char", "index_from")
        raise TypeError(errors.unknown_arguments("imdb.load_data", kwargs, known))
    file = archive.locate(path, archive.ORIGIN + "imdb.npz", sha256=SHA256, limit=128 << 20)
    random = np.random.RandomState(seed)
    parts = [
        sequences.read(file, COUNT, (f"x_{part}", f"y_{part}"), CLASSES, random)
        for part in ("train", "test")
    ]
    choice = sequences.Choice(num_words, skip_top, maxlen, start_char, oov_char, index_from)
    train, test = choice.applied(parts)
    return train, test


@errors.trimmed
def get_word_index(path: FilePath = "imdb_word_index.json") -> dict[str, int]:
    """The rank of each word of the IMDB reviews, 1 for the most frequent.

    `load_data` adds `index_from` to the ranks.

    Args:
        path: name of the file in the cache, or the path of a local file.

    Returns:
        A dict from 88,584 words to their ranks.

    Example:

        >>> words = {rank + 3: word for word, rank in get_word_index().items()}  # doctest: +SKIP
        >>> " ".join(words.get(k, "?") for k in x_train[0][:8])  # doctest: +SKIP
        '? this film was just brilliant casting location'
    """
    return sequences.word_index(path, "imdb_word_index.json", MD5_OF_WORDS)
