"""Layers that change pixels: amounts by their statistics, dtypes, one amount per image, errors."""

import jax
import numpy as np
import pytest

import cornu
from cornu import layers
from parity.augmentation import COLOR
from parity.harness import build

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 8, 6, 3)).astype("uint8")
ALWAYS = {"AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization"}
FIRST = {case.name: case for case in reversed(COLOR)}  # a row for each class


def drawn(layer, count=2000):
    """What a layer draws for so many images."""
    data = {"images": np.zeros((count, 2, 2, 3), "float32")}
    return layer.get_random_transformation(data, training=True)


def uniform(values, low, high):
    """Whether numbers are evenly distributed over an interval: their ends and first two moments."""
    values = np.ravel(values)
    width = high - low
    assert values.min() >= low - 1e-5 and values.max() <= high + 1e-5
    np.testing.assert_allclose(values.mean(), (low + high) / 2, atol=0.05 * width + 1e-6)
    np.testing.assert_allclose(values.std(), width / 12**0.5, atol=0.05 * width + 1e-6)


def test_amounts_are_even_over_their_intervals():
    uniform(drawn(layers.RandomBrightness(0.2))["rgb_delta"], -51, 51)
    uniform(drawn(layers.RandomBrightness((0.1, 0.3), value_range=(-1, 1)))["rgb_delta"], 0.2, 0.6)
    uniform(drawn(layers.RandomContrast(0.3))["contrast_factor"], 0.7, 1.3)
    uniform(drawn(layers.RandomContrast((0.5, 0.1)))["contrast_factor"], 0.5, 1.1)
    uniform(abs(drawn(layers.RandomHue(0.4))["factor"]), 0, 0.2)
    assert abs(np.mean(drawn(layers.RandomHue((1, 1)))["factor"] > 0) - 0.5) < 0.04
    uniform(drawn(layers.RandomColorDegeneration(0.4))["factor"], 0, 0.4)
    uniform(drawn(layers.RandomSharpness((0.2, 0.6)))["factor"], 0.2, 0.6)
    uniform(drawn(layers.RandomGaussianBlur(sigma=(1, 3)))["blur_factor"], 1, 3)
    found = drawn(layers.Solarization((0.2, 0.4), 0.5))
    uniform(found["additions"], 51, 102)
    uniform(found["thresholds"], 0, 127.5)
    factor = drawn(layers.RandomSaturation((0.2, 0.6)))["factor"]
    uniform(factor / (1 + factor), 0.2, 0.6)


def test_choices_have_their_probabilities():
    for chosen, expected in (
        (drawn(layers.RandomGrayscale(0.3)), 0.3),
        (drawn(layers.RandomInvert(0.5))["apply_inversion"], 0.25),  # drawn from (0, 0.5) itself
        (drawn(layers.RandomInvert((0.7, 0.7)))["apply_inversion"], 0.7),
        (drawn(layers.RandomErasing((1, 1)))["apply_erasing"], 1.0),
        (drawn(layers.RandomGaussianBlur((0, 0)))["should_apply_blur"], 0.0),
    ):
        assert abs(np.mean(chosen) - expected) < 0.04
    bits = 8 - np.asarray(drawn(layers.RandomPosterization((2, 5)))["shift_factor"])
    assert np.unique(bits).tolist() == [2, 3, 4, 5]


@pytest.mark.parametrize("case", FIRST.values(), ids=lambda case: case.name)
def test_a_layer_of_pixels(case):
    cornu.utils.set_random_seed(3)  # with which each layer changes an image
    layer = build(cornu, case)
    scale = 255 / layer.value_range[1] if hasattr(layer, "value_range") else 1
    images = IMAGES / np.float32(scale)
    # the identity outside of training, and one dtype in both modes
    if case.name not in ALWAYS:
        np.testing.assert_array_equal(layer(images, training=False), images)
    found = layer(images, training=True)
    assert found.dtype == layer(images, training=False).dtype == "float32"
    assert np.isfinite(found).all() and not np.allclose(found, images)
    low, high = getattr(layer, "value_range", (0, 255))
    assert np.min(found) >= low and np.max(found) <= high * 1.0001
    # each image by itself
    program = jax.jit(layer.transform_images)
    drawn = layer.get_random_transformation({"images": images}, True)
    whole = np.asarray(program(images, drawn))
    others = images * np.array([1, 0, 0.5, 1], "float32").reshape(4, 1, 1, 1)
    np.testing.assert_allclose(program(others, drawn)[::3], whole[::3], atol=1e-5 * high)
    # half precision, which rounds the result
    if high == 255:
        half = np.asarray(program(images.astype("bfloat16"), drawn), "float32")
        np.testing.assert_allclose(half, whole, atol=1)


