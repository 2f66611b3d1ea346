"""Every option of `compile` and of optimizers does the same in every strategy."""

import numpy as np
import pytest

import cornu as keras
from cornu.train.strategy import Chunked, Eager, PerStep
from train.models import blobs, classifier

c = keras.callbacks
o = keras.optimizers


def train(strategy, make=None, layer=None, policy="float32", **options):
    """Two epochs of three steps and a smaller one."""
    keras.utils.set_random_seed(3)
    inner = layer or (lambda: keras.layers.Dense(6, activation="tanh"))
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        model = keras.Sequential([keras.Input((4,)), inner(), keras.layers.Dense(3)])
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        make() if make else "sgd",
        loss,
        metrics=["accuracy"],
        run_eagerly=strategy is Eager,
        **options,
    )
    x, y = blobs(28)
    every = [c.LambdaCallback(on_train_batch_end=lambda batch, logs: None)]
    history = model.fit(
        x, y, batch_size=8, epochs=2, shuffle=False, verbose=0,
        callbacks=every if strategy is PerStep else [],
    )  # fmt: skip
    used = {type(p) for p in model._programs.values()}
    assert used == ({strategy} if strategy is not Eager else set())
    return model, history.history


OPTIONS = {
    "accumulation, averages, clipping and a schedule": {
        "make": lambda: o.SGD(
            o.schedules.ExponentialDecay(0.5, 2, 0.5), use_ema=True, ema_momentum=0.7,
            gradient_accumulation_steps=3, global_clipnorm=0.1,
        )
    },
    "averages put in": {
        "make": lambda: o.Adam(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2)
    },
    "scaled loss": {"make": lambda: o.LossScaleOptimizer(o.SGD(0.1), 256.0, 2)},
    "float16": {"policy": "mixed_float16"},
    "bfloat16": {"policy": "mixed_bfloat16"},
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_strategies_agree(name):
    chunked, expected = train(Chunked, **OPTIONS[name])
    # Half precision rounds differently where operations are fused in other ways.
    loose = {"rtol": 2e-2, "atol": 2e-3} if "float" in name else {"rtol": 2e-4, "atol": 1e-5}
    for strategy in (PerStep, Eager):
        model, history = train(strategy, **OPTIONS[name])
        for key, values in expected.items():
            np.testing.assert_allclose(history[key], values, err_msg=key, **loose)
        for a, b in zip(model.get_weights(), chunked.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, **loose)
        for a, b in zip(model.optimizer.variables, chunked.optimizer.variables, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), **loose)


class Recomputed(keras.layers.Layer):
    """A layer whose inner one is computed again on the way back."""

    def __init__(self):
        super().__init__()
        self.inner = keras.layers.Dense(6, activation="tanh")

    def call(self, x):
        return keras.remat(self.inner)(x)


