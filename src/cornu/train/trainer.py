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

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import jax
import numpy as np

from cornu import settings
from cornu.arguments import integer
from cornu.callbacks.backup import Resume
from cornu.callbacks.callback_list import Callbacks
from cornu.callbacks.monitoring import History, KeptHistory
from cornu.core.forking import refuse_after_fork
from cornu.data.convert import only_read
from cornu.data.source import Resident
from cornu.data.split import train_validation_split
from cornu.engine import collector
from cornu.errors import trimmed
from cornu.train.compile import Compilable, accept_older
from cornu.train.compiled_call import CompiledCall
from cornu.train.evaluate import as_returned, evaluate_source
from cornu.train.listening import callback_list, with_resume
from cornu.train.measuring import Loop, measuring
from cornu.train.on_batch import results_on_batch, run_batch
from cornu.train.overrides import Overridable
from cornu.train.predict import predict
from cornu.train.prepare import names_read, open_source, prepare
from cornu.train.run import Fit
from cornu.train.strategy import Strategy
from cornu.train.text import encoded
from cornu.train.trainable import TrainableModel, TrainingRecord
from cornu.train.watch.preflight import check_columns, check_values, require_labels, tell_nonfinite
from cornu.types import Data, FilePath, Tensors


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
        try:
            _tell_collector(self)
        except Exception:  # a constructor has failed, or the interpreter ends
            return

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
        x: Data = None,
        y: Tensors | None = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Callbacks = None,
        validation_split: float = 0.0,
        validation_data: Data | None = None,
        shuffle: bool | str = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Tensors | None = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Iterable[int] = 1,
        check: bool = True,
        validation_pick: str = "last",
        resume: FilePath | Resume | None = None,
        **older: Any,
    ) -> History:
        """Train the model.

        Args:
            x: inputs: an array, a list or dict of arrays, or a data set that yields batches.
            y: labels, where `x` is arrays.
            batch_size: samples per step; 32 for arrays if None, or the size that divides them into
                `steps_per_epoch` steps.
            epochs: number of the last epoch.
            verbose: 0 for silence, 1 for a progress bar, 2 for a line per epoch; "auto" is 1.
            callbacks: callbacks, which are called at certain moments of the training.
            validation_split: fraction of the data that is held out and evaluated after each epoch;
                of the rows of arrays, or of the batches of a `PyDataset`.
            validation_data: `(x, y)`, `(x, y, sample_weight)` or a data set to evaluate after each
                epoch.
            shuffle: whether each epoch draws the samples in a new order.
            class_weight: dict from class to its weight in the loss.
            sample_weight: weight in the loss of each sample, or of each time step.
            initial_epoch: number of epochs that were trained before.
            steps_per_epoch: steps per epoch; the whole data set if None.
            validation_steps: steps per validation; the whole data set if None.
            validation_batch_size: samples per step of validation; `batch_size` if None.
            validation_freq: number of epochs between two validations, or a list of the epochs to
                validate after, counted from 1.
            check: whether to look for mistakes in the data before the first step, and to raise at
                the first loss that is not finite, with the place where it came from.
            validation_pick: rows that `validation_split` takes: "last", "random", or "stratified",
                the same fraction of each class of `y`.
            resume: directory for the backups of this run. Started again, the same script continues
                from the last one, and its result is equal to that of an uninterrupted run, to the
                last bit. Batches are not read ahead. A `callbacks.Resume` also says how often to
                write backups; the default goes by the clock.

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
                (encoded(self, only_read(x, names_read(self))), y, sample_weight),
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
        x: Data = None,
        y: Tensors | None = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Tensors | None = None,
        steps: int | None = None,
        callbacks: Callbacks = None,
        return_dict: bool = False,
        **older: Any,
    ) -> Any:
        """Compute the loss and the metrics on a data set.

        Args:
            x: inputs; see `fit`.
            y: labels.
            batch_size: samples per step; 32 for arrays if None.
            verbose: 0, 1, 2 or "auto"; see `fit`.
            sample_weight: weight of each sample.
            steps: greatest number of steps.
            callbacks: callbacks; see `fit`.
            return_dict: whether to return a dict of results by name.

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
        return as_returned(self, logs, return_dict)

    @trimmed
    def predict(
        self: TrainableModel,
        x: Data,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Callbacks = None,
        **older: Any,
    ) -> Any:
        """Compute the model's outputs for a data set.

        Args:
            x: inputs; see `fit`.
            batch_size: samples per step; 32 for arrays if None.
            verbose: 0, 1, 2 or "auto"; see `fit`.
            steps: greatest number of steps.
            callbacks: callbacks; see `fit`.

        Returns:
            Numpy arrays, nested as the model's outputs, with one row per sample.
        """
        accept_older(Trainer.predict, older)
        return predict(self, x, batch_size, verbose, steps, callbacks)

    # ---- one batch ----------------------------------------------------------------------------

    @trimmed
    def train_on_batch(
        self: TrainableModel,
        x: Data,
        y: Tensors | None = None,
        sample_weight: Tensors | None = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Run one training step on one batch.

        Returns:
            The loss, or a list of the loss and the metrics, or a dict, of this batch alone.
        """
        self._compiled_for("train_on_batch")
        return results_on_batch(self, "train", x, y, sample_weight, class_weight, return_dict)

    @trimmed
    def test_on_batch(
        self: TrainableModel,
        x: Data,
        y: Tensors | None = None,
        sample_weight: Tensors | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Compute the loss and the metrics on one batch."""
        self._compiled_for("test_on_batch")
        return results_on_batch(self, "test", x, y, sample_weight, None, return_dict)

    @trimmed
    def predict_on_batch(self: TrainableModel, x: Data) -> Any:
        """Compute the model's outputs for one batch, as numpy arrays."""
        outputs = run_batch(self, "predict", x)
        return jax.tree.map(np.asarray, outputs)

    # ---- methods of Keras that have little to do here -----------------------------------------

    def make_train_function(self, force: bool = False) -> None:
        """Called before training; `force` drops its compiled steps."""
        self._forget("train", force)

    def make_test_function(self, force: bool = False) -> None:
        """Called before evaluation; `force` drops its compiled steps."""
        self._forget("test", force)

    def make_predict_function(self, force: bool = False) -> None:
        """Called before prediction; `force` drops its compiled steps."""
        self._forget("predict", force)

    def _forget(self, kind: str, force: bool) -> None:
        if force:
            self._programs = {k: p for k, p in self._programs.items() if k[0] != kind}

    def _forget_programs(self) -> None:
        self._programs = {}

    def jax_state_sync(self) -> None:
        """Nothing to do: the variables are current between any two steps."""


def _tell_collector(model: Any) -> None:
    """Start Python's collector if large weights of a model that goes wait for it."""
    owned = (v for layer in model._flatten_layers() for v in layer._own_variables())
    collector.left_in_circles((v, v._value.nbytes) for v in owned)


refuse_after_fork(
    Trainer, "fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch"
)
