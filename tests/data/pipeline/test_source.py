"""Training on a `Dataset`: the same as on arrays, and exact when it goes on in the middle."""

import threading

import numpy as np
import pytest

import cornu as keras
from cornu.data import Dataset
from cornu.data.choose import source_for
from cornu.data.pipeline.source import pipeline_source
from cornu.data.source import Resident

X = np.random.default_rng(0).normal(size=(50, 3)).astype("float32")
Y = np.arange(50) % 2


def same(x, y):
    return x, y


def shuffled():
    return Dataset.from_arrays(X, Y).shuffle(50, seed=3)


def twice(data):
    return data.concatenate(data)


PIPELINES = {
    "rows": lambda: shuffled().batch(8),
    "full batches of rows": lambda: twice(shuffled()).take(96).batch(8),
    "mapped": lambda: shuffled().map(same).batch(8),
    "in threads": lambda: shuffled().map(same, num_parallel_calls=3).batch(8).prefetch(2),
    "batches mapped": lambda: shuffled().batch(8).map(same, num_parallel_calls=2),
    "streamed": lambda: shuffled().filter(lambda x, y: True).batch(8),
    "streamed ahead": lambda: (
        shuffled().filter(lambda x, y: True).map(same, 2).batch(8).prefetch(1)
    ),
    "repeated": lambda: shuffled().repeat().map(same).batch(8),
    "repeated stream": lambda: shuffled().filter(lambda x, y: True).repeat().batch(8),
}


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    model.start = model.get_weights()
    return model


def trained(model, data, epochs=3, **options):
    model.set_weights(model.start)
    history = model.fit(data, epochs=epochs, verbose=0, shuffle=False, **options)
    return history.history["loss"]


@pytest.fixture(scope="module")
def expected(model):
    data = shuffled().batch(8)
    batches = [batch for _ in range(3) for batch in data]
    return trained(model, iter(batches), steps_per_epoch=7)


@pytest.mark.parametrize("name", PIPELINES)
def test_every_pipeline_trains_alike(name, model, expected):
    data = PIPELINES[name]()
    if "repeated" in name or "full" in name:  # other batches
        data = data.take(7)
        assert len(trained(model, data)) == 3
        return
    assert trained(model, data) == expected
    assert model.predict(data, verbose=0).shape == (50, 2)
    assert model.evaluate(data, verbose=0) > 0


def test_rows_of_arrays_stay_on_the_device():
    resident = [
        isinstance(pipeline_source(make(), steps=5), Resident) for make in PIPELINES.values()
    ]
    # A last, smaller batch ends a pass, in the middle of an epoch of 5 steps.
    assert resident == [False, True] + [False] * (len(PIPELINES) - 2)
    assert isinstance(pipeline_source(PIPELINES["rows"]()), Resident)
    structures = Dataset.from_arrays({"a": X, "b": X}, Y).batch(8)
    source = source_for(structures, input_names=["a"])
    assert isinstance(source, Resident) and list(source.arrays[0]) == ["a"]


def batches_of(source, epoch, first=0):
    return [np.asarray(batch.data[0]) for batch in source.batches(epoch, first)]


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize("steps", [None, 5])
def test_a_run_goes_on_where_another_one_stopped(name, steps):
    if steps is None and "repeated" in name:
        return
    whole = pipeline_source(PIPELINES[name](), steps=steps)
    whole.keeps_positions = True
    seen, places = [], {}
    for epoch in range(3):
        places[epoch, 0] = whole.position(None)
        seen.append([])
        if isinstance(whole, Resident):
            seen[-1] = batches_of(whole, epoch)
            places |= {(epoch, n): whole.position(n) for n in range(1, len(seen[-1]) + 1)}
        else:
            for number, batch in enumerate(whole.batches(epoch), 1):
                seen[-1].append(np.asarray(batch.data[0]))
                places[epoch, number] = whole.position(number)
        whole.epoch_end(epoch)
    for (epoch, step), place in list(places.items())[1::3]:
        source = pipeline_source(PIPELINES[name]().map(same), steps=steps)  # never resident
        source.go_to(epoch, step, place)
        for later in range(epoch, 3):
            rest = batches_of(source, later, step if later == epoch else 0)
            wanted = seen[later][step if later == epoch else 0 :]
            assert len(rest) == len(wanted) and all(map(np.array_equal, rest, wanted))
        source.close()
    whole.close()


