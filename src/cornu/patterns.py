"""Regular expressions in time that is linear in the text, for patterns that may come from a file.

Python's `re` tries one way after another, so that "(a+)+$" takes ever on "aaaa...!". Here all ways
are followed at once (Thompson 1968): a pattern becomes a graph of states, and a text is read once
with the set of states it may be in. What that cannot do (references back, looking around, flags) is
left to `re` in a user's own program, and refused where a pattern comes from a file.

    letters, ., [a-z], [^/], \\d \\w \\s \\D \\W \\S \\b, ^, $, (...), (?:...), |, *, +, ?, {2,5}
"""

import functools
import re
from collections.abc import Callable, Iterable

from cornu import budget
from cornu.errors import explain, value_error

MAX_STATES = 5_000  # of a pattern with all its repetitions written out

_STATES = 8  # that a letter is tried on, for a unit of work

_Test = Callable[[str], bool]
_CLASSES: dict[str, _Test] = {
    "d": str.isdecimal,
    "s": str.isspace,
    "w": lambda c: c.isalnum() or c == "_",
}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_SETS = ("--", "&&", "~~", "||")  # reserved by Python within square brackets
_COUNTS = re.compile(r"\{(\d*)(,?)(\d*)\}")


class NotLinearError(ValueError):
    """A pattern that is not followed here, or no pattern at all."""


def fits(pattern: str, text: str) -> bool:
    """Whether a pattern fits a whole text, as `re.fullmatch` says.

    Example:

        >>> fits("encoder/.*", "encoder/dense"), fits("(a+)+", "a" * 50 + "!")
        (True, False)
    """
    return _matcher(pattern)(text, whole=True)


def found(pattern: str, text: str) -> bool:
    """Whether a pattern fits somewhere in a text, as `re.search` says.

    Example:

        >>> found("bias|norm", "block/layer_norm/scale")
        True
    """
    return _matcher(pattern)(text, whole=False)


def require_linear(pattern: str) -> None:
    """Refuse what is no pattern, or one that could take ever.

    Raises:
        ValueError: it says where.
    """
    _compiled(pattern)


@functools.lru_cache(maxsize=512)
def _matcher(pattern: str) -> Callable[..., bool]:
    try:
        return _compiled(pattern)
    except NotLinearError:
        try:
            own = re.compile(pattern)
        except re.error as error:
            raise value_error(f"{pattern!r} is not a regular expression.", error=error) from None
        return lambda text, whole: bool((own.fullmatch if whole else own.search)(text))


class _State:
    """A place in a pattern: a test of the next letter, a test of the place, or a fork."""

    __slots__ = ("after", "at", "test")

    def __init__(self) -> None:
        self.test: _Test | None = None  # of the next letter, which is then used up
        self.at: Callable[[str, int], bool] | None = None  # of the place in the text
        self.after: list[_State] = []


_Piece = tuple[_State, _State]  # first and last state of a part of a pattern


