"""The types that public signatures speak of.

An alias says what an argument means. `X | Any` in one is for editors: they complete an X, and
accept whatever becomes one.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

# Sizes of the axes, None where unknown until a program runs.
Shape = tuple[int | None, ...]

# One axis, several, or None for all of them.
Axis = int | Sequence[int] | None

# One number for every spatial axis, or one per axis.
PerAxis = int | Sequence[int]

# The name of a dtype, such as "float32", or what numpy and JAX take for one.
DType = str | np.dtype | type

# A dtype, the name of a dtype policy such as "mixed_bfloat16", or the policy itself.
DTypeLike = str | np.dtype | type | Any

# An array of JAX or numpy, a Variable, a symbolic KerasTensor, or numbers that make an array.
Tensor = jax.Array | Any

# One tensor, or lists, tuples and dicts of tensors, as the inputs and outputs of a model are.
Tensors = jax.Array | Any

# What a model is trained and evaluated on: arrays, nested or not, or a data set of batches.
Data = jax.Array | Any

# A file or a folder.
FilePath = str | os.PathLike[str]

# What an epoch or a batch measured: the names of losses and metrics, and their values.
Logs = dict[str, Any]

# The config of an object: what `get_config` returns and files hold.
Config = dict[str, Any]

# What means an object of some kind: its name, its config, its class, or the object.
Identifier = str | Config | Callable[..., Any] | Any

# An object of its kind, its name ("glorot_uniform", "GlorotUniform"), its config, or a function.
ActivationLike = str | Config | Callable[..., Any]
InitializerLike = str | Config | Callable[..., Any]
RegularizerLike = str | Config | Callable[..., Any]
ConstraintLike = str | Config | Callable[..., Any]
LossLike = str | Config | Callable[..., Any]
MetricLike = str | Config | Callable[..., Any]
OptimizerLike = str | Config | Any

# The seed of random numbers: an int, a SeedGenerator, or None for a new one.
SeedLike = int | Any

# A learning rate: a number, a schedule, a function of no arguments, or a scalar Variable.
ScheduleLike = float | Callable[..., Any] | Any
