"""Rows that are read when they are needed: sparse matrices and memory-mapped files."""

import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from jax.experimental.sparse import BCOO, BCSR

from cornu.data.arrays import ArraySource
from cornu.data.rows import PickedRows, SparseRows, mapped_file

MATRIX = scipy.sparse.random(20, 6, density=0.3, format="coo", random_state=0)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(
    "make",
    [
        MATRIX.tocoo,
        MATRIX.tocsr,
        MATRIX.tocsc,
        MATRIX.tolil,
        lambda: BCOO.from_scipy_sparse(MATRIX),
        lambda: BCOO.fromdense(jnp.asarray(MATRIX.toarray()), n_batch=1),
        lambda: BCOO.fromdense(jnp.asarray(MATRIX.toarray()), n_dense=1),
        lambda: BCSR.fromdense(jnp.asarray(MATRIX.toarray())),
    ],
    ids=["coo", "csr", "csc", "lil", "bcoo", "batches", "slices", "bcsr"],
)
def test_sparse_matrices_become_sparse_batches(make, shuffle):
    source = ArraySource(make(), np.arange(20), batch_size=8, shuffle=shuffle)
    assert isinstance(source.arrays[0], SparseRows)
    assert not source.fits_device
    table = MATRIX.toarray().astype("float32")
    for batch in source.batches(0):
        x, rows = batch.data
        assert isinstance(x, BCOO)
        assert (x.shape, x.dtype) == ((len(rows), 6), "float32")
        np.testing.assert_array_equal(x.todense(), table[rows])


def test_programs_see_few_numbers_of_values():
    counts = np.random.default_rng(0).poisson(1.0, (256, 30))
    source = ArraySource(scipy.sparse.csr_matrix(counts), batch_size=16, shuffle=True)
    sizes = {batch.data[0].nse for epoch in range(3) for batch in source.batches(epoch)}
    assert sizes <= {256, 512}


def test_places_that_occur_twice_and_padding():
    places = jnp.array([[1, 0], [0, 1], [1, 0], [2, 2]])
    array = BCOO((jnp.array([1.0, 2.0, 3.0, 0.0]), places), shape=(2, 2))
    x = next(ArraySource(array).batches(0)).data[0]
    assert (x.nse, x.unique_indices) == (2, True)
    assert x.todense().tolist() == [[0, 2], [4, 0]]
    twice = scipy.sparse.csr_matrix(([1.0, 3.0], [0, 0], [0, 0, 2]), shape=(2, 2))
    x = next(ArraySource(twice).batches(0)).data[0]
    assert x.todense().tolist() == [[0, 0], [4, 0]]
    assert twice.nnz == 2  # the user's own matrix is left alone


def test_sparse_arrays_of_more_axes_and_whole_numbers():
    source = ArraySource(scipy.sparse.csr_array(np.eye(4, dtype="int64")))
    assert next(source.batches(0)).data[0].todense().tolist() == np.eye(4).tolist()
    assert source.arrays[0].dtype == "int64"
    cube = np.arange(24).reshape(4, 3, 2) % 5
    first, last = (b.data[0] for b in ArraySource(BCOO.fromdense(cube), batch_size=3).batches(0))
    np.testing.assert_array_equal(np.concatenate([first.todense(), last.todense()]), cube)


def test_looking_at_wide_rows_takes_little_memory():
    rows = SparseRows.of_scipy(scipy.sparse.eye(1000, 1_000_000, format="csr"), "float32")
    assert rows.some(1000).shape == (4, 1_000_000)


def test_sparse_labels_are_made_dense_at_once():
    assert isinstance(ArraySource(MATRIX, MATRIX).arrays[1], np.ndarray)


@pytest.fixture
def mapped(tmp_path):
    x = np.memmap(tmp_path / "x.bin", dtype="float64", mode="w+", shape=(50, 4))
    x[:] = np.arange(200).reshape(50, 4)
    return x


def test_a_mapped_file_is_found_behind_its_views(mapped):
    for view in (mapped, mapped[3:], mapped.reshape(-1)[::2], np.asarray(mapped)):
        assert mapped_file(view) is mapped_file(mapped) is not None
    assert mapped_file(mapped * 2) is None
    assert not ArraySource(mapped).fits_device


def test_picked_rows_stay_in_the_file(mapped):
    picked = PickedRows(mapped, np.array([7, 3, 30]))
    assert mapped_file(picked) is mapped_file(mapped)
    source = ArraySource(picked, batch_size=2)
    assert [b.data[0][:, 0].tolist() for b in source.batches(0)] == [[28, 12], [120]]
    again = ArraySource(PickedRows(picked, np.array([2])))
    assert next(again.batches(0)).data[0].tolist() == [[120, 121, 122, 123]]


def test_what_was_written_survives_that_memory_is_given_back(mapped, monkeypatch):
    monkeypatch.setattr("cornu.data.rows.LET_GO_AFTER", 0)
    private = np.memmap(mapped.filename, dtype="float64", mode="c", shape=(50, 4))
    private[0] = -1  # is in no file: it would be lost
    mapped[1] = -2
    for file in (private, mapped):
        source = ArraySource(file, batch_size=10)
        first = [next(source.batches(0)).data[0][:2, 0].tolist() for _ in range(2)]
        for _ in source.batches(0):
            pass
        assert first[0] == first[1] == file[:2, 0].tolist()
    assert private[0, 0] == -1 and mapped[1, 0] == -2


LARGE = """
import sys
import numpy as np
import cornu as keras

def peak():
    text = open("/proc/self/status").read()
    return int(text.split("VmHWM:")[1].split()[0]) >> 10

x = np.memmap(sys.argv[1], dtype="float32", mode="w+", shape=(100_000, 1000))  # a file of holes
y = np.zeros((100_000, 1), "float32")
model = keras.Sequential([keras.Input((1000,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(np.ones((512, 1000)), np.ones(512), batch_size=256, verbose=0)
before = peak()
history = model.fit(x, y, batch_size=256, validation_split=0.2, verbose=0)
model.predict(x[:50_000], batch_size=256, verbose=0)
print(history.epoch, peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel for the memory used")
def test_memory_stays_small_beside_a_large_file(tmp_path):
    command = [sys.executable, "-c", LARGE, str(tmp_path / "large.bin")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    epochs, grown = done.stdout.rsplit(maxsplit=1)
    assert epochs == "[0]" and int(grown) < 150, done.stdout  # MB; the file has 400
