"""A source that is told where another one was goes on with the same batches."""

import numpy as np
import pytest

from cornu.data.arrays import ArraySource
from cornu.data.dataset import PyDataset, PyDatasetSource
from cornu.data.foreign import IterableSource
from cornu.data.peek import example_of


class Shuffled(PyDataset):
    """Draws the order of its rows when an epoch ends; the order is all that changes."""

    def __init__(self):
        super().__init__()
        self.order = np.arange(5)
        self.random = np.random.default_rng(0)
        self.made = 0

    def __len__(self):
        return 5

    def __getitem__(self, index):
        self.made += 1
        return (np.full((1, 1), self.order[index], "float32"),)

    def on_epoch_end(self):
        self.random.shuffle(self.order)


class Counting:
    """An endless iterator that tells and takes its place."""

    def __init__(self):
        self.next = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.next += 1
        return (np.full((1, 1), self.next, "float32"),)

    def get_state(self):
        return {"next": self.next}

    def set_state(self, state):
        self.next = state["next"]


def endless():
    number = 0
    while True:
        number += 1
        yield (np.full((1, 1), number, "float32"),)


def rows():
    return np.arange(5, dtype="float32")[:, None]


SOURCES = {
    "arrays": lambda: ArraySource(rows(), batch_size=1, shuffle=True, seed=np.random.randint(99)),
    "data set": lambda: PyDatasetSource(Shuffled(), shuffle=True),
    "iterator with a state": lambda: IterableSource(Counting, name="it", once=False, steps=5),
    "generator": lambda: IterableSource(lambda g=endless(): g, name="it", once=True, steps=5),
    "iterable": lambda: IterableSource(lambda: iter([(x[None],) for x in rows()]), name="it",
                                       once=False),
    "iterable in parts": lambda: IterableSource(lambda: iter([(x[None],) for x in rows()]),
                                                name="it", once=False, steps=3),
}  # fmt: skip


def opened(name):
    """As `fit` opens it: the first batch has been looked at."""
    source = SOURCES[name]()
    source.keeps_positions = True
    return example_of(source)[0]


def taken(source, epoch, first=0, count=None):
    """The numbers in the batches of an epoch, as many as are asked for."""
    batches = source.batches(epoch, first)
    numbers = []
    while count is None or len(numbers) < count:
        batch = next(batches, None)
        if batch is None:
            break
        numbers.append(float(np.asarray(batch.data[0]).ravel()[0]))
    return numbers


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("epoch, step", [(0, 0), (0, 2), (1, 0), (2, 1)])
def test_going_on_where_another_was(name, epoch, step):
    source = opened(name)
    for number in range(epoch):
        taken(source, number)
        source.epoch_end(number)
    begun = taken(source, epoch, count=step) if step else []
    position = source.position(step or None)
    rest = taken(source, epoch, step) if name == "arrays" else None

    other = opened(name)
    other.go_to(epoch, step, position)
    went_on = taken(other, epoch, step)
    whole = opened(name)
    if name in ("arrays", "data set"):
        whole.go_to(0, 0, position)  # the same seed
    for number in range(epoch):
        taken(whole, number)
        whole.epoch_end(number)
    assert [*begun, *went_on] == taken(whole, epoch)
    assert rest is None or went_on == rest


def test_no_batch_of_a_data_set_is_made_twice():
    source = opened("data set")
    source.go_to(3, 2, {})
    made = source.dataset.made
    taken(source, 3, 2)
    assert source.dataset.made == made + 3


def test_hooks_of_a_data_set_find_the_random_numbers_that_they_had():
    class Rows(PyDataset):
        def __init__(self):
            super().__init__()
            self.rows = np.arange(20)

        def __len__(self):
            return 1

        def __getitem__(self, index):
            return self.rows.astype("float32")[:, None]

        def on_epoch_end(self):
            np.random.shuffle(self.rows)

    def source():
        made = PyDatasetSource(Rows(), shuffle=False)
        made.keeps_positions = True
        return made

    np.random.seed(3)
    first = source()
    for epoch in range(3):
        taken(first, epoch)
        first.epoch_end(epoch)
        np.random.random(epoch)  # somebody else draws too

    np.random.seed(4)
    other = source()
    taken(other, 0)
    other.go_to(3, 0, first.position())
    np.testing.assert_array_equal(other.dataset.rows, first.dataset.rows)
