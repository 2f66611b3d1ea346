"""What a metric says does not depend on how the data come to it.

Every metric takes 24 samples at once, in three batches, in three batches the other way round, and
in three batches by its stateless twin, compiled. A weight of two counts like a sample that comes
twice, and a weight of zero like one that never came.
"""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu import metrics

rng = np.random.default_rng(3)
N = 24
BATCHES = [slice(0, 8), slice(8, 16), slice(16, 24)]


def _shares(*shape):
    x = rng.uniform(0.05, 1, shape)
    return (x / x.sum(-1, keepdims=True)).astype("float32")


DATA = {
    "reals": (rng.normal(size=(N, 3)), rng.normal(size=(N, 3))),
    "positive": (rng.uniform(0.1, 3, (N, 3)), rng.uniform(0.1, 3, (N, 3))),
    "shares": (_shares(N, 3), _shares(N, 3)),
    "bits": (rng.random((N, 3)) > 0.4, rng.random((N, 3))),
    "flat bits": (rng.random(N) > 0.4, rng.random(N)),
    "hot": (np.eye(3)[rng.integers(0, 3, N)], _shares(N, 3)),
    "classes": (rng.integers(0, 3, N), _shares(N, 3)),
    "both classes": (rng.integers(0, 3, N), rng.integers(0, 3, N)),
    "rankings": (rng.integers(0, 4, N), rng.permuted(np.tile(np.arange(4), (N, 1)), axis=1)),
}
DATA = {
    name: tuple(x.astype("int32" if x.dtype.kind == "i" else "float32") for x in pair)
    for name, pair in DATA.items()
}
WEIGHTS = np.tile([0, 1, 2, 1], N // 4).astype("float32")  # 24 altogether

# call -> data
ROWS = [
    *((f"{name}()", "reals") for name in ("MeanSquaredError", "RootMeanSquaredError")),
    *((f"{name}()", "reals") for name in ("MeanAbsoluteError", "LogCoshError", "CosineSimilarity")),
    ("MeanAbsolutePercentageError()", "positive"),
    ("MeanSquaredLogarithmicError()", "positive"),
    ("PearsonCorrelation()", "reals"),
    ("ConcordanceCorrelation()", "reals"),
    ("R2Score()", "reals"),
    ("R2Score(None)", "reals"),
    ("R2Score('variance_weighted_average')", "reals"),
    ("Hinge()", "hot"),
    ("SquaredHinge()", "hot"),
    ("CategoricalHinge()", "hot"),
    ("KLDivergence()", "shares"),
    ("Poisson()", "positive"),
    ("BinaryCrossentropy()", "bits"),
    ("CategoricalCrossentropy(label_smoothing=0.1)", "hot"),
    ("SparseCategoricalCrossentropy()", "classes"),
    ("Accuracy()", "both classes"),
    ("BinaryAccuracy()", "bits"),
    ("CategoricalAccuracy()", "hot"),
    ("SparseCategoricalAccuracy()", "classes"),
    ("TopKCategoricalAccuracy(2)", "hot"),
    ("SparseTopKCategoricalAccuracy(2)", "classes"),
    ("SparseTopKCategoricalAccuracy(2, from_sorted_ids=True)", "rankings"),
    *((f"{name}()", "bits") for name in ("TruePositives", "FalsePositives")),
    *((f"{name}([0.2, 0.7])", "bits") for name in ("TrueNegatives", "FalseNegatives")),
    *((f"{name}()", "flat bits") for name in ("Precision", "Recall")),
    *((f"{name}([0.2, 0.4, 0.5, 0.6, 0.8])", "bits") for name in ("Precision", "Recall")),
    *((f"{name}(top_k=2, class_id=1)", "bits") for name in ("Precision", "Recall")),
    *(
        (f"AUC(20, {curve!r}, {summation!r})", "flat bits")
        for curve in ("ROC", "PR", "PRGAIN")
        for summation in ("interpolation", "minoring", "majoring")
    ),
    ("AUC(20, multi_label=True)", "bits"),
    ("AUC(20, multi_label=True, label_weights=[1.0, 0.0, 2.0])", "bits"),
    ("AUC(20, label_weights=[1.0, 0.0, 2.0])", "bits"),
    ("AUC(thresholds=[0.3, 0.6], from_logits=True)", "flat bits"),
    ("PrecisionAtRecall(0.6)", "flat bits"),
    ("RecallAtPrecision(0.6)", "flat bits"),
    ("SensitivityAtSpecificity(0.6)", "flat bits"),
    ("SpecificityAtSensitivity(0.6, class_id=1)", "bits"),
    ("IoU(3, [0, 2])", "both classes"),
    ("MeanIoU(3)", "both classes"),
    ("BinaryIoU()", "flat bits"),
    ("OneHotIoU(3, [1])", "hot"),
    ("OneHotMeanIoU(3)", "hot"),
    ("FBetaScore(beta=2.0, threshold=0.5)", "bits"),
    *((f"F1Score({average!r})", "bits") for average in ("micro", "macro", "weighted")),
    ("MeanMetricWrapper(losses_huber)", "reals"),
]
SCOPE = {**vars(metrics), "losses_huber": metrics.huber}


def make(call):
    return eval(call, dict(SCOPE))


@pytest.mark.parametrize(("call", "data"), ROWS)
def test_in_batches_as_at_once(call, data):
    y, p = DATA[data]
    once, batches, turned = make(call), make(call), make(call)
    once.update_state(y, p)
    for part in BATCHES:
        batches.update_state(y[part], p[part])
    for part in BATCHES[::-1]:
        turned.update_state(y[part], p[part])
    expected = np.asarray(once.result())
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(batches.result(), expected, 2e-5, 2e-6)
    np.testing.assert_allclose(turned.result(), expected, 2e-5, 2e-6)


ONE_EACH = list({(call.split("(")[0], data): (call, data) for call, data in ROWS}.values())


@pytest.mark.parametrize(("call", "data"), ONE_EACH)
def test_weighted_and_compiled(call, data):
    y, p = DATA[data]
    repeated, weighted = make(call), make(call)
    copies = np.repeat(np.arange(N), WEIGHTS.astype(int))
    repeated.update_state(y[copies], p[copies])  # makes the variables that wait for a shape
    weighted.update_state(y, p, sample_weight=WEIGHTS)
    expected = np.asarray(repeated.result())
    np.testing.assert_allclose(weighted.result(), expected, 2e-5, 2e-6)

    step = jax.jit(repeated.stateless_update_state)
    values = repeated.stateless_reset_state()
    for part in BATCHES:
        values = step(values, y[part], p[part], sample_weight=WEIGHTS[part])
    np.testing.assert_allclose(repeated.stateless_result(values), expected, 2e-5, 2e-6)
    np.testing.assert_array_equal(repeated.result(), expected)  # and left the metric alone


@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_values_alone(name):
    values = jnp.asarray(DATA["reals"][0][:, 0])
    once, batches = getattr(metrics, name)(), getattr(metrics, name)()
    once.update_state(values, WEIGHTS)
    for part in BATCHES:
        batches.update_state(values[part], WEIGHTS[part])
    assert float(batches.result()) == pytest.approx(float(once.result()), rel=1e-5)


def test_every_metric_is_tried():
    tried = {call.split("(")[0] for call, _ in ROWS} | {"Mean", "Sum", "Metric"}
    public = {
        n for n, m in vars(metrics).items() if inspect.isclass(m) and issubclass(m, metrics.Metric)
    }
    assert tried == public
