"""Steps: pure functions from a state and a batch to results and a new state.

    train    (TrainState, data) -> (logs, TrainState)
    test     (TrainState, data) -> (logs, TrainState)
    predict  (TrainState, data) -> (outputs, TrainState)

The default ones are here; a model that overrides `train_step`, `test_step` or `predict_step` is
asked instead. Two forms are taken, told apart by the number of parameters:

    def train_step(self, state, data):   pure, as in Keras's guides for JAX
    def train_step(self, data):          imperative: reads and writes variables, made pure here

A default step does not compute results: `results` does, once for each compiled program. Only a
`compute_metrics` that is overridden says with every step what the results are.
"""

import inspect
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax

from cornu import bcoo, tree
from cornu.core.frame import frame_for_writing
from cornu.core.logits import remember_logits
from cornu.core.objects.tracking import Identities
from cornu.errors import explain, returns_nothing, value_error
from cornu.train.carried import Carried
from cornu.train.state import StateSlots, TrainState, flat
from cornu.train.trainable import TrainableModel
from cornu.types import Tensors


@dataclass(frozen=True, slots=True)
class Step:
    """A step ready to be compiled.

    Attributes:
        update: `(state, data) -> (out, state)`.
        results: `(out, state) -> logs`, run once after the last of several steps.
        repeats: whether only the last `out` matters, so that steps may run in a loop on the device.
        slots: the variables of the state; more may be found in a trace (see `carried.py`).
    """

    update: Callable[[TrainState, Any], tuple[Any, TrainState]]
    results: Callable[[Any, TrainState], Any]
    repeats: bool = True
    slots: StateSlots | None = None


