"""Results of models with several outputs have Keras's names, order and values.

A row is a model, what it is compiled with, and labels. Both libraries evaluate one batch, eagerly;
compared are the dict of results, the list of results, and the names of the metrics.
"""

import keras as oracle
import numpy as np
import pytest

import cornu

SAMPLES = 8
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(SAMPLES, 4)).astype("float32")
A = RANDOM.normal(size=(SAMPLES, 2)).astype("float32")
B = RANDOM.integers(0, 3, SAMPLES)
C = RANDOM.normal(size=(SAMPLES, 1)).astype("float32")
W = np.linspace(0.0, 1.0, SAMPLES, dtype="float32")
MSE, SPARSE, MAE = "mse", "sparse_categorical_crossentropy", "mae"


def heads(library):
    inputs = library.Input((4,))
    dense = library.layers.Dense
    return (
        inputs,
        dense(2, name="a")(inputs),
        dense(3, activation="softmax", name="b")(inputs),
        dense(1, name="c")(inputs),
    )


def graph(arrange):
    """A model made of a graph, with its outputs as `arrange(a, b, c)` nests them."""

    def build(library):
        inputs, *outputs = heads(library)
        return library.Model(inputs, arrange(*outputs))

    return build


def subclass(arrange):
    """A model with a `call` of its own, whose outputs have no names."""

    def build(library):
        class Heads(library.Model):
            def __init__(self):
                super().__init__()
                self.a = library.layers.Dense(2)
                self.b = library.layers.Dense(3, activation="softmax")
                self.c = library.layers.Dense(1)

            def call(self, x):
                return arrange(self.a(x), self.b(x), self.c(x))

        model = Heads()
        model(X)
        return model

    return build


def three(a, b, c):
    return [a, b, c]


def keyed(a, b, c):
    return {"z": a, "y": b, "x": c}


def mixed(a, b, c):
    return {"p": [a, b], "q": c}


def deep(a, b, c):
    return [a, [b, c]]


def twice_keyed(a, b, c):
    return [{"v": a, "u": b}, c]


def my_metric(y_true, y_pred):
    return (y_true - y_pred)[..., 0]


def MyOther(y_true, y_pred):  # noqa: N802 - a name that is not in snake case is the point
    return (y_true - y_pred)[..., 0]


BY_LAYER = {"c": MAE, "a": MSE, "b": SPARSE}
BY_KEY = {"z": MSE, "y": SPARSE, "x": MAE}
KEYED_LABELS = {"z": A, "y": B, "x": C}

ROWS = {
    "list": (graph(three), {"loss": [MSE, SPARSE, MAE]}, [A, B, C]),
    "list, dict of losses": (graph(three), {"loss": BY_LAYER}, [A, B, C]),
    "list, dict of metrics": (
        graph(three),
        {"loss": BY_LAYER, "metrics": {"c": [MSE], "b": "accuracy", "a": [MAE]}},
        [A, B, C],
    ),
    "list, weighted too": (
        graph(three),
        {
            "loss": [MSE, SPARSE, MAE],
            "metrics": [[MAE], ["accuracy"], [MSE]],
            "weighted_metrics": [[MAE], ["accuracy"], []],
        },
        [A, B, C],
    ),
    "list, one without loss": (
        graph(three),
        {"loss": [MSE, None, MAE], "metrics": [None, "accuracy", None]},
        [A, B, C],
    ),
    "list, the same metric again": (
        graph(three),
        {"loss": [MSE, SPARSE, MAE], "metrics": [[MAE, MAE], [], [MSE]]},
        [A, B, C],
    ),
    "dict": (graph(keyed), {"loss": BY_KEY}, KEYED_LABELS),
    "dict, metrics": (
        graph(keyed),
        {"loss": BY_KEY, "metrics": {"z": MAE, "y": ["accuracy"]}, "weighted_metrics": {"z": MAE}},
        KEYED_LABELS,
    ),
    "dict, factors": (
        graph(keyed),
        {"loss": BY_KEY, "loss_weights": {"x": 0.5, "y": 2.0, "z": 1.0}},
        KEYED_LABELS,
    ),
    "dict, list of losses": (graph(keyed), {"loss": [MAE, SPARSE, MSE]}, KEYED_LABELS),
    "nested": (
        graph(mixed),
        {"loss": {"p": [MSE, SPARSE], "q": MAE}},
        {"p": [A, B], "q": C},
    ),
    "nested, metrics and factors": (
        graph(mixed),
        {
            "loss": {"p": [MSE, SPARSE], "q": MAE},
            "metrics": {"p": [[MAE], ["accuracy"]], "q": [MSE]},
            "loss_weights": {"p": [0.5, 2.0], "q": 1.0},
        },
        {"p": [A, B], "q": C},
    ),
    "nested, one without loss": (
        graph(mixed),
        {"loss": {"p": [MSE, None], "q": MAE}},
        {"p": [A, B], "q": C},
    ),
    "nested, only one has a loss": (
        graph(mixed), {"loss": {"q": MAE}}, {"p": [A, B], "q": C},
    ),
    "nested lists": (
        graph(deep),
        {"loss": [MSE, [SPARSE, MAE]], "metrics": [[MAE], [["accuracy"], [MSE]]]},
        [A, [B, C]],
    ),
    "nested lists, flat losses": (graph(deep), {"loss": [MSE, SPARSE, MAE]}, [A, [B, C]]),
    "a dict in a list": (
        graph(twice_keyed),
        {"loss": [{"v": MSE, "u": SPARSE}, MAE], "metrics": [{"v": [MAE], "u": ["acc"]}, [MSE]]},
        [{"v": A, "u": B}, C],
    ),
    "no names": (
        subclass(three),
        {"loss": [MSE, SPARSE, MAE], "metrics": [[MAE], ["accuracy"], [MSE]]},
        [A, B, C],
    ),
    "no names, dict": (
        subclass(keyed),
        {"loss": BY_KEY, "metrics": {"z": [MAE], "x": MSE}, "weighted_metrics": {"x": MSE}},
        KEYED_LABELS,
    ),
    "no names, nested": (
        subclass(mixed),
        {
            "loss": {"p": [MSE, SPARSE], "q": MAE},
            "metrics": {"p": [[MAE], ["accuracy"]], "q": [MSE]},
        },
        {"p": [A, B], "q": C},
    ),
    "no names, nested lists": (subclass(deep), {"loss": [MSE, [SPARSE, MAE]]}, [A, [B, C]]),
    "labels for the output with a loss alone": (
        graph(lambda a, b, c: [a, c]), {"loss": [MSE, None]}, A,
    ),
    "one in a list": (
        graph(lambda a, b, c: [a]), {"loss": [MSE], "metrics": [[MAE]]}, [A],
    ),
    "functions": (
        graph(lambda a, b, c: a), {"loss": MSE, "metrics": [my_metric, MyOther]}, A,
    ),
    "no metrics": (graph(lambda a, b, c: a), {"loss": MSE, "metrics": []}, A),
}  # fmt: skip


