"""Configs of other versions become configs of today; those of today stay as they are."""

import pytest

from cornu import layers, losses, metrics, optimizers
from cornu.core.objects.serialize import serialize_keras_object
from cornu.models import Model, Sequential
from cornu.storage.migration import modern_compile, modernize
from cornu.storage.older_graphs import modern_graph


def entry(kind, calls, **config):
    name = config.pop("name")
    return {"class_name": kind, "config": {"name": name, "trainable": True, **config},
            "name": name, "inbound_nodes": calls}  # fmt: skip


def history(value):
    return value["config"]["keras_history"]


@pytest.mark.parametrize(
    "obj",
    [
        layers.Dense(3, "relu", kernel_regularizer="l2", bias_constraint="non_neg"),
        layers.Bidirectional(layers.LSTM(2), merge_mode="sum"),
        layers.RNN([layers.GRUCell(2), layers.LSTMCell(3)]),
        layers.TimeDistributed(layers.Conv1D(2, 3)),
        layers.MultiHeadAttention(2, 3),
        losses.Huber(delta=0.5),
        metrics.MeanMetricWrapper(losses.mean_squared_error, name="x"),
        metrics.AUC(thresholds=[0.5]),
        optimizers.Adam(optimizers.schedules.CosineDecay(0.1, 5)),
        Sequential([layers.Input((3,)), layers.Dense(2)]),
    ],
    ids=lambda obj: type(obj).__name__,
)
def test_configs_of_today_stay_as_they_are(obj):
    config = serialize_keras_object(obj)
    modern, migration = modernize(config)
    assert modern == config and not migration.notes and not migration.lost


def test_a_graph_of_today_stays_as_it_is():
    x = layers.Input((3,), name="x")
    h = layers.Dense(3)(x)
    config = serialize_keras_object(Model(x, layers.Dense(2)(h * 2.0 + h[:, :1])))
    modern, migration = modernize(config)
    assert modern == config and not migration.notes


def test_settings_that_nobody_knows_are_left_out_and_told():
    config = {"module": "keras.layers", "class_name": "Dense", "registered_name": None,
              "config": {"units": 3, "from_the_future": [1], "also": None}}  # fmt: skip
    modern, migration = modernize(config)
    assert modern["config"] == {"units": 3}
    assert migration.lost == ["Dense.from_the_future = [1]"]


def test_older_settings():
    def layer(kind, **config):
        return modernize({"class_name": kind, "config": config})[0]["config"]

    assert layer("BatchNormalization", axis=[3]) == {"axis": 3}
    assert layer("InputLayer", batch_input_shape=[None, 4]) == {"batch_shape": [None, 4]}
    assert layer("Dense", batch_input_shape=[None, 4]) == {"input_shape": [4]}
    assert layer("Dropout", p=0.5) == {"rate": 0.5}
    assert layer("LSTM", units=2, implementation=2, time_major=False) == {"units": 2}
    policy = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
    assert layer("Dense", units=1, dtype=policy)["dtype"] == "mixed_float16"
    size = {"class_name": "__tuple__", "items": [3, 3]}
    assert layer("Conv2D", kernel_size=size)["kernel_size"] == [3, 3]


def test_what_says_no_package_gets_that_of_its_place():
    initializer = {"class_name": "GlorotUniform", "config": {"seed": None}}
    modern, _ = modernize(
        {"class_name": "Dense", "config": {"units": 1, "kernel_initializer": initializer}}
    )
    assert modern["module"] == "keras.layers"
    assert modern["config"]["kernel_initializer"]["module"] == "keras.initializers"


def test_arguments_of_compile():
    config = {
        "loss": {"class_name": "BinaryCrossentropy", "config": {"reduction": "auto", "fn": "x"}},
        "metrics": ["accuracy"],
        "sample_weight_mode": None,
        "steps_per_execution": None,
        "optimizer_config": {
            "class_name": "Custom>SGD",
            "config": {"lr": 0.5, "decay": 0.1, "jit_compile": True, "is_legacy_optimizer": False},
        },
    }
    modern, migration = modern_compile(config, {})
    assert modern["loss"]["module"] == "keras.losses"
    assert modern["loss"]["config"] == {"reduction": "sum_over_batch_size"}
    assert modern["metrics"] == ["accuracy"] and "steps_per_execution" not in modern
    optimizer = modern["optimizer"]
    assert (optimizer["module"], optimizer["class_name"]) == ("keras.optimizers", "SGD")
    schedule = optimizer["config"]["learning_rate"]
    assert schedule["class_name"] == "InverseTimeDecay"
    assert schedule["config"]["initial_learning_rate"] == 0.5
    assert migration.notes == [
        "SGD: lr is called learning_rate", "SGD: decay is the schedule InverseTimeDecay"
    ]  # fmt: skip


