"""No loss is NaN, nor has a NaN in its gradient, for any finite prediction.

Predictions are all triples of which two run over the extremes of a dtype: zeros of both signs, the
smallest and the largest numbers, and some between. Targets are what the loss is made for: classes,
masks, counts, or for the losses of quantities any of the extremes, too.
"""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu import losses

EXTREMES = {
    "float32": [0.0, -0.0, 1e-45, -1e-40, 1e-7, 0.5, 1.0, -1.0, 1e4, -1e4, 3e38, -3e38],
    "float16": [0.0, -0.0, 6e-8, -6e-8, 6e-5, 1e-3, 0.5, 1.0, -1.0, 1e4, -1e4, 65504.0, -65504.0],
}

# The targets that each class is tried with.
QUANTITIES = ("zero", "one", "small", "large", "negative", "mixed")
SHARES = ("hot", "bits", "even")
TARGETS = {
    "MeanSquaredError": QUANTITIES,
    "MeanAbsoluteError": QUANTITIES,
    "MeanAbsolutePercentageError": QUANTITIES,
    "MeanSquaredLogarithmicError": QUANTITIES,
    "CosineSimilarity": QUANTITIES,
    "Huber": QUANTITIES,
    "LogCosh": QUANTITIES,
    "Hinge": ("bits", "signs"),
    "SquaredHinge": ("bits", "signs"),
    "CategoricalHinge": ("hot",),
    "KLDivergence": (*SHARES, *QUANTITIES),
    "Poisson": ("bits", "counts"),
    "BinaryCrossentropy": SHARES,
    "BinaryFocalCrossentropy": SHARES,
    "CategoricalCrossentropy": SHARES,
    "CategoricalFocalCrossentropy": SHARES,
    "SparseCategoricalCrossentropy": ("classes",),
    "CategoricalGeneralizedCrossEntropy": ("classes",),
    "Dice": ("hot", "bits", "zero", "one"),
    "Tversky": ("hot", "bits", "zero", "one"),
    "Circle": ("classes",),
}
SETTINGS = {
    "Dice": [{"axis": -1}, {}],
    "Tversky": [{"axis": -1}, {"axis": -1, "alpha": 0.0}],
    "BinaryCrossentropy": [{}, {"from_logits": True}],
    "BinaryFocalCrossentropy": [{}, {"from_logits": True}, {"gamma": 0.5}],
    "CategoricalCrossentropy": [{}, {"from_logits": True}],
    "CategoricalFocalCrossentropy": [{}, {"from_logits": True}, {"gamma": 0.5}],
    "SparseCategoricalCrossentropy": [{}, {"from_logits": True}],
}


def predictions(dtype):
    """`(n, 3)`: two columns are all pairs of extremes, the third is one of them."""
    values = np.array(EXTREMES[dtype], dtype)
    pairs = np.array(list(itertools.product(values, repeat=2)))
    third = np.random.default_rng(0).choice(values, (len(pairs), 1))
    return np.concatenate([pairs, third], 1)


def targets(kind, dtype):
    """Targets for `predictions(dtype)`."""
    p = predictions(dtype)
    places = np.arange(len(p))
    return {
        "zero": np.zeros_like(p),
        "one": np.ones_like(p),
        "small": np.full_like(p, EXTREMES[dtype][2]),
        "large": np.full_like(p, EXTREMES[dtype][-2]),
        "negative": np.full_like(p, EXTREMES[dtype][-1]),
        "mixed": p[::-1],
        "hot": np.eye(3, dtype=dtype)[places % 3],
        "bits": (np.arange(p.size).reshape(p.shape) % 2).astype(dtype),
        "even": np.full_like(p, 1 / 3),
        "signs": np.where(np.arange(p.size).reshape(p.shape) % 2, 1, -1).astype(dtype),
        "counts": np.full_like(p, 1e4),
        "classes": places % 3,
    }[kind]


def value_and_slope(loss):
    """The loss of each sample and the gradient of their sum, as a compiled function."""

    def both(y_true, y_pred):
        values, back = jax.vjp(lambda p: loss(y_true, p), y_pred)
        return values, back(jnp.ones_like(values))[0]

    return jax.jit(both)


CASES = [
    (name, settings, dtype)
    for name in TARGETS
    for settings in SETTINGS.get(name, [{}])
    for dtype in EXTREMES
]


@pytest.mark.parametrize(("name", "settings", "dtype"), CASES, ids=str)
def test_never_nan(name, settings, dtype):
    both = value_and_slope(getattr(losses, name)(reduction=None, dtype=dtype, **settings))
    p = predictions(dtype)
    for kind in TARGETS[name]:
        values, slopes = both(targets(kind, dtype), p)
        assert values.dtype == slopes.dtype == dtype
        assert not np.isnan(values).any(), (kind, p[np.isnan(values).nonzero()[0][:3]])
        assert not np.isnan(slopes).any(), (kind, p[np.isnan(slopes).any(-1).nonzero()[0][:3]])


@pytest.mark.parametrize("dtype", EXTREMES)
def test_ctc_is_never_nan(dtype):
    rng = np.random.default_rng(1)
    logits = rng.choice(np.array(EXTREMES[dtype], dtype), (40, 6, 4))
    labels = rng.integers(0, 4, (40, 2))
    values, slopes = value_and_slope(losses.CTC(reduction=None, dtype=dtype))(labels, logits)
    assert not np.isnan(values).any() and not np.isnan(slopes).any()


def test_every_class_is_tried():
    classes = {type(losses.get(name)).__name__ for name in TARGETS}
    given = {n for n, c in vars(losses).items() if isinstance(c, type) and hasattr(c, "_function")}
    assert classes | {"CTC"} == given