def test_recomputing_activations_changes_nothing_but_memory():
    plain, expected = train(Chunked)
    scoped = lambda: keras.layers.Dense(6, activation="tanh")  # noqa: E731
    for layer, scope, strategy in (
        (Recomputed, None, Chunked), (scoped, "full", PerStep), (scoped, "larger_than", Chunked),
    ):  # fmt: skip
        with keras.RematScope(scope, output_size_threshold=4):
            model, history = train(strategy, layer=layer)
        assert model.layers[-1]._remat_mode is not None or scope is None
        np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-5)
        for a, b in zip(model.get_weights(), plain.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_accumulation_counts_updates_and_averages_end_in_the_weights():
    model, _ = train(Chunked, **OPTIONS["accumulation, averages, clipping and a schedule"])
    assert int(model.optimizer._iterations.numpy()) == 8
    assert int(model.optimizer.iterations) == 2
    for weight, average in zip(
        model.get_weights(), model.optimizer._model_variables_moving_average, strict=True
    ):
        np.testing.assert_array_equal(weight, average.numpy())


@pytest.mark.parametrize("steps, ends", [(1, [0, 1, 2, 3]), (2, [1, 3]), ("auto", [0, 1, 2, 3])])
def test_steps_per_execution_is_heard_at_the_end_of_each_group(steps, ends):
    x, y = blobs(28)
    heard = []
    listen = c.LambdaCallback(on_train_batch_end=lambda batch, logs: heard.append(batch))
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", steps_per_execution=steps)
    model.fit(x, y, batch_size=8, verbose=0, callbacks=[listen])
    assert heard[-1] == 3
    if steps != "auto":
        assert heard == ends


def test_jit_compile_false_runs_eagerly():
    x, y = blobs(8)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(x, x[:, :3], verbose=0)
    assert not model.jit_compile
    assert not model._programs
    model.jit_compile = True
    model.fit(x, x[:, :3], verbose=0)
    assert model._programs


def test_auto_scale_loss_scales_in_float16_alone():
    for policy, auto, scaled in (
        ("mixed_float16", True, True), ("mixed_float16", False, False), ("float32", True, False),
    ):  # fmt: skip
        keras.mixed_precision.set_dtype_policy(policy)
        try:
            model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
            model.compile("sgd", "mse", auto_scale_loss=auto)
        finally:
            keras.mixed_precision.set_dtype_policy("float32")
        assert isinstance(model.optimizer, o.LossScaleOptimizer) is scaled


# ---- what may change between and within trainings ---------------------------------------------


@pytest.mark.parametrize("strategy", [Chunked, PerStep, Eager])
def test_freezing_and_releasing_between_trainings_needs_no_compile(strategy):
    x, y = blobs(16)
    every = [c.LambdaCallback(on_train_batch_end=lambda batch, logs: None)]
    callbacks = every if strategy is PerStep else []
    first, second = keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(3)
    model = keras.Sequential([keras.Input((4,)), first, second])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    first.trainable = False
    model.compile(o.Adam(0.1), loss, run_eagerly=strategy is Eager)

    def fit():
        before = [layer.kernel.numpy() for layer in (first, second)]
        model.fit(x, y, batch_size=8, verbose=0, callbacks=callbacks)
        after = [layer.kernel.numpy() for layer in (first, second)]
        return [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]

    assert fit() == [False, True]
    first.trainable = True
    assert fit() == [True, True]  # slots for what was released
    second.trainable = False
    momentum = model.optimizer._slots[0][0].numpy()
    assert fit() == [True, False]
    np.testing.assert_array_equal(model.optimizer._slots[0][0].numpy(), momentum)  # kept
    second.trainable = True
    assert fit() == [True, True]


@pytest.mark.parametrize("strategy", [Chunked, PerStep, Eager])
def test_a_learning_rate_is_taken_between_and_within_trainings(strategy):
    x, y = blobs(16)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(o.SGD(0.1), loss, run_eagerly=strategy is Eager)

    class Rates(c.Callback):
        listens_to_batches = strategy is PerStep

        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.0 if epoch else 0.1
            self.kernel = self.model.layers[0].kernel.numpy()
            moved.append(epoch)

        def on_epoch_end(self, epoch, logs=None):
            moved[-1] = not np.array_equal(self.kernel, self.model.layers[0].kernel.numpy())

        def on_train_batch_end(self, batch, logs=None):
            self.batch = batch

    moved = []
    model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[Rates()])
    assert moved == [True, False]
    before = model.layers[0].kernel.numpy()
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), before)
    model.optimizer.learning_rate = 0.5
    model.fit(x, y, verbose=0)
    assert not np.array_equal(model.layers[0].kernel.numpy(), before)


def test_an_optimizer_that_cannot_take_new_weights_says_so():
    class Own(o.Optimizer):
        def build(self, variables):
            super().build(variables)
            self.counts = [self.add_variable_from_reference(v, "count") for v in variables]

        def update_step(self, gradient, variable, learning_rate):
            variable.assign_sub(learning_rate * gradient)

    x, y = blobs(8)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5), keras.layers.Dense(3)])
    model.layers[0].trainable = False
    model.compile(Own(0.1), "mse")
    model.fit(x, x[:, :3], verbose=0)
    model.layers[0].trainable = True
    with pytest.raises(ValueError, match="compile the model again with a new optimizer"):
        model.fit(x, x[:, :3], verbose=0)


def test_steps_per_execution_can_be_set_afterwards():
    x, y = blobs()
    model, other = classifier(), classifier(steps_per_execution=3)
    model.steps_per_execution = 3
    assert model.steps_per_execution == 3
    losses = [m.fit(x, y, shuffle=False, verbose=0).history["loss"] for m in (model, other)]
    assert losses[0] == losses[1]
    with pytest.raises(ValueError, match="positive integer or 'auto'"):
        model.steps_per_execution = 0


