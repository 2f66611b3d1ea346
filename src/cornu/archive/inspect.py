"""Inspection of a file without loading it.

    m.keras, directory     members, config.json, the table of contents of the weights
    *.h5                   attributes with the config, the table of contents
    *.weights.h5, .json    the table of contents
    *.safetensors          the header

Each part is read through the safe readers, within their limits; a part that they refuse becomes a
finding, and the other parts are told nevertheless. No array is read and no name is looked up: what
the config asks for is judged by a function that the caller passes.
"""

import json
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jax.numpy as jnp

from cornu.archive.legacy_h5 import LegacyGroup, LegacyReader
from cornu.archive.regular import open_within, require_no_links
from cornu.archive.safeh5 import Spec
from cornu.archive.safejson import parse
from cornu.archive.safetensors import SafetensorsReader
from cornu.archive.safezip import SafeZip, check_member_name
from cornu.archive.stores import H5Reader, open_reader
from cornu.errors import UnsafeFileError, make_error, value_error
from cornu.findings import DANGER, WARNING, Finding, by_severity
from cornu.names import to_snake_case
from cornu.types import Config

TRAINING = "cornu.training.json"
_KNOWN = ("metadata.json", "config.json", "model.weights.h5", "cornu.state.h5", TRAINING,
          "README.md")  # fmt: skip
_MAX_ROWS = 10_000

Judge = Callable[[Any, int | None], Iterable[tuple[str, str]]]


