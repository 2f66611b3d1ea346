"""Layers that move elements around and compute nothing."""

import numpy as np
import pytest

from cornu.layers import (
    Cropping2D,
    Flatten,
    Input,
    Permute,
    RepeatVector,
    Reshape,
    UpSampling2D,
    ZeroPadding2D,
)

X = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype("float32")


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (Flatten(), X.reshape(2, -1)),
        (Reshape((6, 12)), X.reshape(2, 6, 12)),
        (Reshape((-1, 9)), X.reshape(2, 8, 9)),
        (Permute((3, 1, 2)), X.transpose(0, 3, 1, 2)),
        (Cropping2D(((1, 0), (2, 1))), X[:, 1:, 2:-1]),
        (ZeroPadding2D((1, 2)), np.pad(X, ((0, 0), (1, 1), (2, 2), (0, 0)))),
        (UpSampling2D((2, 3)), X.repeat(2, 1).repeat(3, 2)),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else "",
)
def test_elements_stay_as_they_are(layer, expected):
    np.testing.assert_array_equal(layer(X), expected)
    assert layer.compute_output_shape(X.shape) == expected.shape
    symbolic = layer(Input(X.shape[1:]))
    assert symbolic.shape == (None, *expected.shape[1:])


def test_sizes_may_be_unknown_until_the_call():
    assert Reshape((-1, 9))(Input((None, 3))).shape == (None, None, 9)
    assert ZeroPadding2D(1)(Input((None, 6, 3))).shape == (None, None, 8, 3)


def test_a_vector_is_repeated_as_the_steps_of_a_series():
    y = RepeatVector(5)(X[:, 0, 0])  # (batch, 5, channels)
    np.testing.assert_array_equal(y, np.stack([X[:, 0, 0]] * 5, 1))


def test_what_does_not_fit_is_refused_with_the_shapes():
    with pytest.raises(ValueError, match="72"):
        Reshape((5, 7))(X)
    with pytest.raises(ValueError, match="Cropping2D"):
        Cropping2D(3)(X)
