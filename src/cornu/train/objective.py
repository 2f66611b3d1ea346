"""What `compile` was told to minimize and to measure, matched to the outputs of a model.

A loss or a metric may be given as one thing, a list in the order of the outputs, or a dict by their
names, nested as the outputs are. `CompileLoss` and `CompileMetrics` match them when the first
shapes are known, and then compute on nested `y_true` and `y_pred`.
"""

from collections.abc import Container, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from cornu import losses as losses_module, metrics as metrics_module, tree
from cornu.core.objects.registry import find_custom
from cornu.core.objects.serialize import serialize_keras_object
from cornu.errors import located, value_error
from cornu.losses.loss import Loss
from cornu.metrics.metric import Metric
from cornu.metrics.reduction import Mean
from cornu.names import to_snake_case
from cornu.train.matching import Outputs, Path, Term, align, at, loss_terms, match
from cornu.types import Tensors

ACCURACY = ("accuracy", "acc")
CROSSENTROPY = ("crossentropy", "ce")


def is_word(identifier: Any, words: Sequence[str]) -> bool:
    """Whether an identifier is one of some words, which mean different things for other labels."""
    return isinstance(identifier, str) and identifier.lower() in words


def _leaf_shapes(y: Tensors) -> tuple[int, ...]:
    return tuple(getattr(y, "shape", ()))


def kind_of_labels(y_true: Tensors, y_pred: Tensors) -> str:
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


def make_metric(identifier: Any, y_true: Tensors, y_pred: Tensors) -> Metric:
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


def outputs_of(y_pred: Tensors, layer_names: Sequence[str] | None) -> Outputs:
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

    def build(self, y_true: Tensors, y_pred: Tensors) -> None:
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

    def update_state(self, y_true: Tensors, y_pred: Tensors, sample_weight: Any = None) -> None:
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


class Placed(NamedTuple):
    """The losses of one place of the outputs, which are added up.

    Attributes:
        path: the place; that of an output, or of several.
        losses: pairs of a loss and its factor, None for 1.
        tracker: the mean of their sum before the factors; None where nobody asks for it.
    """

    path: Path
    losses: list[tuple[Loss, Any]]
    tracker: Mean | None

    def of(self, y_true: Tensors, y_pred: Tensors, sample_weight: Tensors | None) -> Any:
        """The sum for a batch, which the tracker takes in."""
        plain: list[Any] = []
        weighed: list[Any] = []
        for loss, factor in self.losses:
            value = loss(y_true, y_pred, sample_weight=sample_weight)
            plain.append(value)
            weighed.append(value if factor is None else value * jnp.asarray(factor, value.dtype))
        if self.tracker is not None:
            size = jax.tree.leaves(y_pred)[0].shape[0]
            self.tracker.update_state(sum(plain[1:], plain[0]), sample_weight=size)
        return sum(weighed[1:], weighed[0])


