"""Every Python block of the documentation runs.

The blocks of a page are one program, run from top to bottom; a failure names the line of the page.
A block that is only to be read starts with three backticks and `python no-run`.
"""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```python *\n(.*?)^```", re.MULTILINE | re.DOTALL)


def program(text):
    """The page with all but its blocks of Python made blank, so that lines keep their numbers."""
    lines = [""] * (text.count("\n") + 1)
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1))
        code = block[1].splitlines()
        lines[first : first + len(code)] = code
    return "\n".join(lines)


def test_every_promise_names_a_test_that_is_there():
    root = DOCS.parent
    named = set(re.findall(r"`(tests/[\w/.]+)::(\w+)`", (root / "SECURITY.md").read_text()))
    assert len(named) > 25
    for path, name in named:
        assert f"\ndef {name}(" in (root / path).read_text(), f"{path}::{name}"


PROSE = [DOCS.parent / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]


@pytest.mark.parametrize("page", [*PROSE, *DOCS.rglob("*.md")], ids=lambda page: page.stem)
def test_paths_and_targets_are_there(page):
    root, text = DOCS.parent, page.read_text()
    places = root, root / "src", root / "src" / "cornu", root / "docs", root / "benchmarks"
    for path in re.findall(r"`([\w./]+(?:\.py|\.md|\.yml|/))`", text):
        if "/" in path and page.stem != "ecosystem":  # which names files of other packages
            assert any((place / path).exists() for place in places), path
    targets = re.findall(r"^([\w-]+):", (root / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"`make ([\w-]+)", text)) <= set(targets)


PAGES = sorted(page for page in DOCS.rglob("*.md") if program(page.read_text()).strip())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(program(page.read_text()), str(page), "exec"), {"__name__": "docs"})


def test_there_are_blocks_to_run():
    assert "extending" in {page.stem for page in PAGES}


def test_blocks_keep_their_lines():
    text = (
        "# Title\n\n```python\na = 1\n```\ntext\n```console\n$ ls\n```\n```python no-run\n!\n```\n"
    )
    assert program(text).splitlines()[3] == "a = 1"
    assert program(text).split() == ["a", "=", "1"]
