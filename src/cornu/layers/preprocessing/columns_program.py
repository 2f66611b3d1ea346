"""`ColumnsProgram`: layers on the columns of a table, as one program where these are numbers.

    first call of a shape     the layers one after another
    from the second on        text by its layers on the host, all else in one program of XLA

So a pipeline, whose batches are alike, pays one dispatch per batch, and a single call no compile.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from cornu import numeric
from cornu.core.frame import Frame
from cornu.core.objects.tracking import Snapshot
from cornu.core.text import Encoded, answering, is_text, recorded
from cornu.layers.base.layer import Layer
from cornu.types import Tensor

_ROWS = 2  # of the columns on which the calls of the layers are recorded


class ColumnsProgram:
    """A function of columns, compiled for shapes that come again.

    Args:
        function: function of a dict of arrays that calls the layers.
        layers: all layers that it calls.

    Example:

        >>> from cornu.layers.preprocessing.rescaling import Rescaling
        >>> layer = Rescaling(2.0)
        >>> program = ColumnsProgram(lambda columns: layer(columns["a"]), [layer])
        >>> [program({"a": np.ones(2)}).tolist() for _ in range(2)]
        [[2.0, 2.0], [2.0, 2.0]]
    """

    def __init__(self, function: Callable[[Any], Any], layers: Sequence[Layer]):
        self._function, self._layers = function, layers
        self._begin()

    def _begin(self) -> None:
        self._snapshot = Snapshot(self._layers)
        self._seen: set[Any] = set()
        self._programs: dict[Any, Callable[[Any], Any]] = {}

    def __call__(self, columns: Mapping[str, Tensor]) -> Any:
        if not self._snapshot.holds():  # a layer has learned again
            self._begin()
        kinds = tuple((name, is_text(a), a.ndim) for name, a in columns.items())
        shapes = kinds, tuple((a.shape, str(a.dtype)) for a in columns.values())
        if shapes not in self._seen or not all(map(_fits, columns.values())):
            self._seen.add(shapes)
            return self._function(columns)
        if kinds not in self._programs:
            self._programs[kinds] = self._compiled(columns)
        return self._programs[kinds](columns)

    def _compiled(self, columns: Mapping[str, Tensor]) -> Callable[[Any], Any]:
        rows = {name: a[:_ROWS] for name, a in columns.items()}
        text = recorded(self._function, rows)
        variables = [v for layer in self._layers for v in layer.variables]

        @jax.jit
        def compute(values: list[Any], arrays: dict[str, Any]) -> Any:
            with Frame(variables, values):
                return answering(text, Encoded(arrays), self._function)

        return lambda x: compute([v.value for v in variables], text.encode(dict(x)).arrays)


def _fits(array: Tensor) -> bool:
    """Whether the numbers of an array are those that a program of 32 bits gets."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iu":
        return True
    try:
        numeric.refuse_what_wraps(array, "x")
    except ValueError:
        return False
    return True
