"""A few of the kills and full disks of `make kills`, over everything that writes files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("there is no fork on this system", allow_module_level=True)

SCRIPT = Path(__file__).with_name("kills.py")


def test_the_old_file_or_the_new_one_and_nothing_else_is_left():
    arguments = ["--kills", "36", "--full", "24", "--seed", "5"]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["kills"] >= 25 and found["full disks"] >= 8, found
