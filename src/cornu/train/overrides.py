"""`Compilable`: what a model is to minimize and to measure, and the steps that do it.

`compile` keeps its decisions in one object (`train/compile.py`). What a subclass may override is
here too: how the loss is computed, what is measured, and what a step does.
"""

import inspect
import weakref
from collections.abc import Callable
from typing import Any

import jax

from cornu import optimizers
from cornu.core.frame import Frame
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.core.objects.tracking import owned_by, unique
from cornu.errors import explain, trimmed, value_error, warn
from cornu.train import step as steps_module
from cornu.train.compile import (
    COMPILE_ARGUMENTS,
    Compiled,
    accept_older,
    checked_steps,
    compiled,
)
from cornu.train.objective import CompileMetrics
from cornu.train.state import StateSlots, TrainState


def _in_any_form(method: Callable[..., Any]) -> Callable[..., Any]:
    """Tell type checkers that subclasses may write a method with other arguments.

    A step is written in either of two forms (see `step.py`), and a loss with those that it needs.
    """
    return method


class Compilable:
    """compile, the metrics, and the steps of training, evaluation and prediction."""

    optimizer: Any = None
    loss: Any = None
    # The compiled steps are kept elsewhere, and made anew when they must be.
    train_function: Any = None
    test_function: Any = None
    predict_function: Any = None

    _compiled: Compiled | None = None
    _runs_eagerly = False  # before compile

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
            jit_compile: False runs eagerly; "auto" does where a layer says `supports_jit = False`.
            auto_scale_loss: scale the loss where the model computes in float16.

        Raises:
            ValueError: a name is unknown; the message suggests close ones.
        """
        accept_older(Compilable.compile, older)
        if jit_compile == "auto" and not _all_support_jit(self):
            jit_compile = False
        given = {name: value for name, value in locals().items() if name in COMPILE_ARGUMENTS}
        dtype = getattr(self, "compute_dtype", "float32")
        self._compiled = compiled(given, dtype, getattr(self, "output_names", None))
        self.optimizer = self._compiled.optimizer
        self.loss = loss
        self.stop_training = False
        self._forget_programs()

    @property
    def compiled(self) -> bool:
        """Whether `compile` has been called."""
        return self._compiled is not None

    @compiled.setter
    def compiled(self, value: bool) -> None:
        # A model whose own `compile` replaces that of the library says so itself.
        if not value:
            self._compiled = None
        elif self._compiled is None:
            Compilable.compile(self, self.optimizer, self.loss)

    # The parts of it, by the names by which subclasses written for Keras know them.

    @property
    def _compile_loss(self) -> Any:
        return None if self._compiled is None else self._compiled.loss

    @property
    def _compile_metrics(self) -> Any:
        return None if self._compiled is None else self._compiled.metrics

    @property
    def _loss_tracker(self) -> Any:
        return None if self._compiled is None else self._compiled.loss_tracker

    def _settings(self, method: str) -> Compiled:
        if self._compiled is None:
            raise value_error(
                f"{method} needs to know the loss and the optimizer.",
                fix="call compile first:\n"
                "model.compile(optimizer='adam', loss='...', metrics=['accuracy'])",
            )
        return self._compiled

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run uncompiled; `compile` sets it."""
        return self._runs_eagerly if self._compiled is None else self._compiled.run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        if self._compiled is None:
            self._runs_eagerly = bool(value)
        else:
            self._compiled.run_eagerly = bool(value)

    @property
    def jit_compile(self) -> Any:
        """Whether steps are compiled; `compile` sets it."""
        return not (self._runs_eagerly if self._compiled is None else self._compiled.eager)

    @jit_compile.setter
    def jit_compile(self, value: Any) -> None:
        if self._compiled is None:
            self._runs_eagerly = value is False
        else:
            self._compiled.jit_compile = value

    @property
    def steps_per_execution(self) -> Any:
        """Steps for each compiled dispatch, as given to `compile`."""
        return 1 if self._compiled is None else self._compiled.steps_per_execution

    @steps_per_execution.setter
    def steps_per_execution(self, value: Any) -> None:
        steps = checked_steps(value)
        if self._compiled is not None:
            self._compiled.steps_per_execution = steps
            self._forget_programs()
        elif steps != 1:
            warn(
                "steps_per_execution is set by compile, so what is set before has no effect; "
                f"write compile(..., steps_per_execution={steps!r})."
            )

    @property
    def _steps_in_a_group(self) -> int:
        """Steps between two calls of the hooks for batches, where these are called for each."""
        steps = self.steps_per_execution
        return steps if isinstance(steps, int) else 1

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile`, as JSON values; None before `compile`."""
        return None if self._compiled is None else self._compiled.get_config()

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as a saved model was compiled."""
        arguments = {k: v for k, v in config.items() if k in COMPILE_ARGUMENTS}
        try:
            inspect.signature(self.compile).bind(**arguments)
        except TypeError as error:
            warn(
                explain(
                    f"{type(self).__name__} is loaded without being compiled: its compile does not "
                    "take the arguments that files hold.",
                    because=error,
                    fix="call compile on the loaded model, or write get_compile_config and "
                    "compile_from_config.",
                )
            )
            return
        self.compile(**deserialize_keras_object(arguments))
        if self.optimizer is not None and getattr(self, "built", False):
            self.optimizer.build(self.trainable_variables)  # type: ignore[attr-defined]

    def _compile_like(self, model: Any) -> None:
        """Compile as another model is, with an optimizer, losses and metrics of its own."""
        arguments = {name: _fresh(value) for name, value in model._compiled.arguments.items()}
        try:
            inspect.signature(self.compile).bind(**arguments)
        except TypeError:  # a compile that takes other arguments
            return
        self.compile(**arguments)

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
        if self._compiled is not None:
            self._compiled.waiting.clear()

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of all metrics by name."""
        results: dict[str, Any] = {}
        for metric in self.metrics:
            value = metric.result()
            results.update(value if isinstance(value, dict) else {metric.name: value})
        return results

    def _in_order(self, logs: dict[str, Any]) -> dict[str, Any]:
        """Results in the order of Keras: as the metrics are listed, then the others by name."""
        listed = [
            inner.name
            for metric in self.metrics
            for inner in (metric.metrics if isinstance(metric, CompileMetrics) else (metric,))
        ]
        names = dict.fromkeys((*listed, *sorted(logs)))
        return {name: logs[name] for name in names if name in logs}

    def track_loss(self, loss: Any, batch_size: int) -> None:
        """Add the loss of a batch to the mean that is shown as `loss`."""
        self._track_loss(loss, batch_size)

    def _track_loss(self, loss: Any, batch_size: int) -> None:
        # What the library calls; a subclass may keep a metric under the public name.
        if self._compiled is not None:
            self._compiled.loss_tracker.update_state(loss, sample_weight=batch_size)

    # ---- what subclasses may override ---------------------------------------------------------

    @_in_any_form
    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The scalar that training minimizes: the compiled loss and everything in `losses`.

        Without any of these it is 0 in an evaluation, and an error in training.

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
        if not parts and not training:
            return 0.0
        if not parts:
            raise value_error(
                "There is no loss to compute.",
                fix="model.compile(optimizer='adam', loss='mse')\n"
                "or call self.add_loss(...) in a layer.",
            )
        return sum(parts[1:], parts[0])

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Update the compiled metrics with a batch, and return all results by name."""
        if self._compiled is not None and self._compiled.metrics is not None and y is not None:
            compiled_metrics = self._compiled.metrics
            if not compiled_metrics.built:
                compiled_metrics.build(y, y_pred)
                self._compiled.restore_waiting()
            compiled_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    @_in_any_form
    def train_step(self, state: Any, data: Any) -> tuple[dict[str, Any], Any]:
        """One step of training as a pure function; override it to train in another way.

        Args:
            state: `(trainable, non_trainable, optimizer, metrics)` lists of arrays.
            data: `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

        Returns:
            Results by name, and the new state. An override may also take `data` alone, and then
            reads and writes variables (see `cornu.value_and_grad`).
        """
        return steps_module.on_values(steps_module.train_update, self, "train", state, data)

    @_in_any_form
    def test_step(self, state: Any, data: Any) -> tuple[dict[str, Any], Any]:
        """One step of evaluation as a pure function of `(trainable, non_trainable, metrics)`."""
        trainable, non_trainable, metrics = state
        full = TrainState(trainable, non_trainable, [], metrics)
        logs, after = steps_module.on_values(steps_module.test_update, self, "test", full, data)
        return logs, (after.trainable, after.non_trainable, after.metrics)

    @_in_any_form
    def predict_step(self, state: Any, data: Any) -> tuple[Any, Any]:
        """The outputs for a batch as a pure function of `(trainable, non_trainable)`."""
        measured = [v._stored() for v in self._state_slots("predict").metrics]
        full = TrainState(state[0], state[1], [], measured)
        outputs, after = steps_module.on_values(
            steps_module.predict_outputs, self, "predict", full, data
        )
        return outputs, after.non_trainable

    def _forget_programs(self) -> None:
        """Called when what was compiled no longer holds."""

    # ---- the state ----------------------------------------------------------------------------

    def _state_slots(self, kind: str) -> StateSlots:
        """The variables that a step of "train", "test" or "predict" reads and writes."""
        trainable = self.trainable_variables  # type: ignore[attr-defined]
        non_trainable = self.non_trainable_variables  # type: ignore[attr-defined]
        if kind == "predict":  # what layers measure is read, and not changed
            own: list[Any] = getattr(super(), "metrics", [])
            measured = [v for metric in own for v in metric.variables]
            return StateSlots(trainable, non_trainable, (), measured)
        optimizer: list[Any] = []
        if kind == "train":
            found = owned_by(self, optimizers.Optimizer)
            optimizer = [v for one in found for v in one.variables]
        settings_ = self._compiled
        late: list[Any] = []
        if settings_ is not None:
            settings_.restore_waiting()
            # An overridden `metrics` may leave out what the default steps update.
            late = [v for metric in settings_.all_metrics for v in metric.variables]
        again = weakref.WeakMethod(self._state_slots)  # programs do not keep a model alive
        return StateSlots(
            trainable, non_trainable, optimizer, self.metrics_variables, late,
            again=lambda: again()(kind),  # type: ignore[misc]
        )  # fmt: skip

    @property
    def _steps_itself(self) -> bool:
        """Whether the model overrides how it trains or how its loss is computed."""
        cls = type(self)
        return (
            cls.train_step is not Compilable.train_step
            or cls.compute_loss is not Compilable.compute_loss
        )

    @property
    def _measures_itself(self) -> bool:
        """Whether the model overrides what its results are."""
        return type(self).compute_metrics is not Compilable.compute_metrics

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
        slots = self._slots_of_loss()
        values = [*trainable_variables, *non_trainable_variables, *metrics_variables]
        with Frame(slots.variables, values) as frame:
            loss = steps_module.loss_of(self, x, y, y_pred, sample_weight, training=training)
        parts = (slots.trainable, slots.non_trainable, slots.metrics)
        return loss, tuple(frame.values_of(part) for part in parts)  # type: ignore[return-value]

    def _slots_of_loss(self) -> StateSlots:
        return StateSlots(
            self.trainable_variables,  # type: ignore[attr-defined]
            self.non_trainable_variables,  # type: ignore[attr-defined]
            (),
            self.metrics_variables,
        )

    def compute_loss_and_updates(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        metrics_variables: Any,
        x: Any,
        y: Any,
        sample_weight: Any,
        training: bool = False,
        optimizer_variables: Any = None,
    ) -> tuple[Any, tuple[Any, Any, Any, Any]]:
        """Outputs and loss as a pure function of the variables' values, for `jax.value_and_grad`.

        Returns:
            The loss, in training scaled by the optimizer; and `(unscaled loss, outputs, values of
            the non-trainable variables, values of the metrics' variables)` after the call.
        """
        slots = self._slots_of_loss()
        values = [*trainable_variables, *non_trainable_variables, *metrics_variables]
        with Frame(slots.variables, values) as frame:
            y_pred = self(x, training=training)  # type: ignore[operator]
            loss = steps_module.loss_of(self, x, y, y_pred, sample_weight, training=training)
            scaled = loss
            if training and self.optimizer is not None:
                state = self.optimizer.variables if optimizer_variables is not None else []
                with Frame(state, optimizer_variables or []):
                    scaled = self.optimizer.scale_loss(loss)
        after = (frame.values_of(slots.non_trainable), frame.values_of(slots.metrics))
        return scaled, (loss, y_pred, *after)


def _all_support_jit(model: Any) -> bool:
    """Whether every layer of a model can be compiled, as far as they say."""
    layers: list[Any] = getattr(model, "_flatten_layers", list)()
    return all(getattr(layer, "supports_jit", True) for layer in layers)


def _fresh(value: Any) -> Any:
    """Objects made anew from their configs; names and functions as they are."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(_fresh, value))
    if isinstance(value, dict):
        return {key: _fresh(item) for key, item in value.items()}
    return type(value).from_config(value.get_config()) if hasattr(value, "get_config") else value