@dataclass(frozen=True)
class Array:
    """A stored array: where, its shape and dtype, and the bytes it takes in memory."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int


@dataclass(frozen=True)
class LayerEntry:
    """A layer that a config describes.

    Attributes:
        name: name of the layer.
        kind: class of the layer.
        depth: number of models that it is nested in.
        inputs: input shape as text; empty if unknown.
        parameters: number of elements of its arrays in the file; None if unknown.
    """

    name: str
    kind: str
    depth: int
    inputs: str
    parameters: int | None


@dataclass
class Inspection:
    """The result; see `LayerEntry`, `Array` and `Finding`.

    Attributes:
        path: path of the file.
        kind: kind of the file, in words.
        bytes: size of the file.
        written_by: library and version, or None.
        date: date of the save according to the file, or None.
        model: class and name of the model, or None.
        optimizer: class of the optimizer of `compile`, or None.
        layers: layers of the config.
        arrays: stored arrays.
        members: dict from the members of an archive to their sizes.
        findings: findings, the worst first.
    """

    path: str
    kind: str
    bytes: int
    written_by: str | None = None
    date: str | None = None
    model: str | None = None
    optimizer: str | None = None
    layers: list[LayerEntry] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)
    members: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_dangerous(self) -> bool:
        """Whether loading refuses the file."""
        return any(f.severity == DANGER for f in self.findings)

    @property
    def parameters(self) -> int:
        """Elements of the arrays of layers, those of optimizers left out."""
        return sum(math.prod(a.shape) for a in self.arrays if not is_of_optimizer(a.path))

    def to_json(self) -> str:
        """All of it as JSON."""
        findings = [{"level": f.severity, "text": f.what} for f in self.findings]
        told = {**asdict(self), "findings": findings, "parameters": self.parameters}
        return json.dumps(told, indent=2)


def is_of_optimizer(path: str) -> bool:
    """Whether an array belongs to an optimizer, by its path."""
    return any(part in ("optimizer", "optimizer_weights") for part in path.split("/"))


def inspect_file(path: str | os.PathLike[str], judge: Judge | None = None) -> Inspection:
    """Inspect a file of a model or of weights.

    Args:
        path: a `.keras`, `.h5`, `.hdf5`, `.weights.h5`, `.weights.json` or `.safetensors` file, or
            the directory of a saved model.
        judge: function of the config and the number of stored elements that yields findings as
            `(level, text)`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file has an unknown suffix.

    Example:

        >>> import tempfile
        >>> import numpy as np
        >>> from cornu.archive.safetensors import write_safetensors
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_safetensors(f"{folder}/a.safetensors", {"bias": np.zeros(3, "float32")})
        ...     found = inspect_file(f"{folder}/a.safetensors")
        >>> found.kind, found.parameters, found.findings
        ('weights (safetensors)', 3, [])
    """
    file, name = Path(path), os.fspath(path)
    if not file.exists():
        raise make_error(FileNotFoundError, f"There is no file {name!r}.")
    kinds: list[tuple[Any, str, Callable[[Path, Inspection, Judge], None]]] = [
        (file.is_dir(), "model (directory)", _directory),
        (name.endswith(".keras"), "model (.keras)", _archive),
        (name.endswith(".weights.json"), "weights in several files", _weights),
        (name.endswith(".weights.h5"), "weights (.weights.h5)", _weights),
        (name.endswith((".h5", ".hdf5")), "Keras 2 style file (.h5)", _legacy),
        (name.endswith(".safetensors"), "weights (safetensors)", _safetensors),
    ]
    found = next((kind for kind in kinds if kind[0]), None)
    if found is None:
        raise value_error(
            f"The file {name!r} has an unknown suffix.",
            known=".keras, .h5, .hdf5, .weights.h5, .weights.json, .safetensors, a directory",
        )
    inspection = Inspection(name, found[1], _size(file))
    _guarded(inspection, lambda: found[2](file, inspection, judge or (lambda config, n: ())))
    inspection.findings = by_severity(inspection.findings)
    return inspection


def _size(file: Path) -> int:
    if not file.is_dir():
        return file.stat().st_size
    inside = (f for f in file.rglob("*") if f.is_file() and not f.is_symlink())
    return sum(f.stat().st_size for f in inside)


def _guarded(inspection: Inspection, read: Callable[[], Any]) -> Any:
    """What `read` gives; None, and a finding, where a reader refuses."""
    try:
        return read()
    except (ValueError, OSError, KeyError) as error:
        level = DANGER if isinstance(error, UnsafeFileError) else WARNING
        # The report says the path above everything.
        said = str(error).replace(f"{inspection.path!r} ", "").split("\n")
        facts = [" ".join(line.split()) for line in said[1:]]
        facts = [fact for fact in facts if not fact.startswith(("fix:", "detail:"))][:5]
        text = f"{said[0].rstrip('.')} ({', '.join(facts)})." if facts else said[0]
        inspection.findings.append(Finding(level, text[:600]))
        return None


# ---- whole models ------------------------------------------------------------------------------


def _archive(path: Path, found: Inspection, judge: Judge) -> None:
    with open(path, "rb") as file:
        if file.read(2) != b"PK":
            found.findings.append(Finding(WARNING, "Something else stands before the archive."))
    with SafeZip(path) as archive:
        found.members = {name: archive.size(name) for name in archive.names}
        _members(found)
        _model(
            found,
            judge,
            read=lambda name: archive.read(name),
            store=lambda name: H5Reader(archive.open(name), packed=archive.packed_size(name)),
        )


def _directory(path: Path, found: Inspection, judge: Judge) -> None:
    files = sorted(f for f in path.rglob("*") if not f.is_dir())[:_MAX_ROWS]
    for file in files:
        name = file.relative_to(path).as_posix()
        if file.is_symlink() or not file.is_file():
            what = "a link" if file.is_symlink() else "no regular file"
            found.findings.append(Finding(WARNING, f"{name!r} is {what}."))
        if file.is_file():
            found.members[name] = file.stat().st_size
    _members(found)

    def read(name: str) -> bytes:
        with open_within(path, name) as file:
            return file.read(64 * 2**20 + 1)

    def store(name: str) -> H5Reader:
        require_no_links(path, name)
        return H5Reader(path / name)

    _model(found, judge, read, store)


def _members(found: Inspection) -> None:
    """Findings about the names of the parts."""
    for name in found.members:
        try:
            check_member_name(name.rstrip("/") or "/")
        except ValueError:
            text = f"A member is named {name[:80]!r}, which points out of any folder."
            found.findings.append(Finding(WARNING, text))
            continue
        if name not in _KNOWN and not name.startswith("assets/"):
            found.findings.append(Finding(WARNING, f"{name[:80]!r} is no part of a model."))
    if "metadata.json" not in found.members:
        found.findings.append(Finding(WARNING, "It has no metadata.json: no library writes such."))


def _model(
    found: Inspection,
    judge: Judge,
    read: Callable[[str], bytes],
    store: Callable[[str], H5Reader],
) -> None:
    def table(name: str) -> None:
        _table(found, store(name), name)

    if "metadata.json" in found.members:
        metadata = _guarded(found, lambda: parse(read("metadata.json"), what="metadata.json"))
        _writer(found, metadata if isinstance(metadata, dict) else {})
    if TRAINING in found.members:
        _guarded(found, lambda: parse(read(TRAINING), what=TRAINING))
    for name in ("model.weights.h5", "cornu.state.h5"):
        if name in found.members:
            _guarded(found, partial(table, name))
        elif name == "model.weights.h5":
            found.findings.append(Finding(WARNING, f"It has no {name}, so it cannot be loaded."))
    if "config.json" not in found.members:
        found.findings.append(Finding(WARNING, "It has no config.json, so it is no model."))
        return
    config = _guarded(found, lambda: parse(read("config.json"), what="config.json"))
    if config is not None:
        _describe(found, config, judge, by_name=None)


def _writer(found: Inspection, metadata: Mapping[str, Any]) -> None:
    for library in ("cornu", "keras"):
        version = metadata.get(f"{library}_version")
        if isinstance(version, str) and found.written_by is None:
            found.written_by = f"{library.capitalize()} {version[:40]}"
    date = metadata.get("date_saved")
    if isinstance(date, str):
        found.date = date[:40].replace("@", " ")


def _table(found: Inspection, reader: H5Reader, member: str) -> None:
    """The arrays of a store; those of the state are told apart by the member's name."""
    with reader:
        for path in reader.paths():
            for key, spec in reader.entries(path).items():
                prefix = "" if member == "model.weights.h5" else f"{member}:"
                found.arrays.append(_array(f"{prefix}{path}/{key}".replace(":/", ":"), spec))
    found.arrays.sort(key=lambda a: a.path.startswith("cornu.state.h5"))


