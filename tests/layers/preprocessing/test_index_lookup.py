"""Lookups: what Keras with TensorFlow says, adapt, files, and what is refused."""

import copy
import json
import pickle
import threading
import zipfile
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest

import cornu
from cornu import layers, models
from cornu.errors import UnsafeFileError
from cornu.layers import IntegerLookup, StringLookup, TextVectorization
from layers.preprocessing.lookup_cases import CASES, RECORDED, ask

ANSWERS = json.loads(RECORDED.read_text())
KERAS = Path(__file__).parent / "files" / "lookups.keras"


@pytest.mark.parametrize(
    ("case", "answer"),
    list(zip(CASES, ANSWERS, strict=True)),
    ids=[f"{c[0]}-{c[1]}" for c in CASES],
)
def test_as_keras(case, answer):
    found = json.loads(json.dumps(ask(layers, case, np.asarray)))
    if "error" in answer:
        assert found == {"error": "ValueError"}
        return
    assert found["shape"] == answer["shape"]
    if answer["values"] and isinstance(answer["values"][0], str):
        assert found["values"] == answer["values"]
    else:
        np.testing.assert_allclose(found["values"], answer["values"], rtol=1e-6)
    # Keras shows a vocabulary through arrays of numpy that drop the NUL at the end of a text.
    shown = [t.rstrip("\0") if isinstance(t, str) else t for t in found["vocabulary"]]
    assert shown == answer["vocabulary"]
    # What does not fit the lines of an asset stands in the config.
    if answer["config"]["vocabulary"] is None and found["config"]["vocabulary"] is not None:
        assert "\x1c" in "".join(found["config"].pop("vocabulary"))
        del answer["config"]["vocabulary"]
    assert found["config"] == answer["config"]


# ---- adapt -----------------------------------------------------------------------------------

WORDS = np.array([["red", "blue"], ["red", "green"], ["é", "red"], ["green", "blue"]])


@pytest.mark.parametrize(
    "data",
    [
        WORDS,
        WORDS.tolist(),
        pd.DataFrame(WORDS),
        WORDS.astype(object),
        WORDS.astype(np.dtypes.StringDType()),
        np.char.encode(WORDS, "utf-8"),
        (row[None] for row in WORDS[::-1]),
        [WORDS[:1], WORDS[1:]],
        ((w, 0) for w in (WORDS[2:], WORDS[:2])),
    ],
    ids=lambda d: type(d).__name__,
)
def test_every_kind_of_data_gives_one_vocabulary(data):
    layer = StringLookup(output_mode="tf_idf")
    layer.adapt(data)
    assert layer.get_vocabulary() == ["[UNK]", "red", "green", "blue", "é"]
    weights = np.log(1 + 4 / (1 + np.array([3, 2, 2, 1])))
    np.testing.assert_allclose(layer._weights, [weights.mean(), *weights], rtol=1e-6)


def test_adapting_twice_forgets_and_a_failed_pass_changes_nothing():
    layer = IntegerLookup(max_tokens=3)
    layer.adapt([1, 1, 2])
    layer.adapt(pd.Series([5, 5, 5, 4, 4, 3]))
    assert layer.get_vocabulary() == [-1, 5, 4]
    for bad in ([1.5], [np.nan], ["a"], []):
        with pytest.raises(ValueError):
            layer.adapt(bad)
    with pytest.raises(ValueError, match="hold no terms"):
        layer.adapt([-1, -1])
    assert layer.get_vocabulary() == [-1, 5, 4]
    with pytest.raises(ValueError, match="nothing to adapt"):
        IntegerLookup(vocabulary=[1]).adapt([2])


def test_documents_that_differ_in_length():
    layer = StringLookup(output_mode="tf_idf")
    layer.update_state([["a", "a", "b"], ["a"]])
    layer.finalize_state()
    assert layer.get_vocabulary(include_special_tokens=False) == ["a", "b"]
    assert layer._weights[1] == np.float32(np.log(1 + 2 / 3))


