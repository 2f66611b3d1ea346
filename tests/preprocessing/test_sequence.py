"""Sequences as Keras 2 prepared them."""

import json

import numpy as np
import pytest
from keras.src.legacy.preprocessing import sequence as theirs

import cornu
from cornu.preprocessing import sequence as ours

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
DATA = np.arange(60.0).reshape(30, 2)


@pytest.mark.parametrize(
    "options",
    [{}, {"sampling_rate": 2, "stride": 3}, {"reverse": True, "start_index": 4, "end_index": 20}],
)
@pytest.mark.parametrize("data", [DATA, DATA.tolist()], ids=["array", "list"])
def test_windows_agree(options, data):
    given = (data, list(range(30)), 5)
    mine = ours.TimeseriesGenerator(*given, batch_size=4, **options)
    other = theirs.TimeseriesGenerator(*given, batch_size=4, **options)
    assert len(mine) == len(other)
    for i in range(len(mine)):
        for a, b in zip(mine[i], other[i], strict=True):
            np.testing.assert_array_equal(a, b)
    said = json.loads(mine.to_json())["config"]
    assert json.loads(said.pop("data")) == DATA.tolist() and said["length"] == 5
    assert said["start_index"] == options.get("start_index", 0)


def test_shuffled_windows_are_all_there_and_another_order_each_epoch():
    made = ours.TimeseriesGenerator(DATA, np.arange(30), 5, shuffle=True, batch_size=4)
    epochs = []
    for _ in range(2):
        epochs.append(np.concatenate([y for _, y in made]).tolist())
        made.on_epoch_end()
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(5, 30)) and epochs[0] != epochs[1]


def test_a_model_learns_from_windows():
    made = ours.TimeseriesGenerator(DATA / 60, DATA[:, 0] / 60, 3, batch_size=8)
    model = cornu.Sequential([cornu.layers.Flatten(), cornu.layers.Dense(1)])
    model.compile("adam", "mse")
    losses = model.fit(made, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_tables_agree():
    found = ours.make_sampling_table(50, 1e-4)
    np.testing.assert_allclose(found, theirs.make_sampling_table(50, 1e-4), rtol=1e-12)


def test_pairs():
    words, options = [1, 2, 0, 3, 2, 4], {"negative_samples": 0, "shuffle": False}
    for categorical in (False, True):
        found = ours.skipgrams(words, 5, 2, categorical=categorical, **options)
        assert found == theirs.skipgrams(words, 5, 2, categorical=categorical, **options)
    pairs, labels = ours.skipgrams(words, 5, 2, negative_samples=2.0, seed=3)
    again = ours.skipgrams(words, 5, 2, negative_samples=2.0, seed=3)
    near = {tuple(pair) for pair in ours.skipgrams(words, 5, 2, **options)[0]}
    assert (pairs, labels) == again and labels.count(0) == 2 * labels.count(1)
    assert {tuple(p) for p, label in zip(pairs, labels, strict=True) if label} == near
    assert all(0 < word < 5 for _, word in pairs)
    none = ours.skipgrams(words, 5, sampling_table=np.zeros(5))
    assert none == ([], []) == ours.skipgrams([], 5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ours.TimeseriesGenerator(DATA, [1], 3), "one length"),
        (lambda: ours.TimeseriesGenerator(DATA, DATA, 40), "no window of 40 steps"),
        (lambda: ours.TimeseriesGenerator(DATA, DATA, 0), "length must be a positive"),
        (lambda: ours.skipgrams([1], 1), "vocabulary_size"),
    ],
)
def test_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
