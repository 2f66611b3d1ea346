"""`Trainer`: the public methods of training. What happens inside is told by the modules beside.

    compile -- Compilable          what to minimize and to measure            (train/overrides.py)
    fit ------ _open, _prepare     the data as a Source, everything built     (train/prepare.py)
           |-- _strategy           Eager | PerStep | Chunked                  (train/strategy.py)
           `-- run_epoch           the one loop                               (train/loop.py)
    predict  Predicting            beside running steps: few shapes in       (train/predict.py)

A trainer is mixed into `Model`; it asks of its other half only to be callable and to list its
variables (`trainable_variables`, `non_trainable_variables`, `losses`, `metrics`).
"""

import contextlib
import os
from typing import Any, ClassVar

from cornu import settings
from cornu.arguments import integer
from cornu.callbacks.backup import Resume
from cornu.callbacks.callback_list import CallbackList
from cornu.callbacks.monitoring import History, KeptHistory
from cornu.callbacks.reporting import ProgbarLogger
from cornu.callbacks.stopping import TerminateOnNaN
from cornu.core.forking import refuse_after_fork
from cornu.data.convert import only_read
from cornu.data.position import check_position
from cornu.data.source import Resident, Source
from cornu.data.split import train_validation_split
from cornu.engine import collector
from cornu.errors import trimmed
from cornu.train.compile import Compiled, accept_older
from cornu.train.listening import (
    asks_for_positions,
    callback_list,
    note_steps,
    stops_at_nonfinite,
    with_resume,
)
from cornu.train.loop import as_logs, run_epoch
from cornu.train.measuring import Loop, measuring, training
from cornu.train.predict import Predicting
from cornu.train.prepare import no_data
from cornu.train.strategy import Chunked
from cornu.train.watch.guard import Guard
from cornu.train.watch.preflight import (
    check_columns,
    check_data,
    check_values,
    columns_of,
    require_labels,
    tell_nonfinite,
)


