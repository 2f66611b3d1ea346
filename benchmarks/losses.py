"""Final losses of Cornu and Keras on JAX, over several seeds: speed must not buy wrong numbers.

    python benchmarks/losses.py [--workloads mlp,cnn] [--seeds 5] [--peer-python PATH]
                                [--markdown FILE]

Each library trains each workload (small sizes) once for each seed, in a process of its own. Seeds
mean different random numbers in the two libraries, so single losses differ; their means may differ
only by chance. The last column is the difference of the means over its standard error: for equal
distributions it stays within -2.6 to 2.6 in 97 of 100 cases (Student's t, five seeds each).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from compare import markdown_table, text_table

HERE = Path(__file__).parent
DEFAULT = ("mlp", "mlp_small", "cnn", "cnn_bn", "lstm", "gru_bidir", "wide_deep", "autoencoder")


def train(framework: str, workload_name: str, seeds: int, epochs: int) -> list[float]:
    """The final loss for each seed, in this process."""
    from peers import Clock, KerasPeer
    from workloads import WORKLOADS

    workload = WORKLOADS[workload_name]
    x, y = workload.data(workload.quick)
    losses = []
    for seed in range(seeds):
        peer = KerasPeer(framework, workload, seed)
        losses.append(peer.fit(x, y, epochs, Clock()))
    return losses


def trained(python: str, framework: str, options: argparse.Namespace, workload: str) -> list[float]:
    """The same in a process of its own."""
    command = [
        python, str(HERE / "losses.py"), "--one", framework, "--workloads", workload,
        "--seeds", str(options.seeds), "--epochs", str(options.epochs),
    ]  # fmt: skip
    env = {**os.environ, "JAX_PLATFORMS": "cpu", "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{framework} on {workload} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def row_of(workload: str, ours: list[float], theirs: list[float]) -> list[str]:
    """Means, deviations, and the distance of the means in standard errors."""
    mean, other = statistics.fmean(ours), statistics.fmean(theirs)
    spread, other_spread = statistics.stdev(ours), statistics.stdev(theirs)
    error = ((spread**2 + other_spread**2) / len(ours)) ** 0.5
    distance = (mean - other) / max(error, 1e-12)
    return [
        workload, f"{mean:.4f} ± {spread:.4f}", f"{other:.4f} ± {other_spread:.4f}",
        f"{distance:+.1f}",
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workloads", type=lambda text: text.split(","), default=list(DEFAULT))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter of Keras")
    parser.add_argument("--markdown", help="write the table to this file")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(train(options.one, options.workloads[0], options.seeds, options.epochs)))
        return
    rows = [["workload", "Cornu", "Keras on JAX", "difference / its error"]]
    for workload in options.workloads:
        ours = trained(sys.executable, "cornu", options, workload)
        theirs = trained(options.peer_python, "keras-jax", options, workload)
        rows.append(row_of(workload, ours, theirs))
        print("  ".join(rows[-1]), flush=True)
    print("\n" + text_table(rows))
    if options.markdown:
        Path(options.markdown).write_text(markdown_table(rows) + "\n")


if __name__ == "__main__":
    main()
