"""A metric says whether it should rise or fall, and `mode="auto"` of callbacks follows it."""

import inspect

import keras as oracle
import pytest

from callbacks.small import Fake
from cornu import losses, metrics
from cornu.callbacks.monitoring import direction_of

UP = [
    "Accuracy", "AUC", "BinaryAccuracy", "BinaryIoU", "CategoricalAccuracy",
    "ConcordanceCorrelation", "CosineSimilarity", "F1Score", "FBetaScore", "IoU", "MeanIoU",
    "OneHotIoU", "OneHotMeanIoU", "PearsonCorrelation", "Precision", "PrecisionAtRecall",
    "R2Score", "Recall", "RecallAtPrecision", "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "SpecificityAtSensitivity",
    "TopKCategoricalAccuracy", "TrueNegatives", "TruePositives",
]  # fmt: skip
DOWN = [
    "BinaryCrossentropy", "CategoricalCrossentropy", "CategoricalHinge", "FalseNegatives",
    "FalsePositives", "Hinge", "KLDivergence", "LogCoshError", "MeanAbsoluteError",
    "MeanAbsolutePercentageError", "MeanSquaredError", "MeanSquaredLogarithmicError",
    "Poisson", "RootMeanSquaredError", "SparseCategoricalCrossentropy", "SquaredHinge",
]  # fmt: skip
EITHER = ["Mean", "MeanMetricWrapper", "Metric", "Sum"]
SIGNS = {**dict.fromkeys(UP, 1), **dict.fromkeys(DOWN, -1), **dict.fromkeys(EITHER, None)}
ARGUMENTS = {
    "IoU": (2, [0]),
    "OneHotIoU": (2, [0]),
    "MeanMetricWrapper": (max,),
    **dict.fromkeys(("MeanIoU", "OneHotMeanIoU"), (2,)),
    **dict.fromkeys((n for n in UP if "At" in n), (0.5,)),
}
NAMED = {name: cls for name, cls in metrics._words.names.items() if inspect.isclass(cls)}


def made(cls):
    return cls(*ARGUMENTS.get(cls.__name__, ()), name="it")


def test_the_table_has_every_metric():
    assert {cls.__name__ for cls in NAMED.values()} == set(SIGNS)


@pytest.mark.parametrize("name", NAMED)
def test_every_metric_by_every_name(name):
    metric, sign = made(NAMED[name]), SIGNS[NAMED[name].__name__]
    for result in ("it", "val_it", "weighted_it", "val_head_it"):
        assert direction_of(result, Fake([metric])) == sign
    metric.name = name
    assert direction_of(f"val_{name}", Fake([metric])) == sign
    theirs = getattr(made(getattr(oracle.metrics, NAMED[name].__name__)), "_direction", None)
    assert theirs in (None, metric.direction)


@pytest.mark.parametrize("name", sorted(SIGNS))
def test_classes_of_the_users_have_the_direction_of_their_parents(name):
    class Mine(getattr(metrics, name)):
        pass

    given = ARGUMENTS.get(name, ())
    assert direction_of("val_it", Fake([Mine(*given, name="it")])) == SIGNS[name]


@pytest.mark.parametrize("attribute", ["direction", "_direction"])
def test_a_class_of_the_users_may_say_its_own(attribute):
    for parent in (metrics.Mean, metrics.Precision):
        cls = type("Precision", (parent,), {attribute: "down"})
        assert direction_of("it", Fake([cls(name="it")])) == -1
    cls = type("Precision", (metrics.Metric,), {})  # the name says nothing
    assert direction_of("it", Fake([cls(name="it")])) is None
    cls = type("Compass", (metrics.Metric,), {attribute: ["north"]})
    assert direction_of("it", Fake([cls(name="it")])) is None


@pytest.mark.parametrize(
    ("function", "sign"),
    [
        *((f, -1) for f in losses._words.functions.values()),
        *((f, 1) for f in metrics._words.functions.values()),
        (lambda y_true, y_pred: y_pred, None),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_functions(function, sign):
    metric = metrics.MeanMetricWrapper(function, name="it")
    assert direction_of("val_it", Fake([metric])) == sign
