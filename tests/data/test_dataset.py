"""PyDataset: order, epochs, threads, processes, and how workers fail."""

import os
import threading
import time

import numpy as np
import pytest

from cornu.data.dataset import PyDataset, PyDatasetSource


class Numbers(PyDataset):
    """Batch k holds the number k, shifted by 100 after each epoch."""

    def __init__(self, count=6, **options):
        super().__init__(**options)
        self.count = count
        self.shift = 0
        self.log = []

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if self.workers > 1:
            time.sleep(0.002 * (index % 3))  # workers finish out of order
        return np.full((2, 1), index + self.shift), np.full(2, os.getpid())

    def on_epoch_begin(self):
        self.log.append("begin")

    def on_epoch_end(self):
        self.shift += 100
        self.log.append("end")


class Endless(PyDataset):
    num_batches = None

    def __getitem__(self, index):
        return (np.full((2, 1), index),)


class Broken(Numbers):
    def __getitem__(self, index):
        if index == 2:
            raise KeyError("no such file")
        return super().__getitem__(index)


class Dying(Numbers):
    def __getitem__(self, index):
        if index == 1:
            os._exit(7)
        return super().__getitem__(index)


class Stuck(Numbers):
    """Waits for an event in batch 1, so that the test can let it go."""

    def __init__(self, **options):
        super().__init__(**options)
        self.go = threading.Event()

    def __getitem__(self, index):
        if index == 1:
            self.go.wait(30)
        return super().__getitem__(index)


def numbers(source, epoch=0):
    return [int(batch.data[0][0, 0]) for batch in source.batches(epoch)]


def test_the_public_face():
    dataset = PyDataset(workers=2, use_multiprocessing=True, max_queue_size=3)
    assert (dataset.workers, dataset.use_multiprocessing, dataset.max_queue_size) == (2, True, 3)
    with pytest.raises(NotImplementedError, match="__len__"):
        dataset.num_batches  # noqa: B018
    with pytest.raises(NotImplementedError, match="__getitem__"):
        dataset[0]
    assert Numbers(3).num_batches == 3
    assert [int(x[0, 0]) for x, _ in Numbers(3)] == [0, 1, 2]


def test_a_subclass_that_forgets_super_init_works():
    class Careless(PyDataset):
        def __init__(self):
            pass

        def __len__(self):
            return 2

        def __getitem__(self, index):
            return (np.full((1, 1), index),)

    assert numbers(PyDatasetSource(Careless())) == [0, 1]


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_batches_come_in_order(workers):
    source = PyDatasetSource(Numbers(12, workers=workers, max_queue_size=2))
    assert numbers(source) == list(range(12))
    assert source.num_batches == 12


@pytest.mark.parametrize("workers", [1, 3])
def test_shuffled_order_depends_on_seed_and_epoch_alone(workers):
    def order(epoch):
        return numbers(PyDatasetSource(Numbers(8, workers=workers), shuffle=True, seed=3), epoch)

    assert order(0) == order(0) != order(1)
    assert sorted(order(1)) == list(range(8))


def test_epochs_are_announced_and_may_change_the_data():
    dataset = Numbers(2, workers=2)
    source = PyDatasetSource(dataset)
    assert numbers(source, 0) == [0, 1]
    source.epoch_end(0)
    assert numbers(source, 1) == [100, 101]
    assert dataset.log == ["begin", "end", "begin"]


def test_steps_go_on_in_the_next_epoch():
    source = PyDatasetSource(Numbers(3), steps=2)
    assert [numbers(source, epoch) for epoch in range(3)] == [[0, 1], [2, 0], [1, 2]]
    with pytest.warns(UserWarning, match="has 3 batches, not the 9 steps"):
        assert PyDatasetSource(Numbers(3), steps=9).num_batches == 3


def test_endless_data():
    with pytest.raises(ValueError, match="steps_per_epoch"):
        PyDatasetSource(Endless())
    source = PyDatasetSource(Endless(), steps=3)
    assert [numbers(source, epoch) for epoch in range(2)] == [[0, 1, 2], [3, 4, 5]]


