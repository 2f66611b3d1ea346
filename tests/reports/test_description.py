"""What `cornu describe` prints."""

import io

import numpy as np

from cornu.data import describe
from cornu.reports.description import render_description


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_report_holds_facts_columns_and_findings(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    x = {"age": np.array([1.0, np.nan, 3.0]), "to\x1bwn": np.array(["a", "a", "b"])}
    found = describe(x, [0, 1, 1])
    text = render_description(found)
    assert "classes          2: 0 1, 1 2" in text
    assert "│ age" in text and "1 to 3" in text and "a 2" in text
    assert "error    Column age has 1 NaN." in text and "fix: fill them" in text
    assert "\x1b" not in text
    assert "\x1b[" in render_description(found, stream=Terminal())
    assert "Nothing looks like a mistake." in render_description(describe(np.arange(3)[:, None]))


def test_an_old_terminal_gets_ascii():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    render_description(describe(["é", "b"]), stream=stream).encode("ascii")