class CompileLoss:
    """The loss of `compile`: the weighted sum over the outputs.

    Attributes:
        losses: one for each output in flat order, None where there is none, or none of its own;
            empty until built.
        outputs: their names and shapes, likewise.
        metrics: a mean for each term of the sum, where there are several, in the order in which the
            user gives them.
    """

    def __init__(
        self, loss: Any, loss_weights: Any = None, output_names: Sequence[str] | None = None
    ):
        if any(isinstance(leaf, str) for leaf in tree.flatten(loss_weights)):
            raise value_error(
                "loss_weights, the third argument of compile, must be numbers, "
                f"got {loss_weights!r}.",
                fix=f"metrics={loss_weights!r}, loss_weights=None",
            )
        self.user_loss, self.user_weights = loss, loss_weights
        self.output_names = output_names
        self.built = False
        self.metrics: list[Mean] = []
        self.losses: list[Loss | None] = []
        self.outputs: list[tuple[str, tuple[int | None, ...]]] = []
        self._placed: list[Placed] = []
        self._used: list[int] = []
        self._outputs: Outputs | None = None

    @property
    def variables(self) -> list[Any]:
        """The variables of the metrics."""
        return [v for m in self.metrics for v in m.variables]

    def build(self, y_true: Tensors, y_pred: Tensors) -> None:
        """Match losses and weights to outputs of these shapes."""
        self._outputs = outputs = outputs_of(y_pred, self.output_names)
        places: dict[Path, list[Term]] = {}
        for term in loss_terms(self.user_loss, self.user_weights, outputs):
            places.setdefault(term.path, []).append(term)
        self._used = [
            number
            for number, path in enumerate(outputs.paths)
            if any(path[: len(place)] == place for place in places)
        ]
        y_true = self._labels(y_true)
        shapes = [(None, *getattr(t, "shape", (None,))[1:]) for t in tree.flatten(y_pred)]
        self.outputs = list(zip(outputs.names(), shapes, strict=True))
        self.metrics, self._placed = [], []
        for path, terms in places.items():
            t, p = at(y_true, path), at(y_pred, path)
            made = [(make_loss(term.loss, t, p), term.factor) for term in terms]
            losses = [(loss, factor) for loss, factor in made if loss is not None]
            tracker = None
            if len(places) > 1:
                called = "_and_".join(object_name(term.loss) for term in terms)
                name = f"{outputs.loss_name(path, called)}_loss"
                tracker = Mean(name=_free_name(name, [m.name for m in self.metrics]))
                self.metrics.append(tracker)
            self._placed.append(Placed(path, losses, tracker))
        alone = {one.path: one.losses[0][0] for one in self._placed if len(one.losses) == 1}
        self.losses = [alone.get(path) for path in outputs.paths]
        self.built = True

    def _labels(self, y_true: Tensors) -> Any:
        """Labels nested like the outputs; None where there are none."""
        assert self._outputs is not None
        flat = align(y_true, self._outputs, used=self._used)
        return tree.pack_sequence_as(self._outputs.structure, flat)

    def __call__(self, y_true: Tensors, y_pred: Tensors, sample_weight: Any = None) -> Any:
        if not self.built:
            self.build(y_true, y_pred)
        assert self._outputs is not None
        y_true = self._labels(y_true)
        weights = tree.pack_sequence_as(
            self._outputs.structure, _weights(sample_weight, self._outputs)
        )
        total: Any = None
        for one in self._placed:
            labels = at(y_true, one.path)
            if all(leaf is None for leaf in tree.flatten(labels)):
                raise value_error(
                    "An output that has a loss has no labels.",
                    fix="pass y for every output that has a loss: fit(x, y).",
                )
            value = one.of(labels, at(y_pred, one.path), _one_weight(at(weights, one.path)))
            total = value if total is None else total + value
        return total

    def get_config(self) -> dict[str, Any]:
        """The loss and the weights as given."""
        return {
            "loss": serialize_keras_object(self.user_loss),
            "loss_weights": serialize_keras_object(self.user_weights),
        }


def _weights(sample_weight: Tensors | None, outputs: Outputs) -> list[Any]:
    """A weight for each output: the given ones, or one for all."""
    if sample_weight is None or not tree.is_nested(sample_weight):
        return [sample_weight] * outputs.count
    one = tree.flatten(sample_weight)
    if len(one) == 1 and not isinstance(sample_weight, Mapping):
        return one * outputs.count
    return align(sample_weight, outputs, "sample_weight")


def _one_weight(weights: Any) -> Any:
    """The weight of what a loss compares: that of an output, the mean of those of several."""
    first, *others = tree.flatten(weights)
    if all(other is first for other in others):
        return first
    each = [1.0 if weight is None else jnp.asarray(weight) for weight in (first, *others)]
    return sum(each[1:], each[0]) / len(each)


def _free_name(name: str, taken: Container[str]) -> str:
    """The name, numbered if it is taken."""
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free
