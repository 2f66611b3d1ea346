"""`KerasFileEditor`: inspect and change the weights of a file without its model.

    m.keras, m.weights.h5, m.weights.json
        |  the safe readers: limits, links, filters, shapes (archive/)
        v
    path -> {key -> array}      layers/dense -> {"0": (4, 3), "1": (3,)}
        |  rename, delete, add
        v
    n.weights.h5                written beside an old one, which it then replaces

The config of a `.keras` file is parsed, within limits, and shown; no model is made of it. All
weights are kept in memory.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cornu.archive.safejson import parse
from cornu.archive.stores import H5Reader, H5Writer, open_reader
from cornu.archive.walk import plan_load
from cornu.errors import did_you_mean, make_error, value_error
from cornu.reports.table import printable
from cornu.storage.container import CONFIG, METADATA, is_model_file, opened
from cornu.storage.stored_objects import objects_in
from cornu.storage.vetting import loading


class KerasFileEditor:
    """The weights of a file, to be listed, compared, changed and saved again.

    An object is named by its path (`"layers/dense"`), or by the last part of it if that is unique.

    Args:
        filepath: `.keras`, `.weights.h5` or `.weights.json` file, or directory of a model.

    Attributes:
        filepath: path of the file.
        config: config of the model, as JSON values; None for a file of weights.
        metadata: metadata of a `.keras` file, as JSON values; None for others.
        weights_dict: dict from the path of an object to a dict from key to array.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file has another suffix, or is damaged.
        UnsafeFileError: the file is malicious.

    Example:

        >>> import tempfile
        >>> from cornu.layers import Dense, Input
        >>> from cornu.models import Sequential
        >>> model = Sequential([Input((4,)), Dense(2, name="out")])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save_weights(f"{folder}/m.weights.h5")
        ...     editor = KerasFileEditor(f"{folder}/m.weights.h5")
        ...     editor.rename_object("dense", new_name="head")
        ...     editor.save(f"{folder}/n.weights.h5")
        ...     KerasFileEditor(f"{folder}/n.weights.h5").summary()
        Weights of 'n.weights.h5'
        └─ layers
           └─ head
              ├─ 0: shape=(4, 2), dtype=float32
              └─ 1: shape=(2,), dtype=float32
    """

    def __init__(self, filepath: str | os.PathLike[str]) -> None:
        self.filepath = os.fspath(filepath)
        self.config: Any = None
        self.metadata: Any = None
        if not os.path.exists(self.filepath):
            raise make_error(FileNotFoundError, f"There is no file {self.filepath!r}.")
        with loading(f"the file {self.filepath!r}"):
            self._read()

    def _read(self) -> None:
        if is_model_file(self.filepath):
            with opened(self.filepath) as content:
                names = {CONFIG: "config", METADATA: "metadata"}
                for member in names.keys() & set(content.names):
                    setattr(self, names[member], parse(content.read(member), what=member))
                with content.weights() as reader:
                    self.weights_dict = _contents(reader)
        elif self.filepath.endswith((".weights.h5", ".weights.json")):
            with open_reader(self.filepath) as reader:
                self.weights_dict = _contents(reader)
        else:
            raise value_error(
                "filepath must end in .keras, .weights.h5 or .weights.json, got "
                f"{self.filepath!r}.",
                fix="load an .h5 file of Keras 2's kind and save it as .keras first.",
            )

    # ---- looking ------------------------------------------------------------------------------

    def summary(self) -> None:
        """Print the objects and the shapes of their weights as a tree."""
        tree: dict[str, Any] = {}
        for path, weights in self.weights_dict.items():
            at = tree
            for part in path.split("/") if path else ():
                at = at.setdefault(part, {})
            for key, array in weights.items():
                at[f"{key}: shape={array.shape}, dtype={array.dtype.name}"] = {}
        print(f"Weights of {os.path.basename(self.filepath)!r}")
        for line in _tree(tree, ""):
            print(printable(line))

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Compare the weights with those of a model, and print what differs.

        Args:
            reference_model: built model.

        Returns:
            `{"status": "success" or "error", "error_count": ..., "match_count": ...}`, where errors
            are weights of another shape, and objects that only one side has.
        """
        expected = {path: _own_specs(obj) for path, obj in objects_in(reference_model).items()}
        report = plan_load(expected, _Shown(self))
        matches = sum(len(self.weights_dict[path]) for path in report.matched.values())
        shapes = [
            pair
            for d in report.mismatched
            for pair in zip(d.expected or (), d.found or (), strict=False)
        ]
        matches += sum(a[0] == b[0] for a, b in shapes)
        differ = sum(a[0] != b[0] for a, b in shapes)
        differ += sum(abs(len(d.expected or ()) - len(d.found or ())) for d in report.mismatched)
        errors = differ + len(report.missing) + len(report.unused)
        print(report.describe())
        fits = "fits" if not errors else "does not fit"
        print(f"The file {fits} model '{reference_model.name}': {matches} weights match.")
        return {
            "status": "error" if errors else "success",
            "error_count": errors,
            "match_count": matches,
        }

    # ---- changing -----------------------------------------------------------------------------

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Rename the last part of the path of an object, and of all below it.

        Raises:
            ValueError: the name is unknown or ambiguous, or the new one is taken.
        """
        path = self._find(object_name)
        if "/" in new_name:
            raise value_error(
                f"new_name must be the last part of a path, without '/', got {new_name!r}.",
                fix=f"rename_object({path!r}, {new_name.rpartition('/')[2]!r})",
            )
        parent = path.rpartition("/")[0]
        target = _checked(f"{parent}/{new_name}".lstrip("/"))
        if any(_is_below(other, target) for other in self.weights_dict):
            raise value_error(f"There is an object at {target!r} already.")
        self.weights_dict = {
            target + other[len(path) :] if _is_below(other, path) else other: weights
            for other, weights in self.weights_dict.items()
        }

    def delete_object(self, object_name: str) -> None:
        """Remove an object and all below it.

        Raises:
            ValueError: the name is unknown or ambiguous.
        """
        path = self._find(object_name)
        kept = {p: w for p, w in self.weights_dict.items() if not _is_below(p, path)}
        self.weights_dict = kept

    def add_object(self, object_path: str, weights: Mapping[str, Any]) -> None:
        """Add an object with weights.

        Args:
            object_path: path, such as `"layers/dense_3"`.
            weights: dict from key (`"0"`, `"1"`, ...) to array.

        Raises:
            ValueError: the path is taken, or `weights` is not a dict of arrays.
        """
        path = _checked(object_path.strip("/"))
        if any(_is_below(other, path) for other in self.weights_dict):
            raise value_error(
                f"There is an object at {path!r} already.",
                fix="add_weights adds to it, delete_object removes it.",
            )
        self.weights_dict[path] = _arrays(weights)

    def add_weights(self, object_name: str, weights: Mapping[str, Any]) -> None:
        """Add weights to an object, replacing those of the same keys.

        Raises:
            ValueError: the name is unknown or ambiguous, or `weights` is not a dict of arrays.
        """
        self.weights_dict.setdefault(self._find(object_name), {}).update(_arrays(weights))

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Remove one weight of an object.

        Raises:
            ValueError: the object or weight is unknown, or the name is ambiguous.
        """
        path = self._find(object_name)
        weights = self.weights_dict.get(path, {})
        if weight_name not in weights:
            raise value_error(
                f"The object at {path!r} has no weight {weight_name!r}.",
                fix=did_you_mean(weight_name, weights),
            )
        del weights[weight_name]

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Write the weights to a `.weights.h5` file.

        Raises:
            ValueError: `filepath` has another suffix.
        """
        if not os.fspath(filepath).endswith(".weights.h5"):
            raise value_error(
                f"filepath must end in '.weights.h5', got {os.fspath(filepath)!r}.",
                fix="load the file into its model and save that, for a '.keras' file.",
            )
        with H5Writer(filepath) as store:
            for path, weights in self.weights_dict.items():
                store.write(path, path.rpartition("/")[2], weights)

    def resave_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Alias of `save`."""
        self.save(filepath)

    def _find(self, name: str) -> str:
        """The path of an object, or of what holds some, from its path or its last part."""
        given = name.strip("/")
        places = {part for path in self.weights_dict for part in _and_above(path)}
        if given in places:
            return given
        found = sorted(p for p in places if p.rpartition("/")[2] == given)
        if len(found) == 1:
            return found[0]
        if found:
            raise value_error(
                f"Several objects are named {name!r}.",
                found=", ".join(found[:8]),
                fix="give the whole path.",
            )
        known = {*places, *(p.rpartition("/")[2] for p in places)}
        raise value_error(
            f"There is no object {name!r} in the file.",
            fix=f"{did_you_mean(given, known)} summary() lists all.".lstrip(),
        )


