"""Hostile HDF5 files: name -> (a change of an honest file of weights, words of the message).

A change gets the open file and a folder with `secret.h5`, a file nobody may read, and `pipe`, which
stops whoever opens it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Change = Callable[[h5py.File, Path], Any]
KERNEL = "layers/dense/vars/0"  # (4, 3) float32 of the model in configs.py


def honest(path: Path) -> None:
    """What the small model of configs.py has in its file of weights."""
    with h5py.File(path, "w") as file:
        file.create_group("vars").attrs["name"] = "small"
        for name, shape in (("dense", (4, 3)), ("dense_1", (3, 2))):
            group = file.create_group(f"layers/{name}/vars")
            group.attrs["name"] = name
            group.create_dataset("0", data=np.ones(shape, "float32"))
            group.create_dataset("1", data=np.ones(shape[1:], "float32"))


def instead(place: str, value: Callable[[Path], Any]) -> Change:
    """Another thing at a path: a link, say."""

    def change(file: h5py.File, folder: Path) -> None:
        del file[place]
        file[place] = value(folder)

    return change


def dataset(**options: Any) -> Change:
    """A dataset of another kind in the place of the kernel."""

    def change(file: h5py.File, folder: Path) -> None:
        del file[KERNEL]
        file.create_dataset(KERNEL, **options)

    return change


def external_storage(file: h5py.File, folder: Path) -> None:
    del file[KERNEL]
    size = 4 * 3 * 4
    file.create_dataset(KERNEL, (4, 3), "float32", external=[(str(folder / "secret.h5"), 0, size)])


def virtual(file: h5py.File, folder: Path) -> None:
    del file[KERNEL]
    layout = h5py.VirtualLayout((4, 3), "float32")
    layout[:] = h5py.VirtualSource(str(folder / "secret.h5"), "kernel", (4, 3))
    file.create_virtual_dataset(KERNEL, layout)


def circle(file: h5py.File, folder: Path) -> None:
    file["layers/again"] = file["layers"]


def ladder(file: h5py.File, folder: Path) -> None:
    group = file.create_group("ladder")
    for _ in range(60):
        below = group.create_group("a")
        group["b"] = below
        group = below


def deep(file: h5py.File, folder: Path) -> None:
    file.create_group("/".join(["a"] * 2000))


def many(file: h5py.File, folder: Path) -> None:
    # Each entry is a hard link to one group: 250,000 groups would make a file of 200 MB.
    for i in range(5_000):
        file[f"many/{i}"] = file["layers"]


def named_type(file: h5py.File, folder: Path) -> None:
    file["layers/type"] = np.dtype("float64")


def reference(file: h5py.File, folder: Path) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, (4, 3), h5py.ref_dtype)


def compound(file: h5py.File, folder: Path) -> None:
    dataset(data=np.zeros((4, 3), [("a", "f4"), ("b", "f4")]))(file, folder)


def unknown_filter(file: h5py.File, folder: Path) -> None:
    del file[KERNEL]
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((4, 3))
    plan.set_filter(32_000 - 300, h5py.h5z.FLAG_OPTIONAL, (1,))
    space = h5py.h5s.create_simple((4, 3))
    h5py.h5d.create(file["layers/dense/vars"].id, b"0", h5py.h5t.NATIVE_FLOAT, space, plan)


def filled(shape: tuple[int, ...], **options: Any) -> Change:
    return dataset(shape=shape, dtype="float32", compression="gzip", fillvalue=1.0, **options)


def enumeration(file: h5py.File, folder: Path) -> None:
    dataset(shape=(4, 3), dtype=h5py.enum_dtype({"a": 1}, basetype="i4"))(file, folder)


def opaque(file: h5py.File, folder: Path) -> None:
    dataset(data=np.zeros((4, 3), "V2"))(file, folder)
    file[KERNEL].attrs["dtype"] = np.bytes_(b"os.system")


def long_attributes(file: h5py.File, folder: Path) -> None:
    for i in range(100):
        file["layers/dense/vars"].attrs[f"a{i}"] = "x" * 60_000


def wrong_name(file: h5py.File, folder: Path) -> None:
    file["vars"].attrs["name"] = np.zeros(1000)


REFUSED: dict[str, tuple[Change, str]] = {
    "soft link to a weight": (
        instead(KERNEL, lambda f: h5py.SoftLink("/layers/dense_1/vars/0")),
        "soft",
    ),
    "soft link to itself": (instead(KERNEL, lambda f: h5py.SoftLink(f"/{KERNEL}")), "soft"),
    "soft links in a circle": (
        lambda h, f: (
            instead("layers/dense/vars", lambda f: h5py.SoftLink("/layers/b"))(h, f),
            instead("vars", lambda f: h5py.SoftLink("/layers/dense/vars"))(h, f),
        ),
        "soft",
    ),
    "soft link of a group": (
        instead("layers/dense", lambda f: h5py.SoftLink("/layers/dense_1")),
        "soft",
    ),
    "external link to a weight": (
        instead(KERNEL, lambda f: h5py.ExternalLink(str(f / "secret.h5"), "/kernel")),
        "external link",
    ),
    "external link to a pipe": (
        instead(KERNEL, lambda f: h5py.ExternalLink(str(f / "pipe"), "/kernel")),
        "external link",
    ),
    "external link of a group": (
        instead("layers/dense", lambda f: h5py.ExternalLink(str(f / "pipe"), "/")),
        "external link",
    ),
    "external link at the top": (
        instead("layers", lambda f: h5py.ExternalLink(str(f / "pipe"), "/")),
        "external link",
    ),
    "external storage": (external_storage, "other files"),
    "virtual data": (virtual, "other files"),
    "hard links in a circle": (circle, "two paths"),
    "hard links that double": (ladder, "two paths"),
    "groups 2,000 deep": (deep, "too deeply"),
    "one group by 5,000 names": (many, "two paths"),
    "a named type": (named_type, "named type"),
    "references": (reference, "type that weights do not have"),
    "compound numbers": (compound, "type that weights do not have"),
    "enumerations": (enumeration, "type that weights do not have"),
    "complex numbers": (dataset(data=np.zeros((4, 3), "complex64")), "type that weights"),
    "texts of any length": (
        dataset(data=np.array([["x"] * 3] * 4, dtype=object), dtype=h5py.string_dtype()),
        "type that",
    ),
    "texts of a fixed length": (dataset(data=np.full((4, 3), b"x")), "type that weights"),
    "lists of any length": (
        dataset(shape=(4, 3), dtype=h5py.vlen_dtype("f4")),
        "type that weights",
    ),
    "arrays of numbers": (dataset(shape=(4, 3), dtype=np.dtype("(1000,)f4")), "type that weights"),
    "bytes of an unknown kind": (opaque, "unknown type"),
    "no shape at all": (dataset(data=h5py.Empty("f4")), "without a shape"),
    "an unknown filter": (unknown_filter, "unusual filters"),
    "the filter lzf": (dataset(data=np.zeros((4, 3), "f4"), compression="lzf"), "unusual filters"),
    "the filter scale-offset": (
        dataset(data=np.zeros((4, 3), "i4"), scaleoffset=0),
        "unusual filters",
    ),
    "1 GiB of fill value": (filled((16_384, 16_384), chunks=(256, 256)), "far more"),
    "3.6 TB of fill value": (filled((10**6, 10**6), chunks=(256, 256)), "far more"),
    "2**62 bytes of fill value": (filled((2**30, 2**30), chunks=(256, 256)), "far more"),
    "a contiguous dataset never written": (
        dataset(shape=(16_384, 16_384), dtype="float32"),
        "far more",
    ),
    "a chunk of 1 GiB": (
        dataset(shape=(4, 3), dtype="float32", maxshape=(None, None), chunks=(16_384, 16_384)),
        "chunk",
    ),
}

MISFITS: dict[str, tuple[Change, str]] = {
    "another shape": (dataset(data=np.zeros((4, 4), "f4")), "another shape"),
    "another number of axes": (dataset(data=np.zeros((4, 3, 1), "f4")), "another shape"),
    "integers for floats": (dataset(data=np.zeros((4, 3), "int8")), "kind of numbers"),
    "booleans for floats": (dataset(data=np.zeros((4, 3), "bool")), "kind of numbers"),
    "a weight that is missing": (lambda h, f: h.__delitem__(KERNEL), "another shape"),
    "a layer that is missing": (lambda h, f: h.__delitem__("layers/dense"), "missing"),
    "a group for a weight": (
        lambda h, f: (h.__delitem__(KERNEL), h.create_group(KERNEL)),
        "another shape",
    ),
    "no weights at all": (lambda h, f: h.__delitem__("layers"), "missing"),
}

HARMLESS: dict[str, Change] = {
    "attributes of 6 MB": long_attributes,
    "a name of numbers": wrong_name,
    "weights that nobody asked for": lambda h, f: h.create_dataset(
        "x/vars/0", data=np.ones(3, "f4")
    ),
    "weights that are not finite": dataset(data=np.full((4, 3), np.nan, "f4")),
}


def legacy(path: Path, config: bytes) -> None:
    """The same weights as Keras 2 lays them out, with a config."""
    honest(path)
    with h5py.File(path, "r+") as file:
        file.attrs["keras_version"], file.attrs["backend"] = "2.15.0", "jax"
        file.attrs["model_config"] = np.bytes_(config)
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [b"h1", b"out"]
        for name, shape in (("h1", (4, 3)), ("out", (3, 2))):
            group = weights.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
            group[f"{name}/kernel:0"] = np.ones(shape, "float32")
            group[f"{name}/bias:0"] = np.ones(shape[1:], "float32")


def made(path: Path, change: Change, folder: Path) -> Path:
    """An honest file with one change."""
    honest(path)
    with h5py.File(path, "r+") as file:
        change(file, folder)
    return path
