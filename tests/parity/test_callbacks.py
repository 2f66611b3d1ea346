"""Callbacks do what Keras's do: when they stop, what they restore, write and raise.

Half of the rows call the hooks of both with the same scripted results, on a model that only
remembers. The other half train the same small model on the same unshuffled data.
"""

import os
import warnings

os.environ["KERAS_BACKEND"] = "jax"

import keras as oracle
import numpy as np
import pytest

import cornu

LIBRARIES = (oracle, cornu)
X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path):
    """In an empty folder, and without the warnings of either library about missing results."""
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# ---- scripted results -------------------------------------------------------------------------


class Fake:
    """Remembers the epoch as its weights."""

    metrics = ()

    def __init__(self, library):
        self.stop_training = False
        self.optimizer = library.optimizers.SGD(1.0)
        self.weights = [np.full(1, -1.0)]

    def get_weights(self):
        return [w.copy() for w in self.weights]

    def set_weights(self, weights):
        self.weights = weights


def drive(library, name, arguments, results, trainings=1):
    """Rates and the stop of each training, and the weights at its end."""
    callback = getattr(library.callbacks, name)(**arguments)
    said = []
    for _ in range(trainings):
        model = Fake(library)
        callback.set_params({"epochs": len(results), "steps": 1, "verbose": 0})
        callback.set_model(model)
        callback.on_train_begin()
        for epoch, logs in enumerate(results):
            callback.on_epoch_begin(epoch)
            model.weights = [np.full(1, float(epoch))]
            logs = dict(logs)
            callback.on_epoch_end(epoch, logs)
            rate = float(np.asarray(model.optimizer.learning_rate))
            said.append((epoch, rate, logs.get("learning_rate")))
            if model.stop_training:
                break
        callback.on_train_end()
        said.append(float(model.weights[0][0]))
    return said


CURVES = {
    "falling": [0.9, 0.8, 0.7, 0.6, 0.5, 0.4],
    "valley": [0.9, 0.5, 0.3, 0.4, 0.45, 0.5, 0.6],
    "flat": [0.5] * 7,
    "waves": [0.5, 0.4, 0.45, 0.39, 0.5, 0.38, 0.5, 0.5],
    "rising": [0.1, 0.2, 0.3, 0.4],
    "infinite": [np.inf, 0.5, 0.45, np.nan, 0.4, 0.6],
}
STOPPING = [
    {},
    {"patience": 1},
    {"patience": 2, "restore_best_weights": True},
    {"patience": 9, "restore_best_weights": True},
    {"patience": 1, "min_delta": 0.05},
    {"patience": 1, "min_delta": -0.05},
    {"patience": 1, "baseline": 0.42},
    {"patience": 0, "baseline": 0.01},
    {"patience": 1, "start_from_epoch": 2, "restore_best_weights": True},
    {"patience": 1, "mode": "max", "restore_best_weights": True},
]
PLATEAU = [
    {"patience": 0},
    {"patience": 1, "factor": 0.5},
    {"patience": 2, "factor": 0.5, "cooldown": 1},
    {"patience": 1, "factor": 0.1, "min_lr": 0.05},
    {"patience": 1, "min_delta": 0.2},
    {"patience": 1, "mode": "max"},
    {"patience": 0, "cooldown": 2},
]


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("arguments", STOPPING, ids=str)
def test_early_stopping(curve, arguments):
    results = [{"loss": v} for v in CURVES[curve]]
    expected, found = (
        drive(library, "EarlyStopping", {"monitor": "loss", **arguments}, results, trainings=2)
        for library in LIBRARIES
    )
    assert found == expected


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("arguments", PLATEAU, ids=str)
def test_reduce_lr_on_plateau(curve, arguments):
    results = [{"loss": v} for v in CURVES[curve]]
    expected, found = (
        drive(library, "ReduceLROnPlateau", {"monitor": "loss", **arguments}, results, trainings=2)
        for library in LIBRARIES
    )
    assert found == expected


