"""Images, spectra and named axes: cases that can be worked out by hand."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from cornu import ops
from cornu.core.symbolic import KerasTensor


def test_elastic_transform_moves_pixels_smoothly_and_repeats():
    ramp = jnp.broadcast_to(jnp.arange(24.0)[None, None, :, None], (2, 24, 24, 1))
    first = ops.image.elastic_transform(ramp, alpha=5.0, sigma=3.0, seed=1)
    again = ops.image.elastic_transform(ramp, alpha=5.0, sigma=3.0, seed=1)
    assert first.tolist() == again.tolist()
    inner = np.asarray(first - ramp)[:, 6:-6, 6:-6]
    assert 0.3 < inner.std() < 4.0
    assert np.abs(np.diff(inner, axis=1)).max() < 1.5
    assert np.abs(inner[0] - inner[1]).max() > 0.1


def test_gaussian_blur_of_a_point_is_separable():
    point = jnp.zeros((7, 7, 1)).at[3, 3].set(1.0)
    y = ops.image.gaussian_blur(point, (3, 5), (1.0, 2.0))[..., 0]
    np.testing.assert_allclose(y.sum(), 1.0, rtol=1e-6)
    np.testing.assert_allclose(y, jnp.outer(y.sum(1), y.sum(0)), atol=1e-6)
    assert (y > 0).sum() == 15
    assert ops.image.gaussian_blur(jnp.full((5, 5, 1), 200, "uint8"))[2, 2, 0] == 200


def test_perspective_of_equal_points_is_the_image():
    x = jnp.arange(60.0).reshape(4, 5, 3)
    corners = np.array([[0, 0], [4, 0], [0, 3], [4, 3]], "float32")
    same = ops.image.perspective_transform(x, corners, corners)
    np.testing.assert_allclose(same, x, atol=1e-2)
    with pytest.raises(ValueError, match="start_points"):
        ops.image.perspective_transform(x, corners[:3], corners)


def test_margins_need_exactly_two():
    x = jnp.ones((4, 5, 1))
    assert ops.image.pad_images(x, 1, 1, target_height=7, target_width=8).shape == (7, 8, 1)
    assert ops.image.crop_images(x, 1, 1, target_height=2, target_width=3).shape == (2, 3, 1)
    with pytest.raises(ValueError, match="Exactly two of top_padding"):
        ops.image.pad_images(x, 1)
    with pytest.raises(ValueError, match="must be >= 0"):
        ops.image.crop_images(x, 1, 1, target_height=9, target_width=3)


def test_hsv_there_and_back():
    x = jnp.asarray(np.random.default_rng(0).random((2, 4, 5, 3)), "float32")
    np.testing.assert_allclose(ops.image.hsv_to_rgb(ops.image.rgb_to_hsv(x)), x, atol=1e-5)
    gray = ops.image.rgb_to_hsv(jnp.full((1, 1, 3), 0.25))
    assert gray.tolist() == [[[0.0, 0.0, 0.25]]]


def test_sizes_with_an_unknown_batch():
    x = KerasTensor((None, 8, 6, 3))
    assert ops.image.resize(x, (4, 4)).shape == (None, 4, 4, 3)
    assert ops.image.extract_patches(x, 2).shape == (None, 4, 3, 12)
    assert ops.image.rgb_to_grayscale(x).shape == (None, 8, 6, 1)


def test_stft_comes_back():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 400)), "float32")
    for center in (True, False):
        spectra = ops.stft(x, 32, 8, 64, center=center)
        back = ops.istft(spectra, 32, 8, 64, length=x.shape[-1], center=center)
        np.testing.assert_allclose(back[:, 40:-40], x[:, 40:-40], atol=1e-4)
    with pytest.raises(ValueError, match="hann"):
        ops.stft(x, 32, 8, 64, window="han")
    with pytest.raises(ValueError, match="fft_length"):
        ops.stft(x, 32, 8, 16)


def test_rearrange():
    x = jnp.arange(24).reshape(2, 3, 4)
    assert ops.rearrange(x, "b h w -> (w b) h").shape == (8, 3)
    assert ops.rearrange(x, "b h w -> b 1 h w").shape == (2, 1, 3, 4)
    assert ops.rearrange(x[:, None], "b 1 h w -> b h w").tolist() == x.tolist()
    split = ops.rearrange(x, "b h (w p) -> b p h w", p=2)
    assert split[0, 1].tolist() == x[0][:, 1::2].tolist()
    symbolic = ops.rearrange(KerasTensor((None, 6, 4)), "b (h p) w -> b h (p w)", p=2)
    assert symbolic.shape == (None, 3, 8)
    for pattern, message in (
        ("b h w", "arrow"),
        ("b h -> h b", "axes"),
        ("b h w -> b h", "one side"),
        ("b h h -> b h", "twice"),
        ("b (h p) w -> b h p w", "cannot be inferred"),
        ("b (h w -> b h w", "parentheses"),
    ):
        with pytest.raises(ValueError, match=message):
            ops.rearrange(x, pattern)


def test_bincount_of_a_batch_and_segments():
    counts = ops.bincount(jnp.array([[0, 1, 1], [2, 2, 2]]), minlength=4)
    assert counts.tolist() == [[1, 2, 0, 0], [0, 0, 3, 0]]
    assert ops.segment_sum([1.0, 2.0], [5, -1], 3).tolist() == [0.0, 0.0, 0.0]
    assert ops.in_top_k([1, 0], [[0.1, 0.9, 0.5], [0.1, 0.9, 0.5]], 2).tolist() == [True, False]


def test_infinities_are_close_and_do_not_poison_sums():
    inf = np.inf
    assert ops.isclose([inf, -inf, 1.0], [inf, inf, inf]).tolist() == [True, False, False]
    assert float(ops.hypot(inf, -inf)) == inf
    assert ops.nancumsum([1.0, np.nan, inf]).tolist() == [1.0, 1.0, inf]
    assert ops.nancumprod([2.0, np.nan, inf]).tolist() == [2.0, 2.0, inf]


def test_jvp_and_vectorize():
    value, slope = ops.jvp(lambda x, y: x * y, (3.0, 2.0), (1.0, 0.0))
    assert (float(value), float(slope)) == (6.0, 2.0)
    assert ops.vectorize(lambda a, b: a + b)(jnp.ones((2, 1)), jnp.ones(3)).shape == (2, 3)
    with pytest.raises(ValueError, match="pyfunc must be callable"):
        ops.vectorize(3)
    with pytest.raises(ValueError, match="positive definite"):
        ops.cholesky(-jnp.eye(2))


def test_ssim_of_single_images():
    a = np.random.default_rng(0).random((3, 12, 12, 2), dtype="float32")
    b = 0.9 * a
    scores = ops.image.ssim(a, b)
    assert ops.image.ssim(a[1], b[1]).shape == ()
    np.testing.assert_allclose(ops.image.ssim(a[1], b[1]), scores[1], rtol=1e-5)
    np.testing.assert_allclose(scores, keras.ops.image.ssim(a, b), rtol=1e-4)
    for shape, expected in [((12, 12, 3), ()), ((None, 12, 12, 3), (None,))]:
        assert ops.image.ssim(KerasTensor(shape), KerasTensor(shape)).shape == expected


@pytest.mark.parametrize("size", [(0, 4), (4, -1)])
def test_there_are_no_images_without_pixels(size):
    for x in (np.ones((8, 8, 3)), KerasTensor((None, 8, 8, 3))):
        with pytest.raises(ValueError, match="must be positive"):
            ops.image.resize(x, size)


def test_patches_of_volumes():
    x = np.random.default_rng(0).random((2, 4, 6, 4, 2), dtype="float32")
    got = ops.image.extract_patches(x, (2, 3, 2))
    np.testing.assert_array_equal(got, keras.ops.image.extract_patches(x, (2, 3, 2)))
    np.testing.assert_array_equal(got, ops.image.extract_patches_3d(x, (2, 3, 2)))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("extract_patches", {"size": "5"}),
        ("extract_patches", {"size": (3, 3, 3, 3)}),
        ("extract_patches", {"size": (2, 2), "strides": (1, 2, 1)}),
        ("extract_patches_3d", {"size": (4, 4)}),
        ("extract_patches_3d", {"size": (4, 4, 4), "strides": (2, 2)}),
    ],
)
def test_sizes_that_are_none(name, settings):
    x = np.zeros((1, 8, 8, 8, 1) if name.endswith("3d") else (1, 8, 8, 1))
    with pytest.raises((TypeError, ValueError)) as keras_says:
        getattr(keras.ops.image, name)(x, **settings)
    with pytest.raises(keras_says.type, match="must be an int or"):
        getattr(ops.image, name)(x, **settings)


def test_a_size_left_open_is_that_of_the_images():
    move = {"scale": [2.0, 2.0], "translation": [0.0, 0.0], "spatial_dims": (1, 2)}
    for x, batch in ((np.ones((2, 4, 4, 3)), 2), (KerasTensor((None, 4, 4, 3)), None)):
        got = ops.image.scale_and_translate(x, (None, 8, 8, None), **move, method="linear")
        assert got.shape == (batch, 8, 8, 3)
        with pytest.raises(ValueError, match="output_shape must give the size"):
            ops.image.scale_and_translate(x, (2, None, 8, 3), **move, method="linear")
