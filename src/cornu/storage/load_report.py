"""The report of a load: who wrote the file, what was migrated, what was left over.

model = load_model("old.h5")
print(model.load_report)

The file 'old.h5': 3 objects match.
  written by: Keras 2.15.0
  optimizer:  restored
  migrated:   the calls of its layers are written as Keras 2 wrote them
"""

from dataclasses import dataclass, replace
from typing import Any

from cornu.archive.walk import Report


@dataclass(frozen=True)
class LoadReport:
    """What was loaded and what was not; `model.load_report`.

    Attributes:
        weights: objects that match, and those that are missing, unused or of another shape, with
            the likely cause.
        written_by: library and version, such as "Keras 3.15.1".
        migrated: parts that were migrated from an older format.
        lost: settings that this version does not know, which were left out.
        nonfinite: names of layers whose weights are NaN or infinite.
        optimizer: "restored", "fresh" (the file has another one, or none), or None without one.

    Example:

        >>> report = LoadReport(Report("The file 'a.keras'", {"": ""}), written_by="Keras 3.15.1")
        >>> print(report)
        The file 'a.keras': 1 objects match.
          written by: Keras 3.15.1
    """

    weights: Report
    written_by: str | None = None
    migrated: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    nonfinite: tuple[str, ...] = ()
    optimizer: str | None = None

    @property
    def complete(self) -> bool:
        """Whether everything that the model has was in the file, in its shape."""
        return self.weights.complete

    def told(self, **facts: Any) -> "LoadReport":
        """The report with further facts."""
        return replace(self, **facts)

    def __str__(self) -> str:
        facts = {
            "written by": self.written_by,
            "optimizer": self.optimizer,
            "migrated": "; ".join(self.migrated),
            "left out": "; ".join(self.lost),
            "not finite": ", ".join(self.nonfinite[:20]),
        }
        first, *rest = self.weights.describe().split("\n")
        width = len("written by:")
        lines = [f"  {name + ':':{width}} {said}" for name, said in facts.items() if said]
        return "\n".join([first, *lines, *rest])


def writer(metadata: Any) -> str | None:
    """Who wrote a file, from its metadata: this library says its own version beside Keras's.

    Example:

        >>> writer({"keras_version": "3.15.1", "cornu_version": "0.1.0"})
        'Cornu 0.1.0'
    """
    if not isinstance(metadata, dict):
        return None
    for library in ("cornu", "keras"):
        version = metadata.get(f"{library}_version")
        if isinstance(version, str):
            return f"{library.capitalize()} {version[:40]}"
    return None
