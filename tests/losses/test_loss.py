"""`Loss`: reductions, weights, masks, dtypes, own losses."""

import jax.numpy as jnp
import numpy as np
import pytest

from cornu import losses
from cornu.core.masks import set_mask
from cornu.losses.loss import aligned, same_rank


class Values(losses.Loss):
    """The predictions themselves as losses."""

    def call(self, y_true, y_pred):
        return y_pred


V = jnp.arange(1.0, 13.0).reshape(4, 3)


@pytest.mark.parametrize(
    ("reduction", "plain", "weighted"),
    [
        ("sum", 78.0, 201.0),
        ("mean", 6.5, 16.75),
        ("sum_over_batch_size", 6.5, 16.75),
        ("mean_with_sample_weight", 6.5, 25.125),
    ],
)
def test_reductions(reduction, plain, weighted):
    weights = np.array([0.5, 1.5, 2.5, 3.5])
    assert float(Values(reduction=reduction)(V, V)) == plain
    assert float(Values(reduction=reduction)(V, V, weights[:, None])) == weighted


def test_no_reduction_gives_the_weighted_values():
    got = Values(reduction="none")(V, V, jnp.array([[1.0], [0.0], [2.0], [0.0]]))
    np.testing.assert_array_equal(got, V * jnp.array([[1.0], [0.0], [2.0], [0.0]]))


def test_one_weight_a_sample_weighs_all_its_steps():
    """Also where there are as many samples as steps, and numpy would weigh the steps."""
    square = jnp.arange(9.0).reshape(3, 3)
    weights = jnp.array([1.0, 0.0, 0.0])
    assert float(Values(reduction="sum")(square, square, weights)) == 0 + 1 + 2


def test_masked_steps_do_not_count():
    y = jnp.array([[1.0, 2.0, 30.0], [4.0, 50.0, 60.0]])
    set_mask(y, jnp.array([[True, True, False], [True, False, False]]))
    assert float(Values()(y, y)) == pytest.approx(7 / 3)
    assert float(Values(reduction="sum")(y, y)) == 7
    weights = jnp.array([[1.0, 0.0, 1.0], [2.0, 1.0, 1.0]])
    assert float(Values(reduction="mean_with_sample_weight")(y, y, weights)) == pytest.approx(3)


def test_a_batch_that_is_masked_altogether_costs_nothing():
    y = jnp.ones((2, 3))
    set_mask(y, jnp.zeros((2, 3), bool))
    assert float(Values()(y, y)) == 0


def test_zero_weights_give_zero_rather_than_nan():
    loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    assert float(loss(jnp.ones((2, 2)), jnp.zeros((2, 2)), jnp.zeros(2))) == 0


def test_targets_and_predictions_may_be_nested():
    class Both(losses.Loss):
        def call(self, y_true, y_pred):
            return abs(y_true["a"] - y_pred["a"]) + abs(y_true["b"] - y_pred["b"])

    y_true = {"a": np.array([1.0, 2.0]), "b": np.array([0, 1])}
    y_pred = {"a": np.array([1.5, 2.0]), "b": np.array([0.0, 3.0])}
    assert float(Both(reduction="sum")(y_true, y_pred)) == 2.5


def test_dtype():
    loss = losses.MeanSquaredError(dtype="bfloat16")
    assert loss.dtype == "bfloat16"
    assert loss(jnp.ones((2, 2)), jnp.zeros((2, 2))).dtype == jnp.bfloat16
    again = losses.MeanSquaredError.from_config(loss.get_config())
    assert again.dtype == "bfloat16"
    assert "dtype" not in losses.MeanSquaredError().get_config()


def test_class_numbers_stay_exact_in_half_precision():
    logits = jnp.zeros((1, 5000)).at[0, 4097].set(9.0)
    half = losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float16")
    assert float(half(np.array([4097]), logits)) < 5


def test_a_function_becomes_a_loss():
    def absolute(y_true, y_pred, factor=1.0):
        return factor * abs(y_true - y_pred)

    loss = losses.LossFunctionWrapper(absolute, name="mine", factor=3.0)
    assert float(loss(jnp.zeros(2), jnp.ones(2))) == 3.0
    assert loss.name == "mine" and losses.LossFunctionWrapper(absolute).name == "absolute"
    wrapped = losses.LossFunctionWrapper(losses.huber, delta=2.0)
    again = losses.LossFunctionWrapper.from_config(wrapped.get_config())
    assert again.fn is losses.huber and again.get_config() == wrapped.get_config()


