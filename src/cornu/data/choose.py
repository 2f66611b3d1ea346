"""Which adapter reads the data: the only place that knows them all.

a Source                                        itself
numpy, jax, pandas, tensors, lists, dicts       ArraySource
Dataset                                         its rows, or its batches
PyDataset, and what has its methods             PyDatasetSource
generators, tf.data, torch, grain, iterables    IterableSource
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from cornu.data.arrays import ArraySource
from cornu.data.convert import only_read
from cornu.data.dataset import PyDataset, PyDatasetSource, like_a_dataset
from cornu.data.foreign import IterableSource, foreign_source, made_by
from cornu.data.pipeline.dataset import Dataset
from cornu.data.pipeline.source import pipeline_source
from cornu.data.source import Source
from cornu.errors import explain, value_error
from cornu.types import Tensors


def source_for(
    x: Tensors,
    y: Tensors | None = None,
    sample_weight: Tensors | None = None,
    *,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = False,
    seed: int | None = None,
    class_weight: Mapping[int, float] | None = None,
    floatx: str = "float32",
    inputs_are_nested: bool | None = None,
    input_names: Collection[str] | None = None,
    encode: Callable[[Tensors], Any] | None = None,
) -> Source:
    """The source of batches for whatever `fit`, `evaluate` or `predict` was given.

    Args:
        x: arrays, a `Dataset`, a `PyDataset`, a generator, a loader of another library, or a
            `Source`.
        y: targets; only with arrays, other data bring their own.
        sample_weight: sample weights, likewise.
        batch_size: number of samples per batch of arrays; see `ArraySource`.
        steps: number of batches per epoch; the next epoch continues where the last one stopped.
        shuffle: whether to shuffle arrays and `PyDataset`s each epoch.
        seed: seed of that order, together with the epoch.
        class_weight: dict from class to weight, multiplied into the sample weights.
        floatx: dtype to which floats are converted.
        inputs_are_nested: whether a list `x` holds several inputs; None if unknown.
        input_names: keys of a dict of inputs that are read; all of them if None.
        encode: function of the inputs of each batch that encodes text; arrays come encoded.

    Raises:
        ValueError: no source reads this kind of data, or `y` is given twice.

    Example:

        >>> import numpy as np
        >>> source = source_for(np.zeros((100, 4)), np.zeros(100))
        >>> source.batch_size, source.num_batches
        (32, 4)
    """
    if _holds_arrays(x):
        return ArraySource(
            only_read(x, input_names),
            y,
            sample_weight,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            steps=steps,
            class_weight=class_weight,
            floatx=floatx,
            inputs_are_nested=inputs_are_nested,
        )
    options: dict[str, Any] = {
        "steps": steps, "class_weight": class_weight, "floatx": floatx,
        "input_names": input_names, "encode": encode,
    }  # fmt: skip
    source: Source | None
    if isinstance(x, Source):
        source = x
    elif isinstance(x, Dataset):
        source = pipeline_source(x, **options)
    elif like_a_dataset(x):
        source = PyDatasetSource(x, shuffle=shuffle, seed=seed, **options)
    else:
        source = foreign_source(x, **options) or _other_iterable(x, options)
    if source is None:
        raise ValueError(_unknown(x))
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            kind = type(x).__name__
            raise value_error(
                f"{name} cannot be given with a {kind}, which brings its own.",
                fix=f"let the {kind} give (x, y) or (x, y, sample_weight), and leave {name} out.",
            )
    return source


def _holds_arrays(x: object) -> bool:
    if isinstance(x, list | tuple | Mapping):
        return True
    if isinstance(x, Source | Dataset | PyDataset) or hasattr(x, "__next__"):
        return False
    return x is None or (
        any(hasattr(x, name) for name in ("__array__", "to_numpy", "tocsr"))
        or (hasattr(x, "shape") and hasattr(x, "dtype"))
    )


def _other_iterable(x: object, options: dict[str, Any]) -> Source | None:
    refused = str | bytes | range | set | frozenset | type
    if not hasattr(x, "__iter__") or isinstance(x, refused) or made_by(x, "torch.utils.data"):
        return None
    return IterableSource(lambda: iter(x), name=f"The {type(x).__name__}", once=False, **options)


def _unknown(x: object) -> str:
    kind = f"{type(x).__module__}.{type(x).__qualname__}".removeprefix("builtins.")
    if callable(x):
        fix = f"call it: {getattr(x, '__name__', 'x')}()."
    elif made_by(x, "torch.utils.data"):
        fix = "put it into a torch.utils.data.DataLoader."
    elif hasattr(x, "__getitem__") and hasattr(x, "__len__") and not isinstance(x, str | bytes):
        fix = "derive its class from PyDataset, or pass numpy.asarray(x)."
    else:
        fix = "pass arrays, a DataFrame, a PyDataset, a generator or a DataLoader."
    return explain(f"Unrecognized data type: x is of type {kind}.", fix=fix)
