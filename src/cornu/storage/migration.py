"""Migration: configs of other versions are converted to the current format before loading.

    written by            what is different                        becomes
    --------------------  ---------------------------------------  ---------------------------------
    Keras 1 and 2         [["x", 0, 0, {"mask": ["m", 0, 0]}]]     {"args": [<x>], "kwargs": ...}
                          batch_input_shape                        batch_shape, or input_shape
                          axis [3], dtype {"Policy"}, __tuple__    3, its name, a list
                          lr, decay, alpha, reduction "auto", ...  today's names and values
                          TFOpLambda "math.multiply"               the operation Multiply
    Keras 2.12 to 2.15    module "keras.optimizers.experimental"   "keras.optimizers"
    Keras 3, legacy .h5   no modules, operations like layers       modules from the places
    later than this one   settings nobody knows here               left out, and named in the report

JSON goes in and JSON comes out; names are only looked up in the closed table, nothing is made.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from cornu.core.graph.op import TABLE
from cornu.core.objects import registry
from cornu.core.objects.configurable import Configurable, config_names
from cornu.storage.older_graphs import modern_graph, names_of_outputs
from cornu.types import Config


@dataclass
class Migration:
    """What was changed on the way.

    Attributes:
        notes: changes without loss, once each.
        lost: settings that this version does not know, which are left out.
    """

    notes: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


# What stands in a place of this name is of this package, where a file does not say it.
_PLACES = {
    "initializer": "keras.initializers",
    "regularizer": "keras.regularizers",
    "constraint": "keras.constraints",
    "learning_rate": "keras.optimizers.schedules",
    "optimizer": "keras.optimizers",
    "loss": "keras.losses",
    "metrics": "keras.metrics",
}
_MOVED = ("keras.optimizers.experimental", "keras.optimizers.legacy", "keras.optimizers.optimizer")
# Classes that take settings beyond those that their constructor names.
_OPEN = ("LossFunctionWrapper", "MeanMetricWrapper", "Model", "JaxLayer", "FlaxLayer", "Lambda")
_OF_GRAPHS = ("name", "trainable", "dtype", "layers", "input_layers", "output_layers")
_LAYER_EXTRAS = ("input_shape", "input_dim", "batch_shape", "batch_size", "dtype")
# Older settings without which the numbers would be others: left to the constructor to refuse.
_DECISIVE = ("time_major",)
# Older settings that change nothing any more.
_WITHOUT_EFFECT = ("implementation", "jit_compile", "is_legacy_optimizer", "fn", "input_length",
                   "renorm_momentum", "keras_version", "dynamic",
                   "query_shape", "key_shape", "value_shape")  # fmt: skip
_UNUSED = {  # what Keras 2 wrote for a class that never read it
    "SeparableConv": ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "DepthwiseConv": ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
}
_RENAMED = {
    ("LeakyReLU", "alpha"): "negative_slope",
    ("Dropout", "p"): "rate",
    ("*", "lr"): "learning_rate",
}
_REDUCTIONS = {"auto": "sum_over_batch_size", "AUTO": "sum_over_batch_size", "NONE": "none",
               "SUM": "sum", "SUM_OVER_BATCH_SIZE": "sum_over_batch_size"}  # fmt: skip
_GRAPHS = ("Functional", "Model")


def modernize(config: Config, place: str = "layer") -> tuple[Any, Migration]:
    """Migrate a config to the current format.

    Args:
        config: JSON values; not changed.
        place: slot of the config, such as "loss", for names without a package.

    Returns:
        The new config, and a record of the changes.

    Example:

        >>> config = {"alpha": 0.5, "batch_input_shape": [None, 3]}
        >>> new, migration = modernize({"class_name": "LeakyReLU", "config": config})
        >>> new["config"]
        {'negative_slope': 0.5, 'input_shape': [3]}
        >>> migration.notes[0]
        'LeakyReLU: alpha is called negative_slope'
    """
    migration = Migration()
    return _value(config, place, migration), migration


def modern_compile(config: dict[str, Any], model: Any) -> tuple[dict[str, Any], Migration]:
    """The arguments of `compile` from the `training_config` of an .h5 file.

    Args:
        config: JSON values of `training_config`.
        model: config of the model, for the names of its outputs.
    """
    migration = Migration()
    arguments = {k: v for k, v in config.items() if k not in ("optimizer_config", "metrics")}
    arguments.pop("sample_weight_mode", None)
    arguments["optimizer"] = config.get("optimizer_config")
    outputs = names_of_outputs(model)
    arguments["metrics"] = _without_prefixes(config.get("metrics"), outputs)
    return _compile_config(arguments, migration), migration


def _without_prefixes(metrics: Any, outputs: list[str]) -> Any:
    """Keras 2 puts the output's name before the metric's, and so do we, when training starts."""
    nested = isinstance(metrics, list) and all(isinstance(m, list) for m in metrics)
    if not nested or len(outputs) < 2 or len(metrics) != len(outputs):
        return metrics

    def plain(metric: Any, output: str) -> Any:
        if not isinstance(metric, dict) or not isinstance(metric.get("config"), dict):
            return metric
        name = metric["config"].get("name")
        if not isinstance(name, str):
            return metric
        return {**metric, "config": {**metric["config"], "name": name.removeprefix(f"{output}_")}}

    return [
        [plain(m, output) for m in entry if m is not None]
        for entry, output in zip(metrics, outputs, strict=True)
    ]


def _value(value: object, place: str, migration: Migration) -> Any:
    if isinstance(value, list):
        return [_value(v, place, migration) for v in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("class_name")
    if kind in ("__tuple__", "TensorShape") and isinstance(value.get("items"), list):
        return _value(value["items"], place, migration)
    if isinstance(kind, str) and isinstance(value.get("config"), dict):
        return _object(dict(value), kind, place, migration)
    # A dict by names of outputs or inputs belongs to the same place as the whole.
    named = place in _PLACES and not _place_of("", value)
    return {
        k: _value(v, place if named else _place_of(k) or k, migration) for k, v in value.items()
    }


def _place_of(key: str, among: Iterable[str] = ()) -> str | None:
    """The entry of `_PLACES` that a key names: `kernel_initializer` is an initializer."""
    for name in _PLACES:
        if key == name or key.endswith(f"_{name}") or name in among:
            return name
    return None


def _object(value: dict[str, Any], kind: str, place: str, migration: Migration) -> Any:
    if kind.startswith("__"):
        return value
    module, config = value.get("module"), value["config"]
    if kind == "Policy":
        migration.note("a dtype policy of Keras 2 is named")
        return config.get("name", "float32")
    if isinstance(module, str) and module.startswith(_MOVED):
        value["module"] = module = "keras.optimizers"
    package = _PLACES.get(_place_of(place) or "", "keras.layers")
    if module is None and "registered_name" not in value:
        short = kind.removeprefix("Custom>")
        if short != kind and registry.find_custom(kind) is None:
            value["class_name"] = kind = short  # how Keras 2.11 to 2.15 write their optimizers
        if registry.find_custom(kind) is None:
            if kind in _GRAPHS and "input_layers" in config:
                value["class_name"] = kind = "Functional"
            elif place == "node" and _is_operation(kind, config):
                value["module"] = "keras.src.ops"
                return {**value, "config": _value(config, "", migration)}
            elif registry.builtin_classes(package).get(kind) is not None:
                value["module"] = package
    if "compile_config" in value:
        value["compile_config"] = _compile_config(value["compile_config"], migration)
    if str(module).startswith("keras.src.ops"):
        return {**value, "config": _value(config, "", migration)}
    if kind in _GRAPHS and "input_layers" in config:
        config, is_old = modern_graph(config)
        if is_old:
            migration.note("the calls of its layers are written as Keras 2 wrote them")
        config = {**config, "layers": [_entry(e, migration) for e in config["layers"]]}
        if registry.find_custom(value.get("registered_name") or kind) is None:
            config = _without_unknown(kind, config, _OF_GRAPHS, migration)
        return {**value, "config": config}
    config = {k: _value(v, _place_of(k) or k, migration) for k, v in config.items()}
    value["config"] = _settings(kind, value, config, migration)
    return value


def _compile_config(config: Config, migration: Migration) -> Any:
    """The arguments of `compile`; what Keras 2 left as None had its default."""
    config = _value(config, "compile", migration)
    if not isinstance(config, dict):
        return config
    options = ("steps_per_execution", "run_eagerly", "jit_compile")
    return {k: v for k, v in config.items() if v is not None or k not in options}


def _entry(entry: object, migration: Migration) -> Any:
    """A layer of a graph; its calls are in today's grammar already."""
    if not isinstance(entry, dict):
        return entry
    calls = {k: entry[k] for k in ("inbound_nodes", "name") if k in entry}
    made = _value({k: v for k, v in entry.items() if k not in calls}, "node", migration)
    return {**made, **calls} if isinstance(made, dict) else entry


