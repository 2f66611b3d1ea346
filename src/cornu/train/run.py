"""`Fit`: one run of `fit`, from its data to its history.

    open     the data become sources; what is not built yet is built; mistakes are looked for
    train    on_train_begin, where callbacks may choose another place to begin at
             each epoch: the steps -> the validation -> on_epoch_end
             on_train_end
    close    the sources are closed, whatever happened

While it trains, `model.current_run` is the run. Callbacks ask it where the data are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cornu.arguments import integer
from cornu.callbacks.callback_list import CallbackList
from cornu.callbacks.monitoring import History
from cornu.data.position import check_position
from cornu.data.source import Source
from cornu.train.evaluate import evaluate_source
from cornu.train.listening import (
    asks_for_positions,
    callback_list,
    note_steps,
    stops_at_nonfinite,
)
from cornu.train.loop import as_logs, run_epoch
from cornu.train.measuring import training
from cornu.train.prepare import no_data, open_source, open_validation, prepare
from cornu.train.strategy import Strategy, strategy_for
from cornu.train.trainable import TrainableModel
from cornu.train.watch.guard import Guard
from cornu.train.watch.preflight import check_data, columns_of, require_labels
from cornu.types import Tensors


class Fit:
    """One run of `fit`.

    Args:
        model: the model.
        epochs: number of the last epoch.
        initial_epoch: number of epochs that were trained before.
        steps: steps per epoch; None for the whole data set.
        validation_steps: steps per validation, likewise.
        validation_freq: epochs from one validation to the next, or the epochs that have one.
        callbacks: the callbacks that the user gave.
        verbose: 0, 1, 2 or "auto".
        check: whether to look for mistakes in the data and for losses that are not finite.

    Attributes:
        source: the data to train on.
        validation: the data to validate on, or None.
        strategy: how the steps are dispatched.
        listeners: all callbacks.
        guard: looks for losses that are not finite; None if nobody does, or a callback.
        begins_at: epoch and step at which the run begins, counted from 0.
        epoch: the epoch that is running.
    """

    source: Source
    validation: Source | None = None
    strategy: Strategy
    listeners: CallbackList
    guard: Guard | None = None

    def __init__(
        self,
        model: TrainableModel,
        *,
        epochs: int,
        initial_epoch: int = 0,
        steps: int | None = None,
        validation_steps: int | None = None,
        validation_freq: Any = 1,
        callbacks: Any = None,
        verbose: Any = "auto",
        check: bool = True,
    ):
        self.model = model
        self.epochs = epochs
        self.epoch = initial_epoch
        self.begins_at = (initial_epoch, 0)
        self.steps = steps
        self.validation_steps, self.validation_freq = validation_steps, validation_freq
        self.check = check
        self._callbacks, self._verbose = callbacks, verbose
        self._opened: list[Source] = []

    # ---- open ---------------------------------------------------------------------------------

    def open(
        self,
        x: Tensors,
        y: Tensors,
        sample_weight: Tensors | None,
        *,
        batch_size: int | None,
        shuffle: Any,
        class_weight: Any,
        validation_data: Any,
        validation_batch_size: int | None,
    ) -> None:
        """Make sources of the data, and make and check what they need of the model."""
        model = self.model
        model._record = model._record._replace(columns=columns_of(x))
        keeps_positions = asks_for_positions(self._callbacks)
        self.source, example = open_source(
            model, x, y, sample_weight,
            batch_size=batch_size, steps=self.steps, shuffle=shuffle,
            class_weight=class_weight, epoch=self.epoch, keeps_positions=keeps_positions,
        )  # fmt: skip
        self._opened.append(self.source)
        if validation_data is not None:
            self.validation = open_validation(
                model, validation_data, validation_batch_size or batch_size,
                self.validation_steps, keeps_positions,
            )  # fmt: skip
            self._opened.append(self.validation)
        prepare(model, example, "train")
        require_labels(model, example, "model.fit(x, y)")
        if self.check:
            severity = "warning" if stops_at_nonfinite(self._callbacks) else "error"
            check_data(model, self.source, self.validation, nonfinite=severity)

    # ---- train --------------------------------------------------------------------------------

    def train(self) -> History:
        """Run the epochs."""
        model = self.model
        with training(model), self._current():
            history = self._begin()
            logs: dict[str, Any] = {}
            with self.listeners.told_of_failure():
                self.listeners.on_train_begin()
                first_epoch, first_step = self.begins_at
                try:
                    for epoch in range(first_epoch, self.epochs):
                        self.epoch = epoch
                        found = self._train_epoch(first_step if epoch == first_epoch else 0)
                        if found is None:
                            break
                        logs = found
                        self.listeners.on_epoch_end(epoch, logs)
                        if model.stop_training:
                            break
                except KeyboardInterrupt as interrupt:
                    interrupt.args = (self._stopped(),)
                    raise
                finally:
                    self.strategy.release()
            if model.optimizer is not None:
                model.optimizer.finalize_variable_values(model.trainable_variables)
            self.listeners.on_train_end(logs)
        return history

    def _begin(self) -> History:
        """Choose who listens, how steps are dispatched, and who looks at the loss."""
        model = self.model
        self.listeners = callback_list(
            model, self._callbacks, self._verbose,
            epochs=self.epochs, steps=self.steps or self.source.num_batches, history=True,
        )  # fmt: skip
        history: History = self.listeners.find(History)
        model.history = history
        model.stop_training = False
        slots = model._state_slots("train")
        model.make_train_function()
        self.strategy = strategy_for(model, "train", slots, self.source, self.listeners)
        params = self.listeners.params
        params["validation"] = self.validation is not None
        params["adds_results"] = any(
            getattr(callback, "_may_add_results", True) for callback in self.listeners.callbacks
        )
        if self.strategy.fresh:
            params["compiles"] = True
        if self.check and not stops_at_nonfinite(self.listeners):
            self.guard = Guard(model, self.strategy, self.source)
        return history

    def _train_epoch(self, first: int) -> dict[str, Any] | None:
        """The results of an epoch that begins at step `first`; None if the data have ended."""
        model, listeners, strategy, guard = self.model, self.listeners, self.strategy, self.guard
        model.reset_metrics()
        listeners.on_epoch_begin(self.epoch)
        if guard is not None:
            guard.begin(self.epoch, first)
        out, done = run_epoch(
            strategy, self.source, epoch=self.epoch, steps=self.steps, first=first,
            before=listeners.on_train_batch_begin, after=self._after_steps,
            watch=guard.saw if guard is not None else None,
            every=model._steps_in_a_group,
        )  # fmt: skip
        if guard is not None:
            guard.look(done, out)
        is_first = self.epoch == self.begins_at[0]
        if out is None and not first:
            if is_first:
                raise ValueError(no_data("fit"))
            return None
        if out is None:  # interrupted between the last step and the end of the epoch
            out = model.get_metrics_result()
        elif listeners.params.get("steps") is None:
            listeners.params["steps"] = done
        logs = dict(as_logs(out).fetch())
        if self.validation is not None and _is_due(self.epoch, self.validation_freq):
            results = evaluate_source(
                model, self.validation, listeners, steps=self.validation_steps, first=is_first
            )
            logs |= {f"val_{name}": value for name, value in results.items()}
            logs = dict(sorted(logs.items()))
        self.source.epoch_end(self.epoch)
        seed = getattr(self.source, "seed", None)
        model._record = model._record._replace(epochs=self.epoch + 1, seed=seed)
        return logs

    def _after_steps(self, batch: int, done: int, out: Any) -> bool:
        note_steps(self.listeners, batch, done)
        self.listeners.on_train_batch_end(batch, as_logs(out))
        return self.model.stop_training

    @contextmanager
    def _current(self) -> Iterator[None]:
        """Be the model's current run; a callback may train the model in a run of its own."""
        before, self.model._current_run = self.model._current_run, self
        try:
            yield
        finally:
            self.model._current_run = before

    def _stopped(self) -> str:
        """What Ctrl-C says: where training stopped, and what there is of it."""
        done = self.epoch - self.begins_at[0]
        text = f"Stopped in epoch {self.epoch + 1} of {self.epochs}"
        if not done:
            return text + "; the weights are those of the last step."
        have = "1 epoch is" if done == 1 else f"{done} epochs are"
        return f"{text}; {have} in model.history. fit(..., initial_epoch={self.epoch}) goes on."

    # ---- close --------------------------------------------------------------------------------

    def close(self) -> None:
        """Close what was opened; called once, also after an error."""
        for source in self._opened:
            source.close()

    # ---- for callbacks ------------------------------------------------------------------------

    def resume_at(self, epoch: int, step: int = 0, positions: Any = None) -> None:
        """Begin at another place; for callbacks, in `on_train_begin`.

        Args:
            epoch: the first epoch to train, counted from 0.
            step: the first step of it to run.
            positions: what `data_positions` returned there in the run that is continued.

        Raises:
            ValueError: the data are not those of that run.
        """
        positions = positions or {}
        found = [
            (name, s, positions[name] or {}) for name, s in self._sources() if name in positions
        ]
        for _, source, position in found:
            check_position(position, epoch, step, source.num_batches)
        self.begins_at = (epoch, step)
        for name, source, position in found:
            source.go_to(*((epoch, step) if name == "train" else (0, 0)), position)

    def data_positions(self, step: int) -> dict[str, Any]:
        """Where the data are; for callbacks.

        Args:
            step: the first step of the epoch that has not been run; 0 between epochs.

        Returns:
            Nested dicts of numbers and arrays, for `resume_at`.
        """
        return {
            name: dict(source.position((step or None) if name == "train" else None) or {}) or None
            for name, source in self._sources()
        }

    def _sources(self) -> list[tuple[str, Source]]:
        validation = [] if self.validation is None else [("validation", self.validation)]
        return [("train", self.source), *validation]


def _is_due(epoch: int, validation_freq: Any) -> bool:
    """Whether to validate after an epoch, counted from 0."""
    if isinstance(validation_freq, list | tuple | set | range):
        return epoch + 1 in validation_freq
    return (epoch + 1) % integer(validation_freq, "validation_freq") == 0
