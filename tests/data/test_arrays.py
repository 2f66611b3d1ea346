"""Batches of arrays: order, sizes, memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu.data.arrays import ALIGNMENT, ArraySource


def rows(source, epoch=0):
    return [np.asarray(batch.data[0]).tolist() for batch in source.batches(epoch)]


def test_batches_in_order_with_a_smaller_last_one():
    source = ArraySource(np.arange(5), batch_size=2)
    assert rows(source) == [[0, 1], [2, 3], [4]]
    assert (source.num_batches, source.num_samples) == (3, 5)
    assert [batch.size for batch in source.batches(0)] == [2, 2, 1]


def test_x_y_and_weights_stay_together():
    n = np.arange(20)
    x = {"a": n[:, None] * 2, "b": n + 0.5}
    source = ArraySource(x, n, n * 3, batch_size=6, shuffle=True, seed=1)
    for data, _ in source.batches(0):
        inputs, y, weight = data
        assert (inputs["a"][:, 0] == 2 * y).all()
        assert (inputs["b"] == y + 0.5).all() and (weight == 3 * y).all()


def test_the_order_depends_on_seed_and_epoch_alone():
    def order(seed, epoch):
        return ArraySource(np.arange(50), shuffle=True, seed=seed).order(epoch).tolist()

    assert order(3, 4) == order(3, 4)
    assert sorted(order(3, 4)) == list(range(50))
    assert len({tuple(order(s, e)) for s in (3, 4, -1) for e in (0, 1)}) == 6


def test_batches_follow_the_order():
    source = ArraySource(np.arange(10), batch_size=4, shuffle=True, seed=0)
    assert sum(rows(source, 2), []) == source.order(2).tolist()
    assert source.order(0).dtype == "int32"


def test_without_a_seed_one_is_drawn_and_kept():
    first = ArraySource(np.arange(30), shuffle=True)
    again = ArraySource(np.arange(30), shuffle=True, seed=first.seed)
    assert first.order(1).tolist() == again.order(1).tolist()


def test_shuffling_whole_batches():
    source = ArraySource(np.arange(11), batch_size=3, shuffle="batch", seed=2)
    batches = rows(source)
    assert sorted(batches[:-1]) == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert batches[-1] == [9, 10]
    assert len({str(rows(source, epoch)) for epoch in range(8)}) > 1


def test_steps_go_on_in_the_next_epoch():
    source = ArraySource(np.arange(10), batch_size=2, steps=2)
    assert (source.num_batches, source.num_samples) == (2, 4)
    assert [rows(source, epoch) for epoch in range(3)] == [
        [[0, 1], [2, 3]],
        [[4, 5], [6, 7]],
        [[8, 9], [0, 1]],
    ]
    shuffled = ArraySource(np.arange(10), batch_size=2, steps=2, shuffle=True, seed=0)
    seen = np.concatenate([shuffled.order(epoch) for epoch in range(5)])
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))


def test_more_steps_than_data_is_a_warning():
    with pytest.warns(UserWarning, match="has 2 batches, not the 5 steps"):
        source = ArraySource(np.arange(4), batch_size=2, steps=5)
    assert source.num_batches == 2


def test_gathered_batches_are_aligned_and_never_reused():
    x = np.random.default_rng(0).random((40, 3)).astype("float32")
    source = ArraySource(x, batch_size=8, shuffle=True, seed=0)
    batches = [batch.data[0] for batch in source.batches(0)]
    assert all(b.ctypes.data % ALIGNMENT == 0 for b in batches)
    assert not any(np.shares_memory(a, b) for a in batches for b in batches if a is not b)
    on_device = [jax.device_put(b) for b in batches]
    assert np.array_equal(np.concatenate(on_device), x[source.order(0)])


def test_neighbouring_rows_are_views():
    x = np.zeros((10, 2), "float32")
    assert all(np.shares_memory(b.data[0], x) for b in ArraySource(x, batch_size=4).batches(0))


@pytest.mark.parametrize("shuffle", [True, False])
def test_any_memory_order(shuffle):
    x = np.arange(24.0).reshape(2, 3, 4).T  # (4, 3, 2), not C-contiguous
    source = ArraySource(x, batch_size=3, shuffle=shuffle, seed=0)
    got = np.concatenate([batch.data[0] for batch in source.batches(0)])
    assert np.array_equal(got, x[source.order(0)])


@pytest.mark.parametrize("shuffle", [True, False])
def test_mapped_files_are_read_and_converted_batch_by_batch(tmp_path, shuffle):
    mapped = np.memmap(tmp_path / "x.bin", dtype="float64", mode="w+", shape=(10, 2))
    mapped[:] = np.arange(20).reshape(10, 2)
    source = ArraySource(mapped, batch_size=4, shuffle=shuffle, seed=0)
    assert np.shares_memory(source.arrays[0], mapped)
    batches = [batch.data[0] for batch in source.batches(0)]
    assert {b.dtype for b in batches} == {np.dtype("float32")}
    assert not any(isinstance(b, np.memmap) for b in batches)
    assert np.array_equal(np.concatenate(batches), mapped[source.order(0)])


def test_jax_arrays():
    source = ArraySource(jnp.arange(6.0), batch_size=4, shuffle=True, seed=0)
    assert isinstance(source.arrays[0], jax.Array)
    got = np.concatenate([np.asarray(batch.data[0]) for batch in source.batches(0)])
    assert got.tolist() == source.order(0).tolist()


def test_class_weights_become_sample_weights():
    source = ArraySource(np.zeros(3), np.array([0, 1, 0]), class_weight={0: 1.0, 1: 4.0})
    assert source.arrays[2].tolist() == [1, 4, 1]


def test_missing_targets_of_one_output():
    source = ArraySource(np.zeros(3), [np.zeros(3), None], batch_size=2)
    assert next(source.batches(0)).data[1][1] is None


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"batch_size": 2.5}, TypeError, "batch_size must be an integer, got 2.5"),
        ({"steps": -1}, ValueError, "steps must be at least 1"),
        ({"shuffle": "rows"}, ValueError, 'True, False or "batch"'),
    ],
)
def test_wrong_options(options, kind, words):
    with pytest.raises(kind, match=words):
        ArraySource(np.zeros(4), **options)
