"""Hostile configs: name -> (a change of an honest config, the error, words of its message).

`sequential()` and `graph()` are what an honest file holds; a change edits them in place or returns
what stands in the file instead, as JSON values or as text.
"""

import base64
import json
import marshal
from collections.abc import Callable
from typing import Any

UNSAFE, VALUE, TYPE = "UnsafeFileError", "ValueError", "TypeError"
Change = Callable[[dict[str, Any]], Any]


def layer(class_name: str, name: str, module: str = "keras.layers", **config: Any) -> dict:
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": name, **config},
        "registered_name": None,
    }


def start(*shape: int | None) -> dict:
    return layer("InputLayer", "start", batch_shape=[None, *(shape or (4,))], dtype="float32")


def sequential(*layers: dict) -> dict:
    inner = list(layers) or [start(), layer("Dense", "h1", units=3), layer("Dense", "out", units=2)]
    return layer("Sequential", "small", "keras", layers=inner)


def tensor(name: str, node: Any = 0, index: Any = 0) -> dict:
    config = {"shape": [None, 4], "dtype": "float32", "keras_history": [name, node, index]}
    return {"class_name": "__keras_tensor__", "config": config}


def called(entry: dict, *calls: list) -> dict:
    nodes = [{"args": args, "kwargs": {}} for args in calls]
    return {**entry, "name": entry["config"]["name"], "inbound_nodes": nodes}


def graph(*entries: dict, end: str = "out", name: str = "small") -> dict:
    inner = [
        called(start()),
        *(entries or [called(layer("Dense", "out", units=2), [tensor("start")])]),
    ]
    made = layer(
        "Functional",
        name,
        "keras.src.models.functional",
        layers=inner,
        input_layers=[["start", 0, 0]],
        output_layers=[[end, 0, 0]],
    )
    return {**made, "registered_name": "Functional"}


# ---- code --------------------------------------------------------------------------------------

_CODE = base64.b64encode(marshal.dumps(compile("0", "x", "eval"))).decode()
NEW = {"class_name": "__lambda__", "config": {"code": _CODE, "defaults": None, "closure": None}}
OLD = [_CODE, None, None]


def put(key: str, value: Any, at: int = 1) -> Change:
    def change(config: dict) -> None:
        config["config"]["layers"][at]["config"][key] = value

    return change


def replace(entry: Any, at: int = 1) -> Change:
    def change(config: dict) -> None:
        config["config"]["layers"][at] = entry

    return change


def compiled(**arguments: Any) -> Change:
    def change(config: dict) -> None:
        config["compile_config"] = {"optimizer": "sgd", "loss": "mse", **arguments}

    return change


def nested(entry: dict, levels: int) -> dict:
    for i in range(levels):
        entry = sequential(entry)
        entry["config"]["name"] = f"level_{i}"
    return entry


def instead(value: Any) -> Change:
    return lambda config: value


RELU = {
    "module": "builtins",
    "class_name": "function",
    "config": "relu",
    "registered_name": "function",
}

CODE: dict[str, tuple[Change, str, str]] = {
    "code in a Lambda": (replace(layer("Lambda", "f", function=NEW)), UNSAFE, "'f'.*lambda"),
    "code of Keras 2": (
        replace(layer("Lambda", "f", function=OLD, function_type="lambda")),
        UNSAFE,
        "'f'.*lambda",
    ),
    "code of Keras 2 without its type": (
        replace(layer("Lambda", "f", function=OLD)),
        UNSAFE,
        "'f'.*lambda",
    ),
    "code for the shape of a Lambda": (
        replace(layer("Lambda", "f", function=RELU, output_shape=NEW)),
        UNSAFE,
        "'f'.*lambda",
    ),
    "code for the mask of a Lambda": (
        replace(layer("Lambda", "f", function=RELU, mask=NEW)),
        UNSAFE,
        "'f'.*lambda",
    ),
    "code of Keras 2 for the shape": (
        replace(layer("Lambda", "f", function=RELU, output_shape_type="lambda")),
        UNSAFE,
        "'f'",
    ),
    "code as an initializer": (put("kernel_initializer", NEW), UNSAFE, "'h1'.*lambda"),
    "code as an activation": (put("activation", NEW), UNSAFE, "'h1'.*lambda"),
    "code as a loss": (compiled(loss=NEW), UNSAFE, "lambda"),
    "code among the metrics": (compiled(metrics=[["mae", NEW]]), UNSAFE, "lambda"),
    "code ten levels down": (
        replace(nested(layer("Lambda", "f", function=NEW), 10)),
        UNSAFE,
        "'f'.*lambda",
    ),
    "code in the arguments of a Lambda": (
        replace(layer("Lambda", "f", function=RELU, arguments={"a": {"b": [NEW]}})),
        UNSAFE,
        "'f'",
    ),
    "code where the shape stands": (put("batch_shape", NEW, at=0), UNSAFE, "lambda"),
    "code where the class stands": (
        lambda c: c.update(class_name=NEW),
        UNSAFE,
        "not named by text",
    ),
}