# ---- what the numbers are there -------------------------------------------------------------

LOG = -math.log(1e-7)  # of the smallest probability


@pytest.mark.parametrize(
    ("call", "y", "p", "value", "slope"),
    [
        ("MeanAbsoluteError()", [0.0], [-3e38], 3e38, [-1.0]),
        ("MeanSquaredError()", [0.0], [1e4], 1e8, [2e4]),
        ("Huber(2.0)", [0.0], [-1e38], 2e38, [-2.0]),
        ("Huber(2.0)", [3e38], [-3e38], math.inf, [-2.0]),
        ("Huber(2.0)", [0.0], [2.0], 2.0, [2.0]),  # where the curve becomes the line
        ("LogCosh()", [0.0], [3e38], 3e38, [1.0]),
        ("LogCosh()", [0.0], [-1e4], 1e4 - math.log(2), [-1.0]),
        ("LogCosh()", [1.0], [1.0], 0.0, [0.0]),
        ("Hinge()", [1.0], [-1e4], 1e4 + 1, [-1.0]),
        ("SquaredHinge()", [1.0], [-1e4], 10001.0**2, [-20002.0]),
        ("CategoricalHinge()", [1.0, 0.0], [-1e4, 1e4], 20001.0, [-1.0, 1.0]),
        ("CosineSimilarity()", [3e38, 3e38], [3e38, 3e38], -1.0, [0.0, 0.0]),
        ("CosineSimilarity()", [1.0, 0.0], [1e30, 1e30], -math.sqrt(0.5), [0.0, 0.0]),
        ("CosineSimilarity()", [0.0, 1.0], [0.0, 0.0], 0.0, [0.0, -1e7]),
        ("Poisson()", [1.0], [0.0], LOG, [1 - 1e7]),
        ("Poisson()", [2.0], [-3e38], 2 * LOG, [0.0]),
        ("KLDivergence()", [1.0, 0.0], [0.0, 1.0], LOG, [0.0, -0.5e-7]),
        ("BinaryCrossentropy()", [1.0], [0.0], LOG, [0.0]),
        ("BinaryCrossentropy(from_logits=True)", [1.0], [-1e4], 1e4, [-1.0]),
        ("BinaryCrossentropy(from_logits=True)", [0.0], [3e38], 3e38, [1.0]),
        ("BinaryCrossentropy(from_logits=True)", [1.0], [3e38], 0.0, [0.0]),
        ("BinaryFocalCrossentropy()", [1.0], [0.0], LOG, [-2 * LOG]),
        ("BinaryFocalCrossentropy(gamma=0.5)", [1.0], [1.0], 0.0, [0.0]),
        ("CategoricalCrossentropy()", [0.0, 1.0], [0.0, 0.0], LOG, [0.0, 0.0]),
        ("CategoricalCrossentropy(from_logits=True)", [0.0, 1.0], [1e4, -1e4], 2e4, [1, -1]),
        ("CategoricalCrossentropy(from_logits=True)", [0.0, 1.0], [-3e38, 3e38], 0.0, [0, 0]),
        ("CategoricalFocalCrossentropy()", [1.0, 0.0], [1.0, 0.0], 0.0, [0.0, 0.0]),
        ("SparseCategoricalCrossentropy()", 1, [1.0, 0.0], LOG, [0.0, 0.0]),
        ("SparseCategoricalCrossentropy(from_logits=True)", 1, [1e4, -1e4], 2e4, [1, -1]),
        ("SparseCategoricalCrossentropy(from_logits=True)", 0, [3e38, -3e38], 0.0, [0, 0]),
        ("Dice(axis=-1)", [0.0, 0.0], [0.0, 0.0], 1.0, [0.0, 0.0]),
        ("Tversky(axis=-1)", [1.0, 0.0], [0.0, 0.0], 1.0, [-2.0, 0.0]),
    ],
)
def test_numbers_at_the_ends(call, y, p, value, slope):
    loss = eval(call, vars(losses).copy())
    loss.reduction = None
    values, slopes = value_and_slope(loss)(np.array([y]), np.array([p], "float32"))
    np.testing.assert_allclose(values, [value], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(slopes, [slope], rtol=1e-5, atol=1e-6)


# ---- half precision -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", sorted(losses._words.functions))
def test_half_precision_is_single_precision_rounded(name, dtype):
    rng = np.random.default_rng(2)
    p = jnp.asarray(rng.uniform(0.05, 0.9, (6, 4)), dtype)
    y = np.eye(4)[rng.integers(0, 4, 6)]
    settings = {"q": 0.5} if "generalized" in name else {}
    if name in ("sparse_categorical_crossentropy", "circle") or settings:
        y = y.argmax(-1)
    elif name == "ctc":
        y, p = np.array([[1, 2]]), p[None]
    function = losses._words.functions[name]
    half = function(y, p, **settings)
    single = function(y, p.astype("float32"), **settings)
    assert half.dtype == dtype and single.dtype == "float32"
    np.testing.assert_array_equal(half, single.astype(dtype))


@pytest.mark.parametrize("reduction", ["mean", "sum_over_batch_size", "mean_with_sample_weight"])
def test_means_in_half_precision_outgrow_neither_sums_nor_counts(reduction):
    """70,000 losses of 100: neither their sum nor their number is a float16."""
    loss = losses.MeanSquaredError(reduction=reduction, dtype="float16")
    y, p = np.zeros((70_000, 1)), np.full((70_000, 1), 10.0)
    value = loss(y, p, np.ones(70_000))
    assert value.dtype == "float16" and float(value) == 100.0
