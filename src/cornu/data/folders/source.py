"""Files as a source of elements by index: each is read and decoded when it is asked for."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cornu.data.arrays import aligned_empty
from cornu.data.decode.faults import Faults
from cornu.data.folders.scan import fingerprint
from cornu.data.skip import SkipElement


class FileSource:
    """Decoded files, with labels.

    Args:
        paths: path of each file.
        targets: label of each, `(n, ...)`, or None for files alone.
        decode: function from the bytes of a file to an element.
        faults: what to do with files that cannot be read.
        stack: function from a list of elements to a batch, for those that differ in shape;
            `numpy.stack` if None.
        dtype: dtype of the arrays; None for elements that are no numbers.
        shape: shape of every element, where it is known; a batch is then decoded in place.

    Example:

        >>> source = FileSource([__file__], None, len, Faults("raise", "a number"), dtype="int64")
        >>> int(source[0]) > 100
        True
    """

    work = "decoding"

    def __init__(
        self,
        paths: Sequence[str],
        targets: np.ndarray | None,
        decode: Callable[[bytes], Any],
        faults: Faults,
        *,
        stack: Callable[[list[Any]], Any] | None = None,
        dtype: str | None = "float32",
        shape: tuple[int, ...] | None = None,
    ) -> None:
        self.paths, self.targets = list(paths), targets
        self.faults = faults
        self._decode, self._stack = decode, stack
        self._dtype, self._shape = dtype, shape

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Any:
        """The decoded file, or a tuple of it and its label.

        Raises:
            UnreadableFileError, SkipElement: the file cannot be read; see `Faults`.
        """
        element = self.faults.read(self.paths[index], self._decode)
        if self._dtype is not None:
            element = np.asarray(element, self._dtype)
        return element if self.targets is None else (element, self.targets[index])

    def gather(self, indices: Sequence[int]) -> Any:
        """The batch of these elements, in this order, without those that are skipped.

        Raises:
            SkipElement: all of them are.
        """
        kept: list[int] = []
        elements: list[Any] = []
        whole = None
        if self._shape is not None and self._dtype is not None:
            whole = aligned_empty((len(indices), *self._shape), np.dtype(self._dtype))
        for index in map(int, indices):
            try:
                element = self.faults.read(self.paths[index], self._decode)
            except SkipElement:
                continue
            if whole is not None:
                whole[len(kept)] = element
            else:
                elements.append(element)
            kept.append(index)
        if not kept:
            raise SkipElement("none of the batch can be read")
        if whole is not None:
            batch = whole[: len(kept)]
        else:
            batch = (self._stack or np.stack)(elements)
        return batch if self.targets is None else (batch, self.targets[kept])

    def batch_of(self, elements: Sequence[Any]) -> Any:
        """Elements of this source as a batch."""
        if self.targets is None:
            return (self._stack or np.stack)(list(elements))
        files, targets = zip(*elements, strict=True)
        return (self._stack or np.stack)(list(files)), np.stack(targets)

    def fingerprint(self) -> str:
        """A digest of the files, which changes with each of them."""
        return fingerprint(self.paths)
