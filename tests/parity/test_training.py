"""Trainings without randomness follow Keras's curves: losses, metrics and weights.

The same model is built in both libraries, gets the same weights, and is trained on the same
unshuffled data. Curves agree to 1e-5: float32 sums in another order, over three epochs.
"""

import keras as oracle
import numpy as np
import pytest

import cornu

TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


# A smaller last batch is a second program in both libraries, so that only some tests have one.
WHOLE, WITH_A_REST = 48, 50


def data(samples=WHOLE, features=6, classes=3):
    random = np.random.default_rng(7)
    x = random.normal(size=(samples, features)).astype("float32")
    y = random.integers(0, classes, samples)
    return x, y


def compare(build, x, y, compile_options, fit_options=None):
    """Train the model that `build` makes in both libraries, and compare what comes out."""
    results = []
    weights = None
    for library in (oracle, cornu):
        model = build(library)
        if weights is None:
            weights = model.get_weights()
        model.set_weights(weights)
        model.compile(**compile_options(library))
        history = model.fit(
            x, y, epochs=3, batch_size=16, shuffle=False, verbose=0, **(fit_options or {})
        )
        results.append((history.history, model.get_weights(), model))
    (expected, expected_weights, _), (found, found_weights, _) = results
    assert sorted(found) == sorted(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, err_msg=name, **TOLERANCE)
    for a, b in zip(found_weights, expected_weights, strict=True):
        np.testing.assert_allclose(a, b, **TOLERANCE)
    return [model for _, _, model in results]


def perceptron(library, last="softmax", units=3, **dense):
    return library.Sequential(
        [
            library.Input((6,)),
            library.layers.Dense(8, activation="tanh", **dense),
            library.layers.Dense(units, activation=last),
        ]
    )


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
def test_optimizers(optimizer):
    x, y = data(WITH_A_REST)
    compare(
        perceptron, x, y,
        lambda _: {
            "optimizer": optimizer,
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"],
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("loss", "last", "units"),
    [
        ("mean_squared_error", "linear", 1),
        ("binary_crossentropy", "sigmoid", 1),
        ("categorical_crossentropy", "softmax", 3),
    ],
)
def test_losses(loss, last, units):
    x, y = data()
    targets = np.eye(3, dtype="float32")[y] if units == 3 else (y > 0).astype("float32")[:, None]
    compare(
        lambda library: perceptron(library, last, units), x, targets,
        lambda _: {"optimizer": "sgd", "loss": loss, "metrics": ["accuracy", "mse"]},
    )  # fmt: skip


def test_weights_of_classes_and_samples():
    x, y = data(WITH_A_REST)
    options = lambda _: {  # noqa: E731
        "optimizer": "sgd",
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
        "weighted_metrics": ["sparse_categorical_crossentropy"],
    }
    compare(perceptron, x, y, options, {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}})
    weight = np.linspace(0.1, 2, len(x)).astype("float32")
    compare(perceptron, x, y, options, {"sample_weight": weight})


def test_validation_data_and_split():
    x, y = data()
    options = lambda _: {  # noqa: E731
        "optimizer": "sgd",
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
    }
    compare(perceptron, x, y, options, {"validation_split": 0.3})
    compare(perceptron, x, y, options, {"validation_data": (x[:10], y[:10])})
    weights = np.linspace(0, 1, 10).astype("float32")
    compare(perceptron, x, y, options, {"validation_data": (x[:10], y[:10], weights)})
    compare(perceptron, x, y, options, {"validation_data": (x, y), "validation_freq": 2})


