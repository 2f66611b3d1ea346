"""Saving and loading models, here and in Keras.

Each measurement has a process of its own, the libraries take turns, and the smallest time of each
kind counts. Wall and processor time are both told: on a busy machine take the latter.

    python benchmarks/saving.py [--rounds 3] [--layers 4] [--megabytes 100 ...] [--folder /tmp]

`--megabytes 0.001 1 100 1000` measures one size after the other. `--layers 200` gives a model of
many small weights instead of a few large ones. Files are written to `--folder`; writes wait for the
disk here (`fsync`), which Keras leaves to the system.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIBRARIES = ("cornu", "keras")
KINDS = ("model.keras", "model.weights.h5", "model.h5", "model.safetensors")


def measure(library: str, layers: int, megabytes: float, folder: str) -> dict[str, list[float]]:
    """Wall and processor seconds of each act, in this process."""
    if library == "cornu":
        import cornu as keras
    else:
        os.environ["KERAS_BACKEND"] = "jax"
        import keras
    width = max(round((megabytes * 2**20 / 4 / layers) ** 0.5), 1)
    repeats = 3 if megabytes >= 10 else 20

    def made():
        stack = [keras.layers.Dense(width, name=f"d{i}") for i in range(layers)]
        return keras.Sequential([keras.Input((width,)), *stack], name="large")

    figures: dict[str, list[float]] = {}

    def timed(name, act):
        times = []
        for _ in range(repeats):
            wall, processor = time.perf_counter(), time.process_time()
            act()
            times.append((time.perf_counter() - wall, time.process_time() - processor))
        figures[name] = [min(t[i] for t in times) for i in (0, 1)]

    model, other = made(), made()
    load = keras.models.load_model
    for kind in KINDS:
        path = Path(folder) / kind
        if kind.endswith(".safetensors") and library == "keras":
            continue
        whole = kind in ("model.keras", "model.h5")
        save_act = model.save if whole else model.save_weights
        timed(f"save {kind}", lambda act=save_act, path=path: act(path))
        if whole:
            timed(f"load {kind}", lambda path=path: load(path))
        else:
            timed(f"load {kind}", lambda path=path: other.load_weights(path))
    return figures


def main() -> None:
    """Run both libraries in turns; print the smallest times and their ratios."""
    parser = argparse.ArgumentParser(description="Saving and loading against Keras.")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each library")
    parser.add_argument("--layers", type=int, default=4, help="over which the weights are spread")
    parser.add_argument("--megabytes", type=float, nargs="+", default=[100], help="of all weights")
    parser.add_argument("--folder", default=None, help="on the disk to write to")
    parser.add_argument("--measure", choices=LIBRARIES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure, args.layers, args.megabytes[0], args.folder)))
        return
    for megabytes in args.megabytes:
        compare(megabytes, args)


def compare(megabytes: float, args: argparse.Namespace) -> None:
    """Measure one size, and print it."""
    best: dict[str, dict[str, list[float]]] = {library: {} for library in LIBRARIES}
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        for _ in range(args.rounds):
            for library in LIBRARIES:
                command = [sys.executable, __file__, "--measure", library, "--folder", folder]
                command += ["--layers", str(args.layers), "--megabytes", str(megabytes)]
                out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                for name, times in json.loads(out.splitlines()[-1]).items():
                    old = best[library].get(name, times)
                    best[library][name] = [min(a, b) for a, b in zip(old, times, strict=True)]
    print(f"{megabytes:g} MB in {args.layers} layers; seconds, wall and processor", flush=True)
    print(f"{'':26}{'cornu':>14}{'keras':>16}{'ratio':>16}")
    for name, mine in best["cornu"].items():
        theirs = best["keras"].get(name)
        line = f"{name:24}{mine[0]:8.4f}{mine[1]:8.4f}"
        if theirs is not None:
            line += f"{theirs[0]:8.4f}{theirs[1]:8.4f}"
            line += f"{mine[0] / theirs[0]:8.2f}{mine[1] / theirs[1]:8.2f}"
        print(line)


if __name__ == "__main__":
    main()
