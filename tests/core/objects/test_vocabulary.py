"""Words of one kind: what may be meant, what is refused, and what files say."""

import pytest

import cornu
from cornu import initializers, losses, metrics, optimizers, regularizers
from cornu.core.objects.vocabulary import Vocabulary
from cornu.regularizers import L2

WORDS = Vocabulary("regularizer", {"__name__": "cornu.regularizers", "L2": L2, "l2": L2}, L2)


@pytest.mark.parametrize(
    "identifier",
    ["l2", "L2", L2, L2(0.01),
     {"class_name": "L2", "config": {"l2": 0.01}},
     {"module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.01}},
     {"module": "tensorflow.keras.regularizers", "class_name": "l2", "config": {"l2": 0.01}}],
    ids=["name", "Name", "class", "instance", "old config", "config", "older module"],
)  # fmt: skip
def test_what_may_be_meant(identifier):
    for found in (WORDS.get(identifier), WORDS.deserialize(identifier)):
        assert isinstance(found, L2)
        assert float(found.l2) == pytest.approx(0.01)


def test_none_stays_none_and_functions_stay_functions():
    assert WORDS.get(None) is None
    assert WORDS.get(len) is len


def test_what_is_not_meant():
    with pytest.raises(ValueError, match="There is no regularizer named 'l3'"):
        WORDS.get("l3")
    with pytest.raises(ValueError, match="5 is not a regularizer"):
        WORDS.get(5)
    with pytest.raises(ValueError, match="7 is not an initializer"):
        initializers.get(7)


def test_words_of_the_users_come_first():
    class Mine(L2):
        pass

    config = {"class_name": "L2", "config": {"l2": 0.5}}
    assert type(WORDS.deserialize(config, {"L2": Mine})) is Mine
    assert WORDS.deserialize("mine", {"mine": len}) is len
    with cornu.saving.custom_object_scope({"l2": Mine}):
        assert type(WORDS.get("l2")) is Mine


def test_what_a_face_shows_can_be_named():
    assert losses.get("Huber").delta == 1.0 and losses.get("MSE") is losses.mean_squared_error
    assert metrics.get("mse").name == "mean_squared_error"
    assert metrics.get("binary_accuracy").threshold == 0.5  # the class, not the function
    assert optimizers.get("adamw").weight_decay == 0.004
    assert initializers.get("he_normal").mode == "fan_in"
    assert regularizers.get("l1_l2").l1 == 0.0


def test_what_needs_more_than_a_name_is_made_by_configs_alone():
    with pytest.raises(ValueError, match="There is no optimizer named 'lossscaleoptimizer'"):
        optimizers.get("lossscaleoptimizer")
    scaled = optimizers.LossScaleOptimizer(optimizers.SGD(0.1))
    config = optimizers.serialize(scaled)
    config = {"class_name": "lossscaleoptimizer", "config": config["config"]}
    assert type(optimizers.get(config)) is type(scaled)


def test_files_name_functions_of_the_library_alone():
    for words, function in ((losses, losses.huber), (metrics, metrics.binary_accuracy)):
        config = words.serialize(function)
        assert config["class_name"] == "function" and words.deserialize(config) is function
    with pytest.raises(TypeError, match="No function is known by the name 'no_such_loss'"):
        losses.deserialize({**losses.serialize(losses.huber), "config": "no_such_loss"})
