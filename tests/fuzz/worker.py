"""Loads mutated files, one after another, until its input ends.

    in    {"path": "/tmp/x/3.keras", "unchecked": true}     one line of JSON each
    out   {"error": "ValueError", "message": "...", "ok": true, "seconds": 0.1, "bytes": 1000}

`ok` is false where something else than a refusal in our own words, or a model that works, comes of
it. With `unchecked`, checksums in the file hold, as if the mutation had repaired them. The process
is limited in memory. Whoever started it notices when it dies or does not answer.
"""

import contextlib
import json
import os
import resource
import sys
import time
import warnings
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parent.parent)  # not the folder of this file

import numpy as np

from cornu import saving
from cornu.errors import LINES, WIDTH, UnsafeFileError
from fuzz.files import BACKUP, small, train

# These alone: of their kinds are also errors that a reader lets through, such as JSONDecodeError.
EXPECTED = (ValueError, UnsafeFileError, TypeError, NotImplementedError, FileNotFoundError)
MEMORY = 3 << 30


def load(path: str, target) -> None:
    """What a user does with a file of this name."""
    if BACKUP in path:
        train(target, path, epochs=2)
        return
    saving.inspect_file(path)
    if os.path.isdir(path) or (
        path.endswith((".keras", ".h5")) and not path.endswith(".weights.h5")
    ):
        model = saving.load_model(path)
        model.get_config()
        assert all(np.shape(v.numpy()) == v.shape for v in model.weights)
    else:
        target.load_weights(path, skip_mismatch="skip" in path)


def unchecked() -> ExitStack:
    """Let all checksums of HDF5 and all digests hold."""
    stack = ExitStack()
    stack.enter_context(mock.patch("cornu.archive.hdf5.headers._verify", lambda *a: None))
    stack.enter_context(mock.patch("cornu.archive.hdf5.trees.lookup3", lambda *a: _AnyNumber()))
    stack.enter_context(mock.patch("cornu.archive.hdf5.arrays.fletcher32_holds", lambda *a: True))
    stack.enter_context(mock.patch("cornu.archive.safeh5.SafeH5._check_digest", lambda *a: None))
    return stack


class _AnyNumber:
    """A checksum that is what the file says."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


def peak() -> int:
    """The largest memory of the process since it was last asked, in bytes."""
    with open("/proc/self/status") as file:
        found = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    return found * 1024


def is_brief(message: str) -> bool:
    lines = message.split("\n")
    return len(lines) <= LINES and all(len(line) <= WIDTH + 4 for line in lines)


def attempt(job: dict, target) -> dict:
    """Load one file."""
    result = {"error": "", "message": "", "ok": True}
    with unchecked() if job.get("unchecked") else ExitStack():
        try:
            load(job["path"], target)
        except EXPECTED as error:
            message = str(error)
            brief = is_brief(message)
            result = {
                "error": type(error).__name__ if brief else "long message",
                "message": message[:2000],
                "ok": brief and type(error) in EXPECTED,
            }
        except BaseException as error:
            result = {"error": type(error).__name__, "message": str(error)[:2000], "ok": False}
    return result


def main() -> None:
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    sys.stdout = sys.stderr
    target = small()
    target.fit(np.zeros((2, 4)), np.zeros((2, 2)), verbose=0)
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))
    for line in sys.stdin:
        peak()
        before, began = peak(), time.process_time()
        result = attempt(json.loads(line), target)
        result |= {"seconds": time.process_time() - began, "bytes": peak() - before}
        print(json.dumps(result), file=answers, flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        main()
