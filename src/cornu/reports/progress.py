"""The progress bar of fit, evaluate and predict.

Training must not wait for its own display. The values in `logs` may still be on their way from the
device, and looking at one waits for it; so a bar looks at them only when it draws, and it draws
when the clock says so, about eight times a second, however fast the steps are:

    update(step, logs) ── before the next drawing is due ──> remember the step, return  (< 1 us)
                       └─ due, or finished ──> fetch the values, format, rewrite the line

Three modes, chosen from the stream:

    bar        a terminal: one line, rewritten; cropped to the width of the terminal until it is
               finished, because a line that wraps cannot be rewritten
    notebook   the output of a cell: the same without colours
    line       a file, a pipe, a log, `verbose=2`: one line when the epoch is over, and no control
               characters
"""

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO

import numpy as np

from cornu import errors
from cornu.reports import screen

MODES = ("bar", "line", "notebook")
INTERVAL = 0.125  # seconds between two drawings
SHORTEST = 4  # characters of a bar that has made room

_FULL, _EMPTY = "━", "─"
_PLAIN_FULL, _PLAIN_EMPTY = "=", "."
_BOLD, _GREEN, _GREY, _RESET = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


class Progress:
    """A progress bar, or one line per epoch, with the metrics.

    Args:
        total_steps: number of steps per epoch; None while unknown, and may be set later.
        stream: stream to write to; standard output if None.
        mode: "bar", "line" or "notebook"; chosen by the stream if None.
        width: width of the bar itself, in characters.
        interval: seconds between two drawings.
        unit: name of what is counted.

    Use one for a whole `fit`, with a `start` before each epoch. As a context manager it leaves the
    cursor on a fresh line whatever happens inside; `close` does the same by hand.

    Example:

        >>> progress = Progress(100, mode="line")
        >>> progress.start(epoch=1, epochs=5)
        >>> progress.update(50, {"loss": 0.5})
        >>> progress.update(100, {"loss": 0.25}, finished=True)  # doctest: +ELLIPSIS
        Epoch 1/5 - 100/100 - 0s - ...s/step - loss: 0.2500
    """

    def __init__(
        self,
        total_steps: int | None,
        *,
        stream: TextIO | None = None,
        mode: str | None = None,
        width: int = 20,
        interval: float = INTERVAL,
        unit: str = "step",
    ):
        if mode is not None and mode not in MODES:
            raise errors.value_error(
                f"Unknown mode {mode!r}.", fix=errors.did_you_mean(mode, MODES)
            )
        stream = sys.stdout if stream is None else stream
        self.total_steps = total_steps
        self.mode = mode or choose_mode(stream)
        self.width, self.interval, self.unit = width, interval, unit
        self._line = screen.LiveLine(stream)
        self._colour = self.mode == "bar" and screen.has_colour(stream)
        fancy = screen.can_write(stream, _FULL + _EMPTY)
        self._full, self._empty = (_FULL, _EMPTY) if fancy else (_PLAIN_FULL, _PLAIN_EMPTY)
        self._clock = time.perf_counter
        self.start()

    def start(
        self, epoch: int | None = None, epochs: int | None = None, *, compiles: bool = False
    ) -> None:
        """Begin an epoch, or a run without epochs: set the clock, write the head `Epoch 1/5`.

        Args:
            epoch: number of the epoch, from 1.
            epochs: number of the last epoch.
            compiles: whether to say that the first step is being compiled, until it is done.
        """
        self.close()
        self.step = 0
        self._head = "" if epoch is None else f"Epoch {epoch}/{epochs or '?'}"
        if self._head and self.mode != "line":
            self._write_line(self._head)
        if compiles and self.mode != "line":
            text = f"{self._counter()} compiling ..."
            self._line.rewrite(text, len(text))
        # Counting from the first report keeps compilation out of the time a step takes.
        self._first_step, self._first_time = 0, self._clock()
        self._began = self._first_time
        self._due = 0.0  # of the next drawing, by the clock; 0: at the first report
        if self.mode == "line":
            self._due = float("inf")

    def update(self, step: int, logs: Mapping[str, Any], finished: bool = False) -> None:
        """Report that `step` steps are done.

        Args:
            step: number of steps done since `start`.
            logs: names and values of the metrics, shown in this order. Values are fetched only if
                this call draws.
            finished: whether the epoch is over, so that it draws now and ends the line.
        """
        self.step = step
        now = self._clock()
        if now >= self._due or finished:
            self._draw(logs, finished)
        elif not self._first_step:
            self._first_step, self._first_time = step, now

    def close(self) -> None:
        """End the line if a bar stands on it unfinished, as after an interruption."""
        self._line.finish()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- drawing ------------------------------------------------------------------------------

    def _draw(self, logs: Mapping[str, Any], finished: bool) -> None:
        values = [f" - {name}: {format_value(logs[name])}" for name in logs]
        now = self._clock()  # only now is the work done that the values stand for
        if finished and self.total_steps is None:
            self.total_steps = self.step  # the end of the data says how much there was
        if not self._first_step:
            self._first_step, self._first_time = self.step, now
        per_step = self._seconds_per_step(now)
        if self.mode == "line":
            head = [self._head] if self._head else []
            facts = [
                *head,
                self._counter(),
                format_time(now - self._began),
                per_step_text(per_step, self.unit),
            ]
            self._write_line(" - ".join(facts) + "".join(values))
            return
        if finished or self.total_steps is None:
            clock = format_time(now - self._began)
        else:
            clock = format_time(per_step * max(self.total_steps - self.step, 0))
        # Drawing may have waited for the device: the next one is due a while after its end.
        self._rewrite(clock, per_step_text(per_step, self.unit), values, finished)
        self._due = self._clock() + self.interval

    def _rewrite(self, clock: str, pace: str, values: list[str], finished: bool) -> None:
        counter, width = self._counter(), self.width
        bar = self._bar(width)
        start = f"{counter} {bar} {clock} {pace}" if bar else f"{counter} {clock} {pace}"
        if not finished:  # the bar makes room for the metrics; those that do not fit have to wait
            room = screen.columns(self._line.stream) - 1 - len(start)
            shorter = min(max(sum(map(len, values)) - room, 0), max(width - SHORTEST, 0))
            if bar and shorter:
                bar = self._bar(width - shorter)
                start = f"{counter} {bar} {clock} {pace}"
                room += shorter
            while values and sum(map(len, values)) > room:
                values.pop()
        tail = "".join(values)
        visible = len(start) + len(tail)
        if self._colour:
            full, empty = bar.rstrip(self._empty), bar.lstrip(self._full)
            painted = f"{_GREEN}{full}{_GREY}{empty}{_RESET} " if bar else ""
            start = f"{_BOLD}{counter}{_RESET} {painted}{_BOLD}{clock}{_RESET} {pace}"
        self._line.rewrite(start + tail, visible)
        if finished:
            self._line.finish()

    def _counter(self) -> str:
        if self.total_steps is None:
            return f"{self.step:>7}/Unknown"
        total = str(self.total_steps)
        return f"{self.step:>{len(total)}}/{total}"

    def _bar(self, width: int) -> str:
        if self.total_steps is None:
            return ""
        done = min(self.step / self.total_steps, 1.0) if self.total_steps else 1.0
        full = int(width * done)
        return self._full * full + self._empty * (width - full)

    def _seconds_per_step(self, now: float) -> float:
        if self.step > self._first_step:
            return (now - self._first_time) / (self.step - self._first_step)
        return (now - self._began) / max(self.step, 1)

    def _write_line(self, text: str) -> None:
        screen.put(self._line.stream, text + "\n")


