"""Activations, regularizers and constraints as rows of data; `test_words.py` runs them."""

from typing import Any, NamedTuple


class Row(NamedTuple):
    name: str
    settings: dict[str, Any] = {}


ACTIVATIONS = [
    Row("celu"),
    Row("celu", {"alpha": 0.5}),
    Row("elu"),
    Row("elu", {"alpha": 0.5}),
    Row("exponential"),
    Row("gelu"),
    Row("gelu", {"approximate": True}),
    Row("glu"),
    Row("glu", {"axis": 0}),
    Row("hard_shrink"),
    Row("hard_shrink", {"threshold": 1.0}),
    Row("hard_sigmoid"),
    Row("hard_silu"),
    Row("hard_swish"),
    Row("hard_tanh"),
    Row("leaky_relu"),
    Row("leaky_relu", {"negative_slope": 0.1}),
    Row("linear"),
    Row("log_sigmoid"),
    Row("log_softmax"),
    Row("log_softmax", {"axis": 0}),
    Row("mish"),
    Row("relu"),
    Row("relu", {"negative_slope": 0.1}),
    Row("relu", {"max_value": 1.5}),
    Row("relu", {"max_value": 6}),
    Row("relu", {"threshold": 0.5}),
    Row("relu", {"negative_slope": 0.2, "max_value": 1.5, "threshold": 0.5}),
    Row("relu6"),
    Row("selu"),
    Row("sigmoid"),
    Row("silu"),
    Row("soft_shrink"),
    Row("softmax"),
    Row("softmax", {"axis": 0}),
    Row("softmax", {"axis": (0, 1)}),
    Row("softplus"),
    Row("softsign"),
    Row("sparse_plus"),
    Row("sparse_sigmoid"),
    Row("sparsemax"),
    Row("squareplus"),
    Row("squareplus", {"b": 1}),
    Row("swish"),
    Row("tanh"),
    Row("tanh_shrink"),
    Row("threshold", {"threshold": 0.3, "default_value": -1.0}),
]

REGULARIZERS = [
    Row("L1"),
    Row("L1", {"l1": 0.3}),
    Row("L2"),
    Row("L2", {"l2": 0.3}),
    Row("L1L2", {"l1": 0.3, "l2": 0.2}),
    Row("L1L2"),
    Row("OrthogonalRegularizer"),
    Row("OrthogonalRegularizer", {"factor": 0.3, "mode": "columns"}),
]

CONSTRAINTS = [
    Row("MaxNorm"),
    Row("MaxNorm", {"max_value": 0.7, "axis": 1}),
    Row("NonNeg"),
    Row("UnitNorm"),
    Row("UnitNorm", {"axis": (0, 1)}),
    Row("MinMaxNorm"),
    Row("MinMaxNorm", {"min_value": 0.5, "max_value": 0.9, "rate": 0.3, "axis": 1}),
    Row("Constraint"),
]

REFUSED = [
    "activations.get('rellu')",
    "activations.get(3)",
    "regularizers.get('l3')",
    "regularizers.get(3)",
    "regularizers.L1('x')",
    "regularizers.L2(-1.0)",
    "regularizers.L2(float('inf'))",
    "regularizers.L1L2(l1=float('nan'))",
    "regularizers.OrthogonalRegularizer(mode='both')",
    "regularizers.OrthogonalRegularizer()(vector)",
    "constraints.get('max')",
    "constraints.get(3)",
    "constraints.get({'class_name': 'Nothing', 'config': {}})",
]
