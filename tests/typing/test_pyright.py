"""What pyright, and so VS Code, knows of the library. `make types` shows `program.py` to mypy."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

import cornu

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("basedpyright") is None,
    reason="basedpyright is not installed here: pip install basedpyright",
)

SETTINGS = {
    "typeCheckingMode": "standard",
    "reportUnnecessaryTypeIgnoreComment": "error",
    "extraPaths": [str(Path(cornu.__file__).parents[1])],
    "pythonVersion": "3.11",
}
PROGRAM = Path(__file__).parent / "program.py"


def findings(tmp_path: Path, *programs: Path) -> list[tuple[str, str, int, str]]:
    """What pyright has to say about programs: severity, file, line and message."""
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(SETTINGS))
    command = [sys.executable, "-m", "basedpyright", "-p", str(tmp_path), "--outputjson"]
    done = subprocess.run(
        [*command, "--pythonpath", sys.executable, *map(str, programs)],
        capture_output=True,
        text=True,
    )
    return [
        (d["severity"], Path(d["file"]).name, d["range"]["start"]["line"] + 1, d["message"])
        for d in json.loads(done.stdout)["generalDiagnostics"]
    ]


def test_a_program_and_every_public_name(tmp_path: Path) -> None:
    names = [f"keras.{name}" for name in cornu.SYMBOLS]
    for space in cornu.NAMESPACES:
        module = getattr(cornu, space)
        # What is not re-exported is of no concern to users.
        public = [n for n in dir(module) if not n.startswith("_") and n[0].isupper()]
        names += [
            f"keras.{space}.{name}" for name in public if name not in ("Any", "TYPE_CHECKING")
        ]
    every = tmp_path / "every_name.py"
    lines = ["import cornu as keras", *(f"reveal_type({name})" for name in names)]
    every.write_text("\n".join(lines))
    found = findings(tmp_path, PROGRAM, every)
    wrong = [f for f in found if f[0] == "error"]
    assert not wrong
    shown = [message for _, file, _, message in found if file == "every_name.py"]
    assert len(shown) >= len(names) > 300
    assert not [text for text in shown if text.endswith(('is "Unknown"', 'is "Any"'))]
