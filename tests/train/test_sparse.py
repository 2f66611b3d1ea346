"""Training on sparse inputs: the same numbers as on dense ones, by every way in."""

import jax
import numpy as np
import pytest
import scipy.sparse
from jax.experimental.sparse import BCOO

import cornu as keras
from cornu import layers, ops

RANDOM = np.random.default_rng(0)
COUNTS = RANDOM.poisson(0.1, (48, 30))  # words in texts
LABELS = (COUNTS @ RANDOM.normal(size=30) > 0).astype("float32")
DENSE = COUNTS.astype("float32")

FORMS = {
    "csr": lambda x: scipy.sparse.csr_matrix(x),
    "coo of float64": lambda x: scipy.sparse.coo_array(x.astype("float64")),
    "dok": lambda x: scipy.sparse.dok_array(x),  # a dict as well
    "bcoo": lambda x: BCOO.fromdense(x),
    "bcoo of whole numbers": lambda x: BCOO.fromdense(x.astype("int32")),
    "batches": lambda x: BCOO.fromdense(x, n_batch=1),
    "slices": lambda x: BCOO.fromdense(x, n_dense=1),
}


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.out = layers.Dense(4, "relu"), layers.Dense(1, "sigmoid")

    def call(self, x):
        return self.out(self.hidden(x))


def graph(sparse):
    x = keras.Input((30,), sparse=sparse)
    return keras.Model(x, layers.Dense(1, "sigmoid")(layers.Dense(4, "relu")(x)))


MODELS = {
    "sparse input": lambda: graph(True),
    "dense input": lambda: graph(False),
    "subclassed": Subclassed,
    "sequential": lambda: keras.Sequential([layers.Dense(4, "relu"), layers.Dense(1, "sigmoid")]),
}


def compiled(model):
    model.compile(keras.optimizers.SGD(0.5), "binary_crossentropy", metrics=["accuracy"])
    return model


def trained(kind, x):
    keras.utils.set_random_seed(1)
    model = compiled(MODELS[kind]())
    history = model.fit(
        x, LABELS, batch_size=16, epochs=2, validation_split=0.25, shuffle=True, verbose=0
    ).history
    results = model.evaluate(x, LABELS, batch_size=16, verbose=0)
    return history["loss"], history["val_loss"], results, model.predict(x, batch_size=20, verbose=0)


@pytest.fixture(scope="module")
def on_dense():
    return {kind: trained(kind, DENSE) for kind in MODELS}


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("sparse input", "csr"),
        ("sparse input", "bcoo of whole numbers"),
        ("dense input", "slices"),
        ("subclassed", "coo of float64"),
        ("sequential", "batches"),
    ],
)
def test_fit_evaluate_and_predict_as_on_dense_data(kind, form, on_dense):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5),
        trained(kind, FORMS[form](DENSE)),
        on_dense[kind],
    )


@pytest.mark.parametrize("form", ["dok", "bcoo"])
def test_single_batches_generators_and_data_sets(form):
    keras.utils.set_random_seed(1)
    model, make = compiled(graph(True)), FORMS[form]
    weights = model.get_weights()

    def losses(run):
        model.set_weights(weights)
        return run()

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            rows = slice(i * 16, i * 16 + 16)
            return make(DENSE[rows]), LABELS[rows]

    def generated():
        yield from (Batches()[i] for i in range(3))

    expected = model.evaluate(DENSE, LABELS, verbose=0)
    np.testing.assert_allclose(model.test_on_batch(make(DENSE), LABELS), expected, rtol=1e-5)
    np.testing.assert_allclose(
        model.predict_on_batch(make(DENSE)), model.predict(DENSE, verbose=0), rtol=1e-5
    )
    plain = losses(lambda: model.fit(DENSE, LABELS, batch_size=16, shuffle=False, verbose=0))
    for data in (Batches, generated):
        got = losses(lambda data=data: model.fit(data(), shuffle=False, verbose=0))
        np.testing.assert_allclose(got.history["loss"], plain.history["loss"], rtol=1e-5)
    on_batch = losses(lambda: [model.train_on_batch(*Batches()[i])[0] for i in range(3)])
    np.testing.assert_allclose(np.mean(on_batch), plain.history["loss"][0], rtol=1e-5)


