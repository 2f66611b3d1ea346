"""Reading between elements: against scipy, against the definition, and by finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import ndimage

from cornu.kernels.resample import FILL_MODES, map_coordinates, warp

RNG = np.random.default_rng(3)
IMAGE = RNG.normal(size=(5, 6)).astype("float32")
PLACES = RNG.uniform(-7, 12, size=(2, 40)).astype("float32")

# Names of scipy, which calls the same patterns differently.
SCIPY = {
    "constant": "grid-constant",
    "nearest": "nearest",
    "wrap": "grid-wrap",
    "mirror": "mirror",
    "reflect": "reflect",
}


@pytest.mark.parametrize("mode", FILL_MODES)
@pytest.mark.parametrize("order", [0, 1])
def test_against_scipy(mode, order):
    got = map_coordinates(IMAGE, list(jnp.asarray(PLACES)), order, mode, 0.5)
    expected = ndimage.map_coordinates(IMAGE, PLACES, order=order, mode=SCIPY[mode], cval=0.5)
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("mode", FILL_MODES)
def test_whole_places_inside_give_the_elements(mode):
    rows, columns = np.meshgrid(np.arange(5), np.arange(6), indexing="ij")
    for order in (0, 1):
        got = map_coordinates(jnp.asarray(IMAGE), [rows, columns], order, mode, 9.0)
        np.testing.assert_array_equal(got, IMAGE)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("constant", [7, 7, 1, 2, 3, 7, 7]),
        ("nearest", [1, 1, 1, 2, 3, 3, 3]),
        ("wrap", [2, 3, 1, 2, 3, 1, 2]),
        ("mirror", [3, 2, 1, 2, 3, 2, 1]),
        ("reflect", [2, 1, 1, 2, 3, 3, 2]),
    ],
)
def test_the_table_of_fill_modes(mode, expected):
    places = [jnp.arange(-2.0, 5.0)]
    got = map_coordinates(jnp.array([1.0, 2.0, 3.0]), places, 1, mode, 7.0)
    assert got.tolist() == expected


def test_integers_are_rounded_and_keep_their_dtype():
    got = map_coordinates(
        jnp.array([0, 10], "uint8"), [jnp.array([0.26, 0.5, 0.74])], 1, "nearest", 0
    )
    assert got.dtype == "uint8"
    assert got.tolist() == [3, 5, 7]


def test_gradients_to_values_and_places():
    x, places = jnp.asarray(IMAGE), [jnp.array([0.3, 2.6]), jnp.array([1.4, 3.7])]

    def read(x, places):
        return map_coordinates(x, places, 1, "reflect", 0.0)

    check_grads(read, (x, places), order=1, modes=["rev"], atol=2e-2, rtol=2e-2)
    # the slope along the rows is the difference of the rows, weighed along the columns
    slope = jax.grad(lambda r: read(x, [r, jnp.float32(1.0)]))(jnp.float32(2.5))
    np.testing.assert_allclose(slope, IMAGE[3, 1] - IMAGE[2, 1], rtol=1e-5)


def test_warp_reads_whole_pixels_of_each_image():
    images = RNG.normal(size=(2, 5, 6, 3)).astype("float32")
    rows, columns = RNG.uniform(0, 4, size=(2, 2, 3, 4)).astype("float32")
    got = warp(images, rows, columns, 1, "nearest", 0.0)
    assert got.shape == (2, 3, 4, 3)
    for image in range(2):
        for channel in range(3):
            expected = ndimage.map_coordinates(
                images[image, ..., channel], [rows[image], columns[image]], order=1, mode="nearest"
            )
            np.testing.assert_allclose(got[image, ..., channel], expected, atol=1e-5)
