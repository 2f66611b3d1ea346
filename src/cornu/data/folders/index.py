"""Which files a data set has, with which labels, in which order, and which part of them.

    index_folder      the files and labels of a folder, in the order of their names
    shuffled          in a random order that a seed fixes
    split             the files for training, and the last ones for validation

Order and split are those of Keras for the same seed, so results can be compared file by file.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cornu import errors
from cornu.data.folders.scan import checked_folder, list_classes, subfolders, what_is_there
from cornu.types import FilePath

LABEL_MODES = ("int", "categorical", "binary", None)
SUBSETS = ("training", "validation", "both", None)


@dataclass(frozen=True)
class FolderIndex:
    """Files with labels.

    Attributes:
        paths: path of each file.
        labels: number of the class of each, int32 `(n,)`, or other labels given by the user; None
            without labels.
        class_names: names of the classes, in the order of their numbers; None without labels.

    Example:

        >>> index = FolderIndex(list("abcd"), np.array([0, 0, 1, 1]), ["cat", "dog"])
        >>> training, validation = index.shuffled(seed=1).split(0.25)
        >>> training.paths, validation.paths
        (['d', 'c', 'a'], ['b'])
    """

    paths: list[str]
    labels: np.ndarray | None
    class_names: list[str] | None

    def __len__(self) -> int:
        return len(self.paths)

    def shuffled(self, seed: int) -> "FolderIndex":
        """The same files in the order that the seed gives."""
        return self._only(np.random.RandomState(seed).permutation(len(self)))

    def split(self, validation_split: float) -> tuple["FolderIndex", "FolderIndex"]:
        """The files for training, and the last `validation_split` of them for validation."""
        count = len(self) - int(validation_split * len(self))
        rows = np.arange(len(self))
        return self._only(rows[:count]), self._only(rows[count:])

    def _only(self, rows: np.ndarray) -> "FolderIndex":
        labels = None if self.labels is None else self.labels[rows]
        return replace(self, paths=[self.paths[row] for row in rows.tolist()], labels=labels)

    def targets(self, label_mode: str | None) -> np.ndarray | None:
        """The labels as a model takes them.

        Args:
            label_mode: "int" for class indices, int32 `(n,)`; "binary" for 0 and 1,
                float32 `(n, 1)`; "categorical" for one-hot vectors, float32 `(n, classes)`; None
                for no labels.
        """
        if label_mode is None or self.labels is None or self.class_names is None:
            return None
        if label_mode == "int":
            return self.labels
        count = len(self.class_names)
        if len(self) and (self.labels.min() < 0 or self.labels.max() >= count):
            raise errors.value_error(
                f"Labels must be class indices from 0 to {count - 1} for "
                f"label_mode={label_mode!r}, got {self.labels.min()} to {self.labels.max()}.",
                fix="_, labels = np.unique(labels, return_inverse=True); labels = labels.tolist()",
            )
        if label_mode == "binary":
            return self.labels.astype(np.float32)[:, None]  # (n, 1)
        return np.eye(count, dtype=np.float32)[self.labels.astype(np.intp)]  # (n, classes)


def index_folder(
    folder: FilePath,
    *,
    labels: str | Sequence[float] | None = "inferred",
    class_names: Sequence[str] | None = None,
    extensions: tuple[str, ...],
    follow_links: bool = False,
    kind: str = "files",
) -> FolderIndex:
    """The files of a folder and their labels, in the order of their names.

    Args:
        folder: path of the folder.
        labels: "inferred" for a class for each subfolder; None for no labels; or a label for each
            file, in the order of their paths.
        class_names: subfolders to take, in the order of the classes; all, sorted, if None.
        extensions: endings of the files, in lower case, with their dots.
        follow_links: whether to enter links to folders.
        kind: what the files are, in messages: "images".

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: there are no such files in it, or the labels do not fit them.
    """
    folder = checked_folder(folder)
    _check_labels(labels, class_names)
    if labels == "inferred":
        names = subfolders(folder)
        chosen = chosen_classes(names, class_names, folder)
        files = list_classes(folder, chosen, extensions, follow_links)
        counts = [len(paths) for paths in files]
        numbers = np.repeat(np.arange(len(chosen), dtype=np.int32), counts)
        index = FolderIndex([path for paths in files for path in paths], numbers, chosen)
    else:
        paths = list_classes(folder, [""], extensions, follow_links)[0]
        index = FolderIndex(paths, *_given(labels, len(paths), folder))
    if not index.paths:
        raise errors.value_error(
            f"There are no {kind} in the folder {folder!r}.",
            extensions=", ".join(extensions),
            found=what_is_there(folder),
            fix=_fix_of_nothing(folder, extensions, labels),
        )
    return index


def _check_labels(labels: object, class_names: object) -> None:
    if isinstance(labels, str) and labels != "inferred":
        raise errors.value_error(
            f"labels must be 'inferred', None, or a label for each file, got {labels!r}.",
            fix="labels='inferred' takes the names of the subfolders.",
        )
    if not (labels is None or isinstance(labels, (str, list, tuple, np.ndarray))):
        raise errors.value_error(
            "labels must be 'inferred', None, or a list with a label for each file, "
            f"got a {type(labels).__name__}.",
            fix="labels=list(labels)",
        )
    if class_names is not None and not isinstance(labels, str):
        raise errors.value_error(
            "class_names needs labels='inferred'.",
            fix="leave class_names out; the classes are the sorted labels.",
        )


def chosen_classes(names: list[str], class_names: Sequence[str] | None, folder: str) -> list[str]:
    """The subfolders to take, in their order.

    Raises:
        ValueError: one of `class_names` is none of `names`, or comes twice.
    """
    if class_names is None:
        return names
    chosen = [str(name) for name in class_names]
    unknown = sorted(set(chosen) - set(names))
    if unknown:
        raise errors.value_error(
            f"class_names must be subfolders of {folder!r}, got {unknown[0]!r}.",
            subfolders=", ".join(names[:20]) or "none",
            fix=errors.did_you_mean(unknown[0], names),
        )
    if len(set(chosen)) < len(chosen):
        raise errors.value_error(
            "class_names must be different from each other.",
            class_names=chosen,
            fix=f"class_names={list(dict.fromkeys(chosen))}",
        )
    return chosen


def _given(
    labels: Sequence[float] | str | None, count: int, folder: str
) -> tuple[np.ndarray | None, list[str] | None]:
    """The labels of the user as an array, and the names of their classes."""
    if labels is None:
        return None, None
    array = np.asarray(labels)
    if array.ndim != 1 or array.dtype.kind not in "iufb":
        raise errors.value_error(
            "labels must hold a number for each file.",
            got=f"{array.dtype} of shape {array.shape}",
            fix="names, labels = np.unique(labels, return_inverse=True); labels = labels.tolist()",
        )
    if len(array) != count:
        raise errors.value_error(
            f"labels must have an entry for each of the {count} files in {folder!r}, "
            f"got {len(array)}.",
            fix="look at the files with labels=None: ds.file_paths, with shuffle=False.",
        )
    names = [str(label) for label in np.unique(array).tolist()]
    return array.astype(np.float32 if array.dtype.kind == "f" else np.int32), names


def _fix_of_nothing(folder: str, extensions: tuple[str, ...], labels: object) -> str:
    if isinstance(labels, str) and any(
        name.lower().endswith(extensions) for name in os.listdir(folder)
    ):
        return "put the files into a subfolder for each class,\nor use labels=None."
    return "check the path, or name their endings: extensions=('.ext',)"


def check_split(
    validation_split: float | None, subset: str | None, shuffle: bool, seed: int | None
) -> None:
    """Raise for arguments that do not fit together."""
    if subset not in SUBSETS:
        raise errors.value_error(
            f"subset must be 'training', 'validation', 'both' or None, got {subset!r}.",
            fix=errors.did_you_mean(str(subset), [s for s in SUBSETS if s]),
        )
    if validation_split and not 0 < validation_split < 1:
        raise errors.value_error(
            f"validation_split must be between 0 and 1, got {validation_split}.",
            fix="validation_split=0.2",
        )
    if bool(validation_split) != bool(subset):
        raise errors.value_error(
            "validation_split and subset must be given together.",
            fix="validation_split=0.2, subset='both'",
        )
    if subset in ("training", "validation") and shuffle and seed is None:
        raise errors.value_error(
            "A split of shuffled files needs a seed, so that training and validation have no file "
            "in common.",
            fix="seed=0 in both calls,\nor one call with subset='both'.",
        )
