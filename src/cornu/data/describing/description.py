"""`Description`: what is in data, as fields, as a dict, and as text.

Description ── Part "training" ── Column "x" or one for each column of a table
     |     └── Part "test"      └─ classes, copies, unreadable files, facts of files
     └──────── findings: what looks like a mistake
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from cornu.findings import Finding, by_severity

MOST_NAMES = 20  # in a text; the dict has all


@dataclass
class Column:
    """An array, or a column of a table.

    Attributes:
        name: name of the column, "x" for a single array.
        kind: "numbers", "texts" or "lists".
        dtype: dtype of the values.
        shape: shape of a single sample; () for a column of a table.
        count: number of samples looked at.
        missing: number of missing values: NaN, None, empty texts.
        infinite: number of infinite values.
        low, high: smallest and largest finite value; of texts and lists the length.
        mean, std: mean and standard deviation of the finite values; of texts and lists of lengths.
        distinct: number of different values; None if not counted or too many.
        vocabulary: number of different words or items; None for numbers.
        common: the most frequent values, or words of long texts, with their counts.
    """

    name: str
    kind: str
    dtype: str
    shape: tuple[int | None, ...] = ()
    count: int = 0
    missing: int = 0
    infinite: int = 0
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    std: float | None = None
    distinct: int | None = None
    vocabulary: int | None = None
    common: list[tuple[str, int]] = field(default_factory=list)

    @property
    def is_constant(self) -> bool:
        """Whether all values are the same."""
        if self.count < 2 or self.missing or self.infinite:
            return False
        if self.kind == "numbers":
            return self.low is not None and self.low == self.high
        return self.distinct == 1

    @property
    def range(self) -> str:
        """From the smallest to the largest value, or length, in words."""
        if self.low is None or self.high is None or self.mean is None:
            return "no values"
        unit = {"texts": " characters", "lists": " items"}.get(self.kind, "")
        return f"{self.low:g} to {self.high:g}{unit}, mean {self.mean:.4g}"

    def __str__(self) -> str:
        shape = f" {self.shape}" if self.shape else ""
        return f"{self.name}: {self.dtype}{shape}, {self.range}"


@dataclass
class Part:
    """Samples that belong together: training or test data.

    Attributes:
        name: "training", "test", ...; "" if there is one part.
        samples: number of samples; None if they cannot be counted.
        seen: number of samples looked at.
        columns: inputs.
        target: labels that are no classes, as a column.
        classes: number of samples of each class.
        is_sorted: whether samples come class by class.
        copies: number of samples that came before.
        conflicts: number of samples that came before with another label.
        similar: number of images that look like one before.
        unreadable: files that cannot be read, and why.
        facts: what files have in common: bytes, sizes, modes, durations, ...
    """

    name: str
    samples: int | None = None
    seen: int = 0
    columns: list[Column] = field(default_factory=list)
    target: Column | None = None
    classes: dict[str, int] | None = None
    is_sorted: bool = False
    copies: int = 0
    conflicts: int = 0
    similar: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def in_words(self) -> dict[str, str]:
        """What is known beside the columns, for a report."""
        total = "unknown" if self.samples is None else f"{self.samples:,}"
        seen = "" if self.samples == self.seen else f", {self.seen:,} of them looked at"
        said = {"samples": total + seen}
        if self.classes is not None:
            said["classes"] = f"{len(self.classes):,}: {counts_text(self.classes)}"
        if self.target is not None:
            said["labels"] = f"{self.target.dtype}, {self.target.range}"
        for name, value in self.facts.items():
            said[name] = fact_text(value)
        found = {"copies": self.copies, "similar images": self.similar,
                 "unreadable": len(self.unreadable)}  # fmt: skip
        return said | {name: f"{count:,}" for name, count in found.items() if count}


@dataclass
class Description:
    """What is in data.

    Attributes:
        name: what was described: "x", or a path.
        kind: "arrays", "table", "images", "texts" or "sounds".
        parts: training data, and test data if given.
        shared: number of samples of the test data that are in the training data, too.
        findings: what looks like a mistake, the most serious first.
        seconds: time that it took.

    Example:

        >>> import numpy as np
        >>> from cornu.data import describe
        >>> found = describe(np.array([[1.0, 7.0], [2.0, 7.0], [np.nan, 7.0]]), [0, 1, 1])
        >>> found.parts[0].classes
        {'0': 1, '1': 2}
        >>> [finding.what for finding in found.findings]
        ['Column 0 has 1 NaN.', 'Column 1 has the same value in every row: 7.']
    """

    name: str
    kind: str
    parts: list[Part] = field(default_factory=list)
    shared: int = 0
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_complete(self) -> bool:
        """Whether every sample was looked at."""
        return all(part.samples in (None, part.seen) for part in self.parts)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as dicts, lists, texts and numbers."""
        found = asdict(self) | {"is_complete": self.is_complete}
        found["findings"] = [
            {
                "severity": f.severity,
                "what": f.what,
                "where": f.where,
                "kind": f.kind,
                "fix": f.fix,
                "facts": {name: str(value) for name, value in f.facts.items()},
            }
            for f in self.findings
        ]
        return found

    def to_json(self) -> str:
        """Everything, as a JSON text."""
        return json.dumps(self.to_dict(), indent=2, default=str)

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.kind}"]
        for part in self.parts:
            lines += [f"  {part.name} data"] if part.name else []
            lines += [f"  {name}: {said}" for name, said in part.in_words().items()]
            lines += [f"  {column}" for column in part.columns[:MOST_NAMES]]
            more = len(part.columns) - MOST_NAMES
            lines += [f"  and {more:,} more columns"] if more > 0 else []
        lines += [f"  {f.severity}: {f.message.replace(chr(10), chr(10) + '  ')}"
                  for f in by_severity(self.findings)]  # fmt: skip
        return "\n".join(lines if self.findings else [*lines, "  Nothing looks like a mistake."])

    __repr__ = __str__


def counts_text(counts: Mapping[str, int]) -> str:
    """Names with their counts: `cat 12, dog 8, and 3 more`."""
    listed = [f"{name} {count:,}" for name, count in list(counts.items())[:MOST_NAMES]]
    more = len(counts) - len(listed)
    return ", ".join(listed) + (f", and {more:,} more" if more else "")


def fact_text(value: object) -> str:
    """A fact in words: a number, a range, or names with their counts."""
    if isinstance(value, Mapping):
        if set(value) == {"low", "high", "mean"}:
            return f"{value['low']:g} to {value['high']:g}, mean {value['mean']:.4g}"
        return counts_text(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
