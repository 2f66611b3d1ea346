"""What `compile` decided, in one object."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cornu import optimizers
from cornu.arguments import is_int
from cornu.core.objects.serialize import serialize_keras_object
from cornu.errors import unknown_arguments, value_error, warn
from cornu.metrics.metric import Metric
from cornu.metrics.reduction import Mean
from cornu.train.objective import CompileLoss, CompileMetrics, check_names, own_by_name

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

# What they were where nobody gave them: said word for word, they ask for nothing.
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
        method: the method they were given to, as the class defines it; the one found on an object
            may be a stand-in that has neither a name nor a signature.
        given: those that it does not name itself.

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
    matched: bool = False  # losses and metrics to the outputs of the model
    waiting: dict[str, list[Any]] = field(default_factory=dict)  # values of metrics to be made yet

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
        """The variables of what measures, for files; values where they wait for their metrics."""
        parts = {"loss": self.loss_tracker, "metrics": self.metrics, "losses": self.loss}
        found = {name: part.variables for name, part in parts.items() if part is not None}
        return {name: values for name, values in {**found, **self.waiting}.items() if values}

    def restore_measured(self, values: dict[str, list[Any]]) -> None:
        """Set what `measured` gave; metrics are made with the first labels, and set then."""
        self.waiting = dict(values)
        self.restore_waiting()

    def restore_waiting(self) -> None:
        """Set the values that have waited for their metrics."""
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


def compiled(
    arguments: dict[str, Any], compute_dtype: str, output_names: list[str] | None
) -> Compiled:
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
            f"jit_compile is 'auto', True or False, got {arguments['jit_compile']!r}."
        )
    optimizer = optimizers.get(arguments["optimizer"])
    scales = optimizer is None or isinstance(optimizer, optimizers.LossScaleOptimizer)
    if arguments["auto_scale_loss"] and compute_dtype == "float16" and not scales:
        optimizer = optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")
    kept = {k: v for k, v in arguments.items() if k != "auto_scale_loss"}
    has_metrics = metrics is not None or weighted_metrics is not None
    return Compiled(
        optimizer=optimizer,
        loss=None if loss is None else CompileLoss(loss, arguments["loss_weights"], output_names),
        metrics=CompileMetrics(metrics, weighted_metrics, output_names=output_names)
        if has_metrics
        else None,
        loss_tracker=Mean(name="loss"),
        run_eagerly=bool(arguments["run_eagerly"]),
        steps_per_execution=steps,
        jit_compile=arguments["jit_compile"],
        arguments={**kept, "optimizer": optimizer},
    )


def checked_steps(steps: Any) -> int | str:
    """The number of steps for each dispatch.

    Raises:
        ValueError: it is neither a positive int nor "auto".
    """
    if steps == "auto" or (is_int(steps) and steps >= 1):
        return steps
    raise value_error(f"steps_per_execution is a positive int or 'auto', got {steps!r}.")
