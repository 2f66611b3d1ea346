"""Errors of JAX in the user's own functions, in words that name the function and what to write.

    TypeError: Scale.call asks whether a tensor is true, which it cannot know while it is traced.
      line: if ops.mean(x) > 0: x = x * 2
      fix:  ops.where(ops.mean(x) > 0, a, b)

While a program is traced, tensors have shapes and no values, so Python's `if`, `float` and `for`,
and functions of numpy, cannot look at them. The fix is the user's own line, written with ops. An
error keeps its type: its text alone is exchanged.
"""

import ast
import inspect
import linecache
import os
import re
import sys
import textwrap
import types
from collections.abc import Callable
from typing import Any

import jax

from cornu import errors
from cornu.core.graph.op_errors import plainly
from cornu.errors import explain

_LIBRARY = "cornu"
_NUMPY = ("numpy.", "jax.", "jaxlib.")


def in_our_words(error: BaseException) -> None:
    """Exchange the text of an error that JAX raised in a function of the user."""
    if hasattr(error, "_explained"):
        return
    text = _described(error)
    if text is not None:
        error.args = (text,)
        error._explained = True  # type: ignore[attr-defined]


def _described(error: BaseException) -> str | None:
    """The text that an error is to have; None if it stays as it is."""
    if isinstance(error, AssertionError | RuntimeError) and _from(error) == "jax._src.xla_bridge":
        return _no_device(error)
    for kind, describe in _KINDS:
        if isinstance(error, kind):
            return describe(error, _Place(error))
    return _wrong_shapes(error)


def _from(error: BaseException) -> str:
    """The module that raised an error."""
    frames = errors.frames_of(error)
    return frames[-1].tb_frame.f_globals.get("__name__", "") if frames else ""


def _no_device(error: BaseException) -> str:
    asked = os.environ.get("JAX_PLATFORMS", "")
    detail = str(error).split("\n")[0]
    return explain(
        f"JAX finds no device for JAX_PLATFORMS={asked}.",
        **({"detail": detail[:200]} if detail else {}),
        fix='os.environ["JAX_PLATFORMS"] = "cpu"    # before the first import of cornu or jax\n'
        "or install what the device needs: pip install 'jax[cuda12]'",
    )


class _Place:
    """Where the user's code met an error.

    Attributes:
        name: the function, as `Scale.call`.
        line: its line, without indentation; empty where the source is not known.
        ops: what the ops are called there, as `ops` or `keras.ops`.
    """

    def __init__(self, error: BaseException):
        found = _users_frame(error)
        self.name, self.line, self.ops = "The function", "", "keras.ops"
        self._code: types.CodeType | None = None
        if found is None:
            return
        code, scope = found.tb_frame.f_code, found.tb_frame.f_globals
        self.name = getattr(code, "co_qualname", code.co_name).rpartition("<locals>.")[2]
        if self.name == "<lambda>":
            self.name = "A lambda"
        elif self.name == "<module>":
            self.name = "The program"
        self.line = linecache.getline(code.co_filename, found.tb_lineno).strip()
        self.ops = _name_of_ops({**scope, **found.tb_frame.f_locals})
        self._code, self._number = code, found.tb_lineno

    def facts(self) -> dict[str, str]:
        return {"line": self.line} if self.line else {}

    def statement(self) -> ast.stmt | None:
        """The statement at the line; None where the source is not known."""
        return next(iter(self.statements()), None)

    def statements(self) -> list[ast.stmt]:
        """The statement at the line, and those that follow it in the same block."""
        if self._code is None:
            return []
        try:
            lines, first = inspect.getsourcelines(self._code)
            body = ast.parse(textwrap.dedent("".join(lines))).body
        except (OSError, SyntaxError):  # typed into a shell, or a lambda inside a call
            return []
        number = self._number - max(first, 1) + 1
        found: list[ast.stmt] = []
        while body:
            inside = [s for s in body if s.lineno <= number <= (s.end_lineno or s.lineno)]
            if not inside:
                break
            found = body[body.index(inside[0]) :]
            if isinstance(inside[0], (ast.If, ast.While, ast.For)) and inside[0].lineno == number:
                break  # it is its head that asks
            blocks = [getattr(inside[0], name, None) for name in ("body", "orelse")]
            body = [s for block in blocks if isinstance(block, list) for s in block]
        return found

    def rewritten(self, change: Callable[[ast.AST], ast.AST | None]) -> str | None:
        """The line with some nodes exchanged; None if there is nothing to exchange."""
        statement = self.statement()
        if statement is None:
            return None
        transformer = _Exchange(change)
        changed = transformer.visit(statement)
        return ast.unparse(changed) if transformer.count else None


