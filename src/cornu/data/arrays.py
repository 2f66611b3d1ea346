"""Data sets in arrays.

    seed, epoch --Philox--> rows in order --gather--> host batch    `batches`: one by one
                                       `--indices--> the device     `order`: many steps at once

The order depends on the seed and the epoch alone, so a run that resumes at epoch k sees what an
uninterrupted one saw. With `steps`, epochs are cut from one endless run of shuffled passes:

    pass     0 0 0 0 0|1 1 1 1 1|2 2 2 2 2|
    epoch    0 0 0 1 1 1 2 2 2 3 3 3 ...             5 batches, 3 steps an epoch

Gathered batches lie in fresh memory that starts at a multiple of 64 bytes: jax takes such a buffer
as it is, without a copy, for as long as it needs it. So no buffer is ever written twice. A batch
of neighbouring rows is a view of the data. Rows of memory-mapped files and of sparse matrices are
read when they are needed, and given back afterwards (`rows`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu import tree
from cornu.arguments import integer
from cornu.data.convert import count_samples, host_arrays
from cornu.data.rows import Reader, Rows, is_lazy
from cornu.data.source import Batch, Resident
from cornu.data.weights import weighted
from cornu.errors import explain, value_error, warn
from cornu.numeric import is_float
from cornu.types import Tensor, Tensors

BATCH_SIZE = 32  # when nothing else is said
ALIGNMENT = 64  # bytes; what XLA asks of a host buffer before it uses it in place
LARGE = 4 << 30  # bytes that are not put on the device as a whole, where it does not say its size


class ArraySource(Resident):
    """Batches of numpy, jax, pandas or sparse data, or of nested lists of numbers.

    Args:
        x: inputs; an array `(samples, ...)`, or a list, tuple or dict of arrays.
        y: targets, or None.
        sample_weight: sample weights `(samples,)`, or None.
        batch_size: number of samples per batch; the last one of an epoch may be smaller. If None,
            32, or what divides all samples into `steps` batches.
        shuffle: whether to shuffle the rows each epoch; "batch" shuffles batches and keeps their
            rows together (for data on slow disks).
        seed: seed of the order, together with the epoch; drawn and kept in `.seed` if None.
        steps: number of batches per epoch, if fewer than the data have.
        class_weight: dict from class to weight, multiplied into `sample_weight`.
        floatx: dtype to which floats are converted.
        inputs_are_nested: whether a list `x` holds several inputs; see `host_arrays`.

    Attributes:
        arrays: `(x,)`, `(x, y)` or `(x, y, sample_weight)`. Memory-mapped floats keep their dtype
            here; `batches` converts the rows that it reads.
        fresh_batches: False when batches may be views of the user's arrays.
        reads_ahead: whether rows come from a file or are put together from sparse ones.

    Example:

        >>> source = ArraySource(np.arange(5), batch_size=2)
        >>> [batch.data[0].tolist() for batch in source.batches(epoch=0)]
        [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        x: Tensors,
        y: Tensors | None = None,
        sample_weight: Tensors | None = None,
        *,
        batch_size: int | None = None,
        shuffle: bool | str = False,
        seed: int | None = None,
        steps: int | None = None,
        class_weight: Mapping[int, float] | None = None,
        floatx: str = "float32",
        inputs_are_nested: bool | None = None,
    ) -> None:
        if isinstance(shuffle, str) and shuffle != "batch":
            raise value_error(f'shuffle must be True, False or "batch", got {shuffle!r}.')
        arrays = host_arrays(
            x, y, sample_weight, floatx=floatx, inputs_are_nested=inputs_are_nested
        )
        if class_weight is not None:
            arrays = weighted(arrays, class_weight, floatx=floatx)
        self.arrays = arrays
        self.shuffle = shuffle
        self.seed = draw_seed() if seed is None else int(seed)
        self.fresh_batches = shuffle is True
        self._floatx = floatx
        self._rows = count_samples(arrays)
        if batch_size is None and steps is not None:
            batch_size = -(-self._rows // integer(steps, "steps"))
        self.batch_size = integer(BATCH_SIZE if batch_size is None else batch_size, "batch_size")
        self._host = tree.map_structure(_host_view, arrays)
        leaves = [leaf for leaf in tree.flatten(arrays) if leaf is not None]
        self.reads_ahead = any(map(is_lazy, leaves))
        self.fits_device = not self.reads_ahead and _fit_device(leaves)
        self._reader = Reader(leaves)

        in_a_pass = -(-self._rows // self.batch_size)
        steps = fewer_steps(steps, in_a_pass)
        self.num_batches = steps or in_a_pass
        self.num_samples = steps * self.batch_size if steps else self._rows

    def order(self, epoch: int) -> np.ndarray:
        """The rows of the epoch in the order they are used, int32 of shape `(num_samples,)`."""
        if self.num_samples == self._rows:
            return self._pass(epoch)
        first, skip = divmod(epoch * self.num_samples, self._rows)
        pieces = [self._pass(first)[skip:]]
        while sum(map(len, pieces)) < self.num_samples:
            pieces.append(self._pass(first + len(pieces)))
        return np.concatenate(pieces)[: self.num_samples]

    def position(self, step: int | None = None) -> Any:
        """The seed, which with the epoch determines the order."""
        return {"seed": self.seed}

    def go_to(self, epoch: int, step: int, position: Any) -> None:
        if step > self.num_batches:
            raise value_error(
                f"The backup is of step {step + 1}, but an epoch has {self.num_batches} steps.",
                fix="pass the same data and batch_size as before,\n"
                "or delete the backup to start over.",
            )
        self.seed = int(position.get("seed", self.seed))

    def batches(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Host batches in order (device batches where the data are jax arrays on a device)."""
        order = self.order(epoch)
        for start in range(first * self.batch_size, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            neighbours = self.shuffle is not True and bool((np.diff(rows) == 1).all())
            picked = slice(int(rows[0]), int(rows[0]) + len(rows)) if neighbours else rows
            yield Batch(
                tree.map_structure(lambda leaf, p=picked: self._take(leaf, p), self._host),
                len(rows),
            )
            self._reader.let_go(len(rows))

    def _pass(self, number: int) -> np.ndarray:
        rows = np.arange(self._rows, dtype="int32" if self._rows < 2**31 else "int64")
        if not self.shuffle:
            return rows
        if self.shuffle == "batch":  # a smaller last batch stays last
            full = self._rows // self.batch_size * self.batch_size
            blocks = rows[:full].reshape(-1, self.batch_size)
            blocks = blocks[permutation(self.seed, number, len(blocks))]
            return np.concatenate([blocks.reshape(-1), rows[full:]])
        return permutation(self.seed, number, self._rows)

    def _take(self, leaf: Tensor, rows: Tensor) -> Any:
        if leaf is None:
            return None
        if isinstance(leaf, jax.Array):
            if isinstance(rows, slice):
                size = rows.stop - rows.start
                return jax.lax.dynamic_slice_in_dim(leaf, rows.start, size)
            return jnp.take(leaf, rows, axis=0, mode="clip")
        if isinstance(leaf, Rows) and leaf.is_sparse:
            return leaf.take(rows)
        size = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
        dtype = leaf.dtype
        if is_float(dtype):  # differs for memory-mapped files only
            dtype = jnp.dtype(self._floatx)
        dtype = dtype.newbyteorder("=")
        if isinstance(rows, slice) and dtype == leaf.dtype and not is_lazy(leaf):
            return leaf[rows]
        batch = aligned_empty((size, *leaf.shape[1:]), dtype)
        if isinstance(leaf, Rows):
            leaf.read(rows, batch)
        elif isinstance(rows, slice) or dtype != leaf.dtype or not leaf.flags.c_contiguous:
            batch[...] = leaf[rows]  # np.take would first copy the whole of such an array
        else:
            np.take(leaf, rows, axis=0, out=batch, mode="clip")  # "raise" would buffer
        return batch


def permutation(seed: int, number: int, size: int) -> np.ndarray:
    """The numbers below `size` in an order that depends on `seed` and `number` alone, int32.

    Example:

        >>> a, b = permutation(7, 0, 5), permutation(7, 0, 5)
        >>> a.tolist() == b.tolist(), sorted(a.tolist())
        (True, [0, 1, 2, 3, 4])
    """
    key = np.array([seed % 2**64, number], dtype="uint64")
    generator = np.random.Generator(np.random.Philox(key=key))
    return generator.permutation(np.arange(size, dtype="int32" if size < 2**31 else "int64"))


def draw_seed() -> int:
    """A seed from the operating system's entropy, below 2**32."""
    return int(np.random.SeedSequence().generate_state(1)[0])


def fewer_steps(steps: object, available: int) -> int | None:
    """`steps` if below `available`, the batches of a pass; else None, with a warning if above."""
    if steps is None:
        return None
    steps = integer(steps, "steps")
    if steps > available:
        warn(
            explain(
                f"An epoch has {available} batches, not the {steps} steps asked for: "
                "the data hold no more.",
                fix="steps_per_epoch=None",
            )
        )
    return steps if steps < available else None


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Uninitialised memory for an array that starts at a multiple of 64 bytes."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    raw = np.empty(size + ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


def _fit_device(leaves: list[Any]) -> bool:
    """Whether arrays take at most half of what is free on the device they would be put on."""
    size = sum(leaf.nbytes for leaf in leaves if not isinstance(leaf, jax.Array))
    if size < 64 << 20:
        return True
    memory = jax.local_devices()[0].memory_stats() or {}
    limit = memory.get("bytes_limit")
    return size <= (LARGE if limit is None else (limit - memory.get("bytes_in_use", 0)) // 2)


def _host_view(leaf: Tensor) -> Any:
    """A jax array in host memory as numpy, without a copy; everything else as it is."""
    if isinstance(leaf, jax.Array) and all(d.platform == "cpu" for d in leaf.devices()):
        return np.asarray(leaf)
    return leaf
