"""Applies the fix of a message to the program that got it.

A fix is code: a statement for the data, a call or an argument to put in the place of the user's
own, or the line of the user in another way. One line is one alternative; words may stand before
the code (`or fill them: x = ...`) and its place after it (`activation="softmax" in layer 'last'`).

    x = x[None]                          goes before the last statement
    loss="mse"                           takes the place of that argument, wherever it was given
    units=3 in layer 'last'              is given to that layer
    layers.Flatten() before layer 'd'    stands before that layer in its list
    keras.Input(shape=(4,))              takes the place of the call of the same name
    return ops.exp(x)                    takes the place of the line that the message shows
    def get_config(self): ...            takes the place of that method, or is added to the class
    did you mean 'epochs'?               takes the place of the word that is like it
"""

import ast
import contextlib
import difflib
import inspect
import linecache
import re
import textwrap
import warnings
from typing import Any, NamedTuple

import numpy

import cornu as keras

PRELUDE = """
import os
import numpy
import numpy as np
import cornu as keras
from cornu import layers, ops
rng = np.random.default_rng(0)
x = rng.normal(size=(64, 4)).astype("float32")
y = np.arange(64) % 3
hot = np.eye(3, dtype="float32")[y]
"""
_numbers = iter(range(10**9))


class Message(NamedTuple):
    """What a program was told."""

    text: str
    is_error: bool


def run(source: str) -> tuple[Message | None, dict[str, Any]]:
    """The first error or warning of the library that a program gets, and its names."""
    name = f"<program {next(_numbers)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(PRELUDE, scope)
    with warnings.catch_warnings(record=True) as caught, contextlib.chdir("."):
        warnings.simplefilter("always")
        try:
            exec(compile(source, name, "exec"), scope)
        except Exception as error:
            return Message(str(error), True), scope
    texts = [str(w.message) for w in caught if issubclass(w.category, UserWarning)]
    return (Message(texts[0], False) if texts else None), scope


def fix_of(text: str) -> str | None:
    """The fix in a message, without its indentation."""
    found = re.search(r"^  fix: *", text, re.MULTILINE)
    if found is None:
        return None
    width = found.end() - found.start()
    first, *rest = text[found.end() :].split("\n")
    return "\n".join([first, *[line[width:] for line in rest if line.startswith(" " * width)]])


def alternatives(fix: str) -> list["Fix"]:
    """The pieces of code in a fix; lines that are prose are left out."""
    if _is_code(fix):
        return [Fix(fix)]
    return [found for line in fix.split("\n") if (found := _read(line)) is not None]


class Fix(NamedTuple):
    """One piece of code, and where it goes."""

    code: str
    place: str | None = None  # name of a layer
    before: bool = False  # in front of that layer
    old: str | None = None  # what it takes the place of
    also: "Fix | None" = None


_PLACES = (
    (r"(?P<code>.+?) in layer '(?P<place>\w+)'(?: and (?P<also>.+))?$", {}),
    (r"(?P<code>.+?) before layer '(?P<place>\w+)'$", {"before": True}),
    (r"(?P<code>.+?) in place of (?P<old>.+)$", {}),
    (r"(?P<code>.+?) in (?:the loss|one of them)$", {}),
)


def _read(line: str) -> Fix | None:
    line = re.sub(r"^or (?:put |use |make )?", "", line.strip()).rstrip(",").strip()
    hint = re.match(r"did you mean '([^']+)'", line)
    if hint:
        return Fix(hint[1], old="")
    if _is_code(line):
        return Fix(line)
    for pattern, more in _PLACES:
        found = re.match(pattern, line, re.DOTALL)
        if found and _is_code(found["code"]):
            parts = {k: v for k, v in found.groupdict().items() if k in ("place", "old") and v}
            also = found.groupdict().get("also")
            return Fix(found["code"], **parts, **more, also=_read(also) if also else None)
    _, colon, rest = line.partition(": ")
    return _read(rest) if colon else None


def _is_code(text: str) -> bool:
    for wrapped in (text, f"f({text})", f"def f(self):\n{textwrap.indent(text, '    ')}"):
        try:
            body = ast.parse(wrapped).body
        except SyntaxError:
            continue
        alone = body[0].value if isinstance(body[0], ast.Expr) else body[0]
        return not isinstance(alone, ast.Name | ast.AnnAssign)  # `pixels: x = ...` is no code
    return False


# ---- into the program ---------------------------------------------------------------------------


def applied(fix: Fix, source: str, message: str, scope: dict[str, Any]) -> str:
    """The program with a fix in it."""
    if fix.also is not None:
        source = applied(fix.also, source, message, scope)
    if fix.old == "":
        return _other_word(fix.code, source, message)
    if fix.old:
        start, old, end = _without_spaces(source).rpartition(_without_spaces(fix.old))
        assert old, f"{fix.old} is not in the program"
        return start + fix.code + end
    tree = ast.parse(source)
    if fix.before:
        return _before_layer(tree, fix)
    arguments = _arguments(fix.code)
    if arguments is not None:
        for name, value in arguments.items():
            if not _set_argument(tree, name, value, fix.place, scope):
                tree.body.insert(len(tree.body) - 1, ast.parse(f"{name} = {value}").body[0])
        return ast.unparse(tree)
    if _is_of_a_function(fix.code) or "\n  line:" in message:
        return _in_function(tree, fix.code, message)
    new = ast.parse(fix.code).body
    if len(new) == 1 and isinstance(new[0], ast.Expr) and isinstance(new[0].value, ast.Call):
        return _in_place_of_call(tree, new[0].value)
    tree.body[-1:-1] = new
    return ast.unparse(tree)


