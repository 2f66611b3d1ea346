"""Inputs of a call -> the ranks and dtypes with which a graph was made."""

from typing import Any

import jax
import numpy as np

from cornu import ops
from cornu.bcoo import is_sparse
from cornu.checks.shapes import misfit
from cornu.core import dtypes
from cornu.core.frame import is_tracer
from cornu.core.graph.graph import Function
from cornu.core.graph.operation import node_of
from cornu.core.masks import mask_of, set_mask
from cornu.core.symbolic import KerasTensor, is_symbolic
from cornu.core.text import as_rank, is_text, same
from cornu.errors import explain, value_error
from cornu.layers.base.input_spec import no_array
from cornu.models.model import Model
from cornu.numeric import as_numbers, is_float, is_integer
from cornu.train.watch.preflight import require_rows


def fit_input(model: Model, graph: Function, x: Any, expected: KerasTensor) -> Any:
    """The input in the rank and the dtype with which the graph was made.

    A last axis of size 1 is added or removed where that makes it fit.

    Args:
        model: the model that is called.
        graph: its graph.
        x: the value for one input, or a symbolic tensor.
        expected: this input of the graph.

    Raises:
        ValueError: the input is missing, or its shape does not fit.
    """
    if x is None:
        source = node_of(expected)
        if source is None or not getattr(source.operation, "optional", False):
            raise value_error(
                f"Model '{model.name}' got None for its input {expected.name!r}.",
                fix="keras.Input(..., optional=True) makes an input that may be None.",
            )
        return x
    if not hasattr(x, "shape"):
        raise ValueError(no_array(f"Model '{model.name}'", x))
    if is_text(x):
        if expected.dtype != "string":
            if not x.ndim:
                raise ValueError(no_array(f"Model '{model.name}'", str(x)))
            as_numbers(x)  # says what to do with text
        return as_rank(x, expected.ndim)
    shape, wanted = tuple(x.shape), (None, *expected.shape[1:])  # batches of any size
    given, mask = x, mask_of(x)
    if len(shape) == len(wanted) + 1 and shape[-1] == 1:
        x = ops.squeeze(x, axis=-1)
    elif len(shape) == len(wanted) - 1 and wanted[-1] == 1:
        x = ops.expand_dims(x, axis=-1)
    shape = tuple(x.shape)
    fits = len(shape) == len(wanted) and all(
        w is None or not isinstance(s, int) or s == w for s, w in zip(shape, wanted, strict=True)
    )
    if not fits and not model._takes_sizes(shape, wanted):
        raise ValueError(_wrong_shape(model, shape, expected))
    if is_sparse(x) and not expected.sparse:
        x = ops.convert_to_tensor(x, sparse=False)  # the graph was made for dense inputs
    x = _in_dtype(model, graph, x, expected)
    if mask is not None and mask_of(x) is None:
        set_mask(x, mask)
    return same(x, given)


def _in_dtype(model: Model, graph: Function, x: Any, expected: KerasTensor) -> Any:
    """The input in the dtype that its `Input` says, with which the graph was made."""
    if isinstance(x, np.ndarray):  # still: text, for layers that take it
        x = as_numbers(x)
    given = dtypes.standardize_dtype(x.dtype)
    if given == expected.dtype:
        return x
    if "complex" in given:
        if "complex" in expected.dtype:
            return x
        raise value_error(
            f"Model '{model.name}' takes {expected.dtype}, got {given}, whose imaginary "
            "parts it has no use for.",
            fix="x = numpy.abs(x)\n"
            "or, for an input of shape (..., 2): x = numpy.stack([x.real, x.imag], -1)\n"
            'or let the model take it: keras.Input(..., dtype="complex64")',
        )
    is_known = not is_tracer(x) and not is_symbolic(x)
    if is_known and is_float(given) and is_integer(expected.dtype):
        require_rows(x, (None,))
    if is_integer(given) and is_float(expected.dtype) and _looks_up(graph, expected):
        return x  # a float does not hold every row of a large table
    held = jax.dtypes.canonicalize_dtype(dtypes.numpy_dtype(expected.dtype))  # int64: 32 bits
    return ops.cast(x, held.name)


def _looks_up(graph: Function, tensor: KerasTensor) -> bool:
    """Whether whatever reads an input takes its numbers for rows of a table."""
    readers = [
        node.operation for node in graph.nodes if any(t is tensor for t in node.input_tensors)
    ]
    return all(hasattr(reader, "_rows_looked_up") for reader in readers)


def _wrong_shape(model: Model, shape: tuple[Any, ...], expected: KerasTensor) -> str:
    shown = tuple(s if isinstance(s, int) else None for s in shape)
    found = misfit("x", shown, expected.shape)
    what = f"Model '{model.name}' expects inputs of shape {expected.shape}, got {shown}."
    return explain(what, fix=None if found is None else found.fix)
