"""Tables for people: sized to what is in them, wrapped only where the line is too short.

    natural    the longest line of each column
    wish       the width a column takes when there is room
    limit      what the whole table may take

    everything fits at max(natural, wish)        -> so it is
    natural fits                                 -> wider columns give up blanks, evenly
    it does not                                  -> the widest column is folded, and again

The drawing is done by rich, which is imported when the first table is drawn.
"""

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from cornu import errors
from cornu.reports import screen

NARROWEST = 8  # of a folded column, the blank on either side included


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, where its text stands (`left`, `center`, `right`), and its width.

    Args:
        title: head of the column.
        align: "left", "center" or "right".
        wish: width where there is room, with the blank on either side.
        fixed: whether the width is exactly `wish`, and longer text is wrapped.
        style: style of rich on a terminal, such as "bold".
    """

    title: str
    align: str = "left"
    wish: int = 0
    fixed: bool = False
    style: str = ""


def render_table(
    title: str | None,
    columns: Sequence[Column | str],
    rows: Sequence[Sequence[object]],
    footer: Sequence[str] = (),
    width: int | None = None,
    *,
    lines: bool = True,
    stream: TextIO | None = None,
) -> str:
    """Draw a table as text.

    Args:
        title: title above the table, or None.
        columns: `Column`s, or titles of plain left-aligned ones.
        rows: one sequence of cells per row; a cell may have several lines.
        footer: lines below the table.
        width: maximum width; that of `stream` if None.
        lines: whether rows are separated by lines.
        stream: stream to which the text is printed, which decides about color and box-drawing
            characters; standard output if None.

    Returns:
        The lines, joined. They hold escape sequences only if `stream` is a terminal.

    Example:

        >>> print(render_table("Fruit", ["name", Column("count", "right")], [("fig", 3)], width=40))
        Fruit
        ┏━━━━━━┳━━━━━━━┓
        ┃ name ┃ count ┃
        ┡━━━━━━╇━━━━━━━┩
        │ fig  │     3 │
        └──────┴───────┘
    """
    console_module = errors.need("rich.console", for_="printing tables", install="rich")
    table_module = errors.need("rich.table", for_="printing tables", install="rich")
    text_module = errors.need("rich.text", for_="printing tables", install="rich")
    box = errors.need("rich.box", for_="printing tables", install="rich")

    stream = sys.stdout if stream is None else stream
    heads = [c if isinstance(c, Column) else Column(c) for c in columns]
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    limit = screen.columns(stream) if width is None else width
    # Only what is drawn decides: a layer may have a name in any alphabet.
    fancy = screen.can_write(stream, "┏━┳┓┃┡╇┩│├─┼┤└┴┘")

    table = table_module.Table(
        box=box.HEAVY_HEAD if fancy else box.ASCII_DOUBLE_HEAD, show_lines=lines
    )
    for column, size in zip(heads, _widths(heads, cells, limit), strict=True):
        table.add_column(
            text_module.Text(printable(column.title), style="bold"),
            justify=column.align,
            width=size - 2,
            overflow="fold",
        )
    for row in cells:
        styled = zip(row, heads, strict=True)
        table.add_row(*(text_module.Text(cell, style=column.style) for cell, column in styled))

    paper = io.StringIO()
    colour = screen.has_colour(stream)
    console = console_module.Console(
        file=paper,
        width=100_000,  # the columns know their widths; nothing is left to fit
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
        safe_box=False,
    )
    if title is not None:
        console.print(text_module.Text(printable(title), style="bold"), soft_wrap=True)
    console.print(table)
    for line in footer:
        console.print(text_module.Text(printable(line)), soft_wrap=True)
    text = paper.getvalue().rstrip("\n")
    if screen.can_write(stream, text):
        return text
    encoding = stream.encoding  # a name in another alphabet: spelled out rather than an error
    return text.encode(encoding, "backslashreplace").decode(encoding)


def printable(text: str) -> str:
    r"""`text` with control characters spelled out, line ends excepted: names come from files.

    Example:

        >>> printable("a\x1b[2J")
        'a\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def _widths(heads: Sequence[Column], cells: Sequence[Sequence[str]], limit: int) -> list[int]:
    """The width of each column, with the blank on either side of the text."""
    cell_len = errors.need("rich.cells", for_="printing tables", install="rich").cell_len
    natural = []
    for k, column in enumerate(heads):
        texts = [printable(column.title), *(row[k] for row in cells)]
        natural.append(2 + max(cell_len(line) for text in texts for line in text.split("\n")))
    natural = [c.wish if c.fixed else n for c, n in zip(heads, natural, strict=True)]
    widths = [max(n, c.wish) for c, n in zip(heads, natural, strict=True)]
    room = limit - len(heads) - 1  # one character for each border

    excess, blanks = sum(widths) - room, sum(widths) - sum(natural)
    if 0 < excess <= blanks:
        return _give_up(widths, natural, excess)
    widths = natural if excess > 0 else widths
    while sum(widths) > room:
        widest = max((w for w, c in zip(widths, heads, strict=True) if not c.fixed), default=0)
        if widest <= NARROWEST:
            break
        widths[widths.index(widest)] -= 1
    return widths


def _give_up(widths: list[int], natural: list[int], excess: int) -> list[int]:
    """Take `excess` from the columns that are wider than they need, the roomiest first."""
    widths = list(widths)
    for _ in range(excess):
        slack = [w - n for w, n in zip(widths, natural, strict=True)]
        widths[slack.index(max(slack))] -= 1
    return widths
