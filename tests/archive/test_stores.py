import io
import json
import os
import subprocess
import sys

import h5py
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from cornu.archive.safeh5 import SafeH5, fits
from cornu.archive.safezip import SafeZip, write_zip
from cornu.archive.stores import H5Reader, H5Writer, ShardedReader, ShardedWriter, open_reader
from cornu.archive.walk import plan_load
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
        with pytest.raises(ValueError, match="int8 cannot hold"):
            store.read("layers/dense", [((4, 3), "float32"), ((3,), "int8")])
        with pytest.raises(ValueError, match="does not fit"):
            store.read("layers/dense", [((4, 3), "float32"), ((3,), "float32")])


@pytest.mark.parametrize(
    ("stored", "expected", "answer"),
    [
        ("float32", "bfloat16", True),
        ("bfloat16", "float32", True),
        ("int64", "uint8", True),
        ("bool", "bool", True),
        ("bool", "int8", False),
        ("int32", "float32", False),
        ("float32", "int32", False),
        ("V2", "bfloat16", True),
        ("V2", "float16", False),
        ("V1", "bfloat16", False),
        ("V1", "float8_e4m3fn", True),
    ],
)
def test_which_dtypes_fit(stored, expected, answer):
    assert fits(jnp.dtype(stored), expected) is answer


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
    assert theirs["metadata"] == ours["metadata"]
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
    with pytest.raises(UnsafeFileError, match="no shard"):
        open_reader(path)


@pytest.mark.parametrize("index", [[], {}, {"weight_map": []}, {"weight_map": {"a": [1]}}, None])
def test_an_index_of_another_form(tmp_path, index):
    path = tmp_path / "big.weights.json"
    path.write_text(json.dumps(index))
    with pytest.raises(ValueError, match="not the index"):
        open_reader(path)


def test_a_shard_that_is_missing_or_incomplete(tmp_path):
    path = sharded(tmp_path)
    index = json.loads(path.read_text())
    index["weight_map"]["/layers/other/vars"] = ["big_00000.weights.h5"]
    path.write_text(json.dumps(index))
    with pytest.raises(ValueError, match="promises"):
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


# ---- hostile: links ----------------------------------------------------------------------------


def refuse(file, match):
    """A reader refuses at once, and so does a plan that only asks about something else."""
    with pytest.raises(UnsafeFileError, match=match):
        H5Reader(file)
    with pytest.raises(UnsafeFileError, match=match):
        plan_load({"layers/other": []}, H5Reader(file))


@pytest.fixture
def secret(tmp_path):
    """Another file on this machine that a hostile one wants to read."""
    path = tmp_path / "secret.h5"
    with h5py.File(path, "w") as h5:
        h5["x"] = KERNEL
        h5.create_dataset("layers/dense/vars/0", data=KERNEL)
    return str(path)


@pytest.mark.parametrize("at", ["layers/dense/vars/0", "layers/dense/vars", "layers", "extra/deep"])
@pytest.mark.parametrize("kind", ["soft", "external"])
def test_links_at_every_level(secret, at, kind):
    link = h5py.SoftLink("/real") if kind == "soft" else h5py.ExternalLink(secret, "/x")
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5["real"] = KERNEL
        h5[at] = link
    refuse(file, f"{kind} link")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_the_target_of_a_link_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for ever
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as h5:
        h5["layers"] = h5py.ExternalLink(str(tmp_path / "pipe"), "/layers")
    refuse(path, "external link")


def test_circles_of_hard_links():
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        group = h5.create_group("a/b")
        group["up"] = h5["a"]
    refuse(file, "two paths")
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5["root"] = h5["/"]
    refuse(file, "two paths")


def test_hard_links_that_double_at_every_level():
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        below = h5.create_group("end")
        for i in range(60):  # 2**60 paths
            above = h5.create_group(f"g{i}")
            above["l"], above["r"] = below, below
            below = above
    refuse(file, "two paths")


def test_deep_groups():
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.create_group("/".join("a" * 2_000))
    refuse(file, "nested too deeply")


