"""Ops: one Python function in three modes.

    absolute(array)          computes
    absolute(tracer)         traces
    absolute(KerasTensor)    finds the shape and adds a node to the graph

`@op` does the third; the row helpers (`unary`, `binary`, `reduction`) make an op of a function of
jax.numpy in one line. There are no op classes. Shapes come from tracing the function, which is
remembered (`core/graph/shapes.py`); the families of the rows have a rule each, and so have the few
ops that cannot be traced without sizes (`shape_rule`).

In files a graph op has the class name that Keras gives it (`Absolute`), the CamelCase of the
function's name; `TABLE` reverses this. Of its arguments, those named by `tensors` belong to the
node, the others are settings and belong to the op's config:

    concatenate([a, b], axis=-1)   ->   Concatenate, config {"axis": -1}, node args ([a, b],)

What ops accept as arrays stands in `core/graph/operands.py`, what they say of wrong arguments in
`core/graph/op_errors.py`.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax

from cornu import bcoo, names, settings
from cornu.core.graph.op_errors import KINDS, is_about_arguments, with_op
from cornu.core.graph.operands import axes, in_float32, pair, tensor, to_float, to_floats
from cornu.core.graph.operation import Operation
from cornu.core.graph.shapes import broadcast, element_by_element, folded, remembered
from cornu.core.graph.traced_errors import in_our_words
from cornu.core.objects.serialize import OP_READERS
from cornu.core.programs.eager import in_one_program
from cornu.core.symbolic import any_symbolic
from cornu.errors import type_error, value_error

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
    wide: bool = False,
) -> Any:
    """Let an array function also accept symbolic tensors.

    Args:
        fn: the function.
        tensors: parameters that are tensors: the number of the first ones, or their names in the
            order in which a file has them. The others are settings, which a file keeps in the
            config of the op rather than with the tensors of the call.
        named: further tensor parameters, which a file has by keyword.
        file_name: the class name in files where it is not the CamelCase of the function's.
        calls_back: the op runs functions of the user, whose errors are theirs to explain.
        compiled: called on arrays, the op runs as one program (see `core/programs/eager.py`): for
            ops of several steps whose results have shapes that do not depend on values.
        says_dtype: a file says `floatx` where the setting `dtype` is None.
        wide: half-precision arrays are computed with in float32, and the result is rounded.

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
            wide=wide,
        )
    signature = inspect.signature(fn)
    parameters = list(signature.parameters.values())
    if isinstance(tensors, int):
        tensors = [p.name for p in parameters if p.kind in _POSITIONAL][:tensors]
    compute = in_float32(fn) if wide else fn
    compute = in_one_program(compute, [*tensors, *named]) if compiled else compute

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args, kwargs):
            return OpCall(call).record(args, kwargs)
        try:
            if bcoo.may_exist() and not calls_back and bcoo.holds_sparse((args, kwargs)):
                return _of_sparse(known, compute, args, kwargs)
            return compute(*args, **kwargs)
        except tuple(KINDS) as error:
            if calls_back or not is_about_arguments(error):
                raise
            raise with_op(error, call, args, kwargs) from error
        except jax.errors.UnexpectedTracerError as error:
            in_our_words(error)
            raise

    known: Op = call
    known.tensors = tuple(tensors)
    known.named = frozenset(named)
    known.class_name = file_name or _camel_case(fn.__name__)
    known.keras_module = _keras_module(fn.__module__)
    known.signature = signature
    known.says_dtype = says_dtype
    known.sparse = None  # what it does with sparse arrays: see ops/sparse.py
    known.elementwise = 0  # how many tensors it computes on element by element
    # In `einsum(subscripts, *operands)` the tensors come after a setting.
    known.leading = (
        tuple(p.name for p in parameters if p.kind in _POSITIONAL)
        if any(p.kind is p.VAR_POSITIONAL for p in parameters)
        else None
    )
    TABLE[known.class_name] = known
    return known


