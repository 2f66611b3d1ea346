"""In half precision, a result that can be represented is represented.

Sums, squares and products on the way to a mean, a norm or a score leave the range of float16
although the result does not: they are computed in float32, in ops, layers, losses and metrics.
"""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cornu
from cornu import layers, losses, metrics, ops

RANDOM = np.random.default_rng(0)
SHAPE = (2, 8, 8, 4)
INPUTS = {
    "large": RANDOM.uniform(30000, 60000, SHAPE),
    "of both signs": np.sign(RANDOM.normal(size=SHAPE)) * 60000,
    "wide": RANDOM.normal(size=SHAPE) * 300,
    "small": RANDOM.uniform(1e-4, 3e-4, SHAPE),
    "many": RANDOM.uniform(0, 0.2, (1, 64, 64, 2)),
}

OPS = {
    **{name: getattr(ops, name) for name in (
        "mean", "var", "std", "average", "median", "nanmean", "nanvar", "nanstd", "nanmedian",
        "logsumexp", "softmax", "sparsemax", "normalize", "norm", "layer_normalization",
        "rms_normalization", "trapezoid", "cumsum", "nancumsum", "sinc", "squareplus", "softplus",
        "gelu", "celu",
    )},
    "std of rows": lambda x: ops.std(x, axis=-1),
    "moments": lambda x: ops.moments(x, axes=[1, 2]),
    "quantile": lambda x: ops.quantile(x, 0.3),
    "corrcoef": lambda x: ops.corrcoef(x[0, 0]),
    "norm of matrices": lambda x: ops.norm(x[0, 0], ord="fro"),
    "norm of order 3": lambda x: ops.norm(x, ord=3, axis=-1),
    "normalize by sums": lambda x: ops.normalize(x, order=1),
    "normalize of order 3": lambda x: ops.normalize(x, order=3),
    "weighted average": lambda x: ops.average(x, axis=1, weights=jnp.ones(x.shape[1], x.dtype)),
    "average_pool": lambda x: ops.average_pool(x, 2),
    "average_pool at edges": lambda x: ops.average_pool(x, 3, 2, padding="same"),
    "psnr": lambda x: ops.psnr(x, x / 2, 1.0),
    "ssim": lambda x: ops.image.ssim(abs(x), abs(x), filter_size=3),
}  # fmt: skip


def alike(found, expected, kind="float16"):
    """What can be represented is close; what cannot may be infinite."""
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.dtype == kind
        a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
        fits = np.abs(b) <= float(jnp.finfo(kind).max)
        np.testing.assert_allclose(a[fits], b[fits], rtol=4e-3, atol=2e-5)


@pytest.mark.parametrize("name", OPS)
def test_ops(name):
    for x in INPUTS.values():
        x = x.astype("float16")
        wide = np.asarray(x, "float32")
        alike(OPS[name](x), OPS[name](wide))


def test_the_dtype_of_half_precision_is_kept_and_that_of_others_decides():
    x = jnp.full((4,), 30000, "float16")
    assert ops.std(x).dtype == ops.norm(x / 4).dtype == "float16"
    assert ops.std(cornu.Variable(x, dtype="float16")) == 0
    assert ops.std(jnp.ones(3, "bfloat16")).dtype == "bfloat16"
    assert ops.average(x, weights=jnp.ones(4)).dtype == "float32"
    assert ops.cumsum(x, dtype="float32").tolist() == [30000, 60000, 90000, 120000]
    slope = jax.grad(lambda x: ops.norm(x))(jnp.full((4,), 300, "float16"))
    assert slope.dtype == "float16" and slope.tolist() == [0.5] * 4


LAYERS = [
    layer
    for name, layer in inspect.getmembers(layers, inspect.isclass)
    if layer.__module__.startswith("cornu.layers.normalization")
    or "Average" in name
    or name == "Softmax"
]
LAYERS.remove(layers.SpectralNormalization)  # statistics of weights, which are in float32


def cases():
    """Layers that take statistics do so of what comes in; the others cast first."""
    for layer in LAYERS:
        yield layer, "float16"
        if "Norm" in layer.__name__:
            yield layer, "float32"


@pytest.mark.parametrize(("layer", "given"), cases())
def test_layers(layer, given):
    name = layer.__name__
    rank = int(name[-2]) if name.endswith("D") else 2
    arguments = {"groups": 2} if name == "GroupNormalization" else {}
    if "Pooling" in name and "Global" not in name:
        arguments["output_size" if "Adaptive" in name else "pool_size"] = 2
    for x in INPUTS.values():
        x = x.astype(given)
        if given == "float32":
            x = x * 1.3  # beyond the range
        x = x if rank == 2 else x[:, 0] if rank == 1 else x.reshape(len(x), -1, 2, *x.shape[2:])

        def outputs(policy, x):
            made = layer(**arguments, dtype=policy)
            training = {"training": True} if name == "BatchNormalization" else {}
            return made([x, x] if name == "Average" else x, **training)

        alike(outputs("mixed_float16", x), outputs("float32", np.asarray(x, "float32")))


PAIRS = {
    "far": (RANDOM.uniform(0, 50000, (64, 8)), RANDOM.uniform(0, 50000, (64, 8))),
    "chances": (np.eye(8)[RANDOM.integers(0, 8, 64)], RANDOM.dirichlet(np.ones(8), 64)),
    "many": (RANDOM.integers(0, 2, (3000, 8)), RANDOM.uniform(0, 1, (3000, 8))),
}


def of_two_arrays(module, base):
    """The classes that compare two arrays of one shape and need no arguments."""
    found = []
    for name, cls in inspect.getmembers(module, inspect.isclass):
        if not issubclass(cls, base):
            continue
        required = [
            p for p in list(inspect.signature(cls).parameters.values())
            if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
        ]  # fmt: skip
        call = cls.call if base is losses.Loss else cls.update_state
        takes = "y_true" in inspect.signature(call).parameters
        abstract = cls in (losses.Loss, metrics.Metric)
        counts = "Sparse" in name or name in ("CTC", "Circle", "CategoricalGeneralizedCrossEntropy")
        if not (required or abstract or counts) and takes:
            found.append(cls)
    return found


@pytest.mark.parametrize("cls", of_two_arrays(losses, losses.Loss), ids=lambda c: c.__name__)
def test_losses(cls):
    for pair in PAIRS.values():
        y_true, y_pred = (y.astype("float16") for y in pair)
        wide = cls()(y_true.astype("float32"), y_pred.astype("float32"))
        np.testing.assert_allclose(cls()(y_true, y_pred), wide, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("cls", of_two_arrays(metrics, metrics.Metric), ids=lambda c: c.__name__)
def test_metrics(cls):
    for pair in PAIRS.values():
        y_true, y_pred = (y.astype("float16") for y in pair)
        narrow, wide = cls(), cls()
        wide.update_state(y_true.astype("float32"), y_pred.astype("float32"))
        narrow.update_state(y_true, y_pred)
        np.testing.assert_allclose(narrow.result(), wide.result(), rtol=1e-2, atol=1e-4)
