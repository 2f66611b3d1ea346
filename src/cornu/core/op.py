"""Ops: one Python function in three modes.

    absolute(array)          computes
    absolute(tracer)         traces
    absolute(KerasTensor)    finds the shape and adds a node to the graph

`@op` does the third; the row helpers (`unary`, `binary`, `reduction`) make an op of a function of
jax.numpy in one line. There are no op classes. Shapes come from tracing the function, which is
remembered (`core/shapes.py`); the families of the rows have a rule each, and so have the few ops
that cannot be traced without sizes (`shape_rule`).

In files a graph op has the class name that Keras gives it (`Absolute`), the CamelCase of the
function's name; `TABLE` reverses this. Of its arguments, those named by `tensors` belong to the
node, the others are settings and belong to the op's config:

    concatenate([a, b], axis=-1)   ->   Concatenate, config {"axis": -1}, node args ([a, b],)

An error that jax raises about the arguments is raised again with the same type and with the name of
the op and the shapes it was given.
"""

import functools
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu import names, settings
from cornu.core import dtypes
from cornu.core.eager import in_one_program
from cornu.core.host import from_host
from cornu.core.operation import Operation
from cornu.core.serialize import OP_READERS
from cornu.core.shapes import broadcast, element_by_element, folded, remembered
from cornu.core.symbolic import any_symbolic
from cornu.core.variable import Variable
from cornu.errors import explain
from cornu.kernels.reduce import apart

# Class name in files -> op. An op in several modules of Keras has one entry.
TABLE: dict[str, "Op"] = {}

Op = Any  # a function with the attributes that `op` gives it

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def op(
    fn: Callable[..., Any] | None = None,
    *,
    tensors: int | Sequence[str] = 1,
    named: Sequence[str] = (),
    file_name: str | None = None,
    calls_back: bool = False,
    compiled: bool = False,
    says_dtype: bool = False,
) -> Any:
    """Let an array function also accept symbolic tensors.

    Args:
        fn: the function.
        tensors: which parameters are tensors: the first so many, or their names in the order in
            which a file has them. The others are settings, which a file keeps in the config of the
            op rather than with the tensors of the call.
        named: further tensor parameters, which a file has by keyword.
        file_name: the class name in files where it is not the CamelCase of the function's.
        calls_back: the op runs functions of the user, whose errors are theirs to explain.
        compiled: called on arrays, the op runs as one program (see `core/eager.py`): for ops of
            several steps whose results have shapes that do not depend on values.
        says_dtype: a file says `floatx` where the setting `dtype` is None.

    Example:

        >>> from cornu.core.symbolic import KerasTensor
        >>> @op
        ... def halve(x):
        ...     return x / 2
        >>> halve(KerasTensor((None, 3))).shape, float(halve(3.0))
        ((None, 3), 1.5)
    """
    if fn is None:
        return functools.partial(
            op,
            tensors=tensors,
            named=named,
            file_name=file_name,
            calls_back=calls_back,
            compiled=compiled,
            says_dtype=says_dtype,
        )
    signature = inspect.signature(fn)
    parameters = list(signature.parameters.values())
    if isinstance(tensors, int):
        tensors = [p.name for p in parameters if p.kind in _POSITIONAL][:tensors]
    compute = in_one_program(fn, [*tensors, *named]) if compiled else fn

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args, kwargs):
            return OpCall(call).record(args, kwargs)
        try:
            if known.sparse is not None and _SPARSE in sys.modules and _any_sparse(args):
                answer = known.sparse(*args, **kwargs)
                if answer is not NotImplemented:
                    return answer
            return compute(*args, **kwargs)
        except tuple(_KINDS) as error:
            if calls_back or not _is_about_arguments(error):
                raise
            raise _explained(error, call, args, kwargs) from error

    known: Op = call
    known.tensors = tuple(tensors)
    known.named = frozenset(named)
    known.class_name = file_name or _camel_case(fn.__name__)
    known.keras_module = _keras_module(fn.__module__)
    known.signature = signature
    known.says_dtype = says_dtype
    known.sparse = None  # what it does with sparse matrices, and for which operands the result
    known.sparse_if = None  # is sparse again: see ops/sparse.py
    # In `einsum(subscripts, *operands)` the tensors come after a setting.
    known.leading = (
        tuple(p.name for p in parameters if p.kind in _POSITIONAL)
        if any(p.kind is p.VAR_POSITIONAL for p in parameters)
        else None
    )
    TABLE[known.class_name] = known
    return known


