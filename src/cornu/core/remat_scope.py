"""`RematScope`: memory for time. Layers made in it keep no intermediate results for the way back.

    with RematScope("full"):
        hidden = Dense(4096, activation="gelu")      forward: the output is kept, what led to it not
                                                     backward: it is computed once more

What is computed is the same. A layer that holds layers is left to them.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
import numpy as np

from cornu.context import using
from cornu.core.frame import Frame
from cornu.errors import did_you_mean, value_error

MODES = ("full", "activations", "larger_than", "list_of_layers")


class RematScope:
    """Says which of the layers that are made in a `with` block are computed again.

    Args:
        mode: "full" for all; "activations" for those with an activation; "larger_than" for those
            whose output has more numbers than `output_size_threshold`; "list_of_layers" for those
            named in `layer_names`; None for none, inside another scope.
        output_size_threshold: count of numbers, the batch included.
        layer_names: names of layers.

    Raises:
        ValueError: there is no such mode.

    Example:

        >>> with RematScope("list_of_layers", layer_names=["wide"]):
        ...     pass  # layers
    """

    def __init__(
        self,
        mode: str | None = "full",
        output_size_threshold: int = 1024,
        layer_names: Sequence[str] | None = None,
    ):
        if mode is not None and mode not in MODES:
            raise value_error(f"RematScope has no mode {mode!r}.", fix=did_you_mean(mode, MODES))
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or ())
        self._entered: list[AbstractContextManager[Any]] = []

    def __enter__(self) -> "RematScope":
        scope = using(remat=self if self.mode is not None else None)
        scope.__enter__()
        self._entered.append(scope)
        return self

    def __exit__(self, *error: Any) -> None:
        self._entered.pop().__exit__(*error)

    def applies(self, layer: Any, call: Callable[[], Any]) -> bool:
        """Whether a layer is computed again.

        Args:
            layer: the layer.
            call: what it computes; looked at for the size of its output only.
        """
        if layer._flatten_layers(include_self=False, recursive=False):
            return False
        if self.mode == "activations":
            activation = getattr(layer, "activation", None)
            return (
                getattr(activation, "__name__", "linear" if activation is None else "") != "linear"
            )
        if self.mode == "list_of_layers":
            return layer.name in self.layer_names
        if self.mode == "larger_than":
            return _size(call) > self.output_size_threshold
        return True


def _size(call: Callable[[], Any]) -> int:
    """How many numbers a function returns; nothing is computed and nothing is written."""

    def looked_at() -> Any:
        with Frame(open_ended=True):
            return call()

    return sum(int(np.prod(x.shape)) for x in jax.tree.leaves(jax.eval_shape(looked_at)))
