"""Cutting a validation set off a data set in arrays.

    rows   0 ................ at ......... n-1
           training            validation               at = floor(n * (1 - validation_split))

The last rows are taken, before anything is shuffled.
"""

import math
from typing import Any

from cornu import tree
from cornu.data.convert import count_samples
from cornu.errors import explain


def train_validation_split(
    arrays: tuple[Any, ...], validation_split: float
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Split arrays in two: all but the last rows, and the last rows.

    Args:
        arrays: `(x,)`, `(x, y)` or `(x, y, sample_weight)`, each an array or a structure of them.
        validation_split: fraction of the rows to cut off, between 0 and 1.

    Returns:
        The same structure twice: training and validation. Numpy arrays become views.

    Raises:
        ValueError: the fraction leaves one side empty, or the data are not arrays.

    Example:

        >>> import numpy as np
        >>> train, validation = train_validation_split((np.arange(10),), 0.3)
        >>> train[0].tolist(), validation[0].tolist()
        ([0, 1, 2, 3, 4, 5, 6], [7, 8, 9])
    """
    if not isinstance(validation_split, int | float) or not 0 < validation_split < 1:
        raise ValueError(
            explain(f"validation_split lies between 0 and 1, got {validation_split!r}.")
        )
    foreign = next((part for part in arrays if hasattr(part, "__next__")), None)
    leaves = tree.flatten(arrays) if foreign is None else [foreign]
    for leaf in leaves:
        if leaf is not None and not hasattr(leaf, "shape"):
            raise ValueError(
                explain(
                    "validation_split works on arrays, "
                    f"but the data hold an object of type {type(leaf).__name__}.",
                    fix="pass validation_data instead.",
                )
            )
    samples = count_samples(arrays)
    at = math.floor(samples * (1.0 - validation_split))
    if at == 0 or at == samples:
        side = "training" if at == 0 else "validation"
        raise ValueError(
            explain(
                f"validation_split={validation_split} of {samples} samples leaves none for {side}.",
                fix="pass more data or another fraction.",
            )
        )

    def cut(rows: slice) -> tuple[Any, ...]:
        return tree.map_structure(lambda leaf: None if leaf is None else leaf[rows], arrays)

    return cut(slice(None, at)), cut(slice(at, None))
