"""Convolutions by their definition: borders, groups, layouts, and how their kinds are related."""

import numpy as np
import pytest

from cornu.layers import Conv1D, Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D
from cornu.models import Sequential

X = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).astype("float32")


def by_definition(x, kernel, bias, stride):
    """The sum over window and channels at each place."""
    height, width, _, filters = kernel.shape
    rows, columns = (
        (n - k) // stride + 1 for n, k in zip(x.shape[1:3], (height, width), strict=True)
    )
    out = np.empty((len(x), rows, columns, filters), "float32")
    for i in range(rows):
        for j in range(columns):
            window = x[:, i * stride : i * stride + height, j * stride : j * stride + width]
            out[:, i, j] = np.einsum("nhwc,hwcf->nf", window, kernel) + bias
    return out


@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_is_a_sum_over_each_window(stride):
    layer = Conv2D(4, (3, 2), strides=stride, bias_initializer="normal")
    y = layer(X)
    expected = by_definition(X, layer.kernel.numpy(), layer.bias.numpy(), stride)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    assert layer.compute_output_shape(X.shape) == y.shape


def test_same_keeps_the_size_and_causal_looks_back_only():
    assert Conv2D(4, 3, padding="same")(X).shape == (2, 6, 5, 4)
    layer, series = Conv1D(4, 3, padding="causal"), X[:, :, 0]  # (batch, time, channels)
    before = np.asarray(layer(series))
    series = series.copy()
    series[:, 4:] += 1  # the future
    np.testing.assert_array_equal(np.asarray(layer(series))[:, :4], before[:, :4])


def test_groups_do_not_see_each_other():
    x = np.concatenate([X, X], -1)  # (batch, height, width, 6)
    layer = Conv2D(4, 3, groups=2)
    y = np.asarray(layer(x))
    x[..., 3:] = 0  # the second group
    changed = np.asarray(layer(x)) != y
    assert not changed[..., :2].any() and changed[..., 2:].any()


def test_channels_first_is_the_same_convolution():
    last, first = Conv2D(4, 3), Conv2D(4, 3, data_format="channels_first")
    expected = last(X)
    first.build((2, 3, 6, 5))
    first.set_weights(last.get_weights())
    y = np.asarray(first(X.transpose(0, 3, 1, 2)))  # (batch, channels, height, width)
    np.testing.assert_allclose(y.transpose(0, 2, 3, 1), expected, atol=1e-5)


def test_a_depthwise_convolution_and_a_pointwise_one_are_a_separable_one():
    separable = SeparableConv2D(4, 3, use_bias=False)
    expected = separable(X)
    steps = Sequential([DepthwiseConv2D(3, use_bias=False), Conv2D(4, 1, use_bias=False)])
    steps.build(X.shape)
    steps.set_weights(separable.get_weights())
    np.testing.assert_allclose(steps(X), expected, atol=1e-5)


def test_a_transposed_convolution_is_the_transpose():
    forward = Conv2D(4, 3, strides=2, use_bias=False)
    y = np.asarray(forward(X))  # (2, 2, 2, 4)
    back = Conv2DTranspose(3, 3, strides=2, use_bias=False, output_padding=(1, 0))
    back.build(y.shape)
    back.set_weights(forward.get_weights())
    g = np.random.default_rng(1).normal(size=y.shape).astype("float32")
    np.testing.assert_allclose((y * g).sum(), (X * np.asarray(back(g))).sum(), rtol=1e-4)
