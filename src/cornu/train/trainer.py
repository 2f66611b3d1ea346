"""`Trainer`: the public methods of training. The modules beside do the work.

    compile   what to minimize and to measure                    compile.py, objective.py
    fit       one run: open the data, train the epochs, close    run.py
               |-- open_source, prepare                           prepare.py
               |-- strategy_for -> Eager | PerStep | Chunked      strategy.py
               `-- run_epoch, the loop over the steps             loop.py, step.py
    evaluate  the same loop, without changing weights            evaluate.py
    predict   the same loop, few shapes in, one array out        predict.py

A trainer is mixed into `Model`; what it asks of that is said in `trainable.py`.
"""

import contextlib
import os
from typing import Any, ClassVar

import jax
import numpy as np

from cornu import settings
from cornu.arguments import integer
from cornu.callbacks.backup import Resume
from cornu.callbacks.monitoring import History, KeptHistory
from cornu.core.forking import refuse_after_fork
from cornu.data.convert import count_samples, host_arrays, only_read
from cornu.data.source import Resident
from cornu.data.split import train_validation_split
from cornu.engine import collector
from cornu.errors import trimmed
from cornu.train.compile import Compilable, accept_older
from cornu.train.compiled_call import CompiledCall
from cornu.train.evaluate import evaluate_source
from cornu.train.listening import callback_list, with_resume
from cornu.train.loop import as_logs, run_epoch
from cornu.train.measuring import Loop, measuring
from cornu.train.overrides import Overridable
from cornu.train.predict import predict
from cornu.train.prepare import names_read, open_source, prepare
from cornu.train.run import Fit
from cornu.train.strategy import Strategy, strategy_for
from cornu.train.trainable import TrainableModel, TrainingRecord
from cornu.train.watch.preflight import check_columns, check_values, require_labels, tell_nonfinite


class _CurrentRun:
    """`model.current_run`; a model of the user's may have an attribute of that name instead."""

    def __get__(self, model: Any, cls: Any = None) -> Fit | None:
        return None if model is None else model._current_run