# The pickle of a class that nobody should find, as PyTorch puts it into a text.
PICKLE = {"class_name": "__bytes__", "config": {"value": "\x80\x04cos\nsystem\n."}}

# ---- names -------------------------------------------------------------------------------------


def named(module: Any, class_name: Any, config: Any = None, registered: Any = None) -> Change:
    entry = {"module": module, "class_name": class_name, "registered_name": registered}
    return replace({**entry, "config": {"name": "x"} if config is None else config})


NAMES: dict[str, tuple[Change, str, str]] = {
    **{
        f"class {module}.{name}": (named(module, name), TYPE, "No class is known")
        for module, name in [
            ("os", "system"),
            ("posix", "system"),
            ("subprocess", "Popen"),
            ("builtins", "eval"),
            ("builtins", "exec"),
            ("pickle", "loads"),
            ("marshal", "loads"),
            ("shutil", "rmtree"),
            ("importlib", "import_module"),
            ("antigravity", "x"),
            ("this", "x"),
            ("keras.utils", "get_file"),
            ("keras.config", "enable_unsafe_deserialization"),
            ("keras.saving", "load_model"),
            ("keras.src.saving.serialization_lib", "SafeModeScope"),
            ("keras.src.backend.torch.core", "Variable"),
            ("keras_hub.layers", "X"),
            ("keras_cv.layers", "X"),
            ("keras.src.utils.file_utils", "get_file"),
            ("keras.layers", "os.system"),
            ("cornu.utils.files", "get_file"),
            ("keras.layers", "../Dense"),
            ("keras.layers", "D\u0435nse"),
            ("keras.layers", "Dense\x00"),
            ("keras.layers", ""),
            ("keras.layers", "dense"),
            ("keras.layers", "__class__"),
            ("keras.layers", "d" * 10**6),
            ("keras.layers.Dense.__init__", "__globals__"),
            ("keras.layers", "Layer.__subclasses__"),
        ]
    },
    "a class that runs a program of TensorFlow": (
        named("keras.layers", "TFSMLayer", {"name": "x", "filepath": "/tmp/x"}),
        "NotImplementedError",
        "does not run",
    ),
    "a class that unpickles a program of PyTorch": (
        named("keras.layers", "TorchModuleWrapper", {"module": PICKLE, "name": "x"}),
        f"NotImplementedError|{TYPE}|{VALUE}",
        "",
    ),
    "a function of jax by a pickle": (
        named("keras.layers", "JaxLayer", {"name": "x", "call_fn": PICKLE, "params": {}}),
        f"{TYPE}|{VALUE}",
        "",
    ),
    "a module of flax by a pickle": (
        named("keras.layers", "FlaxLayer", {"name": "x", "module": PICKLE}),
        f"{TYPE}|{VALUE}",
        "",
    ),
    "a module that is a list": (named(["keras"], "Dense"), UNSAFE, "not named by text"),
    "a module that is an object": (named({"a": 1}, "Dense"), UNSAFE, "not named by text"),
    "a class that is a number": (named("keras.layers", 3), UNSAFE, "not named by text"),
    "a class that is a list": (named("keras.layers", ["Dense"]), UNSAFE, "not named by text"),
    "a class that is nothing": (named("keras.layers", None), UNSAFE, "not named by text"),
    "a built-in in the place of a registered class": (
        named("keras.layers", "Dense", {"units": 3}, "evil>Dense"),
        f"{VALUE}|{TYPE}",
        "evil>Dense",
    ),
    "a registered name that is a list": (
        named("keras.layers", "Dense", {"units": 3}, ["x"]),
        UNSAFE,
        "not named by text",
    ),
    **{
        f"function {name}": (put("activation", {**RELU, "config": name}), TYPE, "No function")
        for name in [
            "eval",
            "exec",
            "os.system",
            "get_file",
            "load_model",
            "__import__",
            "open",
            "enable_unsafe_deserialization",
            "builtins>eval",
        ]
    },
    **{
        f"string {name}": (put("activation", name), VALUE, "activation")
        for name in ["eval", "os.system", "__import__('os')", "keras.utils.get_file", "r\u0435lu"]
    },
    "a function by its class": (
        put("activation", {"module": "os", "class_name": "system", "config": "id"}),
        f"{TYPE}|{VALUE}",
        "",
    ),
    "a node of a graph that is no layer": (
        instead(graph(called(layer("Adam", "out", "keras.optimizers"), [tensor("start")]))),
        UNSAFE,
        "where only layers belong",
    ),
    "a node of a graph that is a function": (
        instead(graph(called(layer("function", "out", "builtins"), ["id"]))),
        f"{TYPE}|{VALUE}",
        "",
    ),
}

