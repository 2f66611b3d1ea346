"""What the training loop may ask of any data set.

A `Source` gives batches in order, epoch after epoch. A batch is whatever the data set yields, a
tuple `(x,)`, `(x, y)` or `(x, y, sample_weight)` most of the time, always with host or device
arrays as leaves. The loop never looks further: an adapter that answers these questions is enough.

    Source        batches one by one                      (generators, loaders, PyDataset)
     `- Resident  the whole data set as arrays, and rows   (numpy, jax, pandas: many steps can run
                  of indices for each batch                 in one compiled program)
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np


class Batch(NamedTuple):
    """One batch and how many samples it holds."""

    data: Any  # what the step receives: (x,), (x, y) or (x, y, sample_weight)
    size: int


class Source:
    """Batches in order.

    Attributes:
        batch_size: samples in a full batch, or None if the data decide.
        num_batches: batches in an epoch, or None while unknown.
        num_samples: samples in an epoch, or None while unknown.
    """

    batch_size: int | None = None
    num_batches: int | None = None
    num_samples: int | None = None

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch (numbered from 0), in order."""
        raise NotImplementedError

    def epoch_end(self, epoch: int) -> None:
        """Called after each epoch that ran."""

    def close(self) -> None:
        """Release threads, processes and files; called once, also after an error."""


class Resident(Source):
    """A data set held in arrays whose first axis is the samples.

    Attributes:
        arrays: the data, in the structure that a batch has.
    """

    arrays: Any
    batch_size: int
    num_batches: int
    num_samples: int

    def order(self, epoch: int) -> np.ndarray:
        """The rows of the epoch in the order they are used, int32 of shape `(num_samples,)`."""
        raise NotImplementedError
