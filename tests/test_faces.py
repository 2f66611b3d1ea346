"""The faces of the packages: every class of the library stands where its name in files says."""

import ast
import importlib

import pytest

import cornu.saving  # noqa: F401  # loads all classes
from cornu.core.objects import registry
from test_house import MODULES, SOURCE

PRIVATE = {"ConvLSTMCell"}
FACES = [path for path in MODULES if "\n__all__ = [" in path.read_text() and path.parent != SOURCE]


@pytest.mark.parametrize(
    "cls", sorted(registry._names, key=lambda cls: cls.__qualname__), ids=lambda cls: cls.__name__
)
def test_the_face_has_every_class_that_files_name(cls):
    if not cls.__module__.startswith("cornu."):
        pytest.skip("a class of another test")
    module, name, _ = registry.builtin_name(cls)
    if module.startswith("keras.src.") or cls.__subclasses__() or name in PRIVATE:
        return  # the base of others, or private in Keras, too
    face = importlib.import_module(module.replace("keras", "cornu", 1))
    assert getattr(face, name) is cls


@pytest.mark.parametrize("path", FACES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_lists_of_names_are_sorted(path):
    lists = [
        ast.literal_eval(node.value)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    assert lists == [sorted(names) for names in lists]