class _Shown:
    """The weights of an editor, as `plan_load` asks for those of a file."""

    def __init__(self, editor: KerasFileEditor):
        self.label = f"The file {editor.filepath!r}"
        self._weights = editor.weights_dict

    def paths(self) -> list[str]:
        return list(self._weights)

    def shapes(self, inner_path: str) -> list[Any]:
        return [(array.shape, array.dtype) for array in self._weights[inner_path].values()]


def _contents(reader: H5Reader) -> dict[str, dict[str, np.ndarray]]:
    made = {}
    for path in reader.paths():
        entries = reader.entries(path)
        arrays = reader.read(path, list(entries.values()))
        made[path] = dict(zip(entries, arrays, strict=True))
    return made


def _own_specs(obj: Any) -> list[Any]:
    store: dict[str, Any] = {}
    obj.save_own_variables(store)
    return [(tuple(np.shape(v)), getattr(v, "dtype", None) or np.asarray(v).dtype)
            for v in store.values()]  # fmt: skip


def _arrays(weights: Any) -> dict[str, np.ndarray]:
    named = isinstance(weights, Mapping) and all(isinstance(k, str) and k for k in weights)
    arrays = {k: np.asarray(v) for k, v in weights.items()} if named else {}
    if not named or any(a.dtype.kind in "OUS" or "/" in k for k, a in arrays.items()):
        raise value_error(
            f"weights must be a dict of arrays by key, got {type(weights).__name__}.",
            fix="{'0': kernel, '1': bias}",
        )
    return arrays


def _checked(path: str) -> str:
    if not path or any(p in ("", ".", "..", "vars") or "\0" in p for p in path.split("/")):
        raise value_error(
            f"object_path must be a path such as 'layers/dense', got {path!r}.",
            fix="'layers/dense_3'",
        )
    return path


def _and_above(path: str) -> Iterator[str]:
    """A path and those of all that holds it: `a/b/c`, `a/b`, `a`."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def _is_below(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")


def _tree(branch: dict[str, Any], indent: str) -> Iterator[str]:
    for i, (name, below) in enumerate(branch.items()):
        last = i == len(branch) - 1
        yield f"{indent}{'└─' if last else '├─'} {name}"
        yield from _tree(below, indent + ("   " if last else "│  "))
