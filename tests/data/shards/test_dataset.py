"""Samples in tar files: fields, order, decoding, what cannot be read."""

import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from cornu.data import shards_dataset
from cornu.data.shards.dataset import read_npy, shard_paths


def picture(number):
    file = io.BytesIO()
    Image.new("RGB", (20 + number, 16), (number, 50, 100)).save(file, "png")
    return file.getvalue()


def array(values):
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def write(path, files, **options):
    with tarfile.open(path, "w", **options) as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("shards")
    for shard in range(3):
        files = []
        for number in range(4 * shard, 4 * shard + 4):
            key = f"photos/{number:04}"
            files += [
                (f"{key}.png", picture(number)),
                (f"{key}.cls", str(number % 3).encode()),
                (f"{key}.txt", f"photo {number}".encode()),
                (f"{key}.box.npy", array(np.full(4, number, "f"))),
                (f"{key}.json", json.dumps({"n": number}).encode()),
            ]
        write(root / f"train-{shard:02}.tar", files)
    return root


def test_fields_become_elements(folder):
    options = {"image_size": (8, 10), "shuffle": False, "batch_size": 5}
    data = shards_dataset(
        folder / "train-{00..02}.tar", ("jpg;png", "cls"), decode="exact", **options
    )
    batches = list(data)
    assert [x.shape for x, _ in batches] == [(5, 8, 10, 3), (5, 8, 10, 3), (2, 8, 10, 3)]
    assert np.concatenate([y for _, y in batches]).tolist() == [n % 3 for n in range(12)]
    assert batches[1][0][1, 0, 0].tolist() == [6, 50, 100]
    assert data.file_paths == sorted(map(str, folder.glob("*.tar")))
    texts = shards_dataset(folder / "train-*.tar", "txt", seed=1, batch_size=None)
    assert sorted(str(text) for text in texts) == sorted(f"photo {n}" for n in range(12))


def test_own_decoders_and_all_fields(folder):
    data = shards_dataset(
        folder / "train-00.tar", image_size=(4, 4), shuffle=False,
        decoders={"box.npy": read_npy, "json": lambda data: json.loads(data)["n"]},
    )  # fmt: skip
    (batch,) = data
    assert list(batch) == ["png", "cls", "txt", "box.npy", "json"]
    assert batch["json"].tolist() == [0, 1, 2, 3] and batch["box.npy"].shape == (4, 4)
    with pytest.raises(ValueError, match="no decoder for the field 'box.npy'"):
        shards_dataset(folder / "train-00.tar")


def test_samples_that_cannot_be_read(tmp_path):
    files = [
        ("a.txt", b"one"),
        ("a.cls", b"1"),
        ("b.txt", b"two"),
        ("c.txt", b"x"),
        ("c.cls", b"?"),
    ]
    write(tmp_path / "s.tar", files)
    fields = ("txt", "cls")
    with pytest.raises(ValueError, match=r"b in .*s.tar cannot be read.*\n.*has no cls"):
        list(shards_dataset(tmp_path / "s.tar", fields, shuffle=False))
    with pytest.warns(UserWarning, match="is skipped"):
        data = shards_dataset(tmp_path / "s.tar", fields, on_error="skip")
        ((texts, labels),) = data
    assert texts.tolist() == ["one"] and labels.tolist() == [1] and len(data.skipped_files) == 2
    write(tmp_path / "t.tar", [("a.txt", b"one"), ("a.txt", b"two")])
    with pytest.raises(ValueError, match="holds 'a.txt' twice"):
        shards_dataset(tmp_path / "t.tar")
    write(tmp_path / "u.tar", [(".hidden", b"one"), ("readme", b"two")])
    with pytest.raises(ValueError, match="no samples"):
        shards_dataset(tmp_path / "u.tar")


def test_patterns(folder):
    assert len(shard_paths([folder / "train-{00,02}.tar", folder / "train-01.tar"])) == 3
    with pytest.raises(FileNotFoundError, match=r"train-03"):
        shard_paths(folder / "train-{02..03}.tar")
    with pytest.raises(ValueError, match="at most 100,000"):
        shard_paths("t-{0..999999999}.tar")


def test_npy_says_no_more_than_it_has():
    values = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(read_npy(array(values)), values)
    np.testing.assert_array_equal(read_npy(array(np.asfortranarray(values))), values)
    with pytest.raises(ValueError, match="no room"):
        read_npy(array(values)[:-1])
    with pytest.raises(ValueError, match="no room"):
        read_npy(array(np.array([None], object)))
