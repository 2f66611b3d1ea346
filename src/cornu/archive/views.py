"""Files within files: what shows a part of a file, or all of it changed, as a file of its own."""

import io


class View(io.RawIOBase):
    """A file of a known size, read only; a subclass says what is read.

    Args:
        size: size in bytes.
    """

    def __init__(self, size: int):
        self.size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at
