"""Rules that work element by element, held against the formulas by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from cornu.core.variable import Variable
from cornu.optimizers import SGD, Adadelta, Adagrad, Ftrl, Lion, RMSprop

G = np.array([0.5, -2.0, 0.0], "float32")
START = np.array([1.0, 2.0, 3.0], "float32")


def after(optimizer, steps=1):
    w = Variable(START)
    for _ in range(steps):
        optimizer.apply([jnp.asarray(G)], [w])
    return w.numpy()


def test_sgd():
    np.testing.assert_allclose(after(SGD(0.1)), START - 0.1 * G)
    # Momentum: the second step repeats half of the first, which makes 1 + 1.5 steps.
    np.testing.assert_allclose(after(SGD(0.1, momentum=0.5), 2), START - 0.25 * G, rtol=1e-6)
    # Looking ahead adds half a step to each.
    nesterov = SGD(0.1, momentum=0.5, nesterov=True)
    np.testing.assert_allclose(after(nesterov), START - 0.15 * G, rtol=1e-6)


def test_sgd_without_momentum_has_no_slots():
    optimizer = SGD()
    optimizer.build([Variable(START)])
    assert len(optimizer.variables) == 2


def test_rmsprop():
    v = 0.1 * G**2
    np.testing.assert_allclose(after(RMSprop(0.1)), START - 0.1 * G / np.sqrt(v + 1e-7), rtol=1e-6)
    spread = v - (0.1 * G) ** 2
    expected = START - 0.1 * G / np.sqrt(spread + 1e-7)
    np.testing.assert_allclose(after(RMSprop(0.1, centered=True)), expected, rtol=1e-6)


def test_adagrad():
    expected = START - 0.1 * G / np.sqrt(0.5 + G**2 + 1e-7)
    optimizer = Adagrad(0.1, initial_accumulator_value=0.5)
    np.testing.assert_allclose(after(optimizer), expected, rtol=1e-6)


def test_adadelta():
    expected = START - G * np.sqrt(1e-7) / np.sqrt(0.05 * G**2 + 1e-7)
    np.testing.assert_allclose(after(Adadelta(1.0)), expected, rtol=1e-6)


def test_ftrl_makes_weights_zero():
    p = after(Ftrl(0.1, l1_regularization_strength=1e3))
    assert p.tolist() == [0.0, 0.0, 0.0]
    assert (after(Ftrl(0.1)) == 0).tolist() == (G == 0).tolist()  # only where nothing pulls


def test_lion_moves_all_elements_alike():
    np.testing.assert_allclose(after(Lion(0.1), 3), START - 0.3 * np.sign(G), rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(momentum=1.5), r"momentum must be a number in \[0, 1\], got 1.5"),
        (lambda: SGD(momentum="much"), r"got 'much'"),
        (lambda: Lion(beta_1=0.0), r"beta_1 must be in \(0, 1\], got 0.0"),
        (lambda: Ftrl(learning_rate_power=0.5), "learning_rate_power must be <= 0"),
        (lambda: Ftrl(l1_regularization_strength=-1.0), "l1_regularization_strength must be >= 0"),
    ],
)
def test_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