def results(library, build, options, y, **weights):
    model = build(library)
    random = np.random.default_rng(1)
    model.set_weights([random.normal(size=w.shape).astype("float32") for w in model.get_weights()])
    model.compile("sgd", run_eagerly=True, **options)
    values = model.test_on_batch(X, y, **weights)
    by_name = model.test_on_batch(X, y, return_dict=True, **weights)
    return list(by_name), list(by_name.values()), np.ravel(values), model.metrics_names


@pytest.mark.parametrize("row", ROWS)
def test_results_have_the_names_order_and_values_of_keras(row):
    build, options, y = ROWS[row]
    weights = {"sample_weight": W} if "weighted" in str(options) else {}
    found = results(cornu, build, options, y, **weights)
    expected = results(oracle, build, options, y, **weights)
    assert found[0] == expected[0]
    assert found[3] == expected[3]
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-5, atol=1e-6)
    if row != "list, the same metric again":  # Keras lists one of the two once more
        np.testing.assert_allclose(found[2], expected[2], rtol=1e-5, atol=1e-6)


def test_weights_for_each_output_of_a_dict():
    options = {
        "loss": {"p": [MSE, SPARSE], "q": MAE},
        "weighted_metrics": {"p": [[], []], "q": [MSE]},
    }
    each = {"p": [W, np.ones_like(W)], "q": W[::-1]}
    rows = [
        results(lib, graph(mixed), options, {"p": [A, B], "q": C}, sample_weight=each)
        for lib in (cornu, oracle)
    ]
    assert rows[0][0] == rows[1][0]
    np.testing.assert_allclose(rows[0][1], rows[1][1], rtol=1e-5, atol=1e-6)


def test_the_history_lists_results_by_name():
    orders = []
    for library in (cornu, oracle):
        model = graph(keyed)(library)
        model.compile("sgd", BY_KEY, metrics={"z": ["mae"]})
        history = model.fit(
            X, KEYED_LABELS, validation_data=(X, KEYED_LABELS), batch_size=SAMPLES, verbose=0
        )
        orders.append(list(history.history))
    assert orders[0] == orders[1]
    assert orders[0][:2] == ["loss", "val_loss"]


@pytest.mark.parametrize("steps", [2, 3, 8])
def test_steps_alone_decide_how_large_batches_are(steps):
    losses = []
    for library in (cornu, oracle):
        inputs = library.Input((4,))
        model = library.Model(inputs, library.layers.Dense(1, kernel_initializer="ones")(inputs))
        model.compile("sgd", "mse")
        history = model.fit(
            X, C, steps_per_epoch=steps, epochs=2, shuffle=False, verbose=0,
            validation_data=(X, C), validation_steps=2,
        )  # fmt: skip
        losses.append(history.history)
    for name, values in losses[1].items():
        np.testing.assert_allclose(losses[0][name], values, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("wrap", [lambda t: [t], lambda t: (t,)])
def test_one_output_in_a_list_is_an_array(wrap):
    for library in (cornu, oracle):
        inputs = library.Input((4,))
        model = library.Model([inputs], wrap(library.layers.Dense(2)(inputs)))
        for outputs in (
            model([X]), model.predict([X], verbose=0), model.predict_on_batch([X]),
        ):  # fmt: skip
            assert outputs.shape == (SAMPLES, 2)
        assert model.output_shape == (None, 2)
        assert model.input_shape == (None, 4)
        assert isinstance(model([inputs]), type(wrap(inputs)))
        again = library.Model.from_config(model.get_config())
        assert again.predict([X], verbose=0).shape == (SAMPLES, 2)