def _of_sparse(
    known: Op, compute: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """The op's own answer to sparse arrays if it has one, else what it computes on dense ones."""
    if known.sparse is not None:
        bound = known.signature.bind(*args, **kwargs)
        answer = known.sparse(*bound.args, **bound.kwargs)
        if answer is not NotImplemented:
            return answer
    return compute(*bcoo.dense(args), **bcoo.dense(kwargs))


def shape_rule(function: Op) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function that tells the symbolic outputs of an op which cannot be traced.

    The rule takes the op's arguments and returns `KerasTensor`s, or `NotImplemented` for arguments
    with which it can be.
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


# ---- ops in a graph ---------------------------------------------------------------------------


class OpCall(Operation):
    """An op in a graph: the function and its settings.

    A graph holds one for each call of an op on symbolic tensors.
    """

    _untracked_attributes = frozenset(("function",))

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
            raise type_error(f"{function.__name__}() {error}.") from None
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
        except (TypeError, IndexError) as error:
            if not hasattr(error, "_explained"):
                if type(error) is not IndexError:
                    raise
                text = str(with_op(error, function, args, kwargs))  # of a shape rule
                raise ValueError(text) from error
            # With symbolic tensors, shapes that do not fit are a matter of values for Keras.
            raise ValueError(str(error)) from error

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        rule = getattr(self.function, "shape", None)
        if rule is not None:
            given = {**self.settings, **kwargs}
            given.update(zip(self.function.tensors, args, strict=False))
            made = rule(**given)
            if made is not NotImplemented:
                return made
        return remembered(self.function, self.call, self.settings, args, kwargs)

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
        raise value_error(
            f"The operation {class_name!r} takes no setting {unknown[0]!r}.", known=known
        )
    return OpCall(function, config, name)


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
    "\n\nArgs:\n    x: array of any shape.\n    axis: the axis or axes to reduce; all of them"
    " if None.\n    keepdims: whether reduced axes stay with size 1.\n\nReturns:\n    An array"
    " without the reduced axes.\n"
)


def unary(
    function: Any,
    name: str,
    doc: str,
    *,
    module: str,
    floating: bool = False,
    wide: bool = False,
    file_name: str | None = None,
) -> Op:
    """An op of one tensor, element by element.

    Args:
        function: computes it on a jax array.
        name: name of the op.
        doc: docstring of the op.
        module: full name of the module of the op.
        floating: whether integers are turned into floats first.
        wide: whether half-precision arrays are computed with in float32.
        file_name: the class name in files where it is not the CamelCase of the name.
    """
    convert = to_float if floating else tensor

    def row(x: Any) -> Any:
        return function(convert(x))

    known = op(_named(row, name, doc + _UNARY, module), file_name=file_name, wide=wide)
    known.shape, known.elementwise = element_by_element(known), 1
    return known


def binary(
    function: Any,
    name: str,
    doc: str,
    *,
    module: str,
    floating: bool = False,
    letters: bool = False,
    file_name: str | None = None,
) -> Op:
    """An op of two tensors that are broadcast against each other.

    Args:
        function: computes it on two jax arrays.
        name: name of the op.
        doc: docstring of the op.
        module: full name of the module of the op.
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
    known = op(_named(fn, name, doc, module), tensors=2, file_name=file_name)
    known.shape, known.elementwise = broadcast(known), 2
    return known


def reduction(
    function: Any, name: str, doc: str, *, module: str, floating: bool = False, wide: bool = False
) -> Op:
    """An op that reduces axes: `(x, axis=None, keepdims=False)`; all axes if None."""
    convert = to_float if floating else tensor

    def row(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return function(convert(x), axis=axes(axis), keepdims=keepdims)

    known = op(_named(row, name, doc + _REDUCTION, module), wide=wide)
    known.shape = folded(known)
    return known


def rows_of(module: str) -> tuple[Callable[..., Op], Callable[..., Op], Callable[..., Op]]:
    """`unary`, `binary` and `reduction` for the ops of a module, by whose name files know them."""
    return (
        functools.partial(unary, module=module),
        functools.partial(binary, module=module),
        functools.partial(reduction, module=module),
    )


OP_READERS.append(op_from_config)
