"""`cache`: made once, the same elements, and files that are whole or not there."""

import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from cornu.data import Dataset
from cornu.data.pipeline.fingerprint import fingerprint
from cornu.data.skip import SkipElement

calls = []


def counted(data):
    """The data, and a list of the elements that are made."""
    calls.clear()

    def note(x, y):
        calls.append(int(y))
        return x * 2, {"y": y}

    return data.map(note, num_parallel_calls=2)


def twenty():
    return Dataset.from_arrays(np.arange(40.0).reshape(20, 2), np.arange(20))


def listed(data):
    return [(np.asarray(x).tolist(), y["y"].tolist()) for x, y in data]


EXPECTED = [([4.0 * n, 4.0 * n + 2], n) for n in range(20)]


@pytest.fixture(params=["memory", "file"])
def place(request, tmp_path):
    return "" if request.param == "memory" else tmp_path / "folder" / "cache.data"


def test_elements_are_made_once(place):
    data = counted(twenty()).cache(place)
    assert listed(data.take(3)) == EXPECTED[:3]
    shuffled = listed(data.shuffle(20, seed=1))
    assert sorted(shuffled, key=lambda pair: pair[1]) == EXPECTED
    assert listed(data) == EXPECTED and sorted(calls) == list(range(20))
    x, y = next(iter(data.batch(20)))
    assert x[:, 0].tolist() == [4.0 * n for n in range(20)] and y["y"].tolist() == list(range(20))
    x[:] = 0
    assert listed(data) == EXPECTED


def test_batches_with_a_smaller_last_one(place):
    data = counted(twenty()).batch(8)
    data = data.map(lambda x, y: (x + 1, y)).cache(place)
    for _ in range(2):
        sizes = [len(x) for x, _ in data]
        assert sizes == [8, 8, 4] and data[2][0][3].tolist() == [77, 79]
    assert sorted(calls) == list(range(20))


def test_elements_of_any_shape_in_memory(tmp_path):
    data = Dataset.range(4).map(lambda n: (np.full(n, n), str(n) * int(n)))
    kept = data.cache()
    for _ in range(2):
        assert [(x.tolist(), t) for x, t in kept] == [([n] * n, str(n) * n) for n in range(4)]
    with pytest.raises(ValueError, match="numbers, not text"):
        list(data.cache(tmp_path / "a"))
    with pytest.raises(ValueError, match="the same shape"):
        list(data.map(lambda x, t: x).cache(tmp_path / "a"))
    assert not os.listdir(tmp_path)


def test_without_an_index(tmp_path):
    data = Dataset.range(5).filter(lambda n: calls.append(n) or n > 1)
    calls.clear()
    kept = data.cache()
    assert list(kept) == list(kept) == [2, 3, 4] and len(calls) == 5
    with pytest.raises(ValueError, match="elements with an index"):
        data.cache(tmp_path / "a")
    with pytest.raises(ValueError, match="endless"):
        Dataset.range(3).repeat().cache()


def test_a_file_is_used_again_until_something_changes(tmp_path):
    path = tmp_path / "cache.data"
    assert listed(counted(twenty()).cache(path)) == EXPECTED and len(calls) == 20
    assert os.listdir(tmp_path) == ["cache.data"]
    assert listed(counted(twenty()).cache(path)) == EXPECTED and not calls
    with pytest.warns(UserWarning, match="made of other data or functions"):
        other = listed(counted(twenty().skip(1).concatenate(twenty().take(1))).cache(path))
    assert other == EXPECTED[1:] + EXPECTED[:1] and len(calls) == 20


def test_on_disk_by_fingerprint(tmp_path, monkeypatch):
    monkeypatch.setenv("CORNU_HOME", str(tmp_path))
    for data in (twenty(), twenty().map(lambda x, y: (x + 1, y)), twenty()):
        list(data.cache("disk"))
    names = os.listdir(tmp_path / "cached")
    assert len(names) == 2 and all(re.fullmatch("[0-9a-f]{32}.data", name) for name in names)


