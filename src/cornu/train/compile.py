"""`compile`: what a model minimizes, measures, and how its steps run.

    Compilable.compile(...) -> Compiled      kept as `model._compiled`

Everything that `compile` decides is in that one object; the properties of a model, such as
`run_eagerly`, read and set it.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cornu import optimizers
from cornu.arguments import is_int
from cornu.core.objects.serialize import deserialize_keras_object, serialize_keras_object
from cornu.errors import explain, trimmed, unknown_arguments, value_error, warn
from cornu.metrics.metric import Metric
from cornu.metrics.reduction import Mean
from cornu.train.objective import CompileLoss, CompileMetrics, check_names, own_by_name
from cornu.train.trainable import TrainableModel
from cornu.types import LossLike, MetricLike, OptimizerLike

COMPILE_ARGUMENTS = (
    "optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly",
    "steps_per_execution", "jit_compile", "auto_scale_loss",
)  # fmt: skip

OLDER_ARGUMENTS = {
    "sample_weight_mode": "Per-step weights need no mode: pass sample_weight of shape "
    "(batch, time) to fit.",
    "workers": "Loading in parallel is set on the data: PyDataset(workers=...).",
    "use_multiprocessing": "Loading in processes is set on the data: "
    "PyDataset(use_multiprocessing=True).",
    "max_queue_size": "The length of the queue is set on the data: PyDataset(max_queue_size=...).",
    "target_tensors": "Labels are passed to fit.",
    "distribute": "Training runs on one device.",
}

# Their former defaults, which ask for nothing and give no warning.
OLDER_DEFAULTS = {
    "workers": 1,
    "use_multiprocessing": False,
    "max_queue_size": 10,
    "sample_weight_mode": None,
    "target_tensors": None,
    "distribute": None,
}


def accept_older(method: Callable[..., Any], given: dict[str, Any]) -> None:
    """Warn of arguments of earlier versions, and refuse unknown ones.

    Args:
        method: the method that got them, as the class defines it; one that is set on an object may
            be a stand-in without name and signature.
        given: the arguments that it does not name itself.

    Raises:
        TypeError: an argument was never known.
    """
    name = method.__name__
    unknown = [argument for argument in given if argument not in OLDER_ARGUMENTS]
    if unknown:
        known = [n for n in inspect.signature(method).parameters if n not in ("self", "older")]
        raise TypeError(unknown_arguments(name, unknown, known))
    for argument, value in given.items():
        usual = OLDER_DEFAULTS[argument]
        if value is usual or (isinstance(value, int) and value == usual):
            continue
        warn(
            f"The argument {argument!r} of {name} has no effect any more. "
            f"{OLDER_ARGUMENTS[argument]}",
            DeprecationWarning,
        )


@dataclass(slots=True)
class Compiled:
    """The optimizer, the loss, the metrics and the options of one `compile`."""

    optimizer: Any
    loss: CompileLoss | None
    metrics: CompileMetrics | None
    loss_tracker: Mean
    run_eagerly: bool
    steps_per_execution: int | str
    jit_compile: Any
    arguments: dict[str, Any]
    matched: bool = False  # whether losses and metrics know the outputs of the model
    # Values from a file, for metrics whose variables are made with the first labels.
    waiting: dict[str, list[Any]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, arguments: dict[str, Any], compute_dtype: str, output_names: list[str] | None
    ) -> "Compiled":
        """Check the arguments of `compile` and make what they name.

        Raises:
            ValueError: a name is unknown, or a number is out of range.
        """
        loss, metrics = arguments["loss"], arguments["metrics"]
        weighted_metrics = arguments["weighted_metrics"]
        check_names(loss, metrics, weighted_metrics)
        loss, metrics, weighted_metrics = map(own_by_name, (loss, metrics, weighted_metrics))
        steps = checked_steps(arguments["steps_per_execution"])
        if arguments["jit_compile"] not in ("auto", True, False, None):
            raise value_error(
                f"jit_compile must be 'auto', True or False, got {arguments['jit_compile']!r}."
            )
        optimizer = optimizers.get(arguments["optimizer"])
        scales = optimizer is None or isinstance(optimizer, optimizers.LossScaleOptimizer)
        if arguments["auto_scale_loss"] and compute_dtype == "float16" and not scales:
            optimizer = optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")
        kept = {k: v for k, v in arguments.items() if k != "auto_scale_loss"}
        has_metrics = metrics is not None or weighted_metrics is not None
        return cls(
            optimizer=optimizer,
            loss=None
            if loss is None
            else CompileLoss(loss, arguments["loss_weights"], output_names),
            metrics=CompileMetrics(metrics, weighted_metrics, output_names=output_names)
            if has_metrics
            else None,
            loss_tracker=Mean(name="loss"),
            run_eagerly=bool(arguments["run_eagerly"]),
            steps_per_execution=steps,
            jit_compile=arguments["jit_compile"],
            arguments={**kept, "optimizer": optimizer},
        )

    @property
    def eager(self) -> bool:
        """Whether steps run uncompiled."""
        return self.run_eagerly or self.jit_compile is False

    @property
    def all_metrics(self) -> list[Metric]:
        """The tracker of the loss, the compiled metrics, and the trackers of single losses."""
        found: list[Metric] = [self.loss_tracker]
        if self.metrics is not None:
            found.append(self.metrics)
        if self.loss is not None:
            found += self.loss.metrics
        return found

    def measured(self) -> dict[str, list[Any]]:
        """The state of the metrics, for files; restored values that still wait among it."""
        parts = {"loss": self.loss_tracker, "metrics": self.metrics, "losses": self.loss}
        found = {name: part.variables for name, part in parts.items() if part is not None}
        return {name: values for name, values in {**found, **self.waiting}.items() if values}

    def restore_measured(self, values: dict[str, list[Any]]) -> None:
        """Restore what `measured` returned; now, or when the metrics have variables."""
        self.waiting = dict(values)
        self.restore_waiting()

    def restore_waiting(self) -> None:
        """Restore what waits for metrics that have variables by now."""
        parts = {"loss": self.loss_tracker, "metrics": self.metrics, "losses": self.loss}
        for name, part in parts.items():
            if name not in self.waiting or part is None or not getattr(part, "built", True):
                continue
            values = self.waiting[name]
            if [tuple(v.shape) for v in part.variables] == [tuple(v.shape) for v in values]:
                for variable, value in zip(part.variables, values, strict=True):
                    variable.assign(value)
                del self.waiting[name]

    def get_config(self) -> dict[str, Any]:
        """The arguments of `compile` as JSON values, for files."""
        return {name: serialize_keras_object(value) for name, value in self.arguments.items()}


def checked_steps(steps: Any) -> int | str:
    """The number of steps per dispatch.

    Raises:
        ValueError: it is neither a positive integer nor "auto".
    """
    if steps == "auto" or (is_int(steps) and steps >= 1):
        return steps
    raise value_error(f"steps_per_execution must be a positive integer or 'auto', got {steps!r}.")


class Compilable:
    """The methods and properties of a model about `compile`."""

    optimizer: Any = None
    loss: Any = None
    # Names of Keras; the compiled steps are in `_programs`.
    train_function: Any = None
    test_function: Any = None
    predict_function: Any = None

    _compiled: Compiled | None = None
    _runs_eagerly = False  # what `run_eagerly` was set to before `compile`

    @trimmed
    def compile(
        self: TrainableModel,
        optimizer: OptimizerLike | None = "rmsprop",
        loss: LossLike | Sequence[Any] | None = None,
        loss_weights: float | Sequence[float] | Mapping[str, float] | None = None,
        metrics: MetricLike | Sequence[Any] | None = None,
        weighted_metrics: MetricLike | Sequence[Any] | None = None,
        run_eagerly: bool = False,
        steps_per_execution: int | str = 1,
        jit_compile: bool | str | None = "auto",
        auto_scale_loss: bool = True,
        **older: Any,
    ) -> None:
        """Configure the model for training.

        Args:
            optimizer: name or instance.
            loss: name, function or instance; a list or dict of them for several outputs.
            loss_weights: factor of each output's loss in the sum, nested like `loss`.
            metrics: list of names, functions or instances; nested for several outputs.
            weighted_metrics: metrics that are computed with sample and class weights.
            run_eagerly: whether to run each operation by itself, for a debugger.
            steps_per_execution: steps per compiled dispatch; with 1 and "auto" the library chooses
                where no callback listens to single batches.
            jit_compile: whether to compile the steps; "auto" does, unless a layer says
                `supports_jit = False`.
            auto_scale_loss: whether to scale the loss of a model that computes in float16.

        Raises:
            ValueError: a name is unknown; the message suggests close ones.
        """
        accept_older(Compilable.compile, older)
        if jit_compile == "auto" and not all(
            getattr(layer, "supports_jit", True) for layer in self._flatten_layers()
        ):
            jit_compile = False
        given = {name: value for name, value in locals().items() if name in COMPILE_ARGUMENTS}
        output_names = getattr(self, "output_names", None)  # of a graph alone
        self._compiled = Compiled.of(given, self.compute_dtype, output_names)
        self.optimizer = self._compiled.optimizer
        self.loss = loss
        self.stop_training = False
        self._forget_programs()

    @property
    def compiled(self) -> bool:
        """Whether `compile` has been called."""
        return self._compiled is not None

    @compiled.setter
    def compiled(self: TrainableModel, value: bool) -> None:
        # A model whose own `compile` replaces that of the library says so itself.
        if not value:
            self._compiled = None
        elif self._compiled is None:
            Compilable.compile(self, self.optimizer, self.loss)

    # Names of Keras, which subclasses know.

    @property
    def _compile_loss(self) -> Any:
        return None if self._compiled is None else self._compiled.loss

    @property
    def _compile_metrics(self) -> Any:
        return None if self._compiled is None else self._compiled.metrics

    @property
    def _loss_tracker(self) -> Any:
        return None if self._compiled is None else self._compiled.loss_tracker

    def _compiled_for(self, method: str) -> Compiled:
        """What `compile` decided.

        Raises:
            ValueError: the model is not compiled.
        """
        if self._compiled is None:
            raise value_error(
                f"{method} needs a loss and an optimizer, and the model is not compiled.",
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
        """Steps per compiled dispatch, as given to `compile`."""
        return 1 if self._compiled is None else self._compiled.steps_per_execution

    @steps_per_execution.setter
    def steps_per_execution(self: TrainableModel, value: Any) -> None:
        steps = checked_steps(value)
        if self._compiled is not None:
            self._compiled.steps_per_execution = steps
            self._forget_programs()
        elif steps != 1:
            warn(
                "steps_per_execution has no effect when it is set before compile, which sets it; "
                f"write compile(..., steps_per_execution={steps!r})."
            )

    @property
    def _steps_in_a_group(self) -> int:
        """Steps between two calls of the hooks for batches."""
        steps = self.steps_per_execution
        return steps if isinstance(steps, int) else 1

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile`, as JSON values; None before `compile`."""
        return None if self._compiled is None else self._compiled.get_config()

    def compile_from_config(self: TrainableModel, config: dict[str, Any]) -> None:
        """Compile as a saved model was compiled."""
        arguments = {k: v for k, v in config.items() if k in COMPILE_ARGUMENTS}
        try:
            inspect.signature(self.compile).bind(**arguments)
        except TypeError as error:
            warn(
                explain(
                    f"{type(self).__name__} is loaded uncompiled: its compile does not take the "
                    "arguments that files hold.",
                    because=error,
                    fix="call compile on the loaded model, or write get_compile_config and "
                    "compile_from_config.",
                )
            )
            return
        self.compile(**deserialize_keras_object(arguments))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def _compile_like(self: TrainableModel, model: TrainableModel) -> None:
        """Compile with the arguments of another model, and new optimizer, losses and metrics."""
        arguments = {name: _fresh(value) for name, value in model._compiled.arguments.items()}
        try:
            inspect.signature(self.compile).bind(**arguments)
        except TypeError:  # a compile that takes other arguments
            return
        self.compile(**arguments)


def _fresh(value: Any) -> Any:
    """New objects from the configs of objects; names and functions as they are."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(_fresh, value))
    if isinstance(value, dict):
        return {key: _fresh(item) for key, item in value.items()}
    return type(value).from_config(value.get_config()) if hasattr(value, "get_config") else value
