"""The data in a pickle, without unpickling it.

A pickle is a program for a small machine with a stack. Python's own machine calls whatever the
program names; this one knows only what plain data need, and refuses everything else:

    None, booleans, integers, floats    bytes, text
    lists, tuples, dicts                back references to what came before
    numpy arrays                        of numbers, booleans and objects of these kinds

No name in a pickle is imported. The few that stand for numpy's arrays are looked up in a table,
`CALLS`, whose functions compute values and nothing else. An array is made only of bytes that the
file really holds, so what is read is never much larger than the file.

Integers come in long rows (the words of a review). Whoever wants them as arrays gets them fast:
`re` finds the rows before the program runs, and numpy reads all of them side by side, the first
integer of each row, then the second, and so on.
"""

import math
import re
import struct
from collections.abc import Callable
from typing import Any, Literal, cast

import numpy as np

from cornu.errors import UnsafeFileError, make_error, value_error

MAX_BYTES = 2**30
MAX_DIGITS = 16  # bytes of one integer
MAX_AXES = 32

# Python writes rows of 1000 items at most.
_ROW = re.compile(rb"\((?:K.|M..|J....){8,1000}", re.DOTALL)
_WIDTHS = np.ones(256, np.int64)  # bytes of an instruction and what belongs to it
_WIDTHS[[ord("K"), ord("M"), ord("J")]] = 2, 3, 5
_NUMBERS = re.compile(r"[<>=|]?(?:b1|\?|[iu][1248]|f[248])")


class Row(np.ndarray):
    """Integers that stand one after the other in a list, `(count,)` of int64."""


class _Type:
    """A dtype under construction: its letters, then its byte order."""

    def __init__(self, letters: str) -> None:
        self.letters = letters


class _Array:
    """An array under construction: nothing, until its state is set."""

    value: np.ndarray | None = None


class _Arguments(tuple[Any, ...]):
    """A tuple of what is no data: arguments of a call, the state of an array."""


# What data are made of.
PLAIN = {type(None), bool, int, float, bytes, str, list, tuple, dict, np.ndarray, Row}


def read_pickle(data: bytes, what: str = "the pickle", *, rows: bool = False) -> Any:
    """The object that a pickle stands for, if it is plain data and arrays.

    Args:
        data: pickle of protocol 2 to 5. What comes after its end is ignored.
        what: name of the data in messages.
        rows: whether integers in lists may come as items of the kind `Row`, where there are many.

    Returns:
        Nested lists, tuples and dicts of None, booleans, numbers, bytes, text and arrays. Strings
        of Python 2 are bytes.

    Raises:
        UnsafeFileError: it calls or names something else, or is too large.
        ValueError: it is damaged.

    Example:

        >>> import pickle
        >>> read_pickle(pickle.dumps({"labels": [3, 8], "data": np.arange(2)}))
        {'labels': [3, 8], 'data': array([0, 1])}
    """
    if len(data) > MAX_BYTES:
        raise _refused(what, f"has more than {MAX_BYTES:,} bytes")
    machine = _Machine(data, what, _rows_of_integers(data) if rows else {})
    try:
        value = machine.run()
        _check(value)
        return value
    except UnsafeFileError:
        raise
    except (IndexError, KeyError, ValueError, TypeError, struct.error, OverflowError) as error:
        raise value_error(
            f"{_capital(what)} is damaged, or no pickle of data.",
            detail=f"byte {machine.at:,}: {type(error).__name__}",
        ) from error


def _rows_of_integers(data: bytes) -> dict[int, tuple[Row, int]]:
    """Rows of integers by where they begin, and where they end.

    What looks like one may be the content of an array; there the program never comes by.
    """
    spans = [found.span() for found in _ROW.finditer(data)]
    if not spans:
        return {}
    letters = np.frombuffer(data, np.uint8)
    starts, ends = np.array(spans).T
    starts += 1  # behind the mark
    row, at = np.arange(len(spans)), starts
    places, lengths = [], np.zeros(len(spans), np.int64)
    while len(row):  # one more integer of every row that is not at its end
        places.append((row, at))
        lengths[row] += 1
        at = at + _WIDTHS[letters[at]]
        inside = at < ends[row]
        row, at = row[inside], at[inside]
    stops = np.cumsum(lengths)
    where = np.empty(int(stops[-1]), np.int64)
    for step, (row, at) in enumerate(places):
        where[stops[row] - lengths[row] + step] = at
    integers = cast(Row, _integers(letters, where).view(Row))
    parts = zip(starts.tolist(), ends.tolist(), stops - lengths, stops, strict=True)
    return {start: (cast(Row, integers[first:stop]), end) for start, end, first, stop in parts}


