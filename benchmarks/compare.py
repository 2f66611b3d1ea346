"""Cornu beside its peers, in one run.

    python benchmarks/compare.py [--workloads cnn,lstm] [--frameworks cornu,torch]
                                 [--rounds 3] [--quick] [--cpus 1]
                                 [--peer-python PATH] [--base TREE]
                                 [--out FILE] [--load FILE] [--markdown FILE]

    for each round, workload and library:
        peers.py             an empty cache of programs: cold start, epochs, evaluate, predict
        peers.py             the same cache again, first epoch only: warm start

Rounds are interleaved, so that a busy minute hits all libraries alike. `cornu-native` is Cornu with
the kernels that `cornu build-kernels` makes, left out where they are not built; `cornu` is always
without them. `cornu-tuned` is Cornu after `keras.config.tune_process()`, as in `cornu run`. Cornu
and raw JAX run in this interpreter, the other peers in `--peer-python` (this one if it is not
given); a library that is not installed there is left out, and why is printed.
`--base` names another source tree of Cornu, which is measured as `cornu-base` beside this one. With
`--cpus 1` the ratios are taken from processor time, which a busy machine changes least; otherwise
from wall time.
"""

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from peers import FRAMEWORKS
from workloads import WORKLOADS

HERE = Path(__file__).parent

# What is compared: name, figure, its processor-time twin, unit, factor. Less is better.
MEASURES = (
    ("cold start", "first_s", "first_cpu_s", "s", 1.0),
    ("warm start", "warm_s", "warm_cpu_s", "s", 1.0),
    ("epoch", "epoch_s", "epoch_cpu_s", "s", 1.0),
    ("median epoch", "epoch_median_s", "epoch_cpu_median_s", "s", 1.0),
    ("evaluate", "evaluate_s", "evaluate_cpu_s", "s", 1.0),
    ("predict", "predict_s", "predict_cpu_s", "us/sample", 1e6),
    ("predict one", "one_s", "one_cpu_s", "ms", 1e3),
    ("memory", "peak_mb", "peak_mb", "MB", 1.0),
)

# Cornu as it is installed, with the native kernels, and with a tuned allocator.
OURS = ("cornu", "cornu-native", "cornu-tuned")
BASE = "cornu-base"  # Cornu from another source tree

Result = dict[str, Any]


# ---- running -------------------------------------------------------------------------------------


def environment(framework: str, cache: Path, base: str | None) -> dict[str, str]:
    """The variables of a measurement: on the CPU, quiet, with a cache of compiled programs."""
    more = {
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CORNU_CACHE": str(cache),
    }
    if framework in ("cornu", "cornu-tuned", BASE):
        more["CORNU_NATIVE"] = "off"
    if framework == BASE:
        more["PYTHONPATH"] = str(Path(base or "").resolve() / "src")
    if framework in ("jax", "keras-jax"):
        more |= {
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
    # Installed libraries come with their bytecode; a source tree must be able to keep its own.
    rest = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**rest, **more}


