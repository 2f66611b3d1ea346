"""`Trainer`: the public methods of training. What happens inside is told by the modules beside.

    fit ---- source_for(x, y) ------ a Source                        (data/choose.py)
         |-- prepare --------------- variables, optimizer, metrics   (shapes of the first batch)
         |-- choose_strategy ------- Eager | PerStep | Chunked       (train/strategy.py)
         `-- run_epoch ------------- the one loop                    (train/loop.py)

A trainer is mixed into `Model`; it asks of its other half only to be callable and to list its
variables (`trainable_variables`, `non_trainable_variables`, `losses`, `metrics`).
"""

from typing import Any, ClassVar

import jax
import numpy as np

from cornu import optimizers, settings, tree
from cornu.callbacks.callback import CallbackList
from cornu.callbacks.monitoring import History
from cornu.callbacks.reporting import ProgbarLogger
from cornu.core.frame import Frame
from cornu.core.serialize import deserialize_keras_object
from cornu.core.symbolic import KerasTensor, infer
from cornu.core.tracking import owned_by, unique
from cornu.data.choose import source_for
from cornu.data.peek import example_of
from cornu.data.source import Resident, Source
from cornu.data.split import train_validation_split
from cornu.errors import explain, trimmed
from cornu.random.seed import make_default_seed
from cornu.train import step as steps_module
from cornu.train.compiled import COMPILE_ARGUMENTS, Compiled, accept_older, compiled
from cornu.train.loop import as_logs, run_epoch
from cornu.train.predicting import Collector, padded_to_bucket
from cornu.train.preflight import check_data
from cornu.train.state import StateSlots, TrainState
from cornu.train.step import Step, batch_size_of, step_of, unpack_x_y_sample_weight
from cornu.train.strategy import Chunked, Eager, PerStep, Strategy, slow_in_loops

_FIT_ARGUMENTS = (
    "x", "y", "batch_size", "epochs", "verbose", "callbacks", "validation_split",
    "validation_data", "shuffle", "class_weight", "sample_weight", "initial_epoch",
    "steps_per_epoch", "validation_steps", "validation_batch_size", "validation_freq", "check",
)  # fmt: skip
_EVALUATE_ARGUMENTS = (
    "x", "y", "batch_size", "verbose", "sample_weight", "steps", "callbacks", "return_dict",
)  # fmt: skip
_PREDICT_ARGUMENTS = ("x", "batch_size", "verbose", "steps", "callbacks")


