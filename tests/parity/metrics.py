"""The metrics as rows of data: `Row(call, targets, predictions)`; `test_metrics.py` runs them.

The call is text such as `AUC(num_thresholds=5)`, which both libraries evaluate; targets and
predictions are names of inputs.
"""

from typing import NamedTuple

import numpy as np

rng = np.random.default_rng(11)
N = 12


def _normal(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype("float32")


def _probabilities(*shape: int) -> np.ndarray:
    x = np.exp(_normal(*shape))
    return (x / x.sum(-1, keepdims=True)).astype("float32")


_CLASSES = rng.integers(0, 4, N)
_TIES = np.round(rng.random((N, 4)) * 3).astype("float32")  # many equal scores

INPUTS = {
    "reals": _normal(N, 4),
    "more reals": _normal(N, 4),
    "column": _normal(N, 1),
    "flat": _normal(N),
    "steps": _normal(N, 3, 4),
    "more steps": _normal(N, 3, 4),
    "positive": rng.uniform(0.1, 3, (N, 4)).astype("float32"),
    "more positive": rng.uniform(0.1, 3, (N, 4)).astype("float32"),
    "unit": rng.random((N, 4)).astype("float32"),
    "unit column": rng.random((N, 1)).astype("float32"),
    "flat unit": rng.random(N).astype("float32"),
    "coarse": (rng.integers(0, 11, N) / 10).astype("float32"),  # on the thresholds, 0 and 1 too
    "beyond": rng.uniform(-0.5, 1.5, N).astype("float32"),
    "ties": _TIES,
    "probabilities": _probabilities(N, 4),
    "more probabilities": _probabilities(N, 4),
    "step probabilities": _probabilities(N, 3, 4),
    "bits": (rng.random((N, 4)) > 0.5).astype("float32"),
    "bit column": (rng.random((N, 1)) > 0.5).astype("float32"),
    "flat bits": (rng.random(N) > 0.5).astype("float32"),
    "bools": rng.random(N) > 0.5,
    "one hot": np.eye(4, dtype="float32")[_CLASSES],
    "one hot steps": np.eye(4, dtype="float32")[rng.integers(0, 4, (N, 3))],
    "classes": _CLASSES,
    "more classes": rng.integers(0, 4, N),
    "class column": _CLASSES[:, None],
    "step classes": rng.integers(0, 4, (N, 3)),
    "ranking": rng.permuted(np.tile(np.arange(4), (N, 1)), axis=1),
}


class Row(NamedTuple):
    call: str
    targets: str
    predictions: str


_CURVES = [
    f"AUC({settings})"
    for settings in (
        "",
        "num_thresholds=7",
        "num_thresholds=7, summation_method='minoring'",
        "num_thresholds=7, summation_method='majoring'",
        "num_thresholds=7, curve='PR'",
        "num_thresholds=7, curve='PR', summation_method='minoring'",
        "num_thresholds=7, curve='PR', summation_method='majoring'",
        "num_thresholds=7, curve='PRGAIN'",
        "thresholds=[0.6, 0.25, 0.3]",
        "num_thresholds=7, from_logits=True",
    )
]

ROWS = [
    Row("Accuracy()", "classes", "more classes"),
    Row("Accuracy()", "class column", "more classes"),
    Row("BinaryAccuracy()", "bit column", "unit column"),
    Row("BinaryAccuracy()", "flat bits", "unit column"),
    Row("BinaryAccuracy(threshold=0.3)", "bits", "unit"),
    Row("CategoricalAccuracy()", "one hot", "probabilities"),
    Row("CategoricalAccuracy()", "one hot", "ties"),
    Row("CategoricalAccuracy()", "ties", "probabilities"),
    Row("CategoricalAccuracy()", "one hot steps", "step probabilities"),
    Row("SparseCategoricalAccuracy()", "classes", "probabilities"),
    Row("SparseCategoricalAccuracy()", "classes", "ties"),
    Row("SparseCategoricalAccuracy()", "class column", "probabilities"),
    Row("SparseCategoricalAccuracy()", "step classes", "step probabilities"),
    Row("TopKCategoricalAccuracy(k=2)", "one hot", "probabilities"),
    Row("TopKCategoricalAccuracy(k=2)", "one hot", "ties"),
    Row("TopKCategoricalAccuracy(k=9)", "one hot", "probabilities"),
    Row("SparseTopKCategoricalAccuracy(k=2)", "classes", "probabilities"),
    Row("SparseTopKCategoricalAccuracy(k=1)", "classes", "ties"),
    Row("SparseTopKCategoricalAccuracy(k=2)", "step classes", "step probabilities"),
    Row("SparseTopKCategoricalAccuracy(k=2, from_sorted_ids=True)", "classes", "ranking"),
    *(
        Row(f"{name}({settings})", targets, predictions)
        for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives")
        for settings, targets, predictions in (
            ("", "flat bits", "flat unit"),
            ("", "bools", "coarse"),
            ("thresholds=0.3", "bits", "unit"),
            ("thresholds=[0.9, 0.1, 0.15, 0.6, 0.3, 0.2]", "bits", "unit"),
        )
    ),
    *(
        Row(f"{name}({settings})", "bits", "unit")
        for name in ("Precision", "Recall")
        for settings in (
            "",
            "thresholds=0.3",
            "thresholds=[0.4, 0.9]",
            "top_k=2",
            "class_id=1",
            "top_k=1, class_id=2",
            "top_k=2, thresholds=0.4",
        )
    ),
    *(Row(call, "flat bits", predictions) for call in _CURVES for predictions in ("flat unit",)),
    Row("AUC()", "flat bits", "beyond"),
    Row("AUC(num_thresholds=11)", "bools", "coarse"),
    Row("AUC(num_thresholds=7)", "bit column", "flat unit"),
    Row("AUC(num_thresholds=7)", "bits", "unit"),
    Row("AUC(num_thresholds=7, label_weights=[1.0, 2.0, 0.0, 0.5])", "bits", "unit"),
    Row("AUC(num_thresholds=7, multi_label=True)", "bits", "unit"),
    Row("AUC(num_thresholds=7, multi_label=True, num_labels=4, curve='PR')", "bits", "unit"),
    Row(
        "AUC(num_thresholds=7, multi_label=True, label_weights=[1.0, 2.0, 0.0, 0.5])",
        "bits",
        "unit",
    ),
    *(
        Row(f"{name}({settings})", targets, predictions)
        for name in (
            "SensitivityAtSpecificity",
            "SpecificityAtSensitivity",
            "PrecisionAtRecall",
            "RecallAtPrecision",
        )
        for settings, targets, predictions in (
            ("0.5", "flat bits", "flat unit"),
            ("0.7, num_thresholds=11", "bools", "coarse"),
            ("0.6, num_thresholds=1", "flat bits", "flat unit"),
            ("0.4, num_thresholds=7, class_id=2", "bits", "unit"),
        )
    ),
    Row("MeanSquaredError()", "reals", "more reals"),
    Row("MeanSquaredError()", "flat", "column"),
    Row("MeanSquaredError()", "steps", "more steps"),
    Row("RootMeanSquaredError()", "reals", "more reals"),
    Row("RootMeanSquaredError()", "flat", "column"),
    Row("MeanAbsoluteError()", "reals", "more reals"),
    Row("MeanAbsolutePercentageError()", "positive", "more positive"),
    Row("MeanSquaredLogarithmicError()", "positive", "more positive"),
    Row("CosineSimilarity()", "reals", "more reals"),
    Row("CosineSimilarity(axis=-2)", "steps", "more steps"),
    Row("LogCoshError()", "reals", "more reals"),
    Row("Hinge()", "bits", "reals"),
    Row("SquaredHinge()", "bits", "reals"),
    Row("CategoricalHinge()", "one hot", "reals"),
    Row("KLDivergence()", "probabilities", "more probabilities"),
    Row("Poisson()", "positive", "more positive"),
    Row("BinaryCrossentropy()", "bits", "unit"),
    Row("BinaryCrossentropy(from_logits=True, label_smoothing=0.1)", "bits", "reals"),
    Row("CategoricalCrossentropy()", "one hot", "probabilities"),
    Row("CategoricalCrossentropy(from_logits=True)", "one hot steps", "steps"),
    Row("SparseCategoricalCrossentropy()", "classes", "probabilities"),
    Row("SparseCategoricalCrossentropy(from_logits=True)", "step classes", "steps"),
    Row("PearsonCorrelation()", "reals", "more reals"),
    Row("PearsonCorrelation(axis=-2)", "steps", "more steps"),
    Row("ConcordanceCorrelation()", "reals", "more reals"),
    Row("IoU(4, [0, 2])", "classes", "more classes"),
    Row("IoU(4, [0, 2], ignore_class=2)", "classes", "more classes"),
    Row("IoU(4, (1,), sparse_y_true=False, sparse_y_pred=False)", "one hot", "probabilities"),
    Row("IoU(4, [1], dtype='float32')", "classes", "more classes"),
    Row("MeanIoU(4)", "classes", "more classes"),
    Row("MeanIoU(6, ignore_class=1)", "classes", "more classes"),
    Row("MeanIoU(4, sparse_y_pred=False)", "step classes", "step probabilities"),
    Row("OneHotIoU(4, [0, 1])", "one hot", "probabilities"),
    Row("OneHotMeanIoU(4)", "one hot steps", "step probabilities"),
    Row("OneHotMeanIoU(4, sparse_y_pred=True)", "one hot", "more classes"),
    Row("BinaryIoU()", "flat bits", "flat unit"),
    Row("BinaryIoU([1], threshold=0.3)", "bits", "unit"),
    *(
        Row(f"{name}({settings})", "bits", "unit")
        for name in ("F1Score", "FBetaScore")
        for settings in (
            "",
            "average='micro'",
            "average='macro'",
            "average='weighted'",
            "threshold=0.5",
            "average='micro', threshold=0.4",
        )
    ),
    Row("FBetaScore(beta=2.0)", "one hot", "probabilities"),
    Row("R2Score()", "reals", "more reals"),
    Row("R2Score(class_aggregation=None)", "reals", "more reals"),
    Row("R2Score(class_aggregation='variance_weighted_average')", "reals", "more reals"),
]

# Wrong in Keras 3.15.1, so asserted from their definitions in `tests/metrics`: the number of
# samples of R2Score, and FBetaScore with weights.
NOT_LIKE_KERAS = {"R2Score": {"num_samples"}}
WEIGHTS_NOT_LIKE_KERAS = {"FBetaScore", "F1Score"}

# Arguments that Keras 3.15.1 leaves out of `get_config`; a file needs them.
LOST_BY_KERAS = {
    "CosineSimilarity": {"axis"},
    "SparseTopKCategoricalAccuracy": {"from_sorted_ids"},
}

REFUSED = [
    "metrics.get('acuracy')",
    "metrics.get(3)",
    "metrics.Precision(thresholds=[-0.1])",
    "metrics.Recall(thresholds=2)",
    "metrics.TruePositives(thresholds=[0.2, None])",
    "metrics.AUC(num_thresholds=1)",
    "metrics.AUC(curve='RoC curve')",
    "metrics.AUC(summation_method='average')",
    "metrics.PrecisionAtRecall(1.5)",
    "metrics.SensitivityAtSpecificity(0.5, num_thresholds=0)",
    "metrics.IoU(3, [4])",
    "metrics.F1Score(average='mean')",
    "metrics.F1Score(threshold=0.0)",
    "metrics.FBetaScore(beta=-1.0)",
    "metrics.R2Score(class_aggregation='mean')",
    "metrics.R2Score(num_regressors=-1)",
    "metrics.F1Score()(flat_bits, flat_unit)",
    "metrics.R2Score()(flat, flat)",
    "metrics.Mean()(flat, flat[:3])",
    "metrics.Mean().stateless_update_state([1.0], flat)",
    "metrics.Mean().stateless_result([1.0])",
    "metrics.Metric()(flat, flat)",
    "metrics.Precision(top_k=9)(bits, unit)",
    "metrics.Mean(unknown=1)",
]

NAMES = [
    *("mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE", "bce", "BCE"),
    *("accuracy", "auc", "precision", "f1_score", "r2_score", "top_k_categorical_accuracy"),
    *("categorical_crossentropy", "log_cosh_error", "root_mean_squared_error", "mean", "sum"),
    *("Precision", "Recall", "CosineSimilarity", "LogCoshError", "KLDivergence", "Mean", "Sum"),
]

FUNCTIONS = [
    Row("binary_accuracy", "bits", "unit"),
    Row("categorical_accuracy", "one hot", "ties"),
    Row("sparse_categorical_accuracy", "classes", "ties"),
    Row("sparse_categorical_accuracy", "step classes", "step probabilities"),
    Row("top_k_categorical_accuracy", "one hot", "probabilities"),
    Row("sparse_top_k_categorical_accuracy", "classes", "probabilities"),
    Row("pearson_correlation", "reals", "more reals"),
    Row("concordance_correlation", "reals", "more reals"),
    Row("mean_squared_error", "reals", "more reals"),
    Row("categorical_crossentropy", "one hot", "probabilities"),
]
