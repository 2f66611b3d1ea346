"""Loads mutated files, one after another, until its input ends.

    in    {"path": "/tmp/x/3.keras"}                        one line of JSON each
    out   {"error": "ValueError", "message": "...", "ok": true}

`ok` is false where something else than a refusal in our own words, or a model that works, comes of
it. The process is limited in memory. Whoever started it notices when it dies or does not answer.
"""

import contextlib
import json
import os
import resource
import sys
import warnings

import numpy as np

from cornu import layers, models, saving

EXPECTED = (ValueError, TypeError, NotImplementedError, FileNotFoundError)
MEMORY = 3 << 30


def small():
    return models.Sequential(
        [layers.Input((4,)), layers.Dense(3, name="h1"), layers.Dense(2, name="out")], name="small"
    )


def load(path, target):
    saving.inspect_file(path)
    if path.endswith((".keras", ".h5")) and not path.endswith(".weights.h5"):
        model = saving.load_model(path)
        model.get_config()
        assert all(np.shape(v.numpy()) == v.shape for v in model.weights)
    else:
        target.load_weights(path, skip_mismatch=path.count("skip") > 0)


def main():
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    sys.stdout = sys.stderr
    target = small()
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))
    for line in sys.stdin:
        result = {"error": "", "message": "", "ok": True}
        try:
            load(json.loads(line)["path"], target)
        except EXPECTED as error:
            result = {"error": type(error).__name__, "message": str(error)[:500], "ok": True}
        except BaseException as error:
            result = {"error": type(error).__name__, "message": str(error)[:500], "ok": False}
        print(json.dumps(result), file=answers, flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        main()
