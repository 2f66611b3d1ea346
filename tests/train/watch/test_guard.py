"""Training stops at the first loss that is not finite, and says where it came from."""

import numpy as np
import pytest

import cornu as keras
from cornu import layers, ops
from cornu.reports.nonfinite import count_nonfinite, explain_nonfinite, nonfinite
from cornu.train.strategy import Chunked, Eager, PerStep
from cornu.train.watch import guard as guards


def data(samples=64):
    x = np.random.default_rng(0).normal(size=(samples, 4)).astype("float32")
    return x, x.sum(1, keepdims=True)


class Every(keras.callbacks.Callback):
    """Listens to batches, so that steps run one by one."""

    def on_train_batch_end(self, batch, logs=None):
        self.last = batch


def model_of(*inner, loss="mse", optimizer="sgd", **options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), *inner, layers.Dense(1, name="end")])
    model.compile(optimizer, loss, **options)
    return model


def stopped(model, x, y, **options):
    """The message with which a training stops."""
    options = {"epochs": 2, "batch_size": 8, "shuffle": False, "verbose": 0, **options}
    with pytest.raises(FloatingPointError) as caught:
        model.fit(x, y, **options)
    return str(caught.value)


def one_bad_row(row):
    """Only this row is negative in the first column."""
    x, y = data()
    x[:, 0] = np.abs(x[:, 0]) + 0.1
    x[row, 0] = -1
    return x, y


def logarithm():
    return layers.Lambda(lambda t: ops.log(t[:, :1]), name="log")


@pytest.mark.parametrize("kind", [Chunked, PerStep, Eager])
def test_batch_layer_and_array_are_named_in_every_strategy(kind):
    x, y = one_bad_row(43)
    model = model_of(logarithm(), run_eagerly=kind is Eager)
    text = stopped(model, x, y, callbacks=[Every()] if kind is PerStep else [])
    assert kind is Eager or kind in {type(p) for p in model._programs.values()}
    assert "Training broke at batch 6 of epoch 1: the loss is nan." in text
    assert "the output of layer 'log' (Lambda): 1 NaN of 8 numbers; its input is finite" in text
    assert "before: everything was finite" in text


def test_the_weights_are_those_from_before_the_batch():
    x, y = one_bad_row(43)
    model = model_of(logarithm())
    stopped(model, x, y)
    before = model_of(logarithm())
    before.fit(x[:40], y[:40], batch_size=8, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == 5
    for a, b in zip(model.get_weights(), before.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_data_that_come_one_by_one_are_run_again_too():
    x, y = one_bad_row(43)

    def batches():
        for i in range(0, 64, 8):
            yield x[i : i + 8], y[i : i + 8]

    text = stopped(model_of(logarithm()), batches(), None, epochs=1, batch_size=None)
    assert "batch 6 of epoch 1" in text
    assert "layer 'log'" in text


def test_a_layer_inside_a_layer_is_named():
    class Block(layers.Layer):
        def __init__(self):
            super().__init__(name="block")
            self.inner = logarithm()

        def call(self, x):
            return self.inner(x)

    x, y = one_bad_row(1)
    assert "'log' (Lambda)" in stopped(model_of(Block()), x, y)


def test_operations_between_layers_are_seen_at_the_next_layer():
    x, y = one_bad_row(1)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1, name="end")(ops.log(inputs)[:, :1]))
    model.compile("sgd", "mse")
    assert "first:  the input of layer 'end' (Dense)" in stopped(model, x, y)


def test_numbers_in_the_batch():
    x, y = data()
    x[20, 1] = np.nan

    def batches():
        yield from ((x[i : i + 8], y[i : i + 8]) for i in range(0, 64, 8))

    text = stopped(model_of(), batches(), None, epochs=1, batch_size=None)
    assert "batch 3 of epoch 1" in text
    assert "first:  x of the batch: 1 NaN of 32 numbers" in text


def test_a_weight_that_was_bad_before():
    x, y = data()
    model = model_of()
    kernel = np.ones((4, 1), "float32")
    kernel[2] = np.inf
    model.layers[-1].kernel.assign(kernel)
    text = stopped(model, x, y)
    assert "end/kernel': 1 infinite of 4 numbers" in text
    assert "this variable was not finite any more" in text


def test_the_loss_itself():
    text = stopped(model_of(loss=lambda y, p: ops.log(-ops.abs(p))), *data())
    assert "first:  the loss: nan; the outputs of the model are finite" in text


def test_a_gradient():
    """The root of 0 is finite and its slope is not: weights break, and a batch later the loss."""
    x, y = data()
    x[43] = 0
    first = layers.Dense(3, use_bias=False, name="first")
    root = layers.Lambda(lambda t: ops.sqrt(ops.square(t)), name="root")
    model = model_of(first, root)
    text = stopped(model, x, y)
    assert "broke at batch 6 of epoch 1: the loss is nan" in text
    assert "first:  the gradient that layer 'root' (Lambda) passes back to its input" in text
    assert "3 NaN of 24 numbers; outputs and loss are finite" in text
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_an_update_that_is_too_large():
    x, y = data(8)
    model = model_of(optimizer=keras.optimizers.SGD(1e38))
    text = stopped(model, x, 1e3 * y, epochs=1)
    assert "broke at batch 1 of epoch 1: weights are not finite any more" in text
    assert "end/kernel' after the update" in text
    assert "its gradient is finite" in text


def test_check_false_trains_on():
    x, y = one_bad_row(43)
    history = model_of(logarithm()).fit(x, y, epochs=2, verbose=0, check=False)
    assert np.isnan(history.history["loss"]).all()


def test_terminate_on_nan_stops_quietly(capsys):
    x, y = one_bad_row(43)
    history = model_of(logarithm()).fit(
        x, y, epochs=5, verbose=0, callbacks=[keras.callbacks.TerminateOnNaN()]
    )
    assert len(history.epoch) == 1
    assert "the loss is nan, stopping" in capsys.readouterr().out


def test_without_a_copy_it_says_that_it_knows_less(monkeypatch):
    monkeypatch.setattr(guards, "COPY_LIMIT", 0)
    x, y = one_bad_row(43)
    text = stopped(model_of(logarithm()), x, y)
    assert "batch 1 to 8 of epoch 1" in text
    assert "not known: no copy of the weights" in text
    assert "the variable" in text  # by now the weights are not finite either


def test_copies_are_taken_now_and_then_and_the_batch_is_found_from_the_last(monkeypatch):
    monkeypatch.setattr(guards, "SECONDS_BETWEEN_LOOKS", 0.0)
    monkeypatch.setattr(guards, "FREE", 60.0)  # however busy the machine is
    x, y = one_bad_row(43)
    text = stopped(model_of(logarithm()), x, y, callbacks=[Every()])
    assert "batch 6 of epoch 1" in text
    assert "layer 'log'" in text


def test_what_is_counted():
    assert count_nonfinite(np.array([1.0, -np.inf, np.nan])) == "1 NaN and 1 infinite of 3 numbers"
    assert count_nonfinite(np.array([1.0])) == count_nonfinite(np.array([1])) == ""


def test_every_finding_has_advice():
    for kind in ("data", "variable", "input", "output", "loss", "gradient", "update", "nothing"):
        text = explain_nonfinite(
            "the loss is nan", batch="2", epoch=0, finding=nonfinite(kind, "it"), replayed=True
        )
        assert "fix:" in text
        assert "check=False" in text
