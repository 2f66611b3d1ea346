"""All places in the source that give a fix."""

import ast
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parent.parent.parent / "src" / "cornu"

# How `errors.value_error` hands its arguments on.
HANDED_ON = {"explain(what, fix=fix, **facts)"}


class Site(NamedTuple):
    """A call with a `fix=`: its file below the source, and its lines."""

    file: str
    first: int
    last: int
    suggests: bool  # a name that is like the given one
    texts: tuple[str, ...]  # the constant parts of the fix

    @property
    def package(self) -> str:
        """The folder or file of the root in which it stands."""
        return self.file.split("/")[0].removesuffix(".py")


def sites() -> list[Site]:
    """Every call in the source that is given a fix."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            for keyword in node.keywords:
                if keyword.arg == "fix" and ast.unparse(node) not in HANDED_ON:
                    text = ast.unparse(keyword.value)
                    found.append(
                        Site(
                            path.relative_to(SOURCE).as_posix(),
                            node.lineno,
                            node.end_lineno or node.lineno,
                            "did_you_mean" in text,
                            tuple(_constants(keyword.value)),
                        )
                    )
    return found


def texts() -> dict[str, list[str]]:
    """All texts of fixes by file, also those that a variable `fix` or a `Misfit` holds."""
    found: dict[str, list[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        parts = []
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "fix":
                parts += _constants(node.value)
            elif isinstance(node, ast.Assign | ast.AugAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any("fix" in ast.unparse(t).lower() for t in targets):
                    parts += _constants(node.value)
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Misfit":
                parts += [c for argument in node.args[1:] for c in _constants(argument)]
            elif isinstance(node, ast.FunctionDef) and node.name in ("_remedy", "_fix"):
                parts += _constants(node)
        if parts:
            found[path.relative_to(SOURCE).as_posix()] = parts
    return found


def _constants(node: ast.AST) -> list[str]:
    """The texts in an expression, with what is filled in left out."""
    inside = {
        id(part)
        for joined in ast.walk(node)
        if isinstance(joined, ast.JoinedStr)
        for part in joined.values
    }
    found = []
    for part in ast.walk(node):
        if isinstance(part, ast.JoinedStr):
            found.append(
                "".join(
                    v.value if isinstance(v, ast.Constant) else "\N{HORIZONTAL ELLIPSIS}"
                    for v in part.values
                )
            )
        elif isinstance(part, ast.Constant) and id(part) not in inside:
            found += [part.value] if isinstance(part.value, str) else []
    return found
