import io
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import h5py
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from cornu.archive.safezip import SafeZip, write_zip
from cornu.archive.stores import H5Reader, H5Writer, ShardedReader, ShardedWriter, open_reader
from cornu.errors import UnsafeFileError

KERNEL = np.arange(12, dtype="float32").reshape(4, 3)
BIAS = np.arange(3, dtype="float32")
DENSE = [((4, 3), "float32"), ((3,), "float32")]


def store_with(*arrays, **options):
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        group = h5.create_group("layers/dense/vars")
        for i, array in enumerate(arrays):
            group.create_dataset(str(i), data=array, **options)
    return file


# ---- ordinary use ------------------------------------------------------------------------------


def test_round_trip(tmp_path):
    path = tmp_path / "m.weights.h5"
    with H5Writer(path) as store:
        store.write("", "model")
        store.write("layers/dense", "h1", [KERNEL, jnp.asarray(BIAS)])
        store.write("layers/dropout", "dropout", [])
    with H5Reader(path) as store:
        assert store.paths() == ["", "layers/dense", "layers/dropout"]
        assert store.name("") == "model" and store.name("layers/dense") == "h1"
        assert store.shapes("layers/dense") == DENSE
        assert store.shapes("layers/dropout") == store.shapes("") == []
        kernel, bias = store.read("layers/dense", DENSE)
        np.testing.assert_array_equal(kernel, KERNEL)
        np.testing.assert_array_equal(bias, BIAS)
        with pytest.raises(KeyError):
            store.shapes("layers/none")


def test_more_than_ten_variables_keep_their_order():
    file = io.BytesIO()
    with H5Writer(file) as store:
        store.write("optimizer", "adam", [np.float32(i) for i in range(25)])
    with H5Reader(file) as store:
        values = store.read("optimizer", [((), "float32")] * 25)
    assert [float(v) for v in values] == list(range(25))


def test_keys_of_a_layer_that_chooses_its_own():
    file = io.BytesIO()
    with H5Writer(file) as store:
        store.write("layer", "mine", {"table": KERNEL, "0": BIAS})
    with H5Reader(file) as store:
        assert list(store.entries("layer")) == ["0", "table"]


@pytest.mark.parametrize(
    "dtype",
    ["float16", "float32", "float64", "bfloat16", "float8_e4m3fn", "float8_e5m2"]
    + ["int8", "int32", "int64", "uint8", "uint32", "bool"],
)
def test_every_dtype_comes_back(dtype):
    array = np.array([[0, 1, 1], [1, 0, 1]]).astype(jnp.dtype(dtype))
    file = io.BytesIO()
    with H5Writer(file) as store:
        store.write("a", "a", [array, array[0, 0]])
    with H5Reader(file) as store:
        assert store.shapes("a") == [((2, 3), jnp.dtype(dtype)), ((), jnp.dtype(dtype))]
        whole, one = store.read("a", store.shapes("a"))
    assert whole.dtype == array.dtype and one.shape == ()
    np.testing.assert_array_equal(whole.astype("float32"), array.astype("float32"))


def test_bytes_in_the_other_order():
    with H5Reader(store_with(KERNEL.astype(">f4"))) as store:
        (kernel,) = store.read("layers/dense", DENSE[:1])
    assert kernel.dtype == np.float32
    np.testing.assert_array_equal(kernel, KERNEL)


def test_compressed_files_are_read():
    options = {"compression": "gzip", "shuffle": True, "fletcher32": True, "chunks": (2, 2)}
    noise = np.random.default_rng(0).normal(size=(64, 64)).astype("float32")
    for array in (noise, np.ones((64, 64), "float32")):
        with H5Reader(store_with(array, **options)) as store:
            np.testing.assert_array_equal(store.read("layers/dense", [((64, 64), "f4")])[0], array)


def test_floats_and_integers_change_width_but_not_kind():
    with H5Reader(store_with(KERNEL.astype("float64"), np.array([1, 2, 300]))) as store:
        kernel, counts = store.read("layers/dense", [((4, 3), "bfloat16"), ((3,), "int32")])
        assert kernel.dtype == jnp.bfloat16 and counts.dtype == np.int32
        with pytest.raises(ValueError, match="beyond the range of int8"):
            store.read("layers/dense", [((4, 3), "float32"), ((3,), "int8")])
        with pytest.raises(ValueError, match="does not match"):
            store.read("layers/dense", [((4, 3), "float32"), ((3,), "float32")])


