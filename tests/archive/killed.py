"""Saves over an old file in processes that the system kills at a given byte; tells what is left.

    python killed.py FOLDER  ->  {"m.keras": {"limits": [1, 2, ...], "left": ["old", "old", ...]}}

The kill is that of a limit on the size of files: the process dies in the very call that writes the
byte. Each process is a fork of this one, so the model is made once.
"""

import json
import os
import resource
import signal
import sys
import warnings
from pathlib import Path

import numpy as np

from cornu import layers, models

NAMES = ["m.keras", "folder", "m.weights.h5", "m.weights.json", "m.h5", "m.safetensors"]


def made(value):
    model = models.Sequential([layers.Input((40,)), layers.Dense(50, name="h1")], name="small")
    model.set_weights([np.full(w.shape, value, "float32") for w in model.weights])
    return model


def save(model, path):
    if path.name in ("m.weights.h5", "m.safetensors"):
        model.save_weights(path)
    elif path.name == "m.weights.json":
        model.save_weights(path, max_shard_size=1e-6)
    else:
        model.save(path, **({"zipped": False} if path.name == "folder" else {}))


def killed_at(limit, model, path):
    """How a process ended that may write so many bytes into a file."""
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        save(model, path)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def left_over(path, target):
    """Whether the file has all old or all new numbers."""
    target.set_weights([np.full(w.shape, 9, "float32") for w in target.weights])
    if path.name in ("m.keras", "m.h5", "folder"):
        target = models.load_model(path)
    else:
        target.load_weights(path)
    values = {float(v) for w in target.weights for v in np.ravel(w.numpy())}
    return {frozenset([1.0]): "old", frozenset([2.0]): "new"}.get(frozenset(values), str(values))


def main(folder):
    warnings.simplefilter("ignore")
    old, new, target = made(1), made(2), made(9)
    result = {}
    for name in NAMES:
        path = Path(folder, name)
        save(old, path)
        sizes = [f.stat().st_size for f in [path, *path.parent.rglob("*")] if f.is_file()]
        limits = sorted(
            {1, 8, 100, *(int(max(sizes) * i / 8) for i in range(1, 8)), max(sizes) - 1}
        )
        ends, left = [], []
        for limit in limits:
            ends.append(killed_at(limit, new, path))
            left.append(left_over(path, target))
        ends.append(killed_at(10**9, new, path))
        left.append(left_over(path, target))
        result[name] = {"limits": limits, "ends": ends, "left": left}
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1])
