"""Sequences of numbers: padding, windows of time series, pairs of words, as Keras 2 did it.

pad_sequences           one length for all; `keras.utils.pad_sequences`
TimeseriesGenerator     windows of a series, in batches
skipgrams               pairs of near and of random words, for word vectors
make_sampling_table     how likely `skipgrams` takes a word, by its rank
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu.absent import names_of
from cornu.arguments import is_int, positive_int
from cornu.data.dataset import PyDataset
from cornu.errors import value_error
from cornu.preprocessing.advice import advise
from cornu.types import Config, Tensor
from cornu.utils.sequences import pad_sequences as pad_sequences


class TimeseriesGenerator(PyDataset):
    """Windows of a series with the target that follows each, in batches.

    Sample `i` is `data[i - length : i : sampling_rate]` with `targets[i]`.

    Args:
        data: series `(time, ...)`.
        targets: one target for each step of `data`.
        length: number of steps that a window spans.
        sampling_rate: distance between the steps of a window.
        stride: distance between the windows.
        start_index: first step that is used.
        end_index: last step that is used as a target; the last of all if None.
        shuffle: whether each epoch takes the windows in another order, all of them once.
        reverse: whether the steps of a window stand in reversed order.
        batch_size: number of windows per batch.
        **kwargs: `workers`, `use_multiprocessing` and `max_queue_size` of `PyDataset`.

    Raises:
        ValueError: `data` and `targets` differ in length, or there is no window.

    Example:

        >>> data = np.arange(6)
        >>> x, y = TimeseriesGenerator(data, data, length=2, batch_size=3)[0]
        >>> x.tolist(), y.tolist()
        ([[0, 1], [1, 2], [2, 3]], [2, 3, 4])
    """

    def __init__(
        self,
        data: Tensor,
        targets: Tensor,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
        **kwargs: Any,
    ):
        advise("sequence.TimeseriesGenerator", "keras.utils.timeseries_dataset_from_array(...)")
        super().__init__(**kwargs)
        if len(data) != len(targets):
            raise value_error(
                "data and targets must have one length.",
                lengths=f"data {len(data)}, targets {len(targets)}",
            )
        self.data, self.targets = data, targets
        self.length = positive_int(length, "length")
        self.sampling_rate = positive_int(sampling_rate, "sampling_rate")
        self.stride = positive_int(stride, "stride")
        self.batch_size = positive_int(batch_size, "batch_size")
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse = shuffle, reverse
        if self.start_index > self.end_index:
            raise value_error(
                f"There is no window of {length} steps between start_index {start_index} and "
                f"end_index {self.end_index}.",
                fix=f"length={max(self.end_index - start_index, 1)}",
            )
        self._rows = np.arange(self.start_index, self.end_index + 1, stride)
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        """Take the windows in another order, if asked for."""
        if self.shuffle:
            np.random.shuffle(self._rows)  # whose state `set_random_seed` sets, and backups keep

    def __len__(self) -> int:
        return math.ceil(len(self._rows) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The windows `(batch, steps, ...)` and targets of a batch."""
        rows = self._rows[index * self.batch_size : (index + 1) * self.batch_size]
        steps = np.arange(-self.length, 0, self.sampling_rate)
        if isinstance(self.data, np.ndarray):
            samples = self.data[rows[:, None] + steps]  # (batch, steps, ...)
        else:
            samples = np.array([self.data[r - self.length : r : self.sampling_rate] for r in rows])
        targets = np.array([self.targets[row] for row in rows])
        return (samples[:, ::-1] if self.reverse else samples), targets

    def get_config(self) -> Config:
        """The arguments of the constructor; `data` and `targets` as JSON."""
        config: Config = {name: _as_json(getattr(self, name)) for name in ("data", "targets")}
        names = ("length", "sampling_rate", "stride", "end_index", "shuffle", "reverse",
                 "batch_size")  # fmt: skip
        config |= {name: getattr(self, name) for name in names}
        return config | {"start_index": self.start_index - self.length}

    def to_json(self, **kwargs: Any) -> str:
        """The arguments of the constructor as JSON.

        Args:
            **kwargs: arguments of `json.dumps`.
        """
        config = {"class_name": "TimeseriesGenerator", "config": self.get_config()}
        return json.dumps(config, **kwargs)