def test_an_own_loss_is_saved_by_its_arguments():
    class Quantile(losses.Loss):
        def __init__(self, q, name="quantile", **kwargs):
            super().__init__(name=name, **kwargs)
            self.q = q

        def call(self, y_true, y_pred):
            e = y_true - y_pred
            return jnp.maximum(self.q * e, (self.q - 1) * e)

        def get_config(self):
            return {**super().get_config(), "q": self.q}

    again = Quantile.from_config(Quantile(0.9, reduction="sum").get_config())
    assert again.q == 0.9 and again.reduction == "sum"
    assert float(again(jnp.ones(1), jnp.zeros(1))) == pytest.approx(0.9)


def test_an_own_loss_needs_no_get_config():
    class Cauchy(losses.Loss):
        def __init__(self, scale=1.0, **kwargs):
            super().__init__(**kwargs)
            self.scale = scale

        def call(self, y_true, y_pred):
            return jnp.log1p(((y_true - y_pred) / self.scale) ** 2)

    class Fixed(losses.Loss):
        def __init__(self, scale):
            super().__init__()
            self.scale = scale

    config = Cauchy(2.0, name="cauchy", reduction="sum").get_config()
    assert config == {"name": "cauchy", "reduction": "sum", "scale": 2.0}
    assert Cauchy.from_config(config).get_config() == config
    assert Cauchy(dtype="float16").get_config()["dtype"] == "float16"
    assert Fixed(3.0).get_config() == {"scale": 3.0}  # the constructor takes no name

    class Weighted(losses.Huber):
        def __init__(self, weight, **kwargs):
            super().__init__(**kwargs)
            self.weight = weight

    again = Weighted.from_config(Weighted(0.5, delta=3.0).get_config())
    assert (again.weight, again.delta, again.name) == (0.5, 3.0, "huber_loss")


def test_shapes():
    def shapes(*pair):
        return [x.shape for x in pair]

    assert shapes(*same_rank(jnp.ones(4), jnp.ones((4, 1)))) == [(4, 1), (4, 1)]
    assert shapes(*same_rank(jnp.ones((4, 3, 1)), jnp.ones((4, 3)))) == [(4, 3), (4, 3)]
    assert shapes(*same_rank(jnp.ones((4, 3)), jnp.ones(4))) == [(4, 3), (4,)]
    assert shapes(*aligned(jnp.ones((4, 3, 2)), jnp.ones((4, 3)))) == [(4, 3, 2), (4, 3, 1)]
    assert shapes(*aligned(jnp.ones((4, 3)), jnp.ones(3))) == [(4, 3), (3,)]


def test_a_mistaken_reduction_gets_a_hint():
    with pytest.raises(ValueError, match="did you mean 'sum'"):
        losses.MeanSquaredError(reduction="summ")


@pytest.mark.parametrize("name", ["mse", "mae", "huber", "cosine_similarity", "tversky", "poisson"])
def test_targets_that_do_not_fit_the_predictions(name):
    loss = losses.get(name)
    with pytest.raises(ValueError, match=r"(?s)do not broadcast.*\(2, 3\).*\(2, 4\).*Flatten"):
        loss(np.ones((2, 3), "f"), np.ones((2, 4), "f"))
    assert np.isfinite(np.mean(loss(np.ones((2, 1), "f"), np.ones((2, 4), "f"))))


def test_weights_that_do_not_fit_the_samples():
    for shape in ((5,), (4, 3, 2)):
        with pytest.raises(
            ValueError, match=r"(?s)sample_weight does not broadcast.*values: +\(4, 3\)"
        ):
            Values()(V, V, np.ones(shape, "f"))


def test_a_forgotten_super():
    class Forgetful(losses.Loss):
        def __init__(self):
            self.factor = 2

    with pytest.raises(RuntimeError, match=r"Forgetful.__init__ does not call super\(\)"):
        Forgetful()(V, V)


def test_a_scalar_loss_of_the_batch_is_weighted_by_all_weights():
    class Whole(losses.Loss):
        def call(self, y_true, y_pred):
            return jnp.mean((y_true - y_pred) ** 2)

    y, p, weights = np.ones((4, 1)), np.zeros((4, 1)), np.array([1.0, 2.0, 3.0, 4.0])
    assert float(Whole()(y, p)) == 1.0
    assert float(Whole()(y, p, weights)) == 2.5
    assert float(Whole(reduction="sum")(y, p, weights)) == 10.0