class Trainer(Compilable, Overridable):
    """compile, fit, evaluate, predict, and their single-batch forms."""

    _untracked_attributes: ClassVar[frozenset[str]] = frozenset(
        (
            "_compiled", "_programs", "_compiled_call", "_current_run", "_measuring_now",
            "_history", "_record",
        )
    )  # fmt: skip

    _made_anew: ClassVar = {
        "_programs": lambda _: {},
        "_compiled_call": lambda _: CompiledCall(),
        "_current_run": lambda _: None,
        "_measuring_now": lambda _: [],
        "_history": lambda kept: kept.alone() if isinstance(kept, KeptHistory) else kept,
    }

    # The `Fit` that is training the model; None outside of one. For callbacks.
    current_run = _CurrentRun()

    _current_run: Fit | None = None
    _record = TrainingRecord()

    def __init__(self) -> None:
        self.stop_training = False
        self.stop_evaluating = False
        self.stop_predicting = False
        self.history = None
        self._programs: dict[Any, Strategy] = {}
        self._compiled_call = CompiledCall()
        self._measuring_now: list[Loop] = []

    def __del__(self) -> None:
        # It looks at all attributes, itself among them, and so would keep what was owned.
        if "_compiled_call" in vars(self):
            vars(self._compiled_call).clear()
        with contextlib.suppress(Exception):  # of a model whose constructor has failed, say
            _tell_collector(self)

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
        self: TrainableModel,
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
        self._compiled_for("fit")
        epochs = integer(epochs, "epochs", least=0)
        initial_epoch = integer(initial_epoch, "initial_epoch", least=0)
        if settings.current.max_epochs is not None:
            epochs = min(epochs, settings.current.max_epochs)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = train_validation_split(
                (only_read(x, names_read(self)), y, sample_weight),
                validation_split, validation_pick,
                floatx=settings.current.floatx, inputs_are_nested=self._inputs_are_nested,
            )  # fmt: skip
        run = Fit(
            self, epochs=epochs, initial_epoch=initial_epoch, steps=steps_per_epoch,
            validation_steps=validation_steps, validation_freq=validation_freq,
            callbacks=with_resume(callbacks, resume), verbose=verbose, check=check,
        )  # fmt: skip
        try:
            run.open(
                x, y, sample_weight,
                batch_size=batch_size, shuffle=shuffle, class_weight=class_weight,
                validation_data=validation_data, validation_batch_size=validation_batch_size,
            )  # fmt: skip
            return run.train()
        finally:
            run.close()

    # ---- evaluate and predict -----------------------------------------------------------------

    @trimmed
    def evaluate(
        self: TrainableModel,
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
        self._compiled_for("evaluate")
        source, example = open_source(self, x, y, sample_weight, batch_size=batch_size, steps=steps)
        try:
            prepare(self, example, "test")
            if not self._overrides("test_step"):
                require_labels(self, example, "model.evaluate(x, y)")
            check_columns(x, self._record.columns)
            check_values(self, source, example)
            listeners = callback_list(
                self, callbacks, verbose, epochs=1, steps=steps or source.num_batches
            )
            with listeners.told_of_failure(), measuring(self):
                logs = evaluate_source(self, source, listeners, steps=steps)
            tell_nonfinite(logs, source.arrays if isinstance(source, Resident) else None)
        finally:
            source.close()
        return _as_returned(self, logs, return_dict)

    @trimmed
    def predict(
        self: TrainableModel,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
        **older: Any,
    ) -> Any:
        """The model's outputs for a data set.

        Args:
            x: inputs, as in `fit`.
            batch_size: samples in a step; 32 for arrays.
            verbose: 0, 1, 2 or "auto", as in `fit`.
            steps: greatest number of steps.
            callbacks: callbacks, as in `fit`.

        Returns:
            Numpy arrays, nested as the model's outputs, with a row for each sample.
        """
        accept_older(Trainer.predict, older)
        return predict(self, x, batch_size, verbose, steps, callbacks)

    # ---- one batch ----------------------------------------------------------------------------

    @trimmed
    def train_on_batch(
        self: TrainableModel,
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
        self._compiled_for("train_on_batch")
        return _on_batch(self, "train", x, y, sample_weight, class_weight, return_dict)

    @trimmed
    def test_on_batch(
        self: TrainableModel,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss and the metrics on one batch."""
        self._compiled_for("test_on_batch")
        return _on_batch(self, "test", x, y, sample_weight, None, return_dict)

    @trimmed
    def predict_on_batch(self: TrainableModel, x: Any) -> Any:
        """The model's outputs for one batch, as numpy arrays."""
        outputs = _run_batch(self, "predict", x)
        return jax.tree.map(np.asarray, outputs)

    # ---- Keras's names for what is simpler here -----------------------------------------------

    def make_train_function(self, force: bool = False) -> None:
        """Called before training; forgets its compiled steps if forced."""
        self._forget("train", force)

    def make_test_function(self, force: bool = False) -> None:
        """Called before evaluation; forgets its compiled steps if forced."""
        self._forget("test", force)

    def make_predict_function(self, force: bool = False) -> None:
        """Called before prediction; forgets its compiled steps if forced."""
        self._forget("predict", force)

    def _forget(self, kind: str, force: bool) -> None:
        if force:
            self._programs = {k: p for k, p in self._programs.items() if k[0] != kind}

    def _forget_programs(self) -> None:
        self._programs = {}

    def jax_state_sync(self) -> None:
        """Nothing to do: the variables are current between any two steps."""


def _on_batch(
    model: TrainableModel,
    kind: str,
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: Any,
    return_dict: bool,
) -> Any:
    """The results of one step."""
    with measuring(model):
        model.reset_metrics()
        out = _run_batch(model, kind, x, y, sample_weight, class_weight)
        logs = dict(as_logs(out).fetch())
    return _as_returned(model, logs, return_dict)


def _run_batch(
    model: TrainableModel,
    kind: str,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
) -> Any:
    """What a step returns for one batch."""
    data = host_arrays(
        only_read(x, names_read(model)), y, sample_weight,
        floatx=settings.current.floatx, inputs_are_nested=model._inputs_are_nested,
    )  # fmt: skip
    source, example = open_source(
        model, *data, batch_size=count_samples(data), class_weight=class_weight
    )
    prepare(model, example, kind)
    check_values(model, source, example)
    strategy = strategy_for(model, kind, model._state_slots(kind), source)
    return run_epoch(strategy, source)[0]


def _as_returned(model: TrainableModel, logs: dict[str, Any], return_dict: bool) -> Any:
    """Results as a dict, a list, or the loss alone."""
    if return_dict:
        return logs
    values = list(model._in_order(logs).values())
    return values[0] if len(values) == 1 else values


def _tell_collector(model: Any) -> None:
    """Large weights that only wait for Python's collector make it start."""
    owned = (v for layer in model._flatten_layers() for v in layer._own_variables())
    collector.left_in_circles((v, v._value.nbytes) for v in owned)


refuse_after_fork(
    Trainer, "fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch"
)
