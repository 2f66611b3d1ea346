"""The memory of a model from a file is counted before it is taken."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cornu import budget, config, layers, metrics, models, ops, optimizers, saving
from cornu.budget import (
    BYTES_FOR_A_UNIT,
    SLACK_ARRAYS,
    WORK,
    Budget,
    counted,
    current,
    memory_of_machine,
    table,
    within,
)
from cornu.core.variable import Variable
from cornu.errors import UnsafeFileError


def never(shape, dtype=None):
    raise AssertionError("the first value is made")


def test_a_variable_asks_before_its_first_value_is_made():
    with within(Budget("f", elements=10)), pytest.raises(UnsafeFileError, match="more memory") as e:
        Variable(never, shape=(4, 10**9), name="kernel")
    assert "kernel" in str(e.value) and "(4, 1000000000)" in str(e.value)
    with within(Budget("f", nbytes=39)), pytest.raises(UnsafeFileError, match="not fit the memory"):
        Variable(never, shape=(10,), dtype="float32")


def test_everything_that_owns_variables_is_counted_together():
    budget = Budget("f", elements=100)
    with within(budget):
        layer = layers.Dense(4)
        layer.build((None, 4))  # 20
        optimizers.Adam().build(layer.trainable_variables)  # 2 * 20 and two scalars
        assert budget._elements == 62
        with pytest.raises(UnsafeFileError):
            metrics.AUC(num_thresholds=20)
    layers.Dense(1000).build((None, 1000))  # outside nothing is counted


def test_what_is_allowed_grows_with_the_file():
    purse = Budget("f")
    purse.work(WORK)
    with pytest.raises(UnsafeFileError, match="(?s)F asks for far more work.*safe_mode=False"):
        purse.work(1)
    purse.grow(1000 * BYTES_FOR_A_UNIT)
    purse.work(999)
    with pytest.raises(UnsafeFileError, match="unpacks to far more"):
        purse.unpack(10**9, "The archive")


def test_who_vouches_for_a_file_lifts_the_limit_of_its_work():
    Budget("f", trusted=True).work(10**9)


def test_loops_and_tables_are_counted_before_they_begin():
    with within(Budget("f")):
        assert list(counted(range(3))) == [0, 1, 2]
        for count in (lambda: counted(range(10**9)), lambda: table(10**12)):
            with pytest.raises(UnsafeFileError):
                count()
    assert len(counted(range(10**9))) == 10**9 and current() is None


def test_every_thread_has_its_own():
    with within(Budget("f")) as mine, ThreadPoolExecutor(1) as pool:
        assert current() is mine and pool.submit(current).result() is None


def test_many_small_things_add_up():
    purse = Budget("f")
    purse.stored(10**6, arrays=0)
    with within(purse), pytest.raises(UnsafeFileError, match="variables"):
        for _ in range(SLACK_ARRAYS + 1):
            purse.take((), 4, "x")


def test_configs_that_no_file_holds_are_bounded_too():
    config = {
        "module": "keras.src.models.functional", "class_name": "Functional",
        "registered_name": "Functional",
        "config": models.Model(x := layers.Input((3,)), ops.diff(x, 2)).get_config(),
    }  # fmt: skip
    assert saving.deserialize_keras_object(config).output_shape == (None, 1)
    config["config"]["layers"][1]["config"]["n"] = 10**7
    for read in (
        saving.deserialize_keras_object,
        layers.deserialize,
        lambda c: models.Model.from_config(c["config"]),
    ):
        with pytest.raises(UnsafeFileError, match="far more work"):
            read(config)


def test_the_limit_in_bytes_is_a_setting():
    before = config.max_load_bytes()
    try:
        config.set_max_load_bytes(1000)
        model = models.Sequential([layers.Input((4,)), layers.Dense(300, name="d")])
        with pytest.raises(UnsafeFileError, match="(?s)the JSON text.*set_max_load_bytes"):
            models.model_from_json(model.to_json())
        config.set_max_load_bytes(100_000)
        assert models.model_from_json(model.to_json()).count_params() == 1500
    finally:
        config.set_max_load_bytes(before)


def test_the_machine_is_the_limit_where_nothing_else_is_said():
    found = memory_of_machine()
    assert found is None or found > 2**26
    assert Budget("f").nbytes == found


def test_who_vouches_for_a_file_lifts_the_limit_of_its_weights(tmp_path):
    inputs = layers.Input((4,))
    model = models.Model(inputs, layers.Dense(2)(inputs))
    model.save(tmp_path / "m.keras")
    model.load_weights(tmp_path / "m.keras")

    class Wide(layers.Layer):
        """Makes more than its file says."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.scratch = [Variable("zeros" and np.zeros(1), name="x")]

        def build(self, input_shape):
            self.large = Variable(lambda shape, dtype: np.zeros(shape, "float32"), shape=(2**22, 2))
            self.scratch.append(self.large)

        def call(self, x):
            return x

        def save_own_variables(self, store):
            store["0"] = np.zeros(1)

        def load_own_variables(self, store):
            assert store

    model = models.Sequential([layers.Input((4,)), Wide()])
    model.save(tmp_path / "wide.keras")
    known = {"Wide": Wide}
    with pytest.raises(UnsafeFileError, match="safe_mode=False"):
        models.load_model(tmp_path / "wide.keras", custom_objects=known)
    loaded = models.load_model(tmp_path / "wide.keras", custom_objects=known, safe_mode=False)
    assert loaded.layers[0].large.shape == (2**22, 2)


def test_work_that_takes_long_is_refused_however_few_its_steps(monkeypatch):
    monkeypatch.setattr(budget, "PATIENCE", 0.0)
    monkeypatch.setattr(budget, "SECONDS", 0.0)
    purse = budget.Budget("the file")
    purse.work(budget._LOOK - 1)  # the clock is not looked at yet
    with pytest.raises(UnsafeFileError, match="far more work"):
        purse.work(1)
