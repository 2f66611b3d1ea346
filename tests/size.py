"""How large the house is, and how large it may be: lines by folder, and parameters of type `Any`.

    python tests/size.py            prints the table
    python tests/size.py --budget   prints a new one: the size of today and a tenth

A change that needs more than a folder's budget raises it in the same commit, and its message says
why. The number of parameters that are annotated `Any`, which says nothing, may only fall.
"""

import ast
import sys
from collections import Counter
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "cornu"

# Folders whose parts are counted one by one.
DIVIDED = ("core", "data", "layers", "train", "ops")

BUDGET = {
    ".": 4920,
    "archive": 5240,
    "callbacks": 3560,
    "checks": 1390,
    "compat": 970,
    "core": 2290,
    "core/graph": 1900,
    "core/objects": 1940,
    "core/programs": 630,
    "data": 3150,
    "data/describing": 1750,
    "data/decode": 760,
    "data/folders": 700,
    "data/pipeline": 3800,
    "data/shards": 480,
    "datasets": 1220,
    "dtype_policies": 670,
    "engine": 530,
    "initializers": 870,
    "kernels": 4560,
    "layers": 2660,
    "layers/attention": 1110,
    "layers/augmentation": 3400,
    "layers/base": 2470,
    "layers/convolutional": 980,
    "layers/core": 1460,
    "layers/normalization": 680,
    "layers/preprocessing": 5200,
    "layers/quantized": 870,
    "layers/rnn": 1910,
    "legacy": 20,
    "losses": 1840,
    "metrics": 2880,
    "models": 2050,
    "ops": 3720,
    "ops/core": 710,
    "ops/image": 1340,
    "ops/nn": 1620,
    "optimizers": 3510,
    "preprocessing": 2150,
    "quantizers": 1130,
    "random": 470,
    "reports": 1780,
    "saving": 430,
    "storage": 3080,
    "train": 4650,
    "train/watch": 930,
    "utils": 2900,
}
MOST_ANY = 1_131


def folder_of(path: Path) -> str:
    """The folder that a module is counted with; "." is the root."""
    parts = path.relative_to(SOURCE).parts[:-1]
    return "/".join(parts[: 2 if parts and parts[0] in DIVIDED else 1]) or "."


def lines() -> Counter[str]:
    """Lines of each folder."""
    found: Counter[str] = Counter()
    for path in SOURCE.rglob("*.py"):
        found[folder_of(path)] += len(path.read_text().splitlines())
    return found


def vague() -> Counter[str]:
    """Parameters that are annotated `Any`, or `Any | None`, by folder."""
    found: Counter[str] = Counter()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
                found[folder_of(path)] += sum(
                    ast.unparse(a.annotation) in ("Any", "Any | None")
                    for a in arguments
                    if a.annotation is not None
                )
    return found


def table() -> str:
    """Lines, budget and vague parameters of each folder, the largest first."""
    now, unsaid = lines(), vague()
    rows = [f"{'folder':24}{'lines':>8}{'budget':>8}{'Any':>7}"]
    for folder, count in now.most_common():
        rows.append(f"{folder:24}{count:8,}{BUDGET.get(folder, 0):8,}{unsaid[folder]:7,}")
    total = sum(now.values()), sum(BUDGET.values()), sum(unsaid.values())
    return "\n".join([*rows, "{:24}{:8,}{:8,}{:7,}".format("all", *total)])


if __name__ == "__main__":
    if "--budget" in sys.argv:
        for name, count in sorted(lines().items()):
            print(f'    "{name}": {-(-count * 11 // 100) * 10},')
    else:
        print(table())