SLOTS: dict[str, tuple[Change, str, str]] = {
    "a layer as an initializer": (
        put("kernel_initializer", layer("Dense", "x", units=1)),
        UNSAFE,
        "only initializers",
    ),
    "an optimizer as an activation": (
        put("activation", layer("SGD", "x", "keras.optimizers")),
        UNSAFE,
        "only activations",
    ),
    "a model as an optimizer": (compiled(optimizer=sequential()), UNSAFE, "only optimizers"),
    "a layer among the metrics": (
        compiled(metrics=[layer("Dense", "x", units=1)]),
        UNSAFE,
        "only metrics",
    ),
    "a layer as a loss of an output": (
        compiled(loss={"out": layer("Dense", "x", units=1)}),
        UNSAFE,
        "only losses",
    ),
    "a loss as a layer": (
        replace(layer("MeanSquaredError", "x", "keras.losses")),
        UNSAFE,
        "only layers",
    ),
    "an initializer as a constraint": (
        put("kernel_constraint", layer("Zeros", "x", "keras.initializers")),
        UNSAFE,
        "only constr",
    ),
    "a layer as a dtype": (put("dtype", layer("Dense", "x", units=1)), UNSAFE, "only dtype"),
    "a layer as a learning rate": (
        compiled(
            optimizer=layer(
                "SGD", "x", "keras.optimizers", learning_rate=layer("Dense", "y", units=1)
            )
        ),
        UNSAFE,
        "only optimizers",
    ),
}

FILES: dict[str, tuple[Change, str, str]] = {
    **{
        f"{key} of {kind} from {place}": (
            replace(layer(kind, "words", **{key: place})),
            UNSAFE,
            "'words'.*names a file",
        )
        for kind in ("StringLookup", "IntegerLookup", "TextVectorization")
        for key, place in [
            ("vocabulary", "/etc/passwd"),
            ("vocabulary", "http://127.0.0.1:9/v"),
            ("idf_weights", "file:///etc/passwd"),
            ("vocabulary", ""),
        ]
    },
}

# ---- memory and time ---------------------------------------------------------------------------


def twice(levels: int) -> dict:
    """A model that calls a model twice, which calls one twice, ..."""
    made = graph()
    for i in range(levels):
        made["config"]["name"] = "inner"
        inner = called(made, [tensor("start")], [tensor("start")])
        out = called(layer("Add", "out"), [[tensor("inner", 0), tensor("inner", 1)]])
        made = graph(inner, out, name=f"level_{i}")
    return made


