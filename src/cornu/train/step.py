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

from cornu import activations, tree
from cornu.core.frame import Frame, purify
from cornu.errors import explain, returns_nothing
from cornu.train.state import StateSlots, TrainState


@dataclass(frozen=True, slots=True)
class Step:
    """A step ready to be compiled.

    Attributes:
        update: `(state, data) -> (out, state)`.
        results: `(out, state) -> logs`, run once after the last of several steps.
        repeats: whether only the last `out` matters, so that steps may run in a loop on the device.
    """

    update: Callable[[TrainState, Any], tuple[Any, TrainState]]
    results: Callable[[Any, TrainState], Any]
    repeats: bool = True


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
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
        raise ValueError(
            explain(
                f"A batch is (x,), (x, y) or (x, y, sample_weight), got {len(data)} items.",
                fix="several inputs or outputs go into a tuple of their own: ((x1, x2), y).",
            )
        )
    padded = (*data, None, None)[:3]
    return padded[0], padded[1], padded[2]


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Put inputs, labels and weights into one batch; the reverse of unpacking.

    Example:

        >>> pack_x_y_sample_weight(1, 2)
        (1, 2)
    """
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def batch_size_of(x: Any) -> int:
    """The size of the first axis of the first array."""
    return next(leaf.shape[0] for leaf in tree.flatten(x) if leaf is not None)


# ---- the default steps ------------------------------------------------------------------------


def train_update(
    model: Any, slots: StateSlots, state: TrainState, data: Any
) -> tuple[Any, TrainState]:
    """One step of optimization: forward, loss, gradients, update, metrics.

    Returns:
        What `compute_metrics` returned, and the new state.
    """
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    loss_variables = [*slots.non_trainable, *slots.metrics]

    def objective(trainable: list[Any], others: list[Any]) -> Any:
        # The optimizer's variables are read, too: a loss scale changes from step to step.
        variables = [*slots.trainable, *loss_variables, *slots.optimizer]
        with Frame(variables, [*trainable, *others, *state.optimizer]) as frame:
            y_pred = model(x, training=True)
            loss = loss_of(model, x, y, y_pred, sample_weight, training=True)
            model._track_loss(loss, batch_size_of(x))
            scaled = loss if model.optimizer is None else model.optimizer.scale_loss(loss)
        return scaled, (y_pred, frame.values_of(loss_variables))

    with activations.remember_logits():
        gradients, (y_pred, others) = jax.grad(objective, has_aux=True)(
            state.trainable, [*state.non_trainable, *state.metrics]
        )
        trainable, optimizer = updated(model, slots, state, gradients)
        non_trainable = others[: len(slots.non_trainable)]
        with Frame(slots.metrics, others[len(slots.non_trainable) :]) as frame:
            logs = model.compute_metrics(x, y, y_pred, sample_weight=sample_weight)
        metrics = frame.values_of(slots.metrics)
    return logs, TrainState(trainable, non_trainable, optimizer, metrics)


def loss_of(model: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any, *, training: bool) -> Any:
    """The loss of a batch; an older `compute_loss` is not told whether the model trains."""
    known = inspect.signature(model.compute_loss).parameters
    takes = "training" in known or any(p.kind is p.VAR_KEYWORD for p in known.values())
    options = {"training": training} if takes else {}
    return model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **options)


def updated(
    model: Any, slots: StateSlots, state: TrainState, gradients: list[Any]
) -> tuple[list[Any], list[Any]]:
    """New values of the weights and of the optimizer, which may know more weights than these."""
    variables = [*slots.trainable, *slots.optimizer]
    with Frame(variables, [*state.trainable, *state.optimizer]) as frame:
        model.optimizer.apply(gradients, slots.trainable)
    return frame.values_of(slots.trainable), frame.values_of(slots.optimizer)


def test_update(
    model: Any, slots: StateSlots, state: TrainState, data: Any
) -> tuple[Any, TrainState]:
    """One step of evaluation: forward, loss, metrics; returns as `train_update` does."""
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    with (
        activations.remember_logits(),
        Frame(slots.variables, [*state.trainable, *state.non_trainable, *state.metrics]) as frame,
    ):
        y_pred = model(x, training=False)
        loss = loss_of(model, x, y, y_pred, sample_weight, training=False)
        model._track_loss(loss, batch_size_of(x))
        logs = model.compute_metrics(x, y, y_pred, sample_weight=sample_weight)
    return logs, TrainState(
        state.trainable, frame.values_of(slots.non_trainable), [], frame.values_of(slots.metrics)
    )


def predict_outputs(model: Any, slots: StateSlots, state: TrainState, data: Any) -> Any:
    """The model's outputs for a batch, and the state after (seeds may advance)."""
    x, _, _ = unpack_x_y_sample_weight(data)
    with Frame(slots.variables, [*state.trainable, *state.non_trainable, *state.metrics]) as frame:
        outputs = model(x, training=False)
    after = frame.values_of(slots.non_trainable)
    return outputs, TrainState(state.trainable, after, [], state.metrics)


