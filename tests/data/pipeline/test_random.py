"""What is random in a pipeline follows from seeds, pass and element alone."""

import numpy as np
import pytest

import cornu as keras
from cornu.data import Dataset


def noisy(workers=None, seed=1, batch=False):
    dropout = keras.layers.Dropout(0.5, seed=seed)
    generator = keras.random.SeedGenerator(seed + 1)

    def augment(x):
        x = dropout(x, training=True)
        return x + keras.random.uniform(x.shape, seed=generator)

    data = Dataset.from_arrays(np.ones((12, 5), "float32"))
    if batch:
        return data.batch(4).map(augment, num_parallel_calls=workers)
    return data.map(augment, num_parallel_calls=workers).batch(4)


def whole(data):
    return np.concatenate(list(data))


@pytest.mark.parametrize("batch", [True, False])
def test_the_same_numbers_whatever_the_number_of_threads(batch):
    first = noisy(batch=batch)
    passes = [whole(first), whole(first)]
    for workers in (1, 2, 5):
        again = noisy(workers, batch=batch)
        assert np.array_equal(whole(again), passes[0])
        assert np.array_equal(whole(again), passes[1])
    assert len({row.tobytes() for row in np.concatenate(passes)}) == 24
    assert not np.array_equal(whole(noisy(seed=5, batch=batch)), passes[0])


def test_images_and_masks_change_alike():
    image, mask = (keras.layers.Dropout(0.5, seed=3) for _ in range(2))
    data = Dataset.from_arrays(np.ones((6, 8), "float32"), np.ones((6, 8), "float32"))
    for a, b in data.map(lambda x, y: (image(x, training=True), mask(y, training=True))):
        assert np.array_equal(a, b) and 0 in a


def test_two_maps_of_one_generator_draw_other_numbers():
    generator = keras.random.SeedGenerator(1)

    def draw(*numbers):
        return (*numbers, keras.random.uniform((), seed=generator))

    data = Dataset.range(5).map(draw).map(draw)
    drawn = [float(n) for _, a, b in data for n in (a, b)]
    assert len(set(drawn)) == 10
    assert generator.state.numpy().tolist() == [1, 0]


def test_the_seed_of_the_process_decides_where_none_is_given():
    def drawn():
        keras.utils.set_random_seed(4)
        data = Dataset.range(20).shuffle(20)
        data = data.map(lambda n: n + keras.random.uniform(()), num_parallel_calls=2)
        return whole(data.batch(5))

    assert np.array_equal(drawn(), drawn())


def test_what_is_random_before_a_cache_is_drawn_once():
    data = noisy(2).cache()
    assert np.array_equal(whole(data), whole(data))
    assert np.array_equal(whole(data), whole(noisy()))
