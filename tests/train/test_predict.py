"""What `predict` does for a few samples, asked for again and again."""

import numpy as np
import pytest

import cornu as keras
from cornu import layers, ops
from cornu.core.objects.tracking import Snapshot
from cornu.train.predict import bucket_of, filled, size_of
from cornu.train.state import TrainState, only_changes


def two_inputs():
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    return keras.Model([a, b], layers.Dense(2)(layers.Concatenate()([a, b])))


def rows(*sizes, seed=0):
    random = np.random.default_rng(seed)
    return [random.normal(size=(count, width)).astype("float32") for count, width in sizes]


def test_several_inputs_go_the_short_way_too():
    model = two_inputs()
    x = rows((5, 3), (5, 2))
    first = model.predict(x, verbose=0)
    assert model._compiled_call.find(model) is not None
    np.testing.assert_array_equal(model.predict(x, verbose=0), first)
    np.testing.assert_allclose(model.predict({"a": x[0], "b": x[1]}, verbose=0), first, atol=1e-5)
    np.testing.assert_allclose(model.predict([a[:3] for a in x], verbose=0), first[:3], atol=1e-5)


def test_what_does_not_fit_is_explained_on_the_short_way_too():
    model = two_inputs()
    model.predict(rows((5, 3), (5, 2)), verbose=0)
    with pytest.raises(ValueError, match="number of samples"):
        model.predict(rows((5, 3), (4, 2)), verbose=0)
    with pytest.raises(ValueError, match="takes 2 inputs, got 1"):
        model.predict(rows((5, 3)), verbose=0)


def test_the_size_of_plain_arrays():
    a, b = rows((5, 3), (4, 2))
    assert size_of(a, nested=False) == 5
    assert size_of([a, a], nested=True) == 5
    assert size_of([a, a], nested=False) == 0  # a list of rows
    assert size_of([a, b], nested=True) == 0
    assert size_of(np.array(["text"]), nested=False) == 0
    assert size_of(np.float32(1), nested=False) == 0


def test_a_program_is_found_again_until_something_changes():
    model = keras.Sequential([layers.Input((3,)), layers.Dense(2), layers.Dense(1)])
    x = rows((1, 3))[0]
    model.predict(x, verbose=0)
    found = model._compiled_call.find(model)
    assert model._compiled_call.find(model) is found
    model.layers[0].trainable = False
    assert model._compiled_call.find(model) is not found


def test_a_snapshot_sees_what_containers_hold():
    class Owner:
        pass

    owner = Owner()
    owner.parts = {"list": [1.5], "pair": (object(), [])}
    snapshot = Snapshot([owner])
    assert snapshot.holds()
    owner.parts["pair"][1].append("new")
    assert not snapshot.holds()


def test_only_changes_come_back():
    weight, count, new = object(), object(), object()
    before = TrainState([weight], [count], [], [])
    assert only_changes(before, TrainState([weight], [new], [], [])).trainable == [None]
    assert only_changes(before, TrainState([weight], [new], [], [])).non_trainable == [new]


def test_buckets():
    assert [bucket_of(n, 20) for n in (1, 2, 5, 17)] == [1, 2, 8, 20]
    np.testing.assert_array_equal(filled(np.array([[1], [2]]), 4), [[1], [2], [2], [2]])


def test_numbers_that_are_not_finite_are_told_on_the_short_way_too():
    model = two_inputs()
    x = rows((5, 3), (5, 2))
    model.predict(x, verbose=0)
    x[0][2, 1] = np.nan
    with pytest.warns(UserWarning, match="1 NaN in x"):
        assert np.isnan(model.predict(x, verbose=0)[2]).all()


def graph(function):
    inputs = keras.Input((4,))
    return keras.Model(inputs, function(inputs))


@pytest.mark.parametrize(
    "function",
    [lambda x: ops.sum(x), lambda x: ops.unique(x, size=20), lambda x: ops.sum(x, axis=0)],
    ids=["a number", "values", "a row"],
)
def test_outputs_of_a_batch_as_a_whole_are_not_filled_up_or_cut(function):
    model = graph(function)
    x = rows((3, 4))[0]  # which would be filled up to four
    for _ in range(2):  # the long way and the short one
        np.testing.assert_allclose(model.predict(x, verbose=0), function(x), atol=1e-6)
    np.testing.assert_allclose(model.predict(x[:1], verbose=0), function(x[:1]), atol=1e-6)


def test_numbers_of_several_batches_are_not_put_together():
    model = graph(ops.sum)
    x = rows((4, 4))[0]
    with pytest.raises(ValueError, match="one number per batch, and there are 2 batches"):
        model.predict(x, batch_size=2, verbose=0)


@pytest.mark.parametrize("compiled", [False, True])
def test_sizes_that_depend_on_values_go_uncompiled(compiled):
    model = graph(lambda x: ops.nonzero(x > 0))
    if compiled:
        model.compile("sgd", "mse")
    x = rows((3, 4))[0]
    with pytest.raises(TypeError, match="model.run_eagerly = True"):
        model.predict(x, verbose=0)
    model.run_eagerly = True
    for found, wanted in zip(model.predict(x, verbose=0), np.nonzero(x > 0), strict=True):
        np.testing.assert_array_equal(found, wanted)
    whole = model.predict(x, batch_size=2, verbose=0)  # as the batches come
    assert len(whole[0]) == (x > 0).sum()


def test_rows_of_uncompiled_batches():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    x = rows((5, 4))[0]
    wanted = model.predict(x, batch_size=2, verbose=0)
    model.run_eagerly = True
    np.testing.assert_allclose(model.predict(x, batch_size=2, verbose=0), wanted, atol=1e-6)


class Centred(keras.Layer):
    """Rows less the mean of their batch: what is in a batch counts for each of its rows."""

    def call(self, x):
        return x - ops.mean(x, axis=0, keepdims=True)


class Normalized(keras.Layer):
    def __init__(self):
        super().__init__()
        self.norm = layers.BatchNormalization()

    def call(self, x):
        return self.norm(x, training=True)


@pytest.mark.parametrize(
    "layer", [Centred, Normalized, lambda: layers.Softmax(axis=0)], ids=["mean", "batch", "softmax"]
)
@pytest.mark.parametrize("size", [5, 11])
def test_rows_that_depend_on_their_batch_are_not_filled_up(layer, size):
    x = np.random.default_rng(0).normal(size=(size, 4)).astype("float32")
    model = keras.Sequential([keras.Input((4,)), layer()])
    for _ in range(2):  # the second time by the program that is there
        found = model.predict(x, batch_size=8, verbose=0)
        each = [model(part, training=False) for part in (x[:8], x[8:]) if len(part)]
        np.testing.assert_allclose(found, np.concatenate(each), atol=1e-6)


def test_whether_rows_stand_apart_is_tried_once():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2), layers.Dropout(0.5)])
    for size in (3, 5, 6, 8):
        assert model.predict(np.ones((size, 4)), verbose=0).shape == (size, 2)
    (program,) = model._programs.values()
    assert program.rows_apart
    assert program.program._cache_size() == 2  # of 4 and 8 rows
