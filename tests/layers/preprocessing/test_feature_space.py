"""FeatureSpace: each kind of feature as Keras encodes it, from any data, in models and in files."""

import copy
import pickle

import keras
import numpy as np
import pandas as pd
import pytest

import cornu
from cornu.data import Dataset
from cornu.layers import Dense, Layer, Rescaling, TextVectorization
from cornu.utils import FeatureSpace

TABLE = {
    "f": [0.5, 1.5, 2.5, 4.0],
    "n": [1.0, 2.0, 3.0, 5.0],
    "r": [10.0, 20.0, 30.0, 5.0],
    "d": [0.1, 0.2, 0.3, 0.4],
    "ic": [3, 5, 3, 7],
    "sc": ["a", "b", "a", "c"],
    "ih": [100, 200, 300, 5],
    "sh": ["x", "y", "z", "x"],
}
# Recorded with Keras on TensorFlow 2.21: what each feature is, as integers.
RECORDED = {
    "d": [0, 1, 2, 2],
    "f": [0.5, 1.5, 2.5, 4.0],
    "ic": [1, 3, 1, 2],
    "ih": [3, 3, 5, 1],
    "n": [-1.183215856552124, -0.5070925354957581, 0.16903084516525269, 1.5212775468826294],
    "r": [1.0, 2.0, 3.0, 0.5],
    "sc": [1, 3, 1, 2],
    "sh": [0, 0, 2, 0],
    "d_X_sc": [3, 3, 0, 3],
    "sc_X_ic": [1, 1, 1, 3],
}
SIZES = {"d": 3, "ic": 4, "ih": 6, "sc": 4, "sh": 5, "d_X_sc": 4, "sc_X_ic": 8}


def space(mode="concat", encoding="one_hot", data=TABLE):
    made = FeatureSpace(
        features={
            "f": "float",
            "n": "float_normalized",
            "r": FeatureSpace.float_rescaled(scale=0.1),
            "d": FeatureSpace.float_discretized(num_bins=3, output_mode=encoding),
            "ic": FeatureSpace.integer_categorical(max_tokens=10, output_mode=encoding),
            "sc": FeatureSpace.string_categorical(output_mode=encoding),
            "ih": FeatureSpace.integer_hashed(6, output_mode=encoding),
            "sh": FeatureSpace.string_hashed(5, output_mode=encoding),
        },
        crosses=[
            FeatureSpace.cross(("sc", "ic"), 8, encoding),
            FeatureSpace.cross(("d", "sc"), 4, encoding),
        ],
        output_mode=mode,
    )
    made.adapt(data)
    return made


def expected():
    """The recorded features, one-hot and side by side."""
    columns = []
    for name, values in RECORDED.items():
        column = np.array(values)
        columns.append(np.eye(SIZES[name])[column] if name in SIZES else column[:, None])
    return np.concatenate(columns, -1)


def test_every_kind_is_encoded_as_by_keras():
    found = space("dict", "int")(TABLE)
    assert list(found) == list(RECORDED)
    for name, values in RECORDED.items():
        np.testing.assert_allclose(np.asarray(found[name])[:, 0], values, 1e-5)
    np.testing.assert_allclose(space()(TABLE), expected(), 1e-5)


@pytest.mark.parametrize(
    "data",
    [
        {name: np.array(values) for name, values in TABLE.items()},
        {name: np.array(values)[:, None] for name, values in TABLE.items()},
        pd.DataFrame(TABLE),
        Dataset.from_tensor_slices((TABLE, [0, 1, 0, 1])).batch(3),
        Dataset.from_tensor_slices(TABLE),
        [{name: values[i : i + 2] for name, values in TABLE.items()} for i in (0, 2)],
    ],
    ids=["arrays", "columns", "frame", "batches", "rows", "list"],
)
def test_it_learns_from_any_table(data):
    np.testing.assert_allclose(space(data=data)(TABLE), expected(), 1e-5)


def test_one_pass_over_a_generator():
    rows = ({name: [values[i]] for name, values in TABLE.items()} for i in range(4))
    np.testing.assert_allclose(space(data=rows)(TABLE), expected(), 1e-5)


def test_single_values_frames_and_pipelines():
    made = space()
    one = {name: values[1] for name, values in TABLE.items()}
    np.testing.assert_allclose(made(one), expected()[1], 1e-5)
    np.testing.assert_allclose(made(pd.DataFrame(TABLE)), expected(), 1e-5)
    data = Dataset.from_tensor_slices((TABLE, [0, 1, 0, 1])).batch(2)
    found = [x for x, _ in data.map(lambda x, y: (made(x), y))]
    np.testing.assert_allclose(np.concatenate(found), expected(), 1e-5)
    assert {k: v.shape for k, v in space("dict")(one).items()}["sc"] == (4,)


