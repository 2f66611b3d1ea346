"""Lambdas: saved as places with a warning, and given by who loads; nothing of a file is run."""

import numpy as np
import pytest

import cornu as keras
from cornu import layers, ops

X = np.ones((8, 4), "float32")


def squared(y, p):
    return ops.mean((y - p) ** 2)


def twice(x):
    return 2 * x


GIVEN = {
    "double": twice, "hidden.activation": ops.tanh, "hidden.kernel_initializer": np.ones,
    "loss": squared, "metrics.0": squared,
}  # fmt: skip


def model_of_lambdas():
    start = lambda shape, dtype=None: ops.ones(shape, dtype)  # noqa: E731
    model = keras.Sequential([
        keras.Input((4,)),
        layers.Dense(2, activation=lambda x: ops.tanh(x), kernel_initializer=start, name="hidden"),
        layers.Lambda(lambda x: 2 * x, name="double"),
    ])  # fmt: skip
    model.compile("sgd", loss=lambda y, p: squared(y, p), metrics=[lambda y, p: ops.mean(p)])
    return model


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_a_model_of_lambdas_is_saved_and_loaded(name, tmp_path):
    model = model_of_lambdas()
    with pytest.warns(UserWarning, match="(?s)place for 5 lambdas.*'double': ...") as caught:
        model.save(tmp_path / name)
    for wanted in GIVEN:
        assert f"{wanted!r}: ..." in str(caught[0].message)
    twin = keras.saving.load_model(tmp_path / name, custom_objects=GIVEN)
    np.testing.assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))
    twin.fit(X, X[:, :2], verbose=0)


def test_what_is_not_given_is_asked_for_by_its_name(tmp_path):
    with pytest.warns(UserWarning, match="place for"):
        model_of_lambdas().save(tmp_path / "m.keras")
    given = {k: v for k, v in GIVEN.items() if k not in ("double", "loss")}
    with pytest.raises(
        ValueError, match="(?s)2 lambdas: 'double', 'loss'.*custom_objects={'double'"
    ):
        keras.saving.load_model(tmp_path / "m.keras", custom_objects=given)
    given = {"double": twice, "hidden": ops.tanh, **GIVEN}
    keras.saving.load_model(tmp_path / "m.keras", custom_objects=given, compile=False)


def test_json():
    with pytest.warns(UserWarning, match="place for 5 lambdas"):
        text = model_of_lambdas().to_json()
    assert "double" in [x.name for x in keras.models.model_from_json(text, GIVEN).layers]


def test_a_clone_has_the_lambdas_themselves():
    model = model_of_lambdas()
    twin = keras.models.clone_model(model)
    assert twin.compiled
    assert twin.optimizer is not model.optimizer
    np.testing.assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_checkpoint_says_before_the_first_step_what_it_would_say_after(tmp_path):
    @keras.saving.register_keras_serializable("own_functions")
    class Holds(layers.Layer):
        def __init__(self, thing, **kwargs):
            super().__init__(**kwargs)
            self.thing = thing

        def call(self, x):
            return x

    steps = []
    count = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda b, logs: steps.append(b))
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4), Holds(object())])
    model.compile("sgd", "mse")
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "new" / "m.keras")
    with pytest.raises(NotImplementedError, match="cannot be saved by its argument 'thing'"):
        model.fit(X, X, verbose=0, callbacks=[checkpoint, count])
    assert not steps
