"""Strategies give the same numbers, however an epoch is cut into dispatches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cornu as keras
from cornu.train import strategy as strategies
from cornu.train.step import Step
from cornu.train.strategy import Chunked, Eager, PerStep
from train.models import blobs, classifier


def train(monkeypatch=None, lengths=None, **options):
    """Weights and history after three epochs of 96 samples; in batches of 10 a smaller one ends."""
    x, y = blobs()
    model = classifier(**options)
    if lengths is not None:
        taken = iter(lengths)
        monkeypatch.setattr(Chunked, "_next_length", lambda self, left: min(left, next(taken, 1)))
    callbacks = options.pop("callbacks", None)
    history = model.fit(x, y, batch_size=10, epochs=3, verbose=0, callbacks=callbacks)
    return model.get_weights(), history.history, model


@pytest.mark.parametrize("lengths", [[1] * 99, [9, 9, 9], [2, 3, 4, 5, 1], [4] * 99])
def test_where_an_epoch_is_cut_does_not_change_one_bit(monkeypatch, lengths):
    expected, expected_history, _ = train()
    weights, history, model = train(monkeypatch, lengths)
    assert any(isinstance(p, Chunked) for p in model._programs.values())
    assert history == expected_history
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(a, b)


class EveryBatch(keras.callbacks.Callback):
    """Listens to each batch, so steps run one by one."""

    def __init__(self):
        super().__init__()
        self.batches = []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append(batch)


def test_per_step_and_eager_agree_with_chunks_within_rounding():
    expected, expected_history, _ = train()
    x, y = blobs()
    listener = EveryBatch()
    per_step = classifier()
    per_step_history = per_step.fit(x, y, batch_size=10, epochs=3, verbose=0, callbacks=[listener])
    eager = classifier(run_eagerly=True)
    eager_history = eager.fit(x, y, batch_size=10, epochs=3, verbose=0)
    assert listener.batches == [*range(10)] * 3
    for model, history in ((per_step, per_step_history), (eager, eager_history)):
        for a, b in zip(model.get_weights(), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)  # float32 sums in other orders
        for name, values in history.history.items():
            np.testing.assert_allclose(values, expected_history[name], rtol=1e-4)


def test_chunks_are_chosen_when_nobody_listens_to_batches():
    _, _, model = train()
    kinds = {key[0]: type(program) for key, program in model._programs.items()}
    assert kinds["train"] is Chunked
    x, y = blobs()
    model.fit(x, y, verbose=0, callbacks=[EveryBatch()])
    assert PerStep in {type(p) for p in model._programs.values()}


def test_steps_per_execution_sets_the_length():
    x, y = blobs()
    listener = EveryBatch()
    model = classifier(steps_per_execution=4)
    model.fit(x, y, batch_size=10, verbose=0, callbacks=[listener])
    assert listener.batches == [3, 7, 11]  # numbered as if the last group, of two, were full


def test_lengths_adapt_to_the_time_of_a_step():
    chunked = Chunked(Step(lambda s, d: ((), s), lambda out, s: out))
    assert chunked._next_length(100) == 1
    chunked._learn(1, strategies.SECONDS_PER_CHUNK / 20)
    assert 15 <= chunked._next_length(100) <= 20
    chunked._learn(10, strategies.SECONDS_PER_CHUNK * 100)  # one slow chunk does not decide
    assert chunked._next_length(100) >= 5


def test_what_is_slow_inside_loops_is_seen():
    def convolve(state, x):
        return (), jax.grad(lambda w: conv(x, w, "NHWC").sum())(state)

    def conv(x, w, layout):
        return jax.lax.conv_general_dilated(
            x, w, (1, 1), "SAME", dimension_numbers=(layout, "HWIO", layout)
        )

    def forward(state, x):
        return (), state + conv(x, state, "NHWC").sum()

    kernel, images = jnp.ones((3, 3, 2, 4)), jnp.ones((1, 8, 8, 2))
    chunked = lambda fn: Chunked(Step(fn, lambda out, s: out))  # noqa: E731
    assert chunked(convolve).is_slow(kernel, images)  # autodiff gives other layouts
    assert not chunked(forward).is_slow(kernel, images)


def test_eager_runs_the_step_uncompiled():
    seen = []

    class Spy(keras.layers.Layer):
        def call(self, inputs):
            seen.append(isinstance(inputs, jax.core.Tracer))
            return inputs

    model = keras.Sequential([keras.Input((4,)), Spy(), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    assert isinstance(Eager(None), strategies.Strategy)
    seen.clear()
    model.evaluate(np.ones((4, 4)), np.ones((4, 1)), verbose=0)
    assert seen[-1] is False  # shapes may be asked for before