def test_results_that_are_not_always_there():
    results = [{"loss": 1.0, **({"val_loss": v} if v else {})} for v in (0, 0.5, 0, 0.6, 0, 0.7)]
    for name in ("EarlyStopping", "ReduceLROnPlateau"):
        expected, found = (drive(lib, name, {"patience": 2}, results) for lib in LIBRARIES)
        assert found == expected


METRICS = [
    "AUC", "BinaryAccuracy", "BinaryCrossentropy", "BinaryIoU", "CategoricalAccuracy",
    "CategoricalHinge", "CosineSimilarity", "F1Score", "FalseNegatives", "FalsePositives",
    "KLDivergence", "LogCoshError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
    "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson", "Precision", "R2Score",
    "Recall", "RootMeanSquaredError", "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy", "SparseTopKCategoricalAccuracy", "SquaredHinge",
    "TopKCategoricalAccuracy", "TrueNegatives", "TruePositives",
]  # fmt: skip


@pytest.mark.parametrize("name", METRICS)
def test_what_is_better_follows_from_the_metric(name):
    def stops(library, values):
        model = Fake(library)
        model.metrics = [getattr(library.metrics, name)(name="m")]
        callback = library.callbacks.EarlyStopping("val_m")
        callback.set_params({})
        callback.set_model(model)
        callback.on_train_begin()
        try:
            for epoch, value in enumerate(values):
                callback.on_epoch_end(epoch, {"val_m": value})
        except ValueError:
            return "unknown"
        return model.stop_training

    for values in ([0.1, 0.2], [0.2, 0.1]):
        expected = stops(oracle, values)
        if expected != "unknown":  # what Keras does not know, Cornu may
            assert stops(cornu, values) == expected


ROWS = [
    [{"loss": 0.5, "acc": 0.25}, {"loss": 0.25, "acc": 0.5}],
    [{"loss": 0.5, "val_loss": 1.0}, {"loss": 0.25}, {"loss": 0.125, "val_loss": 0.5}],
    [{"loss": 0.5}, {"loss": 0.25, "val_loss": 0.5, "more": 1.0}],
    [{"b": np.array([1.0, 2.0]), "a": "text", "c": 3}],
    [{}],
]


@pytest.mark.parametrize("rows", ROWS, ids=str)
@pytest.mark.parametrize("arguments", [{}, {"separator": ";"}, {"append": True}], ids=str)
def test_csv_files(rows, arguments):
    texts = []
    for library in LIBRARIES:
        name = f"{library.__name__}.csv"
        for _ in range(2):
            callback = library.callbacks.CSVLogger(name, **arguments)
            callback.set_model(Fake(library))
            callback.on_train_begin()
            for epoch, logs in enumerate(rows):
                callback.on_epoch_end(epoch, logs)
            callback.on_train_end()
        with open(name) as file:
            texts.append(file.read())
    assert texts[1] == texts[0]


# ---- trainings --------------------------------------------------------------------------------


