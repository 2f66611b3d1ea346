"""A mistaken name is refused where it is written, with the name that was meant."""

import pytest

import cornu as keras
from cornu import layers


def model():
    return keras.Sequential([keras.Input((4,)), layers.Dense(1, name="out")])


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ({"optimizer": "adm"}, "adam"),
        ({"loss": "mean_squared_eror"}, "mean_squared_error"),
        ({"loss": ["msee"]}, "mse"),
        ({"loss": {"out": "hubr"}}, "huber"),
        ({"metrics": ["acuracy"]}, "accuracy"),
        ({"metrics": {"out": ["mae", "prcision"]}}, "precision"),
        ({"weighted_metrics": ["aucc"]}, "auc"),
    ],
    ids=str,
)
def test_at_compile(arguments, meant):
    with pytest.raises(ValueError, match=rf"[\s\S]*did you mean '{meant}'"):
        model().compile(**{"optimizer": "sgd", "loss": "mse", **arguments})


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ({"kernel_initializer": "glorot_unifrm"}, "glorot_uniform"),
        ({"bias_regularizer": "l22"}, "l2"),
        ({"kernel_constraint": "max_nrom"}, "max_norm"),
        ({"activation": "rellu"}, "relu"),
        ({"dtype": "mixed_flaot16"}, "mixed_float16"),
    ],
    ids=str,
)
def test_at_the_layer(arguments, meant):
    with pytest.raises(ValueError, match=rf"[\s\S]*did you mean '{meant}'"):
        layers.Dense(1, **arguments)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: keras.losses.Huber(dleta=1.0), "Huber takes no argument 'dleta'.* 'delta'"),
        (lambda: keras.metrics.AUC(num_treshold=9), "AUC takes no argument .* 'num_thresholds'"),
        (lambda: keras.optimizers.Adam(epsilonn=1), "Adam takes no argument .* 'epsilon'"),
        (lambda: keras.initializers.HeNormal(sed=1), "HeNormal takes no argument .* 'seed'"),
        (lambda: keras.regularizers.L1(l_1=1.0), "L1 takes no argument .* 'l1'"),
        (lambda: keras.constraints.MaxNorm(maxvalue=1), "MaxNorm takes no .* 'max_value'"),
        (
            lambda: keras.optimizers.schedules.CosineDecay(0.1, decay_step=9),
            "CosineDecay takes no argument 'decay_step'.* 'decay_steps'",
        ),
    ],
)
def test_arguments(make, text):
    with pytest.raises((TypeError, ValueError), match=f"(?s){text}"):
        make()


def test_own_classes_too():
    class Quantile(keras.losses.Loss):
        def __init__(self, quantile, name="quantile"):
            super().__init__(name=name)
            self.quantile = quantile

    with pytest.raises(TypeError, match=r"(?s)Quantile takes no argument .* 'quantile'"):
        Quantile(quantil=0.5)
    assert Quantile(quantile=0.5).quantile == 0.5