def test_too_many_objects(monkeypatch):
    monkeypatch.setattr("cornu.archive.safeh5.MAX_OBJECTS", 50)
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        for i in range(51):
            h5.create_group(f"{i}")
    refuse(file, "too many objects")


# ---- hostile: storage --------------------------------------------------------------------------


def test_external_storage(secret):
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.create_dataset("layers/dense/vars/0", (4, 3), "f4", external=[(secret, 0, 48)])
    refuse(file, "other files")


def test_virtual_data(secret):
    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:] = h5py.VirtualSource(secret, "x", (4, 3))
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.create_virtual_dataset("layers/dense/vars/0", layout)
    refuse(file, "other files")


@pytest.mark.parametrize("compression", ["lzf", 305])
def test_filters_that_weights_do_not_need(compression):
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((4, 3))
        number = h5py.h5z.FILTER_LZF if compression == "lzf" else compression
        plan.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (1,))
        space = h5py.h5s.create_simple((4, 3))
        h5py.h5d.create(h5.id, b"0", h5py.h5t.NATIVE_FLOAT, space, plan)
    refuse(file, "unusual filters")


def test_deflate_of_deflate():
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((4, 3))
        plan.set_deflate(9)
        plan.set_deflate(9)
        space = h5py.h5s.create_simple((4, 3))
        h5py.h5d.create(h5.id, b"0", h5py.h5t.NATIVE_FLOAT, space, plan)
    refuse(file, "unusual filters")


@pytest.mark.parametrize("shape", [(16_384, 16_384), (10**6, 10**6), (2**40, 2**20, 2**20)])
def test_huge_shapes_filled_with_nothing(shape):
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.create_dataset("0", shape, "f4", chunks=(64,) * len(shape), compression="gzip")
    refuse(file, "far more")


def test_many_shapes_filled_with_nothing():
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        for i in range(500):  # each alone would pass
            h5.create_dataset(str(i), (500_000,), "f4", chunks=(100,))
    refuse(file, "far more")


def test_contiguous_data_never_written():
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.create_dataset("0", (10**9,), "f4")
    refuse(file, "far more")


def test_a_chunk_beyond_its_dataset():
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.create_dataset("0", (2,), "f4", maxshape=(None,), chunks=(2**29,))
    refuse(file, "chunk beyond")


def test_a_chunk_that_unpacks_too_far():
    import zlib

    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        bomb = zlib.compress(b"\0" * 2**24)
        data = h5.create_dataset("layers/dense/vars/0", (4, 3), "f4", chunks=(4, 3), compression=1)
        data.id.write_direct_chunk((0, 0), bomb)
    with H5Reader(file) as store, pytest.raises(UnsafeFileError, match="unpacks too far"):
        store.read("layers/dense", DENSE[:1])


def test_a_chunk_that_does_not_unpack():
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        data = h5.create_dataset("layers/dense/vars/0", (4, 3), "f4", chunks=(4, 3), compression=1)
        data.id.write_direct_chunk((0, 0), b"no deflate stream")
    with H5Reader(file) as store, pytest.raises(ValueError, match="damaged"):
        store.read("layers/dense", DENSE[:1])


def test_the_shape_is_compared_before_a_byte_is_read(monkeypatch):
    with H5Reader(store_with(np.zeros((512, 512), "f4"))) as store:
        monkeypatch.setattr(h5py.Dataset, "__getitem__", lambda *_: pytest.fail("read"))
        with pytest.raises(ValueError, match="does not fit"):
            store.read("layers/dense", DENSE[:1])


# ---- hostile: types and attributes -------------------------------------------------------------


def typed(kind):
    texts = h5py.string_dtype()
    return {
        "text": np.array(["x"] * 3, dtype=texts),
        "bytes": np.array([b"x", b"y"]),
        "ragged": np.empty(2, dtype=h5py.vlen_dtype("i4")),
        "record": np.zeros(2, [("a", "f4"), ("b", "i4")]),
        "complex": np.zeros(2, "complex64"),
        "array": np.zeros(2, [("a", "f4", (2,))]),
        "wide opaque": np.zeros(2, "V8"),
    }[kind]