class _Exchange(ast.NodeTransformer):
    """Exchanges the nodes for which a function has another one."""

    def __init__(self, change: Callable[[ast.AST], ast.AST | None]):
        self._change, self.count = change, 0

    def visit(self, node: ast.AST) -> Any:
        node = super().generic_visit(node)
        other = self._change(node)
        self.count += other is not None
        return node if other is None else other


def _users_frame(error: BaseException) -> types.TracebackType | None:
    for step in reversed(errors.frames_of(error)):
        module = step.tb_frame.f_globals.get("__name__", "")
        if not errors.is_ours(step.tb_frame) and not module.startswith(_NUMPY):
            return step
    return None


def _name_of_ops(scope: dict[str, Any]) -> str:
    modules = {getattr(v, "__name__", ""): k for k, v in scope.items() if isinstance(v, _MODULE)}
    if f"{_LIBRARY}.ops" in modules:
        return modules[f"{_LIBRARY}.ops"]
    return f"{modules.get(_LIBRARY, 'keras')}.ops"


_MODULE = types.ModuleType


def _call(name: str, *args: ast.AST) -> ast.AST:
    call: Any = ast.parse(f"{name}()", mode="eval").body
    call.args = list(args)
    return call


# ---- what needs a value -------------------------------------------------------------------------


def _asked_for_truth(error: BaseException, place: _Place) -> str:
    statement, ops = place.statement(), place.ops
    fix = f"{ops}.where(condition, a, b)"
    if isinstance(statement, ast.While):
        condition = ast.unparse(statement.test)
        fix = f"{ops}.while_loop(lambda x: {condition}, lambda x: ..., (x,))"
    elif isinstance(statement, ast.If):
        condition = ast.unparse(statement.test)
        fix = f"{ops}.where({condition}, a, b)\n"
        fix += f"or {ops}.cond({condition}, lambda: a, lambda: b)"
        fix = _without_if(place) or fix
    else:
        fix = (
            place.rewritten(
                lambda node: (
                    _call(f"{ops}.where", node.test, node.body, node.orelse)
                    if isinstance(node, ast.IfExp)
                    else None
                )
            )
            or fix
        )
    return explain(
        f"{place.name} asks whether a tensor is true, and while it is traced tensors have no "
        "values.",
        **place.facts(),
        fix=fix,
    )


def _without_if(place: _Place) -> str | None:
    """`x = ops.where(condition, a, b)`, where the branches of an `if` give one name or result."""
    first, *rest = place.statements()
    assert isinstance(first, ast.If)
    yes = first.body
    no = first.orelse or rest[:1]
    if len(yes) != 1 or len(no) > 1:
        return None
    both = [yes[0], *no]
    if len(both) == 2 and all(isinstance(s, ast.Return) and s.value for s in both):
        values = [s.value for s in both if isinstance(s, ast.Return) and s.value]
        return f"return {ast.unparse(_call(f'{place.ops}.where', first.test, *values))}"
    if isinstance(yes[0], ast.Assign) and len(yes[0].targets) == 1:
        target = yes[0].targets[0]
        other: Any = ast.parse(ast.unparse(target), mode="eval").body
        if first.orelse:
            if not isinstance(no[0], ast.Assign) or ast.dump(no[0].targets[0]) != ast.dump(target):
                return None
            other = no[0].value
        value = _call(f"{place.ops}.where", first.test, yes[0].value, other)
        return f"{ast.unparse(target)} = {ast.unparse(value)}"
    return None


def _gave_to_numpy(error: BaseException, place: _Place) -> str:
    def with_ops(node: ast.AST) -> ast.AST | None:
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            return None
        known = hasattr(sys.modules.get(f"{_LIBRARY}.ops"), node.attr)
        if node.value.id not in ("np", "numpy", "onp") or not known:
            return None
        return ast.parse(f"{place.ops}.{node.attr}", mode="eval").body

    return explain(
        f"{place.name} gives a tensor to numpy, and while it is traced tensors have no values.",
        **place.facts(),
        fix=place.rewritten(with_ops) or f"use functions of {place.ops} in place of numpy's.",
    )