def test_a_mismatch_shows_both_sides():
    with H5Reader(store_with(KERNEL, BIAS)) as store, pytest.raises(ValueError) as caught:
        store.read("layers/dense", [((4, 5), "float32"), ((5,), "float32")])
    assert "(4, 5) float32, (5,) float32" in str(caught.value)
    assert "(4, 3) float32, (3,) float32" in str(caught.value)


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "m.weights.h5"
    with H5Writer(path) as store:
        store.write("a", "a", [BIAS])
    before = path.read_bytes()
    with pytest.raises(RuntimeError), H5Writer(path) as store:
        store.write("a", "a", [KERNEL])
        raise RuntimeError
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_reading_out_of_an_archive():
    weights, archive_file = io.BytesIO(), io.BytesIO()
    with H5Writer(weights) as store:
        store.write("layers/dense", "h1", [KERNEL, BIAS])
    write_zip(archive_file, [("model.weights.h5", weights.getvalue())])
    with (
        SafeZip(archive_file) as archive,
        archive.open("model.weights.h5") as member,
        H5Reader(member) as store,
    ):
        np.testing.assert_array_equal(store.read("layers/dense", DENSE)[0], KERNEL)


# ---- with Keras --------------------------------------------------------------------------------


def model_of_many_dtypes():
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3, name="h1", dtype="bfloat16"),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(2, dtype="float16"),
            keras.layers.Normalization(mean=0.0, variance=1.0),
            keras.layers.Dense(2),
        ]
    )
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def copy_all(reader, writer):
    for path in reader.paths():
        writer.write(path, reader.name(path) or "", reader.read(path, reader.shapes(path)))


def variables(model):
    return [np.asarray(v.value) for v in [*model.weights, *model.optimizer.variables]]


def assert_reads_back(model, path):
    before = variables(model)
    for variable in model.weights:
        variable.assign(variable.value * 0)
    model.load_weights(path)
    for old, new in zip(before, variables(model), strict=True):
        np.testing.assert_array_equal(old, new)


def test_keras_and_cornu_read_each_other(tmp_path):
    model, theirs, ours = (
        model_of_many_dtypes(),
        tmp_path / "a.weights.h5",
        tmp_path / "b.weights.h5",
    )
    model.save_weights(theirs)
    with H5Reader(theirs) as source, H5Writer(ours) as target:
        assert source.shapes("layers/dense") == [((4, 3), jnp.bfloat16), ((3,), jnp.bfloat16)]
        kernel = source.read("layers/dense", source.shapes("layers/dense"))[0]
        np.testing.assert_array_equal(kernel, np.asarray(model.layers[0].kernel.value))
        copy_all(source, target)
    assert_reads_back(model, ours)


def test_shards_of_keras_and_cornu(tmp_path):
    model = model_of_many_dtypes()
    limit = 80 / 2**30
    model.save_weights(tmp_path / "a.weights.json", max_shard_size=limit)
    with (
        open_reader(tmp_path / "a.weights.json") as source,
        ShardedWriter(tmp_path / "b.weights.json", limit) as target,
    ):
        assert isinstance(source, ShardedReader)
        copy_all(source, target)
    theirs, ours = (json.loads((tmp_path / f"{n}.weights.json").read_text()) for n in "ab")
    assert theirs["metadata"] == {k: v for k, v in ours["metadata"].items() if k != "save"}
    assert list(theirs["weight_map"]) == list(ours["weight_map"])
    assert max(len(shards) for shards in ours["weight_map"].values()) > 1
    assert_reads_back(model, tmp_path / "b.weights.json")


# ---- shards ------------------------------------------------------------------------------------


def sharded(folder, limit=60):
    with ShardedWriter(folder / "big.weights.json", limit / 2**30) as store:
        store.write("layers/dense", "h1", [KERNEL, BIAS])
        store.write("layers/dense_1", "h2", [KERNEL])
    return folder / "big.weights.json"