def doubling(levels: int) -> dict:
    """One graph in which each layer takes the layer before twice: short to trace, too."""
    names = ["start", *(f"add_{i}" for i in range(levels))]
    entries = [
        called(layer("Add", name), [[tensor(before), tensor(before)]])
        for before, name in zip(names, names[1:], strict=False)
    ]
    return graph(*entries, end=names[-1])


def deep(levels: int, start_: str = "[", end: str = "]") -> str:
    return json.dumps(sequential())[:-1] + ', "x": ' + start_ * levels + "0" + end * levels + "}"


def text(change: Callable[[str], Any]) -> Change:
    return lambda config: change(json.dumps(config))


HUGE = 10**10
MEMORY: dict[str, tuple[Change, str, str]] = {
    **{
        f"units={units}": (put("units", units), UNSAFE, "memory")
        for units in (2**31, 10**9, HUGE, 2**62, 2**64, 10**40)
    },
    **{
        f"units={units!r}": (put("units", units), f"{VALUE}|{TYPE}", "")
        for units in (-5, 0, 1e308, float("nan"), float("inf"), "3", [3], {"a": 3}, None)
    },
    "units of 5000 digits": (
        text(lambda t: t.replace('"units": 3', '"units": ' + "9" * 5000)),
        UNSAFE,
        "long number",
    ),
    "units of 1e400": (text(lambda t: t.replace('"units": 3', '"units": 1e400')), VALUE, ""),
    "a huge input": (put("batch_shape", [None, HUGE], at=0), UNSAFE, "memory"),
    "a square of units": (
        instead(sequential(start(5, 4), layer("LSTM", "r", units=3_000_000))),
        UNSAFE,
        "'?r?.*mem",
    ),
    "a square of units in Bidirectional": (
        instead(
            sequential(
                start(5, 4), layer("Bidirectional", "b", layer=layer("GRU", "r", units=2_000_000))
            )
        ),
        UNSAFE,
        "memory",
    ),
    "a square in TimeDistributed": (
        instead(
            sequential(
                start(5, 3_000_000),
                layer("TimeDistributed", "t", layer=layer("Dense", "d", units=3_000_000)),
            )
        ),
        UNSAFE,
        "memory",
    ),
    "an embedding": (
        instead(sequential(start(5), layer("Embedding", "e", input_dim=10**6, output_dim=10**6))),
        UNSAFE,
        "memory",
    ),
    "a kernel of a convolution": (
        instead(
            sequential(
                start(9, 9, 1000),
                layer("Conv2D", "c", filters=1000, kernel_size=[9999, 9999], padding="same"),
            )
        ),
        UNSAFE,
        "memory",
    ),
    "filters": (
        instead(sequential(start(9, 9, 3), layer("Conv2D", "c", filters=10**9, kernel_size=3))),
        UNSAFE,
        "memory",
    ),
    "heads of attention": (
        instead(
            graph(
                called(
                    layer("MultiHeadAttention", "out", num_heads=4_000_000, key_dim=4_000_000),
                    [tensor("start"), tensor("start")],
                )
            )
        ),
        f"{UNSAFE}|{VALUE}",
        "",
    ),
    "statistics of a normalization": (
        instead(sequential(start(5, HUGE), layer("BatchNormalization", "n"))),
        UNSAFE,
        "memory",
    ),
    "many large layers": (
        instead(sequential(start(), *(layer("Dense", f"d{i}", units=3000) for i in range(500)))),
        UNSAFE,
        "memory",
    ),
    "the matrix of a metric": (
        compiled(metrics=[layer("MeanIoU", "m", "keras.metrics", num_classes=10**6)]),
        UNSAFE,
        "memory",
    ),
    "the thresholds of a metric": (
        compiled(metrics=[layer("AUC", "m", "keras.metrics", num_thresholds=10**9)]),
        UNSAFE,
        "memory|far more work",
    ),
    "a model inside a model": (
        replace(nested(layer("Dense", "d", units=2**40), 6)),
        UNSAFE,
        "memory",
    ),
    "a class of the user's": (
        replace(
            {
                "module": None,
                "class_name": "Greedy",
                "registered_name": "hostile>Greedy",
                "config": {"name": "g", "size": 10**6},
            }
        ),
        UNSAFE,
        "memory",
    ),
    "a model of the user's": (
        instead(
            {
                "module": None,
                "class_name": "GreedyModel",
                "config": {"size": 10**6},
                "registered_name": "hostile>GreedyModel",
                "build_config": {"input_shape": [None, 4]},
            }
        ),
        UNSAFE,
        "memory",
    ),
    "a shape in the build config": (
        instead(
            {
                **sequential(layer("Dense", "d", units=1000)),
                "build_config": {"input_shape": [None, HUGE]},
            }
        ),
        UNSAFE,
        "memory",
    ),
    "an array of long texts": (
        replace(
            layer(
                "Rescaling",
                "x",
                scale={
                    "class_name": "__numpy__",
                    "config": {"value": ["a"] * 9, "dtype": "S999999999"},
                },
            )
        ),
        UNSAFE,
        "not of numbers",
    ),
    "an array of objects": (
        put("units", {"class_name": "__numpy__", "config": {"value": [1], "dtype": "object"}}),
        UNSAFE,
        "not of numbers",
    ),
    "a call that takes no tensor": (
        instead(
            graph(called(layer("Repeat", "out", "keras.src.ops.numpy", repeats=10**11), [1.0]))
        ),
        f"{VALUE}|{TYPE}",
        "",
    ),
    "a model twice in a model twice in a model": (instead(twice(16)), UNSAFE, "too many calls"),
    "250,000 layers": (
        instead(sequential(start(), *[layer("Flatten", "f")] * 250_000)),
        UNSAFE,
        "too many|far m",
    ),
    "300 models called 14 times of 60 layers": (
        instead(
            graph(
                *[
                    called(
                        sequential(start(), *[layer("Flatten", "f")] * 60),
                        *[[tensor("start")]] * 14,
                    )
                ]
                * 300
            )
        ),
        UNSAFE,
        "too many|far more work",
    ),
    "10,000,000 layers": (
        text(lambda t: t[:-1] + ', "x": [' + "0," * 10**7 + "0]}"),
        UNSAFE,
        "too many values|far m",
    ),
    "lists nested 5,000 deep": (text(lambda t: deep(5_000)), UNSAFE, "too deeply"),
    "lists nested 200,000 deep": (text(lambda t: deep(200_000)), UNSAFE, "too deeply"),
    "objects nested 700 deep": (text(lambda t: deep(700, '{"a":', "}")), UNSAFE, "too deeply"),
    "200 MiB of blanks": (text(lambda t: t + " " * (200 << 20)), UNSAFE, "far more|too large"),
    "a text of 60 MB": (
        text(lambda t: t[:-1] + ', "x": "' + "a" * (60 << 20) + '"}'),
        "ok|" + UNSAFE,
        "",
    ),
}


