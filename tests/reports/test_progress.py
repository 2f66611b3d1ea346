"""The bar looks at the clock before it looks at the values."""

import io

import numpy as np
import pytest

from cornu.reports.progress import Progress, choose_mode, format_value


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Untouchable(dict):
    """Values that wait for the device: looking at one is counted."""

    looked = 0

    def __getitem__(self, name):
        Untouchable.looked += 1
        return super().__getitem__(name)


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("cornu.reports.progress.time.perf_counter", clock)
    return clock


def drawings(stream):
    return stream.getvalue().split("\r")[1:]


def test_a_finished_epoch_looks_as_in_keras(clock):
    stream = Terminal()
    progress = Progress(469, stream=stream)
    progress.start(epoch=1, epochs=5)
    for step in range(1, 470):
        clock.now += 0.002
        progress.update(step, {"accuracy": 0.5, "loss": 1.0})
    progress.update(469, {"accuracy": 0.9263, "loss": 0.2548, "val_loss": 0.1}, finished=True)
    assert stream.getvalue().startswith("Epoch 1/5\n\r")
    assert drawings(stream)[-1] == (
        "469/469 ━━━━━━━━━━━━━━━━━━━━ 1s 2ms/step - accuracy: 0.9263 - loss: 0.2548"
        " - val_loss: 0.1000\n"
    )


def test_it_draws_eight_times_a_second_at_most(clock):
    stream = Terminal()
    progress = Progress(10_000, stream=stream)
    for step in range(1, 10_001):
        clock.now += 0.001
        progress.update(step, {"loss": 1.0})
    assert 60 < len(drawings(stream)) <= 81  # ten seconds, and the first


def test_values_are_looked_at_only_when_drawing(clock):
    progress = Progress(1000, stream=Terminal())
    Untouchable.looked = 0
    progress.update(1, Untouchable(loss=1.0))  # the first is drawn
    assert Untouchable.looked == 1
    for step in range(2, 1000):
        progress.update(step, Untouchable(loss=1.0))
    assert Untouchable.looked == 1
    clock.now += 1
    progress.update(1000, Untouchable(loss=1.0))
    assert Untouchable.looked == 2


def test_a_log_never_looks_before_the_end():
    stream = io.StringIO()
    progress = Progress(3, stream=stream)
    Untouchable.looked = 0
    for step in (1, 2, 3):
        progress.update(step, Untouchable(loss=1.0))
    assert Untouchable.looked == 0 and stream.getvalue() == ""


def test_remaining_time_leaves_the_first_step_out(clock):
    stream = Terminal()
    progress = Progress(101, stream=stream)
    clock.now += 60  # compiling
    progress.update(1, {})
    clock.now += 5
    progress.update(51, {})
    assert drawings(stream)[-1].rstrip() == f" 51/101 {'━' * 10}{'─' * 10} 5s 100ms/step"


def test_an_unknown_total(clock):
    stream = Terminal()
    progress = Progress(None, stream=stream)
    clock.now += 1
    progress.update(1, {"loss": 0.5})
    progress.update(7, {"loss": 0.25}, finished=True)
    first, last = drawings(stream)
    assert first == "      1/Unknown 1s 1s/step - loss: 0.5000"
    assert last.startswith("7/7 ━━━━━━━━━━━━━━━━━━━━ 1s ")
    assert progress.total_steps == 7  # known for the next epoch


def test_a_line_an_epoch_in_a_log(clock):
    stream = io.StringIO()
    progress = Progress(160, stream=stream)
    for epoch in (1, 2):
        progress.start(epoch, 2)
        clock.now += 3.2
        progress.update(160, {"loss": 0.5664, "val_loss": 0.2491}, finished=True)
    progress.close()
    assert stream.getvalue() == (
        "Epoch 1/2 - 160/160 - 3s - 20ms/step - loss: 0.5664 - val_loss: 0.2491\n"
        "Epoch 2/2 - 160/160 - 3s - 20ms/step - loss: 0.5664 - val_loss: 0.2491\n"
    )


