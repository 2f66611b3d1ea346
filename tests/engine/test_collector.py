"""Pauses of Python's garbage collector."""

import gc
import os
import subprocess
import sys

import pytest

from cornu.engine.collector import paused


@pytest.fixture(autouse=True)
def collecting():
    was = gc.isenabled()
    gc.enable()
    yield
    (gc.enable if was else gc.disable)()


@pytest.mark.parametrize("lasting", [False, True])
def test_collections_stop_and_go_on(lasting):
    with paused(lasting):
        assert not gc.isenabled()
        with paused(lasting):
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_collections_go_on_after_an_error():
    with pytest.raises(KeyError), paused():
        raise KeyError
    assert gc.isenabled()


def test_who_has_switched_them_off_keeps_them_off():
    gc.disable()
    with paused(lasting=True):
        pass
    assert not gc.isenabled()


def test_lasting_objects_are_old_and_still_collected():
    class Circle:
        pass

    with paused(lasting=True):
        circle = Circle()
        circle.self = circle
    assert not gc.get_freeze_count()
    assert any(thing is circle for thing in gc.get_objects(generation=2))
    del circle
    gc.collect()
    assert not any(type(thing) is Circle for thing in gc.get_objects())


def test_what_is_frozen_stays_frozen():
    code = (
        "import gc; from cornu.engine.collector import paused; gc.freeze()\n"
        "n = gc.get_freeze_count()\n"
        "with paused(lasting=True): pass\n"
        "assert 0 < gc.get_freeze_count() <= n and gc.isenabled()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))


def test_collections_go_on_after_the_first_import():
    code = (
        "import gc, cornu; before = sum(s['collections'] for s in gc.get_stats()); cornu.layers\n"
        "assert gc.isenabled(); print(sum(s['collections'] for s in gc.get_stats()) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, env=dict(os.environ), capture_output=True
    )
    assert int(done.stdout) <= 3