def op(
    class_name: str, *args: Any, shape: tuple = (4,), module: str = "numpy", **config: Any
) -> Change:
    """A graph of one operation, on an input of a given shape."""
    inner = graph(called(layer(class_name, "out", f"keras.src.ops.{module}", **config),
                         [tensor("start"), *args]))  # fmt: skip
    inner["config"]["layers"][0] = called(start(*shape))
    return instead(inner)


def one(entry: dict, shape: tuple = (4,), **kwargs: Any) -> Change:
    """A graph of one layer, called with some arguments."""
    made = graph({**called(entry, [tensor("start")]), "name": "out"})
    made["config"]["layers"][0] = called(start(*shape))
    made["config"]["layers"][1]["inbound_nodes"][0]["kwargs"] = kwargs
    return instead(made)


def backwards(levels: int) -> dict:
    """A chain of layers, listed from its end."""
    names = ["start", *(f"f_{i}" for i in range(levels)), "out"]
    chain = [
        called(layer("Flatten", name), [tensor(before)])
        for before, name in zip(names, names[1:], strict=False)
    ]
    return graph(*reversed(chain))


_POINTS = {"class_name": "__numpy__", "config": {"value": [[0.5]] * 25, "dtype": "float32"}}
_STACK = layer("StackedRNNCells", "s", cells=[layer("GRUCell", "c", units=1)] * 10_000)
_WORK = "far more work|memory|unpacks"
WORK: dict[str, tuple[Change, str, str]] = {
    name: (change, UNSAFE, _WORK)
    for name, change in {
        "ten million differences": op("Diff", n=10**7),
        "a million parts of HSplit": op("Hsplit", shape=(10**6,), indices_or_sections=10**6),
        "a million parts of Split": op("Split", shape=(10**6,), indices_or_sections=10**6, axis=1),
        "a million parts of ArraySplit": op(
            "ArraySplit", shape=(10**6,), indices_or_sections=10**6, axis=1
        ),
        "a list of parts": op(
            "Split", shape=(10**6,), indices_or_sections=list(range(1, 600_000)), axis=1
        ),
        "an axis unstacked": op("Unstack", shape=(10**6,), module="core", axis=1),
        "windows of an adaptive pooling": op(
            "AdaptiveAveragePool", shape=(10**5, 1), module="nn", output_size=[10**5 - 1]
        ),
        "windows of a huge adaptive pooling": op(
            "AdaptiveMaxPool", shape=(10**9, 1), module="nn", output_size=[10**9 - 1]
        ),
        "corners of 25 axes": op(
            "MapCoordinates", _POINTS, shape=(2,) * 24, module="image", order=1
        ),
        "pieces of a sequence": op(
            "ExtractSequences", shape=(10**9,), module="math", sequence_length=10**8,
            sequence_stride=1,
        ),  # fmt: skip
        "a window of a transform": op(
            "STFT", module="math", sequence_length=10**9, sequence_stride=1, fft_length=10**10
        ),
        "taps of a blur": op(
            "GaussianBlur", shape=(4, 4, 3), module="image", kernel_size=[30_001] * 2, sigma=[1, 1]
        ),
        "taps of a warp": op(
            "ElasticTransform", shape=(4, 4, 3), module="image", alpha=1e30, sigma=1e6
        ),
        "iterations of a power": one(
            layer("SpectralNormalization", "out", power_iterations=10**7,
                  layer=layer("Dense", "d", units=3)), training=True,
        ),  # fmt: skip
        "counts of a pooling": one(
            layer("AveragePooling1D", "out", pool_size=2, strides=1, padding="same"), (10**10, 1)
        ),
        "cells in a stack": instead(
            sequential(start(5, 4), layer("RNN", "r", cell=_STACK))
        ),
        "thresholds in a list": compiled(
            metrics=[layer("AUC", "m", "keras.metrics", thresholds=[0.5] * 10**6)]
        ),
        "30,000 names that nobody knows": instead(
            sequential(start(), *[layer(f"Dense{'x' * 30}{i}", "h1") for i in range(30_000)])
        ),
        "10,000 layers of one unit": instead(
            sequential(start(1), *[layer("Dense", f"d{i}", units=1) for i in range(10_000)])
        ),
        "10,000 operations": instead(
            graph(
                *(
                    called(layer("Absolute", f"a{i}", "keras.src.ops.numpy"), [tensor("start")])
                    for i in range(10_000)
                ),
                end="a9999",
            )
        ),
        "patterns of many layers": instead(
            sequential(
                start(),
                *[layer("Flatten", "f" * 200)] * 300,
                layer("Dense", "d", units=3, dtype={
                    "module": "keras.dtype_policies", "class_name": "DTypePolicyMap",
                    "registered_name": None,
                    "config": {"default_policy": "float32",
                               "policy_map": {f"({'a?' * 300}|b{i}){{2}}": "float32"
                                              for i in range(300)}}}),
            )
        ),
    }.items()
}  # fmt: skip
WORK["400 layers listed backwards"] = (instead(backwards(400)), "ok", "")