def explained(fn: Callable[..., Any]) -> Any:
    """Let a function that is no op, since it takes no tensors, name itself in errors as ops do.

    Example:

        >>> @explained
        ... def halves(n: int):
        ...     return [1 / 2] * n
        >>> halves("two")
        Traceback (most recent call last):
        TypeError: halves does not accept its arguments: can't multiply sequence by non-int of ...
          received: n 'two'
    """

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return fn(*args, **kwargs)
        except tuple(_KINDS) as error:
            if not _is_about_arguments(error):
                raise
            raise _explained(error, call, args, kwargs) from error

    known: Any = call
    known.signature = inspect.signature(fn)
    return known


_SPARSE = "jax.experimental.sparse"  # where nobody has imported it there is no sparse matrix


def _any_sparse(args: Any) -> bool:
    """Whether a sparse matrix of jax is among the arguments, or in a list that is."""
    return any(type(x).__name__ == "BCOO" or (type(x) is list and _any_sparse(x)) for x in args)


def shape_rule(function: Op) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function that tells the symbolic outputs of an op which cannot be traced.

    The rule takes the op's arguments and returns `KerasTensor`s.
    """

    def decorator(rule: Callable[..., Any]) -> Callable[..., Any]:
        function.shape = rule
        return rule

    return decorator


def _keras_module(module: str) -> str:
    """`cornu.ops.nn.pooling` -> `keras.src.ops.nn`: the module in which a file looks for an op."""
    parts = module.split(".")
    name = parts[2] if module.startswith("cornu.ops.") else parts[-1]
    return f"keras.src.ops.{name}"


def _camel_case(name: str) -> str:
    """`expand_dims` -> `ExpandDims`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


# ---- errors -----------------------------------------------------------------------------------

# What is raised about arguments, and what a caller gets to see of it. Subclasses, which jax's
# special errors are, stay as they are.
_KINDS: dict[type[Exception], type[Exception]] = {
    TypeError: TypeError,
    ValueError: ValueError,
    IndexError: IndexError,
    AttributeError: TypeError,
    NameError: TypeError,
    AssertionError: ValueError,
    KeyError: ValueError,
    OverflowError: ValueError,
    ZeroDivisionError: ValueError,
}


def _is_about_arguments(error: Exception) -> bool:
    """Whether an error is to be explained: not explained yet, and no mistake of the op's own."""
    if hasattr(error, "_explained") or type(error) not in _KINDS:
        return False
    return not isinstance(error, NameError) or "axis name" in str(error)


