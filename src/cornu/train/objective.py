"""What `compile` was told to minimize and to measure, matched to the outputs of a model.

A loss or a metric may be given as one thing, a list in the order of the outputs, or a dict by their
names, nested as the outputs are. `CompileLoss` and `CompileMetrics` match them when the first
shapes are known, and then compute on nested `y_true` and `y_pred`.
"""

from collections.abc import Container, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from cornu import losses as losses_module, metrics as metrics_module, tree
from cornu.core.registry import find_custom
from cornu.core.serialize import serialize_keras_object
from cornu.errors import explain, located
from cornu.losses.loss import Loss
from cornu.metrics.metric import Metric
from cornu.metrics.reduction import Mean
from cornu.names import to_snake_case
from cornu.train.matching import Outputs, align, match, order_given

ACCURACY = ("accuracy", "acc")
CROSSENTROPY = ("crossentropy", "ce")


def is_word(identifier: Any, words: Sequence[str]) -> bool:
    """Whether an identifier is one of some words, which mean different things for other labels."""
    return isinstance(identifier, str) and identifier.lower() in words


def _leaf_shapes(y: Any) -> tuple[int, ...]:
    return tuple(getattr(y, "shape", ()))


def kind_of_labels(y_true: Any, y_pred: Any) -> str:
    """ "binary", "sparse" or "categorical", from the shapes of labels and outputs."""
    true, pred = _leaf_shapes(y_true), _leaf_shapes(y_pred)
    if pred and pred[-1] == 1:
        return "binary"
    if len(true) < len(pred) or (true and true[-1] == 1 and pred[-1] > 1):
        return "sparse"
    return "categorical"


_BY_KIND = {
    "accuracy": {
        "binary": metrics_module.BinaryAccuracy,
        "sparse": metrics_module.SparseCategoricalAccuracy,
        "categorical": metrics_module.CategoricalAccuracy,
    },
    "crossentropy": {
        "binary": metrics_module.BinaryCrossentropy,
        "sparse": metrics_module.SparseCategoricalCrossentropy,
        "categorical": metrics_module.CategoricalCrossentropy,
    },
}


def make_metric(identifier: Any, y_true: Any, y_pred: Any) -> Metric:
    """The metric that a user means, "accuracy" resolved by the shapes."""
    word = str(identifier).lower() if isinstance(identifier, str) else None
    if word in ACCURACY or word in CROSSENTROPY:
        family = "accuracy" if word in ACCURACY else "crossentropy"
        metric = _BY_KIND[family][kind_of_labels(y_true, y_pred)]()
    else:
        metric = metrics_module.get(identifier)
        if not isinstance(metric, Metric):
            metric = metrics_module.MeanMetricWrapper(metric, name=object_name(metric))
    if isinstance(identifier, str):
        metric.name = identifier
    return metric


def make_loss(identifier: Any, y_true: Any = None, y_pred: Any = None) -> Loss | None:
    """The loss that a user means: a Loss object, also for a name or a function.

    Args:
        identifier: what was given to `compile`.
        y_true: labels and outputs of which kind "crossentropy" is meant for.
        y_pred: outputs.
    """
    if is_word(identifier, CROSSENTROPY):
        kind = kind_of_labels(y_true, y_pred)
        identifier = f"{kind}_crossentropy".replace("sparse_", "sparse_categorical_")
    loss = losses_module.get(identifier)
    if isinstance(loss, Loss) or loss is None:
        return loss
    return losses_module.LossFunctionWrapper(loss, name=object_name(loss))


def object_name(obj: Any) -> str:
    """The name that results have of a function, a class, an object or its name.

    Example:

        >>> object_name("mse"), object_name("MeanSquaredError"), object_name(lambda t, p: t - p)
        ('mse', 'mean_squared_error', 'lambda')
    """
    if isinstance(obj, str):
        return to_snake_case(obj)
    if not isinstance(obj, type) and getattr(obj, "name", None):
        return str(obj.name)
    return to_snake_case(getattr(obj, "__name__", None) or type(obj).__name__)


def outputs_of(y_pred: Any, layer_names: Sequence[str] | None) -> Outputs:
    """The structure and the names of outputs, without the outputs themselves."""
    return Outputs(tree.map_structure(lambda _: 0, y_pred), layer_names)


def check_names(losses: Any, metrics: Any, weighted_metrics: Any) -> None:
    """Refuse unknown names when they are given, not when training starts.

    Raises:
        ValueError: a name is unknown; the message suggests close ones.
    """
    for name in tree.flatten(losses):
        if isinstance(name, str | int | float) and not is_word(name, CROSSENTROPY):
            losses_module.get(name)
    for name in (*tree.flatten(metrics), *tree.flatten(weighted_metrics)):
        if isinstance(name, int | float):
            metrics_module.get(name)
        if isinstance(name, str) and not is_word(name, (*ACCURACY, *CROSSENTROPY)):
            metrics_module.get(name)