# ---- calls -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count", "tf_idf"])
@pytest.mark.parametrize(
    "options", [{}, {"mask_token": 0, "num_oov_indices": 3}, {"vocabulary": [1, -7, 2**31, 2**40]}]
)
def test_integers_in_a_compiled_program(mode, options):
    options = {"vocabulary": [7, 9, 20], **options}
    weights = list(range(1, 1 + len(options["vocabulary"])))
    layer = IntegerLookup(
        output_mode=mode, idf_weights=weights if mode == "tf_idf" else None, **options
    )
    x = np.array([[7, 0, -2], [20, 1, 5]], "int32")
    expected = layer(x)
    assert expected.dtype == ("int32" if mode == "int" else "float32")
    assert layer.compute_output_spec(cornu.KerasTensor((2, 3), "int32")).shape == expected.shape
    np.testing.assert_allclose(jax.jit(layer)(x), expected, rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(layer)(x[:, None])[:, 0], expected, rtol=1e-6)


def test_integers_whose_errors_and_hashes_are_of_the_host():
    hashed = IntegerLookup(vocabulary=[1], num_oov_indices=5, oov_method="farmhash", salt=3)
    x = np.arange(6)
    np.testing.assert_array_equal(jax.jit(hashed)(x), hashed(x))
    strict = IntegerLookup(vocabulary=[1], num_oov_indices=0)
    assert jax.jit(strict)(np.array([1])).tolist() == [0]
    with pytest.raises(Exception, match="not in its vocabulary"):
        jax.block_until_ready(jax.jit(strict)(np.array([2])))
    inverse = IntegerLookup(vocabulary=[5, 6], invert=True)
    assert jax.jit(inverse)(np.array([2, 0, 9, -1])).tolist() == [6, -1, -1, -1]
    with pytest.raises(TypeError, match="signed"):
        jax.jit(hashed)(np.arange(3, dtype="uint32"))


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count", "tf_idf"])
def test_sparse_outputs(mode):
    weights = [1.0, 2.0] if mode == "tf_idf" else None
    options = {"vocabulary": ["a", "b"], "idf_weights": weights, "output_mode": mode}
    x = [["a", "a"], ["z", "b"]]
    found = StringLookup(sparse=True, **options)(x)
    np.testing.assert_array_equal(found.todense(), StringLookup(**options)(x))


def test_inputs_of_every_kind():
    layer = StringLookup(vocabulary=["a", "é"], encoding="latin-1")
    for x in (["é", "a"], np.array(["é", "a"], object), pd.Series(["é", "a"]),
              np.array(["é".encode("latin-1"), b"a"]), ("é", "a")):  # fmt: skip
        assert layer(x).tolist() == [2, 1]
    assert layer([]).shape == (0,) and layer("é").shape == ()
    back = StringLookup(vocabulary=["a", "é"], invert=True)
    assert back(layer(["é", "x"])).tolist() == ["é", "[UNK]"]
    assert IntegerLookup(vocabulary=[1])(pd.Series([1.0, 2.0])).tolist() == [1, 0]
    assert IntegerLookup(vocabulary=[2**40])([2**40]).tolist() == [1]


def test_copies_and_threads():
    layer = StringLookup()
    layer.adapt(["a", "b", "a"])
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin.get_vocabulary() == layer.get_vocabulary() and twin(["b"]).tolist() == [2]
    found = []
    threads = [threading.Thread(target=lambda: found.append(layer(["b"]).tolist()))
               for _ in range(4)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[2]] * 4


# ---- files -----------------------------------------------------------------------------------


def results(model):
    texts, words = [["the CAT, naïve"], ["x y dog"]], [["red"], ["zz"]]
    ids = np.array([[7], [2**40]])
    said = {"text": texts, "given": texts, "words": words, "ids": ids}
    return {name: model.get_layer(name)(x).tolist() for name, x in said.items()}


