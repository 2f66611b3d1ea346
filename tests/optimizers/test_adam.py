"""Adam's family, held against the formulas by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu.core.variable import Variable
from cornu.optimizers import Adam, Adamax, AdamW, Lamb, Nadam

G = np.array([[0.5, -2.0], [1.0, 0.25]], "float32")
START = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")


def after(optimizer, gradients=(G,)):
    w = Variable(START)
    for g in gradients:
        optimizer.apply([jnp.asarray(g)], [w])
    return w.numpy()


def test_the_first_step_is_the_sign():
    """Whatever the gradient, `m_hat / sqrt(v_hat)` is 1 in size at the first step."""
    for optimizer in (Adam(0.1), Adamax(0.1)):
        np.testing.assert_allclose(after(optimizer), START - 0.1 * np.sign(G), rtol=1e-4)


def test_adam_after_two_steps():
    g1, g2 = G, G * [[1.0, -1.0], [0.5, 2.0]]
    m = (0.9 * 0.1 * g1 + 0.1 * g2) / (1 - 0.9**2)
    v = (0.999 * 0.001 * g1**2 + 0.001 * g2**2) / (1 - 0.999**2)
    expected = START - 0.1 * np.sign(g1) - 0.1 * m / np.sqrt(v)
    np.testing.assert_allclose(after(Adam(0.1, epsilon=0.0), [g1, g2]), expected, rtol=1e-4)


def test_amsgrad_remembers_the_largest():
    small = [G, *[G * 1e-3] * 5]
    assert (np.abs(after(Adam(0.1, beta_2=0.5, amsgrad=True), small) - START)
            < np.abs(after(Adam(0.1, beta_2=0.5), small) - START)).all()  # fmt: skip


def test_adamw_is_adam_with_decay():
    np.testing.assert_array_equal(
        after(AdamW(0.1, weight_decay=0.2)), after(Adam(0.1, weight_decay=0.2))
    )
    with pytest.raises(ValueError, match="or use Adam, which has none"):
        AdamW(weight_decay=None)


def test_nadam_keeps_a_product_of_shares():
    optimizer = Nadam(0.1)
    after(optimizer, [G, G])
    shares = [0.9 * (1 - 0.5 * 0.96**t) for t in (1, 2)]
    np.testing.assert_allclose(optimizer.variables[-1].numpy(), np.prod(shares), rtol=1e-6)


def test_lamb_steps_are_as_long_as_the_weight():
    moved = START - after(Lamb(0.1))
    np.testing.assert_allclose(np.linalg.norm(moved), 0.1 * np.linalg.norm(START), rtol=1e-5)
    w = Variable(np.zeros(2))
    Lamb(0.1).apply([jnp.ones(2)], [w])  # a weight of length 0 moves all the same
    np.testing.assert_allclose(w.numpy(), -0.1, rtol=1e-4)


def test_corrections_are_computed_once_a_step():
    """However many weights there are, a step has one power per beta."""

    def powers(count):
        optimizer, ws = Adam(), [Variable(START) for _ in range(count)]
        optimizer.build(ws)
        state, values = [v.value for v in optimizer.variables], [w.value for w in ws]
        jaxpr = jax.make_jaxpr(optimizer.stateless_apply)(state, values, values)
        return sum(e.primitive.name == "pow" for e in jaxpr.eqns)

    assert powers(1) == powers(5) == 2