def test_line_mode_on_a_terminal_writes_no_control_characters(clock):
    stream = Terminal()
    progress = Progress(2, stream=stream, mode="line")
    progress.update(1, {"loss": 1.0})
    progress.update(2, {"loss": 1.0}, finished=True)
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().rstrip("\n").isprintable()


def test_a_notebook_gets_carriage_returns_and_no_colour(clock, monkeypatch):
    monkeypatch.delenv("NO_COLOR")
    stream = Terminal()
    progress = Progress(2, stream=stream, mode="notebook")
    progress.update(1, {"loss": 1.0})
    progress.update(2, {"loss": 1.0}, finished=True)
    assert "\x1b" not in stream.getvalue() and stream.getvalue().count("\r") == 2


def test_colour_is_around_not_in_the_text(clock, monkeypatch):
    monkeypatch.delenv("NO_COLOR")
    stream = Terminal()
    Progress(4, stream=stream).update(2, {"loss": 1.0})
    assert "\x1b[32m━━━━━━━━━━\x1b[37m──────────\x1b[0m" in stream.getvalue()


def test_a_line_in_work_fits_the_terminal(clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    stream = Terminal()
    progress = Progress(100, stream=stream)
    logs = {"accuracy": 0.5, "loss": 1.0, "top_5_accuracy": 0.5}
    progress.update(50, logs)
    progress.update(100, logs, finished=True)
    working, finished = drawings(stream)
    assert len(working) < 60 and "top_5" not in working
    assert "top_5_accuracy: 0.5000" in finished


def test_the_bar_makes_room_for_the_loss(clock, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "50")
    stream = Terminal()
    progress = Progress(1875, stream=stream)
    progress.update(900, {"accuracy": 0.5, "loss": 0.25})
    line = stream.getvalue().rpartition("\r")[2].rstrip()
    assert "accuracy: 0.5000" in line and len(line) < 50
    assert 4 <= line.count("━") + line.count("─") < 20


def test_it_says_that_the_first_step_is_compiled(clock):
    stream = Terminal()
    progress = Progress(3, stream=stream)
    progress.start(1, 2, compiles=True)
    assert stream.getvalue().endswith("0/3 compiling ...")
    progress.update(1, {"loss": 0.5})
    assert "compiling" not in stream.getvalue().rpartition("\r")[2]


def test_a_stream_without_the_characters_gets_others(clock):
    class Ascii(io.TextIOWrapper):
        def isatty(self):
            return True

    stream = Ascii(io.BytesIO(), encoding="ascii")
    Progress(4, stream=stream).update(1, {})
    stream.flush()
    assert b"1/4 =====..............." in stream.buffer.getvalue()


def test_an_interruption_leaves_a_fresh_line(clock):
    stream = Terminal()
    with pytest.raises(KeyboardInterrupt), Progress(100, stream=stream) as progress:
        progress.update(50, {"loss": 1.0})
        raise KeyboardInterrupt
    assert stream.getvalue().endswith("loss: 1.0000\n")
    progress.close()
    assert stream.getvalue().count("\n") == 1


def test_the_next_epoch_starts_on_a_fresh_line(clock):
    stream = Terminal()
    progress = Progress(100, stream=stream)
    progress.update(50, {})
    progress.start(2, 3)
    assert stream.getvalue().endswith("/step\nEpoch 2/3\n")


def test_no_output_at_all_is_no_error(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    progress = Progress(2)
    progress.start(1, 1)
    progress.update(2, {"loss": 1.0}, finished=True)
    assert progress.mode == "line" and progress.step == 2


def test_a_stream_decides_about_the_mode():
    assert choose_mode(Terminal()) == "bar"
    assert choose_mode(io.StringIO()) == "line"


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="did you mean 'notebook'"):
        Progress(1, mode="notebok")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345.678, "12345.6780"),
        (1e-5, "1.0000e-05"),
        (0, "0.0000e+00"),
        (float("nan"), "nan"),
        (np.float32(0.5), "0.5000"),
        (np.array(2), "2.0000"),
        (np.array([0.25, 1.0]), "[0.2500 1.0000]"),
        ("up", "up"),
        (-0.25, "-0.2500"),
    ],
)
def test_values(value, text):
    assert format_value(value) == text