def _integers(letters: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The integers whose instructions stand at some places."""
    values = letters[at + 1].astype(np.int64)
    code = letters[at]
    two, four = at[code == ord("M")], at[code == ord("J")]
    values[code == ord("M")] += letters[two + 2].astype(np.int64) << 8
    bytes_of_four = np.stack([letters[four + k] for k in range(1, 5)], axis=-1)  # (count, 4)
    values[code == ord("J")] = bytes_of_four.view("<i4")[:, 0]
    return values


class _Machine:
    """The stack, the memory for back references, and where the program stands."""

    def __init__(self, data: bytes, what: str, rows: dict[int, tuple[Row, int]]) -> None:
        self.data, self.what, self.at = data, what, 0
        self.stack: list[Any] = []
        self.marks: list[int] = []  # heights of the stack; what is above one belongs together
        self.memory: dict[int, Any] = {}
        self.rows = rows

    def run(self) -> Any:
        """Run the program to its end; returns what is on the stack then."""
        data, stack = self.data, self.stack
        while True:
            row = self.rows.get(self.at)
            if row is not None:
                stack.append(row[0])
                self.at = row[1]
            code = data[self.at]
            self.at += 1
            if code == ord("."):
                return stack.pop()
            step = STEPS.get(code)
            if step is None:
                raise _refused(self.what, f"has the instruction {bytes([code])!r}")
            step(self)

    # ---- pieces of the program ---------------------------------------------------------------

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self.at + size
        if end > len(self.data):
            raise IndexError
        piece = self.data[self.at : end]
        self.at = end
        return piece

    def number(self, form: str) -> int:
        """The next number, in a form of `struct`."""
        value: int = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        return value

    def line(self) -> str:
        """The text up to the end of the line."""
        end = self.data.index(b"\n", self.at)
        text = self.take(end - self.at).decode("ascii")
        self.at += 1
        return text

    def above_mark(self) -> list[Any]:
        """What is on the stack above the last mark, which goes too."""
        height = self.marks.pop()
        items = self.stack[height:]
        del self.stack[height:]
        return items

    def pop(self) -> Any:
        """The topmost object, if there is one above the last mark."""
        if self.marks and self.marks[-1] >= len(self.stack):
            raise IndexError
        return self.stack.pop()

    def pops(self, count: int) -> list[Any]:
        """The topmost objects, in the order in which they came."""
        return [self.pop() for _ in range(count)][::-1]

    # ---- what is more than a line --------------------------------------------------------------

    def join(self, items: list[Any]) -> None:
        """Put a tuple of the items on the stack."""
        plain = PLAIN.issuperset(map(type, items))
        self.stack.append(tuple(items) if plain else _Arguments(items))

    def append(self, items: list[Any]) -> None:
        """Add items to the list below them."""
        target = self.stack[-1]
        _check(*items)
        if type(target) is not list:
            raise TypeError
        target.extend(items)

    def set_items(self, items: list[Any]) -> None:
        """Add pairs to the dict below them."""
        target = self.stack[-1]
        _check(*items)
        if type(target) is not dict:
            raise TypeError
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) not in (str, bytes, int):
                raise TypeError
            target[key] = value

    def name(self, module: str, name: str) -> None:
        """Put a name of the table on the stack."""
        if (module, name) not in CALLS:
            raise _refused(self.what, f"names {module[:60]}.{name[:60]}")
        self.stack.append(CALLS[module, name])

    def call(self) -> None:
        """Call a function of the table."""
        arguments, function = self.pop(), self.pop()
        if not callable(function) or not isinstance(arguments, tuple):
            raise TypeError
        self.stack.append(function(self, *arguments))

    def build(self) -> None:
        """Set the state of what is below it."""
        state, target = self.pop(), self.stack[-1]
        if not isinstance(state, tuple) or not isinstance(target, (_Type, _Array)):
            raise TypeError
        if isinstance(target, _Type):
            target.letters = _text(state[1]) + target.letters.lstrip("<>=|")
        else:
            target.value = self.stack[-1] = self._array(*state)

    def _dtype(self, described: _Type) -> np.dtype | None:
        """The dtype; None for objects."""
        letters = described.letters
        if letters.strip("<>=|") in ("O", "O4", "O8"):
            return None
        if not _NUMBERS.fullmatch(letters):
            raise _refused(self.what, f"has an array of the type {letters[:40]!r}")
        return np.dtype(letters)

    def _array(
        self, version: int, shape: tuple[int, ...], kind: _Type, fortran: bool, content: Any
    ) -> np.ndarray:
        sizes_are_right = type(shape) is tuple and len(shape) <= MAX_AXES
        if not sizes_are_right or not all(type(n) is int and n >= 0 for n in shape):
            raise TypeError
        if not isinstance(kind, _Type) or type(fortran) is not bool:
            raise TypeError
        dtype, count = self._dtype(kind), math.prod(shape)
        order: Literal["F", "C"] = "F" if fortran else "C"
        if dtype is not None:
            if type(content) is not bytes or len(content) != count * dtype.itemsize:
                raise TypeError
            return np.frombuffer(bytearray(content), dtype).reshape(shape, order=order)
        if type(content) is not list or len(content) != count:
            raise TypeError
        array = np.empty(count, object)
        for k, item in enumerate(content):
            array[k] = item
        return array.reshape(shape, order=order)


def _check(*values: object) -> None:
    """Raise TypeError unless all values are data."""
    if not PLAIN.issuperset(map(type, values)):
        raise TypeError


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("ascii")
    if type(value) is not str:
        raise TypeError
    return value


# ---- what may be called ------------------------------------------------------------------------


def _class(machine: _Machine, *arguments: object) -> Any:
    raise _refused(machine.what, "makes an array from nothing")


def _reconstruct(machine: _Machine, kind: object, *_: object) -> _Array:
    if kind is not _class:
        raise _refused(machine.what, "makes a subclass of an array")
    return _Array()


def _make_dtype(machine: _Machine, letters: object, *_: object) -> _Type:
    return _Type(_text(letters))


def _encode(machine: _Machine, text: object, encoding: object) -> bytes:
    """How Python 3 writes bytes for Python 2."""
    if type(text) is not str or encoding not in ("latin1", b"latin1"):
        raise TypeError
    return text.encode("latin1")


CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _class,
    ("numpy", "dtype"): _make_dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("_codecs", "encode"): _encode,
}


# ---- the instructions --------------------------------------------------------------------------


def _push(read: Callable[[_Machine], Any]) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(read(machine))


def _put(form: str) -> Callable[[_Machine], None]:
    def put(machine: _Machine) -> None:
        machine.memory[machine.number(form)] = machine.stack[-1]

    return put


def _memoize(machine: _Machine) -> None:
    machine.memory[len(machine.memory)] = machine.stack[-1]


def _get(form: str) -> Callable[[_Machine], None]:
    def get(machine: _Machine) -> Any:
        value = machine.memory[machine.number(form)]
        is_built = isinstance(value, _Array) and value.value is not None
        return value.value if is_built else value

    return _push(get)


def _string(form: str) -> Callable[[_Machine], None]:
    return _push(lambda machine: machine.take(machine.number(form)))


def _unicode(form: str) -> Callable[[_Machine], None]:
    return _push(lambda machine: machine.take(machine.number(form)).decode("utf-8"))


def _long(machine: _Machine) -> int:
    size = machine.number("B")
    if size > MAX_DIGITS:
        raise _refused(machine.what, f"has an integer of {size} bytes")
    return int.from_bytes(machine.take(size), "little", signed=True)


def _protocol(machine: _Machine) -> None:
    if not 2 <= machine.number("B") <= 5:
        raise ValueError


def _frame(machine: _Machine) -> None:
    machine.number("<Q")  # a size, for those who read from a stream


def _stack_name(machine: _Machine) -> None:
    name, module = machine.pop(), machine.pop()
    machine.name(_text(module), _text(name))


def _many(method: Callable[[_Machine, list[Any]], None]) -> Callable[[_Machine], None]:
    return lambda machine: method(machine, machine.above_mark())


# By the byte that stands for it. `pickletools` describes them all.
STEPS: dict[int, Callable[[_Machine], None]] = {
    0x80: _protocol,
    0x95: _frame,
    ord("("): lambda machine: machine.marks.append(len(machine.stack)),
    ord("K"): _push(lambda machine: machine.number("B")),
    ord("M"): _push(lambda machine: machine.number("<H")),
    ord("J"): _push(lambda machine: machine.number("<i")),
    ord("N"): _push(lambda machine: None),
    0x88: _push(lambda machine: True),
    0x89: _push(lambda machine: False),
    0x8A: _push(_long),
    ord("G"): _push(lambda machine: machine.number(">d")),
    ord("U"): _string("B"),  # Python 2
    ord("T"): _string("<I"),
    ord("C"): _string("B"),
    ord("B"): _string("<I"),
    0x8E: _string("<Q"),
    0x8C: _unicode("B"),
    ord("X"): _unicode("<I"),
    0x8D: _unicode("<Q"),
    ord("]"): _push(lambda machine: []),
    ord("a"): lambda machine: machine.append(machine.pops(1)),
    ord("e"): _many(_Machine.append),
    ord("}"): _push(lambda machine: {}),
    ord("s"): lambda machine: machine.set_items(machine.pops(2)),
    ord("u"): _many(_Machine.set_items),
    ord(")"): _push(lambda machine: ()),
    0x85: lambda machine: machine.join(machine.pops(1)),
    0x86: lambda machine: machine.join(machine.pops(2)),
    0x87: lambda machine: machine.join(machine.pops(3)),
    ord("t"): _many(_Machine.join),
    ord("q"): _put("B"),
    ord("r"): _put("<I"),
    0x94: _memoize,
    ord("h"): _get("B"),
    ord("j"): _get("<I"),
    ord("c"): lambda machine: machine.name(machine.line(), machine.line()),
    0x93: _stack_name,
    ord("R"): _Machine.call,
    ord("b"): _Machine.build,
}


def _refused(what: str, why: str) -> UnsafeFileError:
    return make_error(
        UnsafeFileError,
        f"{_capital(what)} {why}, which plain data do not.",
        fix="do not use this file; get it again from its source.",
    )


def _capital(what: str) -> str:
    return what[:1].upper() + what[1:]
