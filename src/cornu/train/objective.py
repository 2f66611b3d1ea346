"""What `compile` was told to minimize and to measure, matched to the outputs of a model.

A loss or a metric may be given as one thing, a list in the order of the outputs, or a dict by their
names, nested as the outputs are. `CompileLoss` and `CompileMetrics` match them when the first
shapes are known, and then compute on nested `y_true` and `y_pred`.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from cornu import losses as losses_module, metrics as metrics_module, tree
from cornu.core.registry import find_custom
from cornu.core.serialize import serialize_keras_object
from cornu.errors import did_you_mean, explain
from cornu.losses.loss import Loss
from cornu.metrics.metric import Metric
from cornu.metrics.reduction import Mean

ACCURACY = ("accuracy", "acc")
CROSSENTROPY = ("crossentropy", "ce")


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


def make_loss(identifier: Any) -> Loss | None:
    """The loss that a user means: a Loss object, also for a name or a function."""
    loss = losses_module.get(identifier)
    if isinstance(loss, Loss) or loss is None:
        return loss
    return losses_module.LossFunctionWrapper(loss, name=object_name(loss))


def object_name(obj: Any) -> str:
    """The name of a function or an object."""
    return getattr(obj, "name", None) or getattr(obj, "__name__", None) or type(obj).__name__


def check_names(losses: Any, metrics: Any, weighted_metrics: Any) -> None:
    """Refuse unknown names when they are given, not when training starts.

    Raises:
        ValueError: a name is unknown; the message suggests close ones.
    """
    for name in tree.flatten(losses):
        if isinstance(name, str):
            losses_module.get(name)
    for name in (*tree.flatten(metrics), *tree.flatten(weighted_metrics)):
        if isinstance(name, str) and name.lower() not in (*ACCURACY, *CROSSENTROPY):
            metrics_module.get(name)


def own_by_name(given: Any) -> Any:
    """What the user registered in place of its names, while the scope of `compile` still holds.

    Losses and metrics are made when the first labels come, maybe outside of that scope.
    """

    def found(name: Any) -> Any:
        own = find_custom(name) if isinstance(name, str) else None
        return name if own is None else own

    return tree.map_structure(found, given)


def match(given: Any, outputs: Any, names: Sequence[str] | None, what: str, *, many: bool) -> list:
    """One entry for each output, from what the user gave.

    Args:
        given: one thing, a list, a dict, or nested like the outputs.
        outputs: the model's outputs (or symbolic stand-ins), nested.
        names: of the outputs, in flat order.
        what: "loss" or "metrics", for messages.
        many: whether an entry may be a list of things.

    Returns:
        A list in the flat order of the outputs, None where an output has no entry.
    """
    flat = tree.flatten(outputs)
    count = len(flat)
    if given is None:
        return [None] * count
    if isinstance(given, dict):
        return _match_dict(given, outputs, names, what, count)
    if isinstance(given, (list, tuple)):
        if many and count == 1:
            nested = len(given) == 1 and isinstance(given[0], (list, tuple))
            return [list(given[0]) if nested else list(given)]
        if len(given) == 1 and count == 1:
            return list(given)
        if len(given) != count:
            if many and not any(isinstance(g, (list, tuple, dict)) for g in given):
                return [list(given) for _ in range(count)]
            raise ValueError(
                explain(
                    f"{what} is a list of {len(given)}, the model has {count} outputs.",
                    outputs=", ".join(names or ()),
                    fix=f"give one entry for each output, or a dict: {what}={{name: ...}}",
                )
            )
        return list(given)
    if count == 1:
        return [[given] if many else given]
    return [[given] if many else given for _ in range(count)]


def _match_dict(given: dict, outputs: Any, names: Any, what: str, count: int) -> list:
    keys = (
        [str(path[-1]) for path, _ in tree.flatten_with_path(outputs)]
        if isinstance(outputs, dict)
        else list(names or [])
    )
    unknown = [key for key in given if key not in keys and key not in (names or ())]
    if unknown:
        raise ValueError(
            explain(
                f"{what} names the output {unknown[0]!r}, which the model does not have.",
                fix=did_you_mean(unknown[0], [*keys, *(names or ())]),
            )
        )
    by_name = list(names) if names and len(names) == count else keys
    return [given.get(key, given.get(name)) for key, name in zip(keys, by_name, strict=True)]


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

    @property
    def metrics(self) -> list[Metric]:
        """The metrics in order; empty until the first shapes are known."""
        return [m for entry in (*self._unweighted, *self._weighted) for m in entry]

    @property
    def variables(self) -> list[Any]:
        return [v for m in self.metrics for v in m.variables]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Make the metrics for labels and outputs of these shapes."""
        flat_true, flat_pred = _align(y_true, y_pred, self.output_names)
        names = self.output_names or [f"output_{i}" for i in range(len(flat_pred))]
        if isinstance(y_pred, dict):
            names = [str(path[-1]) for path, _ in tree.flatten_with_path(y_pred)]
        self._prefixes = [f"{n}_" if len(flat_pred) > 1 else "" for n in names]

        def make(given: Any, what: str) -> list[list[Metric]]:
            entries = match(given, y_pred, names, what, many=True)
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
        flat_true, flat_pred = _align(y_true, y_pred, self.output_names)
        weights = _spread(sample_weight, len(flat_pred))
        rows = zip(self._unweighted, self._weighted, flat_true, flat_pred, weights, strict=True)
        for plain, weighted, t, p, w in rows:
            if t is None:
                continue
            for metric in plain:
                metric.update_state(t, p)
            for metric in weighted:
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
                        results[key] = v
        return results

    def reset_state(self) -> None:
        for metric in self.metrics:
            metric.reset_state()


