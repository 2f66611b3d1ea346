"""Rounding to few bits and back, side by side with Keras."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import cornu
from cornu import quantizers

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(13, 6)).astype("float32")
SMALL = np.array([[1, -8, 3], [7, 3, -1]], "int8")


def both(call):
    """What a function of `quantizers` gives in both libraries, as lists of arrays."""
    return [[np.asarray(a) for a in jax.tree.leaves(call(q))]
            for q in (keras.quantizers, quantizers)]  # fmt: skip


def alike(call, tolerance=0.0):
    for a, b in zip(*both(call), strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(b.astype("f"), a.astype("f"), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("to_numpy", [False, True])
@pytest.mark.parametrize("axis", [0, None])
def test_the_largest_magnitude_is_at_the_end_of_the_range(axis, to_numpy):
    alike(lambda q: q.abs_max_quantize(X, axis, to_numpy=to_numpy))
    alike(lambda q: q.abs_max_quantize(X, axis, (-8, 7), epsilon=1e-3, to_numpy=to_numpy))
    alike(lambda q: q.abs_max_quantize(jnp.asarray(X, "bfloat16"), axis, to_numpy=to_numpy))


def test_zeros_have_a_scale():
    q, scale = quantizers.abs_max_quantize(np.zeros((2, 3)), axis=0)
    assert not q.any() and bool(jnp.isfinite(scale).all())


@pytest.mark.parametrize("to_numpy", [False, True])
@pytest.mark.parametrize("block", [5])
def test_blocks_of_rows(block, to_numpy):
    # On the host, Keras gives a block of equal numbers no width; we treat both alike.
    for x in (X, np.abs(X)) if to_numpy else (X, np.abs(X), X * 0, X * 0 + 3):
        alike(
            lambda q, x=x: q.abs_max_quantize_grouped_with_zero_point(x, block, to_numpy=to_numpy)
        )


def test_a_block_gives_its_numbers_back_within_half_a_step():
    q, scale, zero = quantizers.abs_max_quantize_grouped_with_zero_point(X, 7)
    block = np.arange(13) // 7
    back = (q - zero[block]) * scale[block]
    assert float(jnp.abs(back - X).max()) <= float(scale.max()) * 1.01


@pytest.mark.parametrize("x", [X[0], np.ones((2, 3, 4))])
def test_blocks_are_made_of_a_matrix(x):
    with pytest.raises(ValueError, match="blocks needs a matrix"):
        quantizers.abs_max_quantize_grouped_with_zero_point(x, 2)
    with pytest.raises(ValueError, match="block_size: 0"):
        quantizers.abs_max_quantize_grouped_with_zero_point(X, 0)


@pytest.mark.parametrize("axis", [0, -1])
def test_two_integers_share_a_byte(axis):
    alike(lambda q: q.pack_int4(SMALL, axis=axis))
    packed, shape, length = quantizers.pack_int4(SMALL, axis=axis)
    assert shape == packed.shape and length == SMALL.shape[axis]
    np.testing.assert_array_equal(quantizers.unpack_int4(packed, length, axis=axis), SMALL)
    bytes_ = np.asarray(packed)
    alike(lambda q: q.unpack_int4(bytes_, length, axis=axis))
    alike(lambda q: q.unpack_int4(bytes_, length, axis=axis, dtype="uint8"))


def test_unsigned_integers_share_one_too():
    x = np.array([[15, 3], [9, 1]], "uint8")
    packed, _, length = quantizers.pack_int4(x, dtype="uint8")
    np.testing.assert_array_equal(quantizers.unpack_int4(packed, length, dtype="uint8"), x)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda q: q.pack_int4(SMALL.astype("int32")), TypeError),
        (lambda q: q.pack_int4(SMALL, dtype="uint8"), TypeError),
        (lambda q: q.pack_int4(SMALL, dtype="int32"), ValueError),
        (lambda q: q.unpack_int4(SMALL.astype("int32"), 3), TypeError),
    ],
)
def test_only_bytes_are_packed(call, error):
    for library in (keras.quantizers, quantizers):
        with pytest.raises(error):
            call(library)


@pytest.mark.parametrize("amax", [2.0, 0.0, np.inf])
@pytest.mark.parametrize("margin", [0, 2])
def test_the_scale_of_8_bit_floats(amax, margin):
    one, three = np.float32(amax), np.float32(3)
    alike(lambda q: q.compute_float8_scale(one, three, 448.0, margin=margin), 1e-6)


def test_the_newest_maximum_comes_in_front():
    alike(lambda q: q.compute_float8_amax_history(X, np.array([1, 2, 3, 4], "f")))


@pytest.mark.parametrize(
    ("narrow", "wide"), [("float8_e4m3fn", "float32"), ("float8_e5m2", "bfloat16")]
)
def test_what_an_8_bit_float_holds(narrow, wide):
    for factor in (1, 1000):
        alike(lambda q, f=factor: q.quantize_and_dequantize(X * f, np.float32(0.5), narrow, wide))


LOW, HIGH = -np.linspace(0.2, 1, 6).astype("f"), np.linspace(0.5, 2, 6).astype("f")


@pytest.mark.parametrize(("bits", "axis", "narrow_range"), [(2, 1, False), (8, None, True)])
def test_numbers_between_a_minimum_and_a_maximum(bits, axis, narrow_range):
    ends = (LOW, HIGH) if axis else (np.float32(-0.5), np.float32(0.6))

    def of(library):
        def loss(*args):
            y = library.fake_quant_with_min_max_vars(
                *args, num_bits=bits, narrow_range=narrow_range, axis=axis
            )
            return jnp.sum(y * np.cos(np.arange(78)).reshape(13, 6)), y

        return jax.value_and_grad(loss, (0, 1, 2), has_aux=True)(X, *ends)

    alike(of, 1e-5)


def test_any_axis_may_have_ends_of_its_own():
    low, high = -np.ones(13, "f"), np.ones(13, "f")
    by_row = quantizers.fake_quant_with_min_max_vars(X, low, high, axis=0)
    np.testing.assert_array_equal(by_row, quantizers.fake_quant_with_min_max_vars(X, -1.0, 1.0))


def test_fake_quantization_in_a_graph():
    low, high = np.full(3, -1.0), np.ones(3)
    x = cornu.Input((3,))
    y = quantizers.fake_quant_with_min_max_vars(x, low, high, axis=1)
    assert (y.shape, y.dtype) == ((None, 3), "float32")
    values = np.linspace(-2, 2, 6, dtype="f").reshape(2, 3)
    expected = quantizers.fake_quant_with_min_max_vars(values, low, high, axis=1)
    np.testing.assert_array_equal(cornu.Model(x, y)(values), expected)


@pytest.mark.parametrize("to_numpy", [True, False])
@pytest.mark.parametrize(("dtype", "value_range"), [("int8", (-256, 256)), ("uint8", (-1, 255))])
def test_integers_that_a_dtype_does_not_have(dtype, value_range, to_numpy):
    with pytest.raises(ValueError, match=f"value_range must be within the range of {dtype}"):
        quantizers.abs_max_quantize(np.ones(3), 0, value_range, dtype, to_numpy=to_numpy)
    with pytest.raises(ValueError, match="value_range must be within"):
        quantizers.AbsMaxQuantizer(0, value_range=value_range, output_dtype=dtype)
