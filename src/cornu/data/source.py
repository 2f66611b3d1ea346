"""What the training loop may ask of any data set.

A `Source` gives batches in order, epoch after epoch. A batch is whatever the data set yields, a
tuple `(x,)`, `(x, y)` or `(x, y, sample_weight)` most of the time, always with host or device
arrays as leaves. The loop never looks further: an adapter that answers these questions is enough.

    Source        batches one by one                      (generators, loaders, PyDataset)
     `- Resident  the whole data set as arrays, and rows   (numpy, jax, pandas: many steps can run
                  of indices for each batch                 in one compiled program, if they fit)
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
        batch_size: number of samples of a full batch, or None if unknown.
        num_batches: number of batches per epoch, or None while unknown.
        num_samples: number of samples per epoch, or None while unknown.
        reads_ahead: whether making a batch takes time, so that a thread should do it while the
            step before is running.
        fresh_batches: whether nobody writes to the arrays of a batch again.
    """

    reads_ahead: bool = True
    fresh_batches: bool = False
    batch_size: int | None = None
    num_batches: int | None = None
    num_samples: int | None = None

    def batches(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of one epoch (numbered from 0), in order, without those before `first`.

        In the middle of an epoch begin only sources that were told by `go_to`.
        """
        raise NotImplementedError

    # Whether `position` will be asked, which costs some microseconds a batch; set before reading.
    keeps_positions: bool = False

    def position(self, step: int | None = None) -> Any:
        """What another run needs, besides epoch and step, to continue with the same batches.

        Args:
            step: number of used batches of the epoch; None for all that were given.

        Returns:
            Nested dicts and lists of numbers, texts, bytes and arrays; None if nothing is needed.
            `"streams"` in it are the process's random numbers as they were at that step.
        """
        return None

    def go_to(self, epoch: int, step: int, position: Any) -> None:
        """Go to the position of another run, so that `batches(epoch, step)` continues it.

        Args:
            epoch: next epoch.
            step: number of its batches that were used.
            position: result of `position` there.
        """

    def epoch_end(self, epoch: int) -> None:
        """Called after each epoch that ran."""

    def close(self) -> None:
        """Release threads, processes and files; called once, also after an error."""


class Resident(Source):
    """A data set held in arrays whose first axis is the samples.

    Attributes:
        arrays: data, in the structure of a batch.
        fits_device: whether they may be put on the device as a whole.
    """

    arrays: Any
    fits_device: bool = True
    batch_size: int
    num_batches: int
    num_samples: int

    def order(self, epoch: int) -> np.ndarray:
        """The rows of the epoch in the order they are used, int32 of shape `(num_samples,)`."""
        raise NotImplementedError
