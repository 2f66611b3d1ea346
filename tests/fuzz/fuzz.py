"""Load mutated files and see that nothing but a refusal, or a model that works, comes of it.

    python tests/fuzz/fuzz.py --seconds 600 --seed 1

Files that crash, hang or raise something else stay in the folder `--keep`, named by what they did.
"""

import argparse
import json
import os
import random
import select
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

from fuzz.mutate import mutated

PATIENCE = 60  # seconds of the clock without an answer
CORPUS = Path(__file__).parent.parent / "files"


@dataclass
class Outcome:
    """What came of the mutations so far."""

    counts: Counter = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


class Worker:
    """A process of `worker.py`, started again when it dies."""

    def __init__(self) -> None:
        self._process: Any = None

    def load(self, path: Path) -> dict[str, Any]:
        """What loading a file does; a crash and a wait without end are told as errors."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).parent / "worker.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "JAX_PLATFORMS": "cpu"},
            )
        process = self._process
        process.stdin.write(json.dumps({"path": str(path)}).encode() + b"\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
        line = process.stdout.readline() if ready else b""
        if line:
            return json.loads(line)
        self.close(kill=True)
        what = "crash" if ready else "hang"
        return {"error": what, "message": f"code {process.returncode}", "ok": False}

    def close(self, kill: bool = False) -> None:
        """End the process."""
        if self._process is not None:
            if kill:
                self._process.kill()
            self._process.stdin.close()
            self._process.wait()
            self._process = None


def base_files(folder: Path, corpus: bool = False) -> dict[str, bytes]:
    """Small files of every kind, by name; with those of the corpus if asked for."""
    from cornu import layers, models

    model = models.Sequential(
        [layers.Input((4,)), layers.Dense(3, name="h1"), layers.Dense(2, name="out")], name="small"
    )
    model.compile("adam", "mse", metrics=["mae"])
    model.save(folder / "small.keras")
    model.save(folder / "small.h5")
    model.save_weights(folder / "small.weights.h5")
    model.save_weights(folder / "small.safetensors")
    a, b = layers.Input((4,), name="a"), layers.Input((5, 2), name="b")
    shared = layers.Dense(2, activation="relu", kernel_regularizer="l2", name="shared")
    inner = models.Sequential([layers.Input((2,)), layers.Dense(2), layers.BatchNormalization()])
    x = layers.Concatenate()([shared(a), inner(layers.LSTM(2)(b))])
    models.Model([a, b], [layers.Dense(1)(x), x * 2.0 + x[:, :1]]).save(folder / "graph.keras")
    files = {p.name: p.read_bytes() for p in sorted(folder.iterdir())}
    if corpus:
        found = sorted(p for p in CORPUS.rglob("*") if p.suffix in (".keras", ".h5"))
        files |= {
            "_".join(p.relative_to(CORPUS).parts): p.read_bytes()
            for p in found
            if p.stat().st_size < 200_000
        }
    return files


def run(
    files: dict[str, bytes], numbers: Iterator[int], seed: int, keep: Path | None = None
) -> Outcome:
    """Load one mutation for each number."""
    outcome, worker, names = Outcome(), Worker(), sorted(files)
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            dice = random.Random(f"{seed}/{number}")
            name = names[number % len(names)]
            content = mutated(files[name], name, dice)
            path = Path(folder, ("skip_" if dice.random() < 0.5 else "") + name)
            path.write_bytes(content)
            result = worker.load(path)
            outcome.counts[result["error"] or "loaded"] += 1
            if not result["ok"]:
                outcome.failures.append(
                    f"seed {seed}, number {number}, {name}: {result['error']}: {result['message']}"
                )
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{result['error']}_{seed}_{number}_{name}").write_bytes(content)
            path.unlink()
    worker.close()
    return outcome


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
    for failure in outcome.failures:
        print(failure[:600])
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
