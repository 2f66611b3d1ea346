"""Interpolation, by its definition and beside Keras."""

import keras
import numpy as np
import pytest

from cornu.data.decode.resample import INTERPOLATIONS, crop_box, pad_box, resize, taps

IMAGE = np.random.default_rng(1).integers(0, 256, (13, 22, 3)).astype("uint8")


@pytest.mark.parametrize("size", [(7, 9), (30, 43), (13, 22)])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic", "lanczos3"])
def test_the_pixels_are_those_of_keras(size, interpolation):
    theirs = keras.ops.image.resize(IMAGE.astype("f"), size, interpolation=interpolation)
    ours = resize(IMAGE, *size, interpolation)
    np.testing.assert_allclose(ours, np.asarray(theirs), atol=5e-3)


# What tf.image.resize gives for SQUARES of size (3, 4): kernels that JAX does not have.
SQUARES = (np.arange(20.0).reshape(4, 5, 1) ** 2 % 37).astype("float32")
RECORDED = {
    "area": [[6.95, 8.25, 10.5, 13.7], [25.0, 22.8, 23.4, 12.0], [12.6, 29.1, 28.05, 24.25]],
    "mitchellcubic": [
        [4.5548, 6.2683, 9.3956, 14.1726],
        [26.6561, 23.0259, 24.3939, 10.3103],
        [9.9479, 31.0304, 28.2831, 25.3955],
    ],
    "gaussian": [
        [5.7782, 7.2688, 10.1543, 13.873],
        [25.0439, 22.8608, 23.1674, 11.7364],
        [11.6646, 29.2073, 28.0155, 24.8342],
    ],
    "lanczos5": [
        [3.1925, 6.5146, 7.6053, 15.1853],
        [34.6561, 21.3743, 30.7498, 5.6694],
        [7.3458, 34.6997, 26.6794, 26.178],
    ],
}


@pytest.mark.parametrize("interpolation", RECORDED)
def test_the_pixels_are_those_of_tensorflow(interpolation):
    ours = resize(SQUARES, 3, 4, interpolation)[..., 0]
    np.testing.assert_allclose(ours, RECORDED[interpolation], atol=2e-3)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_weights_of_a_pixel_add_up_to_one(interpolation):
    for n, m in ((5, 5), (9, 4), (4, 9), (1, 3), (3, 1)):
        index, weights = taps(n, m, interpolation)
        assert index.min() >= 0 and index.max() < n
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
        if n == m:
            constant = interpolation not in ("gaussian", "mitchellcubic")  # these two smooth
            assert (weights.max() == 1) == constant


def test_area_is_the_mean_of_what_a_pixel_covers():
    image = np.arange(12.0).reshape(3, 4, 1)
    np.testing.assert_allclose(resize(image, 3, 2, "area")[..., 0], image.reshape(3, 2, 2).mean(2))
    row = resize(np.array([[[0.0], [3.0], [6.0]]]), 1, 2, "area")
    np.testing.assert_allclose(row[0, :, 0], [1.0, 5.0])


def test_boxes_keep_the_aspect_ratio():
    assert crop_box(340, 500, (200, 200)) == (0, 80, 340, 340)
    assert crop_box(1, 500, (200, 2)) == (0, 249, 1, 1)
    assert pad_box(100, 200, (50, 50)) == (12, 0, 25, 50)
    assert pad_box(3, 1000, (10, 10)) == (4, 0, 1, 10)
