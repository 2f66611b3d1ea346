"""Arrays that are never whole in memory: rows are read when a batch needs them.

    what                    rows(...)                     in memory
    SparseRows              a sparse array of a few rows   the nonzero numbers
    PickedRows              rows of rows of a file         the numbers of the rows
    a memory-mapped file    numpy reads them itself        what was read lately, see `let_go`

The kernel counts the pages of a mapped file that were read as memory of the process until they
are needed elsewhere. `let_go` gives them back after a while, so that reading a file larger than
the memory leaves the rest of the machine alone. What was written to the file is safe.
"""

import mmap
from typing import Any

import jax.numpy as jnp
import numpy as np

from cornu import bcoo
from cornu.types import DType, Tensor

LET_GO_AFTER = 32 << 20  # bytes read
MOST_LOOKED_AT = 4 << 20  # numbers of sparse rows that are made dense to look at them
PAGES_AROUND = 64 << 10  # bytes that the kernel maps around each place that is read


class Rows:
    """Something like an array, of which rows can be read.

    Attributes:
        shape: `(samples, ...)`.
        dtype: dtype of the rows.
        is_sparse: whether `take` returns a sparse array of JAX.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_sparse = False

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, rows: Tensor, out: np.ndarray) -> None:
        """Write the rows, given by a slice or by numbers, into an array."""
        raise NotImplementedError

    def take(self, rows: Tensor) -> Any:
        """The rows as a sparse array of JAX, where `is_sparse`."""
        raise NotImplementedError

    def some(self, count: int) -> np.ndarray:
        """At most `count` rows, evenly spread."""
        rows = np.arange(0, len(self), -(-len(self) // count))
        out = np.empty((len(rows), *self.shape[1:]), self.dtype)
        self.read(rows, out)
        return out


class SparseRows(Rows):
    """A sparse array, whose batches are sparse arrays of JAX.

        row i has the values[starts[i]:starts[i + 1]], at these places along the further axes

    Batches hold a power of two of values, filled up with zeros that stand outside: a program is
    compiled for each number of values.

    Args:
        values: `(count, ...)`, in the order of their rows.
        places: indices `(count, axes)` along the further axes.
        starts: start of each row in `values`, `(samples + 1,)`.
        shape: shape of the array.

    Example:

        >>> import scipy.sparse
        >>> rows = SparseRows.of_scipy(scipy.sparse.eye(3), "float32")
        >>> rows.take(slice(1, 3))
        BCOO(float32[2, 3], nse=2)
        >>> rows.some(2).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """

    is_sparse = True

    def __init__(self, values: Any, places: Any, starts: Any, shape: tuple[int, ...]) -> None:
        self._values, self._places, self._starts = values, places, starts
        self.shape = shape
        self.dtype = values.dtype

    @classmethod
    def of_scipy(cls, matrix: Any, dtype: DType) -> "SparseRows":
        """The rows of a scipy matrix of two axes, in any sparse format."""
        csr = matrix.tocsr().astype(dtype, copy=False)
        if not csr.has_canonical_format:  # the user's own stays as it is
            csr = csr.copy()
            csr.sum_duplicates()
        return cls(csr.data, csr.indices[:, None], csr.indptr, tuple(matrix.shape))

    @classmethod
    def of_jax(cls, array: Tensor, dtype: DType) -> "SparseRows":
        """The rows of a sparse array of JAX with one axis or more."""
        from jax.experimental import sparse

        array = array if bcoo.is_bcoo(array) else sparse.BCOO.fromdense(array.todense())
        n_dense = min(array.n_dense, array.ndim - 1)
        array = bcoo.with_layout(array, 0, n_dense)
        values, places = np.asarray(array.data), np.asarray(array.indices)
        inside = (places < np.array(array.shape[: places.shape[1]])).all(1)  # else it is padding
        values, places = values[inside], places[inside]
        order = np.lexsort(places.T[::-1])
        values, places = values[order], places[order]
        new = np.flatnonzero(np.r_[True, (places[1:] != places[:-1]).any(1)][: len(places)])
        if len(new) < len(places):
            total = np.logical_or if values.dtype == bool else np.add
            values, places = total.reduceat(values, new).astype(values.dtype), places[new]
        starts = np.searchsorted(places[:, 0], np.arange(array.shape[0] + 1))
        return cls(values.astype(dtype), places[:, 1:], starts, tuple(array.shape))

    def take(self, rows: Tensor) -> Any:
        """The rows, given by a slice or by numbers, as a sparse array of JAX."""
        values, places, count = self._of(rows)
        size = 1 << max(len(values) - 1, 0).bit_length()
        shape = (count, *self.shape[1:])
        filled = np.zeros((size, *values.shape[1:]), values.dtype)
        filled[: len(values)] = values
        outside = np.array(shape[: places.shape[1]])
        all_places = np.empty((size, places.shape[1]), "int32")
        all_places[: len(values)], all_places[len(values) :] = places, outside
        return bcoo.coordinates(filled, all_places, shape, unique=True)

    def read(self, rows: Tensor, out: np.ndarray) -> None:
        values, places, _ = self._of(rows)
        out[...] = 0
        out[tuple(places.T)] = values

    def some(self, count: int) -> np.ndarray:
        wide = max(int(np.prod(self.shape[1:])), 1)
        return super().some(max(min(count, MOST_LOOKED_AT // wide), 1))

    def _of(self, rows: Tensor) -> tuple[np.ndarray, np.ndarray, int]:
        """Values of the rows, their places in an array of these rows alone, and how many rows."""
        numbers = np.arange(len(self))[rows] if isinstance(rows, slice) else np.asarray(rows)
        counts = self._starts[numbers + 1] - self._starts[numbers]
        ends = np.cumsum(counts)
        row = np.repeat(np.arange(len(numbers)), counts)
        chosen = self._starts[numbers][row] + np.arange(len(row)) - (ends - counts)[row]
        places = np.column_stack([row, self._places[chosen]])
        return self._values[chosen], places, len(numbers)


class PickedRows(Rows):
    """Rows of an array that stay where they are, mostly of a memory-mapped file.

    Args:
        array: an array, a mapped file, or other `Rows`.
        rows: indices of the rows, in any order.
    """

    def __init__(self, array: Tensor, rows: np.ndarray) -> None:
        self.array = array
        self._rows = rows
        self.shape = (len(rows), *array.shape[1:])
        self.dtype = array.dtype
        self.is_sparse = getattr(array, "is_sparse", False)

    def take(self, rows: Tensor) -> Any:
        return self.array.take(self._rows[rows])

    def read(self, rows: Tensor, out: np.ndarray) -> None:
        picked = self._rows[rows]
        if isinstance(self.array, Rows):
            self.array.read(picked, out)
        else:
            out[...] = self.array[picked]


def mapped_file(array: Tensor) -> mmap.mmap | None:
    """The mapped file that an array, or one that it is a view of, reads from."""
    while isinstance(array, np.ndarray | PickedRows):
        array = array.array if isinstance(array, PickedRows) else array.base
    return array if isinstance(array, mmap.mmap) else None


class Reader:
    """Counts what was read from mapped files, and gives memory back from time to time.

    Args:
        leaves: arrays and rows; only memory-mapped ones matter.
    """

    def __init__(self, leaves: list[Any]) -> None:
        self._files = [
            (file, _row_bytes(leaf))
            for leaf in leaves
            if (file := mapped_file(leaf)) is not None and _is_shared(leaf)
        ]
        self._read = [LET_GO_AFTER] * len(self._files)  # somebody may have looked at them before

    def let_go(self, rows: int) -> None:
        """Told after each batch how many rows it had."""
        for i, (file, size) in enumerate(self._files):
            self._read[i] += rows * size
            if self._read[i] > LET_GO_AFTER and hasattr(mmap, "MADV_DONTNEED"):
                file.madvise(mmap.MADV_DONTNEED)
                self._read[i] = 0


def _row_bytes(leaf: Tensor) -> int:
    size = int(np.prod(leaf.shape[1:], dtype=np.int64)) * leaf.dtype.itemsize
    return max(size, PAGES_AROUND)


def _is_shared(leaf: Tensor) -> bool:
    """Whether what is written goes to the file; a private copy (mode "c") would be lost."""
    while isinstance(leaf, np.ndarray | PickedRows):
        if isinstance(leaf, np.memmap) and leaf.mode is not None:
            return leaf.mode != "c"
        leaf = leaf.array if isinstance(leaf, PickedRows) else leaf.base
    return False


def is_lazy(array: object) -> bool:
    """Whether an array is read from a file, or its rows are put together when they are needed."""
    return isinstance(array, Rows) or mapped_file(array) is not None


def dense(matrix: Any, dtype: DType | None) -> np.ndarray:
    """A sparse matrix of scipy or JAX as a numpy array.

    Example:

        >>> import scipy.sparse
        >>> dense(scipy.sparse.eye(2), "int32").tolist()
        [[1, 0], [0, 1]]
    """
    whole = bcoo.dense(matrix) if bcoo.is_sparse(matrix) else matrix.toarray()
    return np.asarray(whole).astype(jnp.dtype(dtype), copy=False)
