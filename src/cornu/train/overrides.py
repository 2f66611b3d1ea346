"""`Overridable`: the methods by which a subclass of `Model` trains in a way of its own.

    train_step, test_step, predict_step     what happens for a batch       (defaults: step.py)
    compute_loss, compute_metrics           parts of the default steps
    metrics, get_metrics_result, ...        what is measured and shown

Training asks `_overrides` which of them are a subclass's own.
"""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import jax

from cornu import optimizers
from cornu.core.frame import Frame
from cornu.core.objects.tracking import owned_by, unique
from cornu.errors import value_error
from cornu.metrics.metric import Metric
from cornu.train import step as steps_module
from cornu.train.compile import Compiled
from cornu.train.objective import CompileMetrics
from cornu.train.state import StateSlots, TrainState
from cornu.train.trainable import TrainableModel
from cornu.types import Tensor, Tensors


def _in_any_form(method: Callable[..., Any]) -> Callable[..., Any]:
    """Tell type checkers that subclasses may override a method with other parameters.

    A step has one of two forms (see `step.py`), and a loss takes the arguments that it needs.
    """
    return method


class Overridable:
    """The metrics and the loss of a model, and its steps."""

    _compiled: Compiled | None

    # ---- metrics ------------------------------------------------------------------------------

    @property
    def metrics(self: TrainableModel) -> list[Any]:
        """The mean of the loss, the metrics of `compile`, and those that the model owns."""
        compiled_metrics = [] if self._compiled is None else self._compiled.all_metrics
        return unique([*compiled_metrics, *_metrics_of_layers(self)])

    @property
    def metrics_names(self: TrainableModel) -> list[str]:
        """The names of those metrics."""
        return [m.name for m in self.metrics]

    @property
    def metrics_variables(self: TrainableModel) -> list[Any]:
        """The variables of those metrics."""
        return unique(v for m in self.metrics for v in m.variables)

    def reset_metrics(self: TrainableModel) -> None:
        """Reset the state of every metric."""
        for metric in self.metrics:
            metric.reset_state()
        if self._compiled is not None:
            self._compiled.waiting.clear()

    def get_metrics_result(self: TrainableModel) -> dict[str, Any]:
        """The results of all metrics by name."""
        results: dict[str, Any] = {}
        for metric in self.metrics:
            value = metric.result()
            results.update(value if isinstance(value, dict) else {metric.name: value})
        return results

    def _in_order(self: TrainableModel, logs: dict[str, Any]) -> dict[str, Any]:
        """Results in Keras's order: that of the metrics, then the others by name."""
        listed = [
            inner.name
            for metric in self.metrics
            for inner in (metric.metrics if isinstance(metric, CompileMetrics) else (metric,))
        ]
        names = dict.fromkeys((*listed, *sorted(logs)))
        return {name: logs[name] for name in names if name in logs}

    def track_loss(self, loss: Tensor, batch_size: int) -> None:
        """Update the mean that is shown as `loss` with the loss of a batch."""
        self._track_loss(loss, batch_size)

    def _track_loss(self, loss: Tensor, batch_size: int) -> None:
        # What the library calls; a subclass may keep a metric under the public name.
        if self._compiled is not None:
            self._compiled.loss_tracker.update_state(loss, sample_weight=batch_size)

    # ---- what subclasses may override ---------------------------------------------------------

    @_in_any_form
    def compute_loss(
        self: TrainableModel,
        x: Tensors | None = None,
        y: Tensors | None = None,
        y_pred: Tensors | None = None,
        sample_weight: Tensors | None = None,
        training: bool = True,
    ) -> Any:
        """The scalar that training minimizes: the loss of `compile` plus all of `losses`.

        Without any of these it is 0 in an evaluation, and an error in training.

        Args:
            x: inputs of the batch.
            y: labels.
            y_pred: outputs of the model.
            sample_weight: weight of each sample.
            training: whether the loss is that of a training step.
        """
        parts = []
        if self._compiled is not None and self._compiled.loss is not None:
            compiled_loss = self._compiled.loss(y, y_pred, sample_weight)
            if compiled_loss is not None:
                parts.append(compiled_loss)
        parts += [jax.numpy.sum(loss) for loss in self.losses]
        if not parts and not training:
            return 0.0
        if not parts:
            raise value_error(
                "There is no loss to compute.",
                fix="model.compile(optimizer='adam', loss='mse')\n"
                "or call self.add_loss(...) in a layer.",
            )
        return sum(parts[1:], parts[0])

    def compute_metrics(
        self: TrainableModel,
        x: Tensors,
        y: Tensors | None,
        y_pred: Tensors,
        sample_weight: Tensors | None = None,
    ) -> Any:
        """Update the metrics of `compile` with a batch, and return all results by name."""
        if self._compiled is not None and self._compiled.metrics is not None and y is not None:
            compiled_metrics = self._compiled.metrics
            if not compiled_metrics.built:
                compiled_metrics.build(y, y_pred)
                self._compiled.restore_waiting()
            compiled_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    @_in_any_form
    def train_step(self: TrainableModel, state: Any, data: Tensors) -> tuple[dict[str, Any], Any]:
        """One training step as a pure function; override it to train in another way.

        Args:
            state: values of the variables, `(trainable, non_trainable, optimizer, metrics)`, each
                a list of arrays.
            data: batch `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

        Returns:
            Results by name, and the new state. An override may also take `data` alone, and then
            reads and writes variables (see `cornu.value_and_grad`).
        """
        return steps_module.on_values(steps_module.train_update, self, "train", state, data)

    @_in_any_form
    def test_step(self: TrainableModel, state: Any, data: Tensors) -> tuple[dict[str, Any], Any]:
        """One evaluation step as a pure function of `(trainable, non_trainable, metrics)`."""
        trainable, non_trainable, metrics = state
        full = TrainState(trainable, non_trainable, [], metrics)
        logs, after = steps_module.on_values(steps_module.test_update, self, "test", full, data)
        return logs, (after.trainable, after.non_trainable, after.metrics)

    @_in_any_form
    def predict_step(self: TrainableModel, state: Any, data: Tensors) -> tuple[Any, Any]:
        """The outputs for a batch as a pure function of `(trainable, non_trainable)`."""
        measured = [v._stored() for v in self._state_slots("predict").metrics]
        full = TrainState(state[0], state[1], [], measured)
        outputs, after = steps_module.on_values(
            steps_module.predict_outputs, self, "predict", full, data
        )
        return outputs, after.non_trainable

    # ---- the state ----------------------------------------------------------------------------

    def _state_slots(self: TrainableModel, kind: str) -> StateSlots:
        """The variables that a step of "train", "test" or "predict" reads and writes."""
        trainable, non_trainable = self.trainable_variables, self.non_trainable_variables
        if kind == "predict":  # what layers measure is read, and not changed
            measured = [v for metric in _metrics_of_layers(self) for v in metric.variables]
            return StateSlots(trainable, non_trainable, (), measured)
        optimizer: list[Any] = []
        if kind == "train":
            found = owned_by(self, optimizers.Optimizer)
            optimizer = [v for one in found for v in one.variables]
        late: list[Any] = []
        if self._compiled is not None:
            self._compiled.restore_waiting()
            # An overridden `metrics` may leave out what the default steps update.
            late = [v for metric in self._compiled.all_metrics for v in metric.variables]
        again: Any = weakref.WeakMethod(self._state_slots)  # programs do not keep a model alive
        return StateSlots(
            trainable, non_trainable, optimizer, self.metrics_variables, late,
            again=lambda: again()(kind),
        )  # fmt: skip

    def _overrides(self, *methods: str) -> bool:
        """Whether the class of the model has one of these methods of its own."""
        cls = type(self)
        return any(getattr(cls, name) is not getattr(Overridable, name) for name in methods)

    def _step_of_its_own(self, kind: str) -> Callable[..., Any] | None:
        """The step of a subclass, or one that was set on the object; None for the default."""
        method: Callable[..., Any] = getattr(self, f"{kind}_step")
        default = getattr(Overridable, f"{kind}_step")
        return None if getattr(method, "__func__", method) is default else method

    @property
    def _steps_itself(self) -> bool:
        """Whether the model overrides how it trains or how its loss is computed."""
        return self._overrides("train_step", "compute_loss")

    @property
    def _measures_itself(self) -> bool:
        """Whether the model overrides what its results are."""
        return self._overrides("compute_metrics")

    def stateless_compute_loss(
        self: TrainableModel,
        trainable_variables: Sequence[Tensor],
        non_trainable_variables: Sequence[Tensor],
        metrics_variables: Sequence[Tensor],
        x: Tensors | None = None,
        y: Tensors | None = None,
        y_pred: Tensors | None = None,
        sample_weight: Tensors | None = None,
        training: bool = True,
    ) -> tuple[Any, tuple[Any, Any, Any]]:
        """`compute_loss` as a pure function of the variables' values.

        Returns:
            The loss, and the three lists of new values.
        """
        slots = _slots_of_loss(self)
        values = [*trainable_variables, *non_trainable_variables, *metrics_variables]
        with Frame(slots.variables, values) as frame:
            loss = steps_module.loss_of(self, x, y, y_pred, sample_weight, training=training)
        after = frame.values_of
        return loss, (after(slots.trainable), after(slots.non_trainable), after(slots.metrics))

    def compute_loss_and_updates(
        self: TrainableModel,
        trainable_variables: Sequence[Tensor],
        non_trainable_variables: Sequence[Tensor],
        metrics_variables: Sequence[Tensor],
        x: Tensors,
        y: Tensors,
        sample_weight: Tensors | None,
        training: bool = False,
        optimizer_variables: Sequence[Tensor] | None = None,
    ) -> tuple[Any, tuple[Any, Any, Any, Any]]:
        """Outputs and loss as a pure function of the variables' values, for `jax.value_and_grad`.

        Returns:
            The loss, scaled by the optimizer in training, and `(unscaled loss, outputs, new values
            of the non-trainable variables, new values of the metrics' variables)`.
        """
        slots = _slots_of_loss(self)
        values = [*trainable_variables, *non_trainable_variables, *metrics_variables]
        with Frame(slots.variables, values) as frame:
            y_pred = self(x, training=training)
            loss = steps_module.loss_of(self, x, y, y_pred, sample_weight, training=training)
            scaled = loss
            if training and self.optimizer is not None:
                state = self.optimizer.variables if optimizer_variables is not None else []
                with Frame(state, optimizer_variables or []):
                    scaled = self.optimizer.scale_loss(loss)
        after = (frame.values_of(slots.non_trainable), frame.values_of(slots.metrics))
        return scaled, (loss, y_pred, *after)


def _metrics_of_layers(model: TrainableModel) -> list[Metric]:
    """The metrics that a model and its layers own, whatever `metrics` lists."""
    return unique(m for layer in model._flatten_layers() for m in owned_by(layer, Metric))


def _slots_of_loss(model: TrainableModel) -> StateSlots:
    return StateSlots(
        model.trainable_variables, model.non_trainable_variables, (), model.metrics_variables
    )
