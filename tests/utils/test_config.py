"""`Config` beside Keras's."""

import copy
import json
import pickle

import keras
import pytest

from cornu.utils import Config


@pytest.mark.parametrize("config", [Config, keras.utils.Config])
def test_a_config_is_a_dict_with_attributes(config):
    made = config(b=1, a="x")
    made.c, made["d"] = [2], None
    assert made.c == [2] and made["b"] == 1 and made.d is None
    assert list(made) == ["a", "b", "c", "d"] and len(made) == 4 and "c" in made
    assert list(made.keys()) == ["b", "a", "c", "d"] and list(made.values()) == [1, "x", [2], None]
    assert dict(made.items()) == made.as_dict() == json.loads(made.to_json())
    assert made.get("b") == 1 and made.get("z") is None and made.get("z", 5) == 5
    assert made.pop("c") == [2] and made.pop("c", 7) == 7
    made.update({"b": 2}, e=3)
    del made["d"]
    assert made.as_dict() == {"b": 2, "a": "x", "e": 3}
    assert repr(made) == "<Config {'b': 2, 'a': 'x', 'e': 3}>"
    made.as_dict()["b"] = 9
    assert made.b == 2


@pytest.mark.parametrize("config", [Config, keras.utils.Config])
def test_a_frozen_config_does_not_change(config):
    made = config(a=1)
    assert not made.frozen
    made.freeze()
    assert made.frozen
    changes = [
        lambda: setattr(made, "a", 2),
        lambda: made.__setitem__("b", 2),
        lambda: made.__delitem__("a"),
        lambda: made.pop("a"),
        lambda: made.update(a=2),
    ]
    for change in changes:
        with pytest.raises(ValueError, match="frozen"):
            change()
    made.unfreeze()
    made.a = 3
    assert made.as_dict() == {"a": 3}


@pytest.mark.parametrize("config", [Config, keras.utils.Config])
def test_a_misspelt_setting_is_named(config):
    made = config(learning_rate=1)
    with pytest.raises(AttributeError, match=r"(?i)did you mean 'learning_rate'"):
        made.lerning_rate  # noqa: B018
    with pytest.raises(KeyError):
        made["lerning_rate"]
    assert not hasattr(config(), "anything")


def test_copies_and_pickles_keep_the_settings():
    made = Config(a=[1])
    made.freeze()
    for other in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert other.as_dict() == {"a": [1]} and other.frozen


def test_an_attribute_is_removed():
    made = Config(a=1)
    del made.a
    assert "a" not in made
    with pytest.raises(AttributeError):
        del made.a
