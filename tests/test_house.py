"""The house rules: who may import whom, and what an import may cost.

This is the only place that lists the floors. A module imports from floors below its own, from
its own package, and on a shared floor from packages that stand to its left; never up, never in a
circle, and never a module of the library inside a function.
"""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "cornu"

# From the ground up; within a floor, from left to right.
FLOORS = [
    ["version", "types", "context", "settings", "signpost", "glossary", "errors", "findings",
     "arguments", "engine", "absent", "bcoo", "budget", "tree", "names", "patterns", "numeric",
     "kernels"],
    ["archive", "data", "checks", "reports", "core"],
    ["random", "dtype_policies", "ops", "distribution"],
    ["activations", "initializers", "regularizers", "constraints", "losses", "metrics",
     "optimizers", "quantizers", "callbacks"],
    ["layers", "train"],
    ["storage"],
    ["models"],
    ["session", "utils", "datasets", "preprocessing", "applications"],
    ["saving", "legacy", "config", "mixed_precision", "backend", "compat", "demo", "cli",
     "__main__"],
]  # fmt: skip

# The side wing knows the ground alone.
SIDE_WING = {"archive", "data", "checks", "reports"}

# Files that are longer than one sitting, and why they may be.
LONG_FILES = {
    "ops/numpy.py": "a dictionary of ops, not a story",
}
LONGEST = 620

# What is named above its floor for type checkers alone: what loading a model returns.
NAMED_FOR_TYPES = {("storage/persistence.py", "cornu.models.model.Model")}

MODULES = sorted(SOURCE.rglob("*.py"))


def package_of(path: Path) -> str:
    """The folder or file directly below the root that a module belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def place_of(package: str) -> tuple[int, int]:
    for floor, packages in enumerate(FLOORS):
        if package in packages:
            return floor, packages.index(package)
    raise AssertionError(f"{package} stands on no floor; add it to FLOORS")


def imports_of(path: Path, run: bool = False) -> list[tuple[str, int, bool]]:
    """Modules of the library that a file imports: name, line, and whether inside a function.

    With `run` those alone that are imported when the program runs, and not for type checkers.
    """
    found = []
    tree = ast.parse(path.read_text())
    if run:
        tree.body = [node for node in tree.body if not _is_for_types(node)]
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        found += [
            (name, node.lineno, id(node) in inside)
            for name in names
            if name == "cornu" or name.startswith("cornu.")
        ]
    return found


def _is_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(("cornu", *(p for p in parts if p != "__init__")))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_go_down(path):
    own = package_of(path)
    if own == "__init__":
        return  # the lazy root names everything
    floor, position = place_of(own)
    for name, line, _ in imports_of(path):
        if name in ("cornu", "cornu.__version__"):
            assert floor == len(FLOORS) - 1, f"{path.name} imports the lazy root"
            continue
        other = name.split(".")[1]
        other_floor, other_position = place_of(other)
        allowed = (
            other == own
            or (str(path.relative_to(SOURCE)), name) in NAMED_FOR_TYPES
            or other_floor < floor
            or (other_floor == floor and other_position < position)
        )
        if own in SIDE_WING:
            allowed = other == own or other_floor == 0
        assert allowed, f"{path.relative_to(SOURCE)}:{line} imports {name}, which stands above"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_import_of_the_library_inside_a_function(path):
    inside = [(name, line) for name, line, in_function in imports_of(path) if in_function]
    assert not inside, f"move to the top of {path.relative_to(SOURCE)}: {inside}"


# Layers that call a kernel themselves. All others call `ops`, which choose the lowering, so that a
# layer of a user gets it too.
KERNEL_USERS = {
    "layers/rnn/recurrent.py": "the fused loops over the steps are no ops",
}


def test_layers_leave_the_choice_of_a_kernel_to_ops():
    users = {
        str(path.relative_to(SOURCE))
        for path in (SOURCE / "layers").rglob("*.py")
        if any(name.startswith("cornu.kernels") for name, _, _ in imports_of(path))
    }
    assert users == set(KERNEL_USERS)


def test_no_circles():
    graph = {}
    names = {module_name(path) for path in MODULES}
    for path in MODULES:
        if package_of(path) == "__init__":
            continue
        targets = set()
        for name, _, _ in imports_of(path, run=True):
            while name not in names and "." in name:
                name = name.rpartition(".")[0]
            targets.add(name)
        graph[module_name(path)] = targets - {module_name(path), "cornu"}
    done: set[str] = set()
    under_way: list[str] = []

    def visit(name: str) -> None:
        if name in done or name not in graph:
            return
        assert name not in under_way, f"circle: {[*under_way[under_way.index(name) :], name]}"
        under_way.append(name)
        for other in sorted(graph[name]):
            visit(other)
        under_way.pop()
        done.add(name)

    for name in sorted(graph):
        visit(name)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_are_read_in_one_sitting(path):
    relative = str(path.relative_to(SOURCE))
    lines = len(path.read_text().splitlines())
    assert lines <= LONGEST or relative in LONG_FILES, f"{relative} has {lines} lines"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_every_module_and_public_symbol_says_what_it_is(path):
    tree = ast.parse(path.read_text())
    if not tree.body:
        return
    assert ast.get_docstring(tree), f"{path.relative_to(SOURCE)} has no docstring"
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path.relative_to(SOURCE)}: {node.name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_warnings_point_at_the_program_of_the_user(path):
    lines = path.read_text().splitlines()
    if path.name != "errors.py":  # errors.warn finds the line
        assert not [number for number, line in enumerate(lines, 1) if "warnings.warn(" in line]


# ---- how the library speaks -------------------------------------------------------------------

# A place is a folder, or a file on the ground.

PLACES: dict[str, list[Path]] = {}
for _path in MODULES:
    _relative = _path.relative_to(SOURCE)
    _place = str(_relative.parent if len(_relative.parts) > 1 else _relative)
    PLACES.setdefault(_place, []).append(_path)

# `units: of the layer`: an entry of `Args:` is a noun phrase that stands alone.
ENTRY = re.compile(r" +\*{0,2}\w+: (?:of|as|for|in|to|with|from|on|at|by|along|so)\b")
# "one scale a channel": per.
PER = re.compile(
    r"\b(?:one|an?) (?!of|for|in|at|is)\w+ an? (?:sample|weight|channel|step|epoch|axis|row|batch|"
    r"layer|variable|block|group|element|call)\b"
)
RIDDLES = re.compile(r"\b(?:so many|few bits)\b")  # n, the number of; quantized
# "x is positive, got -1": a rule said as a fact. What is required says must.
RULE = re.compile(
    r"(?!.*\b(?:must|expects?|needs?)\b).*(?:\b(?:is|are) (?:an?|one of|at least|at most|between|"
    r"not|above|below|positive|greater|less|\d+)\b.*\bgot\b|\blies?\b.*\bgot\b|\bare not both\b)"
)


def _text(node: ast.expr) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "..."
        for part in parts
        if isinstance(part, (ast.Constant, ast.FormattedValue))
    )


def _messages(tree: ast.AST) -> list[str]:
    """The texts given to what builds errors and warnings."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in ("value_error", "type_error", "explain", "warn") or name.endswith("Error"):
                found += [_text(part) for part in [*node.args, *(k.value for k in node.keywords)]]
    return [" ".join(text.split()) for text in found]


