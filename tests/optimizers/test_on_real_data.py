"""Every optimizer trains a small network on real flowers as its definition says.

The network 4-200-200-3 has relu, relu, softmax and the categorical crossentropy. The other side is
numpy in float64: the forward and the backward pass by hand, and for each optimizer the pseudo-code
of its paper. Both see 120 flowers in batches of 20, in the same order, 60 steps long.

The losses of the ten epochs agree to 2e-4 of their size: float32 beside float64, where a step of an
adaptive rule is a quotient of two small numbers.
"""

import functools
from collections import defaultdict
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest

import cornu as keras
from cornu import layers, optimizers

datasets = pytest.importorskip("sklearn.datasets", reason="the iris flowers need scikit-learn")

EPOCHS, BATCH, SAMPLES = 10, 20, 120


def flowers():
    """Four standardized measures and the class as a unit vector, shuffled once."""
    x, y = datasets.load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))[:SAMPLES]
    x = (x - x.mean(0)) / x.std(0)
    return x[order].astype("float32"), np.eye(3, dtype="float32")[y[order]]


def network():
    keras.utils.set_random_seed(7)
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(200, activation="relu"),
            layers.Dense(200, activation="relu"),
            layers.Dense(3, activation="softmax"),
        ]
    )


# ---- the definitions ----------------------------------------------------------------------------
# `w` is a weight, `g` its gradient, `t` the step from 1, `s` what is remembered of this weight.


def momentum(w, g, t, s, lr, mu=0.9):
    """Polyak 1964, as in Sutskever et al. 2013."""
    s["v"] = mu * s["v"] - lr * g
    return w + s["v"]


def rmsprop(w, g, t, s, lr, rho=0.9, eps=1e-7):
    """Tieleman & Hinton 2012, lecture 6.5."""
    s["r"] = rho * s["r"] + (1 - rho) * g**2
    return w - lr * g / np.sqrt(s["r"] + eps)


def adam(w, g, t, s, lr, b1=0.9, b2=0.999, eps=1e-7):
    """Kingma & Ba 2014, in the form at the end of section 2, where epsilon comes before the hat."""
    s["m"] = b1 * s["m"] + (1 - b1) * g
    s["v"] = b2 * s["v"] + (1 - b2) * g**2
    return w - lr * np.sqrt(1 - b2**t) / (1 - b1**t) * s["m"] / (np.sqrt(s["v"]) + eps)


def adamw(w, g, t, s, lr, decay):
    """Loshchilov & Hutter 2019, algorithm 2, with the decay in units of the rate."""
    return adam(w, g, t, s, lr) - lr * decay * w


def lamb(w, g, t, s, lr, b1=0.9, b2=0.999, eps=1e-7):
    """You et al. 2019, algorithm 2, with the identity as phi."""
    s["m"] = b1 * s["m"] + (1 - b1) * g
    s["v"] = b2 * s["v"] + (1 - b2) * g**2
    r = s["m"] / (1 - b1**t) / (np.sqrt(s["v"] / (1 - b2**t)) + eps)
    size, length = np.linalg.norm(w), np.linalg.norm(r)
    return w - lr * r * (size / length if size > 0 and length > 0 else 1.0)


def adamax(w, g, t, s, lr, b1=0.9, b2=0.999, eps=1e-7):
    """Kingma & Ba 2014, algorithm 2."""
    s["m"] = b1 * s["m"] + (1 - b1) * g
    s["u"] = np.maximum(b2 * s["u"], np.abs(g))
    return w - lr / (1 - b1**t) * s["m"] / (s["u"] + eps)


def nadam(w, g, t, s, lr, b1=0.9, b2=0.999, eps=1e-7):
    """Dozat 2015, with the momentum schedule of its section 2.2 (0.96 to the power of t)."""
    mu = lambda t: b1 * (1 - 0.5 * 0.96**t)  # noqa: E731
    so_far = np.prod([mu(i) for i in range(1, t + 1)])
    s["m"] = b1 * s["m"] + (1 - b1) * g
    s["v"] = b2 * s["v"] + (1 - b2) * g**2
    m_bar = (1 - mu(t)) * g / (1 - so_far) + mu(t + 1) * s["m"] / (1 - so_far * mu(t + 1))
    return w - lr * m_bar / (np.sqrt(s["v"] / (1 - b2**t)) + eps)


def adagrad(w, g, t, s, lr, start=0.1, eps=1e-7):
    """Duchi et al. 2011, the diagonal form, from a first value."""
    s["a"] = s["a"] + g**2
    return w - lr * g / np.sqrt(start + s["a"] + eps)


def adadelta(w, g, t, s, lr, rho=0.95, eps=1e-7):
    """Zeiler 2012, algorithm 1, times a rate."""
    s["g2"] = rho * s["g2"] + (1 - rho) * g**2
    dx = -np.sqrt(s["x2"] + eps) / np.sqrt(s["g2"] + eps) * g
    s["x2"] = rho * s["x2"] + (1 - rho) * dx**2
    return w + lr * dx


