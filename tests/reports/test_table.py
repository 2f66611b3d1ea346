"""Tables are sized to their content, folded only when the line is too short."""

import io

import pytest

from cornu.reports.table import Column, printable, render_table


class Terminal(io.StringIO):
    def isatty(self):
        return True


def draw(*args, stream=None, **kwargs):
    return render_table(*args, stream=stream or io.StringIO(), **kwargs)


def test_a_table_is_as_wide_as_its_content():
    text = draw("T", ["a", Column("n", "right")], [("long name", 5), ("b", 12)], ["total 17"])
    assert text.splitlines() == [
        "T",
        "┏━━━━━━━━━━━┳━━━━┓",
        "┃ a         ┃  n ┃",
        "┡━━━━━━━━━━━╇━━━━┩",
        "│ long name │  5 │",
        "├───────────┼────┤",
        "│ b         │ 12 │",
        "└───────────┴────┘",
        "total 17",
    ]


def test_a_wished_width_is_taken_and_given_up_when_others_need_it():
    columns = [Column("a", wish=20), Column("b", wish=20)]
    roomy = draw(None, columns, [("x", "y")], width=60)
    assert len(roomy.splitlines()[0]) == 43
    tight = draw(None, columns, [("x" * 25, "y")], width=43)
    assert len(tight.splitlines()[0]) == 43
    assert "x" * 25 in tight  # not folded: the other column gave way


def test_what_does_not_fit_is_folded_not_cut():
    text = draw(None, ["name", "n"], [("abcdefghij" * 3, 1)], width=24)
    assert max(map(len, text.splitlines())) <= 24
    letters = "".join(c for c in text if c in "abcdefghij" and c != "n")
    assert letters.count("j") == 3 and letters.endswith("abcdefghij"[-3:])


def test_a_fixed_width_is_kept_whatever_the_content():
    text = draw(None, [Column("a", wish=10, fixed=True)], [("x" * 30,)], width=80)
    assert {len(line) for line in text.splitlines()} == {12}


def test_rows_may_do_without_lines():
    assert "├" not in draw(None, ["a"], [("x",), ("y",)], lines=False)


def test_brackets_and_colons_are_text_not_markup():
    text = draw(None, ["shape"], [("[(None, 4), (None, 5)] :smile: [bold]",)])
    assert "[(None, 4), (None, 5)] :smile: [bold]" in text


def test_an_ascii_stream_gets_ascii():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    text = draw("T", ["a", "b"], [(1, 2)], stream=stream)
    assert text.isascii()
    assert "|" in text and "=" in text


def test_colours_only_on_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in draw("T", ["a"], [(1,)], stream=Terminal())
    assert "\x1b" not in draw("T", ["a"], [(1,)])
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in draw("T", ["a"], [(1,)], stream=Terminal())


@pytest.mark.parametrize("place", ["title", "cell", "head", "footer"])
def test_names_cannot_smuggle_control_characters(place):
    bad = "evil\x1b[2J"
    text = draw(
        bad if place == "title" else "T",
        [bad if place == "head" else "a"],
        [(bad if place == "cell" else "x",)],
        [bad if place == "footer" else "f"],
    )
    assert "\x1b" not in text
    assert printable(bad) in text


def test_a_name_that_cannot_be_encoded_is_spelled_out():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    text = draw("T", ["a"], [("caf\u00e9",)], stream=stream)
    assert text.isascii() and "caf\\xe9" in text