def one(
    options: argparse.Namespace, framework: str, workload: str, cache: Path, *more: str
) -> Result:
    """One measurement in a process of its own."""
    ours = framework in (*OURS, BASE, "jax")
    command = [
        sys.executable if ours else options.peer_python, str(HERE / "peers.py"),
        "--framework", framework, "--workload", workload, "--cpus", str(options.cpus),
        "--epochs", str(options.epochs), *(["--quick"] if options.quick else []), *more,
    ]  # fmt: skip
    done = subprocess.run(
        [*command, "--started", repr(time.time())],
        env=environment(framework, cache, options.base),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return {"framework": framework, "workload": workload, "skipped": f"failed: {reason}"}
    return json.loads(lines[-1])


def measure(options: argparse.Namespace, framework: str, workload: str) -> Result:
    """A cold and a warm run."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        figures = one(options, framework, workload, Path(folder))
        if "skipped" not in figures and not options.no_warm:
            warm = one(options, framework, workload, Path(folder), "--first-only")
            if "skipped" not in warm:
                figures |= {"warm_s": warm["first_s"], "warm_cpu_s": warm["first_cpu_s"]}
    return figures


def run(options: argparse.Namespace) -> list[Result]:
    """All rounds; an interrupt ends them early and keeps what there is."""
    results: list[Result] = []
    skipped: dict[tuple[str, str], str] = {}
    try:
        for number in range(options.rounds):
            for workload in options.workloads:
                for framework in options.frameworks:
                    if (framework, workload) in skipped:
                        continue
                    figures = measure(options, framework, workload)
                    where = f"round {number + 1}  {workload:12} {framework:12}"
                    if "skipped" in figures:
                        skipped[framework, workload] = figures["skipped"]
                        print(f"{where} left out: {figures['skipped']}", flush=True)
                        continue
                    results.append(figures)
                    print(f"{where} {_progress(figures)}", flush=True)
                    save(options.out, results)
    except KeyboardInterrupt:
        print("interrupted: the table holds what was measured until here", flush=True)
    return results


def _progress(figures: Result) -> str:
    others = f"  others {figures['others']:.2f} cores" if "others" in figures else ""
    return (
        f"first {figures['first_s']:6.2f} s  epoch {figures['epoch_s']:8.4f} s "
        f"({figures['epoch_cpu_s']:8.4f} s of processors){others}"
    )


def save(path: str | None, results: list[Result]) -> None:
    """Write the measurements, one a line."""
    if path:
        Path(path).write_text("".join(json.dumps(r) + "\n" for r in results))


# ---- tables --------------------------------------------------------------------------------------


def summarized(results: list[Result]) -> dict[str, dict[str, Result]]:
    """workload -> library -> figures: medians over the rounds."""
    groups: dict[str, dict[str, list[Result]]] = {}
    for r in results:
        groups.setdefault(r["workload"], {}).setdefault(r["framework"], []).append(r)
    return {
        workload: {framework: _medians(rows) for framework, rows in by_library.items()}
        for workload, by_library in groups.items()
    }


def _medians(rows: list[Result]) -> Result:
    numbers = {
        k for row in rows for k, v in row.items() if isinstance(v, (int, float)) and k != "quick"
    }
    return {k: statistics.median(row[k] for row in rows if k in row) for k in numbers}


def best(by_library: dict[str, Result], figure: str, keras_only: bool) -> tuple[str, float] | None:
    """The peer with the least of a figure, and how much that is."""
    found = [
        (row[figure], framework)
        for framework, row in by_library.items()
        if figure in row
        and framework not in (*OURS, BASE)
        and (not keras_only or "keras" in framework)
    ]
    return (min(found)[1], min(found)[0]) if found else None


def geometric_mean(values: list[float]) -> float:
    """The mean that suits ratios."""
    return math.exp(statistics.fmean(map(math.log, values)))


def detail(table: dict[str, dict[str, Result]], cpu: bool) -> list[list[str]]:
    """Every library's figures."""
    head = ["workload", "library"]
    rows = [head + [f"{name} ({unit})" for name, _, _, unit, _ in MEASURES] + ["loss"]]
    for workload, by_library in table.items():
        for framework in (f for f in FRAMEWORKS if f in by_library):
            figures = by_library[framework]
            row = [workload, framework]
            for _, wall, processor, unit, factor in MEASURES:
                value = figures.get(processor if cpu else wall)
                if value is not None and unit == "us/sample":
                    value /= figures["samples"]
                row.append("-" if value is None else _number(value * factor))
            rows.append([*row, f"{figures['loss']:.4f}"])
    return rows


def ratios(table: dict[str, dict[str, Result]], cpu: bool, mine: str) -> list[list[str]]:
    """Cornu's figure over the best peer's, for each workload and as a mean; below 1 is faster."""
    rows = [["workload", *(f"{n}: Keras / all" for n, *_ in MEASURES if n != "median epoch")]]
    collected: dict[tuple[str, bool], list[float]] = {}
    for workload, by_library in table.items():
        if mine not in by_library:
            continue
        row = [workload]
        for name, wall, processor, _, _ in MEASURES:
            if name == "median epoch":
                continue
            figure = processor if cpu else wall
            parts = []
            for keras_only in (True, False):
                peer = best(by_library, figure, keras_only)
                ours = by_library[mine].get(figure)
                if peer is None or ours is None:
                    parts.append("-")
                    continue
                ratio = ours / max(peer[1], 1e-9)
                collected.setdefault((name, keras_only), []).append(ratio)
                parts.append(f"{ratio:.2f}" + ("" if keras_only else f" {peer[0]}"))
            row.append(" / ".join(parts))
        rows.append(row)
    means = ["geometric mean"]
    for name, *_ in MEASURES:
        if name != "median epoch":
            both = [collected.get((name, keras_only)) for keras_only in (True, False)]
            means.append(" / ".join(f"{geometric_mean(v):.2f}" if v else "-" for v in both))
    return [*rows, means]


def beside_base(table: dict[str, dict[str, Result]], cpu: bool) -> list[list[str]]:
    """Cornu's figure over that of the other source tree; below 1 it needs less than before."""
    shown = [(n, cpu_name if cpu else wall) for n, wall, cpu_name, _, _ in MEASURES]
    rows = [["workload", *(name for name, _ in shown)]]
    collected: dict[str, list[float]] = {}
    for workload, by_library in table.items():
        if not {BASE, "cornu"} <= by_library.keys():
            continue
        row = [workload]
        for name, figure in shown:
            pair = [by_library[framework].get(figure) for framework in ("cornu", BASE)]
            if None in pair:
                row.append("-")
                continue
            ratio = pair[0] / max(pair[1], 1e-9)
            collected.setdefault(name, []).append(ratio)
            row.append(f"{ratio:.2f}")
        rows.append(row)
    means = (collected.get(name) for name, _ in shown)
    return [*rows, ["geometric mean", *(f"{geometric_mean(v):.2f}" if v else "-" for v in means)]]


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def text_table(rows: list[list[str]]) -> str:
    """Columns under each other."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        left = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
        right = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
        lines.append("  ".join([*left, *right]).rstrip())
    return "\n".join(lines)


def markdown_table(rows: list[list[str]]) -> str:
    """The same as Markdown."""
    line = lambda row: "| " + " | ".join(row) + " |"  # noqa: E731
    return "\n".join([line(rows[0]), "|" + "---|" * len(rows[0]), *map(line, rows[1:])])


def machine() -> str:
    """The machine and the versions, in general words."""
    cores, words = os.cpu_count(), ""
    try:
        flags = Path("/proc/cpuinfo").read_text()
        named = (("avx512f", "AVX-512"), ("amx_tile", "AMX"), ("asimd", "NEON"))
        words = " with " + " and ".join(n for f, n in named if f in flags)
    except OSError:
        pass
    words = words if words != " with " else ""
    return f"{cores} cores ({platform.machine()}{words}), {platform.system()}"


def versions(python: str) -> str:
    """The versions of what is installed beside an interpreter."""
    names = ("cornu", "jax", "keras", "tensorflow", "tensorflow_cpu", "torch", "numpy")
    code = (
        "import importlib.metadata as m\n"
        f"for n in {names!r}:\n"
        "    try: print(n, m.version(n))\n"
        "    except m.PackageNotFoundError: pass"
    )
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return ", ".join(done.stdout.split("\n")).strip(", ")


def markdown(options: argparse.Namespace, results: list[Result], table: Any, cpu: bool) -> str:
    """The file of results."""
    rounds = max(
        sum(r["workload"] == w and r["framework"] == f for r in results)
        for w, f in {(r["workload"], r["framework"]) for r in results}
    )
    others = [r["others"] for r in results if "others" in r]
    busy = f" Others kept {statistics.median(others):.2f} cores busy meanwhile." if others else ""
    clock = "seconds of processor time" if cpu else "wall time"
    cores, quick = results[0].get("cpus"), results[0].get("quick")
    limit = f" Each process was limited to {cores} core(s)." if cores else ""
    sizes = " Small sizes (`--quick`)." if quick else ""
    return f"""# Results

Written by `benchmarks/compare.py`; how to read it stands in [README.md](README.md).

Machine: {machine()}. Here: {versions(sys.executable)}. Peers: {versions(options.peer_python)}.
Figures are {clock}, medians of {rounds} interleaved round(s).{limit}{sizes}{busy}

## Cornu over its best peer

Below 1, Cornu needs less. First number: beside the best Keras backend; second: beside the best of
all peers, named.

{markdown_table(ratios(table, cpu, "cornu"))}
{_with_native(table, cpu)}{_with_base(table, cpu)}
## All figures

{markdown_table(detail(table, cpu))}
"""


def measured(table: dict[str, dict[str, Result]], framework: str) -> bool:
    """Whether there are figures of a library."""
    return any(framework in by_library for by_library in table.values())


def _with_native(table: dict[str, dict[str, Result]], cpu: bool) -> str:
    if not measured(table, "cornu-native"):
        return ""
    rows = markdown_table(ratios(table, cpu, "cornu-native"))
    return f"\n### With the native kernels of `cornu build-kernels`\n\n{rows}\n"


def _with_base(table: dict[str, dict[str, Result]], cpu: bool) -> str:
    if not measured(table, BASE):
        return ""
    rows = markdown_table(beside_base(table, cpu))
    return f"\n### Over Cornu of another state (`--base`)\n\n{rows}\n"


def main() -> None:
    listed = lambda text: text.split(",")  # noqa: E731
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workloads", type=listed, default=list(WORKLOADS))
    parser.add_argument("--frameworks", type=listed, default=list(FRAMEWORKS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6, help="of which the first is the start")
    parser.add_argument("--quick", action="store_true", help="fewer samples")
    parser.add_argument("--cpus", type=int, default=0, help="use only so many cores")
    parser.add_argument("--no-warm", action="store_true", help="skip the second start")
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter of the peers")
    parser.add_argument("--base", help="another source tree of Cornu, measured as cornu-base")
    parser.add_argument("--clock", choices=("wall", "cpu"), help="what the ratios are taken from")
    parser.add_argument("--out", help="write the measurements to this file")
    parser.add_argument("--load", help="print the measurements of this file and run nothing")
    parser.add_argument("--markdown", help="write the tables to this file")
    options = parser.parse_args()
    if not options.base:
        options.frameworks = [name for name in options.frameworks if name != BASE]
    elif BASE not in options.frameworks:
        options.frameworks.insert(1, BASE)
    for name, known in (("workloads", WORKLOADS), ("frameworks", FRAMEWORKS)):
        unknown = [n for n in getattr(options, name) if n not in known]
        if unknown:
            parser.error(f"unknown {name}: {', '.join(unknown)}; known: {', '.join(known)}")
    if options.load:
        lines = Path(options.load).read_text().splitlines()
        wanted = (set(options.workloads), set(options.frameworks))
        results = [json.loads(line) for line in lines]
        results = [r for r in results if r["workload"] in wanted[0] and r["framework"] in wanted[1]]
    else:
        results = run(options)
    if not results:
        sys.exit("nothing was measured")
    cpu = options.clock == "cpu" or (options.clock is None and results[0].get("cpus") == 1)
    table = summarized(results)
    kind = "processor" if cpu else "wall"
    print(f"\n{kind} time, medians; {machine()}\n\n{text_table(detail(table, cpu))}")
    for mine in (name for name in OURS if measured(table, name)):
        rows = text_table(ratios(table, cpu, mine))
        print(f"\n{mine} over its best peer (below 1: less)\n\n{rows}")
    if measured(table, BASE):
        print(f"\ncornu over cornu-base (below 1: less)\n\n{text_table(beside_base(table, cpu))}")
    if options.markdown:
        Path(options.markdown).write_text(markdown(options, results, table, cpu))


if __name__ == "__main__":
    main()
