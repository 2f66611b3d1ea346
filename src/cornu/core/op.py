"""Ops: one Python function in three modes.

    absolute(array)          computes
    absolute(tracer)         traces
    absolute(KerasTensor)    finds the shape and adds a node to the graph

`@op` does the third; the row helpers (`unary`, `binary`, `reduction`) make an op of a function of
jax.numpy in one line. There are no op classes and no shape rules: shapes come from tracing the
function. In files a graph op has the class name that Keras gives it (`Absolute`), the CamelCase of
the function's name; `TABLE` reverses this.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu import names
from cornu.core import dtypes
from cornu.core.operation import Operation
from cornu.core.serialize import OP_READERS
from cornu.core.symbolic import any_symbolic, infer
from cornu.core.variable import Variable
from cornu.errors import explain

# Class name in files -> op. An op in several modules of Keras has one entry.
TABLE: dict[str, "Op"] = {}

Op = Callable[..., Any]

_CLASS_NAMES = {"getitem": "GetItem"}  # where CamelCase does not give Keras's class name


def op(
    fn: Callable[..., Any] | None = None, *, tensors: int = 1, file_name: str | None = None
) -> Any:
    """Let an array function also accept symbolic tensors.

    Args:
        fn: the function; its first parameters are the tensors.
        tensors: how many of the parameters are tensors. The others are settings, which a file keeps
            in the config of the op rather than with the tensors of the call.
        file_name: the class name in files where it is not the CamelCase of the function's.

    Example:

        >>> @op
    ... def halve(x):
        ...     return x / 2
        >>> halve(KerasTensor((None, 3))).shape, float(halve(3.0))
        ((None, 3), 1.5)
    """
    if fn is None:
        return functools.partial(op, tensors=tensors, file_name=file_name)

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args, kwargs):
            return OpCall(call).record(args, kwargs)
        return fn(*args, **kwargs)

    call.tensors = tensors  # type: ignore[attr-defined]
    call.class_name = (  # type: ignore[attr-defined]
        file_name or _CLASS_NAMES.get(fn.__name__) or _camel_case(fn.__name__)
    )
    call.keras_module = f"keras.src.ops.{fn.__module__.rsplit('.', 1)[-1]}"  # type: ignore[attr-defined]
    call.signature = inspect.signature(fn)  # type: ignore[attr-defined]
    TABLE[call.class_name] = call  # type: ignore[attr-defined]
    return call


def _camel_case(name: str) -> str:
    """`expand_dims` -> `ExpandDims`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


class OpCall(Operation):
    """An op in a graph: the function and its settings.

    A graph holds one for each call of an op on symbolic tensors.
    """

    untracked_attributes = frozenset(("function",))

    def __init__(
        self, function: Op, settings: dict[str, Any] | None = None, name: str | None = None
    ):
        super().__init__(name or names.unique_name(names.to_snake_case(function.class_name)))
        self.function = function
        self.settings = settings or {}

    @property
    def op_name(self) -> tuple[str, str]:
        """`(module, class name)` under which a file names the op."""
        return self.function.keras_module, self.function.class_name

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **{**self.settings, **kwargs})

    def record(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call on symbolic tensors: settings go to the op, tensors to the node."""
        bound = self.function.signature.bind(*args, **kwargs)
        tensors: list[Any] = []
        named: dict[str, Any] = {}
        for position, (name, value) in enumerate(bound.arguments.items()):
            kind = self.function.signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_POSITIONAL:
                tensors.extend(value)
            elif position < self.function.tensors and not named:
                tensors.append(value)
            elif any_symbolic((value,)):
                named[name] = value
            else:
                self.settings[name] = value
        return self.symbolic_call(*tensors, **named)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        rule = getattr(self.function, "shape", None)
        if rule is not None:
            return rule(*args, **{**self.settings, **kwargs})
        return infer(self.call, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, **self.settings}


def op_from_config(class_name: str, config: dict[str, Any]) -> OpCall | None:
    """The graph op that a file names; None if there is no such op."""
    function = TABLE.get(class_name)
    if function is None:
        return None
    config = dict(config)
    name = config.pop("name", None)
    known = set(function.signature.parameters)
    unknown = [key for key in config if key not in known]
    if unknown:
        raise ValueError(
            explain(f"The operation {class_name!r} takes no setting {unknown[0]!r}.", known=known)
        )
    return OpCall(function, config, name)


# ---- what ops accept --------------------------------------------------------------------------


def tensor(x: Any, dtype: Any = None) -> Any:
    """An array from what ops accept: arrays, Variables, nested lists, Python scalars.

    A Python scalar stays one, so that it does not decide the dtype of the result.
    """
    if isinstance(x, jax.Array) and dtype is None:
        return x
    if isinstance(x, Variable):
        x = x.value
    if dtype is None:
        if isinstance(x, (bool, int, float, complex)):
            return x
        if isinstance(x, (list, tuple)):
            return _from_list(x)
        return jnp.asarray(x)
    return jnp.asarray(x, dtype=dtypes.numpy_dtype(dtypes.standardize_dtype(dtype)))


def _from_list(values: Sequence[Any]) -> Any:
    """A nested list as an array; Variables and arrays inside are stacked."""
    leaves = jax.tree.leaves(list(values), is_leaf=lambda x: isinstance(x, Variable))
    if any(isinstance(x, (jax.Array, Variable)) for x in leaves):
        return jnp.stack([jnp.asarray(tensor(v)) for v in values])
    return jnp.asarray(values)


def to_float(x: Any) -> Any:
    """The array in a floating dtype: `floatx` for integers and bools."""
    x = tensor(x)
    if isinstance(x, (bool, int)):
        return float(x)
    if isinstance(x, float) or jnp.issubdtype(x.dtype, jnp.inexact):
        return x
    return x.astype(dtypes.standardize_dtype(None))


# ---- rows: an op of jax.numpy in one line -----------------------------------------------------


def _named(fn: Callable[..., Any], name: str, doc: str, module: str) -> Callable[..., Any]:
    fn.__name__ = fn.__qualname__ = name
    fn.__doc__, fn.__module__ = doc, module
    return fn


def unary(function: Any, name: str, doc: str, *, floating: bool = False) -> Op:
    """An op of one tensor, element by element.

    Args:
        function: computes it on a jax array.
        name: of the op.
        doc: its docstring.
        floating: whether integers are turned into floats first.
    """
    convert = to_float if floating else tensor

    def row(x: Any) -> Any:
        return function(convert(x))

    return op(_named(row, name, doc, _caller()))


def binary(function: Any, name: str, doc: str, *, floating: bool = False) -> Op:
    """An op of two tensors that are broadcast against each other."""
    convert = to_float if floating else tensor

    def row(x1: Any, x2: Any) -> Any:
        return function(convert(x1), convert(x2))

    return op(_named(row, name, doc, _caller()), tensors=2)


def reduction(function: Any, name: str, doc: str, *, floating: bool = False) -> Op:
    """An op that folds axes: `(x, axis=None, keepdims=False)`; all axes if None."""
    convert = to_float if floating else tensor

    def row(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        axis = tuple(axis) if isinstance(axis, list) else axis
        return function(convert(x), axis=axis, keepdims=keepdims)

    return op(_named(row, name, doc, _caller()))


def _caller() -> str:
    """The module in which a row stands."""
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None and frame.f_back.f_back is not None
    return frame.f_back.f_back.f_globals["__name__"]


OP_READERS.append(op_from_config)