def _is_operation(kind: str, config: dict[str, Any]) -> bool:
    """Whether a name without a module is an operation: layers say whether they are trainable."""
    is_layer = "trainable" in config or "batch_shape" in config or "batch_input_shape" in config
    return kind in TABLE and not is_layer


def _settings(
    kind: str, value: dict[str, Any], config: dict[str, Any], migration: Migration
) -> dict[str, Any]:
    """The settings of one object under today's names, those that nobody knows left out."""
    if registry.find_custom(value.get("registered_name") or kind) is not None:
        return config
    cls = registry.find_builtin(value.get("module") or "keras.layers", kind)
    if cls is None or not issubclass(cls, Configurable):
        return config
    known = {*config_names(cls), *cls._only_in_configs}
    known |= set(_LAYER_EXTRAS if hasattr(cls, "call") else ())
    if kind == "Sequential":
        known |= {"layers", "build_input_shape"}
    for old, new in _replaced(kind, config, known):
        config = {new if k == old else k: v for k, v in config.items()}
        migration.note(f"{kind}: {old} is called {new}")
    for key, change in _CHANGES.items():
        if key in config:
            config = change(kind, config, known, migration)
    if kind in _OPEN:
        return config
    return _without_unknown(kind, config, known, migration)


def _without_unknown(
    kind: str, config: dict[str, Any], known: Iterable[str], migration: Migration
) -> dict[str, Any]:
    """The settings of today; what is left out is noted, unless it changes nothing."""
    known = {*known, *(k for k in _DECISIVE if config.get(k))}
    unused = (*_WITHOUT_EFFECT, *_UNUSED.get(kind[:13], ()))
    for key in (k for k in config if k not in known):
        if config[key] not in (None, False) and key not in unused:
            migration.lost.append(f"{kind}.{key} = {config[key]!r}"[:200])
    return {k: v for k, v in config.items() if k in known}


