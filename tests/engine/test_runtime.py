"""The engine's start: what it sets, what it leaves alone, and the cache of programs."""

import os
import re
import subprocess
import sys
import time

import numpy as np
import pytest

from cornu import config
from cornu.engine import runtime
from cornu.engine.runtime import ProgramCache


def run(code, folder, **environment):
    """What a fresh process prints, with a cache of its own."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("CORNU", "XLA", "JAX"))}
    inherited |= {"JAX_PLATFORMS": "cpu", "CORNU_HOME": str(folder / "home"), **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=inherited, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split("\n")


START = """
import os, jax
from cornu.engine import runtime
runtime.start()
facts = runtime.describe()
print(facts["allocator"]); print(facts["xla_flags"]); print(facts["cache"])
print(os.environ.get("XLA_FLAGS")); print(jax.config.jax_compilation_cache_dir)
"""


class TestStart:
    def test_what_it_sets(self, tmp_path):
        allocator, flags, cache, xla_flags, jax_cache = run(START, tmp_path)
        expected = str(tmp_path / "home" / "compiled")
        assert cache == jax_cache == expected
        assert os.path.isdir(expected)
        assert flags == xla_flags == " ".join(runtime.FLAGS) or flags.startswith("left alone")
        assert allocator == runtime._UNTUNED  # it belongs to the program, not to a library

    def test_the_allocator_is_tuned_on_request(self, tmp_path):
        tuned = f"from cornu import config; print(config.tune_process()){START}"
        said, allocator, *_ = run(tuned, tmp_path)
        assert said == allocator and ("keeps freed pages" in said or "not glibc" in said)
        said, allocator, *_ = run(tuned, tmp_path, CORNU_MALLOC="off")
        assert said == allocator == "off by CORNU_MALLOC"

    def test_everything_can_be_turned_off(self, tmp_path):
        switches = {"CORNU_XLA_FLAGS": "0", "CORNU_CACHE": "False"}
        found = run(START, tmp_path, **switches)
        assert found == [
            runtime._UNTUNED,
            "off by CORNU_XLA_FLAGS",
            "off by CORNU_CACHE",
            "None",
            "None",
        ]
        assert not (tmp_path / "home").exists()

    def test_what_the_user_set_stays(self, tmp_path):
        flag = "--xla_cpu_experimental_ynn_fusion_type=LIBRARY_FUSION_TYPE_INVALID"
        flag += " --xla_cpu_prefer_vector_width=256"
        mine = str(tmp_path / "mine")
        found = run(START, tmp_path, XLA_FLAGS=flag, JAX_COMPILATION_CACHE_DIR=mine)
        assert found[1:] == [
            runtime.NO_REDUCTIONS,  # numbers are right in any case
            f"left alone: JAX uses {mine}",
            f"{flag} {runtime.NO_REDUCTIONS}",
            mine,
        ]

    def test_one_flag_of_the_users_and_the_other_of_ours(self, tmp_path):
        flag = "--xla_cpu_prefer_vector_width=256"
        found = run(START, tmp_path, XLA_FLAGS=flag)
        added = runtime.YNN_FLAG
        assert found[1] == added and found[3] == f"{flag} {added}" or "another" in found[1]

    def test_other_flags_and_a_folder_of_the_users(self, tmp_path):
        flag, named = "--xla_cpu_enable_fast_math=false", str(tmp_path / "named")
        found = run(START, tmp_path, XLA_FLAGS=flag, CORNU_CACHE=named)
        assert found[3].split()[0] == flag
        assert found[2] == found[4] == named

    def test_a_folder_that_cannot_be_made(self, tmp_path):
        (tmp_path / "file").write_text("in the way")
        found = run(START, tmp_path, CORNU_CACHE=str(tmp_path / "file" / "cache"))
        assert re.match(r"off: .*/file/cache cannot be made \(Not a directory\)", found[2])
        assert found[4] == "None"

    def test_nothing_when_jax_is_initialised_already(self, tmp_path):
        _, *facts, xla_flags, cache = run("import jax; jax.devices()" + START, tmp_path)
        assert {fact.partition(";")[0] for fact in facts} == {
            "left alone: JAX was initialised before"
        }
        assert "without YNNPACK's reductions" in facts[0]
        assert (xla_flags, cache) == ("None", "None")

    def test_a_second_process_finds_the_programs_of_the_first(self, tmp_path):
        code = """
import cornu, numpy as np
from cornu.engine import runtime
assert not runtime._in_force
hits = []
get = runtime.ProgramCache.get
runtime.ProgramCache.get = lambda self, key: hits.append(get(self, key)) or hits[-1]
layers = cornu.layers  # the first part that computes starts the engine
assert runtime._in_force
layers.Dense(3)(np.ones((2, 5), "f"))
print(sum(hit is not None for hit in hits), sum(hit is None for hit in hits))
"""
        (first,), (second,) = run(code, tmp_path), run(code, tmp_path)
        found, compiled = map(int, first.split())
        assert compiled > 0
        assert second == f"{found + compiled} 0"
        files = list((tmp_path / "home" / "compiled").iterdir())
        assert {f.suffix for f in files} == {".xla"}

    def test_it_can_be_asked_for(self):
        assert sorted(config.engine()) == ["allocator", "cache", "xla_flags"]
        assert config.engine() == runtime.describe()


WRONG_ROWS = """
import sys
import jax, jax.numpy as jnp, numpy as np
if "initialised" in sys.argv:
    x = jnp.ones((3, 3)) + 1