def test_shards_read_as_one(tmp_path):
    path = sharded(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [
        "big.weights.json",
        "big_00000.weights.h5",
        "big_00001.weights.h5",
    ]
    with open_reader(path) as store:
        assert store.paths() == ["layers/dense", "layers/dense_1"]
        assert store.name("layers/dense") == "h1"
        np.testing.assert_array_equal(store.read("layers/dense", DENSE)[1], BIAS)


def test_a_failed_sharded_save_leaves_the_old_files(tmp_path):
    path = sharded(tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(RuntimeError), ShardedWriter(path, 1) as store:
        store.write("x", "x", [BIAS])
        raise RuntimeError
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "name",
    ["../big_00000.weights.h5", "/etc/passwd", "big_00000.h5", "a\\b_00000.weights.h5", ""]
    + ["big_00000.weights.h5\n", "big_0.weights.h5", "a/big_00000.weights.h5"],
)
def test_an_index_that_names_other_files(tmp_path, name):
    path = sharded(tmp_path)
    path.write_text(json.dumps({"weight_map": {"/layers/dense/vars": [name]}}))
    with pytest.raises(UnsafeFileError, match="not a shard"):
        open_reader(path)


@pytest.mark.parametrize("index", [[], {}, {"weight_map": []}, {"weight_map": {"a": [1]}}, None])
def test_an_index_of_another_form(tmp_path, index):
    path = tmp_path / "big.weights.json"
    path.write_text(json.dumps(index))
    with pytest.raises(ValueError, match="not the index"):
        open_reader(path)


def test_shards_of_two_saves_are_told_apart(tmp_path):
    path = sharded(tmp_path)
    first = tmp_path / json.loads(path.read_bytes())["weight_map"]["/layers/dense/vars"][0]
    other = tmp_path / "other"
    other.mkdir()
    with ShardedWriter(other / path.name, 60 / 2**30) as store:
        store.write("layers/dense", "h1", [KERNEL + 1, BIAS])
    shutil.copy(other / first.name, first)
    with pytest.raises(ValueError, match=f"(?s){first.name}' are from different saves"):
        open_reader(path)


def test_a_shard_that_is_missing_or_incomplete(tmp_path):
    path = sharded(tmp_path)
    index = json.loads(path.read_text())
    index["weight_map"]["/layers/other/vars"] = ["big_00000.weights.h5"]
    path.write_text(json.dumps(index))
    with pytest.raises(ValueError, match="lists .* does not have it"):
        open_reader(path)
    (tmp_path / "big_00000.weights.h5").unlink()
    with pytest.raises(FileNotFoundError):
        open_reader(path)


def test_one_variable_in_two_shards(tmp_path):
    path = sharded(tmp_path)
    (tmp_path / "big_00001.weights.h5").write_bytes(
        (tmp_path / "big_00000.weights.h5").read_bytes()
    )
    with pytest.raises(UnsafeFileError, match="two shards"):
        open_reader(path)


def test_too_many_shards(tmp_path):
    shards = [f"big_{i:05d}.weights.h5" for i in range(501)]
    (tmp_path / "big.weights.json").write_text(json.dumps({"weight_map": {"/a/vars": shards}}))
    with pytest.raises(UnsafeFileError, match="too many shards"):
        open_reader(tmp_path / "big.weights.json")


def test_a_deep_index(tmp_path):
    (tmp_path / "big.weights.json").write_text("[" * 100_000)
    with pytest.raises(UnsafeFileError, match="nested"):
        open_reader(tmp_path / "big.weights.json")


@pytest.mark.parametrize(("name", "size"), [("x.json", 1), ("x.weights.json", 0)])
def test_sharded_writer_checks_its_arguments(tmp_path, name, size):
    with pytest.raises(ValueError, match="sharded store"):
        ShardedWriter(tmp_path / name, size)


class Cut(BaseException):
    """The process ends here."""


def filled(path, value, arrays=3):
    with ShardedWriter(path, max_shard_size=1e-7) as store:
        for i in range(arrays):
            store.write(f"layers/d{i}", "d", [np.full((40,), value, "float32")])


def value_of(path, arrays=3):
    with ShardedReader(path) as store:
        assert store.paths() == [f"layers/d{i}" for i in range(arrays)]
        spec = [((40,), np.dtype("float32"))]
        return {float(x) for i in range(arrays) for x in store.read(f"layers/d{i}", spec)[0]}


@pytest.mark.parametrize("renames", [0, 1, 2, 3])
def test_shards_are_committed_by_the_rename_of_their_index(tmp_path, monkeypatch, renames):
    path = tmp_path / "m.weights.json"
    filled(path, 1)
    replace, done = Path.replace, []

    def counted(self, target):
        if len(done) == renames:
            raise Cut
        done.append(target)
        return replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", counted)
        with pytest.raises(Cut):
            filled(path, 2)
    assert value_of(path) == {1}
    filled(path, 3)
    assert value_of(path) == {3}
    # What the interrupted save has left is overwritten or removed. Keras opens the first shard.
    assert len(os.listdir(tmp_path)) <= 5 and (tmp_path / "m_00000.weights.h5").exists()


def test_only_shards_of_the_same_store_are_removed(tmp_path):
    path = tmp_path / "m.weights.json"
    filled(path, 1, arrays=5)
    with H5Writer(tmp_path / "m_00007.weights.h5") as store:  # the user's own, by its name a shard
        store.write("layers/d", "d", [np.zeros(3, "float32")])
    (tmp_path / "m_2_00001.weights.h5").write_bytes(b"mine")
    for value in (2, 3):
        filled(path, value)
        assert value_of(path) == {value}
    names = set(os.listdir(tmp_path))
    assert {"m_00007.weights.h5", "m_2_00001.weights.h5"} < names
    assert len(names) <= 2 + 1 + 3 + 1


def test_a_damaged_index_counts_every_shard_as_needed(tmp_path):
    path = tmp_path / "m.weights.json"
    filled(path, 1)
    before = {p.name: p.read_bytes() for p in tmp_path.glob("*.h5")}
    path.write_text("{")
    with no_space_for_an_index(), pytest.raises(OSError, match="could not be written"):
        filled(path, 2)
    assert {p.name: p.read_bytes() for p in tmp_path.glob("*.h5")} == before
    filled(path, 3)
    assert value_of(path) == {3}


@contextmanager
def no_space_for_an_index():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, "write_text", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        yield


def test_no_shard_is_written_through_a_link(tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "m_00000.weights.h5").symlink_to(tmp_path / "nowhere")
    filled(tmp_path / "m.weights.json", 1)
    assert not (tmp_path / "nowhere").exists() and value_of(tmp_path / "m.weights.json") == {1}