@pytest.mark.parametrize(
    "kind", ["text", "bytes", "ragged", "record", "complex", "array", "wide opaque"]
)
def test_types_that_weights_do_not_have(kind):
    array = typed(kind)
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.create_dataset("layers/dense/vars/0", array.shape, array.dtype)
    refuse(file, "type that weights do not have")


def test_references():
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.create_dataset("0", data=np.array([h5.ref], dtype=h5py.ref_dtype))
    refuse(file, "type that weights do not have")


def test_enumerations_and_named_types():
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.create_dataset("0", (2,), h5py.enum_dtype({"RED": 0, "BLUE": 7}, "i4"))
    refuse(file, "type that weights do not have")
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5["type"] = np.dtype("f4")
    refuse(file, "named type")


def test_a_dataset_without_a_shape():
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.create_dataset("0", data=h5py.Empty("f4"))
    refuse(file, "without a shape")


@pytest.mark.parametrize("name", [b"float32", b"object", b"float8_e5m2", b"U100000000", 7.0])
def test_opaque_bytes_with_a_foreign_name(name):
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.create_dataset("0", data=np.zeros(2, "V2")).attrs["dtype"] = (
            np.bytes_(name) if isinstance(name, bytes) else name
        )
    refuse(file, "unknown type|unexpected type")


def test_text_of_variable_length_is_not_read_while_loading(monkeypatch):
    file = io.BytesIO()
    with H5Writer(file) as store:
        store.write("a", "a", [KERNEL.astype(jnp.bfloat16)])
    monkeypatch.setattr(h5py.AttributeManager, "__getitem__", lambda *_: pytest.fail("read"))
    with H5Reader(file) as store:
        assert store.read("a", [((4, 3), "bfloat16")])[0].dtype == jnp.bfloat16


@pytest.mark.parametrize("value", [np.arange(5_000), np.array([b"a", b"b"]), 3.0])
def test_an_attribute_of_another_form(value):
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.create_group("layers/dense/vars").attrs["name"] = value
    with H5Reader(file) as store, pytest.raises(UnsafeFileError, match="attribute"):
        store.name("layers/dense")


# ---- damaged -----------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"PK\3\4" * 100, b"\x89HDF\r\n\x1a\n" + b"\0" * 500])
def test_what_is_not_hdf5_says_so(tmp_path, content):
    path = tmp_path / "m.weights.h5"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not an HDF5 file"):
        H5Reader(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="regular file"):
        H5Reader(tmp_path / "m.weights.h5")


def test_a_cut_file():
    content = store_with(np.zeros((100, 100), "f4")).getvalue()
    with pytest.raises(ValueError, match="damaged"):
        H5Reader(io.BytesIO(content[: len(content) // 2]))


FUZZ = """
import io
import jax.numpy as jnp
import numpy as np
from cornu.archive.stores import H5Reader, H5Writer
file = io.BytesIO()
with H5Writer(file) as store:
    store.write("layers/dense", "h1", [np.ones((4, 3), "float32"), np.ones(3, jnp.bfloat16)])
good, draw = file.getvalue(), np.random.default_rng(0)
used = [i for i, byte in enumerate(good) if byte]
for _ in range(1000):
    bad = bytearray(good)
    for at in draw.choice(used, 3):
        bad[at] = draw.integers(256)
    try:
        with H5Reader(io.BytesIO(bad)) as store:
            for path in store.paths():
                store.read(path, store.shapes(path))
    except ValueError:
        pass
"""


def test_random_damage_is_a_value_error_or_goes_unnoticed():
    # In a process of its own: the HDF5 library is C, and this is where it might crash.
    done = subprocess.run([sys.executable, "-c", FUZZ], capture_output=True, timeout=100)
    assert done.returncode == 0, done.stderr.decode()[-2_000:]


def test_a_file_stays_usable_after_a_refused_read():
    with SafeH5(store_with(KERNEL)) as file:
        with pytest.raises(ValueError, match="another array"):
            file.array("layers/dense/vars/0", (3, 4), "float32")
        assert file.array("layers/dense/vars/0", (4, 3), "float32").sum() == KERNEL.sum()
