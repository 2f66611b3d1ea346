"""`fit`, `evaluate` and `predict` give the same whatever the data come in.

One small model starts from the same weights each time; what numpy arrays give is what is expected.
"""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import cornu as keras
from cornu import layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).round(2).astype("float32")
Y = np.arange(24) % 2
BATCH = 8


@pytest.fixture(scope="module")
def trained():
    """Trains the model from its first weights; gives losses, evaluation and predictions."""
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, activation="softmax")])
    model.compile(
        keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    start = model.get_weights()

    def train(make, **options):
        model.set_weights(start)
        history = model.fit(*make(), epochs=2, shuffle=False, verbose=0, **options)
        result = model.evaluate(*make(), verbose=0)
        inputs = [part for part in make() if part is not None][0]
        return history.history["loss"], result, model.predict(inputs, verbose=0)

    return train


@pytest.fixture(scope="module")
def expected(trained):
    return trained(lambda: (X, Y), batch_size=BATCH)


def slices():
    return [(X[i : i + BATCH], Y[i : i + BATCH]) for i in range(0, 24, BATCH)]


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return slices()[index]


def loader(module, **members):
    """What seems to come from another library, as far as its methods go."""
    return type("Loader", (), {"__module__": module, **members})()


TORCH = {
    "__iter__": lambda self: iter([list(map(Tensor, batch)) for batch in slices()]),
    "__len__": lambda self: 3,
    "collate_fn": None,
    "batch_size": BATCH,
}


class Tensor:
    """Methods of a torch tensor that requires a gradient."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, f"torch.{array.dtype}"

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self.array


ARRAYS = {
    "float64 arrays": lambda: (X.astype("float64"), Y.astype("int32")),
    "jax arrays": lambda: (jnp.asarray(X), jnp.asarray(Y)),
    "lists": lambda: (X.tolist(), Y.tolist()),
    "tuples": lambda: (tuple(map(tuple, X.tolist())), tuple(Y.tolist())),
    "a list of arrays": lambda: (list(X), list(Y)),
    "pandas": lambda: (pd.DataFrame(X, columns=list("abc")), pd.Series(Y)),
    "pandas with other columns": lambda: (
        pd.DataFrame(
            {"a": X[:, 0], "b": pd.array(X[:, 1], dtype="Float64"), "c": X[:, 2].astype("float64")}
        ),
        pd.DataFrame({"label": Y}),
    ),
    "sparse": lambda: (scipy.sparse.csc_matrix(X), scipy.sparse.coo_array(Y[:, None])),
    "sparse dicts": lambda: (scipy.sparse.dok_matrix(X), scipy.sparse.dok_array(Y[:, None])),
    "tensors": lambda: (Tensor(X), Tensor(Y)),
}

ONE_BY_ONE = {
    "a generator": lambda: (iter(slices() * 2),),
    "a PyDataset": lambda: (Batches(),),
    "a PyDataset with threads": lambda: (Batches(workers=3),),
    "torch": lambda: (loader("torch.utils.data.dataloader", **TORCH),),
    "tf.data": lambda: (
        loader(
            "tensorflow.python.data.ops.dataset_ops",
            as_numpy_iterator=lambda self: iter(slices()),
            cardinality=lambda self: np.int64(-2),
        ),
    ),
    "grain": lambda: (
        loader("grain._src.python.dataset", __iter__=lambda self: iter(slices())),
    ),
    "an iterable": lambda: (loader("__main__", __iter__=lambda self: iter(slices())),),
}  # fmt: skip


def assert_same(result, expected):
    np.testing.assert_allclose(result[0], expected[0], rtol=1e-5)
    np.testing.assert_allclose(result[1], expected[1], rtol=1e-5)
    np.testing.assert_allclose(result[2][:24], expected[2], rtol=1e-5)


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_of_every_kind(kind, trained, expected):
    assert_same(trained(ARRAYS[kind], batch_size=BATCH), expected)


@pytest.mark.parametrize("kind", ONE_BY_ONE)
def test_batches_of_every_kind(kind, trained, expected):
    steps = {"steps_per_epoch": 3} if kind == "a generator" else {}
    assert_same(trained(ONE_BY_ONE[kind], **steps), expected)


def test_mapped_files(tmp_path, trained, expected):
    np.save(tmp_path / "x.npy", X.astype("float64"))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert_same(trained(lambda: (x, Y), batch_size=BATCH), expected)


# ---- structures ---------------------------------------------------------------------------------

A, B = X[:, :2], X[:, 2:]
TARGETS = {"kind": Y, "size": B}


def two_inputs(nest):
    """Two inputs and two outputs, both in the structure that `nest` makes."""
    a, b = keras.Input((2,), name="a"), keras.Input((1,), name="b")
    both = layers.Concatenate()([a, b])
    kind = layers.Dense(2, activation="softmax", name="kind")(both)
    size = layers.Dense(1, name="size")(both)
    model = keras.Model(nest(a, b, "ab"), nest(kind, size, ("kind", "size")))
    loss = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
    model.compile("sgd", loss if nest is a_dict else list(loss.values()))
    return model


def a_dict(first, second, names):
    return dict(zip(names, (first, second), strict=True))


def a_list(first, second, names):
    return [first, second]


def a_tuple(first, second, names):
    return (first, second)


@pytest.mark.parametrize("nest", [a_dict, a_list, a_tuple])
def test_structures_of_inputs_and_outputs(nest):
    model = two_inputs(nest)
    inputs, targets = nest(A, B, "ab"), nest(Y, B, ("kind", "size"))
    start = model.get_weights()
    together = model.fit(inputs, targets, batch_size=24, verbose=0).history
    model.set_weights(start)
    batches = iter([(inputs, targets)])
    assert model.fit(batches, verbose=0).history["loss"] == pytest.approx(together["loss"])
    outputs = model.predict(inputs, verbose=0)
    assert type(outputs) is {a_dict: dict, a_list: list, a_tuple: tuple}[nest]
    kind, size = outputs.values() if nest is a_dict else outputs
    assert kind.shape == (24, 2) and size.shape == (24, 1)
    results = model.evaluate(inputs, targets, verbose=0, return_dict=True)
    assert set(results) == {"loss", "kind_loss", "size_loss"}


def test_nested_inputs_of_a_subclass():
    class Deep(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, inputs):
            a, b = inputs["pair"]
            return {"sum": self.dense(a) + b, "rest": [inputs["more"]["c"]]}

    model = Deep()
    model.compile("sgd", {"sum": "mse"})
    data = {"pair": (A, B), "more": {"c": A}}
    model.fit(data, {"sum": B}, validation_split=0.25, verbose=0)
    out = model.predict(data, batch_size=7, verbose=0)
    assert out["sum"].shape == (24, 1) and np.allclose(out["rest"][0], A)


# ---- lengths ------------------------------------------------------------------------------------


def test_the_length_of_a_generator_is_learned_in_the_first_epoch():
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.params["steps"])

    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(iter([(X[:4], B[:4])] * 5), callbacks=[Watch()], verbose=0)
    assert seen == [5]


def test_validation_data_of_another_kind():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    for data in ((X, B), (X.tolist(), B.tolist(), np.ones(24)), iter([(X, B)])):
        history = model.fit(X, B, validation_data=data, verbose=0)
        assert history.history["val_loss"][0] > 0
    history = model.fit(Batches(), validation_split=0.34, epochs=2, verbose=0, check=False)
    assert len(history.history["val_loss"]) == 2