@functools.lru_cache(maxsize=512)
def _compiled(pattern: str) -> Callable[..., bool]:
    parser = _Parser(pattern)
    start, end = parser.whole()
    budget.spend(parser.count // _STATES)

    def matches(text: str, *, whole: bool) -> bool:
        states: set[_State] = set()
        for i in range(len(text) + 1):
            if i == 0 or not whole:
                states.add(start)
            states = _closed(states, text, i)
            budget.spend(1 + len(states) // _STATES)
            if end in states and (not whole or i == len(text)):
                return True
            if i < len(text):
                letter = text[i]
                states = {
                    s for state in states if state.test and state.test(letter) for s in state.after
                }
                if whole and not states:
                    return False
        return False

    return matches


def _closed(states: Iterable[_State], text: str, i: int) -> set[_State]:
    """With all states that are reached without using up a letter."""
    reached = set(states)
    waiting = list(reached)
    while waiting:
        state = waiting.pop()
        if state.test is None and (state.at is None or state.at(text, i)):
            further = [s for s in state.after if s not in reached]
            reached.update(further)
            waiting += further
    return reached


class _Parser:
    """Reads a pattern from left to right; a method reads one thing and gives its states."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.i, self.count, self.depth = pattern, 0, 0, 0

    def whole(self) -> _Piece:
        piece = self.either()
        if self.i < len(self.pattern):
            raise self.wrong("a bracket that was not opened")
        return piece

    def either(self) -> _Piece:
        pieces = [self.row()]
        while self.peek() == "|":
            self.i += 1
            pieces.append(self.row())
        if len(pieces) == 1:
            return pieces[0]
        start, end = self.state(), self.state()
        for first, last in pieces:
            start.after.append(first)
            last.after.append(end)
        return start, end

    def row(self) -> _Piece:
        start = end = self.state()
        while self.peek() not in ("", "|", ")"):
            first, last = self.repeated()
            end.after.append(first)
            end = last
        return start, end

    def repeated(self) -> _Piece:
        begin = self.i
        piece = self.one()
        stop = self.i
        low, high = self.times()
        if (low, high) == (1, 1):
            return piece
        start = end = self.state()
        for k in range(low if high is None else high):
            first, last = self.again(begin, stop) if k else piece
            end.after.append(first)
            if k >= low:  # this one need not be there, nor any that follows
                behind = self.state()
                end.after.append(behind)
                last.after.append(behind)
                last = behind
            end = last
        if high is None:  # any number of further ones
            first, last = self.again(begin, stop) if low else piece
            loop = self.state()
            end.after.append(loop)
            loop.after.append(first)
            last.after.append(loop)
            end = loop
        return start, end

    def again(self, begin: int, stop: int) -> _Piece:
        """The same part once more, in states of its own."""
        place, self.i = self.i, begin
        piece = self.one()
        assert self.i == stop
        self.i = place
        return piece

    def times(self) -> tuple[int, int | None]:
        sign = self.peek()
        found = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(sign)
        if found is not None:
            self.i += 1
        else:
            counts = _COUNTS.match(self.pattern, self.i)
            if counts is None or not (counts[1] or counts[3]):
                return 1, 1
            self.i = counts.end()
            low = int(counts[1] or 0)
            found = low, (low if not counts[2] else int(counts[3]) if counts[3] else None)
            if found[1] is not None and not low <= found[1] <= MAX_STATES or low > MAX_STATES:
                raise self.wrong("a count out of range")
        if self.peek() == "?":  # as few as possible: the same answer
            self.i += 1
        if self.peek() in ("*", "+", "?") or _COUNTS.match(self.pattern, self.i):
            raise self.wrong("a count of a count")
        return found

    def one(self) -> _Piece:
        letter = self.next()
        if letter == "(":
            return self.group()
        if letter == "[":
            return self.letter(self.choice())
        if letter in "*+?":
            raise self.wrong("a count of nothing")
        if letter == ".":
            return self.letter(lambda c: c != "\n")
        if letter == "^":
            return self.place(lambda text, i: i == 0)
        if letter == "$":
            return self.place(lambda text, i: i == len(text) or text[i:] == "\n")
        if letter == "\\":
            return self.escaped()
        return self.letter(letter.__eq__)

    def group(self) -> _Piece:
        self.depth += 1
        if self.depth > 50:
            raise self.wrong("brackets nested too deeply")
        if self.peek() == "?":
            if self.pattern[self.i : self.i + 2] != "?:":
                raise self.wrong("a bracket of another kind")
            self.i += 2
        piece = self.either()
        if self.next() != ")":
            raise self.wrong("a bracket that is not closed")
        self.depth -= 1
        return piece

    def escaped(self) -> _Piece:
        letter = self.next()
        if letter in "bB":
            return self.place(lambda text, i: _at_border(text, i) == (letter == "b"))
        if letter == "A":
            return self.place(lambda text, i: i == 0)
        if letter == "Z":
            return self.place(lambda text, i: i == len(text))
        return self.letter(self.named(letter))

    def named(self, letter: str) -> _Test:
        """What a letter behind a backslash stands for."""
        known = _CLASSES.get(letter.lower())
        if known is not None:
            return known if letter.islower() else lambda c: not known(c)
        if letter.isalnum() and letter not in _CONTROLS:
            raise self.wrong("an escape of another kind")
        return _CONTROLS.get(letter, letter).__eq__

    def choice(self) -> _Test:
        """The letters in square brackets."""
        negated = self.peek() == "^"
        self.i += negated
        tests: list[_Test] = []
        while self.peek() != "]" or not tests:
            letter = self.next()
            if letter == "[" or self.pattern[self.i - 1 : self.i + 1] in _SETS:
                raise self.wrong("a set of sets")
            if letter == "\\":
                letter = self.next()
                test = self.named(letter)
                if letter.lower() in _CLASSES:
                    tests.append(test)
                    continue
                letter = _CONTROLS.get(letter, letter)
            if self.peek() == "-" and self.pattern[self.i + 1 : self.i + 2] not in ("]", ""):
                self.i += 1
                last = self.next()
                if last == "\\":
                    last = self.next()
                    if last.lower() in _CLASSES or last.isalnum() and last not in _CONTROLS:
                        raise self.wrong("a range that ends in a class")
                    last = _CONTROLS.get(last, last)
                if last < letter:
                    raise self.wrong("a range that ends before its start")
                tests.append(functools.partial(_is_between, letter, last))
            else:
                tests.append(letter.__eq__)
        self.i += 1
        return lambda c: any(test(c) for test in tests) != negated

    def letter(self, test: _Test) -> _Piece:
        start, end = self.state(), self.state()
        start.test = test
        start.after.append(end)
        return start, end

    def place(self, test: Callable[[str, int], bool]) -> _Piece:
        start, end = self.state(), self.state()
        start.at = test
        start.after.append(end)
        return start, end

    def state(self) -> _State:
        self.count += 1
        if self.count > MAX_STATES:
            raise self.wrong("too many repetitions")
        return _State()

    def peek(self) -> str:
        return self.pattern[self.i : self.i + 1]

    def next(self) -> str:
        if self.i >= len(self.pattern):
            raise self.wrong("an end that comes too early")
        self.i += 1
        return self.pattern[self.i - 1]

    def wrong(self, what: str) -> NotLinearError:
        return NotLinearError(
            explain(
                f"The pattern has {what}.",
                pattern=repr(self.pattern[:200]),
                at=self.i,
            )
        )


def _at_border(text: str, i: int) -> bool:
    is_word = _CLASSES["w"]
    before = i > 0 and is_word(text[i - 1])
    return before != (i < len(text) and is_word(text[i]))


def _is_between(low: str, high: str, letter: str) -> bool:
    return low <= letter <= high