def unpack_x_y_sample_weight(data: Tensors) -> tuple[Any, Any, Any]:
    """Split a batch into inputs, labels and weights; what is missing is None.

    Example:

        >>> unpack_x_y_sample_weight((1, 2))
        (1, 2, None)
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if len(data) > 3:
        raise value_error(
            f"A batch must be (x,), (x, y) or (x, y, sample_weight), got {len(data)} items.",
            fix="put several inputs or outputs into a tuple: ((x1, x2), y).",
        )
    padded = (*data, None, None)[:3]
    return padded[0], padded[1], padded[2]


def pack_x_y_sample_weight(x: Tensors, y: Any = None, sample_weight: Any = None) -> Any:
    """Put inputs, labels and weights into one batch; the reverse of unpacking.

    Example:

        >>> pack_x_y_sample_weight(1, 2)
        (1, 2)
    """
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def batch_size_of(x: Tensors) -> int:
    """The size of the first axis of the first array."""
    return next(leaf.shape[0] for leaf in tree.flatten(x) if leaf is not None)


# ---- the default steps ------------------------------------------------------------------------


def train_update(
    model: TrainableModel, slots: StateSlots, state: TrainState, data: Any
) -> tuple[Any, TrainState]:
    """One step of optimization: forward, loss, gradients, update, metrics.

    Returns:
        What `compute_metrics` returned, and the new state.
    """
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    others = [*slots.non_trainable, *slots.optimizer, *slots.metrics]

    def objective(trainable: list[Any]) -> Any:
        with Carried(slots, flat(state._replace(trainable=trainable))) as frame:
            y_pred = model(x, training=True)
            loss = loss_of(model, x, y, y_pred, sample_weight, training=True)
            model._track_loss(loss, batch_size_of(x))
            scaled = loss if model.optimizer is None else model.optimizer.scale_loss(loss)
        return scaled, (y_pred, frame.values_of(others))

    with remember_logits(), Carried(slots, flat(state)) as frame:
        gradients, (y_pred, values) = jax.grad(objective, has_aux=True)(state.trainable)
        frame.update(others, values)
        model.optimizer.apply(gradients, slots.trainable)
        logs = model.compute_metrics(x, y, y_pred, sample_weight=sample_weight)
    return logs, frame.state()


def loss_of(
    model: TrainableModel,
    x: Tensors,
    y: Tensors,
    y_pred: Tensors,
    sample_weight: Tensors | None,
    *,
    training: bool,
) -> Any:
    """The loss of a batch; an older `compute_loss` is not told whether the model trains.

    Raises:
        ValueError: it is no scalar.
    """
    known = inspect.signature(model.compute_loss).parameters
    takes = "training" in known or any(p.kind is p.VAR_KEYWORD for p in known.values())
    options = {"training": training} if takes else {}
    loss = model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **options)
    if loss is None:
        raise ValueError(returns_nothing(model.compute_loss))
    shape = getattr(loss, "shape", ())
    if shape != ():
        raise value_error(
            f"{model.__class__.__name__}.compute_loss returns an array of shape {shape}, but "
            "the loss of a batch must be one number.",
            fix="return keras.ops.mean(loss)",
        )
    return loss


def test_update(
    model: TrainableModel, slots: StateSlots, state: TrainState, data: Any
) -> tuple[Any, TrainState]:
    """One step of evaluation: forward, loss, metrics; returns as `train_update` does."""
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    with remember_logits(), Carried(slots, flat(state)) as frame:
        y_pred = model(x, training=False)
        loss = loss_of(model, x, y, y_pred, sample_weight, training=False)
        model._track_loss(loss, batch_size_of(x))
        logs = model.compute_metrics(x, y, y_pred, sample_weight=sample_weight)
    return logs, frame.state()._replace(trainable=state.trainable)


def predict_outputs(
    model: TrainableModel, slots: StateSlots, state: TrainState, data: Tensors
) -> Any:
    """The model's outputs for a batch, and the state after (seeds may advance).

    What metrics inside of layers take in is not kept: a prediction is no measurement.
    """
    x, _, _ = unpack_x_y_sample_weight(data)
    with Carried(slots, flat(state)) as frame:
        outputs = tree.map_structure(bcoo.dense, model(x, training=False))
    after = frame.values_of(slots.non_trainable)
    return outputs, TrainState(state.trainable, after, [], state.metrics)


def results_of(model: TrainableModel, slots: StateSlots, state: TrainState) -> dict[str, Any]:
    """The results by name, from the values of the state."""
    with Carried(slots, flat(state)):
        return model.get_metrics_result()


def on_values(
    update: Callable[..., Any], model: TrainableModel, kind: str, state: Any, data: Tensors
) -> Any:
    """An update of a state as `train_step` is given it: without the variables on no list.

    Those are read and written where whoever called `train_step` carries them.
    """
    slots = model._state_slots(kind)
    late = [v._stored() for v in slots.late]
    full = TrainState(*state)
    full = full._replace(non_trainable=[*full.non_trainable, *late])
    out, after = update(model, slots, full, data)
    kept = len(after.non_trainable) - len(late)
    for variable, value in zip(slots.late, after.non_trainable[kept:], strict=True):
        frame = frame_for_writing(variable)
        if frame is not None:
            frame[variable] = value
    return out, after._replace(non_trainable=after.non_trainable[:kept])


# ---- the step of a model ----------------------------------------------------------------------


def step_of(model: TrainableModel, kind: str, slots: StateSlots) -> Step:
    """The step that a model takes: its own if it overrides one, else the default.

    Args:
        model: the model.
        kind: "train", "test" or "predict".
        slots: the variables of the state.
    """
    method = model._step_of_its_own(kind)
    model = weakref.proxy(model)  # which keeps the step, and should go when nobody else has it
    if method is not None:
        return _custom_step(model, kind, slots, method)
    if kind == "predict":
        return Step(
            lambda state, data: predict_outputs(model, slots, state, data),
            lambda out, state: out,
            repeats=False,
            slots=slots,
        )
    update = train_update if kind == "train" else test_update
    if model._measures_itself:
        return Step(partial(update, model, slots), lambda logs, state: logs, slots=slots)

    def run(state: TrainState, data: Tensors) -> tuple[Any, TrainState]:
        return (), update(model, slots, state, data)[1]

    return Step(run, lambda out, state: results_of(model, slots, state), slots=slots)


def takes_state(method: Callable[..., Any]) -> bool:
    """Whether a step is pure, `(state, data)` or `(*args)`, or imperative, `(data)`."""
    parameters = inspect.signature(method).parameters.values()
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return True
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters) >= 2


def _own_step(model: TrainableModel, name: str, *args: Any) -> Any:
    return getattr(model, name)(*args)


def _custom_step(
    model: TrainableModel, kind: str, slots: StateSlots, method: Callable[..., Any]
) -> Step:
    results: Callable[[Any, TrainState], Any] = lambda out, state: out  # noqa: E731
    pure_step = takes_state(method)
    name = f"{model.__class__.__name__}.{kind}_step"
    method = partial(_own_step, model, f"{kind}_step")

    def pure(state: TrainState, data: Tensors) -> tuple[Any, TrainState]:
        # The lists go in and come back as values; what they do not name is read and written.
        values = flat(state)
        with Carried(slots, values) as frame:
            returned = method(_state_for(kind, _listed(slots, state)), data)
        if not (isinstance(returned, tuple) and len(returned) == 2):
            raise value_error(
                f"{name} returns {type(returned).__name__}, not (logs, state).",
                fix="return logs, (trainable, non_trainable, optimizer, metrics)",
            )
        logs, after = returned
        _refuse_writes(slots, values, frame, name)
        after = _full_state(kind, _listed(slots, state), after, name)
        late = frame.values_of(slots.late)
        return logs, after._replace(non_trainable=[*after.non_trainable, *late])

    def imperative(state: TrainState, data: Tensors) -> tuple[Any, TrainState]:
        with Carried(slots, flat(state)) as frame:
            logs = method(data)
        if logs is None:
            raise ValueError(returns_nothing(method))
        return logs, frame.state()

    step = pure if pure_step else imperative
    return Step(step, results, repeats=kind != "predict", slots=slots)


def _listed(slots: StateSlots, state: TrainState) -> TrainState:
    """The state without the variables that no list names."""
    kept = len(state.non_trainable) - len(slots.late)
    return state._replace(non_trainable=state.non_trainable[:kept])


def _refuse_writes(slots: StateSlots, before: list[Any], frame: Carried, name: str) -> None:
    """A step that is given the lists as values must return them, not assign to the variables."""
    late = Identities(slots.late)
    for variable, value in zip(slots.variables, before, strict=True):
        if frame[variable] is not value and variable not in late:
            raise RuntimeError(
                explain(
                    f"{name} assigns to the variable '{variable.path}', but a step that takes "
                    "the state must return the new values.",
                    fix="compute the new values without assigning:\n"
                    "stateless_call, stateless_apply, stateless_update_state.\n"
                    "Or write the step as train_step(self, data), which may assign.",
                )
            )


def _state_for(kind: str, state: TrainState) -> Any:
    """The state as Keras's custom steps unpack it: three parts for test, two for predict."""
    if kind == "train":
        return state
    if kind == "test":
        return state.trainable, state.non_trainable, state.metrics
    return state.trainable, state.non_trainable


def _full_state(kind: str, before: TrainState, after: Any, name: str) -> TrainState:
    """The state that a custom step returned, as a `TrainState`, checked against the one it got."""
    if kind == "train":
        parts = after
    elif kind == "test":
        parts = (*after[:2], before.optimizer, after[2]) if len(after) == 3 else after
    else:
        parts = (before.trainable, after[-1] if len(after) == 2 else after, [], before.metrics)
    expected = [len(p) for p in before]
    received = [len(p) for p in parts] if len(parts) == 4 else None
    if received != expected:
        raise value_error(
            f"{name} must return a state of the structure that it got.",
            expected=f"{expected} values in (trainable, non_trainable, optimizer, metrics)",
            received=f"{received if received is not None else len(parts)}",
            fix="return all parts, changed or not, in the same order.",
        )
    return TrainState(*[list(p) for p in parts])