def _array(path: str, spec: Spec) -> Array:
    shape, dtype = tuple(spec[0]), jnp.dtype(spec[1])
    return Array(path.lstrip("/"), shape, dtype.name, math.prod(shape) * dtype.itemsize)


def _describe(
    found: Inspection, config: Config, judge: Judge, by_name: Mapping[str, int] | None
) -> None:
    """What a config says, and what the judge says of it."""
    if isinstance(config, dict):
        inner = config.get("config")
        name = inner.get("name") if isinstance(inner, dict) else None
        found.model = f"{config.get('class_name')} {name!r}"[:200]
        compiled = config.get("compile_config")
        optimizer = compiled.get("optimizer") if isinstance(compiled, dict) else None
        if isinstance(optimizer, dict):
            found.optimizer = str(optimizer.get("class_name"))[:80]
    counts = by_name if by_name is not None else _counts(found.arrays)
    for row in _layers(config, "", 0, counts, by_name is not None):
        if len(found.layers) >= _MAX_ROWS:
            found.findings.append(Finding(WARNING, f"Layers after {_MAX_ROWS} are not shown."))
            break
        found.layers.append(row)
    stored = sum(math.prod(a.shape) for a in found.arrays)
    found.findings += [Finding(level, text[:600]) for level, text in judge(config, stored)]


def _counts(arrays: Iterable[Array]) -> dict[str, int]:
    """Path -> elements of all arrays at or below it."""
    counts: Counter[str] = Counter()
    for array in (a for a in arrays if not is_of_optimizer(a.path)):
        parts = array.path.split("/")[:-1]
        for i in range(len(parts) + 1):
            counts["/".join(parts[:i])] += math.prod(array.shape)
    return counts


