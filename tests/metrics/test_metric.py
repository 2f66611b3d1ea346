"""`Metric`: state, the stateless twins, nesting, lazily made variables, copies."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu import metrics
from cornu.core.frame import effects_of


class Spread(metrics.Metric):
    """Largest value, and the mean beside it."""

    def __init__(self, name="spread", **kwargs):
        super().__init__(name=name, **kwargs)
        self.mean = metrics.Mean(name="inner")
        self.largest = self.add_weight(initializer="ones", name="largest")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.mean.update_state(y_pred)
        self.largest.assign(jnp.maximum(self.largest.value, y_pred.max()))

    def result(self):
        return {"mean": self.mean.result(), "largest": self.largest.value}


def test_variables_are_the_own_ones_then_those_inside():
    paths = [v.path for v in Spread().variables]
    assert paths == ["spread/largest", "inner/total", "inner/count"]
    assert not any(v.trainable for v in Spread().variables)


def test_reset_returns_to_the_initial_values():
    metric = Spread()
    metric.update_state(None, jnp.array([3.0, 5.0]))
    assert float(metric.result()["largest"]) == 5.0
    metric.reset_state()
    assert [v.numpy().item() for v in metric.variables] == [1.0, 0.0, 0.0]


def test_reset_compiles_nothing(caplog):
    metric = metrics.AUC(num_thresholds=37)
    with jax.log_compiles():
        metric.reset_state()
    assert "Compiling" not in caplog.text


def test_stateless_twins_leave_the_metric_alone():
    metric = Spread()

    @jax.jit
    def step(values, y):
        return metric.stateless_update_state(values, None, y)

    values = metric.stateless_reset_state()
    for batch in ([1.0, 2.0], [6.0, 3.0]):
        values = step(values, jnp.array(batch))
    result = jax.jit(metric.stateless_result)(values)
    assert {k: float(v) for k, v in result.items()} == {"mean": 3.0, "largest": 6.0}
    assert [v.numpy().item() for v in metric.variables] == [1.0, 0.0, 0.0]


def test_the_number_of_values_is_checked():
    with pytest.raises(ValueError, match="Mean has 2 variables, got 1 values"):
        metrics.Mean().stateless_update_state([0.0], jnp.ones(2))


@pytest.mark.parametrize(
    "metric", [metrics.F1Score(), metrics.R2Score(), metrics.AUC(5, multi_label=True)], ids=repr
)
def test_metrics_that_wait_for_a_shape_are_made_by_an_abstract_run(metric):
    shape = jax.ShapeDtypeStruct((8, 3), "float32")
    written, _ = effects_of(metric.update_state, shape, shape)
    assert written and {id(v) for v in written} == {id(v) for v in metric.variables}
    assert all(not v.numpy().any() for v in metric.variables)
    y, p = np.eye(3, dtype="float32")[[0, 1, 2, 0]], np.random.default_rng(0).random((4, 3))
    values = metric.stateless_update_state(metric.stateless_reset_state(), y, p)
    metric.update_state(y, p)
    np.testing.assert_allclose(metric.stateless_result(values), metric.result(), 1e-6)


def test_a_copy_counts_on_its_own():
    metric = metrics.Mean()
    metric.update_state([1.0])
    twin = copy.deepcopy(metric)
    twin.update_state([3.0])
    assert float(metric.result()) == 1.0 and float(twin.result()) == 2.0
    twin.reset_state()
    assert float(twin.count.value) == 0 and float(metric.count.value) == 1


def test_what_a_subclass_does_not_write_is_named():
    class Empty(metrics.Metric):
        pass

    with pytest.raises(NotImplementedError, match="Empty must define update_state"):
        Empty()(1, 2)
    with pytest.raises(NotImplementedError, match="Empty must define result"):
        Empty().result()


def test_dtype_is_that_of_the_state():
    metric = metrics.Mean(dtype="bfloat16")
    assert {v.dtype for v in metric.variables} == {"bfloat16"}
    assert metric.get_config()["dtype"] == "bfloat16"


def test_a_mistaken_name_gets_a_hint():
    with pytest.raises(ValueError, match="did you mean .*'accuracy'"):
        metrics.get("acuracy")


def test_a_forgotten_super():
    class Forgetful(metrics.Metric):
        def __init__(self):
            self.total = self.add_weight(name="total")

    with pytest.raises(RuntimeError, match=r"Forgetful.__init__ does not call super\(\)"):
        Forgetful()