def _explained(
    error: Exception, function: Op, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Exception:
    """The error with the op's name and what it was given."""
    name = getattr(function, "__name__", "op")
    detail = str(error).strip()
    if isinstance(error, NameError):
        detail = "an axis is an int, not a name."
    if "\n  " in detail or detail.startswith(
        (f"{name} takes", f"{name}: ")
    ):  # in our words already
        message = detail if name in detail.split("\n")[0] else f"{name}: {detail}"
    else:
        received = _described(function, args, kwargs)
        because = f": {_plainly(detail)}" if detail else "."
        message = explain(f"{name} does not accept its arguments{because}", received=received)
    clear = _KINDS[type(error)](message)
    clear._explained = True  # type: ignore[attr-defined]
    return clear


# What jax says of the primitives inside an op, in words that fit the op.
_PLAINLY = (
    (r".*ncompatible shapes for broadcasting: (?:shapes=\[)?(.*?)[\].]*$", r"\1 do not broadcast"),
    (
        r"dot_general requires contracting dimensions to have the same shape, got \((\d*|None),\)"
        r" and \((\d*|None),\)\.?$",
        r"the sizes of the axes that are summed over differ, \1 and \2",
    ),
    (r"tuple index out of range$", "there is no such axis"),
)


def _plainly(detail: str) -> str:
    said = detail.split("\n")[0]
    for pattern, words in _PLAINLY:
        if re.match(pattern, said):
            return re.sub(pattern, words, said) + "."
    return said


def _described(function: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """`x1 float32 (2, 3), axis 1`: the arguments as messages show them."""
    try:
        given = function.signature.bind(*args, **kwargs).arguments
    except TypeError:
        given = {**{str(i): a for i, a in enumerate(args)}, **kwargs}
    return ", ".join(f"{name} {_brief(value)}" for name, value in given.items())


def _brief(value: Any) -> str:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        sizes = [str(n) if isinstance(n, int) else "None" for n in value.shape]
        comma = "," if len(sizes) == 1 else ""
        return f"{value.dtype} ({', '.join(sizes)}{comma})"
    if isinstance(value, (list, tuple)) and any(hasattr(v, "shape") for v in value):
        return "[" + ", ".join(_brief(v) for v in value) + "]"
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


# ---- ops in a graph ---------------------------------------------------------------------------


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
        given = {**self.settings, **kwargs}
        if self.function.leading is not None:
            leading = [given.pop(name) for name in self.function.leading]
            return self.function(*leading, *args, **given)
        given.update(zip(self.function.tensors, args, strict=False))
        return self.function(**given)

    def record(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call on symbolic tensors: settings go to the op, tensors to the node."""
        function = self.function
        try:
            bound = function.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(explain(f"{function.__name__}() {error}.")) from None
        bound.apply_defaults()
        tensors: dict[str, Any] = {}
        rest: list[Any] = []
        named: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            kind = function.signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_POSITIONAL:
                rest.extend(value)
            elif kind is inspect.Parameter.VAR_KEYWORD:
                (named if name in function.named else self.settings).update(value)
            elif name in function.tensors and function.leading is None:
                tensors[name] = value
            elif name in function.named or any_symbolic((value,)):
                named[name] = value
            elif name == "data_format" and value is None:
                self.settings[name] = settings.current.image_data_format
            elif name == "dtype" and value is None and function.says_dtype:
                self.settings[name] = settings.current.floatx
            else:
                self.settings[name] = value
        ordered = [tensors[name] for name in function.tensors if name in tensors]
        try:
            return self.symbolic_call(*ordered, *rest, **named)
        except TypeError as error:
            if not hasattr(error, "_explained"):
                raise
            # With symbolic tensors, shapes that do not fit are a matter of values for Keras.
            raise ValueError(str(error)) from error

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        rule = getattr(self.function, "shape", None)
        if rule is None:
            made = remembered(self.function, self.call, self.settings, args, kwargs)
        else:
            given = {**self.settings, **kwargs}
            given.update(zip(self.function.tensors, args, strict=False))
            made = rule(**given)
        if self.function.sparse_if is not None:
            operands = args[0] if isinstance(args[0], (list, tuple)) else args
            made.sparse = self.function.sparse_if([getattr(x, "sparse", False) for x in operands])
        return made

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, **self.settings}


def op_from_config(class_name: str, config: dict[str, Any]) -> OpCall | None:
    """The graph op that a file names; None if there is no such op."""
    function = TABLE.get(class_name)
    if function is None:
        return None
    config = dict(config)
    name = config.pop("name", None)
    parameters = function.signature.parameters
    known = set(parameters)
    unknown = [key for key in config if key not in known]
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        raise ValueError(
            explain(f"The operation {class_name!r} takes no setting {unknown[0]!r}.", known=known)
        )
    return OpCall(function, config, name)


# ---- what ops accept --------------------------------------------------------------------------

SCALARS = (bool, int, float, complex)


def tensor(x: Any, dtype: Any = None) -> Any:
    """An array from what ops accept: arrays, Variables, nested lists, Python scalars.

    A Python float becomes `floatx`, an int `int32`.
    """
    if isinstance(x, jax.Array) and dtype is None:
        return x
    if isinstance(x, Variable):
        x = x.value
    if dtype is None:
        if isinstance(x, jax.Array):
            return x
        if isinstance(x, SCALARS):
            return from_host(x, dtypes.numpy_dtype(dtypes.standardize_dtype(type(x))))
        if isinstance(x, (list, tuple)):
            return _from_list(x)
        if hasattr(x, "todense"):  # sparse arrays of jax and scipy
            x = x.todense()
        if x is None:
            raise ValueError(explain("An array of numbers is expected, got None."))
        if isinstance(x, (str, bytes)):
            raise TypeError(explain(f"An array of numbers is expected, got {x!r}."))
        return jnp.asarray(x) if hasattr(x, "__jax_array__") else from_host(x)
    if isinstance(x, (list, tuple)) and not _plain_numbers(x):
        x = _from_list(x)
    if hasattr(x, "todense"):
        x = x.todense()
    return jnp.asarray(x, dtype=dtypes.numpy_dtype(dtypes.standardize_dtype(dtype)))


def weak(x: Any) -> Any:
    """Like `tensor`, but a Python scalar stays one, so that it does not decide a dtype."""
    return x if type(x) in SCALARS else tensor(x)


def pair(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Two operands, of which a Python scalar decides no more than the kind of number.

    Example:

        >>> a, b = pair(np.int8(3), 0.5)
        >>> str(a.dtype), b
        ('float32', 0.5)
    """
    if type(x1) in SCALARS:
        if type(x2) in SCALARS:
            dtype = dtypes.result_type(type(x1), type(x2))
            return tensor(x1, dtype), tensor(x2, dtype)
        x2 = tensor(x2)
        common = _promoted(x2.dtype, x1.__class__)
        return x1, (x2 if x2.dtype == common else x2.astype(common))
    x1 = tensor(x1)
    if type(x2) in SCALARS:
        common = _promoted(x1.dtype, x2.__class__)
        return (x1 if x1.dtype == common else x1.astype(common)), x2
    return x1, tensor(x2)


@functools.lru_cache(maxsize=256)
def _promoted(dtype: Any, kind: Any) -> np.dtype:
    return dtypes.numpy_dtype(dtypes.result_type(dtype.name, kind))


def _plain_numbers(values: Any) -> bool:
    return all(isinstance(x, (*SCALARS, np.generic)) for x in jax.tree.leaves(values))


def _from_list(values: Sequence[Any]) -> Any:
    """A nested list as an array; Variables and arrays inside are stacked."""
    leaves = jax.tree.leaves(list(values), is_leaf=lambda x: isinstance(x, Variable))
    if any(isinstance(x, (jax.Array, Variable)) for x in leaves):
        return jnp.stack([jnp.asarray(tensor(v)) for v in values])
    array = np.asarray(values)
    if array.dtype.kind == "f" and not any(isinstance(x, (np.ndarray, np.generic)) for x in leaves):
        return from_host(array, dtypes.numpy_dtype(dtypes.standardize_dtype(None)))
    return from_host(array)


def to_float(x: Any) -> Any:
    """The array in a floating dtype: `floatx` for integers and bools."""
    x = tensor(x)
    if x.dtype.kind in "fcV" or jnp.issubdtype(x.dtype, jnp.inexact):
        return x
    return x.astype(dtypes.standardize_dtype(None))


def axes(axis: Any) -> Any:
    """An axis argument as jax takes it: lists as tuples."""
    return tuple(axis) if isinstance(axis, list) else axis


def fused(fn: Callable[..., Any] | None = None, *, static: Sequence[str] = ()) -> Any:
    """Let a formula of several steps cost one dispatch when it is called on arrays.

    Inside a trace it leaves no mark: the steps are inlined.

    Args:
        fn: function of arrays.
        static: names of parameters that are settings rather than arrays.

    Example:

        >>> @fused(static=("n",))
        ... def shifted(x, n):
        ...     return (x + n) * 2
        >>> float(shifted(1.0, n=3))
        8.0
    """
    if fn is None:
        return functools.partial(fused, static=static)
    return jax.jit(fn, static_argnames=tuple(static), inline=True)


# ---- rows: an op of jax.numpy in one line -----------------------------------------------------


def _named(fn: Callable[..., Any], name: str, doc: str, module: str) -> Callable[..., Any]:
    fn.__name__ = fn.__qualname__ = name
    fn.__doc__, fn.__module__ = doc, module
    return fn


_UNARY = "\n\nArgs:\n    x: array of any shape.\n\nReturns:\n    An array of the same shape.\n"
_BINARY = (
    "\n\nArgs:\n    {0}: array.\n    {1}: array, broadcast against `{0}`.\n\n"
    "Returns:\n    An array of the broadcast shape.\n"
)
_REDUCTION = (
    "\n\nArgs:\n    x: array of any shape.\n    axis: the axis or axes to fold; all of them if"
    " None.\n    keepdims: whether folded axes stay with size 1.\n\nReturns:\n    An array without"
    " the folded axes.\n"
)


def unary(
    function: Any, name: str, doc: str, *, floating: bool = False, file_name: str | None = None
) -> Op:
    """An op of one tensor, element by element.

    Args:
        function: computes it on a jax array.
        name: of the op.
        doc: its docstring.
        floating: whether integers are turned into floats first.
        file_name: the class name in files where it is not the CamelCase of the name.
    """
    convert = to_float if floating else tensor

    def row(x: Any) -> Any:
        return function(convert(x))

    known = op(_named(row, name, doc + _UNARY, _caller()), file_name=file_name)
    known.shape = element_by_element(known)
    return known


def binary(
    function: Any,
    name: str,
    doc: str,
    *,
    floating: bool = False,
    letters: bool = False,
    file_name: str | None = None,
) -> Op:
    """An op of two tensors that are broadcast against each other.

    Args:
        function: computes it on two jax arrays.
        name: of the op.
        doc: its docstring.
        floating: whether integers are turned into floats first.
        letters: whether the parameters are called x and y rather than x1 and x2.
        file_name: the class name in files where it is not the CamelCase of the name.
    """
    floats = floating

    def row(x1: Any, x2: Any) -> Any:
        x1, x2 = pair(x1, x2)
        if floats:
            x1, x2 = to_floats(x1, x2)
        return function(x1, x2)

    def lettered(x: Any, y: Any) -> Any:
        return row(x, y)

    fn = lettered if letters else row
    doc += _BINARY.format(*(("x", "y") if letters else ("x1", "x2")))
    known = op(_named(fn, name, doc, _caller()), tensors=2, file_name=file_name)
    known.shape = broadcast(known)
    return known


def to_floats(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Two operands, of which integers become floats of the dtype that both promote to."""
    dtype = jnp.result_type(x1, x2)
    if jnp.issubdtype(dtype, jnp.inexact):
        return x1, x2
    floatx = dtypes.standardize_dtype(None)
    return jnp.asarray(x1, floatx), jnp.asarray(x2, floatx)


def reduction(function: Any, name: str, doc: str, *, floating: bool = False) -> Op:
    """An op that folds axes: `(x, axis=None, keepdims=False)`; all axes if None."""
    convert = to_float if floating else tensor

    def row(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return function(apart(convert(x)), axis=axes(axis), keepdims=keepdims)

    known = op(_named(row, name, doc + _REDUCTION, _caller()))
    known.shape = folded(known)
    return known


def _caller() -> str:
    """The module in which a row stands."""
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None and frame.f_back.f_back is not None
    return frame.f_back.f_back.f_globals["__name__"]


OP_READERS.append(op_from_config)
