"""What a stream can do, and a line that is rewritten."""

import io
import sys
import types

from cornu.reports import screen


class Terminal(io.StringIO):
    def isatty(self):
        return True


def ascii_stream():
    return io.TextIOWrapper(io.BytesIO(), encoding="ascii")


def test_only_a_terminal_is_one(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    assert screen.is_terminal(Terminal())
    assert not screen.is_terminal(io.StringIO())
    assert not screen.is_terminal(None)
    monkeypatch.setenv("TERM", "dumb")
    assert not screen.is_terminal(Terminal())


def test_a_closed_stream_is_no_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = io.StringIO()
    stream.close()
    assert not screen.is_terminal(stream)


def test_no_color_is_respected(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert screen.has_colour(Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not screen.has_colour(Terminal())


def test_an_ascii_stream_cannot_write_box_characters():
    assert screen.can_write(ascii_stream(), "abc")
    assert not screen.can_write(ascii_stream(), "━")
    assert screen.can_write(io.StringIO(), "━")
    assert screen.can_write(None, "━")


def test_a_notebook_is_known_by_its_kernel(monkeypatch):
    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert screen.is_notebook(sys.stdout)
    assert not screen.is_notebook(io.StringIO())  # a file opened in a notebook is a file
    shell.kernel = None  # the ipython prompt in a terminal
    assert not screen.is_notebook(sys.stdout)


def test_a_shorter_text_covers_a_longer_one():
    stream = io.StringIO()
    line = screen.LiveLine(stream)
    line.rewrite("12345", 5)
    line.rewrite("12", 2)
    assert stream.getvalue() == "\r12345\r12   "


def test_finish_ends_an_open_line_once():
    stream = io.StringIO()
    line = screen.LiveLine(stream)
    line.finish()
    assert stream.getvalue() == ""
    line.rewrite("x", 1)
    line.finish()
    line.finish()
    assert stream.getvalue() == "\rx\n"
