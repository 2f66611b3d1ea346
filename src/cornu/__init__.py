"""Cornu: deep learning for humans on one engine.

    import cornu as keras

The whole Keras 3 API on JAX/XLA alone. This module is lazy: importing it loads next to nothing, and
touching a namespace (`keras.layers`) loads that namespace and what stands below it. Every other
module imports what it needs in plain sight.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from cornu.engine.collector import paused
from cornu.signpost import stand
from cornu.version import __version__

if TYPE_CHECKING:
    from cornu import (
        activations as activations,
        backend as backend,
        callbacks as callbacks,
        compat as compat,
        config as config,
        constraints as constraints,
        data as data,
        datasets as datasets,
        dtype_policies as dtype_policies,
        initializers as initializers,
        layers as layers,
        legacy as legacy,
        losses as losses,
        metrics as metrics,
        mixed_precision as mixed_precision,
        models as models,
        ops as ops,
        optimizers as optimizers,
        preprocessing as preprocessing,
        quantizers as quantizers,
        random as random,
        regularizers as regularizers,
        saving as saving,
        tree as tree,
        utils as utils,
    )
    from cornu.context import name_scope as name_scope
    from cornu.core.device import device as device
    from cornu.core.frame import StatelessScope as StatelessScope, purify as purify
    from cornu.core.graph.graph import Function as Function
    from cornu.core.graph.operation import Operation as Operation
    from cornu.core.programs.lift import remat as remat, value_and_grad as value_and_grad
    from cornu.core.remat_scope import RematScope as RematScope
    from cornu.core.symbolic import KerasTensor as KerasTensor, SymbolicScope as SymbolicScope
    from cornu.core.variable import Variable as Variable
    from cornu.dtype_policies import (
        DTypePolicy as DTypePolicy,
        FloatDTypePolicy as FloatDTypePolicy,
    )
    from cornu.initializers import Initializer as Initializer
    from cornu.layers import Input as Input, InputSpec as InputSpec, Layer as Layer
    from cornu.losses import Loss as Loss
    from cornu.metrics import Metric as Metric
    from cornu.models import Model as Model, Sequential as Sequential
    from cornu.optimizers import Optimizer as Optimizer
    from cornu.quantizers import Quantizer as Quantizer
    from cornu.regularizers import Regularizer as Regularizer

# Namespaces, each a package or a module of the same name.
NAMESPACES = (
    "activations", "backend", "callbacks", "compat", "config", "constraints", "data",
    "datasets", "dtype_policies", "initializers", "layers", "legacy", "losses", "metrics",
    "mixed_precision", "models", "ops", "optimizers", "preprocessing", "quantizers", "random",
    "regularizers", "saving", "tree", "utils",
)  # fmt: skip

# Names at the root, and the modules in which they stand.
SYMBOLS = {
    "DTypePolicy": "dtype_policies",
    "FloatDTypePolicy": "dtype_policies",
    "Function": "core.graph.graph",
    "Initializer": "initializers",
    "Input": "layers",
    "InputSpec": "layers",
    "KerasTensor": "core.symbolic",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "Operation": "core.graph.operation",
    "Optimizer": "optimizers",
    "Quantizer": "quantizers",
    "Regularizer": "regularizers",
    "RematScope": "core.remat_scope",
    "Sequential": "models",
    "StatelessScope": "core.frame",
    "SymbolicScope": "core.symbolic",
    "Variable": "core.variable",
    "device": "core.device",
    "name_scope": "context",
    "purify": "core.frame",
    "remat": "core.programs.lift",
    "value_and_grad": "core.programs.lift",
}

# Types of the core, and the packages above that complete them: with operators, with names of
# initializers.
COMPLETED_BY = {"KerasTensor": ("ops",), "Variable": ("ops", "initializers")}

__all__ = ["__version__", "version", *NAMESPACES, *SYMBOLS]


def version() -> str:
    """The version of the library."""
    return __version__


def _find(name: str) -> Any:
    if name in NAMESPACES:
        with paused(lasting=True):
            return importlib.import_module(f"cornu.{name}")
    if name in SYMBOLS:
        with paused(lasting=True):
            value = getattr(importlib.import_module(f"cornu.{SYMBOLS[name]}"), name)
            for package in COMPLETED_BY.get(name, ()):
                importlib.import_module(f"cornu.{package}")
        globals()[name] = value
        return value
    if importlib.util.find_spec(f"cornu.{name}") is not None:
        raise AttributeError(name)  # a module of the library: the import system goes on to load it
    absent = importlib.import_module("cornu.absent")
    return absent.refuse(__name__, name, absent.instruction(2))


# Out of the sight of type checkers, which know the names from above and are to flag all others.
globals()["__getattr__"] = _find


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext cornu`: in this notebook `import keras` means Cornu, and errors of copied code
    say what to write.

    Args:
        shell: IPython's.
    """
    importlib.import_module("cornu.compat.notebook").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext cornu`: undo `%load_ext cornu`."""
    importlib.import_module("cornu.compat.notebook").unload(shell)


def __dir__() -> list[str]:
    return sorted(__all__)


stand()
