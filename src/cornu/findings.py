"""`Finding`: one thing that a check noticed, as data.

    cornu.checks                inputs and labels before the first step     error, warning
    cornu.archive.inspect       a file, before it is loaded                 danger, warning, note
    cornu.train.watch           where NaN began                             error

What happens with it is for others to decide: raise it, warn, print a table, write JSON.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cornu.errors import explain

DANGER, ERROR, WARNING, NOTE = SEVERITIES = ("danger", "error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that a check noticed.

    Attributes:
        severity: "danger" (a file that loading refuses), "error" (it cannot work), "warning" (it
            looks like a mistake) or "note".
        what: what is the case, in a sentence.
        facts: shapes, names and values behind it.
        fix: what the user can do about it.
        where: what it was found in, such as "in the validation data".
        kind: what sort of finding it is, where programs tell sorts apart.
        row: first row of the data that it is about.

    Example:

        >>> print(error("x has 4 features.", fix="add one.", shapes="x (8, 4)").message)
        x has 4 features.
          shapes: x (8, 4)
          fix:    add one.
    """

    severity: str
    what: str
    facts: Mapping[str, object] = field(default_factory=dict)
    fix: str | None = None
    where: str = ""
    kind: str = ""
    row: int | None = None

    @property
    def message(self) -> str:
        """All of it as a text: where and what, the facts, and the fix."""
        where = f"{self.where[0].upper()}{self.where[1:]}: " if self.where else ""
        return explain(f"{where}{self.what}", fix=self.fix, **self.facts)

    @property
    def level(self) -> str:
        """The severity, by the name that `saving.inspect_file` had for it."""
        return self.severity

    @property
    def text(self) -> str:
        """The sentence, by the name that `saving.inspect_file` had for it."""
        return self.what


def error(what: str, *, fix: str | None = None, **facts: object) -> Finding:
    """Something that cannot work."""
    return Finding(ERROR, what, facts, fix)


def warning(what: str, *, fix: str | None = None, **facts: object) -> Finding:
    """Something that looks like a mistake."""
    return Finding(WARNING, what, facts, fix)


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, the most serious first."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
