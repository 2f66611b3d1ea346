"""The first batch is read ahead, given all the same, and let go when nobody wants it."""

import threading

import numpy as np

from cornu.data.arrays import ArraySource
from cornu.data.dataset import PyDataset, PyDatasetSource
from cornu.data.foreign import IterableSource
from cornu.data.peek import Peeked, example_of


class Numbers(PyDataset):
    def __len__(self):
        return 20

    def __getitem__(self, index):
        return (np.full((2, 1), index),)


def numbers(batches):
    return [int(batch.data[0][0, 0]) for batch in batches]


def workers():
    return [t for t in threading.enumerate() if "Numbers-worker" in t.name]


def test_shapes_are_known_and_no_batch_is_lost():
    source, example = example_of(PyDatasetSource(Numbers()))
    assert example[0].shape == (2, 1)
    assert numbers(source.batches(0)) == numbers(source.batches(1)) == list(range(20))


def test_arrays_need_no_look():
    source = ArraySource(np.zeros((5, 3)), batch_size=2)
    same, example = example_of(source)
    assert same is source and example[0].shape == (2, 3)


def test_an_empty_source_has_no_example():
    source = IterableSource(lambda: iter([]), name="nothing", once=False)
    source.batches = lambda epoch, first=0: iter([])
    assert example_of(source)[1] is None


def test_closing_before_the_first_epoch_ends_the_workers():
    peeked = Peeked(PyDatasetSource(Numbers(workers=2)))
    assert peeked.first is not None and workers()
    peeked.close()
    assert not workers()


def test_closing_an_epoch_early_ends_the_workers():
    peeked = Peeked(PyDatasetSource(Numbers(workers=2)))
    batches = peeked.batches(0)
    next(batches)
    batches.close()
    assert not workers()
