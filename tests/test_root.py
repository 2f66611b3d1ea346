"""The lazy root: names, suggestions, and what an import loads."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import cornu


def loaded_after(code):
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    code = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return set(done.stdout.split())


def test_version():
    assert cornu.version() == cornu.__version__
    assert cornu.__version__.count(".") == 2


@pytest.mark.parametrize("name", cornu.NAMESPACES)
def test_namespaces(name):
    assert getattr(cornu, name) is importlib.import_module(f"cornu.{name}")


@pytest.mark.parametrize("name", cornu.SYMBOLS)
def test_symbols(name):
    home = importlib.import_module(f"cornu.{cornu.SYMBOLS[name]}")
    assert getattr(cornu, name) is getattr(home, name)
    assert getattr(cornu, name) is getattr(cornu, name)


@pytest.mark.parametrize("made", ["Variable('ones', shape=(2,))", "KerasTensor((2,))"])
def test_types_of_the_core_are_complete_when_nothing_else_is_loaded(made):
    loaded_after(f"import cornu as keras\nassert (keras.{made} + 1).shape == (2,)")


def test_what_editors_see_is_what_there_is():
    source = Path(cornu.__file__).read_text()
    shown = source[source.index("if TYPE_CHECKING:") : source.index("NAMESPACES = ")]
    for name in (*cornu.NAMESPACES, *cornu.SYMBOLS):
        assert f"{name} as {name}" in shown, name


def test_dir_lists_everything():
    assert set(dir(cornu)) == {"__version__", "version", *cornu.NAMESPACES, *cornu.SYMBOLS}


@pytest.mark.parametrize(
    ("name", "close"),
    [("layer", "layers"), ("Sequental", "Sequential"), ("optimisers", "optimizers"), ("op", "ops")],
)
def test_close_names_are_suggested(name, close):
    with pytest.raises(AttributeError) as caught:
        getattr(cornu, name)
    assert str(caught.value) == f"cornu has no {name!r}.\n  fix: did you mean {close!r}?"


def test_a_name_like_no_other():
    with pytest.raises(AttributeError) as caught:
        cornu.zzzzzz  # noqa: B018
    assert str(caught.value) == "cornu has no 'zzzzzz'."
    assert not hasattr(cornu, "zzzzzz")


def test_a_wrong_from_import_is_an_import_error():
    with pytest.raises(ImportError):
        from cornu import Sequental  # noqa: F401


def test_modules_below_the_root_can_be_imported():
    from cornu import errors, names

    assert errors.explain("x") == "x"
    assert names.to_snake_case("X") == "x"


def test_the_root_loads_nothing_else():
    loaded = loaded_after("import cornu")
    ours = {name for name in loaded if name.startswith("cornu")}
    assert ours == {
        "cornu",
        "cornu.engine",
        "cornu.engine.collector",
        "cornu.signpost",
        "cornu.version",
    }
    assert not {"jax", "numpy", "h5py", "rich", "pooch"} & loaded


def test_a_namespace_loads_what_it_stands_on_and_no_more():
    loaded = loaded_after("import cornu; cornu.layers")
    assert {"jax", "cornu.layers", "cornu.core.frame"} <= loaded
    assert not {"cornu.models", "cornu.train", "cornu.data", "cornu.archive"} & loaded
    assert not {
        "h5py", "rich", "pooch", "PIL", "requests", "sklearn", "matplotlib", "tensorflow", "torch",
        "keras", "jax.experimental.sparse",
    } & loaded  # fmt: skip