class Trainer(Predicting):
    """compile, fit, evaluate, predict, and their single-batch forms."""

    _untracked_attributes: ClassVar[frozenset[str]] = frozenset(
        ("_compiled", "_programs", "_sources", "_measuring_now", "_history")
    )

    _made_anew: ClassVar = {
        "_programs": lambda _: {},
        "_measuring_now": lambda _: [],
        "_sources": lambda _: {},
        "_history": lambda kept: kept.alone() if isinstance(kept, KeptHistory) else kept,
    }

    def __init__(self) -> None:
        super().__init__()
        self.stop_training = False
        self.stop_evaluating = False
        self.history = None
        self._begins_at = (0, 0)  # epoch and step at which the current `fit` begins
        self._sources: dict[str, Source | None] = {}  # of the current `fit`
        self._measuring_now: list[Loop] = []

    def __del__(self) -> None:
        # These look at all attributes, themselves among them, and so would keep what was owned.
        for name in ("_at_once", "_quick"):
            if name in vars(self):
                vars(vars(self)[name]).clear()
        with contextlib.suppress(Exception):  # of a model whose constructor has failed, say
            owned = (v for layer in self._flatten_layers() for v in layer._own_variables())  # type: ignore[attr-defined]
            collector.left_in_circles((v, v._value.nbytes) for v in owned)

    @property
    def history(self) -> Any:
        """The `History` of the last `fit`; None before."""
        kept = self._history
        return kept.of(self) if isinstance(kept, KeptHistory) else kept

    @history.setter
    def history(self, value: Any) -> None:
        self._history = KeptHistory(value) if isinstance(value, History) else value

    # ---- fit ----------------------------------------------------------------------------------

    @trimmed
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        check: bool = True,
        validation_pick: str = "last",
        resume: str | os.PathLike[str] | Resume | None = None,
        **older: Any,
    ) -> History:
        """Train the model.

        Args:
            x: inputs: an array, a list or dict of arrays, or a data set that yields batches.
            y: labels, for arrays.
            batch_size: samples in a step; 32 for arrays, or as many as make `steps_per_epoch` steps
                of all of them.
            epochs: number of the last epoch.
            verbose: 0 for silence, 1 for a progress bar, 2 for a line an epoch; "auto" is 1.
            callbacks: what happens at certain moments.
            validation_split: fraction of the data to evaluate after each epoch instead of training
                on it; of arrays, or of the batches of a `PyDataset`.
            validation_data: `(x, y)`, `(x, y, sample_weight)` or a data set, instead.
            shuffle: draw the samples in a new order each epoch.
            class_weight: dict of class -> weight in the loss.
            sample_weight: a weight for each sample (or time step) in the loss.
            initial_epoch: number of epochs that were trained before.
            steps_per_epoch: steps in an epoch; the whole data set if None.
            validation_steps: steps of each validation.
            validation_batch_size: samples in a step of validation; as `batch_size` if None.
            validation_freq: validate every so many epochs, or a list of epochs counted from 1.
            check: look for mistakes in data and labels before the first step, and stop with an
                error at the first loss that is not finite, which says where it came from.
            validation_pick: which rows `validation_split` takes: "last", whatever order they have,
                "random", or "stratified", which is the same share of each class of `y`.
            resume: a directory for this run. Backups of everything are kept there, and when the
                same script is started again, it goes on where it was and comes to the same result,
                to the last bit. Its batches are not made ahead of the steps. Backups are written
                by the clock, and once when training ends; a `callbacks.Resume` says how often
                instead.

        Returns:
            The `History`, whose `history` holds the results of each epoch.

        Raises:
            ValueError: the data do not fit the model, the loss or each other.
            FloatingPointError: the loss is NaN or infinite. The weights are those from before that
                batch, where a copy of them was kept.
        """
        accept_older(Trainer.fit, older)
        settings_ = self._settings("fit")
        epochs = integer(epochs, "epochs", least=0)
        initial_epoch = integer(initial_epoch, "initial_epoch", least=0)
        if settings.current.max_epochs is not None:
            epochs = min(epochs, settings.current.max_epochs)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = train_validation_split(
                (only_read(x, self._names_read), y, sample_weight),
                validation_split, validation_pick,
                floatx=settings.current.floatx,
                inputs_are_nested=getattr(self, "_inputs_are_nested", None),
            )  # fmt: skip
        self._columns = columns_of(x)
        callbacks = with_resume(callbacks, resume)
        keeps_positions = asks_for_positions(callbacks)
        source, example = self._open(
            x, y, sample_weight,
            batch_size=batch_size, steps=steps_per_epoch, shuffle=shuffle,
            class_weight=class_weight, epoch=initial_epoch, keeps_positions=keeps_positions,
        )  # fmt: skip
        validation = self._open_validation(
            validation_data, validation_batch_size or batch_size, validation_steps, keeps_positions
        )
        try:
            self._prepare(example, "train")
            require_labels(self, example, "model.fit(x, y)")
            if check:
                stops = stops_at_nonfinite(callbacks)
                check_data(self, source, validation, nonfinite="warning" if stops else "error")
            with training(self):
                return self._fit(
                    settings_, source, validation, example,
                    epochs=epochs, initial_epoch=initial_epoch, steps=steps_per_epoch,
                    verbose=verbose, callbacks=callbacks, check=check,
                    validation_steps=validation_steps, validation_freq=validation_freq,
                )  # fmt: skip
        finally:
            source.close()
            if validation is not None:
                validation.close()

    def _fit(
        self,
        settings_: Compiled,
        source: Source,
        validation: Source | None,
        example: Any,
        *,
        epochs: int,
        initial_epoch: int,
        steps: int | None,
        verbose: Any,
        callbacks: Any,
        validation_steps: int | None,
        validation_freq: Any,
        check: bool,
    ) -> History:
        """The epochs; everything is checked and built."""
        listeners = callback_list(
            self, callbacks, verbose,
            epochs=epochs, steps=steps or source.num_batches, history=True,
        )  # fmt: skip
        history = listeners.find(History)
        self.history = history
        self.stop_training = False
        slots = self._state_slots("train")
        self.make_train_function()
        strategy = self._strategy("train", slots, source, listeners, example)
        slots = strategy.slots
        listeners.params["validation"] = validation is not None
        listeners.params["adds_results"] = any(
            getattr(callback, "_may_add_results", True) for callback in listeners.callbacks
        )
        if strategy.fresh:
            listeners.params["compiles"] = True
        guard = None
        if check and listeners.find(TerminateOnNaN) is None:
            guard = Guard(self, slots, strategy, source)
        self._sources = {"train": source, "validation": validation}
        self._begins_at = (initial_epoch, 0)
        listeners.on_train_begin()
        first_epoch, first_step = self._begins_at
        logs: dict[str, Any] = {}
        epoch = first_epoch
        try:
            for epoch in range(first_epoch, epochs):
                self.reset_metrics()
                listeners.on_epoch_begin(epoch)
                first = first_step if epoch == first_epoch else 0
                if guard is not None:
                    guard.begin(epoch, first)
                out, done = run_epoch(
                    strategy, source, slots, epoch=epoch, steps=steps, first=first,
                    before=listeners.on_train_batch_begin,
                    after=self._after_batch(listeners),
                    watch=guard.saw if guard is not None else None,
                    every=self._steps_in_a_group,
                )  # fmt: skip
                if guard is not None:
                    guard.look(done, out)
                if out is None and not first:
                    if epoch == first_epoch:
                        raise ValueError(no_data("fit"))
                    break  # the data have ended, and said so
                if out is None:  # interrupted between the last step and the end of the epoch
                    out = self.get_metrics_result()
                elif listeners.params.get("steps") is None:
                    listeners.params["steps"] = done
                logs = dict(as_logs(out).fetch())
                if validation is not None and _due(epoch, validation_freq):
                    results = self._evaluate(
                        validation, listeners, steps=validation_steps, first=epoch == first_epoch
                    )
                    logs |= {f"val_{name}": value for name, value in results.items()}
                    logs = dict(sorted(logs.items()))
                source.epoch_end(epoch)
                self._trained = (epoch + 1, getattr(source, "seed", None))
                listeners.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
        except KeyboardInterrupt as interrupt:
            interrupt.args = (_stopped(epoch, first_epoch, epochs),)
            listeners._on_failure()
            raise
        except BaseException:
            listeners._on_failure()
            raise
        finally:
            # An interrupted bar must not leave the cursor in the middle of a line.
            self._sources = {}
            if isinstance(strategy, Chunked):
                strategy.release()
            bar = listeners.find(ProgbarLogger)
            if bar is not None:
                bar.on_train_end()
        if settings_.optimizer is not None:
            settings_.optimizer.finalize_variable_values(self.trainable_variables)  # type: ignore[attr-defined]
        listeners.on_train_end(logs)
        return history

    def _resume_at(self, epoch: int, step: int = 0, positions: Any = None) -> None:
        """Let the `fit` that is beginning start there; for callbacks, in `on_train_begin`.

        Args:
            epoch: the first to do, counted from 0.
            step: the first step of it to do.
            positions: what `_data_positions` gave there in the run that is continued.
        """
        found = [(name, self._sources.get(name), p or {}) for name, p in (positions or {}).items()]
        for _, source, position in found:
            if source is not None:
                check_position(position, epoch, step, source.num_batches)
        self._begins_at = (epoch, step)
        for name, source, position in found:
            if source is not None:
                at = (epoch, step) if name == "train" else (0, 0)
                source.go_to(*at, position)

    def _data_positions(self, step: int) -> dict[str, Any]:
        """Where the data of the `fit` that is running are; for callbacks.

        Args:
            step: the first step of the epoch that has not been done; 0 between epochs.

        Returns:
            Nested dicts of numbers and arrays, for `_resume_at`.
        """
        return {
            name: dict(source.position((step or None) if name == "train" else None) or {}) or None
            for name, source in self._sources.items()
            if source is not None
        }

    def _after_batch(self, listeners: CallbackList) -> Any:
        def after(batch: int, done: int, out: Any) -> bool:
            note_steps(listeners, batch, done)
            listeners.on_train_batch_end(batch, as_logs(out))
            return self.stop_training

        return after

    # ---- evaluate and predict -----------------------------------------------------------------

    @trimmed
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **older: Any,
    ) -> Any:
        """The loss and the metrics on a data set.

        Args:
            x: inputs, as in `fit`.
            y: labels.
            batch_size: samples in a step; 32 for arrays.
            verbose: as in `fit`.
            sample_weight: a weight for each sample.
            steps: at most so many steps.
            callbacks: as in `fit`.
            return_dict: return results by name.

        Returns:
            The loss, or a list of the loss and the metrics, or a dict.
        """
        accept_older(Trainer.evaluate, older)
        self._settings("evaluate")
        source, example = self._open(x, y, sample_weight, batch_size=batch_size, steps=steps)
        try:
            self._prepare(example, "test")
            if type(self).test_step is Trainer.test_step:
                require_labels(self, example, "model.evaluate(x, y)")
            check_columns(x, self._columns)
            check_values(self, source, example)
            listeners = callback_list(
                self, callbacks, verbose, epochs=1, steps=steps or source.num_batches
            )
            with listeners.told_of_failure(), measuring(self):
                logs = self._evaluate(source, listeners, steps=steps)
            tell_nonfinite(logs, source.arrays if isinstance(source, Resident) else None)
        finally:
            source.close()
        if return_dict:
            return logs
        values = list(self._in_order(logs).values())
        return values[0] if len(values) == 1 else values

    def _evaluate(
        self, source: Source, listeners: CallbackList, *, steps: int | None, first: bool = True
    ) -> dict[str, Any]:
        """The results, and the hooks of an evaluation; empty if there are no data any more."""
        slots = self._state_slots("test")
        self.make_test_function()
        strategy = self._strategy("test", slots, source, listeners, None)
        slots = strategy.slots
        self.reset_metrics()
        self.stop_evaluating = False
        listeners.on_test_begin()

        def after(batch: int, done: int, out: Any) -> bool:
            if "validation" not in listeners.params:  # those are the steps of training
                note_steps(listeners, batch, done)
            listeners.on_test_batch_end(batch, as_logs(out))
            return self.stop_evaluating

        out, _ = run_epoch(
            strategy, source, slots, steps=steps,
            before=listeners.on_test_batch_begin, after=after, every=self._steps_in_a_group,
        )  # fmt: skip
        if out is None and not first:
            return {}
        if out is None:
            raise ValueError(no_data("evaluate"))
        logs = dict(as_logs(out).fetch())
        listeners.on_test_end(logs)
        return logs

    # ---- one batch ----------------------------------------------------------------------------

    @trimmed
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """One step of training on one batch.

        Returns:
            The loss, or a list of the loss and the metrics, or a dict, of this batch alone.
        """
        self._settings("train_on_batch")
        return self._on_batch("train", x, y, sample_weight, class_weight, return_dict)

    @trimmed
    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """The loss and the metrics on one batch."""
        self._settings("test_on_batch")
        return self._on_batch("test", x, y, sample_weight, None, return_dict)

    def _on_batch(
        self, kind: str, x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool
    ) -> Any:
        with measuring(self):
            self.reset_metrics()
            logs = self._run_batch(kind, x, y, sample_weight, class_weight)
            logs = dict(as_logs(logs).fetch())
        if return_dict:
            return logs
        values = list(self._in_order(logs).values())
        return values[0] if len(values) == 1 else values


def _stopped(epoch: int, first: int, epochs: int) -> str:
    """What Ctrl-C says: where training stopped, and what there is of it."""
    kept = epoch - first
    text = f"Stopped in epoch {epoch + 1} of {epochs}"
    if not kept:
        return text + "; the weights are those of the last step."
    have = "1 epoch is" if kept == 1 else f"{kept} epochs are"
    return f"{text}; {have} in model.history. fit(..., initial_epoch={epoch}) goes on."


def _due(epoch: int, validation_freq: Any) -> bool:
    """Whether to validate after an epoch counted from 0."""
    if isinstance(validation_freq, list | tuple | set | range):
        return epoch + 1 in validation_freq
    return (epoch + 1) % integer(validation_freq, "validation_freq") == 0


refuse_after_fork(
    Trainer, "fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch"
)