class CompileLoss:
    """The loss of `compile`: the weighted sum over the outputs.

    Attributes:
        losses: one for each output in flat order, None where there is none; empty until built.
        outputs: their names and shapes, likewise.
        metrics: a mean for each output's loss, where there are several.
    """

    def __init__(
        self, loss: Any, loss_weights: Any = None, output_names: Sequence[str] | None = None
    ):
        if any(isinstance(leaf, str) for leaf in tree.flatten(loss_weights)):
            raise ValueError(
                explain(
                    f"loss_weights are numbers, got {loss_weights!r}.",
                    fix=f"compile(optimizer, loss, metrics={loss_weights!r}): the third argument "
                    "of compile\nis loss_weights.",
                )
            )
        self.user_loss, self.user_weights = loss, loss_weights
        self.output_names = output_names
        self.built = False
        self.metrics: list[Mean] = []
        self.losses: list[Loss | None] = []
        self.outputs: list[tuple[str, tuple[int | None, ...]]] = []
        self._weights: list[float | None] = []

    @property
    def variables(self) -> list[Any]:
        """The variables of the metrics."""
        return [v for m in self.metrics for v in m.variables]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Match losses and weights to outputs of these shapes."""
        flat = tree.flatten(y_pred)
        names = list(self.output_names or [f"output_{i}" for i in range(len(flat))])
        if isinstance(y_pred, dict):
            names = [str(path[-1]) for path, _ in tree.flatten_with_path(y_pred)]
        entries = match(self.user_loss, y_pred, names, "loss", many=False)
        self.losses = [make_loss(entry) for entry in entries]
        shapes = [(None, *getattr(t, "shape", (None,))[1:]) for t in flat]
        self.outputs = list(zip(names, shapes, strict=False))
        weights = self.user_weights
        if isinstance(weights, (int, float)):
            weights = [weights] * len(flat)
        self._weights = match(weights, y_pred, names, "loss_weights", many=False)
        used = [n for n, loss in zip(names, self.losses, strict=True) if loss is not None]
        self.metrics = [Mean(name=f"{n}_loss") for n in used] if len(used) > 1 else []
        self.built = True

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        if not self.built:
            self.build(y_true, y_pred)
        flat_true, flat_pred = _align(y_true, y_pred, self.output_names)
        weights = _spread(sample_weight, len(flat_pred))
        total: Any = None
        trackers = iter(self.metrics)
        rows = zip(self.losses, self._weights, flat_true, flat_pred, weights, strict=True)
        for loss, factor, t, p, w in rows:
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
            if self.metrics:  # they show the loss as it is, before its factor
                next(trackers).update_state(value, sample_weight=jax.tree.leaves(p)[0].shape[0])
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


def _align(
    y_true: Any, y_pred: Any, names: Sequence[str] | None = None
) -> tuple[list[Any], list[Any]]:
    """Labels and outputs in the same flat order; labels in a dict by the outputs' names."""
    flat_pred = tree.flatten(y_pred)
    if y_true is None:
        return [None] * len(flat_pred), flat_pred
    if isinstance(y_true, dict) and (isinstance(y_pred, dict) or names):
        keys = sorted(y_pred) if isinstance(y_pred, dict) else list(names or ())
        unknown = [key for key in y_true if key not in keys]
        if unknown:
            raise ValueError(
                explain(
                    f"y has labels for {unknown[0]!r}, which is not an output of the model.",
                    fix=did_you_mean(unknown[0], keys),
                )
            )
        return [y_true.get(key) for key in keys], flat_pred
    flat_true = tree.flatten(y_true)
    if len(flat_true) != len(flat_pred):
        raise ValueError(
            explain(
                f"y holds {len(flat_true)} arrays of labels, the model has {len(flat_pred)} "
                "outputs.",
                fix="pass one array of labels for each output, nested as the outputs are.",
            )
        )
    return flat_true, flat_pred


def _spread(sample_weight: Any, count: int) -> list[Any]:
    """A weight for each output: the given ones, or one for all."""
    weights = tree.flatten(sample_weight) if sample_weight is not None else [None]
    return weights * count if len(weights) == 1 else weights
