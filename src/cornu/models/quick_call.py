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
from cornu.numeric import refuse_what_wraps
from cornu.train.compiled_call import CompiledCall, run
from cornu.train.strategy import PerStep
from cornu.train.trainable import TrainableModel
from cornu.train.watch.preflight import require_rows


def quick_outputs(model: TrainableModel, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The outputs of a call; None where the model has to be called layer by layer."""
    if len(args) != 1 or kwargs.get("training") or len(kwargs) > ("training" in kwargs):
        return None
    if local.frame is not None or local.call is not None or is_tracing():
        return None
    leaves, structure = jax.tree.flatten(args[0])
    if not leaves or not all(map(_is_plain, leaves)):
        return None
    call: CompiledCall | None = vars(model).get("_compiled_call")
    if call is None:  # a subclass may have forgotten super().__init__()
        return None
    key = (structure, *((x.shape, x.dtype) for x in leaves))
    if key not in call.seen:
        call.seen.add(key)
        return None
    strategy = _program(model, call)
    if strategy is None:
        return None
    if call.embedded_rows is not None:
        require_rows(args[0], call.embedded_rows)
    x = jax.tree.unflatten(structure, [_in_floatx(x) for x in leaves])
    try:
        return run(strategy, (x,))
    except (TypeError, IndexError):  # sizes that depend on values cannot be compiled
        call.repeatable = False
        return None


def _program(model: TrainableModel, call: CompiledCall) -> PerStep | None:
    """The program that stands for a call of each layer; None if there cannot be one."""
    call.renew(model)
    if call.repeatable is None:
        call.repeatable = _is_repeatable(model, model._flatten_layers())
    strategy = call.program(model) if call.repeatable else None
    call.repeatable = strategy is not None
    return strategy


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


def _is_repeatable(model: TrainableModel, layers: list[Any]) -> bool:
    """Whether every call does the same: nothing of the user's own, no masks, no penalties."""
    ours = all(type(layer).__module__.startswith("cornu.") for layer in layers)
    silent = all(
        getattr(layer, "activity_regularizer", None) is None
        and not getattr(layer, "mask_zero", False)
        and layer._repeatable
        for layer in layers
    )
    plain_step = not model._overrides("predict_step")
    return ours and silent and plain_step and model.built
