"""The table of Keras's private names: each is served, and is in Keras what its public name is."""

import importlib
import inspect
import types

import keras
import pytest

import cornu
from cornu.compat.keras_src import PRIVATE, Private
from cornu.compat.private import FILES, MODULES, NAMES

# Names of Keras 3.0 to 3.5.
OLDER = {"backend.common.variables.KerasVariable"}
# The operations of the backend stand here in later versions of Keras.
LATER = {path for path in PRIVATE if ".ops" in path and path.startswith("backend.")}


def below(root, path):
    """What stands at a dotted path; modules on the way are imported."""
    value = root
    for part in path.split(".") if path else ():
        if isinstance(value, types.ModuleType) and not hasattr(value, part):
            importlib.import_module(f"{value.__name__}.{part}")
        value = getattr(value, part)
    return value


def served(path):
    module, _, name = path.rpartition(".")
    return getattr(Private(module), name)


@pytest.mark.parametrize("path", sorted(NAMES))
def test_names_are_served(path):
    assert served(path) is below(cornu, NAMES[path])


@pytest.mark.parametrize("path", sorted(set(NAMES) - OLDER))
def test_names_are_in_keras_what_they_stand_for(path):
    private = below(keras.src, path)
    try:
        public = below(keras, NAMES[path])
    except (AttributeError, ModuleNotFoundError):
        assert callable(served(path))  # what has no public name is done by a function of our own
        return
    # An operation of the backend is what a public operation calls.
    assert private is public or private.__module__.startswith("keras.src.backend.")


def test_modules_are_in_keras():
    files = [f"{package}.{f}" for package, files in FILES.items() for f in files.split()]
    for path in {*files, *FILES, *MODULES} - LATER - {""}:
        assert isinstance(below(keras.src, path), types.ModuleType)


@pytest.mark.parametrize("path", sorted(p for p, place in PRIVATE.items() if place is not None))
def test_modules_answer_with_public_names(path):
    names = dir(Private(path))
    assert names
    for name in names[:3]:
        if f"{path}.{name}".lstrip(".") not in PRIVATE:
            assert served(f"{path}.{name}".lstrip(".")) is not None


def public_objects(module, seen):
    """`(public path, object)` of everything that Keras exports."""
    for name, value in vars(module).items():
        if isinstance(value, types.ModuleType):
            if value.__name__.startswith("keras.") and value.__name__ not in seen:
                seen.add(value.__name__)
                yield from public_objects(value, seen)
        elif not name.startswith("_"):
            yield f"{module.__name__}.{name}", value


def test_every_public_name_is_found_where_keras_defines_it():
    missing = []
    private = {"keras.src", "keras._tf_keras", "keras.legacy", "keras.optimizers.legacy"}
    for path, value in public_objects(keras, private):
        home = getattr(value, "__module__", None) or ""
        if not home.startswith("keras.src.") or not (inspect.isclass(value) or callable(value)):
            continue
        try:
            ours = below(cornu, path.removeprefix("keras."))
        except (AttributeError, ImportError):
            continue  # Cornu does not have it
        try:
            found = served(f"{home}.{value.__name__}".removeprefix("keras.src."))
        except (AttributeError, KeyError):
            missing.append(f"{home}.{value.__name__}")
            continue
        if inspect.isclass(ours):
            assert found is ours, path
    assert not missing, "give them a row in compat/private.py"
