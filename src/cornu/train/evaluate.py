"""The steps of an evaluation: those of `evaluate`, and of the validation between two epochs."""

from typing import Any

from cornu.callbacks.callback_list import CallbackList
from cornu.data.source import Source
from cornu.train.listening import note_steps
from cornu.train.loop import as_logs, run_epoch
from cornu.train.prepare import no_data
from cornu.train.strategy import strategy_for
from cornu.train.trainable import TrainableModel


def evaluate_source(
    model: TrainableModel,
    source: Source,
    listeners: CallbackList,
    *,
    steps: int | None,
    first: bool = True,
) -> dict[str, Any]:
    """The results by name; empty if there are no data any more.

    Args:
        model: built and compiled.
        source: the data.
        listeners: the callbacks, which hear of an evaluation.
        steps: greatest number of steps.
        first: whether it is the first on these data, for which having none is an error.
    """
    slots = model._state_slots("test")
    model.make_test_function()
    strategy = strategy_for(model, "test", slots, source, listeners)
    model.reset_metrics()
    model.stop_evaluating = False
    listeners.on_test_begin()

    def after(batch: int, done: int, out: Any) -> bool:
        if "validation" not in listeners.params:  # those are the steps of training
            note_steps(listeners, batch, done)
        listeners.on_test_batch_end(batch, as_logs(out))
        return model.stop_evaluating

    out, _ = run_epoch(
        strategy, source, steps=steps,
        before=listeners.on_test_batch_begin, after=after, every=model._steps_in_a_group,
    )  # fmt: skip
    if out is None and not first:
        return {}
    if out is None:
        raise ValueError(no_data("evaluate"))
    logs = dict(as_logs(out).fetch())
    listeners.on_test_end(logs)
    return logs


def as_returned(model: TrainableModel, logs: dict[str, Any], return_dict: bool) -> Any:
    """Results as a dict, a list, or the loss alone."""
    if return_dict:
        return logs
    values = list(model._in_order(logs).values())
    return values[0] if len(values) == 1 else values
