"""What `cornu describe` prints: facts of each part, its columns, and what looks like a mistake.

    photos  ·  images  ·  2.1 s

    training data
      samples      6,000
      classes      10: airplane 600, automobile 600, ...

    a table of columns

    Findings
      error    In the training data: 3 files cannot be read.
                 fix: ...

Duck-typed on the fields of `data.describing.description.Description`.
"""

import io
from typing import Any, TextIO

from cornu.reports import screen
from cornu.reports.inspection import MAX_LINES, finding_lines, styled
from cornu.reports.table import Column, printable, render_table

HEADS = [
    Column("column", style="cyan"),
    Column("dtype", style="dim"),
    Column("values"),
    Column("std", "right"),
    Column("missing", "right", style="yellow"),
    Column("different", "right", style="green"),
    Column("most frequent", style="dim"),
]


def render_description(found: Any, *, stream: TextIO | None = None) -> str:
    """The report as text, in color if `stream` is a terminal.

    Args:
        found: a `Description`.
        stream: stream to which the text is printed; None for plain text.
    """
    stream = stream or io.StringIO()
    dot = "·" if screen.can_write(stream, "·") else "-"
    title = f"{found.name}  {dot}  {found.kind}  {dot}  {found.seconds:.1f} s"
    parts = [styled(title, "bold", stream)]
    for part in found.parts:
        head = [styled(f"{part.name} data", "bold", stream)] if part.name else []
        facts = [
            f"  {styled(f'{name:16}', 'dim', stream)} {printable(said)}"
            for name, said in part.in_words().items()
        ]
        parts.append("\n".join([*head, *facts]))
        if part.columns:
            parts.append(_columns(part.columns, stream))
    none = "Nothing looks like a mistake."
    parts.append("\n".join(finding_lines(found.findings, none, stream, details=True)))
    return "\n\n".join(parts)


def _columns(columns: Any, stream: TextIO) -> str:
    rows = []
    for column in columns[:MAX_LINES]:
        shape = f" {column.shape}" if column.shape else ""
        different = column.vocabulary if column.distinct is None else column.distinct
        common = ", ".join(
            f"{value[:20]} {count:,}" for value, count in column.common[:3] if count > 1
        )
        rows.append((
            column.name[:40], column.dtype + shape, column.range,
            "" if column.std is None else f"{column.std:.4g}",
            f"{column.missing + column.infinite:,}" if column.missing + column.infinite else "",
            "" if different is None else f"{different:,}", common,
        ))  # fmt: skip
    shown = [k for k in range(len(HEADS)) if any(row[k] for row in rows)]
    more = len(columns) - MAX_LINES
    footer = [f"... and {more:,} more columns"] if more > 0 else []
    return render_table(
        None, [HEADS[k] for k in shown], [[row[k] for k in shown] for row in rows], footer,
        lines=False, stream=stream,
    )  # fmt: skip