class Trainer:
    """compile, fit, evaluate, predict, and their single-batch forms."""

    untracked_attributes: ClassVar[frozenset[str]] = frozenset(
        ("_compiled", "_programs", "history", "_validation")
    )

    optimizer: Any = None
    _compiled: Compiled | None = None

    def __init__(self) -> None:
        self.stop_training = False
        self.history: History | None = None
        self._programs: dict[Any, Strategy] = {}

    # ---- compile ------------------------------------------------------------------------------

    @trimmed
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int | str = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
        **older: Any,
    ) -> None:
        """Say how the model is to be trained.

        Args:
            optimizer: name or instance.
            loss: name, function or instance; a list or dict of them for several outputs.
            loss_weights: a factor for each output's loss, nested like `loss`.
            metrics: a list of names, functions or instances; nested for several outputs.
            weighted_metrics: the same, computed with sample and class weights.
            run_eagerly: run every operation by itself, to look inside with a debugger.
            steps_per_execution: steps for each compiled dispatch; "auto" and 1 let the library
                decide where nobody listens to single batches.
            jit_compile: False runs eagerly.
            auto_scale_loss: scale the loss where the model computes in float16.

        Raises:
            ValueError: a name is unknown; the message suggests close ones.
        """
        accept_older("compile", older, COMPILE_ARGUMENTS)
        given = {name: value for name, value in locals().items() if name in COMPILE_ARGUMENTS}
        dtype = getattr(self, "compute_dtype", "float32")
        self._compiled = compiled(given, dtype, getattr(self, "output_names", None))
        self.optimizer = self._compiled.optimizer
        self.loss = loss
        self.stop_training = False
        self._programs = {}

    @property
    def compiled(self) -> bool:
        """Whether `compile` has been called."""
        return self._compiled is not None

    def _settings(self, method: str) -> Compiled:
        if self._compiled is None:
            raise ValueError(
                explain(
                    f"{method} needs to know the loss and the optimizer.",
                    fix="call compile first:\n"
                    "model.compile(optimizer='adam', loss='...', metrics=['accuracy'])",
                )
            )
        return self._compiled

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run uncompiled."""
        return self._compiled is not None and self._compiled.run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        self._settings("run_eagerly").run_eagerly = bool(value)

    @property
    def jit_compile(self) -> Any:
        """Whether steps are compiled."""
        return self._compiled is None or not self._compiled.eager

    @jit_compile.setter
    def jit_compile(self, value: Any) -> None:
        self._settings("jit_compile").jit_compile = value

    @property
    def steps_per_execution(self) -> Any:
        """Steps for each compiled dispatch, as given to `compile`."""
        return 1 if self._compiled is None else self._compiled.steps_per_execution

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile`, as JSON values; None before `compile`."""
        return None if self._compiled is None else self._compiled.get_config()

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as a saved model was compiled."""
        arguments = {k: v for k, v in config.items() if k in COMPILE_ARGUMENTS}
        self.compile(**deserialize_keras_object(arguments))
        if self.optimizer is not None and getattr(self, "built", False):
            self.optimizer.build(self.trainable_variables)  # type: ignore[attr-defined]

    # ---- metrics ------------------------------------------------------------------------------

    @property
    def metrics(self) -> list[Any]:
        """The tracker of the loss, the compiled metrics, and those that the model owns."""
        compiled_metrics = [] if self._compiled is None else self._compiled.all_metrics
        own: list[Any] = getattr(super(), "metrics", [])
        return unique([*compiled_metrics, *own])

    @property
    def metrics_names(self) -> list[str]:
        """The names of those metrics."""
        return [m.name for m in self.metrics]

    @property
    def metrics_variables(self) -> list[Any]:
        """The variables of those metrics."""
        return unique(v for m in self.metrics for v in m.variables)

    def reset_metrics(self) -> None:
        """Start every metric anew."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of all metrics by name."""
        results: dict[str, Any] = {}
        for metric in self.metrics:
            value = metric.result()
            results.update(value if isinstance(value, dict) else {metric.name: value})
        return results

    def track_loss(self, loss: Any, batch_size: int) -> None:
        """Add the loss of a batch to the mean that is shown as `loss`."""
        if self._compiled is not None:
            self._compiled.loss_tracker.update_state(loss, sample_weight=batch_size)

    # ---- what subclasses may override ---------------------------------------------------------

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The scalar that training minimizes: the compiled loss and everything in `losses`.

        Args:
            x: inputs of the batch.
            y: labels.
            y_pred: outputs of the model.
            sample_weight: weights of the samples.
            training: whether it is asked for during training.
        """
        parts = []
        if self._compiled is not None and self._compiled.loss is not None:
            compiled_loss = self._compiled.loss(y, y_pred, sample_weight)
            if compiled_loss is not None:
                parts.append(compiled_loss)
        parts += [jax.numpy.sum(loss) for loss in self.losses]  # type: ignore[attr-defined]
        if not parts:
            raise ValueError(
                explain(
                    "There is no loss to compute.",
                    fix="give one to compile(loss=...), or call self.add_loss(...) in a layer.",
                )
            )
        return sum(parts[1:], parts[0])

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Update the compiled metrics with a batch, and return all results."""
        if self._compiled is not None and self._compiled.metrics is not None and y is not None:
            self._compiled.metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def train_step(self, state: Any, data: Any) -> tuple[dict[str, Any], Any]:
        """One step of training as a pure function; override it to train in another way.

        Args:
            state: `(trainable, non_trainable, optimizer, metrics)` lists of arrays.
            data: `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

        Returns:
            Results by name, and the new state. An override may also take `data` alone, and then
            reads and writes variables (see `cornu.value_and_grad`).
        """
        slots = self.state_slots("train")
        state = steps_module.train_update(self, slots, TrainState(*state), data)
        return steps_module.results_of(self, slots, state.metrics), state

    def test_step(self, state: Any, data: Any) -> tuple[dict[str, Any], Any]:
        """One step of evaluation as a pure function of `(trainable, non_trainable, metrics)`."""
        slots = self.state_slots("test")
        trainable, non_trainable, metrics = state
        full = TrainState(trainable, non_trainable, [], metrics)
        after = steps_module.test_update(self, slots, full, data)
        logs = steps_module.results_of(self, slots, after.metrics)
        return logs, (after.trainable, after.non_trainable, after.metrics)

    def predict_step(self, state: Any, data: Any) -> tuple[Any, Any]:
        """The outputs for a batch as a pure function of `(trainable, non_trainable)`."""
        slots = self.state_slots("predict")
        full = TrainState(state[0], state[1], [], [])
        outputs, after = steps_module.predict_outputs(self, slots, full, data)
        return outputs, after.non_trainable

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
        **older: Any,
    ) -> History:
        """Train the model.

        Args:
            x: inputs: an array, a list or dict of arrays, or a data set that yields batches.
            y: labels, for arrays.
            batch_size: samples in a step; 32 for arrays.
            epochs: number of the last epoch.
            verbose: 0 for silence, 1 for a progress bar, 2 for a line an epoch; "auto" is 1.
            callbacks: what happens at certain moments.
            validation_split: fraction of the arrays, cut off the end, to evaluate after each epoch.
            validation_data: `(x, y)`, `(x, y, sample_weight)` or a data set, instead.
            shuffle: draw the samples in a new order each epoch.
            class_weight: dict of class -> weight in the loss.
            sample_weight: a weight for each sample (or time step) in the loss.
            initial_epoch: number of epochs that were trained before.
            steps_per_epoch: steps in an epoch; the whole data set if None.
            validation_steps: steps of each validation.
            validation_batch_size: samples in a step of validation; as `batch_size` if None.
            validation_freq: validate every so many epochs, or a list of epochs counted from 1.
            check: look for mistakes in data and labels before the first step.

        Returns:
            The `History`, whose `history` holds the results of each epoch.

        Raises:
            ValueError: the data do not fit the model, the loss or each other.
        """
        accept_older("fit", older, _FIT_ARGUMENTS)
        settings_ = self._settings("fit")
        if settings.current.max_epochs is not None:
            epochs = min(epochs, settings.current.max_epochs)
        if validation_split and validation_data is None:
            arrays, held_out = train_validation_split((x, y, sample_weight), validation_split)
            (x, y, sample_weight), validation_data = arrays, held_out
        source, example = self._open(
            x, y, sample_weight,
            batch_size=batch_size, steps=steps_per_epoch, shuffle=shuffle,
            class_weight=class_weight, epoch=initial_epoch,
        )  # fmt: skip
        validation = self._open_validation(
            validation_data, validation_batch_size or batch_size, validation_steps
        )
        try:
            self._prepare(example, "train")
            if check:
                check_data(self, source, validation)
            return self._fit(
                settings_, source, validation, example,
                epochs=epochs, initial_epoch=initial_epoch, steps=steps_per_epoch,
                verbose=verbose, callbacks=callbacks,
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
    ) -> History:
        """The epochs; everything is checked and built."""
        listeners = self._callback_list(
            callbacks, verbose, epochs=epochs, steps=steps or source.num_batches, history=True
        )
        history = listeners.find(History)
        self.history = history
        self.stop_training = False
        slots = self.state_slots("train")
        strategy = self._strategy("train", slots, source, listeners, example)
        listeners.on_train_begin()
        logs: dict[str, Any] = {}
        try:
            for epoch in range(initial_epoch, epochs):
                self.reset_metrics()
                listeners.on_epoch_begin(epoch)
                out, done = run_epoch(
                    strategy, source, slots, epoch=epoch, steps=steps,
                    before=listeners.on_train_batch_begin,
                    after=self._after_batch(listeners.on_train_batch_end),
                )  # fmt: skip
                if out is None:
                    raise ValueError(_no_data("fit"))
                if listeners.params.get("steps") is None:
                    listeners.params["steps"] = done
                logs = dict(as_logs(out).fetch())
                if validation is not None and _due(epoch, validation_freq):
                    results = self._evaluate(validation, listeners, steps=validation_steps)
                    logs |= {f"val_{name}": value for name, value in results.items()}
                source.epoch_end(epoch)
                listeners.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
        finally:
            # An interrupted bar must not leave the cursor in the middle of a line.
            if isinstance(strategy, Chunked):
                strategy.release()
            bar = listeners.find(ProgbarLogger)
            if bar is not None:
                bar.on_train_end()
        if settings_.optimizer is not None:
            settings_.optimizer.finalize_variable_values(self.trainable_variables)  # type: ignore[attr-defined]
        listeners.on_train_end(logs)
        return history

    def _after_batch(self, tell: Any) -> Any:
        def after(step: int, out: Any) -> bool:
            tell(step, as_logs(out))
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
        accept_older("evaluate", older, _EVALUATE_ARGUMENTS)
        self._settings("evaluate")
        source, example = self._open(x, y, sample_weight, batch_size=batch_size, steps=steps)
        try:
            self._prepare(example, "test")
            listeners = self._callback_list(
                callbacks, verbose, epochs=1, steps=steps or source.num_batches
            )
            logs = self._evaluate(source, listeners, steps=steps)
        finally:
            source.close()
        if return_dict:
            return logs
        values = list(self._in_order(logs).values())
        return values[0] if len(values) == 1 else values

    def _in_order(self, logs: dict[str, Any]) -> dict[str, Any]:
        """Results in the order of Keras: the loss, the losses of single outputs, the metrics."""
        compiled_loss = self._compiled.loss if self._compiled is not None else None
        parts = [] if compiled_loss is None else [m.name for m in compiled_loss.metrics]
        names = ["loss", *parts, *self.get_metrics_result()]
        return {n: logs[n] for n in (*names, *(k for k in logs if k not in names)) if n in logs}

    def _evaluate(
        self, source: Source, listeners: CallbackList, *, steps: int | None
    ) -> dict[str, Any]:
        slots = self.state_slots("test")
        strategy = self._strategy("test", slots, source, listeners, None)
        self.reset_metrics()
        listeners.on_test_begin()
        out, _ = run_epoch(
            strategy, source, slots, steps=steps,
            before=listeners.on_test_batch_begin,
            after=lambda step, out: bool(listeners.on_test_batch_end(step, as_logs(out))),
        )  # fmt: skip
        if out is None:
            raise ValueError(_no_data("evaluate"))
        logs = dict(as_logs(out).fetch())
        listeners.on_test_end(logs)
        return logs

    @trimmed
    def predict(
        self,
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
            verbose: as in `fit`.
            steps: at most so many steps.
            callbacks: as in `fit`.

        Returns:
            Numpy arrays, nested as the model's outputs, with a row for each sample.
        """
        accept_older("predict", older, _PREDICT_ARGUMENTS)
        source, example = self._open(x, batch_size=batch_size, steps=steps)
        try:
            self._prepare(example, "predict")
            listeners = self._callback_list(
                callbacks, verbose, epochs=1, steps=steps or source.num_batches
            )
            slots = self.state_slots("predict")
            strategy = self._strategy("predict", slots, source, listeners, None)
            listeners.on_predict_begin()
            collector = Collector()

            def keep(step: int, outputs: Any) -> bool:
                collector.add(outputs)
                listeners.on_predict_batch_end(step, {"outputs": outputs})
                return False

            run_epoch(
                strategy, padded_to_bucket(source), slots, steps=steps,
                before=listeners.on_predict_batch_begin, after=keep,
            )  # fmt: skip
            listeners.on_predict_end()
        finally:
            source.close()
        return collector.outputs(source.num_samples)

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

    @trimmed
    def predict_on_batch(self, x: Any) -> Any:
        """The model's outputs for one batch, as numpy arrays."""
        outputs = self._run_batch("predict", x, None, None, None)
        return jax.tree.map(np.asarray, outputs)

    def _on_batch(
        self, kind: str, x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool
    ) -> Any:
        self.reset_metrics()
        logs = self._run_batch(kind, x, y, sample_weight, class_weight)
        logs = dict(as_logs(logs).fetch())
        if return_dict:
            return logs
        values = list(self._in_order(logs).values())
        return values[0] if len(values) == 1 else values

    def _run_batch(
        self, kind: str, x: Any, y: Any, sample_weight: Any, class_weight: Any
    ) -> Any:
        size = batch_size_of(jax.tree.map(np.asarray, x))
        source, example = self._open(
            x, y, sample_weight, batch_size=max(size, 1), class_weight=class_weight
        )
        self._prepare(example, kind)
        slots = self.state_slots(kind)
        everything = CallbackList()
        strategy = self._strategy(kind, slots, source, everything, None, single=True)
        out, _ = run_epoch(strategy, source, slots)
        return out

    # ---- what the methods share ---------------------------------------------------------------

    def _open(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        batch_size: int | None = None,
        steps: int | None = None,
        shuffle: Any = False,
        class_weight: Any = None,
        epoch: int = 0,
    ) -> tuple[Source, Any]:
        """The data as a source, and the shapes of its first batch."""
        if settings.current.max_steps_per_epoch is not None:
            steps = min(steps or settings.current.max_steps_per_epoch,
                        settings.current.max_steps_per_epoch)  # fmt: skip
        source = source_for(
            x,
            y,
            sample_weight,
            batch_size=batch_size,
            steps=steps,
            shuffle=shuffle,
            seed=make_default_seed() if shuffle else 0,
            class_weight=class_weight,
            floatx=settings.current.floatx,
            inputs_are_nested=getattr(self, "inputs_are_nested", None),
        )
        return example_of(source, epoch)

    def _open_validation(
        self, data: Any, batch_size: int | None, steps: int | None
    ) -> Source | None:
        if data is None:
            return None
        x, y, weights = data, None, None
        if isinstance(data, (tuple, list)):
            x, y, weights = unpack_x_y_sample_weight(tuple(data))
        return self._open(x, y, weights, batch_size=batch_size, steps=steps)[0]

    def _callback_list(
        self, callbacks: Any, verbose: Any, *, epochs: int, steps: Any, history: bool = False
    ) -> CallbackList:
        if verbose == "auto":
            verbose = 1
        if isinstance(callbacks, CallbackList):
            return callbacks
        extra: list[Any] = [History()] if history else []
        if verbose:
            extra.append(ProgbarLogger())
        return CallbackList(
            callbacks, model=self, extra=extra, epochs=epochs, steps=steps, verbose=int(verbose)
        )

    def _prepare(self, example: Any, kind: str) -> None:
        """Make what is not there yet: variables, metrics, and the optimizer's slots."""
        if example is None:
            raise ValueError(_no_data(kind))
        x, y, sample_weight = unpack_x_y_sample_weight(example)
        if x is None:
            raise ValueError(_no_data(kind))
        settings_ = self._compiled
        needs_outputs = (
            kind != "predict"
            and settings_ is not None
            and (
                (settings_.loss is not None and not settings_.loss.built)
                or (settings_.metrics is not None and not settings_.metrics.built)
            )
        )
        if not getattr(self, "built", True) or (needs_outputs and y is not None):
            outputs = self.output_specs(tree.map_structure(_with_open_batch, x))
            if needs_outputs and y is not None:
                labels = tree.map_structure(_with_open_batch, y)
                assert settings_ is not None
                if settings_.loss is not None:
                    settings_.loss.build(labels, outputs)
                if settings_.metrics is not None:
                    settings_.metrics.build(labels, outputs)
        if kind == "train" and self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)  # type: ignore[attr-defined]

    def output_specs(self, x: Any) -> Any:
        """Symbolic tensors like the outputs for symbolic inputs; builds what is not built."""
        return infer(self, x)  # type: ignore[arg-type]

    def state_slots(self, kind: str) -> StateSlots:
        """The variables that a step of "train", "test" or "predict" reads and writes."""
        trainable = self.trainable_variables  # type: ignore[attr-defined]
        non_trainable = self.non_trainable_variables  # type: ignore[attr-defined]
        if kind == "predict":
            return StateSlots(trainable, non_trainable)
        if kind == "test":
            return StateSlots(trainable, non_trainable, (), self.metrics_variables)
        found = owned_by(self, optimizers.Optimizer)
        slots = [v for optimizer in found for v in optimizer.variables]
        return StateSlots(trainable, non_trainable, slots, self.metrics_variables)

    def _strategy(
        self,
        kind: str,
        slots: StateSlots,
        source: Source,
        listeners: CallbackList,
        example: Any,
        single: bool = False,
    ) -> Strategy:
        """The strategy for this step and these data, compiled before if they came before."""
        settings_ = self._compiled
        per_execution = self.steps_per_execution
        can_loop = (
            not single
            and kind != "predict"
            and isinstance(source, Resident)
            and (not listeners.wants_every_batch(kind) or per_execution not in (1, "auto"))
        )
        key = (kind, slots.key, can_loop)
        if settings_ is not None and settings_.eager:
            return Eager(self._step(kind, slots))
        if key not in self._programs:
            step = self._step(kind, slots)
            name = f"{kind}_step"
            if can_loop and not self._loops_badly(step, slots, source):
                length = None if per_execution in (1, "auto") else per_execution
                self._programs[key] = Chunked(step, name, length)
            else:
                self._programs[key] = PerStep(step, name)
        return self._programs[key]

    def _loops_badly(self, step: Step, slots: StateSlots, source: Source) -> bool:
        _, example = example_of(source)
        return slow_in_loops(step, slots.read(), example)

    @property
    def steps_itself(self) -> bool:
        """Whether the model overrides how it trains or how its loss is computed."""
        cls = type(self)
        return (
            cls.train_step is not Trainer.train_step
            or cls.compute_loss is not Trainer.compute_loss
        )

    def _step(self, kind: str, slots: StateSlots) -> Step:
        return step_of(self, kind, slots, getattr(Trainer, f"{kind}_step"))

    # ---- Keras's names for what is simpler here -----------------------------------------------

    def make_train_function(self, force: bool = False) -> None:
        """Forget compiled training steps if forced; they are compiled when needed."""
        self._forget("train", force)

    def make_test_function(self, force: bool = False) -> None:
        """Forget compiled evaluation steps if forced; they are compiled when needed."""
        self._forget("test", force)

    def make_predict_function(self, force: bool = False) -> None:
        """Forget compiled prediction steps if forced; they are compiled when needed."""
        self._forget("predict", force)

    def _forget(self, kind: str, force: bool) -> None:
        if force:
            self._programs = {k: p for k, p in self._programs.items() if k[0] != kind}

    def jax_state_sync(self) -> None:
        """Nothing to do: the variables are current between any two steps."""

    def stateless_compute_loss(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        metrics_variables: Any,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tuple[Any, tuple[Any, Any, Any]]:
        """`compute_loss` as a pure function of the variables' values.

        Returns:
            The loss, and the three lists of values after.
        """
        slots = StateSlots(
            self.trainable_variables,  # type: ignore[attr-defined]
            self.non_trainable_variables,  # type: ignore[attr-defined]
            (),
            self.metrics_variables,
        )
        values = [*trainable_variables, *non_trainable_variables, *metrics_variables]
        with Frame(slots.variables, values) as frame:
            loss = self.compute_loss(x, y, y_pred, sample_weight, training=training)
        parts = (slots.trainable, slots.non_trainable, slots.metrics)
        return loss, tuple(frame.values_of(part) for part in parts)  # type: ignore[return-value]


def _with_open_batch(x: Any) -> Any:
    """A symbolic tensor like an array, its batch axis unknown."""
    if x is None:
        return None
    return KerasTensor((None, *x.shape[1:]), x.dtype.name)


def _due(epoch: int, validation_freq: Any) -> bool:
    """Whether to validate after an epoch counted from 0."""
    if isinstance(validation_freq, int):
        return (epoch + 1) % validation_freq == 0
    return epoch + 1 in validation_freq


def _no_data(method: str) -> str:
    return explain(
        f"There is no data to {'fit' if method == 'train' else method} on.",
        fix="pass arrays with at least one sample, or a data set that yields batches.",
    )

