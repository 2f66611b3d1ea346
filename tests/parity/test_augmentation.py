"""Image layers held against real Keras: configs, files, and given transformations."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
import pytest

import cornu
from cornu.core.objects.serialize import serialize_keras_object
from parity.augmentation import FIXED, ROWS
from parity.harness import build, plain, quiet, same_plain

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 9, 8, 3)).astype("float32")

# Keras's layers that compute one histogram for a whole batch.
ONE_BY_ONE = {"Equalization"}


def config(layer, serialize):
    found = plain(serialize(layer))
    found.pop("build_config", None)
    return found


@pytest.mark.parametrize("case", ROWS, ids=str)
def test_config(case):
    with quiet():
        theirs, ours = build(keras, case), build(cornu, case)
    read = cornu.layers.deserialize(keras.saving.serialize_keras_object(theirs))
    expected = config(theirs, keras.saving.serialize_keras_object)
    for layer in (ours, read):
        found = config(layer, serialize_keras_object)
        for key in case.config_differs:
            found["config"].pop(key, None), expected["config"].pop(key, None)
        same_plain(expected, found)
    keras.layers.deserialize(serialize_keras_object(ours))


@pytest.mark.parametrize("fixed", FIXED, ids=str)
def test_a_given_transformation_does_the_same(fixed):
    images = IMAGES / 255 if fixed.unit else IMAGES
    theirs = getattr(keras.layers, fixed.name)(**fixed.arguments)
    ours = getattr(cornu.layers, fixed.name)(**fixed.arguments)
    if fixed.name in ONE_BY_ONE:
        parts = [theirs.transform_images(x[None], fixed.transformation) for x in images]
        expected = np.concatenate(parts)
    else:
        expected = theirs.transform_images(images, fixed.transformation)
    found = ours.transform_images(images, fixed.transformation)
    assert found.dtype == expected.dtype
    tolerance = 1e-3 if images is IMAGES else 1e-5
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=tolerance)


def all_rows(library):
    """A model with a branch for each class; symbolic calls of Keras's `Equalization` are cycles."""
    image = library.Input((8, 8, 3), name="image")
    rows = {case.name: case for case in ROWS if case.name != "Equalization"}
    named = [build(library, case, name=f"of_{name.lower()}") for name, case in rows.items()]
    return library.Model(image, [layer(image) for layer in named])


def test_files_go_both_ways(tmp_path):
    with quiet():
        theirs, ours = all_rows(keras), all_rows(cornu)
        theirs.save(tmp_path / "theirs.keras")
        ours.save(tmp_path / "ours.keras")
        in_keras = keras.saving.load_model(tmp_path / "ours.keras")
        in_cornu = cornu.saving.load_model(tmp_path / "theirs.keras")
    for found, expected in ((in_keras, theirs), (in_cornu, ours)):
        for layer, other in zip(found.layers[1:], expected.layers[1:], strict=True):
            assert (type(layer), layer.name) == (type(other), other.name)
    for found, expected in ((in_keras, ours), (in_cornu, theirs)):  # states of generators
        for a, b in zip(found.weights, expected.weights, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=b.path)
