"""Every hostile file that we know of is refused: in time, in memory, and without a look elsewhere.

All files are loaded by one process (watched.py), in which an audit hook notes what else is opened,
imported or started.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from cornu.errors import LINES
from hostile import containers, weights
from hostile.configs import CONFIGS, LARGE, UNSAFE, VALUE, sequential, written

SECONDS, BYTES = 2, 200 << 20
CASES = {
    **{("config", name): case[1:] for name, case in CONFIGS.items()},
    **{("json", name): case[1:] for name, case in CONFIGS.items() if case[1] == UNSAFE},
    **{("legacy", name): case[1:] for name, case in CONFIGS.items() if not name.startswith(LARGE)},
    **{("zip", name): case[1:] for name, case in containers.ZIPS.items()},
    **{("folder", name): case[1:] for name, case in containers.FOLDERS.items()},
    **{("shards", name): case[1:] for name, case in containers.SHARDS.items()},
    **{("tensors", name): case[1:] for name, case in containers.TENSORS.items()},
    **{
        (how, name): (UNSAFE, case[1])
        for name, case in weights.REFUSED.items()
        for how in ("archive", "weights", "what fits", "shard", "legacy", "state")
    },
    **{
        (how, name): (VALUE, case[1])
        for name, case in weights.MISFITS.items()
        for how in ("archive", "weights")
    },
    **{("weights", name): ("ok", "") for name in weights.HARMLESS},
}
# These are refused for their weights, or for what the archive around them holds; as texts alone
# they are as long as what they ask for.
NEEDS_WEIGHTS = (
    "a model of the user",
    "a class of the user",
    "a text of 60 MB",
    "200 MiB",
    "10,000 layers",
    "10,000 operations",
    "30,000 names",
    "thresholds in a list",
    "cells in a stack",
    "patterns of many",
)
CASES = {
    key: case
    for key, case in CASES.items()
    if key[0] != "json" or not key[1].startswith(NEEDS_WEIGHTS)
}


def write_all(folder: Path) -> tuple[list, list]:
    """The files of all cases; jobs for watched.py, and honest ones to warm it up."""
    with h5py.File(folder / "secret.h5", "w") as file:
        file["kernel"] = [[1.0] * 3] * 4
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "pipe_00000.weights.h5")
    weights.honest(folder / "m_00000.weights.h5")
    honest = (folder / "m_00000.weights.h5").read_bytes()
    members = containers.honest(honest)
    shard = containers.index({"/layers/dense/vars": ["m_00000.weights.h5"]})

    def write(name: str, content: bytes) -> str:
        (folder / name).write_bytes(content)
        return str(folder / name)

    jobs = []
    for number, (way, name) in enumerate(CASES):
        how, place = "load_model", f"{number}.keras"
        if way == "config":
            content = written(CONFIGS[name][0])
            method = 8 if len(content) > 1 << 20 else 0
            path = write(place, containers.zipped(members | {"config.json": content}, method))
        elif way == "legacy":
            path = str(folder / f"{number}.h5")
            text = CONFIGS[name][0] if name in CONFIGS else lambda config: None
            weights.legacy(Path(path), written(text))
            if name in weights.REFUSED:
                with h5py.File(path, "r+") as file:
                    weights.REFUSED[name][0](file, folder)
        elif way == "tensors":
            how, path = "load_weights", write(f"{number}.safetensors", containers.TENSORS[name][0])
        elif way == "json":
            how, path = "from_json", write(f"{number}.json", written(CONFIGS[name][0]))
        elif way == "zip":
            path = write(place, containers.ZIPS[name][0](members))
        elif way == "folder":
            path = str(containers.write_folder(folder / str(number), members))
            containers.FOLDERS[name][0](Path(path))
        elif way == "shards":
            how = "load_weights"
            path = write(f"{number}.weights.json", containers.SHARDS[name][0])
        else:
            every = {**weights.REFUSED, **weights.MISFITS}
            change = every[name][0] if name in every else weights.HARMLESS[name]
            place = f"{number}_00000.weights.h5"
            path = str(weights.made(folder / place, change, folder))
            if way in ("archive", "state"):
                member = "model.weights.h5" if way == "archive" else "cornu.state.h5"
                content = Path(path).read_bytes()
                path = write(f"{number}.keras", containers.zipped(members | {member: content}))
            elif way == "shard":
                group = "/layers/dense/vars"
                path = write(f"{number}.weights.json", containers.index({group: [place]}))
            how = "load_what_fits" if way == "what fits" else "load_weights"
            if way in ("archive", "state"):
                how = "load_model"
        jobs.append({"how": how, "path": path})

    good = json.dumps(sequential()).encode()
    warm = [
        {"how": "load_model", "path": write("good.keras", containers.zipped(members))},
        {"how": "load_model", "path": write("packed.keras", containers.zipped(members, 8))},
        {"how": "from_json", "path": write("good.json", good)},
        {"how": "load_weights", "path": str(folder / "m_00000.weights.h5")},
        {"how": "load_weights", "path": write("good.weights.json", shard)},
        {
            "how": "load_weights",
            "path": str(weights.made(folder / "warm.weights.h5", weights.opaque, folder)),
        },
        *[jobs[i] for i, key in enumerate(CASES) if key[0] != "zip" and key[1] in WARM],
    ]
    return jobs, warm


# What libraries import when they are first asked: suggestions for names, traces of graphs, ...
WARM = (
    "class os.system",
    "units=-5",
    "500 layers that each take the one before twice",
    "a call from nowhere",
    "code as a loss",
    "heads of attention",
    "a square of units",
    "a square of units in Bidirectional",
    "statistics of a normalization",
    "an embedding",
    "filters",
    "the matrix of a metric",
    "a dtype of another kind",
    "a function by its class",
    "units=1e+308",
    "a name that is a list",
    "ten million differences",
    "corners of 25 axes",
    "taps of a blur",
    "taps of a warp",
    "iterations of a power",
    "a window of a transform",
    "pieces of a sequence",
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """(what loading, what inspecting did) for each case."""
    folder = tmp_path_factory.mktemp("hostile")
    jobs, warm = write_all(folder)
    looks = [{"how": "inspect", "path": job["path"]} for job in jobs if job["how"] != "from_json"]
    warm += looks[:1] + [{"how": "inspect", "path": job["path"]} for job in warm]
    answer = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "watched.py")],
        input=json.dumps({"jobs": jobs + looks, "warm": warm}),
        capture_output=True,
        text=True,
        timeout=600,
        cwd=folder,
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    found = json.loads(answer.stdout)
    looked = iter(found[len(jobs) :])
    return {
        key: (load, None if key[0] == "json" else next(looked))
        for key, load in zip(CASES, found, strict=False)
    }


def check(found: dict) -> str:
    """What was said, once it is clear that nothing else happened."""
    shown = f"{found['error']}: {found['message']}"
    assert len(shown.split("\n")) <= LINES and len(shown) < 3000, shown
    assert found["events"] == [], shown
    assert found["cpu"] < SECONDS, shown
    assert found["bytes"] < BYTES, shown
    return shown


@pytest.mark.parametrize("key", CASES, ids=lambda key: f"{key[0]}: {key[1]:.60}")
def test_loading_refuses_it(key, results):
    errors, words = CASES[key]
    found = results[key][0]
    shown = check(found)
    assert found["error"] in errors.split("|"), shown
    assert found["error"] == "ok" or re.search(words, found["message"], re.DOTALL), shown


@pytest.mark.parametrize(
    "key", [key for key in CASES if key[0] != "json"], ids=lambda key: f"{key[0]}: {key[1]:.60}"
)
def test_inspecting_tells_of_it(key, results):
    loaded, looked = results[key]
    shown = check(looked)
    assert looked["error"] in ("ok", UNSAFE), shown
    # What a model takes in all is known when it is made, which inspecting does not.
    in_all = any(words in loaded["message"] for words in ("account for", "far more work"))
    if loaded["error"] == UNSAFE and not in_all:
        assert looked["error"] == UNSAFE, f"loading says {loaded['message']}"
    if loaded["error"] == "ok":
        assert looked["error"] == "ok", shown
