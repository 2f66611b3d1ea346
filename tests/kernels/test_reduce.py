"""Reductions as they are lowered on the CPU: numpy's numbers, differentiated, mapped, in loops."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import cornu.core  # noqa: F401 - installs the lowerings
from cornu.kernels import reduce
from cornu.kernels.reduce import LONG, MANY, SLICES, WIDTH, folded, merged

RNG = np.random.default_rng(0)
SHAPES = [
    (5000,),
    (64, 8, 9, 16),
    (3, 4097),
    (33, 1, 1000, 1),
    (8, 9, 10, 11),
    (131073,),
    (2, 3, 2, 3, 4, 5, 6, 3),
]


def of(shape):
    return RNG.normal(size=shape).astype("float32")


def near(got, wanted, size=1.0):
    np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=2e-6 * size)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_choice_of_axes(shape):
    """All choices in one program for each shape: sums, maxima and minima."""
    x = of(shape)
    ranks, places = range(1, len(shape) + 1), range(len(shape))
    choices = [axes for k in ranks for axes in itertools.combinations(places, k)][:12]
    names = ("sum", "max", "min")
    program = jax.jit(lambda x: [[getattr(jnp, n)(x, axes) for n in names] for axes in choices])
    for axes, results in zip(choices, program(x), strict=True):
        for name, got in zip(names, results, strict=True):
            wanted = getattr(np, name)(x.astype(float), axis=axes)
            assert got.shape == wanted.shape
            near(got, wanted, size=np.sqrt(x.size / max(wanted.size, 1)))


def batch_statistics(x):
    return (x - x.mean((0, 1, 2))) * lax.rsqrt(jnp.square(x - 1).mean((0, 1, 2)))


def plain(x):
    """The same in float64, where nothing of ours is chosen but the numbers must agree."""
    x = np.asarray(x, float)
    return (x - x.mean((0, 1, 2))) / np.sqrt(np.square(x - 1).mean((0, 1, 2)))


def test_derivatives_in_both_directions_mapped_and_in_loops():
    x, t = of((16, 8, 9, 6)), of((16, 8, 9, 6))
    step = 1e-6
    slope = (plain(x + step * t.astype(float)) - plain(x - step * t.astype(float))) / (2 * step)

    def twice(x, t):  # forward, and the same product by the transposed map
        out, along = jax.jvp(batch_statistics, (x,), (t,))
        back = jax.grad(lambda x: (batch_statistics(x) * t).sum())(x)
        return out, along, (back * t).sum()

    def body(carry, x):
        return carry, jax.vmap(twice, in_axes=(0, None))(x[None], t)

    out, along, product = jax.jit(lambda x: lax.scan(body, 0.0, x[None])[1])(x)
    near(out[0, 0], plain(x), size=10)
    near(along[0, 0], slope, size=50)
    near(product[0, 0], (slope * t).sum(), size=500)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_summed_in_single(dtype):
    """The gradient of a bias, which no upcast of a user can reach."""
    x = jnp.zeros((10000, 4), dtype)
    gradient = jax.jit(lambda b: jax.vjp(lambda b: x + b, b)[1](jnp.ones_like(x))[0])
    got = gradient(jnp.zeros(4, dtype))
    assert got.dtype == dtype
    near(got.astype("float32"), jnp.full(4, 10000, dtype).astype("float32"))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_stays_so(value):
    x = of((4, 1003))
    x[1, 1002] = value
    for name in ("sum", "max", "min"):
        got = jax.jit(getattr(jnp, name), static_argnames="axis")(x, axis=1)
        near(got, getattr(np, name)(x.astype(float), axis=1), size=100)


def test_only_floats_of_many_numbers_on_the_cpu_are_lowered_anew():
    def steps(x, axis=-1, platforms=("cpu",)):
        traced = jax.jit(lambda x: x.sum(axis)).trace(x)
        return traced.lower(lowering_platforms=platforms).as_text().count("stablehlo.slice")

    row = jax.ShapeDtypeStruct((MANY // 64, 64), "float32")
    assert steps(row) == 2
    assert steps(row, platforms=("tpu",)) == 0
    assert steps(jax.ShapeDtypeStruct((MANY // 64 - 1, 64), "float32")) == 0
    assert steps(jax.ShapeDtypeStruct((MANY, LONG - 1), "float32")) == 0
    assert steps(jax.ShapeDtypeStruct((MANY, 64), "int32")) == 0
    assert steps(jax.ShapeDtypeStruct((MANY, 64), "float32"), axis=0) == 0


def test_unknown_sizes_are_left_to_jax():
    sizes = jax.export.symbolic_shape("n, 512")
    exported = jax.export.export(jax.jit(lambda x: x.sum(-1)))(
        jax.ShapeDtypeStruct(sizes, "float32")
    )
    x = of((11, 512))
    near(exported.call(x), x.astype(float).sum(-1), size=20)


def test_sizes_of_one_and_neighbours_are_merged():
    assert merged((32, 8, 1, 8, 64), (1, 2, 3)) == ((32, 64, 64), (1,), 2)
    assert merged((4, 5), (0, 1)) == ((20,), (0,), 2)
    assert merged((1, 1, 7), (0, 1)) == ((7,), (), 0)


@pytest.mark.parametrize("n", [LONG, 64, 65, 1023, 100 * SLICES * WIDTH + 7])
def test_a_folded_axis_has_the_same_reduction(n):
    x = np.arange(n, dtype="float32")[::-1]
    assert folded(jnp.asarray(x), lax.max).max() == n - 1
    assert folded(jnp.asarray(x), lax.min).min() == 0
    near(np.asarray(folded(jnp.ones(n), lax.add), float).sum(), n)


def test_a_jax_that_keeps_its_rules_elsewhere_goes_on_with_them(monkeypatch):
    registered = []
    monkeypatch.setattr(reduce.mlir, "_lowerings", {})
    monkeypatch.setattr(reduce.mlir, "register_lowering", lambda *a, **_: registered.append(a))
    reduce.install()
    assert registered == []
    monkeypatch.delattr(reduce.mlir, "_lowerings")
    reduce.install()
    assert registered == []
