"""Attention: the fused way and the one in steps, masks that leave nothing, gradients."""

import jax
import numpy as np
import pytest

from cornu.layers import GroupQueryAttention, MultiHeadAttention

X = np.random.default_rng(0).normal(size=(2, 6, 8)).astype("float32")
MASK = np.arange(6) < np.array([[4], [6]])

LAYERS = [
    lambda: MultiHeadAttention(2, 4, name="a"),
    lambda: MultiHeadAttention(2, 4, sliding_window=2, use_gate=True, name="a"),
    lambda: GroupQueryAttention(4, 4, 2, name="a"),
]


@pytest.mark.parametrize("make", LAYERS)
@pytest.mark.parametrize("causal", [False, True])
def test_fused_and_in_steps_agree(make, causal):
    layer = make()
    options = {"value_mask": MASK, "use_causal_mask": causal}
    fused = layer(X, X, **options)
    in_steps, scores = layer(X, X, return_attention_scores=True, **options)
    sees = np.ones(scores.shape[:3])
    if layer.sliding_window:
        sees[0, :, 5] = 0  # keys 4 and 5 do not count
    counts = sees[:, 0] == 1
    np.testing.assert_allclose(fused[counts], in_steps[counts], atol=1e-5)
    np.testing.assert_allclose(np.asarray(scores).sum(-1), sees, atol=1e-5)
    seen = np.asarray(scores)[0, :, :5, 4:]  # step 5 sees nothing else through a narrow window
    assert float(np.abs(seen).max()) < 1e-6


def test_a_mask_may_differ_from_head_to_head():
    layer, random = MultiHeadAttention(2, 4), np.random.default_rng(1)
    mask = random.random((2, 2, 6, 6)) < 0.6
    mask[..., 0] = True
    _, scores = layer(X, X, attention_mask=mask, return_attention_scores=True)
    assert not np.asarray(scores)[~mask].any()
    fused, in_steps = (
        layer(X, X, attention_mask=mask),
        layer(X, X, attention_mask=mask, return_attention_scores=True)[0],
    )
    np.testing.assert_allclose(fused, in_steps, atol=1e-5)


@pytest.mark.parametrize("axes", [(1,), (2,), (1, 2)])
def test_masks_reach_the_axes_that_are_attended_to(axes):
    x = np.random.default_rng(2).normal(size=(2, 3, 4, 8)).astype("float32")
    counts = np.random.default_rng(3).random((2, 3, 4)) < 0.7
    other = np.where(counts[..., None], x, 100.0).astype("float32")
    layer = MultiHeadAttention(2, 4, attention_axes=axes)
    a, b = (layer(v, v, value_mask=counts, query_mask=counts) for v in (x, other))
    np.testing.assert_allclose(np.asarray(a)[counts], np.asarray(b)[counts], atol=1e-5)


@pytest.mark.parametrize(
    "masks",
    [
        {"value_mask": np.ones((2, 5), bool)},
        {"query_mask": np.ones((3, 6), bool)},
        {"attention_mask": np.ones((2, 3, 6, 6), bool)},
        {"attention_mask": np.ones((1, 2, 2, 6, 6), bool)},
    ],
)
def test_a_mask_of_other_sizes_is_refused(masks):
    with pytest.raises(ValueError, match=f"The {next(iter(masks))} does not fit"):
        MultiHeadAttention(2, 4)(X, X, **masks)


def test_padding_does_not_change_what_counts():
    layer = MultiHeadAttention(2, 4)
    whole = layer(X, X, value_mask=MASK, key_mask=MASK)
    short = layer(X[:1], X[:1, :4])
    np.testing.assert_allclose(whole[0], short[0], atol=1e-5)


def test_two_projections_start_differently():
    layer = MultiHeadAttention(2, 4)
    layer(X, X)
    assert not np.array_equal(layer.query_dense.kernel.numpy(), layer.key_dense.kernel.numpy())


def test_gradients_are_finite_where_a_row_sees_nothing():
    layer = MultiHeadAttention(2, 4)
    layer(X, X)
    nothing = np.zeros((2, 6, 6), bool)
    values = [v.value for v in layer.trainable_variables]

    def total(values):
        return layer.stateless_call(values, [], X, X, attention_mask=nothing)[0].sum()

    assert all(np.isfinite(g).all() for g in jax.grad(total)(values))


@pytest.mark.parametrize("output_shape", [8.0, 0, (2, "3")])
def test_an_output_shape_is_made_of_whole_numbers(output_shape):
    with pytest.raises(ValueError, match="output_shape must be"):
        MultiHeadAttention(2, 4, output_shape=output_shape)


@pytest.mark.parametrize("layer", [MultiHeadAttention(2, 4), GroupQueryAttention(4, 4, 2)])
def test_the_layer_says_how_its_scores_are_computed(layer):
    layer(X, X)
    programs = {}
    for flash in (None, False):
        layer.flash_attention = flash
        programs[flash] = str(jax.make_jaxpr(lambda x: layer(x, x))(X))
    assert programs[None] != programs[False]