def _replaced(kind: str, config: dict[str, Any], known: set[str]) -> list[tuple[str, str]]:
    return [
        (old, new)
        for (name, old), new in _RENAMED.items()
        if name in (kind, "*") and old in config and old not in known and new in known
        and new not in config
    ]  # fmt: skip


# ---- settings whose values changed ------------------------------------------------------------


def _input_shape(kind: str, config: dict, known: set[str], migration: Migration) -> dict:
    shape = config["batch_input_shape"]
    config = {k: v for k, v in config.items() if k != "batch_input_shape"}
    if kind == "InputLayer":
        return {**config, "batch_shape": shape}
    if isinstance(shape, list):
        config["input_shape"] = shape[1:]
    return config


def _axis(kind: str, config: dict, known: set[str], migration: Migration) -> dict:
    axis = config["axis"]
    if kind == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        return {**config, "axis": axis[0]}
    return config


def _reduction(kind: str, config: dict, known: set[str], migration: Migration) -> dict:
    before = config["reduction"]
    return {**config, "reduction": _REDUCTIONS.get(before, before) if before else before}


def _decay(kind: str, config: dict, known: set[str], migration: Migration) -> dict:
    """`decay` of Keras 2: the rate is `learning_rate / (1 + decay * step)`."""
    decay, rate = config["decay"], config.get("learning_rate")
    if "decay" in known or "learning_rate" not in known:
        return config
    config = {k: v for k, v in config.items() if k != "decay"}
    if decay and isinstance(rate, (int, float)):
        migration.note(f"{kind}: decay is the schedule InverseTimeDecay")
        config["learning_rate"] = {
            "module": "keras.optimizers.schedules",
            "class_name": "InverseTimeDecay",
            "config": {
                "initial_learning_rate": rate,
                "decay_steps": 1,
                "decay_rate": decay,
            },
            "registered_name": None,
        }
    return config


_CHANGES: dict[str, Callable[[str, dict, set[str], Migration], dict]] = {
    "batch_input_shape": _input_shape,
    "axis": _axis,
    "reduction": _reduction,
    "decay": _decay,
}
