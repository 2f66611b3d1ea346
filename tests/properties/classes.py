"""Every public class that files may name, each with arguments to make one of it."""

import inspect

import cornu as keras
from cornu import layers, ops
from cornu.core.objects import registry

ARGUMENTS = {
    "IoU": {"num_classes": 2, "target_class_ids": [0]},
    "OneHotIoU": {"num_classes": 2, "target_class_ids": [0]},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "LossScaleOptimizer": {"inner_optimizer": keras.optimizers.SGD()},
    "MultiOptimizer": {"optimizer_map": keras.optimizers.OptimizerMap(keras.optimizers.SGD())},
    "OptimizerMap": {"default_optimizer": keras.optimizers.SGD()},
    "ExponentialDecay": {"initial_learning_rate": 1, "decay_steps": 2, "decay_rate": 0.5},
    "InverseTimeDecay": {"initial_learning_rate": 1, "decay_steps": 2, "decay_rate": 0.5},
    "PiecewiseConstantDecay": {"boundaries": [1], "values": [1.0, 2.0]},
    "Activation": {"activation": "relu"},
    "Permute": {"dims": (2, 1)},
    "InputLayer": {"shape": (2,)},
    "Lambda": {"function": ops.relu},
    "GroupedQueryAttention": {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1},
    "RNN": {"cell": layers.GRUCell(2)},
    "StackedRNNCells": {"cells": [layers.GRUCell(2)]},
    "Bidirectional": {"layer": layers.GRU(2)},
    "TimeDistributed": {"layer": layers.Dense(2)},
    "SpectralNormalization": {"layer": layers.Dense(2)},
    "Wrapper": {"layer": layers.Dense(2)},
    "CategoryEncoding": {"num_tokens": 3},
    "Discretization": {"bin_boundaries": [0.0, 1.0]},
    "Pipeline": {"layers": [layers.Rescaling(0.5)]},
    "Feature": {"dtype": "float32", "preprocessor": layers.Rescaling(0.5), "output_mode": "float"},
    "Cross": {"feature_names": ("a", "b"), "crossing_dim": 8},
    "FeatureSpace": {"features": {"a": "float_rescaled"}},
    **{
        name: {"factor": 0.5}
        for name in (
            "RandomBrightness",
            "RandomColorDegeneration",
            "RandomContrast",
            "RandomHue",
            "RandomRotation",
            "RandomSaturation",
            "RandomSharpness",
        )
    },
    "RandomTranslation": {"height_factor": 0.5, "width_factor": 0.5},
    "RandomZoom": {"height_factor": 0.5},
    "Functional": (lambda i: {"inputs": i, "outputs": layers.Dense(2)(i)})(keras.Input((3,))),
    "GPTQDTypePolicy": {"mode": "gptq/4/128"},
    "AWQDTypePolicy": {"mode": "awq/4/128"},
    "Int4DTypePolicy": {"mode": "int4/128"},
    "QuantizedDTypePolicy": {"mode": "int8"},
    "QuantizedFloat8DTypePolicy": {"mode": "float8"},
    "Variable": {"initializer": [1.0, 2.0]},
}
# Bases that are not made by themselves, and what other packages are needed for.
LEFT_OUT = {
    "FlaxLayer",
    "FunctionLoss",
    "JaxLayer",
    "Recurrent",
    "Optax",
    "Quantizer",
    "TFSMLayer",
    "TorchModuleWrapper",
    "ProjectedAttention",
    "VocabularyInFiles",
    "Windowed",
    "Optimizer",
}
CLASSES = sorted(
    {cls for cls in registry._builtins.values() if cls.__name__ not in LEFT_OUT},
    key=lambda cls: cls.__name__,
)


def made(cls):
    if cls.__name__ in ARGUMENTS:
        return cls(**ARGUMENTS[cls.__name__])
    needed = [
        p for p in inspect.signature(cls).parameters.values()
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]  # fmt: skip
    small = 0.5 if [p.name for p in needed] == ["rate"] else 2
    return cls(*[small] * len(needed))
