"""The weights of a model by name, in `.safetensors` files.

    "seq/h1/kernel"    the path of a variable: model, layer and variable by their names
    metadata "places"  {"seq/h1/kernel": "layers/dense/vars/0", ...}: where Keras would store it

A file is read by names where it has all names of the model; else, as automatic names differ from
process to process (`dense_7`), by places. Files of other programs have no places.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from cornu.archive.safeh5 import Spec, fits
from cornu.archive.safejson import parse
from cornu.archive.safetensors import SafetensorsReader, write_safetensors
from cornu.archive.walk import Difference, Report, why_mismatched
from cornu.errors import did_you_mean, warn
from cornu.layers.base.layer import Layer
from cornu.layers.base.own import own_weights
from cornu.storage.load_report import LoadReport
from cornu.storage.stored_objects import all_finite, objects_in, stored_by
from cornu.types import FilePath
from cornu.version import __version__

_PLACES = "places"


@dataclass(frozen=True)
class _Weight:
    """One array of a model: its name and place, and the layer that takes it by `key`."""

    name: str
    place: str
    owner: Any
    key: str
    value: Any

    @property
    def spec(self) -> Spec:
        return tuple(np.shape(self.value)), getattr(self.value, "dtype", None) or "float32"


def save_named(model: Any, path: Any) -> None:
    """Save the weights of a model's layers, without the optimizer."""
    weights = _weights_of(model)
    places = {weight.name: weight.place for weight in weights}
    metadata = {"format": "keras", "cornu_version": __version__, _PLACES: json.dumps(places)}
    arrays = {w.name: getattr(w.value, "value", w.value) for w in weights}
    write_safetensors(path, arrays, metadata)


def _weights_of(model: Any) -> list[_Weight]:
    found: list[_Weight] = []
    taken: set[str] = set()
    for path, obj in objects_in(model).items():
        if not isinstance(obj, Layer):
            continue
        own = own_weights(obj)
        for key, value in stored_by(obj).items():
            variable = value
            if not hasattr(value, "path"):  # a merged kernel, say, in the variable's place
                nth = int(key) if key.isdecimal() else len(own)
                variable = own[nth] if nth < len(own) else None
            place = f"{path}/vars/{key}".lstrip("/")
            name = place if variable is None else variable.path
            number = 0
            while name in taken:
                number += 1
                name = f"{variable.path if variable is not None else place}_{number}"
            taken.add(name)
            found.append(_Weight(name, place, obj, key, value))
    return found


def load_named(model: Any, filepath: FilePath, *, skip_mismatch: bool = False) -> LoadReport:
    """Load the weights of a `.safetensors` file into a model.

    Raises:
        ValueError: weights are missing or of another shape; the model is not changed.
        UnsafeFileError: the file is malicious.
    """
    weights = _weights_of(model)
    with SafetensorsReader(filepath) as reader:
        names = _matched(weights, reader)
        report = _compared(weights, names, reader)
        if not report.complete and not skip_mismatch:
            raise report.misfit(model.name)
        if not report.complete or report.unused:
            warn(f"Not everything was loaded. {report.describe()}")
        nonfinite = _read(weights, report.matched, reader)
        by = reader.metadata.get("cornu_version")
    written_by = None if by is None else f"Cornu {by[:40]}"
    return LoadReport(report, written_by=written_by, nonfinite=tuple(nonfinite))


def _matched(weights: list[_Weight], reader: SafetensorsReader) -> dict[str, str]:
    """Name in the model -> name in the file, for what the file seems to have."""
    by_name = {w.name: w.name for w in weights if w.name in reader.specs}
    if len(by_name) == len(weights) or _PLACES not in reader.metadata:
        return by_name
    places = parse(reader.metadata[_PLACES], what=f"The metadata of {reader.label}")
    if not isinstance(places, dict):
        return by_name
    at = {str(place): name for name, place in places.items() if name in reader.specs}
    by_place = {w.name: at[w.place] for w in weights if w.place in at}
    return by_place if len(by_place) >= len(by_name) else by_name


def _compared(
    weights: list[_Weight], names: Mapping[str, str], reader: SafetensorsReader
) -> Report:
    matched, missing, mismatched = {}, [], []
    left = {name: spec for name, spec in reader.specs.items() if name not in names.values()}
    for w in weights:
        name = names.get(w.name)
        if name is None:
            why = f"the file has no array of this name; {did_you_mean(w.name, list(left)[:200])}"
            missing.append(Difference(w.name, (w.spec,), None, why))
            continue
        found = reader.specs[name]
        if found[0] == w.spec[0] and fits(jnp.dtype(found[1]), w.spec[1]):
            matched[w.name] = name
        else:
            why = why_mismatched([w.spec], [found])
            mismatched.append(Difference(w.name, (w.spec,), (found,), why))
    unused = [Difference(n, None, (s,), "the model has no such variable.") for n, s in left.items()]
    return Report(reader.label, matched, tuple(missing), tuple(unused), tuple(mismatched))


def _read(
    weights: list[_Weight], matched: Mapping[str, str], reader: SafetensorsReader
) -> list[str]:
    """Read what matches, layer by layer; the names of layers with numbers that are not finite."""
    of_owner: dict[int, list[_Weight]] = {}
    for w in weights:
        of_owner.setdefault(id(w.owner), []).append(w)
    broken = []
    for own in of_owner.values():
        present = [w for w in own if w.name in matched]
        arrays = {w.key: reader.read(matched[w.name], *w.spec) for w in present}
        if not all(map(all_finite, arrays.values())):
            broken.append(own[0].owner.name)
        if len(present) == len(own):
            own[0].owner.load_own_variables(arrays)
        else:  # a part of a layer, which only `skip_mismatch` lets pass
            for w in present:
                w.value.assign(arrays[w.key])
    return broken