def test_the_names_of_metrics_lose_those_of_their_outputs():
    def metric(name):
        return {"class_name": "MeanMetricWrapper", "config": {"name": name, "fn": "mse"}}

    model = {"config": {"output_layers": [["a", 0, 0], ["b", 0, 0]]}}
    config = {"loss": "mse", "metrics": [[None], [metric("b_mse")]]}
    modern, _ = modern_compile(config, model)
    assert [[m["config"]["name"] for m in e] for e in modern["metrics"]] == [[], ["mse"]]


# ---- graphs of Keras 2 --------------------------------------------------------------------------


def test_calls_and_ends():
    config = {
        "layers": [
            entry("InputLayer", [], name="a", batch_input_shape=[None, 3]),
            entry("Add", [[["a", 0, 0, {}], ["a", 0, 0, {"mask": ["a", 0, 0]}]]], name="sum"),
        ],
        "input_layers": [["a", 0, 0]],
        "output_layers": [["sum", 0, 0]],
    }
    modern, is_old = modern_graph(config)
    (call,) = modern["layers"][1]["inbound_nodes"]
    assert is_old and [history(t) for t in call["args"][0]] == [["a", 0, 0]] * 2
    assert modern["input_layers"] == ["a", 0, 0] and modern["output_layers"] == ["sum", 0, 0]
    assert modern_graph(modern) == (modern, False)


def test_a_model_inside_counts_its_calls_from_one():
    inner = {"class_name": "Sequential", "config": {}, "name": "inner",
             "inbound_nodes": [[["a", 0, 0, {}]], [["inner", 1, 0, {}]]]}  # fmt: skip
    config = {
        "layers": [entry("InputLayer", [], name="a"), inner],
        "input_layers": [["a", 0, 0]],
        "output_layers": [["inner", 2, 0]],
    }
    modern, _ = modern_graph(config)
    first, second = modern["layers"][1]["inbound_nodes"]
    assert history(second["args"][0]) == ["inner", 0, 0]
    assert modern["output_layers"] == ["inner", 1, 0]


def test_the_state_of_a_recurrent_layer_stood_behind_its_input():
    config = {
        "layers": [
            entry("InputLayer", [], name="x"), entry("InputLayer", [], name="h"),
            entry("GRU", [[["x", 0, 0, {}], ["h", 0, 0, {}]]], name="gru", units=2),
        ],
        "input_layers": [["x", 0, 0], ["h", 0, 0]],
        "output_layers": [["gru", 0, 0]],
    }  # fmt: skip
    (call,) = modern_graph(config)[0]["layers"][2]["inbound_nodes"]
    assert history(call["args"][0]) == ["x", 0, 0]
    assert [history(t) for t in call["kwargs"]["initial_state"]] == [["h", 0, 0]]


def test_functions_of_tensorflow():
    def graph(function, call):
        return {
            "layers": [entry("InputLayer", [], name="x"),
                       entry("TFOpLambda", [call], name="f", function=function)],
            "input_layers": [["x", 0, 0]],
            "output_layers": [["f", 0, 0]],
        }  # fmt: skip

    kwargs = {"axis": -1, "keepdims": True, "name": None}
    modern, _ = modern_graph(graph("math.reduce_mean", ["x", 0, 0, kwargs]))
    made = modern["layers"][1]
    assert made["class_name"] == "Mean"
    assert made["config"] == {"name": "f", "axis": -1, "keepdims": True}
    assert [history(t) for t in made["inbound_nodes"][0]["args"]] == [["x", 0, 0]]
    with pytest.raises(ValueError, match=r"math\.reduce_mea.*no operation(.*\n)*.*reduce_mean"):
        modern_graph(graph("math.reduce_mea", ["x", 0, 0, {}]))