def _entries(docstring: str) -> list[str]:
    """The first lines of the entries of `Args:`."""
    block = docstring.partition("Args:\n")[2]
    return re.split(r"\n(?=\S)", block)[0].split("\n") if block else []


def _slips(path: Path) -> list[str]:
    tree = ast.parse(path.read_text())
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docs = [ast.get_docstring(n) or "" for n in ast.walk(tree) if isinstance(n, kinds)]
    messages = _messages(tree)
    prose = [" ".join(text.split()) for text in docs] + messages
    return (
        [line.strip() for doc in docs for line in _entries(doc) if ENTRY.match(line)]
        + [m[0] for text in prose for p in (PER, RIDDLES) for m in p.finditer(text)]
        + [text for text in messages if RULE.match(text)]
    )


@pytest.mark.parametrize("place", PLACES)
def test_the_prose_is_in_the_house_style(place):
    slips = {str(p.relative_to(SOURCE)): found for p in PLACES[place] if (found := _slips(p))}
    assert not slips


# Files that compare the name of a function, a module or a frame, and what that is. None of these is
# the name of a class that decides what its objects can do.
NAMES_COMPARED = {
    "compat/adapters.py": "which package calls: grain asks for arrays of its own kind",
    "compat/alias.py": "modules, which programs import by name",
    "compat/probing.py": "which package asks whether a module is there",
    "core/objects/configurable.py": "a lambda, named `<lambda>`; a private class, unnamed in files",
    "core/objects/serialize.py": "a lambda, which Python names `<lambda>`",
    "core/remat_scope.py": "an activation function: `linear` computes nothing",
    "layers/core/small.py": "a lambda, which Python names `<lambda>`",
    "signpost.py": "whether an import asks",
}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_nothing_is_decided_by_the_name_of_a_class(path):
    """A class says what it can do by an attribute or a method; its name is for people."""
    lines = [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(path.read_text()))
        if _decides(node) and "__main__" not in ast.unparse(node)
    ]
    assert bool(lines) == (str(path.relative_to(SOURCE)) in NAMES_COMPARED), lines


def _decides(node: ast.AST) -> bool:
    """Whether code compares a `__name__`, or looks it up in a table or in a text."""
    if isinstance(node, ast.Compare):
        compared = [node.left, *node.comparators]
    elif isinstance(node, ast.Match):
        compared = [node.subject]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        matched = node.func.attr in ("startswith", "endswith", "match", "search", "fullmatch")
        compared = [node.func.value] if matched else []
    else:
        return False
    names = ("__name__", "__qualname__")
    return any(
        isinstance(part, ast.Attribute)
        and part.attr in names
        or isinstance(part, ast.Constant)
        and part.value in names
        for whole in compared
        for part in ast.walk(whole)
    )


def run_python(code: str) -> str:
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    ).stdout


def test_importing_the_root_loads_nothing_heavy():
    loaded = run_python("import cornu, sys; print(*sys.modules)").split()
    assert not {"jax", "numpy", "h5py", "rich"} & set(loaded)


def test_a_fit_loads_no_package_that_it_does_not_need():
    code = """
import sys
import numpy as np
import cornu as keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
model.compile("sgd", "mse")
model.fit(np.ones((8, 4), "f"), np.ones((8, 2), "f"), verbose=0)
print(*sys.modules)
"""
    loaded = set(run_python(code).split())
    unwanted = {"tensorflow", "torch", "matplotlib", "PIL", "sklearn", "h5py", "pandas", "keras"}
    assert not unwanted & loaded