def _as_json(values: Tensor) -> str:
    return json.dumps(values.tolist() if hasattr(values, "tolist") else list(values))


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """The probability with which `skipgrams` takes a word, by its rank.

    `min(1, sqrt(f / w))` for a word of frequency `w`, where `f` is the sampling factor and
    frequencies follow Zipf's law (Mikolov et al. 2013, "Distributed Representations of Words").

    Args:
        size: number of ranks.
        sampling_factor: frequency below which every occurrence is taken.

    Returns:
        float64 `(size,)`.

    Example:

        >>> [round(float(p), 4) for p in make_sampling_table(3)]
        [0.0032, 0.0032, 0.0055]
    """
    advise("sequence.make_sampling_table", "the formula min(1, sqrt(factor / frequency))")
    rank = np.maximum(np.arange(positive_int(size, "size")), 1)
    # One over the frequency of a rank, with Euler's constant.
    inverse = rank * (np.log(rank) + 0.577) + 0.5 - 1.0 / (12.0 * rank)
    return np.minimum(1.0, np.sqrt(sampling_factor * inverse))


def skipgrams(
    sequence: Sequence[int],
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Sequence[float] | np.ndarray | None = None,
    seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:
    """Pairs of words that stand near each other, and pairs with random words (Mikolov et al. 2013).

    Args:
        sequence: numbers of words; 0 is no word.
        vocabulary_size: number of words, 0 with them.
        window_size: largest distance of two words.
        negative_samples: number of random pairs for each near one.
        shuffle: whether to mix the pairs.
        categorical: whether labels are `[1, 0]` and `[0, 1]` instead of 0 and 1.
        sampling_table: probability to take a word, by its number; see `make_sampling_table`.
        seed: seed of all that is drawn.

    Returns:
        Pairs, and labels: 1 for near pairs, 0 for random ones.

    Example:

        >>> skipgrams([1, 2, 3], 4, window_size=1, negative_samples=0, shuffle=False)
        ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])
    """
    advise("sequence.skipgrams", "keras.utils.PyDataset, or gensim.models.Word2Vec")
    if not is_int(vocabulary_size) or vocabulary_size < 2:
        raise value_error(f"vocabulary_size must be an integer >= 2, got {vocabulary_size!r}.")
    words = np.asarray(sequence, np.int64)
    draw = np.random.default_rng(np.random.randint(2**31) if seed is None else seed)
    kept = words > 0
    if sampling_table is not None:
        kept &= np.asarray(sampling_table)[words] >= draw.random(len(words))
    near = np.arange(-window_size, window_size + 1)
    near = near[near != 0]
    centres = np.flatnonzero(kept)
    other = centres[:, None] + near  # (words, neighbours)
    inside = (other >= 0) & (other < len(words))
    inside &= words[np.where(inside, other, 0)] > 0 if len(words) else False
    first = np.repeat(words[centres], inside.sum(1))
    pairs = np.stack([first, words[other[inside]]], axis=1)  # (pairs, 2)
    labels = np.ones(len(pairs), np.int64)
    count = int(len(pairs) * negative_samples)
    if count:
        starts = np.resize(draw.permutation(first), count)
        random = np.stack([starts, draw.integers(1, vocabulary_size, count)], axis=1)
        pairs = np.concatenate([pairs, random])
        labels = np.concatenate([labels, np.zeros(count, np.int64)])
    if shuffle:
        order = draw.permutation(len(pairs))
        pairs, labels = pairs[order], labels[order]
    return pairs.tolist(), (np.eye(2, dtype=int)[labels] if categorical else labels).tolist()


globals()["__getattr__"] = names_of(__name__)
