"""The canary: silent where sums are right, and loud in a process that leaves them to YNNPACK."""

import os
import subprocess
import sys
import time

from cornu import cli
from cornu.reports import canary
from cornu.reports.canary import Canary, handed_over

UNSAFE = """
import jax, jaxlib
from cornu.reports import canary
found = canary.listen()
print(found.jaxlib == jaxlib.__version__, found.is_safe, found.wrong > 0, found.library)
print(found.problem())
"""


def test_this_process_is_safe():
    found = canary.listen()
    assert found.is_safe and found.wrong == 0 and found.problem() is None
    assert "reductions" not in found.library


def test_it_takes_less_than_a_tenth_of_a_second():
    began = time.process_time()
    canary.listen()
    assert time.process_time() - began < 0.1 * 3  # of a processor that others use as well


def test_a_process_without_the_engine_is_judged_by_what_xla_does():
    rest = {k: v for k, v in os.environ.items() if not k.startswith(("XLA", "CORNU"))}
    done = subprocess.run(
        [sys.executable, "-c", UNSAFE],
        env={**rest, "JAX_DISABLE_MOST_OPTIMIZATIONS": "0"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    facts, problem = done.stdout.splitlines()
    version, safe, wrong, library = facts.split(" ", 3)
    assert version == "True"
    assert (safe == "True") == (wrong == "False" and "reductions" not in library)
    assert (problem == "None") == (safe == "True")


def test_what_is_handed_over_is_read_from_the_text():
    text = """
%inside (p: f32[8]) -> f32[] {
  ROOT %r = f32[] reduce(%p, %zero), dimensions={0}
}

ENTRY %main (x: f32[8]) -> f32[] {
  %d = f32[8]{0} dot(%x, %x)
  ROOT %f = f32[] fusion(%d), kind=kCustom, calls=%inside, backend_config={"kind":"__ynn_fusion"}
}
"""
    assert handed_over(text) == ("reductions",)
    assert handed_over(text.replace("__ynn_fusion", "other")) == ()


def test_the_doctor_names_the_version_and_the_remedy(monkeypatch, capsys):
    monkeypatch.setattr(canary, "listen", lambda: Canary("9.9.9", ("reductions",), 12))
    monkeypatch.setenv("CORNU_XLA_FLAGS", "off")
    assert cli.main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "jaxlib 9.9.9 hands reductions to YNNPACK" in said
    assert "Unset CORNU_XLA_FLAGS (it is 'off')" in said
    monkeypatch.setattr(canary, "listen", lambda: Canary("9.9.9", ("products",), 0))
    cli.main(["doctor"])
    said = capsys.readouterr().out
    assert "sums are right" in said and "left to YNNPACK  products" in said
