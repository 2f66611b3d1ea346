"""`Progbar`: Keras's interface on the progress bar of `fit`."""

import io
import re

import keras
import numpy as np
import pytest

from cornu import utils
from cornu.utils import Progbar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "150")

    def begin():  # between a fixture and its test pytest sets the output back
        stream = Terminal()
        monkeypatch.setattr("sys.stdout", stream)
        return stream

    return begin


def lines(stream):
    """What stands on each line in the end."""
    return [line.rpartition("\r")[2].rstrip() for line in stream.getvalue().split("\n") if line]


REPORTS = [(1, 4.0, 1.0), (4, 1.0, 0.5), (6, 2.0, 0.25)]
SETTINGS = [
    {},
    {"stateful_metrics": ["accuracy"]},
    {"stateless_metrics": ["accuracy"]},
    {"stateful_metrics": ["loss", "accuracy"], "unit_name": "sample", "width": 7},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_metrics_are_averaged_as_in_keras(terminal, settings):
    shown, stream = [], terminal()
    for bar in (
        Progbar(10, interval=0, **settings),
        keras.utils.Progbar(10, interval=0, **settings),
    ):
        for step, loss, accuracy in REPORTS:
            stream.seek(0)
            stream.truncate()
            bar.update(step, [("loss", loss), ("accuracy", np.array([accuracy]))])
            text = re.sub(r"\x1b\[\d+m", "", lines(stream)[-1])
            unit = settings.get("unit_name", "step")
            assert re.search(rf"{step:2}/10 \S+ \S+ \d+\w?s/{unit} - loss", text), text
            shown.append(re.findall(r"(loss|accuracy): (\S+)", text))
    assert shown[:3] == shown[3:]


def test_the_end_shows_what_is_given_at_the_end(terminal):
    stream = terminal()
    bar = Progbar(2, interval=100)
    bar.add(1, [("loss", 4.0)])
    bar.add(1, [("loss", 1.0)])
    assert len(lines(stream)) == 1
    assert re.fullmatch(r"2/2 ━{20} 0s \d+\w?s/step - loss: 1.0000", lines(stream)[0])


def test_the_target_may_be_unknown(terminal):
    stream = terminal()
    bar = Progbar(None, interval=0)
    bar.update(3, [("loss", 4.0)])
    assert re.search(r"3/Unknown 0s .*loss: 4.0000", lines(stream)[0])
    bar.update(3, [("loss", 2.0)], finalize=True)
    assert lines(stream)[0].endswith("loss: 2.0000") and stream.getvalue().endswith("\n")


def test_a_file_gets_one_line(capsys):
    for verbose in (0, 1, 2):
        bar = Progbar(2, verbose=verbose)
        for step in (1, 2):
            bar.update(step, [("loss", 1.0)])
    out = capsys.readouterr().out
    assert out.count("\n") == 2 and out.count("2/2 - 0s") == 2 and "\x1b" not in out


def test_interactive_logging_may_be_off(capsys):
    utils.disable_interactive_logging()
    try:
        assert not utils.is_interactive_logging_enabled()
        Progbar(1).update(1)
        assert capsys.readouterr().out == ""
    finally:
        utils.enable_interactive_logging()
    assert utils.is_interactive_logging_enabled()


def test_metrics_are_of_one_kind():
    with pytest.raises(ValueError, match="cannot both be given"):
        Progbar(1, stateful_metrics=["a"], stateless_metrics=["b"])