def model_of(library, optimizer=None):
    model = library.Sequential([library.Input((3,)), library.layers.Dense(1)])
    model.set_weights([np.full((3, 1), 0.1, "float32"), np.zeros(1, "float32")])
    model.compile(optimizer or library.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return model


def fit(model, *callbacks, **options):
    options = {"epochs": 4, **options}
    return model.fit(
        X, Y, batch_size=4, shuffle=False, verbose=0, callbacks=list(callbacks), **options
    ).history


def both(make, **options):
    """Histories and models of both libraries, trained with the callback that `make` makes."""
    results = []
    for library in LIBRARIES:
        model = model_of(library)
        history = fit(model, make(library.callbacks), **options)
        results.append((history, model))
    return results


def same(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)  # float32 sums in another order


@pytest.mark.parametrize(
    "make",
    [
        lambda k: k.LearningRateScheduler(lambda epoch, rate: rate * 0.5),
        lambda k: k.LearningRateScheduler(lambda epoch: 0.01 * (epoch + 1)),
        lambda k: k.ReduceLROnPlateau("loss", patience=0, min_delta=10, factor=0.5),
        lambda k: k.EarlyStopping("loss", min_delta=1.0, restore_best_weights=True),
        lambda k: k.EarlyStopping("val_mae", patience=9, restore_best_weights=True),
        lambda k: k.TerminateOnNaN(),
    ],
    ids=["rate", "epoch", "plateau", "stop", "restore", "nan"],
)
def test_histories_and_weights(make):
    (expected, reference), (found, model) = both(make, validation_data=(X, Y))
    assert sorted(found) == sorted(expected)
    for name, values in expected.items():
        same(found[name], values)
    for a, b in zip(model.get_weights(), reference.get_weights(), strict=True):
        same(a, b)


@pytest.mark.parametrize("on_epoch", [False, True])
def test_averages_are_seen_at_the_same_moments(on_epoch):
    seen = []
    for library in LIBRARIES:
        sgd = library.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
        model, moments = model_of(library, sgd), []

        def note(*args, model=model, moments=moments):
            moments.append(model.get_weights()[0].ravel())

        watch = library.callbacks.LambdaCallback(
            on_epoch_begin=note, on_epoch_end=note, on_test_begin=note, on_test_end=note,
            on_train_end=note,
        )  # fmt: skip
        swap = library.callbacks.SwapEMAWeights(swap_on_epoch=on_epoch)
        fit(model, swap, watch, validation_data=(X, Y))
        seen.append(np.array(moments))
    same(seen[1], seen[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_loss_ends_training_in_the_same_epoch(bad):
    y = Y.copy()
    y[5] = bad
    epochs = []
    for library in LIBRARIES:
        model = model_of(library)
        options = {"check": False} if library is cornu else {}
        history = model.fit(
            X, y, batch_size=4, shuffle=False, verbose=0, epochs=3,
            callbacks=[library.callbacks.TerminateOnNaN()], **options,
        )  # fmt: skip
        epochs.append(history.epoch)
    assert epochs[1] == epochs[0] == [0]


@pytest.mark.parametrize(
    "arguments",
    [
        {"filepath": "e{epoch:02d}.keras"},
        {"filepath": "sub/e{epoch}-{loss:.2f}-{val_mae:.2f}.keras"},
        {"filepath": "e{epoch}.weights.h5", "save_weights_only": True},
        {"filepath": "e{epoch}-{batch}.weights.h5", "save_weights_only": True, "save_freq": 3},
        {"filepath": "e{epoch}-{batch}-{loss:.2f}.weights.h5", "save_weights_only": True,
         "save_freq": 1},
        {"filepath": "e{epoch}.keras", "save_best_only": True},
        {"filepath": "e{epoch}.keras", "save_best_only": True, "monitor": "val_mae"},
        {"filepath": "e{epoch}.keras", "save_best_only": True, "monitor": "mae", "mode": "max"},
        {"filepath": "e{epoch}.keras", "save_best_only": True, "initial_value_threshold": 0.3},
        {"filepath": "e{epoch}.keras", "save_best_only": True, "initial_value_threshold": 1e-9},
        {"filepath": "last.keras"},
    ],
    ids=str,
)  # fmt: skip
def test_files_of_model_checkpoint(arguments, tmp_path, monkeypatch):
    written = []
    for library in LIBRARIES:
        folder = tmp_path / library.__name__
        folder.mkdir()
        monkeypatch.chdir(folder)
        fit(model_of(library), library.callbacks.ModelCheckpoint(**arguments),
            validation_data=(X, Y))  # fmt: skip
        written.append(sorted(str(p.relative_to(folder)) for p in folder.rglob("*")))
    assert written[1] == written[0]


def test_each_library_reads_the_checkpoints_of_the_other():
    for library, other in (LIBRARIES, LIBRARIES[::-1]):
        name = f"{library.__name__}.weights.h5"
        model, reader = model_of(library), model_of(other)
        fit(model, library.callbacks.ModelCheckpoint(name, save_weights_only=True))
        fit(reader, epochs=1)
        reader.load_weights(name)
        for a, b in zip(model.get_weights(), reader.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


class StopError(Exception):
    pass


def interrupted(library, folder, delete):
    """The model that goes on after an interruption in the third epoch."""

    def backup():
        return library.callbacks.BackupAndRestore(folder, delete_checkpoint=delete)

    first, second = model_of(library), model_of(library)
    steps = []

    def stop(batch, logs):
        steps.append(batch)
        if len(steps) == 5:
            raise StopError

    with pytest.raises(StopError):
        fit(first, backup(), library.callbacks.LambdaCallback(on_train_batch_end=stop))
    fit(second, backup())
    return second


@pytest.mark.parametrize("delete", [True, False])
def test_an_interrupted_training_goes_on_in_the_same_epoch(delete):
    reference, model = (interrupted(lib, f"{lib.__name__}_backup", delete) for lib in LIBRARIES)
    assert model.history.epoch == reference.history.epoch == [2, 3]
    assert os.path.exists("cornu_backup") == os.path.exists("keras_backup") == (not delete)
    for a, b in zip(model.get_weights(), reference.get_weights(), strict=True):
        same(a, b)


# ---- errors -----------------------------------------------------------------------------------


def raised(call, library):
    try:
        call(library)
    except Exception as error:
        return type(error)
    return None


ERRORS = {
    "factor": lambda k: k.callbacks.ReduceLROnPlateau(factor=1.0),
    "unknown metric": lambda k: fit(model_of(k), k.callbacks.EarlyStopping("nope")),
    "schedule of text": lambda k: fit(
        model_of(k), k.callbacks.LearningRateScheduler(lambda epoch: "x")
    ),
    "rate of a schedule": lambda k: fit(
        model_of(k, k.optimizers.SGD(k.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5))),
        k.callbacks.LearningRateScheduler(lambda epoch: 0.1),
    ),
    "no ending": lambda k: k.callbacks.ModelCheckpoint("a"),
    "weights in .h5": lambda k: k.callbacks.ModelCheckpoint("a.h5", save_weights_only=True),
    "weights in .keras": lambda k: k.callbacks.ModelCheckpoint("a.keras", save_weights_only=True),
    "frequency": lambda k: k.callbacks.ModelCheckpoint("a.keras", save_freq="x"),
    "field": lambda k: fit(model_of(k), k.callbacks.ModelCheckpoint("{nope}.keras")),
    "backup nowhere": lambda k: k.callbacks.BackupAndRestore(""),
    "backup frequency": lambda k: k.callbacks.BackupAndRestore("b", save_freq="x"),
    "not a function": lambda k: fit(model_of(k), k.callbacks.LambdaCallback(on_epoch_end=3)),
    "no averages": lambda k: fit(model_of(k), k.callbacks.SwapEMAWeights(), validation_data=(X, Y)),
    "not an argument": lambda k: k.callbacks.EarlyStopping("loss", patiense=3),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_catches_an_error_of_keras_catches_ours(name):
    expected, found = (raised(ERRORS[name], library) for library in LIBRARIES)
    assert expected is not None
    assert issubclass(found, expected)


def test_signatures():
    import inspect

    names = [n for n in dir(oracle.callbacks) if isinstance(getattr(oracle.callbacks, n), type)]
    assert len(names) > 10
    for name in names:
        expected = inspect.signature(getattr(oracle.callbacks, name))
        found = inspect.signature(getattr(cornu.callbacks, name))
        given = {n: p.default for n, p in expected.parameters.items()}
        own = {n: found.parameters[n].default for n in given}
        assert own == given, name
        assert [n for n in found.parameters if n in given] == list(given), name
