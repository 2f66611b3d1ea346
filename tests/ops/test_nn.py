"""What the comparison with Keras cannot show: extremes, and where the right answer differs."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from cornu import ops
from cornu.core.symbolic import KerasTensor


def test_activations_at_the_ends_of_the_numbers():
    x = jnp.array([-1e4, -100.0, 0.0, 100.0, 1e4])
    assert ops.softplus(x).tolist() == [0.0, 0.0, pytest.approx(np.log(2)), 100.0, 1e4]
    assert ops.log_sigmoid(x).tolist() == [-1e4, -100.0, pytest.approx(-np.log(2)), 0.0, 0.0]
    for name in ("softplus", "log_sigmoid", "gelu", "silu", "elu", "selu", "softsign"):
        slope = jax.vmap(jax.grad(getattr(ops, name)))(x)
        assert bool(jnp.isfinite(slope).all()), name
    assert jax.grad(ops.softplus)(0.0) == 0.5


def test_sparsemax_is_the_projection_on_the_simplex():
    x = jnp.array([[0.4, -1.8, -0.3, 1.2], [5.0, 0.0, 0.0, 0.0]])
    y = ops.sparsemax(x)
    np.testing.assert_allclose(y.sum(-1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(y, [[0.1, 0.0, 0.0, 0.9], [1.0, 0.0, 0.0, 0.0]], atol=1e-6)
    # inside the support the gradient loses its mean, outside it is zero
    g = jax.grad(lambda x: (ops.sparsemax(x) * jnp.array([1.0, 2.0, 3.0, 5.0])).sum())(x[0])
    np.testing.assert_allclose(g, [-2.0, 0.0, 0.0, 2.0], atol=1e-6)


def test_normalize_has_a_gradient_at_zero():
    for order in (1, 2, 3):
        g = jax.grad(lambda x, order=order: ops.normalize(x, order=order).sum())(jnp.zeros(3))
        assert bool(jnp.isfinite(g).all()), order
    assert ops.normalize([3.0, -4.0], order=np.inf).tolist() == [0.75, -1.0]


def test_crossentropies_agree_and_stay_finite():
    logits = jnp.array([[200.0, -200.0, 0.0], [1.0, 2.0, 3.0]])
    labels = jnp.array([1, 2])
    dense = ops.categorical_crossentropy(ops.one_hot(labels, 3), logits, from_logits=True)
    sparse = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    np.testing.assert_allclose(dense, sparse, rtol=1e-6)
    assert sparse[0] == 400.0
    moved = ops.sparse_categorical_crossentropy(labels, logits.T, from_logits=True, axis=0)
    np.testing.assert_allclose(moved, sparse, rtol=1e-6)
    binary = ops.binary_crossentropy([1.0, 0.0], [-1000.0, 1000.0], from_logits=True)
    assert binary.tolist() == [1000.0, 1000.0]


def test_a_label_that_is_no_class_is_not_silent():
    for from_logits in (True, False):
        loss = ops.sparse_categorical_crossentropy([3, 0], jnp.ones((2, 3)) / 3, from_logits)
        assert jnp.isnan(loss).tolist() == [True, False]


def test_attention_with_capped_logits():
    rng = np.random.default_rng(0)
    q, k, v = (jnp.asarray(rng.normal(size=(2, 5, 2, 4)), "float32") for _ in range(3))
    plain = ops.dot_product_attention(q, k, v, is_causal=True)
    capped = ops.dot_product_attention(q, k, v, is_causal=True, attn_logits_soft_cap=1e4)
    np.testing.assert_allclose(capped, plain, atol=1e-5)
    assert not np.allclose(ops.dot_product_attention(q, k, v, attn_logits_soft_cap=0.1), plain)
    grouped = ops.dot_product_attention(q, k[:, :, :1], v[:, :, :1], attn_logits_soft_cap=1e4)
    same = ops.dot_product_attention(q, k[:, :, :1], v[:, :, :1])
    np.testing.assert_allclose(grouped, same, atol=1e-5)


def test_fold_is_the_adjoint_of_unfold():
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(2, 3, 6, 5)), "float32")
    settings = dict(kernel_size=(2, 3), padding=1, stride=2)  # noqa: C408
    columns, back = jax.vjp(lambda x: ops.unfold(x, **settings), x)
    y = jnp.asarray(rng.normal(size=columns.shape), "float32")
    np.testing.assert_allclose(ops.fold(y, (6, 5), **settings), back(y)[0], atol=1e-5)


def test_blocks_come_back():
    x = jnp.arange(96.0).reshape(2, 4, 6, 2)
    there = ops.space_to_depth(x, 2)
    assert there.shape == (2, 2, 3, 8)
    assert ops.depth_to_space(there, 2).tolist() == x.tolist()
    with pytest.raises(ValueError, match="must be multiples of"):
        ops.space_to_depth(x, 5)


def test_ctc_beam_search_finds_the_best_sum():
    # two steps, classes (blank, a): "a" has three spellings: -a, a-, aa
    p = jnp.log(jnp.array([[[0.6, 0.4], [0.6, 0.4]]]))
    labels, scores = ops.ctc_decode(p, jnp.array([2]), strategy="beam_search", top_paths=2)
    assert labels[:, 0].tolist() == [[1, -1], [-1, -1]]
    np.testing.assert_allclose(np.exp(scores[0]), [0.64, 0.36], rtol=1e-5)
    greedy, _ = ops.ctc_decode(p, jnp.array([2]))
    assert greedy[0, 0].tolist() == [-1, -1]
    with pytest.raises(ValueError, match="beam_search"):
        ops.ctc_decode(p, jnp.array([2]), strategy="beam")


def test_shapes_with_an_unknown_batch():
    images = KerasTensor((None, 8, 7, 3))
    assert ops.conv(images, np.ones((3, 3, 3, 4)), 2, "same").shape == (None, 4, 4, 4)
    assert ops.adaptive_max_pool(images, (3, 2)).shape == (None, 3, 2, 3)
    assert ops.multi_hot(KerasTensor((None, 3), "int32"), 5).dtype == "float32"
    assert ops.polar(KerasTensor((None,)), KerasTensor((None,))).dtype == "complex64"


@pytest.mark.parametrize("axis", [-1, (0, 1), (1, 2)])
@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 3, 4), (3, 4), (4,), ()])
def test_a_scale_may_be_broadcast(shape, axis):
    x = np.random.default_rng(0).random((2, 3, 4), dtype="float32")
    scale = np.random.default_rng(1).random(shape, dtype="float32")
    got = ops.rms_normalization(x, scale, axis=axis)
    np.testing.assert_allclose(got, keras.ops.rms_normalization(x, scale, axis=axis), rtol=1e-5)
    assert ops.rms_normalization(KerasTensor((None, 3, 4)), scale, axis=axis).shape[1:] == (3, 4)


def test_ctc_takes_a_blank_between_labels_for_a_label():
    logits = (np.arange(24).reshape(2, 4, 3).astype("float32") - 12) / 100
    labels, lengths, steps = np.array([[1, 2, 1], [1, 0, 2]]), np.array([3, 3]), np.array([4, 4])
    got = ops.ctc_loss(labels, logits, lengths, steps)
    expected = keras.ops.ctc_loss(labels, logits, lengths, steps)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_ctc_of_half_precision_is_float32(dtype):
    logits = jnp.ones((1, 3, 2), dtype)
    loss = ops.ctc_loss(np.array([[1]]), logits, np.array([1]), np.array([3]))
    assert loss.dtype == "float32"


@pytest.mark.parametrize(("shape", "axis"), [((2, 1), -1), ((1, 2), 0)])
def test_a_softmax_that_is_always_one_is_told(shape, axis):
    with pytest.warns(UserWarning, match="an axis of size 1 is always 1"):
        assert ops.softmax(np.zeros(shape), axis=axis).tolist() == np.ones(shape).tolist()


def test_rms_scaling_is_told_apart_from_rms_normalization():
    with pytest.warns(UserWarning, match="use rms_normalization"):
        ops.layer_normalization(np.arange(3.0), rms_scaling=True)