def _layers(
    config: Config, path: str, depth: int, counts: Mapping[str, int], by_name: bool
) -> Iterator[LayerEntry]:
    """The layers of a model's config, those of models inside after the model's own row.

    The depth of JSON is limited, so this may call itself.
    """
    inner = config.get("config") if isinstance(config, dict) else None
    entries = inner.get("layers") if isinstance(inner, dict) else None
    numbers: Counter[str] = Counter()
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            continue
        own = entry.get("config")
        own = own if isinstance(own, dict) else {}
        kind, name = str(entry.get("class_name")), str(own.get("name", entry.get("name", "")))
        place, parameters = "", None
        if by_name:
            parameters = counts.get(name) if depth == 0 else None
        elif not str(entry.get("module")).startswith("keras.src.ops"):
            snake = to_snake_case(kind[:200])
            number = numbers[snake]
            numbers[snake] += 1
            place = f"{path}/layers/{snake}{f'_{number}' if number else ''}".lstrip("/")
            parameters = counts.get(place, 0)
        yield LayerEntry(name[:200], kind[:200], depth, _inputs(entry, own), parameters)
        yield from _layers(entry, place, depth + 1, counts, by_name)


def _inputs(entry: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """The shape that a layer was built for, as text."""
    build = entry.get("build_config")
    build = build if isinstance(build, dict) else {}
    shape = build.get("input_shape") or own.get("batch_shape") or own.get("batch_input_shape")
    if shape is None and isinstance(build.get("shapes_dict"), dict):
        shape = list(build["shapes_dict"].values())
    return _shape_text(shape)[:120]


def _shape_text(shape: object) -> str:
    if not isinstance(shape, (list, tuple)):
        return "" if shape is None else str(shape)[:120]
    if all(n is None or isinstance(n, int) for n in shape):
        return f"({', '.join(str(n) for n in shape)})"
    return ", ".join(_shape_text(s) for s in shape[:8])


# ---- weights, and files of Keras 2's kind ------------------------------------------------------


def _weights(path: Path, found: Inspection, judge: Judge) -> None:
    _table(found, open_reader(path), "model.weights.h5")


def _safetensors(path: Path, found: Inspection, judge: Judge) -> None:
    with SafetensorsReader(path) as reader:
        found.arrays = [_array(name, spec) for name, spec in reader.specs.items()]
        by = reader.metadata.get("format") or reader.metadata.get("written_by")
        found.written_by = by[:80] if by else None


def _legacy(path: Path, found: Inspection, judge: Judge) -> None:
    with LegacyReader(path) as reader:
        if reader.keras_version is not None:
            found.written_by = f"Keras {reader.keras_version[:40]}"
        groups: list[tuple[str, LegacyGroup | None]] = [(g.name, g) for g in reader.layers]
        groups += [("top_level", reader.top_level), ("optimizer_weights", reader.optimizer)]
        counts: Counter[str] = Counter()
        for name, group in groups:
            for weight, spec in ({} if group is None else group.weights).items():
                found.arrays.append(_array(f"{name}/{weight}", spec))
                counts[name] += math.prod(spec[0])
        texts = {"model_config": reader.model_config, "training_config": reader.training_config}
    for what, text in texts.items():
        read = partial(parse, text or "", what=what)
        config = None if text is None else _guarded(found, read)
        if what == "model_config" and config is not None:
            _describe(found, config, judge, counts)
        elif isinstance(config, dict):
            optimizer = config.get("optimizer_config")
            kind = optimizer.get("class_name") if isinstance(optimizer, dict) else None
            found.optimizer = None if kind is None else str(kind)[:80]
            stored = sum(math.prod(a.shape) for a in found.arrays)
            found.findings += [Finding(level, t[:600]) for level, t in judge(config, stored)]
    if texts["model_config"] is None:
        found.kind = "weights of Keras 2 (.h5)"
