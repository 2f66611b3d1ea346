"""What in data looks like a mistake, as findings with a fix.

error      training on it goes wrong, or a test on it means nothing
warning    it looks like a mistake
note       good to know before the first `fit`
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cornu.data.describing.description import Column, Description, Part
from cornu.findings import ERROR, NOTE, WARNING, Finding, by_severity

UNBALANCED = 10  # times as many samples in the largest class as in the smallest
FEW = 10  # samples of a class
APART = 1_000  # times the spread of one column to that of another
NAMED = 5  # names in a sentence


def findings_of(found: Description) -> list[Finding]:
    """All findings, the most serious first."""
    all_of_them: list[Finding] = []
    for k, part in enumerate(found.parts):
        where = f"in the {part.name} data" if part.name else ""
        judged = [*_of_columns(part), *_of_classes(part), *_of_copies(part), *_of_files(part)]
        judged += _of_scale(part) if k == 0 else []
        all_of_them += [replace(finding, where=where) for finding in judged]
    all_of_them += _between(found)
    return by_severity(all_of_them)


def _of_columns(part: Part) -> Iterator[Finding]:
    is_table = len(part.columns) > 1 or any(not c.shape for c in part.columns)
    for column in [*part.columns, *([part.target] if part.target else [])]:
        yield from _of_column(column, f"Column {column.name}" if is_table else column.name)
    constant = [column for column in part.columns if column.is_constant]
    if 0 < len(constant) <= NAMED:
        for column in constant:
            value = f": {column.low:g}" if column.kind == "numbers" else ""
            yield _warning(
                "constant",
                f"Column {column.name} has the same value in every row{value}.",
                fix="leave the column out: a model learns nothing from it.",
            )
    elif constant:
        yield _warning(
            "constant",
            f"{len(constant):,} columns have the same value in every row.",
            fix="leave them out: a model learns nothing from them.",
            columns=_some([c.name for c in constant]),
        )


def _of_column(column: Column, name: str) -> Iterator[Finding]:
    if column.missing:
        share = f"{column.missing / max(column.count, 1):.1%} of the samples"
        if column.kind == "numbers":
            facts = {} if column.shape else {"missing": share}
            yield _error(
                "missing",
                f"{name} has {column.missing:,} NaN.",
                **facts,
                fix="fill them, or leave the samples out:\nx = x[~np.isnan(x).any(axis=-1)]",
            )
        else:
            what = "empty texts" if column.kind == "texts" else "empty lists"
            yield _warning(
                "missing",
                f"{name} has {_many(column.missing, 'missing value')} or {what}.",
                missing=share,
            )
    if column.infinite:
        yield _error(
            "infinite",
            f"{name} has {_many(column.infinite, 'infinite value')}.",
            fix="look for divisions by zero and logarithms of 0.",
        )
    if column.kind == "texts" and column.count > 20 and column.distinct == column.count:
        yield _note(
            f"{name} has another value in every row, as names and numbers of rows have.",
            "leave it out if it only names the rows.",
            "identifier",
        )


def _of_scale(part: Part) -> Iterator[Finding]:
    images = [c for c in part.columns if len(c.shape) > 1 and c.low == 0 and c.high == 255]
    if images:
        yield _note(
            f"{images[0].name} has values from 0 to 255.",
            "x / 255, or layers.Rescaling(1 / 255) as the first layer",
            "scale",
        )
    spreads = [c for c in part.columns if c.kind == "numbers" and not c.shape and c.std]
    if len(spreads) > 1:
        wide = max(spreads, key=lambda c: c.std or 0)
        narrow = min(spreads, key=lambda c: c.std or 0)
        if (wide.std or 0) > APART * (narrow.std or 1):
            yield _note(
                f"Columns have very different scales: {wide.name} spreads by {wide.std:.3g}, "
                f"{narrow.name} by {narrow.std:.3g}.",
                "layers.Normalization(), adapted to the training data",
                "scale",
            )


def _of_classes(part: Part) -> Iterator[Finding]:
    counts = part.classes
    if counts is None:
        return
    if len(counts) == 1:
        yield _warning(
            "classes",
            f"All samples have the label {next(iter(counts))!r}.",
            fix="check how the labels are read: there is nothing to tell apart.",
        )
        return
    empty = [name for name, count in counts.items() if not count]
    if empty:
        yield _warning(
            "classes",
            f"{_many(len(empty), 'class', 'classes')} without samples.",
            classes=_some(empty),
            fix="remove the empty folders, or they take an output of the model.",
        )
    there = {name: count for name, count in counts.items() if count}
    if not there:
        return
    large, small = max(there, key=lambda n: there[n]), min(there, key=lambda n: there[n])
    if there[large] >= UNBALANCED * there[small]:
        yield _warning(
            "balance",
            f"Class {large!r} has {there[large]:,} samples and class {small!r} {there[small]:,}.",
            fix="look at more than accuracy, or pass class_weight to fit.",
        )
    if part.is_sorted:
        yield _warning(
            "order",
            "The samples come class by class.",
            fix="shuffle them before validation_split, which takes the last ones.",
        )


def _of_copies(part: Part) -> Iterator[Finding]:
    if part.conflicts:
        yield _error(
            "conflicts",
            f"{_many(part.conflicts, 'sample')} came before with another label.",
            fix="decide on one label, or leave them out.",
        )
    if part.copies > part.conflicts:
        yield _warning(
            "copies",
            f"{_many(part.copies - part.conflicts, 'copy', 'copies')} of earlier samples.",
            fix="remove the copies before splitting off validation data.",
        )
    if part.similar:
        yield _note(
            f"{_many(part.similar, 'image')} like others: resized, saved again, or of a burst.",
            "keep those that belong together on one side of a split.",
            "similar",
        )


def _of_files(part: Part) -> Iterator[Finding]:
    if part.unreadable:
        name, why = next(iter(part.unreadable.items()))
        yield _error(
            "unreadable",
            f"{_many(len(part.unreadable), 'file')} cannot be read.",
            first=f"{name}: {why}",
            files=_some(list(part.unreadable)),
            fix="delete or replace them, or read the folder with on_error='skip'.",
        )
    sentences = {
        "modes": ("Images have different modes", "color_mode='rgb' reads all of them alike."),
        "rates": (
            "Sounds have different sampling rates",
            "output_sequence_length and a sampling rate bring them to one.",
        ),
        "channels": ("Sounds have different numbers of channels", "average the channels."),
    }
    for fact, (sentence, fix) in sentences.items():
        counts = part.facts.get(fact)
        if isinstance(counts, Mapping) and len(counts) > 1:
            listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
            yield _note(f"{sentence}: {listed}.", fix, fact)
    plain = {
        "contrast": "images of one colour",
        "loudness": "silent sounds",
        "content": "empty texts",
    }
    for fact, what in plain.items():
        count = sum(part.facts.get(fact, {}).values())
        if count:
            yield _warning(fact, f"{count:,} {what}.", fix="look at them.")
    odd = part.facts.get("values that are no numbers")
    if odd:
        listed = ", ".join(f"{name} {count:,}" for name, count in odd.items())
        yield _warning(
            "odd",
            f"Columns of numbers have other values: {listed}.",
            fix="correct them, or name what stands for a missing value.",
        )
    ragged = part.facts.get("rows of another length")
    if ragged:
        yield _error(
            "ragged",
            f"{_many(ragged, 'row')} with more or fewer fields than the first.",
            fix="quote fields that hold the separator.",
        )


def _between(found: Description) -> Iterator[Finding]:
    if found.shared:
        yield _error(
            "shared",
            f"{_many(found.shared, 'sample')} of the test data also in the training data.",
            fix="remove them from one of the two: a test on them measures memory.",
        )
    if len(found.parts) < 2:
        return
    first, *others = found.parts
    for part in others:
        if first.classes is None or part.classes is None:
            continue
        unknown = [name for name in part.classes if name not in first.classes]
        if unknown:
            yield _error(
                "classes",
                f"The {part.name} data has classes that the {first.name} data has not.",
                classes=_some(unknown),
                fix="split the samples of every class.",
            )


def _error(kind: str, what: str, *, fix: str | None = None, **facts: object) -> Finding:
    return Finding(ERROR, what, facts, fix, kind=kind)


def _warning(kind: str, what: str, *, fix: str | None = None, **facts: object) -> Finding:
    return Finding(WARNING, what, facts, fix, kind=kind)


def _note(what: str, fix: str, kind: str) -> Finding:
    return Finding(NOTE, what, fix=fix, kind=kind)


def _some(names: Sequence[str]) -> str:
    more = f", and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(map(str, names[:NAMED])) + more


def _many(count: int, one: str, more: str | None = None) -> str:
    """A number of things: `1 copy`, `3 copies`."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"
