"""Parity rows of the optimizers: see `test_optimizers.py`."""

from typing import Any, NamedTuple


class Row(NamedTuple):
    """An optimizer by name, and the arguments that both libraries get."""

    name: str
    arguments: dict[str, Any] = {}  # noqa: RUF012

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v}' for k, v in self.arguments.items())})"


# The rules: every argument that a rule has its own branch for.
RULES = [
    Row("SGD"),
    Row("SGD", {"momentum": 0.9}),
    Row("SGD", {"momentum": 0.9, "nesterov": True}),
    Row("RMSprop"),
    Row("RMSprop", {"rho": 0.8, "momentum": 0.5}),
    Row("RMSprop", {"centered": True}),
    Row("RMSprop", {"centered": True, "momentum": 0.5, "epsilon": 1e-3}),
    Row("Adam"),
    Row("Adam", {"amsgrad": True, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}),
    Row("AdamW", {"weight_decay": 0.1}),
    Row("Adadelta", {"learning_rate": 1.0, "rho": 0.9}),
    Row("Adagrad"),
    Row("Adagrad", {"initial_accumulator_value": 0.5}),
    Row("Adamax"),
    Row("Nadam"),
    Row("Ftrl"),
    Row(
        "Ftrl",
        {
            "l1_regularization_strength": 0.01,
            "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.03,
            "beta": 0.2,
        },
    ),
    Row("Lion"),
    Row("Lamb"),
    Row("Adafactor"),
    Row("Adafactor", {"relative_step": False, "clip_threshold": 0.5}),
    Row("Muon"),
    Row("Muon", {"nesterov": False, "rms_rate": None, "adam_lr_ratio": 0.3, "ns_steps": 3}),
    Row("Muon", {"weight_decay": None, "adam_weight_decay": 0.1}),
    Row("Muon", {"weight_decay": 0.2, "adam_weight_decay": None}),
    Row("ScheduleFreeAdamW"),
    Row("ScheduleFreeAdamW", {"warmup_steps": 4, "weight_decay": 0.1}),
]

# What the base class does around a rule, with one rule that has slots.
SHARED = [
    Row("Adam", arguments)
    for arguments in (
        {"weight_decay": 0.1},
        {"clipnorm": 0.5},
        {"clipvalue": 0.2},
        {"global_clipnorm": 0.7},
        {"clipnorm": 0.0},
        {"use_ema": True, "ema_momentum": 0.9},
        {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 3},
        {"loss_scale_factor": 8.0},
        {"gradient_accumulation_steps": 3, "weight_decay": 0.1, "clipnorm": 0.5},
        {"gradient_accumulation_steps": 2, "use_ema": True, "ema_overwrite_frequency": 2},
    )
]

# Schedules by name and arguments.
SCHEDULES = [
    Row("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5}),
    Row(
        "ExponentialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5, "staircase": True},
    ),
    Row(
        "ExponentialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 49, "decay_rate": 0.5, "staircase": True},
    ),
    Row("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5}),
    Row(
        "InverseTimeDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5, "staircase": True},
    ),
    Row("PiecewiseConstantDecay", {"boundaries": [2, 5], "values": [0.3, 0.2, 0.1]}),
    Row("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 6}),
    Row("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 6, "power": 2.5}),
    Row(
        "PolynomialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 6, "cycle": True, "end_learning_rate": 0.01},
    ),
    Row("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 6, "alpha": 0.1}),
    Row(
        "CosineDecay",
        {
            "initial_learning_rate": 0.01,
            "decay_steps": 6,
            "alpha": 0.1,
            "warmup_target": 0.2,
            "warmup_steps": 3,
        },
    ),
    Row("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 6, "warmup_target": 0.5}),
    Row("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 3}),
    Row(
        "CosineDecayRestarts",
        {
            "initial_learning_rate": 0.1,
            "first_decay_steps": 3,
            "t_mul": 1.0,
            "m_mul": 0.5,
            "alpha": 0.1,
        },
    ),
    Row(
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 2, "t_mul": 1.5, "m_mul": 0.8},
    ),
]

# Arguments that both libraries refuse, with an exception of the same type.
REFUSED = [
    Row("Adam", {"foo": 1}),
    Row("Adam", {"lr": 0.1}),
    Row("Adam", {"learning_rate": "x"}),
    Row("Adam", {"learning_rate": None}),
    Row("Adam", {"clipnorm": 1.0, "clipvalue": 1.0}),
    Row("Adam", {"use_ema": True, "ema_momentum": 1.2}),
    Row("Adam", {"use_ema": True, "ema_overwrite_frequency": -1}),
    Row("Adam", {"use_ema": True, "ema_overwrite_frequency": 1.5}),
    Row("Adam", {"gradient_accumulation_steps": 1}),
    Row("Adam", {"name": 3}),
    Row("Adam", {"name": "a/b"}),
    Row("AdamW", {"weight_decay": None}),
    Row("SGD", {"momentum": 2.0}),
    Row("SGD", {"momentum": "a"}),
    Row("Lion", {"beta_1": 0.0}),
    Row("Ftrl", {"learning_rate_power": 1.0}),
    Row("Ftrl", {"initial_accumulator_value": -1.0}),
    Row("Ftrl", {"l1_regularization_strength": -1.0}),
    Row("Ftrl", {"l2_regularization_strength": -1.0}),
    Row("Ftrl", {"l2_shrinkage_regularization_strength": -1.0}),
    Row("schedules.CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 0}),
    Row("schedules.CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 0}),
    Row("schedules.PiecewiseConstantDecay", {"boundaries": [1, 2], "values": [1.0, 2.0]}),
    Row("legacy.Adam", {"learning_rate": 0.1}),
]
