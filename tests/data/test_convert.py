"""What users hand over becomes arrays, or an error that names it."""

from collections import namedtuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from cornu.data.convert import host_arrays, to_array, to_batch


@pytest.mark.parametrize(
    ("dtype", "becomes"),
    [
        ("float64", "float32"),
        ("float16", "float32"),
        ("float32", "float32"),
        ("int64", "int64"),
        ("uint8", "uint8"),
        ("bool", "bool"),
        (">f4", "float32"),
        (">i4", "int32"),
    ],
)
def test_floats_become_floatx_and_the_rest_stays(dtype, becomes):
    x, y = host_arrays(np.ones((4, 2), dtype), np.ones(4, dtype))
    assert x.dtype == y.dtype == np.dtype(becomes)
    assert (x == 1).all()


def test_floatx_is_obeyed_and_jax_arrays_stay_jax():
    assert host_arrays(np.ones(3), floatx="bfloat16")[0].dtype == jnp.bfloat16
    (x,) = host_arrays(jnp.ones((3, 2), "float16"))
    assert isinstance(x, jax.Array) and x.dtype == "float32"


def test_lists_of_numbers_are_arrays():
    x, y = host_arrays([[1, 2], [3, 4], [5, 6]], [0.0, 1.0, 0.0])
    assert x.shape == (3, 2) and x.dtype == "int64"
    assert y.dtype == "float32"


def test_lists_of_arrays_are_several_inputs_unless_told_otherwise():
    a, b = np.zeros((2, 3)), np.ones((2, 4))
    (x,) = host_arrays([a, b])
    assert isinstance(x, list) and [part.shape for part in x] == [(2, 3), (2, 4)]
    (x,) = host_arrays([np.zeros(3), np.ones(3)], inputs_are_nested=False)
    assert x.shape == (2, 3)
    (x,) = host_arrays([[[1, 2]], [[3, 4]]], inputs_are_nested=True)
    assert [part.shape for part in x] == [(1, 2), (1, 2)]
    (x,) = host_arrays([a], inputs_are_nested=False)  # how a single input may be given, too
    assert x.shape == (2, 3)


def test_labels_written_row_by_row_are_one_array():
    rows = [np.array([0, 1]), np.array([1, 0]), np.array([0, 1])]
    _, y = host_arrays(np.zeros((3, 2)), rows)
    assert y.shape == (3, 2)
    _, y = host_arrays(np.zeros((3, 2)), [np.zeros(3), np.zeros(3)])  # two outputs
    assert isinstance(y, list) and len(y) == 2


def test_dicts_tuples_and_named_tuples_keep_their_structure():
    pair = namedtuple("pair", "left right")
    x, y, weight = host_arrays(
        {"b": [1, 2], "a": np.zeros((2, 1))}, pair(np.zeros(2), None), np.ones(2)
    )
    assert list(x) == ["b", "a"] and x["b"].shape == (2,)
    assert y.left.shape == (2,) and y.right is None
    assert weight.dtype == "float32"


def test_trailing_none_is_dropped_and_inner_none_kept():
    assert len(host_arrays(np.zeros(3))) == 1
    x, y, weight = host_arrays(np.zeros(3), sample_weight=np.ones(3))
    assert y is None and weight.shape == (3,)


def test_tables():
    frame = pd.DataFrame({"age": [20, 30], "size": [1.5, 1.8], "member": [True, False]})
    array = to_array(frame, "x")
    assert array.tolist() == [[20, 1.5, 1], [30, np.float32(1.8), 0]]
    assert array.dtype == "float32" and array.flags.c_contiguous
    assert to_array(frame["age"], "x").shape == (2, 1)
    assert to_array(frame[["age"]], "x").dtype == "int64"
    missing = pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "m": [0.5, 1.0]})
    assert np.isnan(to_array(missing, "x")[1, 0])


def test_python_objects_that_are_numbers():
    frame = pd.DataFrame({"age": [20, None], "size": [1.5, 1.8]}).astype(object)
    for value in (frame, np.array([[20, 1.5], [None, 1.8]], dtype=object)):
        array = to_array(value, "x")
        assert array.dtype == "float32" and array[0].tolist() == [20, 1.5]
        assert np.isnan(array[1, 0])


def test_text_in_tables_names_the_column():
    frame = pd.DataFrame({"age": [20, 30], "town": ["Ulm", "Bonn"]})
    with pytest.raises(ValueError, match="column 'town'") as caught:
        to_array(frame, "x")
    assert "get_dummies" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3, "single value of type int"),
        (np.float32(3), "single value"),
        (["a", "b"], "numpy.unique(x"),
        (np.array(["a", "b"], dtype=object), "numpy.unique(x"),
        ([[1, 2], [3]], "n = max(map(len, x))"),
        (np.array([[1, 2], [3]], dtype=object), "n = max(map(len, x))"),
        (np.array(["2024-01-01"], dtype="datetime64[D]"), "dates or times"),
        ([object()], "Python objects"),
        (np.zeros((0, 3)), "no samples"),
        (None, "got None"),
    ],
)
def test_what_cannot_be_data_is_refused_in_few_words(value, words):
    with pytest.raises(ValueError) as caught:
        host_arrays(value)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 250


def test_text_labels_get_other_advice():
    with pytest.raises(ValueError, match=r"y = numpy.unique\(y, return_inverse=True\)"):
        host_arrays(np.zeros((2, 1)), ["cat", "dog"])


def test_different_lengths_are_listed():
    with pytest.raises(ValueError, match="samples: x 10 | y 5 | sample_weight 10"):
        host_arrays(np.zeros((10, 2)), np.zeros(5), np.ones(10))
    with pytest.raises(ValueError, match=r"x\[1\] 3"):
        host_arrays([np.zeros((4, 2)), np.zeros((3, 2))])


def test_a_mapped_file_is_not_converted(tmp_path):
    mapped = np.memmap(tmp_path / "x.bin", dtype="float64", mode="w+", shape=(6, 2))
    (x,) = host_arrays(mapped)
    assert x.dtype == "float64" and np.shares_memory(x, mapped)


class Tensor:
    """As much of a torch tensor as is used."""

    def __init__(self, value):
        self.value = np.asarray(value)
        self.shape = self.value.shape
        self.dtype = f"torch.{self.value.dtype}"

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return self.value


def test_batches_of_loaders():
    batch = to_batch((Tensor(np.ones((4, 2))), Tensor(np.arange(4))), "The loader")
    assert batch.size == 4
    assert [leaf.dtype for leaf in batch.data] == ["float32", "int64"]
    half = to_batch((np.ones(2, "float16"),), "The loader")
    assert half.data[0].dtype == "float16"
    assert to_batch({"a": np.ones(3)}, "The loader").size == 3
    assert to_batch([np.ones(3), np.ones(3)], "The loader", lists_are_batches=True).size == 3


@pytest.mark.parametrize("item", [[np.ones(3), np.ones(3)], (1,) * 4, 7, "text"])
def test_what_is_not_a_batch(item):
    with pytest.raises(ValueError, match=r"\(x, y, sample_weight\)"):
        to_batch(item, "The generator")


def test_single_samples_are_told_from_batches():
    with pytest.raises(ValueError, match="must give batches, got single samples") as caught:
        to_batch((np.ones(3), np.int64(1)), "The loader")
    assert "batch(32)" in str(caught.value)
