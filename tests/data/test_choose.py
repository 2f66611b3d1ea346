"""Every kind of data finds its source; everything else a short error."""

import numpy as np
import pandas as pd
import pytest

from cornu.data.arrays import ArraySource
from cornu.data.choose import source_for
from cornu.data.dataset import PyDataset, PyDatasetSource
from cornu.data.foreign import IterableSource
from cornu.data.source import Source


class Two(PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return np.zeros((4, 1)), np.zeros(4)


class Sequence:
    """A data set from before PyDataset, or from another library."""

    __len__, __getitem__ = Two.__len__, Two.__getitem__

    def on_epoch_end(self):
        pass


class Pairs:
    def __iter__(self):
        yield np.zeros((4, 1)), np.zeros(4)


def pairs():
    yield np.zeros((4, 1)), np.zeros(4)


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        (np.zeros((4, 1)), ArraySource),
        (pd.DataFrame({"a": [1, 2]}), ArraySource),
        ([[1.0], [2.0]], ArraySource),
        ({"a": np.zeros(3)}, ArraySource),
        (Two(), PyDatasetSource),
        (Sequence(), PyDatasetSource),
        (pairs(), IterableSource),
        (zip([np.zeros(2)], [np.zeros(2)], strict=True), IterableSource),
        (Pairs(), IterableSource),
    ],
)
def test_the_source_of_each_kind(x, kind):
    source = source_for(x)
    assert type(source) is kind
    assert next(source.batches(0)).size > 0


def test_a_source_is_taken_as_it_is():
    source = Source()
    assert source_for(source) is source


def test_options_reach_the_arrays():
    x = np.arange(10)
    source = source_for(x, x, batch_size=3, shuffle=True, seed=5, floatx="float16")
    assert (source.batch_size, source.seed, source.shuffle) == (3, 5, True)
    assert source_for(x).batch_size == 32


@pytest.mark.parametrize("extra", ["y", "sample_weight"])
@pytest.mark.parametrize("make", [pairs, Two, Pairs])
def test_what_brings_its_own_targets_takes_no_others(make, extra):
    with pytest.raises(ValueError, match=f"{extra} cannot be given with a") as caught:
        source_for(make(), **{extra: np.zeros(4)})
    assert "leave" in str(caught.value)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (None, "got None"),
        (3, "of type int"),
        ("a" * 1000, "of type str"),
        (object(), "of type object"),
        (range(5), "numpy.asarray"),
        (pairs, r"call it: pairs\(\)"),
        (type("D", (), {"__module__": "torch.utils.data.dataset"})(), "DataLoader"),
    ],
)
def test_unknown_data_get_a_short_message(x, words):
    with pytest.raises(ValueError, match=words) as caught:
        source_for(x)
    assert len(str(caught.value)) < 200 and str(caught.value).count("\n") <= 1