if "newer" in sys.argv:
    import jaxlib; jaxlib.__version__ = "99.1.0"
import cornu.core
rng = np.random.default_rng(0)
w, x = (rng.normal(size=size).astype("float32") for size in ((3, 3), (40000, 3)))
rows = jax.jit(jax.vmap(lambda row: jnp.sum(jnp.square(jnp.asarray(w) @ row))))
wrong = abs(rows(x) - np.square(x.astype(float) @ w.T.astype(float)).sum(1)) > 1e-3
print(int(wrong.sum()))
"""
DEADLY = """
import cornu.core, jax, jax.numpy as jnp
one, other = jnp.ones((3, 1, 2, 2, 8, 8, 8)), jnp.ones((3, 1, 2, 2, 8, 8, 8))
print(float(jax.jit(lambda a, b: jnp.sum(a * b, axis=3))(one, other).sum()))
weights, table = jnp.ones((10, 4, 6)), jnp.ones((10, 4, 6, 9, 9, 9, 9, 9))
given = lambda w, t: jnp.log(jnp.sum(w[..., None, None, None, None, None] * t, axis=2))
print(float(jax.jit(given)(weights, table).mean()))
"""


class TestNumbers:
    """What jaxlib 0.10.2 and 0.11 get wrong by themselves."""

    @pytest.mark.parametrize(
        "when, environment",
        [
            ("first", {}),
            ("initialised", {}),
            ("newer", {}),
            ("first", {"XLA_FLAGS": f"--{runtime.YNN_OPTION}=reduce,individual_dot"}),
        ],
    )
    def test_no_row_is_wrong(self, tmp_path, when, environment):
        code = f"import sys; sys.argv.append({when!r})\n{WRONG_ROWS}"
        assert run(code, tmp_path, **environment) == ["0"]

    def test_no_process_dies(self, tmp_path):
        first, second = map(float, run(DEADLY, tmp_path))
        assert first == 3 * 2 * 8**3 * 2
        assert abs(second - np.log(6)) < 1e-5

    def test_programs_of_another_setting_are_not_found(self, tmp_path):
        """One cache for all: with YNNPACK, without it, and with the option of each program."""
        wrong = run(WRONG_ROWS, tmp_path, CORNU_XLA_FLAGS="off")
        assert run(WRONG_ROWS, tmp_path) == ["0"], f"{wrong} rows without the flag"
        assert run(f"import sys; sys.argv.append('newer')\n{WRONG_ROWS}", tmp_path) == ["0"]


class TestImportCost:
    def test_the_root_takes_next_to_no_time(self, tmp_path):
        code = "import time; a = time.process_time(); import cornu; print(time.process_time() - a)"
        best = min(float(run(code, tmp_path)[0]) for _ in range(5))
        assert best < 0.1  # seconds of the process; about 0.005 on an idle machine


class TestProgramCache:
    @pytest.fixture
    def cache(self, tmp_path):
        return ProgramCache(tmp_path, limit=100)

    def test_what_is_put_is_found(self, cache, tmp_path):
        assert cache.get("a") is None
        cache.put("a", b"program")
        assert cache.get("a") == b"program"
        assert [f.name for f in tmp_path.iterdir()] == ["a.xla"]

    def test_what_is_there_stays(self, cache):
        cache.put("a", b"first")
        cache.put("a", b"second")
        assert cache.get("a") == b"first"

    def test_what_was_used_longest_ago_goes(self, cache, tmp_path):
        past = time.time() - 1000
        for age, key in enumerate("abc"):
            cache.put(key, b"x" * 30)
            os.utime(tmp_path / f"{key}.xla", (past + age, past + age))
        assert cache.get("a") is not None  # used now
        cache.put("d", b"x" * 30)
        assert [cache.get(key) is not None for key in "abcd"] == [True, False, True, True]

    def test_programs_of_other_processes_count(self, cache, tmp_path):
        (tmp_path / "old.xla").write_bytes(b"x" * 90)
        os.utime(tmp_path / "old.xla", (1, 1))
        cache.put("new", b"x" * 30)
        assert cache.get("old") is None
        assert cache.get("new") is not None

    def test_it_never_grows_over_its_limit(self, cache, tmp_path):
        for i in range(50):
            cache.put(f"k{i}", b"x" * (i % 40))
            assert sum(f.stat().st_size for f in tmp_path.iterdir()) <= 100

    def test_a_program_larger_than_the_cache_is_not_kept(self, cache, tmp_path):
        cache.put("kept", b"x" * 50)
        cache.put("huge", b"x" * 101)
        assert cache.get("huge") is None
        assert cache.get("kept") is not None

    def test_a_write_that_fails_leaves_nothing(self, cache, tmp_path, monkeypatch):
        def full(*args):
            raise OSError("disk full")

        monkeypatch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="disk full"):
            cache.put("a", b"program")
        assert list(tmp_path.iterdir()) == []

    def test_readers_never_see_half_a_program(self, cache, tmp_path, monkeypatch):
        seen = []
        replace = os.replace

        def look_then_replace(aside, file):
            seen.append((os.path.exists(file), os.path.getsize(aside), cache.get("a")))
            replace(aside, file)

        monkeypatch.setattr(os, "replace", look_then_replace)
        cache.put("a", b"program")
        assert seen == [(False, 7, None)]

    def test_an_entry_that_vanishes_is_a_miss(self, cache, tmp_path):
        cache.put("a", b"program")
        (tmp_path / "a.xla").unlink()
        assert cache.get("a") is None
