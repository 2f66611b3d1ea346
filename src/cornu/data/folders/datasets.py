"""From an index of files to a `Dataset`, or a data set of grain."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cornu import errors
from cornu.arguments import integer
from cornu.data.decode.faults import Faults
from cornu.data.folders.index import LABEL_MODES, FolderIndex, check_split, index_folder
from cornu.data.folders.source import FileSource
from cornu.data.pipeline.dataset import Dataset
from cornu.data.pipeline.operations import AUTOTUNE
from cornu.data.skip import SkipElement
from cornu.types import FilePath

FORMATS = ("tf", "grain")


class Reader:
    """What the three functions for images, texts and sounds have in common.

    Args:
        decode: function from the bytes of a file to an element.
        kind: what the files are: "images".
        one: what one of them is: "an image".
        extensions: endings of the files.
        stack: function from elements to a batch; see `FileSource`.
        dtype: dtype of the elements; see `FileSource`.
        shape: shape of every element; see `FileSource`.
    """

    def __init__(
        self,
        decode: Callable[[bytes], Any],
        kind: str,
        one: str,
        extensions: Sequence[str],
        *,
        stack: Callable[[list[Any]], Any] | None = None,
        dtype: str | None = "float32",
        shape: tuple[int, ...] | None = None,
    ) -> None:
        if isinstance(extensions, str):
            extensions = (extensions,)
        self.extensions = tuple(f".{e.lower().lstrip('.')}" for e in extensions)
        self.kind, self.one, self.stack = kind, one, stack
        self.options: dict[str, Any] = {"stack": stack, "dtype": dtype, "shape": shape}
        self.decode = decode

    def datasets(
        self,
        directory: FilePath,
        *,
        labels: str | Sequence[float] | None,
        label_mode: str | None,
        class_names: Sequence[str] | None,
        batch_size: int | None,
        shuffle: bool,
        seed: int | None,
        validation_split: float | None,
        subset: str | None,
        follow_links: bool,
        format: str,
        verbose: bool | int,
        on_error: str,
    ) -> Any:
        """The data set, or for `subset="both"` a list of two.

        The arguments are those of `image_dataset_from_directory`.
        """
        for name, value, allowed in (
            ("label_mode", label_mode, LABEL_MODES),
            ("format", format, FORMATS),
        ):
            if value not in allowed:
                raise errors.value_error(
                    f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}.",
                    fix=errors.did_you_mean(str(value), [a for a in allowed if a]),
                )
        batch_size = None if batch_size is None else integer(batch_size, "batch_size")
        check_split(validation_split, subset, shuffle, seed)
        seed = int(np.random.randint(10**6)) if seed is None else integer(seed, "seed", least=0)
        faults = Faults(on_error, self.one)
        index = index_folder(
            directory,
            labels=None if label_mode is None else labels,
            class_names=class_names,
            extensions=self.extensions,
            follow_links=follow_links,
            kind=self.kind,
        )
        classes = index.class_names
        if label_mode == "binary" and classes is not None and len(classes) != 2:
            raise errors.value_error(
                f"label_mode='binary' needs exactly 2 classes, got {len(classes)}.",
                class_names=", ".join(classes[:20]),
                fix="label_mode='int'",
            )
        if verbose:
            belonging = "" if classes is None else f" belonging to {len(classes)} classes"
            print(f"Found {len(index)} files{belonging}.")
        if shuffle:
            index = index.shuffled(seed)

        def made(part: FolderIndex, again: bool) -> Any:
            source = FileSource(
                part.paths, part.targets(label_mode), self.decode, faults, **self.options
            )
            order = seed if again else None
            make = _in_grain if format == "grain" else _in_cornu
            data: Any = make(source, part, batch_size, order)
            data.skipped_files = faults.skipped
            return data

        if not validation_split:
            return made(index, shuffle)
        parts = dict(zip(("training", "validation"), index.split(validation_split), strict=True))
        for name, part in parts.items():
            if verbose and subset in (name, "both"):
                print(f"Using {len(part)} files for {name}.")
            if not part and subset in (name, "both"):
                raise errors.value_error(
                    f"No {self.kind} are left for {name}: {len(index)} files, "
                    f"validation_split={validation_split}.",
                    fix="take a larger or smaller part for validation.",
                )
        if subset == "both":
            return [made(parts["training"], shuffle), made(parts["validation"], False)]
        return made(parts[str(subset)], shuffle)


def _in_cornu(
    source: FileSource, index: FolderIndex, batch_size: int | None, seed: int | None
) -> Dataset:
    data = Dataset.from_source(source, class_names=index.class_names, file_paths=index.paths)
    if seed is not None:
        data = data.shuffle(max(len(index), 1), seed=seed)
    if batch_size is not None:
        data = data.batch(batch_size, num_parallel_calls=AUTOTUNE)
    return data.prefetch(AUTOTUNE)


class _ForGrain:
    """The elements as grain wants them: None is one that is left out."""

    def __init__(self, source: FileSource) -> None:
        self._source = source

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: Any) -> Any:
        try:
            return self._source[int(index)]
        except SkipElement:
            return None


def _in_grain(
    source: FileSource, index: FolderIndex, batch_size: int | None, seed: int | None
) -> Any:
    grain = errors.need("grain", for_="format='grain'")
    data = grain.MapDataset.source(_ForGrain(source))
    if seed is not None:
        data = data.shuffle(seed=seed)
    data = data.to_iter_dataset()
    if batch_size is not None:
        data = data.batch(batch_size, batch_fn=source.batch_of)
    data.class_names, data.file_paths = index.class_names, index.paths
    return data
