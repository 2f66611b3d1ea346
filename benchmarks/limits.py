"""How fast an epoch could be at all: a lower bound from the machine's two speeds.

    python benchmarks/limits.py [--quick] [--cpus 1] [--workloads cnn,lstm] [--load FILE]

    multiplications of the products of a step  /  rate of a large product    \\
                                                                              > the larger one
    bytes a step cannot avoid to move          /  bandwidth of a large copy  /

Counted from the gradient of the plain JAX form. Bytes are the operands and results of all products
and convolutions, and the weights with their gradients and optimizer slots; what lies between the
products is taken to be fused into them. The copy is one of 4 MB, as large as an activation is.
`--load` takes a file that compare.py wrote and prints how far Cornu's epochs are from the bound.
"""

import argparse
import json
import math
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import raw_jax
from workloads import WORKLOADS


def least_seconds(fn: Callable[..., Any], *arrays: jax.Array) -> float:
    """The least time of a call; a thread's share of processor time where that is less."""
    jax.block_until_ready(fn(*arrays))
    threads, times = len(os.sched_getaffinity(0)), []
    for _ in range(15):
        wall, cpu = time.perf_counter(), time.process_time()
        jax.block_until_ready(fn(*arrays))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        times.append(min(wall, cpu / threads))
    return min(times)


def machine() -> tuple[float, float]:
    """Floating-point operations and bytes (read and written) a second."""
    square, long = jnp.ones((1024, 1024)), jnp.ones(1 << 20)
    rate = 2 * 1024**3 / least_seconds(jax.jit(lambda a: a @ a), square)
    return rate, 8 * (1 << 20) / least_seconds(jax.jit(lambda a: a + 1), long)


def size(tree: Any) -> int:
    """Bytes of all arrays."""
    return sum(math.prod(a.shape) * a.dtype.itemsize for a in jax.tree.leaves(tree))


def products(jaxpr: Any) -> np.ndarray:
    """Operations and bytes of the products and convolutions of a program."""
    total = np.zeros(2)
    for equation in jaxpr.eqns:
        name, parameters = equation.primitive.name, equation.params
        times = parameters["length"] if name == "scan" else 1
        for parameter in parameters.values():
            for inner in parameter if isinstance(parameter, (tuple, list)) else (parameter,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    total += times * products(inner)
        if name not in ("dot_general", "conv_general_dilated"):
            continue
        arrays = [v.aval for v in (*equation.invars, *equation.outvars)]
        first, second, result = (a.shape for a in arrays)
        if name == "dot_general":
            (summed, _), _ = parameters["dimension_numbers"]
            terms = math.prod(first[i] for i in summed)
        else:
            _, *summed = parameters["dimension_numbers"].rhs_spec
            # what is spread out has zeros between its elements
            terms = math.prod(second[i] for i in summed) / math.prod(parameters["lhs_dilation"])
        total += 2 * math.prod(result) * terms, size(arrays)
    return total


def work(name: str, samples: int) -> tuple[float, float]:
    """Operations and bytes of an epoch."""
    workload = WORKLOADS[name]
    x, y = workload.data(workload.batch)
    peer = raw_jax.Peer(name)
    weights, moving, *slots, _ = peer.state

    def loss(weights: Any) -> Any:
        return peer.objective(weights, moving, x, y, peer.key)[0]

    flops, moved = products(jax.make_jaxpr(jax.grad(loss))(weights).jaxpr)
    # weights and slots are read and written, gradients read
    moved += 3 * size(weights) + 2 * size(slots)
    steps = samples / workload.batch
    return steps * flops, steps * moved


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workloads", type=lambda s: s.split(","), default=list(WORKLOADS))
    parser.add_argument("--quick", action="store_true", help="fewer samples, as in compare.py")
    parser.add_argument("--cpus", type=int, default=0, help="use only so many cores")
    parser.add_argument("--load", help="measurements that compare.py wrote")
    options = parser.parse_args()
    if options.cpus:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-options.cpus :])
    epochs: dict[str, list[float]] = {}
    for line in Path(options.load).read_text().splitlines() if options.load else ():
        result = json.loads(line)
        if result["framework"] == "cornu":
            key = "epoch_cpu_s" if options.cpus == 1 else "epoch_s"
            epochs.setdefault(result["workload"], []).append(result[key])
    rate, bandwidth = machine()
    print(f"products {rate / 1e9:.0f} Gflop/s, copies {bandwidth / 1e9:.1f} GB/s\n")
    print("workload       Gflop      GB   products s   copies s    bound s   cornu / bound")
    for name in options.workloads:
        samples = WORKLOADS[name].quick if options.quick else WORKLOADS[name].samples
        flops, moved = work(name, samples)
        parts = flops / rate, moved / bandwidth
        beside = f"{statistics.median(epochs[name]) / max(parts):16.1f}" if name in epochs else ""
        print(
            f"{name:12} {flops / 1e9:7.1f} {moved / 1e9:7.2f} {parts[0]:12.4f} {parts[1]:10.4f} "
            f"{max(parts):10.4f}{beside}",
            flush=True,
        )


if __name__ == "__main__":
    main()
