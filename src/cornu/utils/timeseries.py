"""Windows of a time series, for training.

data           0 1 2 3 4 5 6 7 8 9        sequence_length=3, sampling_rate=2, sequence_stride=2
window 0       0   2   4
window 1           2   4   6              windows are read out of `data` batch by batch, and
window 2               4   6   8          never all made at once
"""

import random
from typing import Any

import numpy as np

from cornu.arguments import integer, is_int, optional_int
from cornu.data.pipeline.dataset import Dataset
from cornu.data.pipeline.elements import lists_as_arrays, mapped, taken, to_numpy
from cornu.errors import did_you_mean, value_error
from cornu.types import Tensor, Tensors

FORMATS = ("tf", "grain")


class Windows:
    """A source of windows, `(sequence_length, ...)`, or of pairs of a window and its target.

    Args:
        data: array `(steps, ...)`.
        targets: array whose row i belongs to the window that begins at step i, or None.
        starts: first step of each window.
        length: number of steps of a window.
        rate: steps from one entry of a window to the next.
    """

    work = "copying"

    def __init__(
        self, data: Tensor, targets: Tensors | None, starts: np.ndarray, length: int, rate: int
    ) -> None:
        self._data, self._targets, self._starts = data, targets, starts
        self._offsets = rate * np.arange(length)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> Any:
        batch = self.gather(np.array([index]))
        return mapped(lambda leaf: leaf[0], batch)

    def gather(self, indices: np.ndarray) -> Any:
        """The windows with these numbers, `(n, sequence_length, ...)`, and their targets."""
        first = self._starts[indices]
        rows = (first[:, None] + self._offsets).reshape(-1)
        windows = taken(self._data, rows)  # (n * sequence_length, ...)
        windows = windows.reshape(len(first), len(self._offsets), *self._data.shape[1:])
        if self._targets is None:
            return windows
        return windows, mapped(lambda leaf: taken(leaf, first), self._targets)


def timeseries_dataset_from_array(
    data: Tensor,
    targets: Tensors | None,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Any:
    """Sliding windows over a time series, with a target for each.

    Args:
        data: array `(steps, ...)`, one row per time step.
        targets: row i belongs to the window that begins at step i (at `start_index + i` of the
            whole series); None for windows alone.
        sequence_length: number of entries of a window.
        sequence_stride: steps from the beginning of a window to that of the next.
        sampling_rate: steps from one entry of a window to the next.
        batch_size: number of windows per batch; None for single windows.
        shuffle: whether windows come in random order, another one in each pass.
        seed: seed of that order.
        start_index: first step that is used; targets are counted from there, too.
        end_index: step before which windows end.
        format: "tf" for a `cornu.data.Dataset`, which has the methods of tf.data; "grain" for one
            of grain.

    Returns:
        A data set of batches `(windows, targets)`, or of windows if there are no targets.

    Raises:
        ValueError: an argument is out of range, or no window fits into the data.

    Example:

        >>> series = np.arange(10)
        >>> data = timeseries_dataset_from_array(series[:-3], series[3:], 3, batch_size=2)
        >>> for windows, targets in data.take(1):
        ...     print(windows.tolist(), targets.tolist())
        [[0, 1, 2], [1, 2, 3]] [3, 4]
    """
    array = to_numpy(data)
    if np.ndim(array) == 0:
        raise value_error("data must be an array with one row per time step, got a single value.")
    steps = len(array)
    if format not in FORMATS:
        raise value_error(
            f"format must be one of {FORMATS}, got {format!r}.",
            fix=did_you_mean(str(format), FORMATS),
        )
    length = integer(sequence_length, "sequence_length")
    stride = _below(sequence_stride, "sequence_stride", steps)
    rate = _below(sampling_rate, "sampling_rate", steps)
    optional_int(batch_size, "batch_size")
    begin = _place(start_index, "start_index", steps, 0)
    end = _place(end_index, "end_index", steps, steps)
    if end <= begin:
        raise value_error(
            f"end_index must be greater than start_index, got {end} and {begin}.",
            fix="start_index=None, end_index=None",
        )
    if targets is not None:
        targets = lists_as_arrays(targets)
        targets = mapped(lambda leaf: leaf[begin:], targets)
    count = end - begin - (length - 1) * rate
    if targets is not None:
        count = min([count, *_lengths(targets)])
    if count < 1:
        raise value_error(
            "No window fits into the data.",
            steps=f"{end - begin}, targets {'none' if targets is None else min(_lengths(targets))}",
            window=f"{(length - 1) * rate + 1} steps: sequence_length {length}, "
            f"sampling_rate {rate}",
            fix=f"sequence_length={(end - begin - 1) // rate + 1}"
            if targets is None or min(_lengths(targets))
            else "pass a target for each window, or targets=None.",
        )
    windows = Windows(array[begin:end], targets, np.arange(0, count, stride), length, rate)
    dataset = Dataset.from_source(windows)
    if shuffle:
        if seed is None:
            seed = random.randrange(10**6)
        dataset = dataset.shuffle(len(windows), seed=seed)
    if format == "grain":
        return _in_grain(windows, batch_size, seed if shuffle else None)
    return dataset if batch_size is None else dataset.batch(batch_size)


def _in_grain(windows: Windows, batch_size: int | None, seed: int | None) -> Any:
    dataset = Dataset.from_source(windows).to_grain()
    if seed is not None:
        dataset = dataset.shuffle(seed=seed)
    dataset = dataset.to_iter_dataset()
    return dataset if batch_size is None else dataset.batch(batch_size)


def _lengths(targets: Tensors) -> list[int]:
    found: list[int] = []
    mapped(lambda leaf: found.append(len(leaf)), targets)
    return found


def _below(value: object, name: str, steps: int) -> int:
    number = integer(value, name)
    if number >= max(steps, 2):
        raise value_error(
            f"{name} must be less than the length of the data, got {number} and {steps}.",
            fix=f"{name}=1",
        )
    return number


def _place(value: object, name: str, steps: int, default: int) -> int:
    if value is None:
        return default
    if not is_int(value) or not 0 <= value <= steps - (name == "start_index"):
        raise value_error(
            f"{name} must be an index of the data, from 0 to {steps}, got {value!r}.",
            fix=f"{name}=None",
        )
    return int(value)