def test_a_model_on_raw_tables_trains_and_is_saved(tmp_path):
    made = space()
    model = cornu.Model(made.get_inputs(), Dense(1)(made.get_encoded_features()))
    model.compile("sgd", "mse")
    x = {name: np.array(values) for name, values in TABLE.items()}
    model.fit(x, np.ones(4), verbose=0)
    y = model.predict(x, verbose=0)
    kernel, bias = model.layers[-1].get_weights()
    np.testing.assert_allclose(y, expected() @ kernel + bias, 1e-4)
    model.save(tmp_path / "m.keras")
    again = cornu.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), y, 1e-5)


@pytest.mark.parametrize("mode", ["concat", "dict"])
def test_it_is_saved_by_itself(mode, tmp_path):
    made = space(mode)
    made.save(tmp_path / "s.keras")
    found, before = cornu.models.load_model(tmp_path / "s.keras")(TABLE), made(TABLE)
    for a, b in zip(*(x.values() if mode == "dict" else [x] for x in (found, before)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_files_are_exchanged_with_keras(tmp_path):
    table = {name: np.array(TABLE[name])[:, None] for name in ("f", "n", "r")}
    for library, name in ((cornu, "a.keras"), (keras, "b.keras")):
        kinds = library.utils.FeatureSpace
        made = kinds({"f": "float", "n": "float_normalized", "r": kinds.float_rescaled(0.1)})
        made.preprocessors["n"].adapt(table["n"])
        made._is_adapted = True  # its adapt wants TensorFlow
        made.get_encoded_features()
        made.save(tmp_path / name)
    there = keras.models.load_model(tmp_path / "a.keras")
    assert there.preprocessors["n"].mean == np.array(TABLE["n"]).mean()
    here = cornu.models.load_model(tmp_path / "b.keras")
    np.testing.assert_allclose(here(table), expected()[:, [3, 14, 15]], 1e-5)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
def test_copies_and_pickles(again):
    np.testing.assert_allclose(again(space())(TABLE), expected(), 1e-5)


class Learner(Layer):
    """A layer of a user that learns the largest number, from all data at once."""

    def adapt(self, data):
        self.most = max(float(np.max(batch)) for batch in data)

    def call(self, x):
        return x / self.most


def test_layers_of_every_kind_are_features():
    texts = ["good film", "bad film", "bad"]
    made = FeatureSpace(
        {
            "text": FeatureSpace.feature("string", TextVectorization(output_mode="count"), "float"),
            "scaled": FeatureSpace.feature("float32", Rescaling(0.5), "float"),
            "most": FeatureSpace.feature("float32", Learner(), "float"),
            "bins": FeatureSpace.float_discretized(None, bin_boundaries=[1.5]),
        }
    )
    table = {"text": texts, "scaled": [1.0, 2.0, 3.0], "most": [2.0, 4.0, 1.0], "bins": [1, 2, 3]}
    made.adapt(table)
    y = np.asarray(made(table))  # bins, most, scaled, text
    assert y[:, :4].tolist() == [[1, 0, 0.5, 0.5], [0, 1, 1.0, 1.0], [0, 1, 0.25, 1.5]]
    assert y[:, 4:].sum(1).tolist() == [2, 2, 1]


def test_it_learns_again_with_another_vocabulary():
    made = FeatureSpace({"a": "string_categorical"})
    made.adapt({"a": ["x", "y"]})
    assert made({"a": "x"}).shape == (3,)
    made.adapt({"a": ["x", "y", "z"]})
    assert made({"a": "z"}).shape == (4,)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: FeatureSpace({}), "one feature at least"),
        (lambda: FeatureSpace(["a"]), "must be a dict"),
        (lambda: FeatureSpace({"a": "float"}, crosses=["a_b"]), "must be a tuple of names"),
        (lambda: FeatureSpace({"a": "float_normalised"}), "float_normalized"),
        (lambda: FeatureSpace({"a": "float"}, output_mode="list"), "output_mode must be"),
        (lambda: FeatureSpace({"a": "float"}, crosses=[("a", "b")]), "which is no feature"),
        (lambda: FeatureSpace({"a": "float_normalized"})({"a": 1.0}), r"adapt\(dataset\)"),
        (lambda: FeatureSpace({"a": "float_normalized"}).adapt({"b": [1.0]}), "no column 'a'"),
        (lambda: FeatureSpace({"a": "float"})({"b": 1.0}), "no column 'a'"),
        (
            lambda: FeatureSpace({"a": FeatureSpace.integer_hashed(3, output_mode="int")})(
                {"a": 1}
            ),
            "output_mode='dict'",
        ),
        (
            lambda: FeatureSpace({"a": FeatureSpace.feature("float32", Rescaling(1.0), "one_hot")})(
                {"a": 1.0}
            ),
            "cannot be encoded one-hot",
        ),
        (lambda: FeatureSpace.cross(("a", "b"), 3, "count"), "output_mode must be"),
    ],
)
def test_mistakes(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_what_is_no_table():
    with pytest.raises(TypeError, match="takes a dict"):
        FeatureSpace({"a": "float"})(np.ones(3))
    with pytest.raises(TypeError, match="dicts of columns"):
        FeatureSpace({"a": "float_normalized"}).adapt(iter([np.ones(3)]))
