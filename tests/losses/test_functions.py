"""Loss functions from their definitions, where Keras 3.15.1 differs or a number is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu import losses


def test_tversky_weighs_false_negatives_by_alpha_as_keras_does():
    y_true = np.array([[1.0, 1.0, 0.0, 0.0, 0.0]])
    y_pred = np.array([[1.0, 0.0, 1.0, 1.0, 1.0]])  # TP 1, FP 3, FN 1
    expected = 1 - 1 / (1 + 0.1 * 1 + 0.9 * 3)
    assert float(losses.tversky(y_true, y_pred, 0.1, 0.9)) == pytest.approx(expected)
    assert float(losses.Tversky(0.1, 0.9)(y_true, y_pred)) == pytest.approx(expected)


def test_label_smoothing_divides_by_the_classes_also_on_another_axis():
    p = jnp.array([[0.7, 0.2], [0.2, 0.3], [0.1, 0.5]])  # three classes on axis 0
    y = jnp.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    got = losses.categorical_crossentropy(y, p, label_smoothing=0.3, axis=0)
    smoothed = y * 0.7 + 0.3 / 3
    np.testing.assert_allclose(got, -(smoothed * jnp.log(p)).sum(0), 1e-5)


def test_sparse_classes_on_another_axis():
    p = jax.nn.softmax(jnp.arange(24.0).reshape(2, 3, 4) % 5, axis=1)
    y = np.array([[0, 1, 2, 0], [2, 2, 1, 0]])
    expected = losses.sparse_categorical_crossentropy(y, jnp.moveaxis(p, 1, -1))
    np.testing.assert_allclose(losses.sparse_categorical_crossentropy(y, p, axis=1), expected, 1e-6)


def test_ignored_classes_may_lie_outside_and_leave_means_and_gradients_alone():
    logits, y = jnp.array([[1.0, 2.0], [3.0, 0.0], [0.5, 0.5]]), np.array([0, -1, 1])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    value, gradient = jax.value_and_grad(lambda x: loss(y, x))(logits)
    plain = losses.SparseCategoricalCrossentropy(from_logits=True)
    assert float(value) == pytest.approx(float(plain(y[[0, 2]], logits[jnp.array([0, 2])])))
    np.testing.assert_array_equal(gradient[1], [0, 0])
    assert np.isfinite(gradient).all()


def test_crossentropies_stay_finite_at_the_ends():
    y, p = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    for function in (losses.binary_crossentropy, losses.categorical_crossentropy):
        assert np.isfinite(function(y, p)).all()
    assert np.isfinite(losses.sparse_categorical_crossentropy(np.array([0]), p)).all()
    logits = np.array([[-1000.0, 1000.0]])
    assert float(losses.categorical_crossentropy(y, logits, from_logits=True)[0]) == 2000
    assert float(losses.binary_crossentropy(y, logits, from_logits=True)[0]) == 1000


def test_known_values():
    assert float(losses.huber([[0.0]], [[5.0]], delta=2.0)[0]) == 2 * (5 - 1)
    assert float(losses.log_cosh([[0.0]], [[1e4]])[0]) == pytest.approx(1e4 - np.log(2), rel=1e-6)
    assert float(losses.poisson([[3.0]], [[np.e]])[0]) == pytest.approx(np.e - 3, abs=1e-5)
    assert losses.hinge([[0.0, 1.0]], [[-1.0, 1.0]]).tolist() == [0.0]
    assert float(losses.dice([[1.0, 0.0]], [[1.0, 0.0]])) == pytest.approx(0, abs=1e-6)


def test_focal_crossentropy_with_gamma_zero_is_crossentropy():
    y, p = np.eye(3, dtype="float32"), jax.nn.softmax(jnp.arange(9.0).reshape(3, 3) % 4)
    np.testing.assert_allclose(
        losses.categorical_focal_crossentropy(y, p, alpha=1.0, gamma=0.0),
        losses.categorical_crossentropy(y, p),
        1e-5,
    )


def test_circle_of_embeddings_without_partners_is_zero():
    x = jnp.eye(3)
    np.testing.assert_array_equal(losses.circle([0, 1, 2], x), np.zeros(3))
    pairs = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])  # the last is alone in its class
    values = losses.circle([0, 0, 1], pairs)
    mean = losses.Circle()(np.array([0, 0, 1]), pairs)
    assert values[2] == 0 and float(mean) == pytest.approx(float(values[:2].mean()), rel=1e-5)
    with_refs = losses.circle([0, 1], x[:2], ref_labels=[0, 0, 1], ref_embeddings=x)
    assert with_refs.shape == (2,) and (with_refs > 0).all()


@pytest.mark.parametrize(
    ("function", "y_true", "y_pred", "message"),
    [
        ("categorical_crossentropy", np.zeros(4, int), np.ones((4, 3)), "to_categorical"),
        ("sparse_categorical_crossentropy", np.ones((4, 3)), np.ones((4, 3)), "one-hot targets"),
        ("binary_crossentropy", np.zeros(4), np.ones((4, 3)), "several binary labels"),
        ("ctc", np.zeros(4), np.ones((4, 3)), r"\(batch, time, classes\)"),
        ("categorical_generalized_cross_entropy", np.eye(3), np.ones((3, 3)), "argmax"),
    ],
)
def test_mistaken_shapes_name_the_way_out(function, y_true, y_pred, message):
    settings = {"q": 0.5} if "generalized" in function else {}
    with pytest.raises(ValueError, match=message):
        getattr(losses, function)(y_true, y_pred, **settings)


def test_generalized_cross_entropy_is_exact_at_zero_and_its_gradient_finite():
    def loss(p):
        return losses.categorical_generalized_cross_entropy([1], p, 0.5)[0]

    p = jnp.array([[1.0, 0.0]])
    assert loss(p) == 2.0 and np.isfinite(jax.grad(loss)(p)).all()