def lion(w, g, t, s, lr, b1=0.9, b2=0.99):
    """Chen et al. 2023, program 1."""
    update = np.sign(b1 * s["m"] + (1 - b1) * g)
    s["m"] = b2 * s["m"] + (1 - b2) * g
    return w - lr * update


def ftrl(w, g, t, s, lr, start, beta, l1, l2):
    """McMahan et al. 2013, algorithm 1, from a first `n`; `2 * l2` is the paper's lambda 2."""
    n = s["n"] + start
    sigma = (np.sqrt(n + g**2) - np.sqrt(n)) / lr
    s["z"] = s["z"] + g - sigma * w
    s["n"] = s["n"] + g**2
    z, n = s["z"], n + g**2
    return np.where(
        np.abs(z) <= l1, 0.0, -(z - np.sign(z) * l1) / ((beta + np.sqrt(n)) / lr + 2 * l2)
    )


def adafactor(w, g, t, s, lr, d=1.0, eps_1=1e-30, eps_2=1e-3):
    """Shazeer & Stern 2018, algorithms 4 (matrices) and 5 (vectors) with the settings of 6."""
    keep = 1 - t**-0.8
    square = g**2 + eps_1
    if w.ndim == 2:
        s["rows"] = keep * s["rows"] + (1 - keep) * square.sum(1)
        s["columns"] = keep * s["columns"] + (1 - keep) * square.sum(0)
        v = np.outer(s["rows"], s["columns"]) / s["rows"].sum()
    else:
        v = s["v"] = keep * s["v"] + (1 - keep) * square
    rms = lambda x: np.sqrt((x**2).mean())  # noqa: E731
    u = g / np.sqrt(v)
    u = u / max(1.0, rms(u) / d)
    return w - max(eps_2, rms(w)) * min(lr, 1 / np.sqrt(t)) * u


def muon(w, g, t, s, lr, decay, mu=0.95, rms=0.2):
    """Jordan 2024, with the scale of Liu et al. 2025; what is no matrix goes by AdamW."""
    if w.ndim < 2:
        return adamw(w, g, t, s, lr, decay)
    w = w - lr * decay * w
    s["m"] = mu * s["m"] + g
    x = g + mu * s["m"]
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
    return w - lr * rms * np.sqrt(max(w.shape)) * x


def schedule_free(w, g, t, s, lr, beta=0.9, b2=0.999, eps=1e-8):
    """Defazio et al. 2024, equations 2 to 4, with Adam's divisor in the second; `w` is `y`."""
    if t == 1:
        s["x"] = s["z"] = w
    s["v"] = b2 * s["v"] + (1 - b2) * g**2
    s["z"] = s["z"] - lr * g / (np.sqrt(s["v"] / (1 - b2**t)) + eps)
    s["x"] = (1 - 1 / t) * s["x"] + s["z"] / t
    return (1 - beta) * s["z"] + beta * s["x"]


# ---- training by hand ---------------------------------------------------------------------------


