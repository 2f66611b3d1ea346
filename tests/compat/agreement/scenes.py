"""Objects to look at, made the same way in either library: a scene yields names and objects."""

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np

X, Y = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")

# Arguments of classes that want more than numbers.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "IoU": {"num_classes": 2, "target_class_ids": [0]},
    "OneHotIoU": {"num_classes": 2, "target_class_ids": [0]},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "ExponentialDecay": {"initial_learning_rate": 1, "decay_steps": 2, "decay_rate": 0.5},
    "InverseTimeDecay": {"initial_learning_rate": 1, "decay_steps": 2, "decay_rate": 0.5},
    "PiecewiseConstantDecay": {"boundaries": [1], "values": [1.0, 2.0]},
    "LearningRateScheduler": {"schedule": float},
    "MeanMetricWrapper": {"fn": abs},
    "LossFunctionWrapper": {"fn": abs},
}
SPACES = (
    "metrics", "losses", "initializers", "regularizers", "constraints", "callbacks",
    "optimizers.schedules", "quantizers", "optimizers",
)  # fmt: skip
# Made of other objects (see `things`), abstract, or in need of another package.
LEFT_OUT = (
    "Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap", "OrbaxCheckpoint",
    "TensorBoard", "Metric",
)  # fmt: skip


def sequential(library: Any) -> Any:
    layers = library.layers
    stack = [library.Input((3,)), layers.Dense(2, name="a"), layers.Dense(1, name="b")]
    return library.Sequential(stack, name="s")


def subclassed(library: Any) -> Any:
    class Own(library.Model):
        def __init__(self):
            super().__init__(name="own")
            self.inner = library.layers.Dense(1, name="inner")

        def call(self, x):
            return self.inner(x)

    return Own()


def models(library: Any) -> Iterator[tuple[str, Any]]:
    layers = library.layers
    yield "Sequential()", library.Sequential(name="e")
    yield "Sequential unbuilt", library.Sequential([layers.Dense(2, name="a")], name="s")
    yield "Sequential built", sequential(library)
    model = sequential(library)
    model.compile("adam", "mse", metrics=["mae"])
    yield "Sequential compiled", model
    yield "Sequential optimizer", model.optimizer
    model = sequential(library)
    model.compile("adam", "mse", metrics=["mae"])
    yield "History", model.fit(X, Y, verbose=0)
    yield "Sequential fit", model

    def graph() -> tuple[Any, Any, Any]:
        inputs = library.Input((3,), name="i")
        first = layers.Dense(2, name="a")(inputs)
        return inputs, first, layers.Dense(1, name="b")(first)

    inputs, first, last = graph()
    yield "Functional", library.Model(inputs, last, name="f")
    yield "Functional layer", last._keras_history.operation
    yield "Functional tensor", last
    inputs, first, last = graph()
    yield "Functional of a dict", library.Model({"i": inputs}, {"v": last, "w": first}, name="f")
    inputs, first, last = graph()
    model = library.Model([inputs], [last, first], name="f")
    yield "Functional of a list", model
    inputs, first, last = graph()
    model = library.Model([inputs], [last, first], name="f")
    model.compile("sgd", ["mse", "mae"], metrics=[["mae"], None])
    yield "Functional compiled", model
    yield "Model()", subclassed(library)
    model = subclassed(library)
    model.build((None, 3))
    yield "Model built", model
    model = subclassed(library)
    model(X)
    yield "Model called", model
    model = subclassed(library)
    model.compile("adam", "mse", metrics=["mae"])
    yield "Model compiled", model


def things(library: Any) -> Iterator[tuple[str, Any]]:
    K = library
    yield "Variable", K.Variable(X, name="v")
    zeros = K.initializers.Zeros()
    yield (
        "Variable of integers",
        K.Variable(zeros, shape=(2,), dtype="int32", trainable=False, name="v"),
    )
    yield "KerasTensor", K.KerasTensor((None, 3), "int32", name="k")
    yield "Input", K.Input((3,), name="i")
    yield "InputLayer", K.layers.InputLayer((3,), name="i")
    yield "InputSpec", K.InputSpec(ndim=2, axes={-1: 3})
    yield "SeedGenerator", K.random.SeedGenerator(3, name="seeds")
    for name in ("float32", "float16", "mixed_float16", "mixed_bfloat16", "int8_from_float32"):
        yield f"DTypePolicy {name}", K.dtype_policies.get(name)
    policies = K.dtype_policies.DTypePolicyMap(policy_map={"a": K.DTypePolicy("float16")})
    yield "DTypePolicyMap", policies
    sgd = K.optimizers.SGD(name="sgd")
    yield "LossScaleOptimizer", K.optimizers.LossScaleOptimizer(sgd, name="scaled")
    yield "MultiOptimizer", K.optimizers.MultiOptimizer(K.optimizers.OptimizerMap(sgd), name="m")
    for space in SPACES:
        yield from _of_space(library, space)


def _of_space(library: Any, space: str) -> Iterator[tuple[str, Any]]:
    classes = vars(importlib.import_module(f"keras.{space}"))
    module = importlib.import_module(f"{library.__name__}.{space}")
    seen = set()
    for name, cls in sorted(classes.items()):
        absent = not inspect.isclass(cls) or cls in seen or not hasattr(module, name)
        if absent or name in LEFT_OUT or name.startswith("_"):
            continue
        seen.add(cls)
        if space in ("optimizers", "metrics", "losses"):
            named = {"name": "n"}
        else:
            named = {}

        def made(name: str = name, cls: Any = cls, named: Any = named) -> Any:
            return getattr(module, name)(**_arguments(name, cls), **named)

        yield f"{space}.{name}()", made()
        if space == "optimizers":
            optimizer = made()
            optimizer.build([library.Variable(X, name="kernel")])
            yield f"{space}.{name} built", optimizer


def _arguments(name: str, cls: type) -> dict[str, Any]:
    if name in ARGUMENTS:
        return ARGUMENTS[name]
    needed = [
        p.name
        for p in inspect.signature(cls).parameters.values()
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    return {n: "a.keras" if n in ("filename", "filepath", "backup_dir") else 2 for n in needed}
