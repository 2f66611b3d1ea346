"""`Dataset`: what its methods do, with random access and in order, one by one and in threads."""

import copy
import gc
import itertools
import json
import multiprocessing
import os
import pickle
import threading

import numpy as np
import pytest

from cornu.data import AUTOTUNE, Dataset
from cornu.data.pipeline.operations import threads_of
from cornu.data.pipeline.waits import Waits
from cornu.data.skip import SkipElement


def streamed(data):
    """The same elements without random access."""
    return data.filter(lambda *element: True)


def numbers(data):
    return [int(n) for n in data]


KINDS = {"indexed": lambda data: data, "streamed": streamed}


@pytest.fixture(params=KINDS)
def ten(request):
    return KINDS[request.param](Dataset.range(10))


# What is done to the numbers below ten, and what comes of it.
OPERATIONS = {
    "map": (lambda d: d.map(lambda n: n * n), [n * n for n in range(10)]),
    "map in threads": (
        lambda d: d.map(lambda n: n * n, num_parallel_calls=3),
        [n * n for n in range(10)],
    ),
    "map of batches": (lambda d: d.map(lambda n: n + 1, rowwise=True), range(1, 11)),
    "take": (lambda d: d.take(3), [0, 1, 2]),
    "take more": (lambda d: d.take(30), range(10)),
    "take all": (lambda d: d.take(-1), range(10)),
    "take none": (lambda d: d.take(0), []),
    "skip": (lambda d: d.skip(7), [7, 8, 9]),
    "skip more": (lambda d: d.skip(70), []),
    "skip all": (lambda d: d.skip(-1), []),
    "shard": (lambda d: d.shard(4, 1), [1, 5, 9]),
    "repeat": (lambda d: d.repeat(2).skip(8), [8, 9, *range(10)]),
    "repeat endlessly": (lambda d: d.repeat().skip(9).take(3), [9, 0, 1]),
    "concatenate": (lambda d: d.concatenate(Dataset.range(3)).skip(9), [9, 0, 1, 2]),
    "filter": (lambda d: d.filter(lambda n: n % 4 == 0), [0, 4, 8]),
    "batch and back": (lambda d: d.batch(3).unbatch(), range(10)),
    "prefetch": (lambda d: d.prefetch(2), range(10)),
    "shuffle in a mirror": (
        lambda d: d.shuffle(10, seed=1).batch(10).map(np.sort).unbatch(),
        range(10),
    ),
    "apply": (lambda d: d.apply(lambda data: data.take(2)), [0, 1]),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(ten, name):
    operate, expected = OPERATIONS[name]
    assert numbers(operate(ten)) == list(expected)


@pytest.mark.parametrize("name", OPERATIONS)
def test_random_access_gives_what_iteration_gives(name):
    data = OPERATIONS[name][0](Dataset.range(10))
    if data.stage.indexed:
        assert [int(data[i]) for i in range(len(data))] == list(OPERATIONS[name][1])
        assert len(data) == data.cardinality() == len(list(OPERATIONS[name][1]))


def test_structures(ten):
    data = Dataset.zip(ten, ten.map(lambda n: {"x": np.ones(2) * n, "none": None}))
    batches = list(data.enumerate(5).batch(4, drop_remainder=True))
    assert len(batches) == 2
    number, (n, rest) = batches[1]
    assert number.tolist() == [9, 10, 11, 12] and n.tolist() == [4, 5, 6, 7]
    assert rest["x"].tolist() == [[4, 4], [5, 5], [6, 6], [7, 7]] and rest["none"] is None
    named = Dataset.zip({"a": ten, "b": (ten, ten)})
    assert next(iter(named))["b"] == (0, 0)


def test_a_shuffle_is_a_permutation_of_each_pass(ten):
    data = ten.shuffle(10, seed=3)
    first, second = numbers(data), numbers(data)
    assert sorted(first) == sorted(second) == list(range(10)) and first != second
    assert numbers(ten.shuffle(10, seed=3)) == first
    fixed = ten.shuffle(10, seed=3, reshuffle_each_iteration=False)
    assert numbers(fixed) == numbers(fixed) == first


def test_repeated_passes_have_orders_of_their_own():
    twice = numbers(Dataset.range(10).shuffle(10, seed=3).repeat(2))
    data = Dataset.range(10).shuffle(10, seed=3)
    assert twice == numbers(data) + numbers(data)
    endless = Dataset.range(10).repeat().shuffle(5, seed=1)
    assert sorted(int(endless[i]) for i in range(5)) == list(range(5))
    assert numbers(endless.take(12)) == [int(endless[i]) for i in range(12)]


@pytest.mark.parametrize("workers", [None, 1, 2, 5, AUTOTUNE])
def test_the_same_elements_whatever_the_number_of_threads(workers):
    x = np.random.default_rng(0).normal(size=(50, 3))
    data = Dataset.from_arrays(x, np.arange(50)).shuffle(50, seed=1)
    data = data.map(lambda x, y: (x * 2, y), num_parallel_calls=workers).batch(8)
    order = Dataset.range(50).shuffle(50, seed=1)
    expected = np.array(list(order))
    batches = list(data)
    assert [len(y) for _, y in batches] == [8] * 6 + [2]
    assert np.concatenate([y for _, y in batches]).tolist() == expected.tolist()
    assert np.array_equal(np.concatenate([x for x, _ in batches]), x[expected] * 2)


def test_lengths():
    endless = Dataset.range(3).repeat()
    unknown = streamed(Dataset.range(3))
    assert endless.cardinality() == endless.batch(2).cardinality() == -1
    assert unknown.cardinality() == unknown.batch(2).cardinality() == -2
    assert Dataset.zip(endless, Dataset.range(4)).cardinality() == 4
    assert Dataset.range(7).batch(2).cardinality() == 4
    assert Dataset.range(7).batch(2, drop_remainder=True).cardinality() == 3
    for data in (endless, unknown):
        with pytest.raises(TypeError, match="cardinality"):
            len(data)
    assert bool(Dataset.range(0)) and "0 elements" in repr(Dataset.range(0))
    assert threads_of(AUTOTUNE) >= 1


def test_a_function_that_writes_into_its_argument_leaves_the_data_alone():
    x = np.ones((4, 2))

    def scale(row):
        row *= 5
        return row

    data = Dataset.from_arrays(x).map(scale)
    assert list(data)[0].tolist() == data[0].tolist() == [5, 5] and x.max() == 1


def test_generators_are_called_for_each_pass():
    calls = itertools.count()

    def make(stop):
        next(calls)
        yield from range(stop)

    data = Dataset.from_generator(make, args=(3,))
    assert numbers(data) == numbers(data) == [0, 1, 2] and next(calls) == 2


def test_sources():
    class Squares:
        work = "squaring"

        def __len__(self):
            return 5

        def __getitem__(self, i):
            return {"n": i, "square": np.full(2, i * i)}

    class Gathering(Squares):
        def gather(self, indices):
            return {"n": indices, "square": np.stack([indices**2] * 2, 1)}

    batches = [list(Dataset.from_source(s()).batch(2)) for s in (Squares, Gathering)]
    for a, b in zip(*batches, strict=True):
        assert np.array_equal(a["n"], b["n"]) and np.array_equal(a["square"], b["square"])
    assert Dataset.from_source(Squares()).stage.work == "squaring"


def test_text():
    data = Dataset.from_tensor_slices((["a", "long", "c"], [1, 2, 3])).shuffle(3, seed=1)
    text, n = next(iter(data.map(lambda t, n: (t + "!", n)).batch(3)))
    pairs = dict(zip(text.tolist(), n.tolist(), strict=True))
    assert pairs == {"a!": 1, "long!": 2, "c!": 3}


# ---- mistakes -----------------------------------------------------------------------------------


def fails_at_seven(n):
    if n == 7:
        raise KeyError("seven")
    return n


@pytest.mark.parametrize("workers", [None, 3])
def test_an_error_in_a_function_names_function_element_and_line(ten, workers):
    data = ten.map(fails_at_seven, num_parallel_calls=workers).batch(4)
    with pytest.raises(KeyError) as caught:
        list(data)
    notes = "\n".join(caught.value.__notes__)
    assert "map(fails_at_seven) of element 7" in notes and "test_dataset.py:" in notes


MISTAKES = {
    "zip needs a tuple": (lambda d: Dataset.zip(3), TypeError, "zip takes data sets"),
    "no function": (lambda d: d.map(3), ValueError, "must be given a function"),
    "returns nothing": (lambda d: list(d.map(lambda n: None)), ValueError, "got None"),
    "shapes": (
        lambda d: list(d.map(lambda n: np.ones(n)).batch(2)),
        ValueError,
        "must not differ in shape",
    ),
    "structures": (
        lambda d: list(d.map(lambda n: (n,) * int(n + 1)).batch(2)),
        ValueError,
        "must not differ in structure",
    ),
    "lengths": (
        lambda d: Dataset.from_arrays(np.ones(3), np.ones(4)),
        ValueError,
        "same number of elements",
    ),
    "a scalar": (lambda d: Dataset.from_tensor_slices(3), ValueError, "first axis"),
    "a generator": (
        lambda d: Dataset.from_generator(iter([1])),
        TypeError,
        "from_generator needs a function",
    ),
    "no source": (lambda d: Dataset.from_source(iter([1])), TypeError, "must have __len__"),
    "rows": (
        lambda d: list(d.map(lambda n: n.sum(), rowwise=True).batch(2)),
        ValueError,
        "one row per element",
    ),
    "shard": (lambda d: d.shard(2, 2), ValueError, "less than num_shards"),
    "seed": (lambda d: d.shuffle(3, seed=-1), ValueError, "seed must be"),
    "index": (lambda d: d[10], IndexError, "out of bounds"),
    "no index": (lambda d: streamed(d)[0], TypeError, "no random access"),
    "concatenate": (lambda d: d.concatenate([1]), TypeError, "takes a Dataset"),
    "no stage": (lambda d: Dataset([1, 2]), TypeError, "from_arrays"),
    "seeds": (lambda d: setattr(d, "seeds", [1]), ValueError, "the Dataset 0 shuffles"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    make, kind, message = MISTAKES[name]
    with pytest.raises(kind, match=message):
        make(Dataset.range(10))


def test_skip_after_shuffle_warns():
    data = Dataset.range(10).shuffle(10)
    with pytest.warns(UserWarning, match="skip after shuffle"):
        data.skip(5)
    fixed = Dataset.range(10).shuffle(10, reshuffle_each_iteration=False)
    assert sorted(numbers(fixed.take(4)) + numbers(fixed.skip(4))) == list(range(10))


class WithHoles:
    """Numbers, of which some cannot be read."""

    def __len__(self):
        return 12

    def __getitem__(self, i):
        if i in (0, 4, 5, 6, 7, 11):
            raise SkipElement
        return i


HOLES = {
    "one by one": lambda d: d,
    "in threads": lambda d: d.map(lambda n: n, num_parallel_calls=2),
    "in batches": lambda d: d.batch(4).unbatch(),
    "rowwise": lambda d: d.map(lambda n: n, rowwise=True).batch(3).unbatch(),
    "cached": lambda d: d.cache().concatenate(d.cache()).take(12).batch(5).unbatch(),
    "with a number": lambda d: d.enumerate().batch(4).map(lambda i, n: n).unbatch(),
    "zipped": lambda d: Dataset.zip(d, d).batch(4).map(lambda i, n: n).unbatch(),
    "repeated": lambda d: d.repeat(2).batch(7).unbatch().take(6),
    "by the function": lambda d: Dataset.range(12).map(lambda n: WithHoles()[n]),
    "streamed": lambda d: streamed(Dataset.range(12)).map(lambda n: WithHoles()[n], 2),
}


@pytest.mark.parametrize("name", HOLES)
def test_elements_that_are_left_out(name):
    assert numbers(HOLES[name](Dataset.from_source(WithHoles()))) == [1, 2, 3, 8, 9, 10]


def test_places_count_what_is_left_out():
    data = Dataset.from_source(WithHoles())
    iterator = iter(data)
    assert [next(iterator) for _ in range(4)] == [1, 2, 3, 8]
    assert data.state()["index"] == 9
    assert numbers(Dataset.from_source(WithHoles()).restore(data.state())) == [9, 10]
    assert [batch.tolist() for batch in data.batch(4)] == [[1, 2, 3], [8, 9, 10]]


# ---- places, specs, processes -------------------------------------------------------------------


@pytest.mark.parametrize("workers", [None, 2])
def test_an_iterator_goes_on_where_another_one_was(ten, workers):
    def make():
        return ten.shuffle(10, seed=7).map(lambda n: n * 2, num_parallel_calls=workers)

    data = make()
    list(data)
    iterator = iter(data)
    next(iterator), next(iterator)
    state = json.loads(json.dumps(data.state()))
    assert state == {"pass": 1, "index": 2, "seeds": [7]} == iterator.get_state()
    rest = list(iterator)
    other = ten.shuffle(10).map(lambda n: n * 2)
    assert list(other.restore(state)) == rest
    third = iter(make())
    next(third)
    third.set_state(state)
    assert list(third) == rest
    for wrong in ({}, {**state, "index": -1}, {**state, "seeds": [1, 2]}, 3):
        with pytest.raises(ValueError, match="restore must be given|The state has"):
            data.restore(wrong)


def test_the_spec_of_elements():
    data = Dataset.from_arrays({"a": np.zeros((9, 2), "float32")}, np.arange(9))
    a, n = data.element_spec
    assert a["a"].shape == (2,) and a["a"].dtype == "float32" and n.shape == ()
    assert data.batch(4).element_spec[0]["a"].shape == (None, 2)
    assert data.batch(3).element_spec[1].shape == (3,)
    assert data.batch(4, drop_remainder=True).element_spec[1].shape == (4,)
    with pytest.raises(ValueError, match="no element_spec"):
        _ = Dataset.range(0).element_spec


def test_an_unknown_method_is_answered():
    with pytest.raises(AttributeError, match="did you mean 'prefetch'"):
        Dataset.range(3).prefecth(1)
    assert not hasattr(Dataset.range(3), "interleave")


def test_copies_and_pickles_give_the_same_elements():
    data = Dataset.from_arrays(np.arange(8)).shuffle(8, seed=1).map(np.negative).cache().batch(3)
    first = [batch.tolist() for batch in data]
    for twin in (copy.copy(data), copy.deepcopy(data), pickle.loads(pickle.dumps(data))):
        twin.passes = 0
        assert [batch.tolist() for batch in twin] == first


def plus_one(n):
    if n == 99:
        raise ArithmeticError("by design")
    return n + 1, np.int64(os.getpid())


def test_functions_in_processes():
    data = Dataset.range(40).map(plus_one, num_parallel_calls=2, use_multiprocessing=True)
    for _ in range(2):
        found = list(data.batch(5))
        assert np.concatenate([n for n, _ in found]).tolist() == list(range(1, 41))
        assert os.getpid() not in np.concatenate([pid for _, pid in found])
    bad = Dataset.range(99, 101).map(plus_one, num_parallel_calls=1, use_multiprocessing=True)
    with pytest.raises(ArithmeticError) as caught:
        list(bad)
    assert "map(plus_one) of element 0" in "\n".join(caught.value.__notes__)
    with pytest.raises(ValueError, match="cannot be sent to other processes"):
        list(Dataset.range(3).map(lambda n: n, 1, use_multiprocessing=True))
    children = multiprocessing.active_children()
    del data, bad, caught
    gc.collect()
    assert not any(child.is_alive() for child in children)


def test_nothing_is_left_running(ten):
    data = ten.map(lambda n: n, num_parallel_calls=3).prefetch(2)
    iterator = iter(data)
    next(iterator)
    iterator.close()
    for _ in data:
        break
    gc.collect()
    working = [t for t in threading.enumerate() if "Dataset-worker-" in t.name]
    for thread in working:
        thread.join(5)
    assert not any(thread.is_alive() for thread in working)


def test_the_report_says_who_waited_for_whom():
    clocks = Dataset.range(8).map(lambda n: np.ones(3) * n, name="decoding", num_parallel_calls=2)
    data = clocks.map(lambda x: (x, x), name="augmenting").batch(2)
    waits = Waits(data.stage.all_stages())
    for stage, seconds in zip(data.stage.all_stages(), (0, 6, 2, 0), strict=True):
        stage.clock.seconds = seconds
    waits.waited, waits.passed = 4.0, 8.0
    data.waits = waits
    assert data.report() == 'input 50 %: decoding 38, augmenting 12; fix: .cache("disk")'
    waits.waited = 0.1
    assert "fix" not in data.report()
