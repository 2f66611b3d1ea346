"""Models with steps of their own: what is made when, and loops without `fit`."""

import jax
import keras as oracle
import numpy as np
import pytest

import cornu as keras
from cornu import layers

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")


class Pair(keras.Model):
    """Two models with an optimizer each; it is called with codes, and trained on images."""

    def __init__(self, optimizers):
        super().__init__()
        self.maker = keras.Sequential([keras.Input((2,)), layers.Dense(4)])
        self.judge = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
        self.for_maker, self.for_judge = optimizers

    def call(self, codes):
        return self.maker(codes)

    def train_step(self, data):
        (x,) = data

        def of_judge():
            return keras.ops.mean(keras.ops.square(self.judge(x) - 1))

        def of_maker():
            return keras.ops.mean(keras.ops.square(self.judge(self.maker(x[:, :2]))))

        judged, gradients = keras.value_and_grad(of_judge, self.judge.trainable_variables)()
        self.for_judge.apply(gradients, self.judge.trainable_variables)
        made, gradients = keras.value_and_grad(of_maker, self.maker.trainable_variables)()
        self.for_maker.apply(gradients, self.maker.trainable_variables)
        return {"judge": judged, "maker": made}


def test_optimizers_that_a_step_uses_first_are_part_of_the_state():
    adams = [keras.optimizers.Adam(0.1) for _ in range(2)]
    model = Pair(adams)
    model.compile()
    model.fit(X, batch_size=4, epochs=3, verbose=0)
    assert [int(adam.iterations.value) for adam in adams] == [9, 9]
    assert float(np.abs(adams[0].variables[2].numpy()).max()) > 0  # its momentum


def test_a_model_that_holds_built_models_need_not_be_callable_on_its_data():
    model = Pair([keras.optimizers.SGD(0.1) for _ in range(2)])
    model.compile()
    model.fit(X, batch_size=4, verbose=0)
    assert model.predict(X[:, :2], verbose=0).shape == (12, 4)


def test_results_that_are_dicts_stand_for_their_entries():
    class Listed(keras.Model):
        """The loop over `metrics` that Keras's guides show."""

        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y = data
            y_pred = self(x, training=True)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(self.compute_loss(x, y, y_pred))
                else:
                    metric.update_state(y, y_pred)
            return {metric.name: metric.result() for metric in self.metrics}

    model = Listed()
    model.compile("sgd", "mse", metrics=["mae", "mse"])
    history = model.fit(X, X[:, :1], batch_size=4, verbose=0)
    assert list(history.history) == ["loss", "mae", "mse"]
    assert all(isinstance(values[0], float) for values in history.history.values())


# ---- loops without `fit`, as in Keras's guides for JAX ------------------------------------------


def network(library):
    """Layers that draw, keep statistics and repeat. Keras keeps the states of a stateful LSTM out
    of its variables, so that is tested without it."""
    return library.Sequential(
        [
            library.Input(batch_shape=(4, 3, 2)),
            library.layers.LSTM(5, name="lstm"),
            library.layers.BatchNormalization(momentum=0.9, name="norm"),
            library.layers.Dropout(0.0, name="drop"),
            library.layers.Dense(1, name="out"),
        ]
    )


def run(library, model, steps=3):
    """A compiled loop over pure functions; gives the losses, the metric and all last values."""
    optimizer = library.optimizers.Adam(0.05)
    optimizer.build(model.trainable_variables)
    mean = library.metrics.MeanAbsoluteError()
    rng = np.random.default_rng(1)
    batches = rng.normal(size=(steps, 4, 3, 2)).astype("float32")

    def loss_and_updates(trainable, others, x, y):
        y_pred, others = model.stateless_call(trainable, others, x, training=True)
        return library.ops.mean(library.ops.square(y_pred - y)), (y_pred, others)

    @jax.jit
    def step(state, x, y):
        trainable, others, slots, seen = state
        gradient_of = jax.value_and_grad(loss_and_updates, has_aux=True)
        (loss, (y_pred, others)), gradients = gradient_of(trainable, others, x, y)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return loss, (trainable, others, slots, mean.stateless_update_state(seen, y, y_pred))

    parts = (model.trainable_variables, model.non_trainable_variables)
    state = tuple([v.value for v in part] for part in (*parts, optimizer.variables, mean.variables))
    losses = []
    for x in batches:
        loss, state = step(state, x, x.sum((1, 2))[:, None])
        losses.append(float(loss))
    return losses, float(mean.stateless_result(state[3])), state


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of Keras
def test_a_loop_is_that_of_keras():
    ours, theirs = network(keras), network(oracle)
    ours.set_weights(theirs.get_weights())
    losses, error, state = run(keras, ours)
    expected = run(oracle, theirs)
    np.testing.assert_allclose(losses, expected[0], rtol=1e-4)
    assert error == pytest.approx(expected[1], rel=1e-4)
    for part, other in zip(state, expected[2], strict=True):
        numbers, others = ([np.asarray(v) for v in p if v.dtype != "uint32"] for p in (part, other))
        for value, expected_value in zip(numbers, others, strict=True):  # all but the seeds
            np.testing.assert_allclose(value, expected_value, rtol=1e-3, atol=1e-5)


def test_the_states_of_a_stateful_layer_travel_through_a_pure_call():
    layer = layers.LSTM(3, stateful=True)
    x = np.ones((2, 4, 1), "float32")
    twice = layer(np.concatenate([x, x], axis=1))
    layer.reset_state()
    weights, states = ([v.value for v in part] for part in
                       (layer.trainable_variables, layer.non_trainable_variables))  # fmt: skip
    _, states = layer.stateless_call(weights, states, x)
    second, states = layer.stateless_call(weights, states, x)
    np.testing.assert_allclose(second, twice, rtol=1e-5)
    for kept in layer.states:  # the variables themselves were left alone
        assert not np.any(kept.numpy())


def test_dropout_draws_anew_when_its_state_is_passed_on():
    layer = layers.Dropout(0.5, seed=1)
    layer.build((2, 50))
    state = [v.value for v in layer.non_trainable_variables]
    ones = np.ones((2, 50), "float32")
    first, after = layer.stateless_call([], state, ones, training=True)
    same, _ = layer.stateless_call([], state, ones, training=True)
    second, _ = layer.stateless_call([], after, ones, training=True)
    assert np.array_equal(first, same) and not np.array_equal(first, second)