def test_a_file_of_keras(tmp_path):
    model = models.load_model(KERAS)
    found = results(model)
    assert found["given"] == [[1, 1, 1], [2, 3, 1]] and found["words"] == [[3], [1]]
    assert found["ids"] == [[0, 1, 0, 0], [0, 0, 1, 0]]
    np.testing.assert_allclose(found["text"][0][1:4], [0.6931472, 0, 0.9162907], rtol=1e-6)
    model.save(tmp_path / "again.keras")
    assert results(models.load_model(tmp_path / "again.keras")) == found
    ours, keras = (zipfile.ZipFile(p) for p in (tmp_path / "again.keras", KERAS))
    assets = [n for n in keras.namelist() if n.startswith("assets")]
    assert [n for n in ours.namelist() if n.startswith("assets")] and len(assets) == 4
    for name in assets:
        assert ours.read(name) == keras.read(name)
    model.save(tmp_path / "folder", zipped=False)
    assert results(models.load_model(tmp_path / "folder")) == found
    model.save_weights(tmp_path / "a.weights.h5")
    model.load_weights(tmp_path / "a.weights.h5")
    assert results(model) == found


@pytest.mark.parametrize(
    "terms", [["a", ""], ["a\nb", "c"], ["a\u2028", "b"], ["a\r", "b\r"], ["\ufeffa", "b"]]
)
def test_no_term_is_lost_in_a_file(terms, tmp_path):
    layer = StringLookup(output_mode="tf_idf")
    layer.set_vocabulary(terms, idf_weights=[1.0, 2.0])
    model = cornu.Sequential([cornu.Input((1,), dtype="string"), layer])
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras").layers[-1]
    assert again.get_vocabulary() == ["[UNK]", *terms]
    assert again._weights.tolist() == [1.5, 1.0, 2.0]


def test_a_vocabulary_that_is_set_later_is_the_one_that_is_saved():
    layer = StringLookup(vocabulary=["a", "b"])
    layer.set_vocabulary(np.array(["c"]))
    assert StringLookup.from_config(layer.get_config()).get_vocabulary() == ["[UNK]", "c"]


def test_a_vocabulary_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("a\r\né\r\n".encode())
    layer = StringLookup(vocabulary=str(path))
    assert layer.get_vocabulary() == ["[UNK]", "a", "é"]
    assert layer.get_config()["vocabulary"] is None
    path.write_text("3\n4")
    assert IntegerLookup(vocabulary=path).get_vocabulary() == [-1, 3, 4]
    with pytest.raises(ValueError, match="no vocabulary file"):
        StringLookup(vocabulary="none.txt")

    @cornu.saving.register_keras_serializable("lookups")
    class Words(StringLookup):
        pass

    config = {"class_name": "lookups>Words", "config": {"name": "w", "vocabulary": str(path)}}
    with pytest.raises(UnsafeFileError, match="names a file"):
        layers.deserialize({**config, "registered_name": "lookups>Words", "module": None})


def test_settings_of_keras_2():
    config = {"name": "w", "dtype": "string", "vocabulary": ["a"], "has_input_vocabulary": True,
              "vocabulary_size": 2, "output_mode": "binary"}  # fmt: skip
    assert StringLookup.from_config(config).output_mode == "multi_hot"


