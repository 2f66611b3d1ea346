"""The one thread-local: fields, `with` blocks, scopes of names."""

import re
import threading
from pathlib import Path

import pytest

from cornu import context
from cornu.context import Context, current_path, local, name_scope, using


def test_fields_are_set_for_the_length_of_a_block():
    with using(device="here", remat="full"):
        assert (local.device, local.remat) == ("here", "full")
        with using(device="there"):
            assert (local.device, local.remat) == ("there", "full")
        assert local.device == "here"
    assert (local.device, local.remat) == (None, None)


def test_fields_are_restored_after_an_error():
    with pytest.raises(KeyError), using(symbolic=True):
        raise KeyError
    assert local.symbolic is False


def test_there_is_no_other_field():
    with pytest.raises(AttributeError), using(devise="here"):
        pass


def test_scopes_of_names_are_joined():
    assert current_path() == ""
    with name_scope("encoder") as outer:
        with name_scope("dense") as inner:
            assert (outer, inner) == ("encoder", "encoder/dense")
            assert current_path() == "encoder/dense"
        assert current_path() == "encoder"
    assert current_path() == ""


def test_each_thread_has_fields_of_its_own():
    seen = {}

    def look():
        seen["path"], seen["device"] = local.path, local.device
        local.path = "left behind"

    with using(device="here"), name_scope("main"):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        assert current_path() == "main"
    assert seen == {"path": "", "device": None}


def test_a_new_context_starts_from_the_defaults():
    fresh = Context()
    assert fresh.frame is None
    assert fresh.safe_mode is True
    assert fresh.custom_objects == {}


def test_it_is_the_only_thread_local():
    source = Path(context.__file__).parent
    scoped = [
        str(path.relative_to(source))
        for path in source.rglob("*.py")
        if re.search(r"threading\.local|ContextVar", path.read_text())
    ]
    assert scoped == ["context.py"]