def test_dtypes_and_labels():
    layer = layers.RandomBrightness((0.1, 0.1), dtype="uint8")
    found = layer({"images": IMAGES, "labels": np.arange(4)}, training=True)
    assert found["labels"].tolist() == [0, 1, 2, 3] and found["images"].dtype == "uint8"
    expected = np.minimum(np.round(IMAGES + 25.5), 255)
    np.testing.assert_allclose(found["images"], expected, atol=1)  # halves are rounded to even
    found = layers.RandomInvert((1, 1), dtype="bfloat16")(IMAGES, training=True)
    assert found.dtype == "bfloat16"
    np.testing.assert_array_equal(np.asarray(found, "float32"), 255 - IMAGES)


def test_images_of_a_batch_get_different_amounts():
    same = np.broadcast_to(IMAGES[:1], (3, 8, 6, 3))
    jitter = layers.RandomColorJitter((0, 255), 0.3, 0.3, (0.3, 0.7), 0.3, seed=1)
    found = np.asarray(jitter(same, training=True))
    assert not np.allclose(found[0], found[1]) and not np.allclose(found[1], found[2])
    first = np.transpose(same, (0, 3, 1, 2))
    again = layers.RandomColorJitter((0, 255), 0.3, 0.3, (0.3, 0.7), 0.3, seed=1,
                                     data_format="channels_first")  # fmt: skip
    np.testing.assert_allclose(again(first, training=True), np.moveaxis(found, -1, 1), atol=1e-3)


def test_ranges_that_do_not_start_at_zero():
    x = np.array([-1.0, 0.0, 1.0, 1.0, 0.0, 0.0], "float32").reshape(1, 1, 2, 3)
    y = layers.RandomInvert((1, 1), value_range=(-1, 1))(x, training=True)
    np.testing.assert_array_equal(y, -x)
    y = layers.RandomSaturation((0, 0), value_range=(-1, 1))(x, training=True)
    np.testing.assert_allclose(y, np.ones_like(x))  # white, the value of both pixels
    y = layers.RandomSaturation((1, 1), value_range=(-1, 1))(x, training=True)
    assert y.min() == -1 and y.max() == 1


def test_erased_pixels():
    layer = layers.RandomErasing((1, 1), (0.3, 0.3), fill_value=(1, 2, 300), seed=3)
    found = np.asarray(layer(np.full((2, 20, 20, 3), 9.0), training=True))
    erased = (found != 9).all(-1)
    np.testing.assert_allclose(erased.mean((1, 2)), 0.3, atol=0.03)
    assert np.unique(found[erased], axis=0).tolist() == [[1, 2, 255]]
    noise = np.asarray(layers.RandomErasing((1, 1), (0.3, 0.3))(found, training=True))
    assert len(np.unique(noise)) > 50 and noise.min() >= 0 and noise.max() <= 255


def test_wrong_arguments_and_images():
    for make, says in (
        (lambda: layers.RandomBrightness(2), "factor must be"),
        (lambda: layers.RandomContrast("a"), "factor must be"),
        (lambda: layers.RandomGrayscale(1.5), "from 0 to 1"),
        (lambda: layers.RandomHue(0.1, value_range=(1,)), "value_range must be"),
        (lambda: layers.RandomGaussianBlur(kernel_size=4), "positive odd integer"),
        (lambda: layers.RandomErasing(fill_value="x"), "fill_value must be"),
        (lambda: layers.Equalization(bins=0), "bins must be"),
        (lambda: layers.RandomHue(0.1)(np.zeros((2, 4, 4, 1)), training=True), "3 channels"),
        (
            lambda: layers.RandomErasing(fill_value=(1, 2))(IMAGES, training=True),
            "for each channel",
        ),
    ):
        with pytest.raises((ValueError, TypeError), match=says):
            make()


def test_parameters_are_drawn_for_images_without_a_dict():
    x = np.ones((3, 4, 4, 3), "float32")
    layer = layers.RandomContrast(0.5, seed=0)
    drawn = layer.get_random_transformation(x, training=True)
    assert {len(leaf) for leaf in jax.tree.leaves(drawn)} == {3}
