"""Load mutated files and see that nothing but a refusal, or a model that works, comes of it.

    python tests/fuzz/fuzz.py --seconds 600 --seed 1

Files that crash, hang or raise something else stay in the folder `--keep`, named by what they did.
"""

import argparse
import json
import os
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parent.parent)  # not the folder of this file

from fuzz.files import Content, base_files
from fuzz.mutate import mutated

PATIENCE = 60  # seconds of the clock without an answer
SECONDS, BYTES = 5, 500 << 20  # of the processor, of memory, for one file
LIFE = 3000  # files after which a worker is started anew


@dataclass
class Outcome:
    """What came of the mutations so far."""

    counts: Counter = field(default_factory=Counter)
    kinds: Counter = field(default_factory=Counter)
    slowest: float = 0.0
    largest: int = 0
    failures: list[str] = field(default_factory=list)


class Worker:
    """A process of `worker.py`, started again when it dies, and now and then."""

    def __init__(self) -> None:
        self._process: Any = None
        self._loaded = 0

    def load(self, path: Path, unchecked: bool) -> dict[str, Any]:
        """What loading a file does; a crash and a wait without end are told as errors."""
        self._loaded += 1
        if self._loaded % LIFE == 0:
            self.close()
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).parent / "worker.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "JAX_PLATFORMS": "cpu"},
            )
        process = self._process
        process.stdin.write(
            json.dumps({"path": str(path), "unchecked": unchecked}).encode() + b"\n"
        )
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
        line = process.stdout.readline() if ready else b""
        if line:
            return _judged(json.loads(line))
        self.close(kill=True)
        what = "crash" if ready else "hang"
        message = f"code {process.returncode}"
        return {"error": what, "message": message, "ok": False, "seconds": 0, "bytes": 0}

    def close(self, kill: bool = False) -> None:
        """End the process."""
        if self._process is not None:
            if kill:
                self._process.kill()
            self._process.stdin.close()
            self._process.wait()
            self._process = None


def _judged(result: dict[str, Any]) -> dict[str, Any]:
    """What the worker says, and whether it took too much."""
    if result["seconds"] > SECONDS:
        return result | {"error": f"{result['seconds']:.0f} seconds", "ok": False}
    if result["bytes"] > BYTES:
        return result | {"error": f"{result['bytes'] >> 20} MB", "ok": False}
    return result


def run(
    files: dict[str, Content], numbers: Iterator[int], seed: int, keep: Path | None = None
) -> Outcome:
    """Load one mutation for each number."""
    outcome, worker, names = Outcome(), Worker(), sorted(files)
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            dice = random.Random(f"{seed}/{number}")
            name = names[number % len(names)]
            content = mutated(files[name], name, dice)
            place = Path(folder, ("skip_" if dice.random() < 0.5 else "") + name)
            path = write(content, place)
            result = worker.load(path, unchecked=dice.random() < 0.5)
            outcome.counts[result["error"] or "loaded"] += 1
            outcome.kinds[name] += 1
            outcome.slowest = max(outcome.slowest, result["seconds"])
            outcome.largest = max(outcome.largest, result["bytes"])
            if not result["ok"]:
                said = f"{result['error']}: {result['message']}"
                outcome.failures.append(f"seed {seed}, number {number}, {name}: {said}")
                if keep is not None:
                    kind = result["error"].replace(" ", "_")
                    write(content, keep / f"{kind}_{seed}_{number}_{name}")
                    with (keep / "failures.txt").open("a") as log:
                        log.write(outcome.failures[-1] + "\n")
            shutil.rmtree(place) if place.is_dir() else place.unlink()
    worker.close()
    return outcome


def write(content: Content, place: Path) -> Path:
    """Write a file, or a folder; the path that is to be loaded."""
    if isinstance(content, bytes):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return place
    for name, inside in content.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(inside)
    index = next((name for name in content if name.endswith(".weights.json")), "")
    return place / index


def _until(deadline: float, start: int) -> Iterator[int]:
    number = start
    while time.monotonic() < deadline:
        yield number
        number += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="number of the first mutation")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"))
    parser.add_argument("--own", action="store_true", help="small files of our own alone")
    parser.add_argument("--only", default="", help="files whose names end so, such as .h5")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = base_files(Path(folder), corpus=not options.own)
    files = {name: content for name, content in files.items() if name.endswith(options.only)}
    deadline = time.monotonic() + options.seconds
    outcome = run(files, _until(deadline, options.start), options.seed, options.keep)
    total = sum(outcome.counts.values())
    print(f"{total} mutations of {len(files)} files")
    for what, count in outcome.counts.most_common():
        print(f"  {what:24} {count}")
    for name, count in sorted(outcome.kinds.items()):
        print(f"    {name:40} {count}")
    print(f"slowest {outcome.slowest:.1f} s, largest {outcome.largest >> 20} MB")
    for failure in outcome.failures:
        print(failure[:600])
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
