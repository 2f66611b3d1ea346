"""One measurement in a process of its own: one library, one workload, one line of JSON.

    python benchmarks/peers.py --framework cornu --workload cnn [--cpus 1] [--quick] [--first-only]

    start of the process                             first        last
       |---- imports, model, compilation, epoch 1 -----|-- epochs --|-- evaluate, predict
       |<---------- first_s, first_cpu_s ------------->|<-epoch_s ->|

Making the data is subtracted. Whether compiled programs are kept between processes is decided by
the environment that the caller sets (see compare.py).
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

FRAMEWORKS = (
    "cornu",
    "cornu-native",
    "cornu-tuned",
    "cornu-base",
    "keras-tf",
    "keras-jax",
    "keras-torch",
    "torch",
    "jax",
)
BACKENDS = {"keras-tf": "tensorflow", "keras-jax": "jax", "keras-torch": "torch"}
PREDICT_BATCH = 256


class Clock:
    """Wall and process time, as pairs."""

    def __init__(self) -> None:
        self.ticks: list[tuple[float, float]] = []

    def tick(self) -> None:
        """Note the time; called at the end of each epoch, when its loss is a number."""
        self.ticks.append((time.time(), time.process_time()))


class KerasPeer:
    """Cornu, or Keras on one of its backends: the same code."""

    def __init__(self, framework: str, workload: Any, seed: int = 0):
        if framework.startswith("cornu"):
            import cornu as keras
            from cornu.kernels.native import library

            if framework == "cornu-tuned":
                keras.config.tune_process()
            if framework == "cornu-native" and not library.lanes():
                raise NotImplementedError("native kernels are not built: cornu build-kernels")
        else:
            os.environ["KERAS_BACKEND"] = BACKENDS[framework]
            import keras
        missing = [name for name in workload.needs if not hasattr(keras.layers, name)]
        if missing:
            raise NotImplementedError(f"no layer {', '.join(missing)} yet")
        keras.utils.set_random_seed(seed)
        self.keras, self.batch = keras, workload.batch
        self.model = workload.build(keras)
        optimizers = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}
        losses = {
            "classes": "sparse_categorical_crossentropy",
            "tokens": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            "yes_no": "binary_crossentropy",
            "pixels": "mse",
        }
        self.model.compile(
            optimizer=optimizers[workload.optimizer](learning_rate=0.001),
            loss=losses[workload.loss],
            metrics=["accuracy"] if workload.loss in ("classes", "yes_no") else None,
        )

    @staticmethod
    def _nested(x: list[Any]) -> Any:
        return x[0] if len(x) == 1 else x

    def fit(self, x: list[Any], y: Any, epochs: int, clock: Clock) -> float:
        """Train and return the loss of the last epoch."""

        class Ticks(self.keras.callbacks.Callback):  # type: ignore[misc,name-defined]
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                clock.tick()

        history = self.model.fit(
            self._nested(x), y, batch_size=self.batch, epochs=epochs, verbose=0,
            callbacks=[Ticks()],
        )  # fmt: skip
        return float(history.history["loss"][-1])

    def evaluate(self, x: list[Any], y: Any) -> Any:
        """The loss on all samples."""
        return self.model.evaluate(self._nested(x), y, batch_size=PREDICT_BATCH, verbose=0)

    def predict(self, x: list[Any]) -> Any:
        """The outputs for all samples, as numpy."""
        return self.model.predict(self._nested(x), batch_size=PREDICT_BATCH, verbose=0)


def make_peer(framework: str, workload: str) -> Any:
    """The library's side of a workload: an object with `fit`, `evaluate` and `predict`.

    Raises:
        NotImplementedError: the library lacks a layer.
    """
    from workloads import WORKLOADS

    if framework == "torch":
        import raw_torch

        return raw_torch.Peer(workload)
    if framework == "jax":
        import raw_jax

        return raw_jax.Peer(workload)
    return KerasPeer(framework, WORKLOADS[workload])


def timed(call: Callable[[], Any], least: int = 3, seconds: float = 1.0) -> tuple[float, float]:
    """The least wall and processor seconds of several calls, after one that is not counted."""
    call()
    walls, cpus = [], []
    while len(walls) < least or (sum(walls) < seconds and len(walls) < 50):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus)


def busy_seconds() -> float | None:
    """Processor seconds of the whole machine since it started; None where this is not told."""
    try:
        with open("/proc/stat") as file:
            user, nice, system, _, _, irq, soft, *_ = map(int, file.readline().split()[1:])
    except OSError:
        return None
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def peak_megabytes() -> float:
    """The most memory the process has held."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run the workload and return the figures."""
    from workloads import WORKLOADS

    workload = WORKLOADS[options.workload]
    wall, cpu = time.time(), time.process_time()
    x, y = workload.data(workload.quick if options.quick else workload.samples)
    data_wall, data_cpu = time.time() - wall, time.process_time() - cpu

    clock = Clock()
    peer = make_peer(options.framework, options.workload)
    busy, own = busy_seconds(), sum(os.times()[:2])
    begun = time.time()
    loss = peer.fit(x, y, 1 if options.first_only else options.epochs, clock)
    first_wall, first_cpu = clock.ticks[0]
    figures: dict[str, Any] = {
        "framework": options.framework,
        "workload": options.workload,
        "samples": len(y),
        "quick": options.quick,
        "cpus": options.cpus,
        "first_s": first_wall - options.started - data_wall,
        "first_cpu_s": first_cpu - data_cpu,
        "loss": loss,
    }
    if busy is not None:
        others = (busy_seconds() or busy) - busy - (sum(os.times()[:2]) - own)
        figures["others"] = max(others, 0) / max(time.time() - begun, 0.01)
    if options.first_only:
        return figures
    pairs = list(zip(clock.ticks, clock.ticks[1:], strict=False))
    walls, cpus = ([b[i] - a[i] for a, b in pairs] for i in (0, 1))
    figures |= {
        "epoch_s": min(walls),
        "epoch_median_s": statistics.median(walls),
        "epoch_cpu_s": min(cpus),
        "epoch_cpu_median_s": statistics.median(cpus),
    }
    figures["evaluate_s"], figures["evaluate_cpu_s"] = timed(lambda: peer.evaluate(x, y))
    figures["predict_s"], figures["predict_cpu_s"] = timed(lambda: peer.predict(x))
    one = [part[:1] for part in x]
    figures["one_s"], figures["one_cpu_s"] = timed(lambda: peer.predict(one), 20)
    figures["peak_mb"] = peak_megabytes()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--framework", choices=FRAMEWORKS, required=True)
    parser.add_argument("--workload", required=True)
    parser.add_argument("--cpus", type=int, default=0, help="use only so many cores")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--quick", action="store_true", help="fewer samples")
    parser.add_argument("--first-only", action="store_true", help="stop after the first epoch")
    begun = time.time() - time.process_time()  # nearly: the process has hardly waited yet
    parser.add_argument("--started", type=float, default=begun, help="when the caller started it")
    options = parser.parse_args()
    if options.cpus:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-options.cpus :])
    try:
        figures = measure(options)
    except (ImportError, NotImplementedError) as error:
        figures = {
            "framework": options.framework,
            "workload": options.workload,
            "skipped": f"{error}",
        }
    print(json.dumps({k: round(v, 6) if isinstance(v, float) else v for k, v in figures.items()}))


if __name__ == "__main__":
    main()
