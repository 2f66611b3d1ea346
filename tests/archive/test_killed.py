"""A kill while a file is written leaves the old file whole, or the new one, at whatever byte."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("there are no such limits on this system", allow_module_level=True)

NAMES = ["m.keras", "folder", "m.weights.h5", "m.weights.json", "m.h5", "m.safetensors"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    done = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).parent / "killed.py"),
            str(tmp_path_factory.mktemp("k")),
        ],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_old_or_new_and_nothing_between(results, name):
    found = results[name]
    killed = [end == -signal.SIGXFSZ for end in found["ends"]]
    assert sum(killed) >= 5 and not killed[-1], found
    assert set(found["left"][:-1]) <= {"old", "new"}, found
    assert found["left"][0] == "old" and found["left"][-1] == "new", found
