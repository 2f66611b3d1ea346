"""`fit` reads the next batches while a step and its callbacks run."""

import itertools
import threading
import traceback

import numpy as np
import pytest

import cornu as keras
from cornu.data.dataset import PyDataset

PATIENCE = 30  # seconds; only a failing test waits so long


def small():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def batch(n):
    return np.full((4, 2), n / 10, "float32"), np.zeros((4, 1), "float32")


def at_batch_end(do):
    return keras.callbacks.LambdaCallback(on_train_batch_end=do)


def feeding_threads():
    return [t for t in threading.enumerate() if t.name == "cornu-prefetch"]


def test_batches_are_made_while_a_callback_holds_the_first_step_up():
    made = [threading.Event() for _ in range(6)]

    def generator():
        for n in range(6):
            made[n].set()
            yield batch(n)

    seen = []

    def wait(step, logs):
        seen.append(made[min(step + 2, 5)].wait(PATIENCE))

    small().fit(generator(), callbacks=[at_batch_end(wait)], verbose=0)
    assert seen == [True] * 6
    assert feeding_threads() == []


def test_only_a_few_batches_are_read_ahead():
    made = []

    def generator():
        for n in range(20):
            made.append(n)
            yield batch(n)

    far = []
    small().fit(
        generator(),
        callbacks=[at_batch_end(lambda step, logs: far.append(len(made) - step))],
        verbose=0,
    )
    assert max(far) <= 4  # the one in use, two that wait, one on its way


def test_the_result_is_that_of_arrays():
    x = np.random.default_rng(0).normal(size=(12, 2)).astype("float32")
    y = x[:, :1]
    keras.utils.set_random_seed(1)
    arrays, generated = small(), small()
    generated.set_weights(arrays.get_weights())
    one = arrays.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    two = generated.fit(((x[i : i + 4], y[i : i + 4]) for i in (0, 4, 8)), verbose=0)
    np.testing.assert_allclose(one.history["loss"], two.history["loss"], rtol=1e-6)


def test_an_error_comes_at_its_batch_with_the_users_own_lines():
    steps = []

    def generator():
        for n in range(5):
            if n == 3:
                raise KeyError("row 3")
            yield batch(n)

    with pytest.raises(KeyError, match="row 3") as caught:
        small().fit(
            generator(), callbacks=[at_batch_end(lambda step, logs: steps.append(step))], verbose=0
        )
    assert steps == [0, 1, 2]
    assert 'raise KeyError("row 3")' in "".join(traceback.format_exception(caught.value))
    assert feeding_threads() == []


def test_an_interrupt_ends_the_thread():
    def stop(step, logs):
        if step == 1:
            raise KeyboardInterrupt

    endless = (batch(n % 5) for n in itertools.count())
    with pytest.raises(KeyboardInterrupt) as caught:
        small().fit(endless, steps_per_epoch=100, callbacks=[at_batch_end(stop)], verbose=0)
    assert caught.value.__traceback__ is not None  # which would keep a forgotten thread alive
    assert feeding_threads() == []


def test_a_generator_goes_on_where_the_epoch_before_stopped():
    seen = []

    def generator():
        for n in itertools.count():
            seen.append(n)
            yield batch(n % 5)

    stream = generator()
    small().fit(stream, steps_per_epoch=4, epochs=3, verbose=0)
    assert seen == list(range(12))  # not one batch more than the steps need
    next(stream)
    assert seen[-1] == 12


class WhereMade(PyDataset):
    def __init__(self, **options):
        super().__init__(**options)
        self.threads = set()

    def __len__(self):
        return 4

    def __getitem__(self, index):
        self.threads.add(threading.current_thread() is threading.main_thread())
        return batch(index)


def test_a_data_set_without_workers_stays_in_the_main_thread():
    alone, usual = WhereMade(workers=0), WhereMade()
    small().fit(alone, verbose=0)
    small().fit(usual, verbose=0)
    assert alone.threads == {True}
    assert False in usual.threads  # but for the first batch, which tells the shapes


def test_large_batches_do_not_pile_up(monkeypatch):
    ahead = {}

    def train(limit):
        monkeypatch.setattr("cornu.train.strategy.BYTES_IN_FLIGHT", limit)
        model = small()
        model.fit((batch(n) for n in range(3)), verbose=0)
        (program,) = model._programs.values()
        ahead[limit] = program.in_flight

    size = sum(a.nbytes for a in batch(0))
    for limit in (1, 5 * size, 1 << 30):
        train(limit)
    assert list(ahead.values()) == [2, 5, 16]