@pytest.mark.parametrize("eagerly", [False, True])
def test_every_loop_tells_of_groups_of_steps(eagerly):
    heard = []

    class Hears(c.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            heard.append(("train", batch))

        def on_test_batch_end(self, batch, logs=None):
            heard.append(("test", batch))

        def on_predict_batch_end(self, batch, logs=None):
            heard.append(("predict", batch, len(logs["outputs"])))

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=2, run_eagerly=eagerly)
    x, y = np.ones((9, 2)), np.ones((9, 1))  # five steps, the last of one sample
    model.fit(x, y, batch_size=2, verbose=0, callbacks=[Hears()])
    model.evaluate(x, y, batch_size=2, verbose=0, callbacks=[Hears()])
    found = model.predict(x, batch_size=2, verbose=0, callbacks=[Hears()])
    assert heard[:3] == [("train", 0), ("train", 2), ("train", 4)]
    assert heard[3:6] == [("test", 1), ("test", 3), ("test", 5)]  # as if all were full
    assert heard[6:] == [("predict", 1, 4), ("predict", 3, 4), ("predict", 5, 1)]
    assert found.shape == (9, 1)


def test_an_output_may_have_several_losses():
    def fitted(loss, loss_weights=None):
        inputs = keras.Input((2,))
        ones = {"kernel_initializer": "ones"}
        outputs = [keras.layers.Dense(1, name=name, **ones)(inputs) for name in "ab"]
        model = keras.Model(inputs, outputs)
        model.compile("sgd", loss, loss_weights=loss_weights)
        x, y = np.ones((4, 2)), np.zeros((4, 1))
        return model.fit(x, [y, y], verbose=0).history

    assert fitted(["mse", ["mse", "mae"]]) == {"a_loss": [4.0], "b_loss": [6.0], "loss": [10.0]}
    weighed = fitted(["mse", ["mse", "mae"]], [0.5, [1.0, 3.0]])
    assert weighed["loss"] == [12.0]
    single = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    single.compile("sgd", [["mse"]])
    assert "loss" in single.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0).history


# ---- before compile, and words for losses -------------------------------------------------------


def test_running_eagerly_can_be_asked_for_before_compile():
    seen = []

    class Spy(keras.layers.Layer):
        def call(self, x):
            seen.append(type(x).__name__)
            return x

    model = keras.Sequential([keras.Input((2,)), Spy()])
    model.run_eagerly = True
    seen.clear()
    model.predict(np.ones((2, 2)), verbose=0)
    assert model.run_eagerly and not model.jit_compile and seen[-1] == "ArrayImpl"


@pytest.mark.parametrize(
    ("units", "y", "meant"),
    [
        (1, np.array([[0.0], [1.0]]), "binary_crossentropy"),
        (2, np.array([0, 1]), "sparse_categorical_crossentropy"),
        (2, np.eye(2), "categorical_crossentropy"),
    ],
)
def test_crossentropy_is_the_one_for_the_labels(units, y, meant):
    found = []
    for loss in ("crossentropy", meant):
        model = keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(units, activation="sigmoid")]
        )
        model.layers[0].kernel.assign(np.ones((2, units)) * [[0.5], [1.0]])
        model.compile("sgd", loss)
        found.append(model.evaluate(np.eye(2), y, verbose=0))
    assert found[0] == found[1]


# ---- data with gaps -----------------------------------------------------------------------------

GAPS = np.array([[1.0, np.nan], [2.0, 3.0]])


class Filled(keras.layers.Layer):
    """NaN becomes 0."""

    def call(self, x):
        return keras.ops.nan_to_num(x)


def test_nan_that_a_layer_fills_is_no_mistake(recwarn):
    model = keras.Sequential([keras.Input((2,)), Filled(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(GAPS, np.ones((2, 1)), verbose=0)
    model.compile("sgd", lambda y, p: keras.ops.nan_to_num(y - p) ** 2)
    model.fit(GAPS, np.array([[1.0], [np.nan]]), verbose=0)  # labels that the loss leaves out
    assert not recwarn
    bare = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    bare.compile("sgd", "mse")
    with pytest.raises(ValueError, match="1 NaN in x, first at row 0, column 1"):
        bare.fit(GAPS, np.ones((2, 1)), verbose=0)
