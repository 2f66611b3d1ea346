"""What `cornu inspect` prints: facts, layers, arrays, and what to know before loading.

    m.keras   model (.keras)   34.1 kB
      model        Functional 'small', compiled with Adam
      written by   Keras 3.15.1, 2026-11-21 00:44:02
      parameters   1,234 in 12 arrays, 4.9 kB; optimizer 2,470

    a table of layers; or of arrays, where the file has no layers

    Findings
      danger   Layer 'f' in config.json holds the code of a Python lambda ...

Duck-typed on the fields of `archive.inspect.Inspection`. All text comes from a file and is printed
with its control characters spelled out.
"""

import io
import math
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import Any, TextIO

from cornu import errors
from cornu.findings import Finding
from cornu.reports import screen
from cornu.reports.table import Column, printable, render_table

MAX_LINES = 60  # rows of a table; the rest is counted
_STYLES = {"danger": "bold red", "error": "bold red", "warning": "yellow", "note": "cyan"}


def render_inspection(found: Any, *, arrays: bool = False, stream: TextIO | None = None) -> str:
    """The report as text, in color if `stream` is a terminal.

    Args:
        found: an `Inspection`.
        arrays: whether to also list the arrays of a model.
        stream: stream to which the text is printed; None for plain text.
    """
    stream = stream or io.StringIO()
    parts = [_head(found, stream)]
    if found.layers:
        parts.append(_layers(found, stream))
    if found.arrays and (arrays or not found.layers):
        parts.append(_arrays(found, stream))
    parts.append(_findings(found, stream))
    return "\n\n".join(parts)


def size(count: float) -> str:
    """A number of bytes with a decimal unit.

    Example:

        >>> size(812), size(4_900_000)
        ('812 B', '4.9 MB')
    """
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            break
        count /= 1000
    return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"


def _head(found: Any, stream: TextIO) -> str:
    facts = []
    if found.model:
        compiled = f", compiled with {found.optimizer}" if found.optimizer else ""
        facts.append(("model", found.model + compiled))
    written = [part for part in (found.written_by, found.date) if part]
    facts.append(("written by", ", ".join(written) or "(the file does not say)"))
    if found.arrays:
        facts.append(("parameters", _parameters(found)))
    if found.members:
        largest = sorted(found.members.items(), key=lambda m: -m[1])[:4]
        shown = ", ".join(f"{name[:40]} {size(n)}" for name, n in largest)
        more = f", and {len(found.members) - 4} more" if len(found.members) > 4 else ""
        facts.append(("members", shown + more))
    dot = "·" if screen.can_write(stream, "·") else "-"
    title = f"{found.path}  {dot}  {found.kind}  {dot}  {size(found.bytes)}"
    lines = [styled(title, "bold", stream)]
    lines += [f"  {styled(f'{name:12}', 'dim', stream)} {printable(said)}" for name, said in facts]
    return "\n".join(lines)


def _parameters(found: Any) -> str:
    groups: dict[str, list[Any]] = {"": [], "optimizer": [], "seeds and metrics": []}
    for array in found.arrays:
        parts = array.path.split("/")
        state = array.path.startswith("cornu.state.h5:")
        optimizer = any(part in ("optimizer", "optimizer_weights") for part in parts)
        groups["seeds and metrics" if state else "optimizer" if optimizer else ""].append(array)
    said = []
    for name, arrays in groups.items():
        if not arrays:
            continue
        count = sum(math.prod(a.shape) for a in arrays)
        kinds = ", ".join(k for k, _ in Counter(a.dtype for a in arrays).most_common(3))
        total = size(sum(a.bytes for a in arrays))
        if name:
            said.append(f"{name} {count:,}")
        else:
            plural = "" if len(arrays) == 1 else "s"
            said.append(f"{count:,} in {len(arrays)} array{plural} of {kinds}, {total}")
    return "; ".join(said)


def _layers(found: Any, stream: TextIO) -> str:
    branch = "└ " if screen.can_write(stream, "└") else "- "
    rows = []
    for layer in found.layers[:MAX_LINES]:
        indent = "  " * max(layer.depth - 1, 0) + branch if layer.depth else ""
        count = "" if layer.parameters is None else f"{layer.parameters:,}"
        rows.append((indent + layer.name[:60], layer.kind[:40], layer.inputs[:60], count))
    columns = [
        Column("layer", style="cyan"),
        Column("class"),
        Column("built for", style="dim"),
        Column("parameters", "right", style="green"),
    ]
    return render_table(None, columns, rows, _rest(found.layers, "layers"), lines=False,
                        stream=stream)  # fmt: skip


def _arrays(found: Any, stream: TextIO) -> str:
    rows = [(a.path[:80], str(a.shape), a.dtype, size(a.bytes)) for a in found.arrays[:MAX_LINES]]
    columns = [
        Column("array", style="cyan"),
        Column("shape"),
        Column("dtype", style="dim"),
        Column("size", "right", style="green"),
    ]
    return render_table(None, columns, rows, _rest(found.arrays, "arrays"), lines=False,
                        stream=stream)  # fmt: skip


def _rest(rows: Any, what: str) -> list[str]:
    return [f"... and {len(rows) - MAX_LINES:,} more {what}"] if len(rows) > MAX_LINES else []


def _findings(found: Any, stream: TextIO) -> str:
    lines = finding_lines(found.findings, "Nothing suspicious.", stream)
    if any(f.severity == "danger" for f in found.findings):
        lines.append(styled("Loading refuses this file.", "bold red", stream))
    return "\n".join(lines)


def finding_lines(
    findings: Sequence[Finding], none: str, stream: TextIO, details: bool = False
) -> list[str]:
    """Findings as lines, with their severity in color.

    Args:
        findings: what was found.
        none: sentence for when there is nothing.
        stream: where the lines are printed.
        details: whether the facts and the fix of each follow.
    """
    if not findings:
        return [styled(none, "green", stream)]
    lines = [styled("Findings", "bold", stream)]
    for finding in findings[:MAX_LINES]:
        level = styled(f"{finding.severity:8}", _STYLES.get(finding.severity, ""), stream)
        where = f"{finding.where[0].upper()}{finding.where[1:]}: " if finding.where else ""
        text = printable(where + finding.what)
        first, *more = _wrapped(text, screen.columns(stream) - 11)
        lines += [f"  {level} {first}", *(f"{'':11}{line}" for line in more)]
        for name, value in _details_of(finding) if details else ():
            head, *rest = str(value).split("\n")
            said = [f"{name}: {head}", *(" " * (len(name) + 2) + line for line in rest)]
            lines += [f"{'':11}{styled(line, 'dim', stream)}" for line in said]
    if len(findings) > MAX_LINES:
        lines.append(f"  ... and {len(findings) - MAX_LINES:,} more")
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 20)) or [""]


def _details_of(finding: Finding) -> list[tuple[str, object]]:
    return [*finding.facts.items(), *([("fix", finding.fix)] if finding.fix else [])]


def styled(text: str, style: str, stream: TextIO) -> str:
    """The text in a style of rich, if the stream shows colours."""
    text = printable(text)
    if not screen.can_write(stream, text):
        encoding = stream.encoding
        text = text.encode(encoding, "backslashreplace").decode(encoding)
    if not style or not screen.has_colour(stream):
        return text
    style_module = errors.need("rich.style", for_="printing in colour", install="rich")
    colour_module = errors.need("rich.color", for_="printing in colour", install="rich")
    return style_module.Style.parse(style).render(
        text, color_system=colour_module.ColorSystem.STANDARD
    )
