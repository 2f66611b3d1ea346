"""HDF5 files that no weight file looks like are refused before anything is read."""

import io
import os
import subprocess
import sys

import h5py
import jax.numpy as jnp
import numpy as np
import pytest

from cornu.archive.safeh5 import SafeH5, fits
from cornu.archive.stores import H5Reader, H5Writer
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


# ---- dtypes ------------------------------------------------------------------------------------


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
        with pytest.raises(ValueError, match="does not match"):
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


# ---- checksums ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8", "bool"])
def test_a_flipped_bit_is_named(dtype):
    array = np.arange(40_000).reshape(200, 200).astype(jnp.dtype(dtype))
    file = io.BytesIO()
    with H5Writer(file) as store:
        store.write("layers/dense", "h1", [array, BIAS])
    content = file.getvalue()
    start = content.index(array.tobytes())
    for at, bit in ((start, 0), (start + array.nbytes // 2, 0), (start + array.nbytes - 1, 0)):
        bad = bytearray(content)
        bad[at] ^= 1 << bit
        with (
            H5Reader(io.BytesIO(bad)) as store,
            pytest.raises(ValueError, match="wrong checksum at .*vars/0'"),
        ):
            store.read("layers/dense", [((200, 200), dtype), ((3,), "float32")])
    with H5Reader(io.BytesIO(content)) as store:
        read = store.read("layers/dense", [((200, 200), dtype), ((3,), "float32")])
        assert read[0].tobytes() == array.tobytes()


def test_an_array_that_was_changed_on_purpose():
    """h5py changes a file in place; without the checksum, the array is taken as it is."""
    file = io.BytesIO()
    with H5Writer(file) as store:
        store.write("layers/dense", "h1", [KERNEL])
    with h5py.File(file, "r+") as h5:
        h5["layers/dense/vars/0"][0, 0] = 100
    with H5Reader(file) as store, pytest.raises(ValueError, match="cornu_digest"):
        store.read("layers/dense", DENSE[:1])
    with h5py.File(file, "r+") as h5:
        del h5["layers/dense/vars/0"].attrs["cornu_digest"]
    with H5Reader(file) as store:
        assert store.read("layers/dense", DENSE[:1])[0][0, 0] == 100
