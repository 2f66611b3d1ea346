"""What h5py writes is read the same, in every form of the format that it can choose."""

import io
import itertools

import h5py
import numpy as np
import pytest

from cornu.archive.safeh5 import SafeH5

SHAPES = [(), (1,), (5,), (3, 4), (0, 3), (7, 2, 5), (33, 40)]
DTYPES = ["f4", "f8", "f2", "i1", "u2", ">i4", ">f4", "u8", "?"]
PACKED = {"compression": "gzip", "shuffle": True, "fletcher32": True}


def storages(shape):
    """Options of `create_dataset` that put one array into a file in different ways."""
    yield {}
    if shape and 0 not in shape:
        halves = tuple(max(1, n // 2) for n in shape)
        yield {"chunks": shape}
        yield {"chunks": halves}
        yield {"chunks": halves, "compression": "gzip"}
        yield {"chunks": shape, **PACKED}
        yield {"chunks": halves, "fletcher32": True}
    if shape == (33, 40):
        yield {"chunks": (1, 1)}  # more chunks than one page of an index has


@pytest.fixture(scope="module", params=[None, "v108", "latest"])
def written(request):
    """A file, its arrays by path, and its texts by path and name."""
    draw = np.random.default_rng(0)
    file, arrays, texts = io.BytesIO(), {}, {}
    with h5py.File(file, "w", libver=request.param, track_order=request.param == "v108") as h5:
        for i, shape in enumerate(SHAPES):
            for j, (dtype, options) in enumerate(
                zip(itertools.cycle(DTYPES), storages(shape), strict=False)
            ):
                path = f"layers/layer_{i}/vars/{j}"
                arrays[path] = np.asarray(draw.normal(size=shape) * 50).astype(dtype)
                h5.create_dataset(path, data=arrays[path], **options)
        for i, dtype in enumerate(DTYPES):
            arrays[f"types/{i}"] = draw.normal(size=3).astype(dtype)
            h5[f"types/{i}"] = arrays[f"types/{i}"]
        partly = h5.create_dataset("partly", (4, 4), "f4", chunks=(2, 2), fillvalue=7.5)
        partly[:2, :2] = 1
        arrays["partly"] = partly[...]
        h5.create_dataset("never", (4, 4), "i4", fillvalue=-3)
        arrays["never"] = np.full((4, 4), -3, "i4")
        many = h5.create_group("many")
        for i in range(300):
            many.create_group(f"group number {i}")
        for i in range(30):
            many.attrs[f"text {i}"] = "höllo" * i
            texts["many", f"text {i}"] = ["höllo" * i]
        names = [f"layer_{i:06d}" for i in range(4_000)]
        many.attrs["names"] = np.array([n.encode() for n in names])
        many.attrs["ragged"] = ["a", "", "bc"]
        texts |= {("many", "names"): names, ("many", "ragged"): ["a", "", "bc"]}
        if request.param:  # the oldest form has room for 64 KiB
            many.attrs["more"] = np.array([n.encode() for n in names * 3])
            texts["many", "more"] = names * 3
    return file, arrays, texts


def test_every_array_and_every_text_is_read(written):
    file, arrays, texts = written
    with SafeH5(file) as h5:
        assert set(h5.datasets) == set(arrays)
        for path, array in arrays.items():
            dtype = array.dtype.newbyteorder("=")
            assert (h5.datasets[path].shape, h5.datasets[path].dtype) == (array.shape, dtype)
            np.testing.assert_array_equal(h5.array(path, array.shape, dtype), array, path)
        for (path, name), values in texts.items():
            assert h5.texts(path, name) == values
        assert len([g for g in h5.groups if g.startswith("many/")]) == 300


def test_texts_are_read_again_and_the_absent_is_none(written):
    with SafeH5(written[0]) as h5:
        assert h5.texts("many", "ragged") == h5.texts("many", "ragged") == ["a", "", "bc"]
        assert h5.texts("many", "absent") is None


@pytest.mark.parametrize("libver", [None, "latest"])
def test_arrays_that_can_grow_are_read_or_refused_in_plain_words(libver):
    file = io.BytesIO()
    with h5py.File(file, "w", libver=libver) as h5:
        h5.create_dataset("x", data=np.arange(6.0), maxshape=(None,), chunks=(4,))
    if libver is None:
        with SafeH5(file) as h5:
            assert h5.array("x", (6,), "float64").tolist() == [0, 1, 2, 3, 4, 5]
    else:
        with pytest.raises(ValueError, match="without maxshape"):
            SafeH5(file)
