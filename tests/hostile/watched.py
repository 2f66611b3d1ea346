"""Loads hostile files, watched: reads jobs as JSON from standard input, writes what happened.

    {"how": "load_model", "path": ...}
    -> {"error": "UnsafeFileError", "message": ..., "cpu": 0.01, "bytes": 1000,
        "events": ["open /etc/passwd"]}

An audit hook notes each opening of a file other than the job's and its shards, each socket, process
and import. Honest files are loaded first, so that what the libraries import at their first use is
there.
"""

import encodings.utf_8_sig  # the first decoding of a vocabulary imports it
import gc
import json
import os
import re
import resource
import signal
import sys
import time
import warnings

import h5py
import numpy as np

from cornu import initializers, layers, models, saving
from cornu.errors import UnsafeFileError
from cornu.reports.inspection import render_inspection

WATCHED = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "pickle.",
    "marshal.",
    "urllib.",
    "ctypes.",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "shutil.",
)
SHARD = re.compile(r"[\w.-]+_\d{5}\.weights\.h5")
job: dict = {}
events: list[str] = []


@saving.register_keras_serializable("hostile")
class Greedy(layers.Layer):
    def __init__(self, size=1, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def build(self, input_shape):
        self.table = self.add_weight(shape=(self.size, self.size))

    def call(self, x):
        return x


@saving.register_keras_serializable("hostile")
class GreedyModel(models.Model):
    def __init__(self, size=1, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.dense = layers.Dense(size, name="d")
        self.table = layers.Embedding(size, size)
        self.table.build((None, 1))

    def call(self, x):
        return self.dense(x)


def watch(event, arguments):
    if not job:
        return
    if event == "open":
        path = arguments[0]
        if isinstance(path, int) or str(path).startswith(job["path"]):
            return
        if str(path).startswith(job["temporary"]) and arguments[2] & os.O_CREAT:
            return
        if job["path"].endswith(".json") and SHARD.fullmatch(
            os.path.relpath(path, os.path.dirname(job["path"]))
        ):
            return
        events.append(f"open {path}")
    elif event == "import" or event.startswith(WATCHED):
        events.append(f"{event} {str(arguments)[:100]}")


def memory():
    """The largest memory of the process since it was last asked, in bytes."""
    try:
        with open("/proc/self/status") as file:
            peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        return peak * 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fresh():
    return models.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(3, name="h1", kernel_initializer="zeros"),
            layers.Dense(2, name="out", kernel_initializer="zeros"),
        ]
    )


def load(how, path):
    if how == "load_model":
        saving.load_model(path)
    elif how == "from_json":
        with open(path, "rb") as file:
            models.model_from_json(file.read())
    elif how == "load_weights":
        fresh().load_weights(path)
    elif how == "load_what_fits":
        fresh().load_weights(path, skip_mismatch=True)
    elif how == "inspect":
        found = saving.inspect_file(path)
        found.to_json()
        render_inspection(found, arrays=True)
        if found.is_dangerous:
            raise UnsafeFileError("; ".join(f.what for f in found.findings))
    else:
        raise KeyError(how)


def give_up(number, frame):
    raise TimeoutError("waits for ever")


def run(task):
    global job
    events.clear()
    memory()
    before, began = memory(), time.process_time()
    result = {"error": "ok", "message": "", "kind": ""}
    signal.setitimer(signal.ITIMER_REAL, 60)
    try:
        job = {**task, "temporary": os.environ.get("TMPDIR", "/tmp")}
        load(task["how"], task["path"])
    except BaseException as error:
        job = {}
        result = {
            "error": type(error).__name__,
            "message": str(error)[:2000],
            "kind": "UnsafeFileError" if isinstance(error, UnsafeFileError) else "",
        }
    finally:
        job = {}
        signal.setitimer(signal.ITIMER_REAL, 0)
    return {
        **result,
        "cpu": time.process_time() - began,
        "bytes": memory() - before,
        "events": list(events),
    }


def main():
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, give_up)
    tasks = json.load(sys.stdin)
    assert h5py and np and initializers and encodings.utf_8_sig
    for task in tasks["warm"]:
        try:
            load(task["how"], task["path"])
        except Exception as error:
            print(f"warming up by {task['path']}: {type(error).__name__}: {error}", file=sys.stderr)
    gc.collect()
    gc.freeze()  # what looking for garbage costs is that of the file alone
    sys.addaudithook(watch)
    json.dump([run(task) for task in tasks["jobs"]], sys.stdout)


if __name__ == "__main__":
    main()
