"""The losses as rows of data: `Row(call, targets, predictions)`; `test_losses.py` runs them.

The call is text such as `Huber(delta=2.0)`, which both libraries evaluate; targets and predictions
are names of inputs.
"""

from typing import NamedTuple

import numpy as np

rng = np.random.default_rng(7)


def _normal(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype("float32")


def _probabilities(*shape: int) -> np.ndarray:
    x = np.exp(_normal(*shape))
    return (x / x.sum(-1, keepdims=True)).astype("float32")


_CLASSES = np.array([0, 2, 4, 1, 2, 3])

INPUTS = {
    "reals": _normal(6, 5),
    "more reals": _normal(6, 5),
    "column": _normal(6, 1),
    "flat": _normal(6),
    "steps": _normal(6, 4, 5),
    "more steps": _normal(6, 4, 5),
    "positive": rng.uniform(0.1, 3, (6, 5)).astype("float32"),
    "more positive": rng.uniform(0.1, 3, (6, 5)).astype("float32"),
    "unit": rng.uniform(0.02, 0.98, (6, 5)).astype("float32"),
    "logits": _normal(6, 5),
    "probabilities": _probabilities(6, 5),
    "more probabilities": _probabilities(6, 5),
    "step probabilities": _probabilities(6, 4, 5),
    "bits": (rng.random((6, 5)) > 0.5).astype("float32"),
    "signs": np.sign(_normal(6, 5)),
    "one hot": np.eye(5, dtype="float32")[_CLASSES],
    "classes": _CLASSES,
    "class column": _CLASSES[:, None],
    "step classes": rng.integers(0, 5, (6, 4)),
    "pairs": np.array([0, 1, 0, 1, 2, 2]),
    "embeddings": (e := _normal(6, 5)) / np.linalg.norm(e, axis=-1, keepdims=True),
    "label sequences": np.array([[1, 2, 0], [2, 2, 1], [3, 0, 0], [4, 3, 2], [1, 1, 1], [2, 0, 0]]),
    "sequence logits": _normal(6, 9, 5),
    "integers": rng.integers(0, 9, (6, 5)),
}


class Row(NamedTuple):
    call: str
    targets: str
    predictions: str


# Classes; each is tried with every reduction and with weights.
CLASSES = [
    Row("MeanSquaredError()", "reals", "more reals"),
    Row("MeanSquaredError()", "flat", "column"),
    Row("MeanSquaredError()", "column", "flat"),
    Row("MeanSquaredError()", "steps", "more steps"),
    Row("MeanSquaredError()", "integers", "reals"),
    Row("MeanSquaredError(dtype='float16')", "reals", "more reals"),
    Row("MeanAbsoluteError()", "reals", "more reals"),
    Row("MeanAbsolutePercentageError()", "positive", "more positive"),
    Row("MeanSquaredLogarithmicError()", "positive", "more positive"),
    Row("CosineSimilarity()", "reals", "more reals"),
    Row("CosineSimilarity(axis=-2)", "steps", "more steps"),
    Row("Huber()", "reals", "more reals"),
    Row("Huber(delta=0.3)", "reals", "more reals"),
    Row("LogCosh()", "reals", "more reals"),
    Row("Hinge()", "signs", "reals"),
    Row("Hinge()", "bits", "reals"),
    Row("SquaredHinge()", "bits", "reals"),
    Row("CategoricalHinge()", "one hot", "reals"),
    Row("KLDivergence()", "probabilities", "more probabilities"),
    Row("Poisson()", "positive", "more positive"),
    Row("BinaryCrossentropy()", "bits", "unit"),
    Row("BinaryCrossentropy(from_logits=True)", "bits", "logits"),
    Row("BinaryCrossentropy(label_smoothing=0.2)", "bits", "unit"),
    Row("BinaryFocalCrossentropy()", "bits", "unit"),
    Row("BinaryFocalCrossentropy(True, alpha=0.4, gamma=1.5, from_logits=True)", "bits", "logits"),
    Row("CategoricalCrossentropy()", "one hot", "probabilities"),
    Row("CategoricalCrossentropy()", "one hot", "unit"),
    Row("CategoricalCrossentropy(from_logits=True)", "one hot", "logits"),
    Row("CategoricalCrossentropy(label_smoothing=0.1)", "one hot", "probabilities"),
    Row("CategoricalFocalCrossentropy()", "one hot", "probabilities"),
    Row("CategoricalFocalCrossentropy(from_logits=True, gamma=1.0)", "one hot", "logits"),
    Row("SparseCategoricalCrossentropy()", "classes", "probabilities"),
    Row("SparseCategoricalCrossentropy()", "class column", "probabilities"),
    Row("SparseCategoricalCrossentropy()", "step classes", "step probabilities"),
    Row("SparseCategoricalCrossentropy(from_logits=True)", "classes", "logits"),
    Row("SparseCategoricalCrossentropy(ignore_class=2)", "classes", "probabilities"),
    Row("CategoricalGeneralizedCrossEntropy()", "classes", "probabilities"),
    Row("CategoricalGeneralizedCrossEntropy(q=0.9)", "classes", "probabilities"),
    Row("CTC()", "label sequences", "sequence logits"),
    Row("Dice()", "bits", "unit"),
    Row("Dice(axis=-1)", "bits", "unit"),
    Row("Tversky()", "bits", "unit"),
    Row("Circle()", "pairs", "embeddings"),
    Row("Circle(gamma=5.0, margin=0.2, remove_diagonal=False)", "pairs", "embeddings"),
]

# Functions, called without a reduction.
FUNCTIONS = [
    Row("mean_squared_error", "reals", "more reals"),
    Row("mean_absolute_error", "reals", "more reals"),
    Row("mean_absolute_percentage_error", "positive", "more positive"),
    Row("mean_squared_logarithmic_error", "reals", "more reals"),
    Row("cosine_similarity", "reals", "more reals"),
    Row("huber", "reals", "more reals"),
    Row("log_cosh", "reals", "more reals"),
    Row("hinge", "signs", "reals"),
    Row("squared_hinge", "bits", "reals"),
    Row("categorical_hinge", "one hot", "reals"),
    Row("kl_divergence", "probabilities", "more probabilities"),
    Row("poisson", "positive", "more positive"),
    Row("binary_crossentropy", "bits", "unit"),
    Row("binary_focal_crossentropy", "bits", "unit"),
    Row("categorical_crossentropy", "one hot", "probabilities"),
    Row("categorical_focal_crossentropy", "one hot", "probabilities"),
    Row("sparse_categorical_crossentropy", "classes", "probabilities"),
    Row("categorical_generalized_cross_entropy", "classes", "probabilities"),
    Row("ctc", "label sequences", "sequence logits"),
    Row("dice", "bits", "unit"),
    Row("tversky", "bits", "unit"),
    Row("circle", "pairs", "embeddings"),
]

# What both refuse, by type of exception: text that is evaluated.
REFUSED = [
    "losses.get('mse_')",
    "losses.get(3)",
    "losses.get(object())",
    "losses.MeanSquaredError(reduction='average')",
    "losses.CategoricalGeneralizedCrossEntropy(q=1.5)",
    "losses.MeanSquaredError(unknown=1)",
    "losses.Loss()(x, x)",
    "losses.categorical_crossentropy(classes, probabilities)",
    "losses.sparse_categorical_crossentropy(one_hot, probabilities)",
    "losses.binary_crossentropy(classes, probabilities)",
    "losses.ctc(classes, probabilities)",
]

# Arguments that Keras 3.15.1 leaves out of `get_config`; a file needs them.
LOST_BY_KERAS = {
    "Huber": {"delta"},
    "CosineSimilarity": {"axis"},
    "SparseCategoricalCrossentropy": {"axis"},
}

NAMES = [
    *("mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE", "bce", "BCE", "kld", "KLD"),
    *(row.call for row in FUNCTIONS if "generalized" not in row.call),
    *sorted({row.call.split("(")[0] for row in CLASSES} - {"CategoricalGeneralizedCrossEntropy"}),
]