class Source:
    def __init__(self, state):
        self.state = state

    def __len__(self):
        return 2

    def __getitem__(self, i):
        return i

    def fingerprint(self):
        return self.state


def times(k):
    return lambda n: n * k


def test_fingerprints():
    base = Dataset.from_source(Source("a"))
    different = [
        base,
        Dataset.from_source(Source("b")),
        base.map(times(2)),
        base.map(times(3)),
        base.map(times(np.ones(2))),
        base.shuffle(2, seed=1),
        base.shuffle(2, seed=2),
        base.batch(2),
        base.take(1),
        base.repeat(2),
        base.enumerate(),
        Dataset.from_arrays(np.arange(2)),
        Dataset.from_arrays(np.arange(2) + 1),
        Dataset.from_arrays(np.arange(2.0)),
        Dataset.from_tensor_slices(["a", "b"]),
        Dataset.range(2),
    ]
    found = [fingerprint(data.stage) for data in different]
    assert len(set(found)) == len(found)
    assert fingerprint(base.map(times(2)).stage) == found[2]


SPOILED = {
    "nothing": b"",
    "another file": b"hello, these are the only notes that I have",
    "no header": b"CORNUDATA1\n" + (10).to_bytes(8, "little"),
    "a long header": b"CORNUDATA1\n" + (1 << 40).to_bytes(8, "little"),
    "a header of another kind": b"CORNUDATA1\n" + (2).to_bytes(8, "little") + b"[]",
}


@pytest.mark.parametrize("name", SPOILED)
def test_files_that_are_no_caches(name, tmp_path):
    path = tmp_path / "cache.data"
    path.write_bytes(SPOILED[name])
    if "header" in name and "long" not in name:
        with pytest.warns(UserWarning, match="made anew"):
            assert listed(counted(twenty()).cache(path)) == EXPECTED
    else:
        with pytest.raises(ValueError, match="is no cache of a Dataset"):
            listed(counted(twenty()).cache(path))
        assert path.read_bytes() == SPOILED[name]


def test_headers_that_lie(tmp_path):
    path = tmp_path / "cache.data"
    listed(counted(twenty()).cache(path))
    whole = path.read_bytes()
    for old, new in ((b'"<f8"', b'"|O8"'), (b'["tuple"', b'["tupel"'), (b"[2]", b"[9]")):
        assert old in whole
        path.write_bytes(whole.replace(old, new, 1))
        with pytest.warns(UserWarning, match="made anew"):
            assert listed(counted(twenty()).cache(path)) == EXPECTED
    path.write_bytes(whole[:-1])
    with pytest.warns(UserWarning, match="made anew"):
        assert listed(counted(twenty()).cache(path)) == EXPECTED


def test_a_process_that_is_killed_leaves_no_cache(tmp_path):
    code = """
import os, signal, sys
import numpy as np
from cornu.data import Dataset
data = Dataset.range(10).cache(sys.argv[1])
for n in data:
    if n == 5:
        os.kill(os.getpid(), signal.SIGKILL)
"""
    path = tmp_path / "cache.data"
    done = subprocess.run([sys.executable, "-c", code, str(path)])
    assert done.returncode == -signal.SIGKILL
    assert [name for name in os.listdir(tmp_path) if name.endswith(".cornu-tmp")]
    assert not path.exists()
    assert list(Dataset.range(10).cache(path)) == list(range(10))
    assert os.listdir(tmp_path) == ["cache.data"]


def test_a_full_disk_is_told_before_anything_is_made(tmp_path, monkeypatch):
    def full(handle, start, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="needs .* GB: No space left") as caught:
        list(twenty().cache(tmp_path / "a"))
    assert caught.value.errno == 28 and not os.listdir(tmp_path)


def test_elements_that_are_left_out_are_kept_so(place):
    def odd(x, y):
        calls.append(y)
        if y % 2 == 0:
            raise SkipElement
        return x * 2, {"y": y}

    data = twenty().map(odd).cache(place)
    calls.clear()
    for _ in range(2):
        assert listed(data) == EXPECTED[1::2] and len(calls) == 20
    assert next(iter(data.batch(20)))[0].shape == (10, 2)
