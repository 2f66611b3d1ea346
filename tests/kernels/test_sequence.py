"""Connectionist temporal classification against all ways to spell a label sequence."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from cornu.kernels.sequence import ctc_beam_search_decode, ctc_greedy_decode, ctc_loss
from kernels.side_by_side import optimized

TIME, CLASSES = 4, 3
LOGITS = np.random.default_rng(7).normal(size=(2, TIME, CLASSES)).astype("float32")


def spelled(path, blank):
    """`-aa-b` as `ab`: repetitions merged, blanks left out."""
    merged = [c for i, c in enumerate(path) if i == 0 or c != path[i - 1]]
    return tuple(c for c in merged if c != blank)


def probabilities(logits, blank):
    """Of every label sequence, summed over all its spellings."""
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    total = {}
    for path in itertools.product(range(CLASSES), repeat=len(logits)):
        product = np.prod([p[t, c] for t, c in enumerate(path)])
        total[spelled(path, blank)] = total.get(spelled(path, blank), 0) + product
    return total


@pytest.mark.parametrize(
    ("labels", "blank"), [([1, 2], 0), ([1, 1], 0), ([2], 0), ([], 0), ([0, 1], 2), ([1, 2, 1], 0)]
)
def test_loss_sums_over_all_spellings(labels, blank):
    padded = jnp.asarray([[*labels, *[1] * (3 - len(labels))]] * 2)
    lengths = jnp.full(2, len(labels))
    got = ctc_loss(padded, jnp.asarray(LOGITS), lengths, jnp.array([TIME, TIME]), blank)
    expected = [-np.log(probabilities(x, blank)[tuple(labels)]) for x in LOGITS]
    np.testing.assert_allclose(got, expected, rtol=1e-4)


def test_steps_beyond_the_length_do_not_count():
    lengths = jnp.array([TIME, 2])
    labels = jnp.array([[1], [2]])
    got = ctc_loss(labels, jnp.asarray(LOGITS), jnp.array([1, 1]), lengths, 0)
    expected = -np.log(probabilities(LOGITS[1, :2], 0)[(2,)])
    np.testing.assert_allclose(got[1], expected, rtol=1e-4)
    slope = optimized(
        jax.grad(lambda x: ctc_loss(labels, x, jnp.array([1, 1]), lengths, 0).sum()), LOGITS
    )
    assert not slope[1, 2:].any()


def test_gradient():
    @jax.jit
    def loss(logits):
        return ctc_loss(jnp.array([[1, 2]]), logits, jnp.array([2]), jnp.array([TIME]), 0).sum()

    check_grads(loss, (jnp.asarray(LOGITS[:1]),), order=1, modes=["rev"], atol=2e-2, rtol=2e-2)


def test_greedy_takes_the_best_class_of_each_step():
    best = np.array([[1, 1, 0, 1], [2, 2, 1, 0]])
    logits = jnp.asarray(np.eye(CLASSES, dtype="float32")[best])
    lengths = jnp.array([4, 2])
    labels, scores = ctc_greedy_decode(logits, lengths, True, 0)
    assert labels.tolist() == [[[1, 1, -1, -1], [2, -1, -1, -1]]]
    assert scores.tolist() == [[-4.0], [-2.0]]
    unmerged, _ = ctc_greedy_decode(logits, lengths, False, -CLASSES)
    assert unmerged.tolist() == [[[1, 1, 1, -1], [2, 2, -1, -1]]]


def test_a_wide_beam_search_finds_the_most_probable_labels():
    got, scores = ctc_beam_search_decode(jnp.asarray(LOGITS), jnp.array([TIME, TIME]), 40, 3, 0)
    assert got.shape == (3, 2, TIME)
    for sample in range(2):
        total = probabilities(LOGITS[sample], 0)
        ranked = sorted(total, key=total.get, reverse=True)[:3]
        for place, labels in enumerate(ranked):
            found = tuple(c for c in got[place, sample].tolist() if c >= 0)
            assert found == labels
            np.testing.assert_allclose(scores[sample, place], np.log(total[labels]), rtol=1e-3)
