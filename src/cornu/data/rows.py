"""Arrays that are never whole in memory: rows are read when a batch needs them.

    what                    rows(...)                     in memory
    SparseRows              a few rows made dense          the nonzero numbers
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

LET_GO_AFTER = 32 << 20  # bytes read
PAGES_AROUND = 64 << 10  # bytes that the kernel maps around each place that is read


class Rows:
    """Something like an array, of which rows can be read.

    Attributes:
        shape: `(samples, ...)`.
        dtype: of the rows.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, rows: Any, out: np.ndarray) -> None:
        """Write the rows, given by a slice or by numbers, into an array."""
        raise NotImplementedError

    def some(self, count: int) -> np.ndarray:
        """At most `count` rows, evenly spread."""
        rows = np.arange(0, len(self), -(-len(self) // count))
        out = np.empty((len(rows), *self.shape[1:]), self.dtype)
        self.read(rows, out)
        return out


class SparseRows(Rows):
    """A scipy sparse matrix or array, dense row by row.

    Args:
        matrix: of two axes, in any sparse format.
        dtype: what its numbers become.

    Example:

        >>> import scipy.sparse
        >>> rows = SparseRows(scipy.sparse.eye(3), "float32")
        >>> rows.some(2).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """

    def __init__(self, matrix: Any, dtype: Any) -> None:
        self._matrix = matrix.tocsr().astype(dtype)
        self.shape = tuple(matrix.shape)
        self.dtype = np.dtype(dtype)

    def read(self, rows: Any, out: np.ndarray) -> None:
        out[...] = self._matrix[rows].toarray()


class PickedRows(Rows):
    """Rows of an array that stay where they are, mostly of a memory-mapped file.

    Args:
        array: an array, a mapped file, or other `Rows`.
        rows: their numbers, in any order.
    """

    def __init__(self, array: Any, rows: np.ndarray) -> None:
        self.array = array
        self._rows = rows
        self.shape = (len(rows), *array.shape[1:])
        self.dtype = array.dtype

    def read(self, rows: Any, out: np.ndarray) -> None:
        picked = self._rows[rows]
        if isinstance(self.array, Rows):
            self.array.read(picked, out)
        else:
            out[...] = self.array[picked]


def mapped_file(array: Any) -> mmap.mmap | None:
    """The mapped file that an array, or one that it is a view of, reads from."""
    while isinstance(array, np.ndarray | PickedRows):
        array = array.array if isinstance(array, PickedRows) else array.base
    return array if isinstance(array, mmap.mmap) else None


class Reader:
    """Counts what was read from mapped files, and gives memory back from time to time.

    Args:
        leaves: arrays and rows; those that are no mapped files are left alone.
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


def _row_bytes(leaf: Any) -> int:
    size = int(np.prod(leaf.shape[1:], dtype=np.int64)) * leaf.dtype.itemsize
    return max(size, PAGES_AROUND)


def _is_shared(leaf: Any) -> bool:
    """Whether what is written goes to the file; a private copy (mode "c") would be lost."""
    while isinstance(leaf, np.ndarray | PickedRows):
        if isinstance(leaf, np.memmap) and leaf.mode is not None:
            return leaf.mode != "c"
        leaf = leaf.array if isinstance(leaf, PickedRows) else leaf.base
    return False


def is_lazy(array: Any) -> bool:
    """Whether an array is read from a file or made dense row by row."""
    return isinstance(array, Rows) or mapped_file(array) is not None


def dense(matrix: Any, dtype: Any) -> np.ndarray:
    """A sparse matrix as a numpy array.

    Example:

        >>> import scipy.sparse
        >>> dense(scipy.sparse.eye(2), "int32").tolist()
        [[1, 0], [0, 1]]
    """
    return np.asarray(matrix.toarray()).astype(jnp.dtype(dtype), copy=False)