def results_of(model: Any, slots: StateSlots, metrics: list[Any]) -> dict[str, Any]:
    """The results by name, from the metrics' values."""
    with Frame(slots.metrics, metrics):
        return model.get_metrics_result()


# ---- the step of a model ----------------------------------------------------------------------


def step_of(model: Any, kind: str, slots: StateSlots, default: Callable[..., Any]) -> Step:
    """The step that a model takes: its own if it overrides one, else the default.

    Args:
        model: the trainer.
        kind: "train", "test" or "predict".
        slots: the variables of the state.
        default: the method of the trainer class itself, to see whether it is overridden.
    """
    method = getattr(model, f"{kind}_step")
    own = getattr(method, "__func__", method) is not default
    model = weakref.proxy(model)  # which keeps the step, and should go when nobody else has it
    if own:
        return _custom_step(model, kind, slots, method)
    if kind == "predict":
        return Step(
            lambda state, data: predict_outputs(model, slots, state, data),
            lambda out, state: out,
            repeats=False,
        )
    update = train_update if kind == "train" else test_update
    if model._measures_itself:
        return Step(partial(update, model, slots), lambda logs, state: logs)

    def run(state: TrainState, data: Any) -> tuple[Any, TrainState]:
        return (), update(model, slots, state, data)[1]

    return Step(run, lambda out, state: results_of(model, slots, state.metrics))


def takes_state(method: Callable[..., Any]) -> bool:
    """Whether a step is pure, `(state, data)`, or imperative, `(data)`."""
    return len(inspect.signature(method).parameters) >= 2


def _own_step(model: Any, name: str, *args: Any) -> Any:
    return getattr(model, name)(*args)


def _custom_step(model: Any, kind: str, slots: StateSlots, method: Callable[..., Any]) -> Step:
    results: Callable[[Any, TrainState], Any] = lambda out, state: out  # noqa: E731
    pure_step = takes_state(method)
    name = f"{model.__class__.__name__}.{kind}_step"
    method = partial(_own_step, model, f"{kind}_step")

    def pure(state: TrainState, data: Any) -> tuple[Any, TrainState]:
        returned = method(_state_for(kind, state), data)
        if not (isinstance(returned, tuple) and len(returned) == 2):
            raise ValueError(
                explain(
                    f"{name} returns {type(returned).__name__}, not (logs, state).",
                    fix="return logs, (trainable, non_trainable, optimizer, metrics)",
                )
            )
        logs, after = returned
        return logs, _full_state(kind, state, after, name)

    def imperative(state: TrainState, data: Any) -> tuple[Any, TrainState]:
        values = [v for part in state for v in part]
        logs, after = purify(lambda: method(data), slots.variables)(values)
        if logs is None:
            raise ValueError(returns_nothing(method))
        parts, start = [], 0
        for part in state:
            parts.append(after[start : start + len(part)])
            start += len(part)
        return logs, TrainState(*parts)

    return Step(pure if pure_step else imperative, results, repeats=kind != "predict")


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
        raise ValueError(
            explain(
                f"{name} returns a state of another structure than it got.",
                expected=f"{expected} values in (trainable, non_trainable, optimizer, metrics)",
                received=f"{received if received is not None else len(parts)}",
                fix="return every part, changed or not, in the same order.",
            )
        )
    return TrainState(*[list(p) for p in parts])
