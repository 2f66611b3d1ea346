"""Reuters: 11,228 newswires of 46 topics, as lists of word indices.

    0 padding   1 start of a newswire   2 other words   3 not used   4 the most frequent word ...

Source: Lewis, Reuters-21578, 1997.
"""

import numpy as np

from cornu import errors
from cornu.datasets import archive, sequences, tables
from cornu.types import FilePath

SHA256 = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
MD5_OF_WORDS = "4d44cc38712099c9e383dc6e5f11a921"
COUNT = 11_228
TOPICS = (
    "cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply",
    "coffee", "sugar", "trade", "reserves", "ship", "cotton", "carcass", "crude", "nat-gas", "cpi",
    "money-fx", "interest", "gnp", "meal-feed", "alum", "oilseed", "gold", "tin", "strategic-metal",
    "livestock", "retail", "ipi", "iron-steel", "rubber", "heat", "jobs", "lei", "bop", "zinc",
    "orange", "pet-chem", "dlr", "gas", "silver", "wpi", "hog", "lead",
)  # fmt: skip


@errors.trimmed
def load_data(
    path: FilePath = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[sequences.Part, sequences.Part]:
    """The Reuters newswires, downloaded on first use.

    Args:
        path: name of the file in the cache, or the path of a local file.
        num_words: number of word indices: those from `num_words` on become `oov_char`. With None
            it is the largest index, so the rarest word alone is replaced, as in Keras.
        skip_top: number of indices from 0 that become `oov_char`: the most frequent words.
        maxlen: length below which newswires are kept, the start included; None keeps all.
        test_split: fraction of the newswires for the test, at least 0 and below 1.
        seed: seed of the order of the newswires.
        start_char: index in front of each newswire; None for none.
        oov_char: index in place of words that are left out; None to leave no trace of them.
        index_from: number that is added to the rank of each word.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: newswires `(8982,)` and `(2246,)`, arrays of lists
        of integers, and topics of int64 from 0 to 45; `get_label_names` has their names.

    Raises:
        ValueError: the file does not hold lists of integers, or an argument is out of range.
        UnsafeFileError: the file holds a pickle of more than data.
        ConnectionError: it is missing and cannot be downloaded; the message says where to put it.

    Example:

        >>> (x_train, y_train), (x_test, y_test) = load_data(num_words=10000)  # doctest: +SKIP
        >>> len(x_train), get_label_names()[y_train[0]]  # doctest: +SKIP
        (8982, 'earn')
    """
    tables.check_split(test_split)
    file = archive.locate(path, archive.ORIGIN + "reuters.npz", sha256=SHA256, limit=64 << 20)
    random = np.random.RandomState(seed)
    source = sequences.read(file, COUNT, ("x", "y"), len(TOPICS), random)
    choice = sequences.Choice(num_words, skip_top, maxlen, start_char, oov_char, index_from)
    [(x, y)] = choice.applied([source])
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut].copy()), (x[cut:], y[cut:].copy())


@errors.trimmed
def get_word_index(path: FilePath = "reuters_word_index.json") -> dict[str, int]:
    """The rank of each word of the Reuters newswires, 1 for the most frequent.

    `load_data` adds `index_from` to the ranks.

    Args:
        path: name of the file in the cache, or the path of a local file.

    Returns:
        A dict from words to their ranks.

    Example:

        >>> words = {rank + 3: word for word, rank in get_word_index().items()}  # doctest: +SKIP
    """
    return sequences.word_index(path, "reuters_word_index.json", MD5_OF_WORDS)


def get_label_names() -> tuple[str, ...]:
    """The names of the 46 topics, in the order of the labels.

    Example:

        >>> get_label_names()[:4]
        ('cocoa', 'grain', 'veg-oil', 'earn')
    """
    return TOPICS
