"""Generators and the loaders of other libraries, known by their methods."""

import sys

import numpy as np
import pytest

from cornu.data.foreign import foreign_source


def counting(limit):
    for n in range(limit):
        yield np.full((2, 1), n), np.full(2, n)


def numbers(source, epoch):
    return [int(batch.data[0][0, 0]) for batch in source.batches(epoch)]


def test_the_length_of_a_generator_is_learned():
    source = foreign_source(counting(3))
    assert source.num_batches is None
    assert numbers(source, 0) == [0, 1, 2]
    assert source.num_batches == 3


def test_a_generator_goes_on_through_the_epochs():
    generator = counting(100)
    source = foreign_source(generator, steps=2)
    assert [numbers(source, epoch) for epoch in range(3)] == [[0, 1], [2, 3], [4, 5]]
    source.close()
    assert int(next(generator)[0][0, 0]) == 6  # the user's generator is left as it was


def test_stopping_early_leaves_the_generator_open():
    generator = counting(100)
    batches = foreign_source(generator).batches(0)
    next(batches)
    batches.close()
    assert int(next(generator)[0][0, 0]) == 1


def test_a_generator_that_ends_says_so_once():
    source = foreign_source(counting(3), steps=2)
    assert numbers(source, 0) == [0, 1]
    with pytest.warns(UserWarning, match="ran out of data: 1 of 2 batches in epoch 2"):
        assert numbers(source, 1) == [2]
    assert numbers(source, 2) == []
    read_twice = foreign_source(counting(3))
    numbers(read_twice, 0)
    with pytest.warns(UserWarning, match="no batch in epoch 2") as caught:
        assert numbers(read_twice, 1) == []
    assert "PyDataset" in str(caught[0].message)


def test_an_empty_generator_is_an_error():
    with pytest.raises(ValueError, match="gave no batch"):
        numbers(foreign_source(iter([])), 0)


def test_items_that_are_no_batches():
    with pytest.raises(ValueError, match="must give a batch, got a list of 2"):
        numbers(foreign_source(iter([[np.ones(2), np.ones(2)]])), 0)


def test_class_weights():
    data = iter([(np.zeros((2, 1)), np.array([0, 1])), (np.zeros((2, 1)), np.array([1, 1]))])
    source = foreign_source(data, class_weight={0: 1.0, 1: 3.0})
    assert [b.data[2].tolist() for b in source.batches(0)] == [[1, 3], [3, 3]]


def foreign(module, **members):
    """An object whose class seems to come from another library."""
    return type("Loader", (), {"__module__": module, **members})()


def test_torch():
    loader = foreign(
        "torch.utils.data.dataloader",
        __iter__=lambda self: ([np.full((2, 1), n), np.zeros(2)] for n in range(3)),
        __len__=lambda self: 3,
        collate_fn=None,
        batch_size=2,
    )
    source = foreign_source(loader)
    assert (source.num_batches, source.batch_size) == (3, 2)
    assert numbers(source, 0) == numbers(source, 1) == [0, 1, 2]
    steps = foreign_source(loader, steps=2)
    assert [numbers(steps, epoch) for epoch in range(4)] == [[0, 1], [2, 0], [1, 2], [0, 1]]


def test_more_steps_than_a_pass_never_repeat_a_batch():
    loader = foreign(
        "torch.utils.data.dataloader",
        __iter__=lambda self: counting(3),
        __len__=lambda self: 3,
        collate_fn=None,
        batch_size=2,
    )
    with pytest.warns(UserWarning, match="3 of 5 batches"):
        source = foreign_source(loader, steps=5)
        assert numbers(source, 0) == numbers(source, 1) == [0, 1, 2]


@pytest.mark.parametrize(("cardinality", "known"), [(4, 4), (-2, None)])
def test_tensorflow(cardinality, known):
    dataset = foreign(
        "tensorflow.python.data.ops",
        as_numpy_iterator=lambda self: counting(4),
        cardinality=lambda self: np.int64(cardinality),
    )
    source = foreign_source(dataset)
    assert source.num_batches == known
    assert numbers(source, 0) == [0, 1, 2, 3]
    assert source.num_batches == 4


@pytest.mark.parametrize(
    "endless",
    [
        foreign("tensorflow.data", as_numpy_iterator=counting, cardinality=lambda self: -1),
        foreign("grain._src", __iter__=counting, __len__=lambda self: sys.maxsize),
    ],
)
def test_endless_data_need_steps(endless):
    with pytest.raises(ValueError, match="endless.*\n.*steps_per_epoch"):
        foreign_source(endless)
    assert foreign_source(endless, steps=7).num_batches == 7


def test_grain():
    dataset = foreign(
        "grain._src.python", __iter__=lambda self: counting(2), __len__=lambda self: 2
    )
    source = foreign_source(dataset)
    assert source.num_batches == 2 and numbers(source, 0) == [0, 1]


def test_what_is_not_foreign():
    assert foreign_source(np.zeros(3)) is None
    assert foreign_source([1, 2]) is None