def _without_spaces(text: str) -> str:
    return ast.unparse(ast.parse(text))


def _other_word(word: str, source: str, message: str) -> str:
    known = set(re.findall(r"\w+", message)) & set(re.findall(r"\w+", source)) - {word}
    (wrong,) = difflib.get_close_matches(word, known, n=1, cutoff=0.3)
    return re.sub(rf"\b{wrong}\b", word, source)


def _arguments(code: str) -> dict[str, str] | None:
    """`units=1, activation=None` as arguments; None where it is a statement about data."""
    try:
        call: Any = ast.parse(f"f({code})", mode="eval").body
    except SyntaxError:
        return None
    # Data are assigned to, `x = ...`; arguments are given, `epochs=5`.
    if call.args or not call.keywords or not re.match(r"\w+=", code):
        return None
    return {k.arg: ast.unparse(k.value) for k in call.keywords}


def _calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _target(call: ast.Call, scope: dict[str, Any]) -> Any:
    """What a call calls; methods of models as those of the class."""
    name = ast.unparse(call.func)
    if name.startswith("model."):
        return getattr(keras.Model, name.removeprefix("model."), None)
    try:
        return eval(name, dict(scope))
    except Exception:
        return None


def _set_argument(
    tree: ast.AST, name: str, value: str, layer: str | None, scope: dict[str, Any]
) -> bool:
    """Give a call an argument in place of the one that it has; False if none takes it."""
    new = ast.parse(value, mode="eval").body
    calls = _calls(tree)
    if layer is not None:
        calls = [
            c for c in calls if any(k.arg == "name" and layer in ast.unparse(k) for k in c.keywords)
        ]
        assert calls, f"no layer is named {layer!r}"
    for call in calls:
        for keyword in call.keywords:
            if keyword.arg == name:
                keyword.value = new
                return True
    last = calls if layer is not None else sorted(calls, key=lambda c: -c.lineno)
    for call in last:
        try:
            parameters = list(inspect.signature(_target(call, scope)).parameters)
        except (TypeError, ValueError):
            continue
        if ast.unparse(call.func).startswith("model."):
            parameters = parameters[1:]  # self
        if name not in parameters:
            continue
        place = parameters.index(name)
        if place < len(call.args):
            call.args[place] = new
        elif name not in scope or layer is not None:
            call.keywords.append(ast.keyword(name, new))
        else:
            continue
        return True
    return False


def _before_layer(tree: ast.Module, fix: Fix) -> str:
    new = ast.parse(fix.code, mode="eval").body
    for node in ast.walk(tree):
        for i, item in enumerate(node.elts if isinstance(node, ast.List) else ()):
            if f"name='{fix.place}'" in ast.unparse(item):
                node.elts.insert(i, new)
                return ast.unparse(tree)
    raise AssertionError(f"no layer is named {fix.place!r}")


def _in_place_of_call(tree: ast.Module, new: ast.Call) -> str:
    """`fit(..., epochs=3)` adds to the call of that name, `fit(x, y)` replaces it."""
    name = ast.unparse(new.func).rpartition(".")[2]
    same = [c for c in _calls(tree) if ast.unparse(c.func).rpartition(".")[2] == name]
    if not same:
        tree.body.insert(len(tree.body) - 1, ast.Expr(new))
        return ast.unparse(ast.fix_missing_locations(tree))
    old = same[-1]
    given = {k.arg: k for k in old.keywords}
    given.update({k.arg: k for k in new.keywords})
    if not (new.args and isinstance(new.args[0], ast.Constant) and new.args[0].value is ...):
        old.args = new.args
        if name not in ("fit", "evaluate"):
            given = {k.arg: k for k in new.keywords}
    old.keywords = list(given.values())
    return ast.unparse(tree)


def _is_of_a_function(code: str) -> bool:
    try:
        first = ast.parse(code).body[0]
    except SyntaxError:
        return True
    return isinstance(first, ast.FunctionDef | ast.Return) or "self." in code


def _in_function(tree: ast.Module, code: str, message: str) -> str:
    """Exchange the line that the message shows, or the end of the function that it names."""
    new = ast.parse(f"def f(self):\n{textwrap.indent(code, '    ')}").body[0].body  # type: ignore[attr-defined]
    line = re.search(r"^  line: *(.*)$", message, re.MULTILINE)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        if isinstance(new[0], ast.FunctionDef):
            if isinstance(node, ast.FunctionDef) and node.name == new[0].name:
                node.args = new[0].args
                node.body[0] = new[0].body[0]
                return ast.unparse(tree)
            continue
        for i, statement in enumerate(body):
            shown = ast.unparse(statement).split("\n")[0]
            if line and shown == line[1].strip():
                both = isinstance(statement, ast.If) and isinstance(statement.body[-1], ast.Return)
                body[i : i + 1 + both] = new
                return ast.unparse(ast.fix_missing_locations(tree))
        named = isinstance(node, ast.FunctionDef) and f"{node.name} returned None" in message
        if not line and named:
            body[len(body) - (not isinstance(body[-1], ast.Assign)) :] = new
            return ast.unparse(ast.fix_missing_locations(tree))
    if isinstance(new[0], ast.FunctionDef):
        own = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        own[-1].body += new
        return ast.unparse(ast.fix_missing_locations(tree))
    raise AssertionError(f"nothing to exchange for {code!r}")


assert numpy and keras
