"""`InputSpec`: what a layer asks of its inputs, and the check at each call."""

from typing import Any

from cornu import tree
from cornu.core import dtypes
from cornu.core.objects.configurable import Configurable
from cornu.core.objects.registry import is_builtin
from cornu.core.symbolic import Shape
from cornu.errors import explain, type_error, value_error


class InputSpec(Configurable):
    """What an input must look like; whatever is None is free.

    Args:
        dtype: name of the dtype.
        shape: tuple of sizes, None where free.
        ndim: number of axes.
        max_ndim: largest number of axes.
        min_ndim: smallest number of axes.
        axes: axis -> size.
        allow_last_axis_squeeze: also take a last axis of size 1 more or less than `shape` says.
        name: key of the input in a dict of inputs.
        optional: whether None may be passed.

    Example:

        >>> InputSpec(min_ndim=2, axes={-1: 16})
        InputSpec(min_ndim=2, axes={-1: 16})
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ):
        self.dtype = None if dtype is None else dtypes.standardize_dtype(dtype)
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        try:
            self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        except (TypeError, ValueError, AttributeError):
            raise type_error(
                f"axes must be a dict from axis to size, got {axes!r}.", fix="axes={-1: 16}"
            ) from None
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional

    def __repr__(self) -> str:
        shown = {k: v for k, v in vars(self).items() if v and not k.startswith("_")}
        if self.shape is not None:
            shown.pop("ndim", None)
        return f"InputSpec({', '.join(f'{k}={v!r}' for k, v in shown.items())})"

    def problem(self, shape: Shape, dtype: str) -> str | None:
        """What is wrong with an input of that shape and dtype; None if it fits."""
        ndim = len(shape)
        expected: Shape | None
        squeezes = self.shape is not None and self.allow_last_axis_squeeze
        if self.ndim is not None and not squeezes and ndim != self.ndim:
            return f"inputs with {self.ndim} axes, got {ndim}"
        if self.max_ndim is not None and ndim > self.max_ndim:
            return f"inputs with at most {self.max_ndim} axes, got {ndim}"
        if self.min_ndim is not None and ndim < self.min_ndim:
            return f"inputs with at least {self.min_ndim} axes, got {ndim}"
        if self.dtype is not None and dtype != self.dtype:
            return f"inputs of dtype {self.dtype}, got {dtype}"
        for axis, size in self.axes.items():
            found = shape[axis] if -len(shape) <= axis < len(shape) else None
            if size is not None and found is not None and found != size:
                where = "last axis" if axis in (-1, len(shape) - 1) else f"axis {axis}"
                return f"inputs whose {where} is {size}, got {found}"
        if self.shape is not None:
            expected = self.shape
            if squeezes:
                shape, expected = _squeezed(shape), _squeezed(expected)
            for axis, (size, found) in enumerate(zip(expected, shape, strict=False)):
                if size is not None and found is not None and size != found:
                    return f"inputs whose axis {axis} is {size}, got {found}"
            if len(expected) != len(shape):
                return f"inputs of shape {expected}, got {shape}"
        return None


def _squeezed(shape: Shape) -> Shape:
    return shape[:-1] if shape and shape[-1] == 1 else shape


def check_inputs(specs: Any, inputs: Any, layer: Any) -> None:
    """Raise ValueError where the first argument of a call does not fit the layer's `input_spec`."""
    if specs is None:
        return
    if isinstance(specs, dict):
        if not isinstance(inputs, dict):
            raise value_error(
                f"{describe(layer)} takes a dict of inputs, got {type(inputs).__name__}.",
                names=", ".join(map(str, specs)),
            )
        missing = [name for name, spec in specs.items() if name not in inputs and not spec.optional]
        if missing:
            raise value_error(
                f"{describe(layer)} misses its input {missing[0]!r}.",
                received=", ".join(map(str, inputs)),
            )
        pairs = [(spec, inputs.get(name)) for name, spec in specs.items()]
    else:
        flat_specs, flat = tree.flatten(specs), tree.flatten(inputs)
        is_list = isinstance(inputs, (list, tuple)) and isinstance(specs, InputSpec)
        if is_list and (len(flat) != 1 or is_builtin(type(layer))):
            raise value_error(
                f"{describe(layer)} takes one array, got a list of {len(inputs)}.",
                shapes=", ".join(str(getattr(x, "shape", x)) for x in flat),
                fix="x = x[0]" if len(inputs) == 1 else "x = keras.layers.Concatenate()(x)",
            )
        is_dict = isinstance(inputs, dict) and tree.is_nested(inputs)
        if is_dict and isinstance(specs, InputSpec) and is_builtin(type(layer)):
            raise value_error(
                f"{describe(layer)} takes one array, got a dict of {len(inputs)}.",
                names=", ".join(map(str, list(inputs)[:10])),
                fix=f"x = x[{next(iter(inputs), 'name')!r}]",
            )
        if len(flat_specs) != len(flat):
            raise value_error(
                f"{describe(layer)} takes {len(flat_specs)} inputs, got {len(flat)}.",
                shapes=", ".join(str(getattr(x, "shape", x)) for x in flat),
            )
        pairs = list(zip(flat_specs, flat, strict=True))
    for spec, x in pairs:
        if spec is None or (x is None and spec.optional):
            continue
        if x is None or not hasattr(x, "shape"):
            raise ValueError(no_array(describe(layer), x))
        shape = tuple(s if s is None or isinstance(s, int) else None for s in x.shape)
        problem = spec.problem(shape, dtypes.standardize_dtype(x.dtype))
        if problem is not None:
            raise ValueError(_mismatch(layer, problem, shape, spec, _producer(x)))


