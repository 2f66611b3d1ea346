"""Nothing is left behind: neither calls nor models that are gone make the process grow."""

import gc
import os
import sys
import weakref

import numpy as np
import pytest

import cornu as keras
from train.models import blobs, classifier

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

KB = 1024


def resident():
    """Bytes of this process that lie in memory."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def growth(call, times, before=0):
    """Bytes by which the process grows for each of so many calls, after some that warm it up."""
    for _ in range(before):
        call()
    start = resident()
    for _ in range(times):
        call()
    return (resident() - start) / times


def test_ten_thousand_predictions():
    model = classifier()
    x, _ = blobs(32)
    sizes = [1, 2, 3, 7, 16, 32]

    def call():
        for size in sizes:
            model.predict(x[:size], verbose=0)

    assert growth(call, 10_000 // len(sizes), before=50) < 1 * KB


def test_two_hundred_trainings():
    model = classifier()
    x, y = blobs(32)
    assert growth(lambda: model.fit(x, y, verbose=0), 200, before=20) < 10 * KB


def test_a_hundred_models_that_are_never_called():
    assert growth(classifier, 100, before=20) < 50 * KB


def test_models_that_were_trained_take_their_programs_with_them():
    x, y = blobs(8)
    gone = []

    def call():
        model = classifier(units=4)
        model.fit(x, y, batch_size=8, verbose=0)
        model.predict(x, verbose=0)
        gone.append(weakref.ref(model))

    assert growth(call, 6, before=3) < 400 * KB
    assert not any(ref() is not None for ref in gone)


def test_a_model_goes_at_once_where_the_collector_is_asked():
    model = classifier()
    x, y = blobs(8)
    model.fit(x, y, verbose=0, callbacks=[keras.callbacks.EarlyStopping("loss")])
    model.evaluate(x, y, verbose=0)
    ref, weights = weakref.ref(model), weakref.ref(model.layers[0].kernel)
    assert np.isfinite(model.history.history["loss"]).all()
    del model
    gc.collect()
    assert ref() is None
    assert weights() is None