def test_regularizers_and_constraints():
    x, y = data()
    compare(
        lambda library: perceptron(
            library,
            kernel_regularizer="l2",
            activity_regularizer=library.regularizers.L1(0.01),
            kernel_constraint=library.constraints.MaxNorm(0.5),
        ),
        x, y,
        lambda _: {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy"},
    )  # fmt: skip


def test_convolutions_with_batch_normalization():
    random = np.random.default_rng(3)
    x = random.normal(size=(40, 12, 12, 2)).astype("float32")
    y = random.integers(0, 4, 40)

    def build(library):
        layers = library.layers
        return library.Sequential(
            [
                library.Input((12, 12, 2)),
                layers.Conv2D(4, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.BatchNormalization(),
                layers.Conv2D(6, 3, padding="same"),
                layers.Flatten(),
                layers.Dense(4, activation="softmax"),
            ]
        )

    compare(
        build, x, y,
        lambda _: {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy",
                   "metrics": ["accuracy"]},
    )  # fmt: skip


def test_masks_through_embedding_and_lstm():
    random = np.random.default_rng(4)
    x = random.integers(0, 9, (32, 7))
    y = random.integers(0, 2, 32).astype("float32")

    def build(library):
        layers = library.layers
        return library.Sequential(
            [
                library.Input((7,)),
                layers.Embedding(9, 5, mask_zero=True),
                layers.LSTM(6),
                layers.LayerNormalization(),
                layers.Dense(1, activation="sigmoid"),
            ]
        )

    compare(
        build, x, y,
        lambda _: {"optimizer": "sgd", "loss": "binary_crossentropy", "metrics": ["accuracy"]},
    )  # fmt: skip


def test_several_inputs_and_outputs():
    random = np.random.default_rng(5)
    a, b = (random.normal(size=(40, n)).astype("float32") for n in (3, 5))
    y, z = random.integers(0, 3, 40), random.normal(size=(40, 2)).astype("float32")

    def build(library):
        first, second = library.Input((3,), name="a"), library.Input((5,), name="b")
        hidden = library.layers.Concatenate()([first, second])
        hidden = library.layers.Dense(6, activation="tanh")(hidden)
        return library.Model(
            [first, second],
            [
                library.layers.Dense(3, activation="softmax", name="kind")(hidden),
                library.layers.Dense(2, name="size")(hidden),
            ],
        )

    models = compare(
        build, [a, b], [y, z],
        lambda _: {
            "optimizer": "sgd",
            "loss": ["sparse_categorical_crossentropy", "mse"],
            "loss_weights": [1.0, 0.5],
            "metrics": [["accuracy"], ["mae"]],
        },
    )  # fmt: skip
    scores = [m.evaluate([a, b], [y, z], verbose=0, return_dict=True) for m in models]
    assert sorted(scores[0]) == sorted(scores[1])
    for name, value in scores[0].items():
        np.testing.assert_allclose(scores[1][name], value, **TOLERANCE)
    lists = [m.evaluate([a, b], [y, z], verbose=0) for m in models]
    np.testing.assert_allclose(lists[1], lists[0], **TOLERANCE)
    for mine, theirs in zip(models[1].predict([a, b], verbose=0),
                            models[0].predict([a, b], verbose=0), strict=True):  # fmt: skip
        np.testing.assert_allclose(mine, theirs, **TOLERANCE)


def test_single_batches():
    x, y = data()
    results = []
    weights = None
    for library in (oracle, cornu):
        model = perceptron(library)
        weights = weights or model.get_weights()
        model.set_weights(weights)
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        results.append(
            [
                model.train_on_batch(x[:16], y[:16]),
                model.train_on_batch(x[16:32], y[16:32]),
                model.test_on_batch(x[:16], y[:16]),
                *model.test_on_batch(x[:16], y[:16], return_dict=True).values(),
                model.predict_on_batch(x[:3]),
            ]
        )
    for found, expected in zip(results[1], results[0], strict=True):
        np.testing.assert_allclose(found, expected, **TOLERANCE)


# ---- optimizers' options, in training ---------------------------------------------------------

ONE_OUTPUT = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}

OPTIMIZERS = {
    "accumulation and averages": lambda k: k.optimizers.SGD(
        0.1, gradient_accumulation_steps=3, use_ema=True, ema_momentum=0.8
    ),
    "clipping all, and a schedule": lambda k: k.optimizers.SGD(
        k.optimizers.schedules.CosineDecay(0.5, 10), momentum=0.9, global_clipnorm=0.2
    ),
    "clipping each, decay, and averages put in": lambda k: k.optimizers.AdamW(
        0.01, weight_decay=0.1, clipnorm=0.05, use_ema=True, ema_momentum=0.5,
        ema_overwrite_frequency=2,
    ),
    "scaled loss": lambda k: k.optimizers.LossScaleOptimizer(
        k.optimizers.SGD(0.1), initial_scale=1024.0, dynamic_growth_steps=3
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_options_of_optimizers(name):
    x, y = data()
    compare(perceptron, x, y, lambda k: {"optimizer": OPTIMIZERS[name](k), **ONE_OUTPUT})


def test_mixed_precision():
    """bfloat16 has 8 bits of mantissa, and the two sum in different orders: 1 % is one bit."""
    x, y = data()
    histories = []
    weights = None
    for library in (oracle, cornu):
        library.mixed_precision.set_dtype_policy("mixed_bfloat16")
        try:
            model = perceptron(library, last="linear")
        finally:
            library.mixed_precision.set_dtype_policy("float32")
        weights = weights or model.get_weights()
        model.set_weights(weights)
        loss = library.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss, metrics=["accuracy"])
        fitted = model.fit(x, y, epochs=3, batch_size=16, shuffle=False, verbose=0)
        histories.append(fitted.history)
        assert {str(np.asarray(w).dtype) for w in model.get_weights()} == {"float32"}
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, rtol=1e-2, err_msg=name)


# ---- several outputs --------------------------------------------------------------------------


def two_heads(library, structure):
    """A softmax of three and two numbers, in whatever structure."""
    inputs = library.Input((6,))
    hidden = library.layers.Dense(6, activation="tanh")(inputs)
    kind = library.layers.Dense(3, activation="softmax", name="kind")(hidden)
    size = library.layers.Dense(2, name="size")(hidden)
    return library.Model(inputs, structure(kind, size))


def labels(samples=WHOLE):
    random = np.random.default_rng(8)
    return random.integers(0, 3, samples), random.normal(size=(samples, 2)).astype("float32")


CROSS = "sparse_categorical_crossentropy"

# how outputs are nested, how labels are, what compile gets, what fit gets
HEADS = {
    "tuples": (
        lambda kind, size: (kind, size), lambda k, s: (k, s),
        {"loss": (CROSS, "mse"), "metrics": (None, ["mae"])}, {},
    ),
    "dicts": (
        lambda kind, size: {"b": kind, "a": size}, lambda k, s: {"b": k, "a": s},
        {"loss": {"b": CROSS, "a": "mse"}, "metrics": {"b": "accuracy", "a": ["mae"]},
         "loss_weights": {"b": 0.3, "a": 2.0}}, {},
    ),
    "dicts by the names of layers": (
        lambda kind, size: [kind, size], lambda k, s: {"kind": k, "size": s},
        {"loss": {"kind": CROSS, "size": "mae"}, "metrics": {"size": ["mse"]}}, {},
    ),
    "part of them": (
        lambda kind, size: [kind, size], lambda k, s: [k, s],
        {"loss": [CROSS, None], "metrics": [["accuracy"], ["mae"]]}, {},
    ),
    "weights of losses and samples": (
        lambda kind, size: [kind, size], lambda k, s: [k, s],
        {"loss": [CROSS, "mse"], "loss_weights": [0.5, 2.0],
         "weighted_metrics": [["accuracy"], ["mae"]]},
        {"sample_weight": [np.linspace(0, 1, WHOLE).astype("float32"),
                           np.linspace(2, 1, WHOLE).astype("float32")]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
def test_several_outputs(name):
    structure, nested, compile_options, fit_options = HEADS[name]
    x, _ = data()
    compare(
        lambda library: two_heads(library, structure), x, nested(*labels()),
        lambda _: {"optimizer": "sgd", **compile_options}, fit_options,
    )  # fmt: skip


def test_dicts_of_inputs_with_validation():
    random = np.random.default_rng(5)
    x = {"a": random.normal(size=(64, 3)), "b": random.normal(size=(64, 5))}
    x = {name: values.astype("float32") for name, values in x.items()}
    y = random.integers(0, 2, 64).astype("float32")

    def build(library):
        inputs = {"a": library.Input((3,), name="a"), "b": library.Input((5,), name="b")}
        hidden = library.layers.Concatenate()([inputs["a"], inputs["b"]])
        return library.Model(inputs, library.layers.Dense(1, activation="sigmoid")(hidden))

    compare(
        build, x, y,
        lambda k: {"optimizer": "sgd", "loss": "binary_crossentropy",
                   "metrics": ["accuracy", k.metrics.AUC(name="auc")]},
        {"validation_split": 0.25, "class_weight": {0: 1.0, 1: 3.0}},
    )  # fmt: skip


def test_masks_of_sequences_weigh_losses_and_metrics():
    random = np.random.default_rng(4)
    x = random.integers(0, 5, (40, 6))
    y = random.integers(0, 3, (40, 6))

    def build(library):
        layers = library.layers
        return library.Sequential(
            [
                library.Input((6,)),
                layers.Embedding(5, 4, mask_zero=True),
                layers.SimpleRNN(5, return_sequences=True),
                layers.Dense(3, activation="softmax"),
            ]
        )

    compare(
        build, x, y,
        lambda _: {"optimizer": "sgd", "loss": CROSS, "metrics": ["accuracy"],
                   "weighted_metrics": [CROSS]},
        {"sample_weight": np.linspace(0.5, 2, 40).astype("float32")[:, None].repeat(6, 1)},
    )  # fmt: skip
