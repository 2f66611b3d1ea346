"""A model that trains is used by other threads, and by its own callbacks, as a whole."""

import threading

import numpy as np
import pytest

import cornu as keras
from cornu import layers
from cornu.core.turns import Turn, turn_of

X = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
Y = X.sum(1, keepdims=True)


class Same(keras.optimizers.Optimizer):
    """Adds 1 to every weight: what is half of one step and half of another shows."""

    def update_step(self, gradient, variable, learning_rate):
        variable.assign_add(keras.ops.ones_like(gradient))


def counter():
    """A model of ten layers whose weights are all the number of steps."""
    inputs = x = keras.Input((1,))
    for _ in range(10):
        x = layers.Dense(1, use_bias=False, kernel_initializer="ones")(x)
    model = keras.Model(inputs, x)
    model.compile(Same(learning_rate=1.0), "mse", metrics=["mae"])
    return model


def in_threads(train, *jobs):
    """Train, while each of the jobs is done again and again in a thread of its own."""
    over, errors = threading.Event(), []

    def work(job):
        try:
            while not over.is_set():
                job()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        train()
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


@pytest.mark.parametrize("strategy", ["chunked", "single", "eager"])
def test_other_threads_read_whole_states(strategy, tmp_path):
    model, ones = counter(), np.ones((3, 1), "float32")
    model.run_eagerly = strategy == "eager"
    model.predict(ones, verbose=0)
    seen = []

    def whole(values):
        assert len({float(v) for v in values}) == 1
        seen.append(float(values[0]))

    def predict():
        out = float(model.predict(ones, verbose=0)[0, 0])
        assert abs(out ** (1 / 10) - round(out ** (1 / 10))) < 1e-3

    def save():
        model.save_weights(tmp_path / "w.weights.h5")

    heard = [keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)]
    steps = 8 if strategy == "eager" else 60

    def train():
        model.fit(
            np.ones((steps, 1)), np.ones((steps, 1)), batch_size=1, epochs=2, verbose=0,
            check=False, callbacks=heard if strategy == "single" else None,
        )  # fmt: skip

    in_threads(
        train,
        predict,
        save,
        lambda: whole([w.item() for w in model.get_weights()]),
        lambda: model(ones),
        lambda: model.evaluate(ones, ones, verbose=0),
    )
    assert seen and max(seen) <= 2 * steps + 1
    whole([w.item() for w in model.get_weights()])
    assert seen[-1] == 2 * steps + 1


def test_what_another_thread_assigns_is_not_lost():
    model = counter()
    rate = model.optimizer.learning_rate
    done = []

    def assign():
        if not done:
            rate.assign(0.25)
            done.append(True)

    ones = np.ones((50, 1))
    in_threads(lambda: model.fit(ones, ones, batch_size=1, verbose=0, check=False), assign)
    assert not done or float(rate) == 0.25


def test_a_second_thread_that_trains_is_refused_in_plain_words():
    model, said = counter(), []

    def train_too():
        try:
            model.fit(X[:, :1], Y, verbose=0)
        except RuntimeError as error:
            said.append(str(error))

    def start(batch, logs):
        if not said:
            thread = threading.Thread(target=train_too)
            thread.start()
            thread.join()

    callback = keras.callbacks.LambdaCallback(on_train_batch_begin=start)
    model.fit(X[:, :1], Y, batch_size=128, verbose=0, callbacks=[callback])
    assert "another thread" in said[0] and "clone_model" in said[0]


def test_models_that_share_a_layer_share_its_turn():
    shared, own = keras.Variable(1.0), keras.Variable(2.0)
    first = turn_of([shared])
    assert isinstance(first, Turn) and turn_of([shared, own]) is first
    other = keras.Variable(3.0)
    turn_of([other])
    with turn_of([own, other]), turn_of([shared]):  # both at once, and again in the same thread
        assert own.numpy() == 2.0


# ---- callbacks that use the model ---------------------------------------------------------------


class Uses(keras.callbacks.Callback):
    """Evaluates, predicts and takes the loss of a batch, at a hook."""

    def __init__(self, hook, kinds):
        super().__init__()
        setattr(self, hook, self.use)
        self.kinds, self.found = kinds, []

    def use(self, *args, **kwargs):
        x, y = X[:3], Y[:3]
        if "evaluate" in self.kinds:
            self.found.append(self.model.evaluate(x, y, verbose=0))
        if "test_on_batch" in self.kinds:
            self.found.append(self.model.test_on_batch(x, y))
        if "predict" in self.kinds:
            self.model.predict(x, verbose=0)


@pytest.mark.parametrize("options", [{}, {"steps_per_execution": 3}, {"run_eagerly": True}])
def test_what_a_callback_evaluates_is_no_part_of_the_training(options):
    def results(*callbacks):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
        model.compile("sgd", "mse", metrics=["mae", keras.metrics.R2Score()], **options)
        data = {"x": X[:20], "y": Y[:20], "validation_data": (X[20:28], Y[20:28])}
        fit = model.fit(
            **data, batch_size=4, epochs=2, shuffle=False, verbose=0, callbacks=callbacks
        )
        return fit.history

    expected = results()
    for hook in ("on_train_batch_end", "on_train_batch_begin", "on_test_batch_end"):
        uses = Uses(hook, {"evaluate", "test_on_batch", "predict"})
        found = results(uses)
        assert uses.found
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-5, err_msg=f"{hook} {name}")
        np.testing.assert_allclose(uses.found[0], uses.found[1], rtol=1e-6)
