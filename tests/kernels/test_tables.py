"""The tables of the kernels name rows of `benchmarks/kernels.py` that exist, and all of them."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

import cornu.kernels

ROOT = Path(__file__).parent.parent.parent
FOLDER = Path(cornu.kernels.__file__).parent
NAMED = re.compile(r"^Rows of the benchmark: (.*?)\.$", re.MULTILINE | re.DOTALL)


def module_docs():
    for path in sorted(FOLDER.glob("*.py")):
        text = path.read_text()
        yield path.stem, text[: text.index('"""', 3)]


def named(doc):
    return [name for text in NAMED.findall(doc) for name in re.findall(r"`([^`]*)`", text)]


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("bench", ROOT / "benchmarks" / "kernels.py")
    sys.modules["bench"] = module = importlib.util.module_from_spec(spec)  # for its dataclass
    spec.loader.exec_module(module)
    yield module
    del sys.modules["bench"]


def test_every_measured_reason_has_a_row_and_every_row_a_reason(benchmark):
    tables = {name: named(doc) for name, doc in module_docs() if re.search(r"\| measured", doc)}
    assert [name for name, rows in tables.items() if not rows] == []
    assert sorted(row for rows in tables.values() for row in rows) == sorted(benchmark.rows())


def test_a_lowering_that_lost_is_named(benchmark, monkeypatch, capsys):
    pairs = {"good": [(1.0, 2.0), (2.0, 2.0)], "lost": [(2.0, 1.0), (2.0, 2.0)]}

    class Measured:
        def __init__(self, name):
            self.figures = lambda: pairs[name]

    monkeypatch.setattr(benchmark, "rows", lambda: {name: Measured(name) for name in pairs})
    benchmark.main([])
    good, lost, last = capsys.readouterr().out.splitlines()[-3:]
    assert good.startswith("good") and good.endswith("1.41")
    assert lost.endswith("0.71  no longer pays") and last == "no longer pay: lost"


def test_a_row_measures_both_forms(benchmark, monkeypatch):
    monkeypatch.setattr(benchmark, "BUDGET", 0)
    row = benchmark.Row(lambda x: x * 2, (benchmark.normal(2),))
    outside, in_a_loop = row.figures()
    assert all(value >= 0 for value in (*outside, *in_a_loop))
