"""Sizes and work of a config are weighed against the weights of its file."""

import numpy as np
import pytest

from cornu import layers, models
from cornu.errors import UnsafeFileError, explain
from cornu.storage.vetting import MAX_WORK, judge, loading, vet_config


def layer(name, class_name="Dense", calls=0, **config):
    entry = {"module": "keras.layers", "class_name": class_name, "config": {"name": name, **config},
             "registered_name": None}  # fmt: skip
    return entry | ({"inbound_nodes": [{}] * calls} if calls else {})


def test_sizes_that_the_weights_do_not_account_for():
    vet_config(layer("d", units=4_000_000), what="c", stored=100)  # below what does not matter
    with pytest.raises(UnsafeFileError, match="'d' in c needs far more memory"):
        vet_config(layer("d", units=10**9), what="c", stored=100)
    vet_config(layer("d", units=10**9), what="c", stored=10**9)
    vet_config(layer("d", units=10**9), what="c")  # no file of weights to compare with
    with pytest.raises(UnsafeFileError, match="elements: 1000000000000"):
        vet_config(layer("e", input_dim=10**6, output_dim=10**6), what="c", stored=10**7)


def test_calls_multiply_on_the_way_down():
    def model(inner, levels):
        for i in range(levels):
            inner = layer(f"m{i}", "Functional", calls=2, layers=[inner])
        return inner

    vet_config(model(layer("d"), 10), what="c")
    with pytest.raises(UnsafeFileError, match="too many calls"):
        vet_config(model(layer("d"), 20), what="c")
    many = [layer(str(i)) for i in range(100)]
    with pytest.raises(UnsafeFileError, match=f"limit: {MAX_WORK}"):
        vet_config(layer("m", "Functional", calls=MAX_WORK // 50, layers=many), what="c")


@pytest.mark.parametrize(
    "error", [KeyError("units"), AttributeError("x"), IndexError("x"), RecursionError("x"),
              OverflowError("x"), ZeroDivisionError("x")],
)  # fmt: skip
def test_stumbling_over_a_config_means_that_it_is_damaged(error):
    with pytest.raises(ValueError, match="c does not describe a model") as caught, loading("c"):
        raise error
    assert caught.value.__cause__ is error and type(error).__name__ in str(caught.value)


def test_what_is_said_on_purpose_passes():
    for kind in (UnsafeFileError, TypeError, NotImplementedError, KeyboardInterrupt):
        with pytest.raises(kind, match="as it is"), loading("c"):
            raise kind("as it is")


@pytest.mark.parametrize("mistake", ["int('x' * 10**6)", "len(3)", "zeros(3) + zeros(2)"])
def test_what_libraries_say_is_put_in_our_words(mistake):
    inside: dict = {"__name__": "cornu.inside", "loading": loading, "zeros": np.zeros}
    exec(f"def load():\n    with loading('c'):\n        {mistake}", inside)
    with pytest.raises(ValueError, match="(?s)c does not describe.*error: .*Error") as caught:
        inside["load"]()
    assert len(str(caught.value)) < 1000


def test_a_long_message_is_cut():
    with pytest.raises(ValueError, match="and 92 lines more") as caught, loading("c"):
        raise ValueError(explain("x" * 10**4, facts="\n".join("y" * 100)))
    assert len(str(caught.value)) < 1000


def test_a_text_without_weights_has_a_bound():
    model = models.Sequential([layers.Input((4,)), layers.Dense(3, name="d")])
    with pytest.raises(UnsafeFileError, match="(?s)does not fit the memory.*set_max_load_bytes"):
        models.model_from_json(model.to_json().replace('"units": 3', '"units": 2000000000'))


def test_a_judgement_without_making_anything():
    assert judge(layer("d", units=3), 12) == []
    danger = judge(layer("d", units=10**9), 12)
    assert [level for level, _ in danger] == ["danger"] and "'d'" in danger[0][1]
    assert judge(layer("d", "Nonsense"), 0)[0][0] == "warning"
    function = {"class_name": "function", "config": "relu", "module": "builtins"}
    assert judge(layer("d", activation=function), 0) == []
    assert "os.system" in judge(layer("d", activation=function | {"config": "os.system"}), 0)[0][1]
    assert judge([1, {"class_name": 3, "config": {}}], 0)[0][0] == "danger"