def test_steps_cut_epochs_from_an_endless_run():
    data = shuffled().map(same).batch(8)
    order = [x for _ in range(3) for x, _ in data]
    source = pipeline_source(shuffled().map(same).batch(8), steps=5)
    cut = [x for epoch in range(4) for x in batches_of(source, epoch)]
    assert all(map(np.array_equal, cut, order)) and len(cut) == 20


def test_a_second_fit_sees_other_orders(model):
    seen = []

    def watch(x, y):
        seen.append(float(x[0]))
        return x, y

    data = shuffled().map(watch).batch(50)
    for options in ({"epochs": 2}, {"epochs": 4, "initial_epoch": 2}, {"epochs": 2}):
        model.fit(data, verbose=0, **options)
    passes = [seen[i : i + 50] for i in range(0, len(seen), 50)]
    again = [[float(x[0]) for x, _ in data] for data in [shuffled()] for _ in range(6)]
    assert passes == again


def test_weights_of_classes_and_samples(model):
    weights = np.where(Y == 1, 3.0, 1.0).astype("float32")
    weighted = trained(model, Dataset.from_arrays(X, Y, weights).batch(8), 2)
    for data in (Dataset.from_arrays(X, Y).batch(8), Dataset.from_arrays(X, Y).map(same).batch(8)):
        assert trained(model, data, 2, class_weight={0: 1.0, 1: 3.0}) == pytest.approx(weighted)


def test_validation(model):
    data = Dataset.from_arrays(X, Y).batch(8)
    losses = []
    for held_out in ((X, Y), data, data.map(same)):
        model.set_weights(model.start)
        options = {"validation_data": held_out, "validation_batch_size": 8}
        losses.append(model.fit(data, **options, epochs=2, verbose=0).history["val_loss"])
    assert losses[0] == losses[1] == pytest.approx(losses[2])


MISTAKES = {
    "endless": (lambda: shuffled().batch(8).repeat(), "endless"),
    "single": (lambda: shuffled(), "must give batches"),
    "single mapped": (lambda: shuffled().map(same), "must give batches"),
    "empty": (lambda: shuffled().filter(lambda x, y: False).batch(2), "no data to fit"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name, model):
    make, message = MISTAKES[name]
    with pytest.raises(ValueError, match=message):
        model.fit(make(), verbose=0)


def test_a_part_for_validation_is_split_off_before(model):
    with pytest.raises(ValueError, match="split_dataset"):
        model.fit(shuffled().batch(8), validation_split=0.2)


def test_lists_are_batches_and_dicts_are_inputs(model):
    model.fit(shuffled().batch(8).map(lambda x, y: [x, y]), verbose=0)
    assert (
        model.predict(Dataset.from_arrays({"x": X}).map(lambda d: d["x"]).batch(8)).shape[0] == 50
    )


BACKUPS = {
    "seeds": {"seeds": [1, 2]},
    "seeds of another kind": {"seeds": "x"},
    "base": {"base": -1},
    "place": {"at": [1]},
}


@pytest.mark.parametrize("name", BACKUPS)
def test_backups_that_are_none(name):
    source = pipeline_source(shuffled().map(same).batch(8))
    with pytest.raises(ValueError, match="backup says|The state has"):
        source.go_to(1, 2, BACKUPS[name])


def working():
    """The threads that make elements."""
    return [t for t in threading.enumerate() if "-worker-" in t.name or "prefetch" in t.name]


def test_an_error_passes_through_fit_and_no_thread_is_left(model):
    def fails(x, y):
        raise ZeroDivisionError("by design")

    with pytest.raises(ZeroDivisionError) as caught:
        model.fit(shuffled().map(fails, num_parallel_calls=2).batch(8), verbose=0)
    assert "map(fails) of element" in "\n".join(caught.value.__notes__)
    for thread in working():
        thread.join(5)
    assert not working()
