"""Batches through a background thread: order, errors, shutdown."""

import threading

import jax
import numpy as np
import pytest

from cornu.data.prefetch import prefetched, to_device
from cornu.data.source import Batch


def batches(count, closed=None):
    try:
        for n in range(count):
            yield Batch((np.full(3, n),), 3)
    finally:
        if closed is not None:
            closed.set()


def threads():
    return [t for t in threading.enumerate() if t.name == "cornu-prefetch"]


def test_everything_arrives_in_order():
    got = list(prefetched(batches(20)))
    assert [int(batch.data[0][0]) for batch in got] == list(range(20))
    assert threads() == []


def test_a_generator_may_write_its_buffer_again():
    def reuse():
        buffer = np.zeros(64, "float32")
        for n in range(10):
            buffer[:] = n
            yield Batch((buffer,), 64)

    got = [batch.data[0] for batch in prefetched(reuse(), depth=4)]
    assert [float(x.min()) for x in got] == [float(x.max()) for x in got] == list(range(10))


def test_an_error_comes_after_the_batches_before_it():
    def broken():
        yield from batches(3)
        raise KeyError("row 3")

    got = []
    with pytest.raises(KeyError, match="row 3"):
        for batch in prefetched(broken()):
            got.append(batch)
    assert len(got) == 3
    assert threads() == []


def test_an_error_on_the_way_to_the_device():
    def full(data):
        raise MemoryError("device")

    closed = threading.Event()
    with pytest.raises(MemoryError, match="device"):
        next(prefetched(batches(3, closed), place=full))
    assert closed.is_set()


def test_closing_early_ends_thread_and_batches():
    closed = threading.Event()
    stream = prefetched(batches(10**9, closed), depth=1)
    next(stream)
    assert len(threads()) == 1
    stream.close()
    assert closed.is_set() and threads() == []


def test_at_most_depth_batches_wait():
    made = []

    def counted():
        for batch in batches(10):
            made.append(batch)
            yield batch

    stream = prefetched(counted(), depth=2)
    for used in range(1, 10):
        next(stream)
        assert len(made) <= used + 3  # two wait, one is on its way
    stream.close()


def test_other_leaves_stay_as_they_are():
    x = jax.numpy.ones(2)
    out = to_device((x, None, {"a": np.ones(2)}))
    assert out[0] is x and out[1] is None and out[2]["a"].tolist() == [1, 1]


def test_accelerators_get_arrays_on_the_device(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    out = to_device((np.ones(2), None))
    assert isinstance(out[0], jax.Array) and out[1] is None


def test_batches_that_nobody_writes_to_are_not_copied():
    x = np.ones(64)
    assert to_device((x,), fresh=True)[0] is x
    assert not np.shares_memory(to_device((x,))[0], x)
