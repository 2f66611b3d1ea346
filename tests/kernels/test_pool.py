"""Pooling against XLA's reduce_window, whose gradient picks the first of equal elements.

Maxima are equal to the last bit; sums of up to 27 elements in another order differ by 1e-6.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from cornu.kernels.platform import targeting
from cornu.kernels.pool import average_pool, max_pool
from kernels.side_by_side import as_written, optimized, pulled


def normal(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def plain(fn):
    def call(*arguments):
        with targeting("gpu"):
            return fn(*arguments)

    return call


CASES = {
    # name: x, window, strides, padding
    "2x2": ((2, 6, 8, 3), 2, None, "valid"),
    "2x2 with a rest": ((2, 7, 9, 3), 2, None, "valid"),
    "2x2 same": ((2, 7, 9, 3), 2, None, "same"),
    "2x3": ((2, 6, 9, 3), (2, 3), None, "valid"),
    "3x3 stride 2": ((2, 9, 8, 3), 3, 2, "valid"),
    "3x3 stride 2 same": ((2, 8, 9, 3), 3, 2, "same"),
    "3x3 stride 1 same": ((2, 5, 6, 3), 3, 1, "same"),
    "stride beyond the window": ((2, 9, 9, 3), 2, 3, "valid"),
    "5x5 tiles": ((1, 10, 10, 2), 5, None, "valid"),
    "long window": ((2, 40, 3), 20, 2, "valid"),
    "1-D": ((2, 9, 3), 3, 2, "same"),
    "3-D": ((2, 4, 6, 4, 3), 2, None, "valid"),
    "3-D overlapping": ((2, 5, 4, 5, 2), 3, 2, "same"),
}


@pytest.mark.parametrize("fn", [max_pool, average_pool])
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_equal_reduce_window(fn, name):
    shape, *options = CASES[name]
    x = normal(shape)
    got, slope = optimized(pulled(lambda x: fn(x, *options)), x)
    wanted, plain_slope = as_written(pulled(lambda x: plain(fn)(x, *options)), x)
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, atol=0 if fn is max_pool else 1e-6)
    np.testing.assert_allclose(slope, plain_slope, atol=2e-6)


@pytest.mark.parametrize(
    ("window", "strides", "padding"),
    [(2, None, "valid"), (3, 1, "same"), (3, 2, "valid"), ((3, 2), (1, 2), "same")],
)
def test_the_first_of_equal_elements_gets_the_gradient(window, strides, padding):
    ties = jnp.asarray(np.random.default_rng(2).integers(0, 2, (3, 8, 8, 2)).astype("float32"))
    found = lambda fn: pulled(lambda x: fn(x, window, strides, padding))  # noqa: E731
    got, wanted = optimized(found(max_pool), ties), as_written(found(plain(max_pool)), ties)
    np.testing.assert_allclose(got[1], wanted[1], atol=2e-6)


@pytest.mark.parametrize("options", [(2,), (3, 2, "same")])
@pytest.mark.parametrize("fn", [max_pool, average_pool])
def test_inside_a_loop_and_forward_mode(fn, options):
    x, t = normal((2, 6, 6, 3)), normal((2, 6, 6, 3), 1)

    def descend(fn):
        step = lambda _, x: x - 0.1 * jax.grad(lambda x: jnp.square(fn(x, *options)).sum())(x)  # noqa: E731
        return lambda x: lax.fori_loop(0, 3, step, x)

    got, wanted = optimized(descend(fn), x), as_written(descend(plain(fn)), x)
    np.testing.assert_allclose(got, wanted, atol=1e-5)
    tangent = lambda fn: lambda x, t: jax.jvp(lambda x: fn(x, *options), (x,), (t,))[1]  # noqa: E731
    got, wanted = optimized(tangent(fn), x, t), as_written(tangent(plain(fn)), x, t)
    np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_gradient_of_a_gradient_of_the_maximum():
    x = normal((1, 4, 4, 2))

    inner = jax.grad(lambda x: jnp.sum(max_pool(x, 2) ** 3))
    penalty = optimized(jax.grad(lambda x: jnp.sum(inner(x) ** 2)), x)
    # 36 x^3 at each winner
    np.testing.assert_allclose(penalty, jnp.where(penalty != 0, 36 * x**3, 0), rtol=1e-5)
    assert (penalty != 0).sum() == 8


def test_padding_does_not_count():
    x = -jnp.ones((1, 3, 3, 1))
    assert max_pool(x, 2, 2, "same").tolist() == [[[[-1.0], [-1.0]], [[-1.0], [-1.0]]]]
    assert average_pool(x, 2, 2, "same").tolist() == [[[[-1.0], [-1.0]], [[-1.0], [-1.0]]]]
    assert average_pool(x, 3, 1, "same").tolist() == (-jnp.ones((1, 3, 3, 1))).tolist()


def test_not_a_number_is_seen():
    x = jnp.ones((1, 4, 4, 1)).at[0, 1, 1, 0].set(jnp.nan)
    assert np.isnan(max_pool(x, 2)[0, :, :, 0]).tolist() == [[True, False], [False, False]]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int32"])
@pytest.mark.parametrize("fn", [max_pool, average_pool])
def test_other_types_stay(fn, dtype):
    x = (normal((1, 4, 4, 2)) * 8).astype(dtype)
    got = fn(x, 2)
    assert got.dtype == dtype
    exact = np.asarray(fn(x.astype("float32"), 2).astype(dtype), "float64")
    np.testing.assert_array_equal(np.asarray(got, "float64"), exact)


@pytest.mark.parametrize("fn", [max_pool, average_pool])
@pytest.mark.parametrize("spec", ["b, 8, 8, 3", "b, h, w, 3"])
def test_symbolic_sizes(fn, spec):
    run = lambda x: fn(x, 3, 2, "same")  # noqa: E731
    symbolic = jax.ShapeDtypeStruct(jax.export.symbolic_shape(spec), jnp.float32)
    x = normal((2, 8, 8, 3))
    exported = jax.export.export(jax.jit(run))(symbolic)
    np.testing.assert_allclose(exported.call(x), run(x), atol=1e-6)


def test_other_paddings_are_refused():
    with pytest.raises(ValueError, match="'valid' or 'same', got 'causal'"):
        max_pool(normal((1, 8, 2)), 2, padding="causal")
