"""One backup of a training: what is in the file, and what must be true of it before it is used.

    trainable, non_trainable, optimizer, metrics    variables, as the model has them
    place                                           epoch and step, where the data are, the random
                                                    numbers of the process
    notes/EarlyStopping_0 ...                       what callbacks remember

Everything that a file says is checked when it is read, before anything is changed: kinds, ranges,
and that nothing else is in it. A backup is as little to be trusted as a model.
"""

import os
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cornu.archive.regular import require_no_links
from cornu.archive.stores import H5Reader, H5Writer
from cornu.callbacks.callback import Callback
from cornu.callbacks.notes import anything, is_count, pack, unpack
from cornu.data.position import set_random_streams
from cornu.errors import UnsafeFileError, explain

_PLACE, _NOTES = "place", "notes"

Named = Iterable[tuple[str, Callback]]  # callbacks, each with a name that a rerun gives it too


class Backup(NamedTuple):
    """What a backup says.

    Attributes:
        epoch: the epoch to go on with, counted from 0.
        step: its first step that has not been done.
        stopped: whether a callback ended the training there.
        variables: kind -> values, as in `training_variables`.
        positions: where the data are, by the name of the source.
        streams: states of the generators of random numbers.
        notes: what callbacks remember, by their names.
    """

    epoch: int
    step: int
    stopped: bool
    variables: dict[str, list[np.ndarray]]
    positions: dict[str, Any]
    streams: dict[str, Any]
    notes: dict[str, dict[str, Any]]


def write_backup(path: Path, backup: Backup) -> None:
    """Write a backup in place of an older one.

    Raises:
        OSError: it cannot be written; the older one is unchanged.
        UnsafeFileError: the path is a symbolic link.
    """
    require_no_links(path.parent, path.name)
    with H5Writer(path) as store:
        for kind, values in backup.variables.items():
            store.write(kind, kind, values)
        about = {name: getattr(backup, name) for name in _ABOUT}
        store.write(_PLACE, _PLACE, pack(about))
        for name, noted in backup.notes.items():
            store.write(f"{_NOTES}/{name}", name, pack(noted))


def read_backup(path: Path, variables: Mapping[str, list[Any]], callbacks: Named) -> Backup:
    """Read a backup as a whole, and check that it fits.

    Args:
        path: path of the file.
        variables: variables of the model, by kind.
        callbacks: those that remember something.

    Raises:
        ValueError: it is damaged, of another training, or says what cannot be true.
        UnsafeFileError: it is built to do harm.
    """
    with H5Reader(path) as store:
        stored = set(store.paths())
        missing = [name for name in (*variables, _PLACE) if name not in stored]
        other = stored - {*variables, _PLACE} - {p for p in stored if p.startswith(f"{_NOTES}/")}
        if missing or other:
            why = f"it lacks {', '.join(missing)}." if missing else f"it holds {sorted(other)[:5]}."
            raise ValueError(unfit(path, why))
        arrays = {}
        for kind, own in variables.items():
            try:
                arrays[kind] = store.read(kind, [(v.shape, v.dtype) for v in own])
            except UnsafeFileError:
                raise
            except ValueError as error:
                raise ValueError(unfit(path, str(error))) from error
        about = _unpacked(store, _PLACE, path)
        _check(about, _ABOUT, path, "its place")
        notes = {}
        for name, callback in callbacks:
            where = f"{_NOTES}/{name}"
            if where in stored:
                notes[name] = _unpacked(store, where, path)
                _check(notes[name], _kinds(callback), path, f"the notes of {name}")
                if not callback._can_go_on_from(notes[name]):
                    why = f"the notes of {name} are of another model."
                    raise ValueError(unfit(path, why))
    return Backup(variables=arrays, notes=notes, **about)


def unfit(path: Path, why: str) -> str:
    """The message about a backup that cannot be used."""
    return explain(
        f"The backup {os.fspath(path)!r} does not fit the training that is to go on.",
        why=why,
        fix=f"make and compile the model as before,\nor start anew: os.remove({os.fspath(path)!r})",
    )


def _unpacked(store: H5Reader, where: str, path: Path) -> Any:
    return unpack(store.read(where, store.shapes(where)), f"The notes of {os.fspath(path)!r}")


def _check(said: Any, kinds: Mapping[str, Any], path: Path, what: str) -> None:
    """Refuse unknown names, missing ones, and values of another kind."""
    if not isinstance(said, dict) or set(said) != set(kinds):
        names = sorted(map(str, said))[:10] if isinstance(said, dict) else type(said).__name__
        raise ValueError(unfit(path, f"{what} should hold {', '.join(kinds)}, got {names}."))
    for name, is_right in kinds.items():
        if not is_right(said[name]):
            raise ValueError(unfit(path, f"{what} says {name} is {said[name]!r:.80}."))


def _kinds(callback: Callback) -> Mapping[str, Any]:
    remembered = callback._remembered
    return remembered if isinstance(remembered, Mapping) else dict.fromkeys(remembered, anything)


def _are_streams(value: Any) -> bool:
    """Whether generators of random numbers take these states; tried on some of our own."""
    try:
        if set(value) != {"python", "numpy", "global"}:
            return False
        set_random_streams(value, random.Random(), np.random.RandomState())  # noqa: NPY002
        return value["global"].shape == (2,) and value["global"].dtype == np.uint32
    except Exception:  # whatever else they are
        return False


def _are_positions(value: Any) -> bool:
    known = ("train", "validation")
    return isinstance(value, dict) and all(
        name in known and (position is None or isinstance(position, dict))
        for name, position in value.items()
    )


_ABOUT = {
    "epoch": is_count,
    "step": is_count,
    "stopped": lambda value: isinstance(value, bool),
    "positions": _are_positions,
    "streams": _are_streams,
}
