"""`model(x)` outside any trace, through the compiled program of `predict`.

Layer by layer, a call of a small model costs a thousand times its arithmetic, and some operations
are traced anew each time. A graph of Cornu's own layers does the same things in the same order
whenever it is called, so from the second call with a shape on, its program is used.

    model(x) -- first time with this shape ----------------> layer by layer
             -- a trace or a frame is open, training=True -> layer by layer
             -- layers of the user's own, masks, penalties > layer by layer
             -- else --------------------------------------> the program of predict
"""

from typing import Any

import jax
import numpy as np

from cornu import settings
from cornu.context import local
from cornu.core.frame import is_tracer, is_tracing
from cornu.core.masks import mask_of
from cornu.core.objects.tracking import Snapshot
from cornu.numeric import refuse_what_wraps
from cornu.train.carried import tracing
from cornu.train.overrides import Compilable
from cornu.train.strategy import PerStep
from cornu.train.watch.preflight import embedded_rows, require_rows


class QuickCall:
    """What a model keeps to call itself quickly."""

    def __init__(self) -> None:
        self._asked: Snapshot | None = None
        self._program: Any = None  # None where the model has to be called layer by layer
        self._seen: set[Any] = set()
        self._rows: Any = None  # of embeddings that read an input, to refuse other identifiers

    def outputs(self, model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The outputs; None where the model has to be called layer by layer."""
        if len(args) != 1 or kwargs.get("training") or len(kwargs) > ("training" in kwargs):
            return None
        if local.frame is not None or local.call is not None or is_tracing():
            return None
        leaves, structure = jax.tree.flatten(args[0])
        if not leaves or not all(map(_is_plain, leaves)):
            return None
        key = (structure, *((x.shape, x.dtype) for x in leaves))
        if key not in self._seen:
            self._seen.add(key)
            return None
        if self._asked is None or not self._asked.holds():
            self._prepare(model)
        if self._program is None:
            return None
        if self._rows is not None:
            require_rows(args[0], self._rows)
        slots, program = self._program
        x = jax.tree.unflatten(structure, [_in_floatx(x) for x in leaves])
        with slots.turn:
            try:
                outputs, changes = tracing(lambda: program(slots.read(), (x,)), slots)
            except (TypeError, IndexError):  # sizes that depend on values cannot be compiled
                self._program = None
                return None
            slots.write(changes)
        return outputs

    def _prepare(self, model: Any) -> None:
        layers = model._flatten_layers()
        self._program = None
        if _is_repeatable(model, layers):
            slots = model._state_slots("predict")
            strategy = model._strategy_of_predict(slots)
            if isinstance(strategy, PerStep):
                self._program = (strategy.slots, strategy.program)
        self._rows = embedded_rows(model)
        self._asked = Snapshot(layers)


def _is_plain(x: Any) -> bool:
    if isinstance(x, jax.Array):
        return not is_tracer(x) and mask_of(x) is None
    if not isinstance(x, np.ndarray) or isinstance(x, np.ma.MaskedArray):
        return False
    return x.dtype.kind in "fiub" and mask_of(x) is None


def _in_floatx(x: Any) -> Any:
    refuse_what_wraps(x, "x")
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        return x.astype(settings.current.floatx, copy=False)
    return x


def _is_repeatable(model: Any, layers: list[Any]) -> bool:
    """Whether every call does the same: nothing of the user's own, no masks, no penalties."""
    ours = all(type(layer).__module__.startswith("cornu.") for layer in layers)
    silent = all(
        getattr(layer, "activity_regularizer", None) is None
        and not getattr(layer, "mask_zero", False)
        and layer._repeatable
        for layer in layers
    )
    plain_step = type(model).predict_step is Compilable.predict_step
    return ours and silent and plain_step and model.built