def own_by_name(given: Any) -> Any:
    """What the user registered in place of its names, while the scope of `compile` still holds.

    Losses and metrics are made when the first labels come, maybe outside of that scope. The order
    of a dict is kept: results are named in it.
    """
    if isinstance(given, dict):
        return {name: own_by_name(part) for name, part in given.items()}
    if type(given) in (list, tuple):
        return type(given)(map(own_by_name, given))
    own = find_custom(given) if isinstance(given, str) else None
    return given if own is None else own


class CompileMetrics(Metric):
    """All metrics of `compile`, updated together; its result is a dict by name."""

    def __init__(
        self,
        metrics: Any,
        weighted_metrics: Any,
        name: str = "compile_metrics",
        output_names: Sequence[str] | None = None,
    ):
        super().__init__(name=name)
        self.user_metrics, self.user_weighted_metrics = metrics, weighted_metrics
        self.output_names = output_names
        self.built = False
        self._unweighted: list[list[Metric]] = []
        self._weighted: list[list[Metric]] = []
        self._prefixes: list[str] = []
        self._outputs: Outputs | None = None

    @property
    def metrics(self) -> list[Metric]:
        """The metrics in order; empty until the first shapes are known."""
        return [m for entry in (*self._unweighted, *self._weighted) for m in entry]

    @property
    def variables(self) -> list[Any]:
        return [v for m in self.metrics for v in m.variables]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Make the metrics for labels and outputs of these shapes."""
        self._outputs = outputs = outputs_of(y_pred, self.output_names)
        flat_true, flat_pred = align(y_true, outputs), tree.flatten(y_pred)
        self._prefixes = outputs.prefixes()

        def make(given: Any, what: str) -> list[list[Metric]]:
            entries = match(given, outputs, what, many=True)
            return [
                [make_metric(m, t, p) for m in tree.flatten(entry or []) if m is not None]
                for entry, t, p in zip(entries, flat_true, flat_pred, strict=True)
            ]

        self._unweighted = make(self.user_metrics, "metrics")
        self._weighted = make(self.user_weighted_metrics, "weighted_metrics")
        self.built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if not self.built:
            self.build(y_true, y_pred)
        assert self._outputs is not None
        flat_true, flat_pred = align(y_true, self._outputs), tree.flatten(y_pred)
        weights = _weights(sample_weight, self._outputs)
        rows = zip(self._unweighted, self._weighted, flat_true, flat_pred, weights, strict=True)
        for plain, weighted, t, p, w in rows:
            if t is None:
                continue
            for metric in plain:
                with located(f"metric {metric.name!r}"):
                    metric.update_state(t, p)
            for metric in weighted:
                with located(f"metric {metric.name!r}"):
                    metric.update_state(t, p, sample_weight=w)

    def result(self) -> dict[str, Any]:
        results: dict[str, Any] = {}
        for entries in (self._unweighted, self._weighted):
            for prefix, entry in zip(self._prefixes, entries, strict=True):
                for metric in entry:
                    value = metric.result()
                    values = value if isinstance(value, dict) else {metric.name: value}
                    for name, v in values.items():
                        key = prefix + name
                        if key in results and entries is self._weighted:
                            key = f"{prefix}weighted_{name}"
                        results[_free_name(key, results)] = v
        return results

    def reset_state(self) -> None:
        for metric in self.metrics:
            metric.reset_state()


class Sum(Loss):
    """Several losses of one output, added up.

    Args:
        losses: what each computes.
        factors: one factor for each; all 1 if None.
    """

    def __init__(self, losses: list[Loss], factors: list[Any] | None = None):
        super().__init__(name="_and_".join(loss.name for loss in losses))
        if factors is not None and len(factors) != len(losses):
            raise ValueError(
                explain(f"loss_weights holds {len(factors)} numbers for {len(losses)} losses.")
            )
        self._losses, self._factors = losses, factors or [1.0] * len(losses)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        values = [
            loss(y_true, y_pred, sample_weight) * (1.0 if factor is None else factor)
            for loss, factor in zip(self._losses, self._factors, strict=True)
        ]
        return sum(values[1:], values[0])


class CompileLoss:
    """The loss of `compile`: the weighted sum over the outputs.

    Attributes:
        losses: one for each output in flat order, None where there is none; empty until built.
        outputs: their names and shapes, likewise.
        metrics: a mean for each output's loss, where there are several, in the order in which the
            user's dict names them.
    """

    def __init__(
        self, loss: Any, loss_weights: Any = None, output_names: Sequence[str] | None = None
    ):
        if any(isinstance(leaf, str) for leaf in tree.flatten(loss_weights)):
            raise ValueError(
                explain(
                    "loss_weights, the third argument of compile, are numbers, got "
                    f"{loss_weights!r}.",
                    fix=f"metrics={loss_weights!r}, loss_weights=None",
                )
            )
        self.user_loss, self.user_weights = loss, loss_weights
        self.output_names = output_names
        self.built = False
        self.metrics: list[Mean] = []
        self.losses: list[Loss | None] = []
        self.outputs: list[tuple[str, tuple[int | None, ...]]] = []
        self._weights: list[float | None] = []
        self._trackers: list[Mean | None] = []
        self._outputs: Outputs | None = None

    @property
    def variables(self) -> list[Any]:
        """The variables of the metrics."""
        return [v for m in self.metrics for v in m.variables]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Match losses and weights to outputs of these shapes."""
        self._outputs = outputs = outputs_of(y_pred, self.output_names)
        entries = match(self.user_loss, outputs, "loss")
        flat_true, flat_pred = self._labels(y_true), tree.flatten(y_pred)
        factors = match(self.user_weights, outputs, "loss_weights")
        self._weights = [None if isinstance(f, list | tuple) else f for f in factors]
        self.losses = [
            self._loss_of(entry, f if isinstance(f, list | tuple) else None, t, p)
            for entry, f, t, p in zip(entries, factors, flat_true, flat_pred, strict=True)
        ]
        shapes = [(None, *getattr(t, "shape", (None,))[1:]) for t in tree.flatten(y_pred)]
        self.outputs = list(zip(outputs.names(), shapes, strict=True))
        self.metrics, self._trackers = [], [None] * outputs.count
        order = order_given(self.user_loss, outputs.structure)
        used = [i for i in order if self.losses[i] is not None]
        if len(used) > 1:
            called = [
                loss.name if loss and isinstance(entry, list | tuple) else entry
                for entry, loss in zip(entries, self.losses, strict=True)
            ]
            names = outputs.loss_names([None if e is None else object_name(e) for e in called])
            for i in used:
                name = _free_name(f"{names[i]}_loss", [m.name for m in self.metrics])
                self._trackers[i] = tracker = Mean(name=name)
                self.metrics.append(tracker)
        self.built = True

    @staticmethod
    def _loss_of(entry: Any, factors: Any, y_true: Any, y_pred: Any) -> Loss | None:
        """The loss of an output, which may be given as one or as several."""
        if not isinstance(entry, list | tuple):
            return make_loss(entry, y_true, y_pred)
        made = [make_loss(one, y_true, y_pred) for one in tree.flatten(entry) if one is not None]
        found = [loss for loss in made if loss is not None]
        if len(found) < 2 and factors is None:
            return found[0] if found else None
        return Sum(found, None if factors is None else tree.flatten(factors))

    def _labels(self, y_true: Any) -> list[Any]:
        """Labels for each output; None where there are none."""
        assert self._outputs is not None
        used = [i for i, loss in enumerate(match(self.user_loss, self._outputs, "loss")) if loss]
        return align(y_true, self._outputs, used=used)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        if not self.built:
            self.build(y_true, y_pred)
        assert self._outputs is not None
        used = [number for number, loss in enumerate(self.losses) if loss is not None]
        flat_true, flat_pred = align(y_true, self._outputs, used=used), tree.flatten(y_pred)
        weights = _weights(sample_weight, self._outputs)
        total: Any = None
        rows = zip(
            self.losses, self._weights, self._trackers, flat_true, flat_pred, weights, strict=True
        )
        for loss, factor, tracker, t, p, w in rows:
            if loss is None:
                continue
            if t is None:
                raise ValueError(
                    explain(
                        "An output has a loss but no labels.",
                        fix="pass y for every output that has a loss: fit(x, y).",
                    )
                )
            value = loss(t, p, sample_weight=w)
            if tracker is not None:  # it shows the loss as it is, before its factor
                tracker.update_state(value, sample_weight=jax.tree.leaves(p)[0].shape[0])
            if factor is not None:
                value = value * jnp.asarray(factor, value.dtype)
            total = value if total is None else total + value
        return total

    def get_config(self) -> dict[str, Any]:
        """The loss and the weights as given."""
        return {
            "loss": serialize_keras_object(self.user_loss),
            "loss_weights": serialize_keras_object(self.user_weights),
        }


def _weights(sample_weight: Any, outputs: Outputs) -> list[Any]:
    """A weight for each output: the given ones, or one for all."""
    if sample_weight is None or not tree.is_nested(sample_weight):
        return [sample_weight] * outputs.count
    one = tree.flatten(sample_weight)
    if len(one) == 1 and not isinstance(sample_weight, Mapping):
        return one * outputs.count
    return align(sample_weight, outputs, "sample_weight")


def _free_name(name: str, taken: Container[str]) -> str:
    """The name, numbered if it is taken."""
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free