GRAMMAR: dict[str, tuple[Change, str, str]] = {
    "a key twice": (
        text(lambda t: t[:-1] + ', "class_name": "Sequential"}'),
        UNSAFE,
        "same key twice",
    ),
    "half a text": (text(lambda t: t[: len(t) // 2]), VALUE, "not valid JSON"),
    "no text": (text(lambda t: ""), VALUE, "not valid JSON"),
    "not UTF-8": (text(lambda t: b"\xff\xfe" + t.encode("utf-16-le")), VALUE, "UTF-8|JSON|codec"),
    "a byte-order mark": (text(lambda t: b"\xef\xbb\xbf" + t.encode()), VALUE, "JSON"),
    "a number": (instead(3), f"{VALUE}|{TYPE}", ""),
    "a list": (instead([1, 2]), f"{VALUE}|{TYPE}", ""),
    "nothing": (text(lambda t: "null"), f"{VALUE}|{TYPE}", ""),
    "an empty object": (instead({}), f"{VALUE}|{TYPE}", ""),
    "a layer instead of a model": (
        instead(layer("Dense", "d", units=1)),
        VALUE,
        "must describe a model",
    ),
    "layers that are a number": (lambda c: c["config"].update(layers=3), f"{VALUE}|{TYPE}", ""),
    "layers that are texts": (
        lambda c: c["config"].update(layers=["Dense"]),
        f"{VALUE}|{TYPE}",
        "",
    ),
    "a config that is a list": (lambda c: c.update(config=[1]), f"{VALUE}|{TYPE}", ""),
    "a config that is a text": (lambda c: c.update(config="x"), f"{VALUE}|{TYPE}", ""),
    "a layer without a config": (
        replace({"module": "keras.layers", "class_name": "Dense"}),
        f"{VALUE}|{TYPE}",
        "",
    ),
    "a name that is half a character": (put("name", "\ud800"), f"ok|{VALUE}|{TYPE}", ""),
    "a name with slashes": (put("name", "../../x"), VALUE, ""),
    "a name that is a list": (put("name", ["x"]), f"{VALUE}|{TYPE}", ""),
    "a number of a shared object that is its own": (
        lambda c: (
            c.update(shared_object_id=1) or c["config"]["layers"][1].update(shared_object_id=1)
        ),
        f"ok|{VALUE}|{TYPE}",
        "",
    ),
    "a dtype of another kind": (put("dtype", "S100"), f"{VALUE}|{TYPE}", ""),
    "layers that call each other": (
        instead(
            graph(
                called(layer("Dense", "a", units=4), [tensor("out")]),
                called(layer("Dense", "out", units=4), [tensor("a")]),
            )
        ),
        VALUE,
        "made by no layer",
    ),
    "a layer that calls itself": (
        instead(graph(called(layer("Dense", "out", units=4), [tensor("out")]))),
        VALUE,
        "made by no layer",
    ),
    "a call from nowhere": (
        instead(graph(called(layer("Dense", "out", units=4), [tensor("x")]))),
        VALUE,
        "'x'",
    ),
    "a call number below zero": (
        instead(graph(called(layer("Dense", "out", units=4), [tensor("start", -7)]))),
        VALUE,
        "",
    ),
    "a tensor number beyond": (
        instead(graph(called(layer("Dense", "out", units=4), [tensor("start", 0, 10**30)]))),
        VALUE,
        "",
    ),
    "a history of texts": (
        instead(graph(called(layer("Dense", "out", units=4), [tensor("start", "a", "b")]))),
        f"{VALUE}|{TYPE}",
        "",
    ),
    "500 layers that each take the one before twice": (instead(doubling(500)), "ok", ""),
}

# More than an attribute of HDF5 holds.
LARGE = (
    "200 MiB",
    "a text of 60 MB",
    "10,000,000",
    "250,000",
    "300 models",
    "many large",
    "lists nested 200,000",
    "class keras.layers.ddd",
    "a model twice",
    "500 layers",
    "400 layers",
    "30,000 names",
    "10,000 ",
    "a list of parts",
    "thresholds in a list",
    "cells in a stack",
    "patterns of many",
)

CONFIGS = {**CODE, **NAMES, **SLOTS, **FILES, **MEMORY, **WORK, **GRAMMAR}


def written(change: Change) -> bytes:
    """The bytes of config.json for a change."""
    config: Any = sequential()
    changed = change(config)
    value = config if changed is None else changed
    if isinstance(value, bytes):
        return value
    return (
        value.encode("utf-8", "surrogatepass")
        if isinstance(value, str)
        else json.dumps(value).encode()
    )