def gradients(weights, x, y):
    """The mean crossentropy of a batch, and its gradient to each weight."""
    w1, b1, w2, b2, w3, b3 = weights
    h1 = np.maximum(x @ w1 + b1, 0)
    h2 = np.maximum(h1 @ w2 + b2, 0)
    z = h2 @ w3 + b3
    z = z - z.max(1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    loss = -(y * np.log(p)).sum(1).mean()
    d3 = (p - y) / len(x)
    d2 = d3 @ w3.T * (h2 > 0)
    d1 = d2 @ w2.T * (h1 > 0)
    return loss, [x.T @ d1, d1.sum(0), h1.T @ d2, d2.sum(0), h2.T @ d3, d3.sum(0)]


def by_hand(weights, step):
    """The mean loss of each epoch; `step(weights, gradients, t)` gives the next weights."""
    x, y = (a.astype("float64") for a in flowers())
    weights = [w.astype("float64") for w in weights]
    losses, t = [], 0
    for _ in range(EPOCHS):
        found = []
        for start in range(0, SAMPLES, BATCH):
            t += 1
            loss, grads = gradients(weights, x[start : start + BATCH], y[start : start + BATCH])
            weights = step(weights, grads, t)
            found.append(loss)
        losses.append(np.mean(found))
    return losses


@functools.cache
def by_cornu(name):
    """The first weights, and the mean loss of each epoch of `fit`, by a row's optimizer."""
    optimizer = next(row.optimizer for row in ROWS if str(row) == name)()
    model = network()
    weights = [w.numpy() for w in model.weights]
    model.compile(optimizer, "categorical_crossentropy")
    history = model.fit(*flowers(), batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    return weights, history.history["loss"]


class Row(NamedTuple):
    """An optimizer, its definition, and the settings of both."""

    optimizer: Any
    definition: Any
    settings: dict[str, Any] = {}  # noqa: RUF012
    optax: Any = None  # the same from optax: a function of the package

    def __str__(self):
        return type(self.optimizer()).__name__


FTRL = {"start": 1e-4, "beta": 1e-3, "l1": 1e-4, "l2": 1e-3}
ROWS = [
    Row(
        lambda: optimizers.SGD(0.05, momentum=0.9),
        momentum,
        {"lr": 0.05},
        lambda o: o.sgd(0.05, momentum=0.9),
    ),
    Row(
        lambda: optimizers.RMSprop(1e-3),
        rmsprop,
        {"lr": 1e-3},
        lambda o: o.rmsprop(1e-3, decay=0.9, eps=1e-7),
    ),
    Row(lambda: optimizers.Adam(1e-3), adam, {"lr": 1e-3}, lambda o: o.adam(1e-3, eps=1e-7)),
    Row(
        lambda: optimizers.AdamW(1e-3, weight_decay=0.1),
        adamw,
        {"lr": 1e-3, "decay": 0.1},
        lambda o: o.adamw(1e-3, eps=1e-7, weight_decay=0.1),
    ),
    Row(
        lambda: optimizers.Adagrad(0.02),
        adagrad,
        {"lr": 0.02},
        lambda o: o.adagrad(0.02, initial_accumulator_value=0.1, eps=1e-7),
    ),
    Row(
        lambda: optimizers.Adadelta(1.0),
        adadelta,
        {"lr": 1.0},
        lambda o: o.adadelta(1.0, rho=0.95, eps=1e-7),
    ),
    Row(lambda: optimizers.Adamax(2e-3), adamax, {"lr": 2e-3}, lambda o: o.adamax(2e-3, eps=1e-7)),
    Row(lambda: optimizers.Nadam(1e-3), nadam, {"lr": 1e-3}),
    Row(lambda: optimizers.Lion(3e-4), lion, {"lr": 3e-4}, lambda o: o.lion(3e-4)),
    Row(
        lambda: optimizers.Ftrl(
            0.05,
            initial_accumulator_value=FTRL["start"],
            beta=FTRL["beta"],
            l1_regularization_strength=FTRL["l1"],
            l2_regularization_strength=FTRL["l2"],
        ),
        ftrl,
        {"lr": 0.05, **FTRL},
    ),
    Row(lambda: optimizers.Lamb(5e-3), lamb, {"lr": 5e-3}, lambda o: o.lamb(5e-3, eps=1e-7)),
    Row(
        lambda: optimizers.Adafactor(0.02),
        adafactor,
        {"lr": 0.02},
        lambda o: o.adafactor(0.02, min_dim_size_to_factor=2),
    ),
    Row(
        lambda: optimizers.Muon(2e-3, weight_decay=0.1, adam_weight_decay=0.1),
        muon,
        {"lr": 2e-3, "decay": 0.1},
    ),
    Row(
        lambda: optimizers.ScheduleFreeAdamW(2e-3),
        schedule_free,
        {"lr": 2e-3},
        lambda o: o.contrib.schedule_free(o.adam(2e-3, b1=0.0, eps=1e-8), 2e-3, b1=0.9),
    ),
    Row(
        lambda: optimizers.LossScaleOptimizer(optimizers.Adam(1e-3), dynamic_growth_steps=20),
        adam,
        {"lr": 1e-3},
    ),
    Row(
        lambda: optimizers.MultiOptimizer(
            lambda v, own=optimizers.Adam(1e-3): own  # one optimizer, chosen for each weight
        ),
        adam,
        {"lr": 1e-3},
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_as_in_the_paper(row):
    weights, losses = by_cornu(str(row))
    remembered = [defaultdict(float) for _ in weights]

    def step(weights, grads, t):
        return [
            row.definition(w, g, t, s, **row.settings)
            for w, g, s in zip(weights, grads, remembered, strict=True)
        ]

    np.testing.assert_allclose(losses, by_hand(weights, step), rtol=2e-4)
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("row", [row for row in ROWS if row.optax], ids=str)
def test_as_in_optax(row):
    optax = pytest.importorskip("optax", reason="compares with optax, which is not installed")
    weights, losses = by_cornu(str(row))
    rule = row.optax(optax)
    memory = [rule.init(weights)]
    update = jax.jit(rule.update)

    def step(weights, grads, t):
        weights, grads = ([a.astype("float32") for a in arrays] for arrays in (weights, grads))
        updates, memory[0] = update(grads, memory[0], weights)
        return [w + np.asarray(u) for w, u in zip(weights, updates, strict=True)]

    # 2e-3: optax has Adam's epsilon behind the hat and Adagrad's elsewhere.
    np.testing.assert_allclose(losses, by_hand(weights, step), rtol=2e-3)