def test_sparse_among_several_inputs_and_weights_of_classes():
    words, size = keras.Input((30,), sparse=True, name="words"), keras.Input((1,), name="size")
    joined = layers.Concatenate()([layers.Dense(3)(words), size])
    model = compiled(
        keras.Model({"words": words, "size": size}, layers.Dense(1, "sigmoid")(joined))
    )
    weights, results = model.get_weights(), []
    for make in (FORMS["csr"], np.asarray):
        model.set_weights(weights)
        history = model.fit(
            {"words": make(DENSE), "size": DENSE.sum(1)}, LABELS, batch_size=16,
            class_weight={0: 1.0, 1: 3.0}, sample_weight=np.arange(48.0), shuffle=False, verbose=0,
        ).history  # fmt: skip
        results.append(history["loss"])
    np.testing.assert_allclose(*results, rtol=1e-5)


def test_what_is_sparse_at_the_end_is_predicted_dense():
    x = keras.Input((30,), sparse=True)
    model = keras.Model(x, layers.Concatenate()([x, x]))
    assert model.outputs[0].sparse
    assert isinstance(model(FORMS["bcoo"](DENSE)), BCOO)
    outputs = model.predict(FORMS["csr"](DENSE), batch_size=20, verbose=0)
    np.testing.assert_array_equal(outputs, np.concatenate([DENSE, DENSE], 1))


def test_sparse_labels_and_eager_steps():
    keras.utils.set_random_seed(1)
    classes = np.eye(3, dtype="float32")[np.arange(48) % 3]
    results = []
    for make in (FORMS["csr"], FORMS["bcoo"], np.asarray):
        model = keras.Sequential(
            [keras.Input((30,)), layers.Dense(3, "softmax", kernel_initializer="zeros")]
        )
        model.compile("sgd", "categorical_crossentropy", run_eagerly=make is FORMS["bcoo"])
        results.append(
            model.fit(make(DENSE), make(classes), shuffle=False, verbose=0).history["loss"]
        )
    np.testing.assert_allclose(results, [results[-1]] * 3, rtol=1e-5)


def test_memory_is_that_of_the_values():
    wide = keras.Input((100_000,), sparse=True)
    model = compiled(keras.Model(wide, layers.Dense(4)(wide)))
    x = scipy.sparse.random(64, 100_000, density=1e-4, format="csr", random_state=0)
    batch = BCOO.from_scipy_sparse(x[:32])

    def loss(kernel):
        return ops.sum(ops.square(ops.matmul(batch, kernel)))

    kernel = model.layers[-1].kernel.value
    program = jax.jit(loss).lower(kernel).compile()
    assert program.memory_analysis().temp_size_in_bytes < 32 * 100_000
    assert np.isfinite(model.fit(x, np.zeros((64, 4)), verbose=0).history["loss"]).all()


# ---- optimizers and variables --------------------------------------------------------------------

ROWS = BCOO((np.ones((3, 4), "float32"), np.array([[0], [2], [2]])), shape=(5, 4))  # one twice


@pytest.mark.parametrize("name", ["SGD", "Adam", "Adagrad", "Ftrl", "Lion", "RMSprop", "Muon"])
def test_optimizers_take_sparse_gradients(name):
    made = getattr(keras.optimizers, name)
    results = []
    for gradient in (ROWS, np.asarray(ROWS.todense())):
        variable, optimizer = keras.Variable(np.ones((5, 4), "float32")), made(0.1, clipnorm=1.0)
        for _ in range(2):
            optimizer.apply([gradient], [variable])
        results.append(variable.numpy())
    np.testing.assert_array_equal(*results)


def test_variables_take_sparse_values():
    variable = keras.Variable(np.ones((5, 4), "float32"))
    variable.assign_add(ROWS)
    assert variable.numpy()[:, 0].tolist() == [2, 1, 3, 1, 1]
    variable.assign_sub(ROWS)
    variable.assign(ROWS)
    assert variable.numpy()[:, 0].tolist() == [1, 0, 2, 0, 0]


@pytest.mark.parametrize("form", ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_layers_are_called_on_matrices_of_scipy(form, kind):
    x = getattr(scipy.sparse, f"{form}_{kind}")(DENSE)
    layer = layers.Dense(2)
    np.testing.assert_allclose(layer(x), layer(DENSE), rtol=1e-6)
    model = graph(False)
    np.testing.assert_allclose(model(x), model(DENSE), rtol=1e-6)
