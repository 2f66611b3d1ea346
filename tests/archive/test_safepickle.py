"""Data come out of pickles as Python reads them; what is more than data is refused, and not run."""

import contextlib
import copyreg
import pickle
import random
import struct

import numpy as np
import pytest

from cornu.archive import safepickle
from cornu.archive.safepickle import read_pickle
from cornu.errors import UnsafeFileError

rows = np.empty(3, object)
rows[:] = [[1, 2, 300, 70_000, -5], [], list(range(3000))]
DATA = [
    None,
    [1, 2.5, True, False, "ü", b"x", "a" * 300, b"b" * 300],
    [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
    {"a": [1], b"b": {}, 3: {"c": {"d": (None,)}}},
    [255, 256, 65_535, 65_536, 2**31 - 1, 2**31, -1, -(2**31), -(2**70)],
    {b"data": np.arange(6, dtype=np.uint8).reshape(2, 3), b"labels": [3, 8]},
    [np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.array([True]), np.array(5, np.int16)],
    np.arange(3, dtype=">i4"),
    rows,
    np.array([[None, "a"], [b"b", 1]], object),
]


def same(a, b):
    assert type(a) is type(b)
    if isinstance(a, np.ndarray):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        a, b = a.tolist(), b.tolist()
    if isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        same(list(a.values()), list(b.values()))
    else:
        assert a == b


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("k", range(len(DATA)))
def test_data_are_read_as_python_reads_them(k, protocol):
    same(read_pickle(pickle.dumps(DATA[k], protocol)), DATA[k])


def test_what_python_2_wrote():
    """A batch of CIFAR, as `cPickle` of Python 2 writes it: text is bytes there."""
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x04cnumpy\nndarray\nq\x05K\x00\x85U\x01b\x87Rq\x06"
        b"(K\x01K\x02K\x02\x86cnumpy\ndtype\nq\x07U\x02u1K\x00K\x01\x87Rq\x08(K\x03U\x01|NNNJ\xff"
        b"\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x04\x01\x02\x03\x04tb"
    )
    batch = b"\x80\x02}q\x01(U\x06labels]q\x02(K\x06M\x09\x01eU\x04dataq\x03" + array + b"u."
    found = read_pickle(batch)
    assert found[b"labels"] == [6, 265]
    np.testing.assert_array_equal(found[b"data"], [[1, 2], [3, 4]])
    assert found[b"data"].dtype == np.uint8 and found[b"data"].flags.writeable


def test_many_integers_may_come_as_rows():
    few, many = [1, 2], [k * 37 % 70_000 - 5 for k in range(2500)]
    for protocol in (2, 4):
        found = read_pickle(pickle.dumps([few, many], protocol), rows=True)
        assert found[0] == few
        assert [len(row) for row in found[1]] == [1000, 1000, 500]
        assert all(isinstance(row, safepickle.Row) and row.dtype == np.int64 for row in found[1])
        assert np.concatenate(found[1]).tolist() == many


def test_what_looks_like_a_row_in_other_data_is_none():
    looks = b"(" + b"K\x01" * 30 + b"e"
    assert read_pickle(pickle.dumps([looks, [1] * 20]), rows=True)[0] == looks


def test_what_comes_twice_is_one_object():
    once = [1, 2]
    found = read_pickle(pickle.dumps([once, once, np.arange(2), {"a": once}]))
    assert found[0] is found[1] is found[3]["a"]
    array = np.arange(2)
    found = read_pickle(pickle.dumps([array, array], 2))
    assert found[0] is found[1]


class Harm:
    def __reduce__(self):
        return (open, ("/tmp/harmed-by-a-pickle", "w"))


class Plain:
    pass


def extended():
    copyreg.add_extension("builtins", "eval", 240)
    try:
        return pickle.dumps(eval, 2)
    finally:
        copyreg.remove_extension("builtins", "eval", 240)