def _depends_on_values(place: _Place) -> str:
    """`unique` and `nonzero` give as many results as the values say."""

    def with_size(node: ast.AST) -> ast.AST | None:
        if not (isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".unique")):
            return None
        node.keywords.append(ast.keyword("size", ast.Constant(8)))
        return node

    if place.line:
        fix = place.rewritten(with_size) or f"{place.ops}.where(condition, x, 0.0)"
    else:  # ops of a graph, which run one by one where nothing is compiled
        fix = "model.run_eagerly = True"
    return explain(
        f"{place.name} computes a tensor whose size depends on values, and a compiled program has "
        "to know all sizes.",
        **place.facts(),
        fix=fix,
    )


def _wanted_a_number(error: BaseException, place: _Place) -> str:
    def without(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.func, ast.Name):
            if node.func.id == "float":
                return node.args[0]
            if node.func.id == "int":
                return _call(f"{place.ops}.cast", node.args[0], ast.Constant("int32"))
        if isinstance(node, ast.Call) and not node.args and isinstance(node.func, ast.Attribute):
            return node.func.value if node.func.attr in ("item", "tolist", "numpy") else None
        return None

    if re.search(r"jnp\.(unique|nonzero)", str(error)):
        return _depends_on_values(place)
    return explain(
        f"{place.name} wants a tensor as a Python number, and while it is traced tensors have no "
        "values.",
        **place.facts(),
        fix=place.rewritten(without) or "compute with the tensor itself.",
    )


def _wanted_a_count(error: BaseException, place: _Place) -> str:
    statement = place.statement()
    count = "n"
    if isinstance(statement, ast.For) and isinstance(statement.iter, ast.Call):
        count = ast.unparse(statement.iter.args[-1])
    return explain(
        f"{place.name} wants a tensor as a size or a number of turns, and while it is traced "
        "tensors have no values.",
        **place.facts(),
        fix=f"{place.ops}.fori_loop(0, {count}, lambda i, x: ..., x)",
    )


def _selected_by_truth(error: BaseException, place: _Place) -> str:
    def with_where(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Subscript) and isinstance(node.slice, (ast.Compare, ast.Name)):
            return _call(f"{place.ops}.where", node.slice, node.value, ast.Constant(0.0))
        return None

    return explain(
        f"{place.name} selects elements by a condition, so the shape of the result would depend "
        "on values.",
        **place.facts(),
        fix=place.rewritten(with_where) or f"{place.ops}.where(condition, x, 0.0)",
    )


def _leaked(error: BaseException, place: _Place) -> str:
    made = [
        f"{function} (line {number})"
        for number, function in re.findall(r":(\d+):\d+ \((.*?)\)", str(error))
        if "<locals>.row" not in function
    ]
    own = [m for m in made if not re.match(r"(Layer|Call|op|reduction|unary|binary)\b", m)]
    return explain(
        "A tensor that was made while a program was traced is used outside of it, where it has no "
        "value.",
        **({"made": own[-1].rpartition("<locals>.")[2]} if own else {}),
        fix="return it, or keep it in a variable of the layer:\n"
        "self.last = self.add_weight(shape=(), trainable=False)    # in __init__\n"
        "self.last.assign(value)    # in call",
    )


# From the special to the general: the first that fits.
_KINDS: tuple[tuple[type[BaseException], Callable[[BaseException, _Place], str]], ...] = (
    (jax.errors.TracerBoolConversionError, _asked_for_truth),
    (jax.errors.TracerArrayConversionError, _gave_to_numpy),
    (jax.errors.TracerIntegerConversionError, _wanted_a_count),
    (jax.errors.NonConcreteBooleanIndexError, _selected_by_truth),
    (jax.errors.ConcretizationTypeError, _wanted_a_number),
    (jax.errors.UnexpectedTracerError, _leaked),
)


def _wrong_shapes(error: BaseException) -> str | None:
    """Operators on arrays of shapes that do not fit, which JAX refuses itself."""
    if type(error) not in (TypeError, ValueError):
        return None
    plain = plainly(str(error))
    if plain is None:
        return None
    place = _Place(error)
    return explain(f"{place.name}: {plain}", **place.facts())


errors.TRANSLATORS.append(in_our_words)