def no_array(reader: str, value: Any) -> str:
    """What to say where something else than an array is called on.

    Args:
        reader: what was called, as `describe` says it.
        value: what it got.
    """
    shown = "" if value is None else f" {value!r:.60} of type"
    fix = None
    if value is None:
        fix = "a `call` without `return` gives None"
    elif isinstance(value, str):
        fix = "give words their numbers first: np.array([[numbers[w] for w in text.split()]])"
    elif hasattr(value, "call"):
        fix = "layers are joined by their outputs: y = second(first(x))"
    return explain(f"{reader} takes arrays, got{shown} {type(value).__name__}.", fix=fix)


def describe(layer: Any) -> str:
    """How messages call a layer: its class, and its name where that says more."""
    kind = type(layer).__name__
    return f"{kind} '{layer.name}'"


def _mismatch(layer: Any, problem: str, shape: Shape, spec: InputSpec, producer: Any) -> str:
    facts = f"inputs {shape}"
    kernel = getattr(layer, "kernel", None)
    if kernel is not None:
        facts += f", kernel {tuple(kernel.shape)}"
    return explain(
        f"{describe(layer)} expects {problem}.",
        shapes=facts,
        fix=_remedy(layer, shape, spec, producer),
    )


def _remedy(layer: Any, shape: Shape, spec: InputSpec, producer: Any) -> str:
    """What to write; where another layer made the inputs, what to do about that one."""
    ndim = spec.ndim or spec.min_ndim or 0
    if len(shape) == ndim - 1 and getattr(producer, "return_sequences", None) is False:
        return f"return_sequences=True in layer {producer.name!r}"
    if ndim and len(shape) < ndim and producer is not None:
        return (
            f"layer {producer.name!r} gives {shape}: take it out, or put layers.Reshape between "
            "the two."
        )
    if len(shape) == ndim - 1:
        if hasattr(layer, "data_format"):
            return "x = x[..., None]"
        return "each column is a step: x = x[..., None]\nx is one sample: x = x[None]"
    if ndim and len(shape) > ndim:
        kept = shape[1 : ndim - 1]
        flat = "Flatten()" if ndim == 2 else f"Reshape({(*kept, -1)})"
        if None in kept:
            return "reshape the inputs, or put a pooling layer before it."
        return f"layers.{flat} before layer {layer.name!r}"
    if len(spec.axes) == 1 and getattr(producer, "name", None) is None:
        size = next(iter(spec.axes.values()))
        return f"make a new layer for this shape, or give it inputs with {size} there"
    return "make a new layer for this shape, or bring the inputs to the expected one."


def _producer(x: Any) -> Any:
    """The layer whose output a symbolic tensor is; None for an input of a model."""
    history = getattr(x, "_keras_history", None)
    operation = None if history is None else history.operation
    return (
        operation if getattr(operation, "_inbound_nodes", ()) and _has_inputs(operation) else None
    )


def _has_inputs(operation: Any) -> bool:
    return bool(operation._inbound_nodes[0].input_tensors)


def first_shape_given(kwargs: dict[str, Any]) -> Shape | None:
    """The batch shape that `input_shape=`, `batch_input_shape=` or `input_dim=` means."""
    batch = kwargs.pop("batch_size", None)
    if "batch_input_shape" in kwargs:
        return tuple(kwargs.pop("batch_input_shape"))
    if "input_shape" in kwargs:
        shape = kwargs.pop("input_shape")
        if not isinstance(shape, (tuple, list)):
            raise value_error(
                f"input_shape must be a tuple of sizes, got {shape!r}.", fix="input_shape=(784,)"
            )
        return (batch, *shape)
    if "input_dim" in kwargs:
        return (batch, kwargs.pop("input_dim"))
    return None