# ---- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: StringLookup(max_tokens=1), "max_tokens must be an integer >= 2"),
        (lambda: StringLookup(num_oov_indices=-1), "num_oov_indices must be"),
        (lambda: StringLookup(pad_to_max_tokens=True), "needs max_tokens"),
        (lambda: StringLookup(output_mode="multihot"), "did you mean 'multi_hot'"),
        (lambda: StringLookup(invert=True, output_mode="count"), "must be 'int'"),
        (lambda: StringLookup(sparse=True), "another output_mode"),
        (lambda: StringLookup(idf_weights=[1]), "output_mode='tf_idf'"),
        (lambda: StringLookup(vocabulary=["a"], output_mode="tf_idf"), "needs idf_weights"),
        (lambda: StringLookup(vocabulary=[]), "is empty"),
        (lambda: StringLookup(vocabulary=["a", "b", "a"]), "more than once: 'a'"),
        (lambda: StringLookup(vocabulary=["a", "m"], mask_token="m"), "mask_token 'm' is among"),
        (lambda: StringLookup(vocabulary=["a", "[UNK]"], invert=True), "oov_token"),
        (lambda: StringLookup(vocabulary=["a", "b"], max_tokens=2), "max_tokens=3"),
        (lambda: StringLookup(vocabulary=[["a"]]), "one axis"),
        (lambda: StringLookup(vocabulary=["a"])([["a"], ["b", "c"]]), "differ in length"),
        (lambda: StringLookup(vocabulary=["a"])(["a", None]), "Text 1 .*is missing"),
        (lambda: StringLookup(vocabulary=["a"])([b"\xff"]), "not encoded in utf-8"),
        (lambda: IntegerLookup(vocabulary=[1])([1.5]), "1.5, which is no integer"),
        (lambda: IntegerLookup(vocabulary=[1])([np.nan]), "no integer"),
        (lambda: IntegerLookup(vocabulary=[1], salt=3), "farmhash"),
        (lambda: IntegerLookup(vocabulary_dtype="int32"), "'int64'"),
        (lambda: IntegerLookup(vocabulary=[1], num_oov_indices=0)([2]), "got .*2.*not in its voc"),
        (lambda: TextVectorization(ragged=True), "no ragged arrays"),
        (lambda: TextVectorization(output_mode="count", output_sequence_length=3), "'int'"),
        (lambda: TextVectorization(ngrams=0), "ngrams"),
    ],
)
def test_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_refused_by_kind():
    with pytest.raises(TypeError, match="is no text but int 3"):
        StringLookup(vocabulary=["a"])(["a", 3])
    with pytest.raises(RuntimeError, match=r"has no vocabulary yet.\n  fix: layer.adapt"):
        StringLookup()(["a"])
    with pytest.raises(RuntimeError, match="'mine' has no vocabulary yet"):
        TextVectorization(name="mine")(["a"])
    layer = StringLookup(output_mode="count")
    layer.adapt(["a"])
    cornu.Model(inputs := cornu.Input((1,), dtype="string"), layer(inputs))
    with pytest.raises(RuntimeError, match="size of its vocabulary cannot change"):
        layer.set_vocabulary(["a", "b"])


# ---- in models and data sets -----------------------------------------------------------------


@pytest.mark.filterwarnings("error")
def test_a_model_of_keras_predicts_what_it_predicted_there():
    model = models.load_model(KERAS)
    texts, words = np.array([["the CAT, naïve"], ["x y dog"]]), np.array([["red"], ["zz"]])
    found = model.predict([texts[:1], words[:1], np.array([[7]])], verbose=0)
    np.testing.assert_allclose(found, np.load(KERAS.with_suffix(".npy"))[:1], rtol=1e-6)
    with pytest.raises(ValueError, match="beyond 32 bits"):
        model.predict([texts, words, np.array([[7], [2**40]])], verbose=0)


def test_a_model_with_integers_learns():
    lookup = IntegerLookup(output_mode="one_hot")
    lookup.adapt(np.array([3, 5, 5, 9]))
    model = cornu.Sequential([cornu.Input((1,), dtype="int64"), lookup, layers.Dense(1)])
    model.compile(cornu.optimizers.SGD(0.5), "mse")
    x, y = np.array([[3], [5], [9], [77]]), np.array([0.0, 1.0, 2.0, 3.0])
    model.fit(x, y, epochs=60, verbose=0)
    np.testing.assert_allclose(model.predict(x, verbose=0).ravel(), y, atol=0.1)


def test_data_sets():
    texts, labels = ["a b", "b", "c b"], np.arange(3)
    data = cornu.data.Dataset.from_tensor_slices((np.array(texts), labels)).batch(2)
    for given in (data, data.map(lambda x, y: x)):
        layer = TextVectorization(output_sequence_length=2)
        layer.adapt(given)
        assert layer.get_vocabulary() == ["", "[UNK]", "b", "c", "a"]
    batches = [x for x, _ in data.map(lambda x, y: (layer(x), y))]
    assert isinstance(batches[0], np.ndarray)  # it stays on the host until the model wants it
    assert np.concatenate(batches).tolist() == [[4, 2], [2, 0], [3, 2]]