def choose_mode(stream: TextIO | None) -> str:
    """The mode that suits a stream: `notebook`, `bar` on a terminal, `line` anywhere else."""
    if screen.is_notebook(stream):
        return "notebook"
    return "bar" if screen.is_terminal(stream) else "line"


def format_time(seconds: float) -> str:
    """A time to wait: `5s`, `1:05`, `2:00:05`.

    Example:

        >>> format_time(4.6), format_time(65), format_time(7205)
        ('5s', '1:05', '2:00:05')
    """
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
    if whole >= 60:
        return f"{whole // 60}:{whole % 60:02}"
    return f"{whole}s"


def per_step_text(seconds: float, unit: str = "step") -> str:
    """The time of one step with a fitting unit.

    Example:

        >>> per_step_text(2.4), per_step_text(0.0024), per_step_text(2.4e-6)
        ('2s/step', '2ms/step', '2us/step')
    """
    if seconds >= 1:
        return f"{seconds:.0f}s/{unit}"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.0f}ms/{unit}"
    return f"{seconds * 1e6:.0f}us/{unit}"


def format_value(value: object) -> str:
    """A metric as the bar shows it: four digits, scientific where they would say nothing.

    Example:

        >>> format_value(0.92634), format_value(2.5e-5), format_value([0.5, 1.0])
        ('0.9263', '2.5000e-05', '[0.5000 1.0000]')
    """
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):  # a callback may log a text
        return str(value)
    if array.ndim:
        return f"[{' '.join(format_value(v) for v in array.ravel())}]"
    number = float(array)
    return f"{number:.4e}" if abs(number) <= 1e-3 else f"{number:.4f}"
