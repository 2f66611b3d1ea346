"""Arrays by name in `.safetensors` files.

    8 bytes    length of the header, little-endian
    header     JSON: {"h1/kernel": {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 48]},
                      ..., "__metadata__": {"text": "text"}}, filled with spaces to 8 bytes
    data       the arrays one after another, row by row, little-endian

The format has no code, no links and no compression, so little can hide in it. What is checked: the
size of the header, its nesting and number of entries (by `safejson`), that each array has exactly
the bytes that its shape takes, and that the arrays fill the file without holes or overlaps.
"""

import json
import math
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, BinaryIO

import jax.numpy as jnp
import numpy as np

from cornu import budget
from cornu.archive.atomic import atomic_write
from cornu.archive.regular import open_regular
from cornu.archive.safeh5 import Source, Spec, fits
from cornu.archive.safejson import parse
from cornu.errors import NoSuchNameError, UnsafeFileError, did_you_mean, make_error, value_error
from cornu.numeric import is_integer
from cornu.types import DType

MAX_HEADER = 64 * 2**20
MAX_ARRAYS = 50_000
_LENGTH = 8
_METADATA = "__metadata__"

_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
_CODES = {name: code for code, name in _DTYPES.items()}


class SafetensorsReader:
    """Reads a `.safetensors` file, its header checked as a whole before anything else.

    Args:
        source: path, or seekable binary file that stays open.

    Attributes:
        specs: dict from name to shape and dtype, in the order of the header.
        metadata: dict of texts beside the arrays.

    Raises:
        UnsafeFileError: the header does not account for the file.
        ValueError: the file is not a safetensors file, or is damaged.

    Example:

        >>> import io
        >>> file = io.BytesIO()
        >>> write_safetensors(file, {"h1/bias": np.ones(3, "float32")}, {"by": "me"})
        >>> with SafetensorsReader(file) as reader:
        ...     reader.specs, reader.metadata, reader.read("h1/bias", (3,), "float32").tolist()
        ({'h1/bias': ((3,), dtype('float32'))}, {'by': 'me'}, [1.0, 1.0, 1.0])
    """

    def __init__(self, source: Source) -> None:
        self._stack = ExitStack()
        self._file: BinaryIO
        if isinstance(source, (str, os.PathLike)):
            self.label = f"The file {os.fspath(source)!r}"
            self._file = open_regular(source, self.label)
            self._stack.callback(self._file.close)
        else:
            self.label, self._file = "The file", source
        try:
            self._read_header()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "SafetensorsReader":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, if it was opened here."""
        self._stack.close()

    def read(self, name: str, shape: tuple[int, ...], dtype: DType) -> np.ndarray:
        """One array, which must have this shape and this kind of dtype.

        Raises:
            KeyError: there is no such array.
            ValueError: shape or kind differ, or an integer does not fit.
        """
        if name not in self.specs:
            raise make_error(
                NoSuchNameError,
                f"{self.label} has no array {name!r}.",
                fix=did_you_mean(name, self.specs),
            )
        (stored_shape, stored), wanted = self.specs[name], jnp.dtype(dtype)
        if stored_shape != tuple(shape) or not fits(stored, wanted):
            raise value_error(
                f"{self.label} has another array at {name!r} than expected.",
                expected=f"{tuple(shape)} {wanted.name}",
                found=f"{stored_shape} {stored.name}",
            )
        raw = np.empty(stored_shape, stored)
        self._file.seek(self._start + self._offsets[name])
        view = raw.reshape(-1).view(np.uint8).data
        done = self._file.readinto(view) if raw.nbytes else 0  # type: ignore[attr-defined]
        if done != raw.nbytes:
            raise self._damaged("it ends too early")
        if sys.byteorder == "big":
            raw = raw.byteswap()
        with np.errstate(over="ignore"):
            made = raw.astype(wanted, copy=False)
        if is_integer(wanted) and not np.array_equal(made, raw):
            raise value_error(
                f"{self.label} has integers at {name!r} beyond the range of {wanted.name}."
            )
        return made

    def _read_header(self) -> None:
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(0)
        length = int.from_bytes(self._file.read(_LENGTH), "little")
        if size < _LENGTH + 2 or length > size - _LENGTH:
            raise self._damaged(f"a header of {length} bytes in a file of {size} bytes")
        if length > MAX_HEADER:
            raise make_error(
                UnsafeFileError,
                f"{self.label} has a header that is too large.",
                header=f"{length} bytes",
                limit=f"{MAX_HEADER} bytes",
            )
        budget.of(self.label).grow(size)
        what = f"The header of {self.label[:1].lower()}{self.label[1:]}"
        header = parse(self._file.read(length), what=what, max_nodes=16 * MAX_ARRAYS)
        if not isinstance(header, dict):
            raise self._damaged("its header is not an object")
        if len(header) > MAX_ARRAYS:
            raise make_error(
                UnsafeFileError,
                f"{self.label} has too many arrays.",
                arrays=len(header),
                limit=MAX_ARRAYS,
            )
        metadata = header.pop(_METADATA, None)
        texts = metadata.items() if isinstance(metadata, dict) else ()
        self.metadata = {k: v for k, v in texts if isinstance(v, str)}
        self._start = _LENGTH + length
        self.specs: dict[str, Spec] = {}
        self._offsets: dict[str, int] = {}
        ranges = []
        for name, entry in header.items():
            shape, dtype, begin, end = self._entry(name, entry)
            self.specs[name], self._offsets[name] = (shape, dtype), begin
            ranges.append((begin, end))
        at = 0
        for begin, end in sorted(ranges):
            if begin != at:
                raise make_error(
                    UnsafeFileError, f"{self.label} has arrays that overlap or leave holes.", at=at
                )
            at = end
        if at != size - self._start:
            raise self._damaged(f"arrays of {at} bytes, data of {size - self._start} bytes")

    def _entry(self, name: str, entry: object) -> tuple[tuple[int, ...], np.dtype, int, int]:
        values: dict[str, Any] = entry if isinstance(entry, dict) else {}
        shape: Any = values.get("shape")
        offsets: Any = values.get("data_offsets")
        code = values.get("dtype")
        are_lists = isinstance(shape, list) and isinstance(offsets, list)
        if (
            not are_lists
            or len(offsets) != 2
            or not all(type(n) is int and n >= 0 for n in [*shape, *offsets])
            or not isinstance(code, str)
            or code not in _DTYPES
        ):
            raise value_error(
                f"{self.label} has an unknown description of the array {name[:80]!r}.",
                entry=str(entry)[:200],
            )
        dtype = jnp.dtype(_DTYPES[code])
        if offsets[1] - offsets[0] != math.prod(shape) * dtype.itemsize:
            raise make_error(
                UnsafeFileError,
                f"{self.label} has a wrong number of bytes for {name[:80]!r}.",
                array=f"{tuple(shape)} {dtype.name}",
                bytes=offsets[1] - offsets[0],
            )
        return tuple(shape), dtype, offsets[0], offsets[1]

    def _damaged(self, detail: str) -> ValueError:
        return value_error(
            f"{self.label} is not a safetensors file, or it is damaged.",
            detail=detail,
            fix="get it again from its source.",
        )


def write_safetensors(
    target: str | os.PathLike[str] | BinaryIO,
    arrays: Mapping[str, Any],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write arrays by name; the same arrays give the same bytes.

    Large dtypes come first and equal ones by name, so that every array is aligned.

    Args:
        target: path, which is replaced atomically, or binary file.
        arrays: dict from name to array.
        metadata: dict of texts beside the arrays.

    Raises:
        ValueError: the format does not support the dtype of an array.
    """
    ordered = sorted(arrays.items(), key=lambda item: (-jnp.dtype(item[1].dtype).itemsize, item[0]))
    header: dict[str, Any] = {_METADATA: dict(metadata)} if metadata else {}
    at = 0
    for name, array in ordered:
        dtype = jnp.dtype(array.dtype)
        if dtype.name not in _CODES or name == _METADATA:
            raise value_error(
                f"A safetensors file does not support the dtype of {name!r}.",
                dtype=dtype.name,
                known=", ".join(_CODES),
            )
        size = math.prod(array.shape) * dtype.itemsize
        offsets = [at, at + size]
        header[name] = {
            "dtype": _CODES[dtype.name], "shape": list(array.shape), "data_offsets": offsets,
        }  # fmt: skip
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH)
    with ExitStack() as stack:
        file: Any = target
        if isinstance(target, (str, os.PathLike)):
            file = stack.enter_context(stack.enter_context(atomic_write(target)).open("wb"))
        file.write(len(text).to_bytes(_LENGTH, "little"))
        file.write(text)
        for _, array in ordered:
            values = np.ascontiguousarray(np.asarray(array))
            if sys.byteorder == "big":
                values = values.byteswap()
            file.write(values.reshape(-1).view(np.uint8).data)
