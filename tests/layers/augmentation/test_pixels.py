"""Functions of pixels against their definitions, written in numpy for one image at a time."""

import colorsys

import numpy as np
import pytest

from cornu.layers.augmentation import pixels

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3)).astype("float32")
IMAGES[1] = np.round(IMAGES[1] * 0.2 + 60)  # of low contrast
IMAGES[0, 0, :3] = [[0, 0, 0], [80, 80, 80], [255, 0, 0]]  # black, gray, a pure color


def in_hsv(image, change):
    """An image in [0, 1] after a change of hue, saturation and value."""
    changed = [colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*p))) for p in image.reshape(-1, 3)]
    return np.array(changed).reshape(image.shape)


def test_hue_turns_the_wheel_of_hsv():
    turns = np.array([0.3, -0.45], "float32")
    found = pixels.hue(IMAGES, pixels.per_image(turns))
    for image, turn, y in zip(IMAGES, turns, found, strict=True):
        expected = in_hsv(image / 255, lambda h, s, v, t=turn: ((h + t) % 1, s, v))
        np.testing.assert_allclose(y, 255 * expected, atol=1e-3)
    np.testing.assert_allclose(pixels.hue(IMAGES, pixels.per_image([1.0, 0.0])), IMAGES, atol=1e-4)


def test_saturation_is_that_of_hsv_and_at_most_one():
    factors = np.array([0.4, 7.0], "float32")
    found = pixels.saturation(IMAGES, pixels.per_image(factors))
    for image, factor, y in zip(IMAGES, factors, found, strict=True):
        expected = in_hsv(image / 255, lambda h, s, v, f=factor: (h, min(1, f * s), v))
        np.testing.assert_allclose(y, 255 * expected, atol=1e-3)
    gray = pixels.saturation(IMAGES, 0.0)
    np.testing.assert_array_equal(gray, np.broadcast_to(IMAGES.max(-1, keepdims=True), gray.shape))


def test_contrast_keeps_the_mean_of_each_channel():
    y = np.asarray(pixels.contrast(IMAGES, pixels.per_image([0.5, 2.0])))
    np.testing.assert_allclose(y.mean((1, 2)), IMAGES.mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(y.std((1, 2)), IMAGES.std((1, 2)) * [[0.5], [2.0]], rtol=1e-5)


def test_sharpness_is_a_filter_with_five_in_the_center():
    padded = np.pad(IMAGES, ((0, 0), (1, 1), (1, 1), (0, 0)))
    parts = [padded[:, i : i + 9, j : j + 7] for i in range(3) for j in range(3)]
    smooth = (sum(parts) + 4 * IMAGES) / 13
    np.testing.assert_allclose(pixels.smooth(IMAGES), smooth, rtol=1e-5)
    factor = np.array([0.0, 2.0]).reshape(2, 1, 1, 1)
    expected = IMAGES + (1 - factor) * (smooth - IMAGES)
    np.testing.assert_allclose(pixels.sharpen(IMAGES, factor), expected, rtol=1e-4, atol=1e-3)


def test_posterize_and_solarize():
    bits = np.array([2, 5]).reshape(2, 1, 1, 1)
    expected = IMAGES.astype(int) >> (8 - bits) << (8 - bits)
    np.testing.assert_array_equal(pixels.posterize(IMAGES, bits), expected)
    np.testing.assert_array_equal(
        pixels.posterize(np.array([-3.0, 255.0, 300.0]), 8), [0, 255, 255]
    )
    raised = np.minimum(IMAGES + 20, 255)
    expected = np.where(raised < 128, raised, 255 - raised)
    np.testing.assert_array_equal(pixels.solarize(IMAGES, 20, 128), expected)


def test_stretch_fills_the_range_and_leaves_constant_channels():
    images = IMAGES.copy()
    images[1, ..., 2] = 7
    y = np.asarray(pixels.stretch(images, (0, 255)))
    assert (y[1, ..., 2] == 7).all()
    for channel in [y[0, ..., i] for i in range(3)] + [y[1, ..., 0]]:
        assert (channel.min(), channel.max()) == (0, 255)
    scaled = pixels.stretch(images / 255 * 2 - 1, (-1, 1))
    np.testing.assert_allclose((np.asarray(scaled) + 1) / 2 * 255, y, atol=1e-3)


def test_histograms_count_each_row():
    indices = np.random.default_rng(1).integers(0, 11, (2, 3, 40))
    found = pixels.histograms(indices, 11)
    assert found.shape == (2, 3, 11)
    for place in np.ndindex(2, 3):
        np.testing.assert_array_equal(found[place], np.bincount(indices[place], minlength=11))


@pytest.mark.parametrize("bins", [256, 32])
def test_equalize_maps_levels_by_their_ranks(bins):
    images = IMAGES.copy()
    images[0, ..., 1] = 9  # one level
    found = np.asarray(pixels.equalize(images, bins))
    assert (found[0, ..., 1] == 9).all()
    for i, c in ((0, 0), (0, 2), (1, 0), (1, 1)):
        level = np.floor(images[i, ..., c] * (bins - 1) / 255).astype(int)
        total = np.cumsum(np.bincount(level.ravel(), minlength=bins))
        first = total[level.min()]
        exact = (total[level] - first) * 255 / (total[-1] - first)
        assert (abs(found[i, ..., c] - exact) <= 0.5 + 1e-4).all()
        assert (found[i, ..., c] % 1 == 0).all()


def test_batches_without_images():
    nothing = IMAGES[:0]
    for found in (
        pixels.equalize(nothing, 256),
        pixels.clahe(nothing, 2.0, (2, 3)),
        pixels.stretch(nothing, (0, 255)),
        pixels.hue(nothing, np.zeros((0, 1, 1, 1))),
    ):
        assert found.shape == nothing.shape


def test_clahe_with_one_tile_is_an_equalization():
    """All pixels have one mapping, that of the image, unless contrast is limited."""
    y = np.asarray(pixels.clahe(IMAGES, 0.0, (1, 1)))
    for i, c in np.ndindex(2, 3):
        level = IMAGES[i, ..., c].astype(int)
        total = np.cumsum(np.bincount(level.ravel(), minlength=256))
        expected = (total[level] - total[0]) * 255 / (total[-1] - total[0])
        np.testing.assert_allclose(y[i, ..., c], expected, atol=1e-2)
    assert pixels.clahe(IMAGES, 1.0, (1, 1)).std() < y.std()  # limited


def test_patches_are_half_open_rectangles():
    patch = np.array([[0.25, 0.5, 0.75, 1.0], [0.0, 0.0, 0.0, 1.0]], "float32")
    found = np.asarray(pixels.inside(patch, 2, 8))[..., 0]
    assert found[0].tolist() == [[False] * 8, [False] * 2 + [True] * 4 + [False] * 2]
    assert not found[1].any()
