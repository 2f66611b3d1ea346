"""The memory of a model goes when the model does, without a collection and without any call."""

import gc
import itertools
import json
import subprocess
import sys
import textwrap
import weakref

import numpy as np
import pytest

import cornu as keras
from cornu import layers
from cornu.engine import collector

X = np.ones((8, 4), "float32")
Y = np.ones((8, 1), "float32")


class Written(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x)


class Stepping(Written):
    def train_step(self, state, data):
        return super().train_step(state, data)


def graph():
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(1)(inputs))


MAKE = {
    "graph": graph,
    "sequential": lambda: keras.Sequential([layers.Dense(1)]),
    "written": Written,
    "own step": Stepping,
}


@pytest.fixture
def no_collections():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_a_used_model_goes_with_its_last_reference(make, no_collections):
    model = make()
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(X, Y, validation_split=0.5, verbose=0)
    for _ in range(2):
        model.predict(X, verbose=0)
        model(X)
    model.evaluate(X, Y, verbose=0)
    optimizer, there = weakref.ref(model.optimizer), weakref.ref(model)
    assert history.model is model
    assert model.history is history
    del history
    assert model.history.history["loss"]
    del model
    assert there() is None
    assert optimizer() is None


def test_a_history_keeps_its_model():
    model = graph()
    model.compile("sgd", "mse")
    history = model.fit(X, Y, verbose=0)
    del model
    assert history.model.predict(X, verbose=0).shape == (8, 1)


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.weights.h5", "m.safetensors", "folder"])
def test_a_model_that_was_saved_and_loaded_goes_with_its_last_reference(name, tmp_path):
    path, model, there = tmp_path / name, graph(), []
    gc.disable()
    try:
        if ".weights" in name or name.endswith("safetensors"):
            model.save_weights(path)
            model.load_weights(path)
        else:
            model.save(path, **({} if "." in name else {"zipped": False}))
            loaded = keras.models.load_model(path)
            there.append(weakref.ref(loaded))
            del loaded
        there.append(weakref.ref(model))
        del model
        assert [reference() for reference in there] == [None] * len(there)
    finally:
        gc.enable()


@pytest.fixture
def collections(monkeypatch):
    """The generations that were collected since."""
    monkeypatch.setattr(collector, "MOST_WAITING", 1000)
    gc.collect()
    collector._waiting.clear()
    generations = []

    def note(phase, info):
        if phase == "start" and info["generation"]:
            generations.append(info["generation"])

    gc.callbacks.append(note)
    yield generations
    gc.callbacks.remove(note)


def wide():
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(100)(inputs))  # a kernel of 1600 bytes


@pytest.mark.parametrize("old", [False, True])
def test_a_collection_comes_when_large_weights_wait(collections, old):
    model = wide()
    layer = weakref.ref(model.layers[-1])
    if old:
        gc.collect()
    collections.clear()
    del model
    assert layer() is not None
    model = wide()
    del model
    assert layer() is None


@pytest.mark.parametrize("old", [False, True])
def test_room_is_made_before_a_model_is_loaded(collections, old, tmp_path):
    wide().save(tmp_path / "m.keras")
    collections.clear()
    model = keras.models.load_model(tmp_path / "m.keras")
    kernel = weakref.ref(model.layers[-1].kernel)
    if old:
        gc.collect()
    collections.clear()
    del model
    assert kernel() is not None and collections == []
    keras.models.load_model(tmp_path / "m.keras")
    assert kernel() is None
    assert (2 in collections) == old  # what is young is found without looking at everything


def test_no_collection_comes_for_small_weights(collections):
    for _ in range(20):
        model = keras.Sequential([keras.Input((4,)), layers.Dense(10)])
        del model
    assert 2 not in collections and collector._waiting == []


def test_memory_of_differing_models():
    code = """
        import json
        import numpy as np
        import cornu as keras

        keras.config.tune_process()  # the allocator keeps 1 or 2 MB more of each model otherwise
        x, y = np.ones((16, 4), "float32"), np.ones((16, 1), "float32")

        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * 4096 / 2**20

        found = []
        for i in range(9):
            model = keras.Sequential([keras.layers.Dense(4 + i), keras.layers.Dense(1)])
            model.compile("adam", "mse")
            model.fit(x, y, verbose=0)
            found.append(resident())
        print(json.dumps(found))
    """
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    grown = sorted(after - before for before, after in itertools.pairwise(found[2:]))
    assert grown[len(grown) // 2] < 1.0, found  # the compiler's threads take memory in jumps
