"""Prefetch: batches are put on the device while the step before is running.

    thread       read 3 | put 3 | read 4 | put 4 | (queue full) ...
    queue                   [ 2, 3 ]                                  at most `depth` batches
    consumer     step 1         | step 2         | step 3

jax uses a host buffer in place when it starts at a multiple of 64 bytes, whatever `may_alias`
says, and a generator may write its buffer again at any time. So batches that are not known to be
fresh are copied first, into memory that jax then takes without another copy.
"""

import threading
from collections.abc import Callable, Generator, Iterator
from queue import SimpleQueue
from typing import Any

import jax
import numpy as np

from cornu import tree
from cornu.data.arrays import aligned_empty
from cornu.data.source import Batch
from cornu.types import Tensor, Tensors


def to_device(data: Tensors, *, fresh: bool = False) -> Any:
    """The numpy arrays of a structure as arrays that a compiled program takes without waiting.

    On accelerators these are jax arrays on the default device; on CPUs numpy arrays in memory that
    is used in place.

    Args:
        data: a structure of arrays; jax arrays and None stay as they are.
        fresh: whether nobody writes to the arrays again.
    """

    def own(leaf: Tensor) -> Any:
        if fresh or not isinstance(leaf, np.ndarray):
            return leaf
        copy = aligned_empty(leaf.shape, leaf.dtype)
        copy[...] = leaf
        return copy

    owned = tree.map_structure(own, data)
    return owned if jax.default_backend() == "cpu" else jax.device_put(owned)


def prefetched(
    batches: Iterator[Batch],
    *,
    depth: int = 2,
    place: Callable[[Any], Any] = to_device,
) -> Generator[Batch, None, None]:
    """The same batches in the same order, read and placed by a background thread.

    The thread ends when the batches do, when one of them fails (the error is raised here, after
    the batches before it), and when the result is closed or forgotten.

    Args:
        batches: iterator of batches, used and closed in the thread alone.
        depth: number of placed batches that may wait.
        place: function that puts the data of a batch on the device.

    Example:

        >>> ones = (Batch((np.ones(n),), n) for n in (1, 2))
        >>> [batch.size for batch in prefetched(ones)]
        [1, 2]
    """
    feeder = _Feeder(batches, depth, place)
    try:
        while (batch := feeder.take()) is not None:
            yield batch
    finally:
        feeder.stop()


class _Feeder:
    """The two queues between the thread and its consumer: placed batches, and room for more."""

    def __init__(self, batches: Iterator[Batch], depth: int, place: Callable[[Any], Any]) -> None:
        self._batches = batches
        self._place = place
        self._device = jax.config.jax_default_device  # is per thread
        self._ready: SimpleQueue[Batch | None] = SimpleQueue()  # None is the end
        self._room: SimpleQueue[None] = SimpleQueue()
        for _ in range(depth):
            self._room.put(None)
        self._failure: BaseException | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="cornu-prefetch", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            with jax.default_device(self._device):
                for batch in self._batches:
                    placed = Batch(self._place(batch.data), batch.size)
                    self._room.get()
                    if self._stopped:
                        break
                    self._ready.put(placed)
        except BaseException as error:  # raised again where the batches are consumed
            self._failure = error
        finally:
            self._close_batches()
            self._ready.put(None)

    def _close_batches(self) -> None:
        try:
            if hasattr(self._batches, "close"):
                self._batches.close()
        except BaseException as error:
            self._failure = self._failure or error

    def take(self) -> Batch | None:
        """The next batch, or None after the last one."""
        batch = self._ready.get()
        if batch is not None:
            self._room.put(None)
        elif self._failure is not None:
            raise self._failure
        return batch

    def stop(self) -> None:
        """End the thread; one that hangs in the user's code for seconds is left behind."""
        self._stopped = True
        self._room.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join(5)