def test_no_batches_at_all():
    with pytest.raises(ValueError, match="Numbers has no batches"):
        numbers(PyDatasetSource(Numbers(0)))


def test_class_weights():
    class Labelled(Numbers):
        def __getitem__(self, index):
            return np.zeros((2, 1)), np.array([0, index])

    source = PyDatasetSource(Labelled(2), class_weight={0: 1.0, 1: 4.0})
    assert [batch.data[2].tolist() for batch in source.batches(0)] == [[1, 1], [1, 4]]


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_names_the_batch(workers):
    source = PyDatasetSource(Broken(workers=workers))
    got = []
    with pytest.raises(KeyError, match="no such file") as caught:
        for batch in source.batches(0):
            got.append(batch)
    assert len(got) == 2
    assert "batch 2 of Broken" in caught.value.__notes__[0]


def test_a_hanging_worker_is_named():
    dataset = Stuck(workers=2)
    source = PyDatasetSource(dataset, warn_after=0.05, give_up_after=0.2)
    with (
        pytest.warns(UserWarning, match="Worker [01] of Stuck has worked on batch 1"),
        pytest.raises(TimeoutError, match="Worker [01] of Stuck hangs: batch 1"),
    ):
        numbers(source)
    dataset.go.set()


def test_stopping_early_ends_the_threads():
    source = PyDatasetSource(Numbers(100, workers=3))
    batches = source.batches(0)
    next(batches)
    batches.close()
    assert not [t for t in threading.enumerate() if "Numbers-worker" in t.name]


def test_at_most_max_queue_size_batches_are_made_ahead():
    made = []

    class Counted(Numbers):
        def __getitem__(self, index):
            made.append(index)
            return super().__getitem__(index)

    batches = PyDatasetSource(Counted(50, workers=2, max_queue_size=4)).batches(0)
    for used in range(1, 20):
        next(batches)
        assert len(made) <= used + 4
    batches.close()


# ---- processes: each test starts some, so there are few -----------------------------------------


def test_processes_make_batches_in_order_and_follow_the_epochs():
    source = PyDatasetSource(Numbers(5, workers=2, use_multiprocessing=True))
    try:
        pids = {int(batch.data[1][0]) for batch in source.batches(0)}
        assert os.getpid() not in pids and 1 <= len(pids) <= 2
        source.epoch_end(0)
        batches = source.batches(1)  # stopping early keeps the processes usable
        next(batches)
        batches.close()
        assert numbers(source, 1) == [100, 101, 102, 103, 104]
        assert {int(batch.data[1][0]) for batch in source.batches(2)} <= {
            process._process.pid for process in source._processes
        }
    finally:
        source.close()
    assert source._processes == []


def test_errors_in_processes():
    source = PyDatasetSource(Broken(workers=1, use_multiprocessing=True))
    with pytest.raises(KeyError, match="no such file") as caught:
        numbers(source)
    notes = "\n".join(caught.value.__notes__)
    assert "batch 2 of Broken" in notes and "in the worker's process" in notes
    source.close()


def test_a_process_that_dies_is_named():
    source = PyDatasetSource(Dying(workers=1, use_multiprocessing=True))
    with pytest.raises(
        RuntimeError, match="Worker 0 of Dying died while it made batch 1"
    ) as caught:
        numbers(source)
    assert "exit_code: 7" in str(caught.value)
    source.close()


def test_what_cannot_be_pickled_is_explained():
    source = PyDatasetSource(Stuck(workers=2, use_multiprocessing=True))
    with pytest.raises(ValueError, match="cannot be sent to other processes"):
        numbers(source)


def test_a_dataset_that_does_not_say_its_length_goes_on():
    class Numbers(PyDataset):
        def __getitem__(self, index):
            return index

    assert [n for n, _ in zip(Numbers(), range(3), strict=False)] == [0, 1, 2]