HOSTILE = {
    "a call": lambda: pickle.dumps([Harm()]),
    "a name": lambda: pickle.dumps(print),
    "an old name": lambda: b"cos\nsystem\n(S'true'\ntR.",
    "an instance": lambda: pickle.dumps(Plain()),
    "an old instance": lambda: b"(S'true'\nios\nsystem\n.",
    "an object of a class": lambda: b"\x80\x02(cos\nsystem\nU\x04trueo.",
    "a number of a copyreg": extended,
    "a persistent name": lambda: b"\x80\x02U\x01aQ.",
    "a complex number": lambda: pickle.dumps(1j),
    "a set": lambda: pickle.dumps({1}),
    "an attribute of an array": lambda: pickle.dumps(np.ndarray.tofile),
    "a scalar": lambda: pickle.dumps(np.float32(1), 2),
    "a buffer": lambda: pickle.dumps(np.arange(3), 5),
    "a type of text": lambda: pickle.dumps(np.array(["a"]), 2),
    "a subclass": lambda: pickle.dumps(np.ma.array([1]), 2),
    "a longer integer": lambda: pickle.dumps(2**400),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_more_than_data_is_refused(what, tmp_path):
    with pytest.raises(UnsafeFileError, match="which plain data do not"):
        read_pickle(HOSTILE[what]())


ARRAY = pickle.dumps(np.arange(4, dtype=np.uint8), 2)


@pytest.mark.parametrize(
    "data",
    [
        b"", b".", b"\x80\x02", b"\x80\x02K", b"\x80\x02J\x00.", b"(.", b"\x80\x02e.",
        b"\x80\x02]a.",
        b"\x80\x02h\x00.", b"\x80\x02}(K\x01u.", b"\x80\x02}(]K\x01u.", b"\x80\x09K\x01.", b"cos\n",
        b"\x80\x02cnumpy\nndarray\n.", b"\x80\x02]cnumpy\nndarray\na.",
        b"\x80\x02cnumpy\ndtype\n)R.",
        b"\x80\x02K\x01K\x01R.", b"\x80\x02K\x01K\x01b.", b"\x80\x02(K\x01(\x85.",
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.", b"\x80\x02X\x01\x00\x00\x00\xff.",
        ARRAY.replace(b"K\x04\x85", b"K\x05\x85"),
        ARRAY.replace(b"K\x04\x85", b"J\xff\xff\xff\x7f\x85"),
        ARRAY.replace(b"K\x04\x85", b"J\xff\xff\xff\xff\x85"),
        ARRAY.replace(b"K\x04\x85", b"K\x04"), pickle.dumps(np.zeros(1, [("a", int)]), 2),
    ],
)  # fmt: skip
def test_a_damaged_pickle_is_refused(data):
    with pytest.raises(ValueError, match="damaged, or no pickle") as error:
        read_pickle(data, "batch 1")
    assert "Batch 1 is damaged" in str(error.value)


def test_an_array_that_is_not_finished_is_nothing():
    begun = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    for rest in (b".", b"q\x00]h\x00a."):
        with pytest.raises(ValueError, match="damaged"):
            read_pickle(begun + rest)


def test_a_large_pickle_is_refused(monkeypatch):
    monkeypatch.setattr(safepickle, "MAX_BYTES", 10)
    with pytest.raises(UnsafeFileError, match="more than 10 bytes"):
        read_pickle(pickle.dumps(list(range(100))))


def test_nothing_but_a_refusal_comes_of_a_changed_byte():
    draw = random.Random(0)
    whole = [pickle.dumps(DATA[k], protocol) for k in (3, 5, 6, 9) for protocol in (2, 4)]
    for _ in range(3000):
        data = bytearray(draw.choice(whole))
        for _ in range(draw.choice((1, 1, 3))):
            data[draw.randrange(len(data))] = draw.randrange(256)
        with contextlib.suppress(ValueError):
            read_pickle(bytes(data[: draw.choice((len(data), draw.randrange(len(data))))]))


def test_deep_nesting_is_no_matter_of_the_stack():
    found = read_pickle(b"\x80\x02" + b"]" * 50_000 + b"a" * 49_999 + b".")
    depth = 0
    while found:
        (found,), depth = found, depth + 1
    assert depth == 49_999
