"""`to_categorical` and `normalize` beside real Keras."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu.utils import normalize, to_categorical

keras = pytest.importorskip("keras")


@pytest.mark.parametrize(
    ("x", "num_classes"),
    [
        ([0, 1, 2], None),
        ([0, 1, 2], 5),
        ([[0], [1]], None),
        ([[0, 1], [1, 2]], None),
        ([], 3),
        (2, None),
        (2, 4),
        (np.array([1.0, 2.0]), None),
        (np.zeros((2, 3, 1), int), 2),
        (np.zeros((1, 1), int), None),
        (np.zeros((0, 3)), 2),
        (np.array([[1]], "uint8"), 3),
        ([True, False], None),
        (["1", "2"], None),
        ([0, 1], 0),
        (jnp.array([0, 2]), 3),
        (jnp.array([[[0]], [[1]]]), 4),
        (jnp.array([[0, 1]]), 2),
    ],
)
def test_values_shapes_and_types_are_those_of_keras(x, num_classes):
    ours, theirs = to_categorical(x, num_classes), keras.utils.to_categorical(x, num_classes)
    assert type(ours) is type(theirs) and ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("x", "num_classes"), [([5], 3), ([], None), (["a"], None), ([0, 1], -1), (None, 3)]
)
def test_the_errors_are_of_the_same_type(x, num_classes):
    with pytest.raises(Exception) as theirs:
        keras.utils.to_categorical(x, num_classes)
    with pytest.raises(theirs.type) as ours:
        to_categorical(x, num_classes)
    assert ours.type is theirs.type


def test_a_class_too_many_says_how_many_there_are():
    with pytest.raises(
        IndexError, match="classes 0 to 10, but num_classes=10 allows 0 to 9"
    ) as error:
        to_categorical([0, 10], 10)
    assert "num_classes=11" in str(error.value)


@pytest.mark.parametrize("x", [[-1, 0], np.array([-1]), jnp.array([-1, 1])])
def test_a_negative_class_is_refused_where_keras_counts_from_the_end(x):
    with pytest.raises(IndexError, match=r"x - x\.min\(\)"):
        to_categorical(x, 3)


@pytest.mark.parametrize("x", [[0.5, 1.2], [0, float("nan")], jnp.array([0.5])])
def test_what_is_no_whole_number_is_refused_where_keras_cuts_it(x):
    with pytest.raises(ValueError, match="not a class index"):
        to_categorical(x, 3)


def test_texts_are_to_be_numbered():
    with pytest.raises(ValueError, match="return_inverse=True"):
        to_categorical(["cat", "dog"])


def test_the_number_of_classes_is_whole():
    with pytest.raises(TypeError, match="must be an int, got 2.0"):
        to_categorical([0, 1], 2.0)


def test_a_jax_array_needs_no_number_of_classes():
    result = to_categorical(jnp.array([0, 2]))
    assert isinstance(result, jax.Array)
    np.testing.assert_array_equal(result, [[1, 0, 0], [0, 0, 1]])


def test_inside_a_compiled_function():
    compiled = jax.jit(lambda x: to_categorical(x, 3))
    np.testing.assert_array_equal(compiled(jnp.array([1, 2])), [[0, 1, 0], [0, 0, 1]])
    with pytest.raises(ValueError, match="num_classes"):
        jax.jit(to_categorical)(jnp.array([1, 2]))


@pytest.mark.parametrize("order", [1, 2, np.inf])
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_vectors_get_length_1(axis, order):
    x = np.random.default_rng(0).normal(size=(3, 4))
    x[1], x[:, 2] = 0, 0
    found = normalize(x, axis, order)
    norms = np.linalg.norm(found, order, axis)
    np.testing.assert_allclose(norms, np.linalg.norm(x, order, axis) > 0)
    np.testing.assert_allclose(found * np.linalg.norm(x, order, axis, keepdims=True), x)
    np.testing.assert_allclose(normalize(jnp.asarray(x, "float32"), axis, order), found, atol=1e-6)
    if axis:  # along axis 0 Keras divides by the norms of other vectors
        np.testing.assert_array_equal(found, keras.utils.normalize(x, axis, order))


def test_integers_are_divided_too():
    np.testing.assert_allclose(normalize(np.array([3, 4])), [0.6, 0.8])
