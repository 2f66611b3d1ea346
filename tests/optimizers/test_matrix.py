"""Optimizers that look at a weight as a whole."""

import jax.numpy as jnp
import numpy as np
import pytest

from cornu.context import name_scope
from cornu.core.variable import Variable
from cornu.optimizers import Adafactor, Muon, ScheduleFreeAdamW, schedules

rng = np.random.default_rng(0)


def test_adafactor_keeps_rows_and_columns():
    optimizer = Adafactor(0.1)
    optimizer.build([Variable(np.ones((3, 4))), Variable(np.ones(4))])
    assert [v.shape for v in optimizer.variables[2:]] == [(3,), (4,), (3, 4), (), (), (4,)]


def test_adafactor_recovers_a_product():
    """If the squares are a product of rows and columns, so is the divisor: only signs are left."""
    g = np.outer([1.0, 2.0, 3.0], [4.0, -5.0]).astype("float32")
    w = Variable(np.ones((3, 2)))
    Adafactor(0.1, relative_step=False).apply([jnp.asarray(g)], [w])
    np.testing.assert_allclose(w.numpy(), 1 - 0.1 * np.sign(g), rtol=1e-5)


def test_adafactor_limits_the_learning_rate_by_the_root_of_the_step():
    def first(rate, **settings):
        w = Variable(np.ones(2))
        Adafactor(rate, **settings).apply([jnp.ones(2)], [w])
        return 1 - float(w.numpy()[0])

    assert first(5.0) == first(5.0, relative_step=False) == pytest.approx(1.0)
    assert first(schedules.PiecewiseConstantDecay([9], [5.0, 1.0])) == pytest.approx(1.0)


def weight(shape, *scopes, name="kernel"):
    if scopes:
        with name_scope(scopes[0]):
            return weight(shape, *scopes[1:], name=name)
    return Variable(rng.normal(size=shape).astype("float32"), name=name)


def test_muon_chooses_matrices():
    optimizer = Muon(exclude_layers=["logits"])
    assert optimizer._is_matrix(weight((3, 4), "dense"))
    assert not optimizer._is_matrix(weight((3, 4), "logits"))
    assert not optimizer._is_matrix(weight((3, 4), "Embedding_1"))
    assert not optimizer._is_matrix(weight((4,), "dense"))
    assert not optimizer._is_matrix(weight((3, 3, 4, 4), "conv"))
    assert Muon(exclude_embeddings=False)._is_matrix(weight((3, 4), "embedding"))


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (5, 5)])
def test_muon_evens_out_singular_values(shape):
    x = rng.normal(size=shape).astype("float32")
    step = Muon().zeropower_via_newtonschulz5(jnp.asarray(x), 5)
    assert step.shape == shape
    singular = np.linalg.svd(step, compute_uv=False)
    assert singular.min() > 0.5 and singular.max() < 1.3


def test_muon_weight_decay_by_kind():
    matrix, bias = weight((2, 2)), weight((2,), name="bias")
    optimizer = Muon(weight_decay=0.2, adam_weight_decay=0.1)
    assert (optimizer._decay_of(matrix), optimizer._decay_of(bias)) == (0.2, 0.1)
    optimizer.exclude_from_weight_decay(var_names=["bias", "kernel"])
    assert (optimizer._decay_of(matrix), optimizer._decay_of(bias)) == (None, None)


def test_schedule_free_takes_gradients_near_the_mean():
    w = Variable([1.0])
    optimizer = ScheduleFreeAdamW(0.1, beta_1=0.9)
    optimizer.build([w])
    fast = optimizer.variables[2]
    assert fast.numpy().tolist() == [1.0]
    seen = []
    for _ in range(3):
        optimizer.apply([jnp.ones(1)], [w])
        seen.append(float(fast.numpy()[0]))
    np.testing.assert_allclose(seen, [0.9, 0.8, 0.7], rtol=1e-4)
    np.testing.assert_allclose(w.numpy(), 0.9 * np.mean(seen) + 0.1 * seen[-1], rtol=1e-4)


def test_schedule_free_warms_up():
    w = Variable([1.0])
    ScheduleFreeAdamW(0.1, warmup_steps=4).apply([jnp.ones(1)], [w])
    np.testing.assert_allclose(w.numpy(), 1 - 0.1 / 4, rtol=1e-4)
