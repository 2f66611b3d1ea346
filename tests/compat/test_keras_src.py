"""Programs that import private names of Keras. Imports are global, so each is a process."""

import sys
import types

import numpy as np
import pytest

import cornu
from compat.test_alias import python
from cornu.compat import adapters
from cornu.compat.keras_src import Private, real_path, refusal


def test_imports_as_packages_write_them():
    out = python("""
        import cornu.compat
        cornu.compat.install()
        import keras
        draw = keras.src.backend.jax.random.jax_draw_seed  # `import keras` is enough

        import keras.src.layers.core.dense
        from keras.src import backend, layers, ops, saving
        from keras.src.backend import get_keras_mask, standardize_dtype
        from keras.src.backend.ops import nn
        from keras.src.layers.core.dense import Dense
        from keras.src.losses.losses import LossFunctionWrapper
        from keras.src.models.functional import Functional
        from keras.src.saving.saving_lib import load_model
        from keras.src.ops import *
        from tf_keras.src.optimizers.adam import Adam

        import cornu
        assert Dense is layers.Dense is cornu.layers.Dense is keras.src.layers.core.dense.Dense
        assert concatenate is ops.concatenate is cornu.ops.concatenate
        assert nn.relu is backend.nn.relu is cornu.ops.nn.relu
        assert Adam is cornu.optimizers.Adam and Functional is cornu.models.Functional
        assert load_model is cornu.saving.load_model
        print(draw(3).shape, standardize_dtype(float))

        # A name can be patched, and comes back.
        from unittest import mock
        with mock.patch("keras.src.backend.nn.dot_product_attention") as put:
            assert nn is not put and backend.nn.dot_product_attention is put
        assert backend.nn.dot_product_attention is ops.dot_product_attention
    """)
    assert out == "(2,) float32\n"


def test_names_that_are_not_served_say_what_to_use():
    out = python("""
        import cornu.compat
        cornu.compat.install()
        for line in ("from keras.src.layers import Unicorn", "from keras.src.backend import Dense",
                     "import keras.src.unicorn.horn", "from keras.src import unicorn",
                     "import keras; keras.src.unicorn"):
            try:
                exec(line)
            except (ImportError, AttributeError) as error:
                print(type(error).__name__, error)
        print(hasattr(keras.src, "unicorn"))
    """)
    kinds = [line.split()[0] for line in out.splitlines() if not line.startswith(" ")]
    assert kinds == ["ImportError"] * 2 + ["ModuleNotFoundError", "ImportError"] + [
        "AttributeError", "False",
    ]  # fmt: skip
    assert "fix: use keras.layers.Dense" in out
    assert "Cornu has no keras.src.unicorn, a private name of Keras." in out


def test_what_is_installed_loads_nothing_and_goes_again():
    out = python("""
        import sys
        import cornu.compat
        cornu.compat.install()
        import keras.src
        print("jax" in sys.modules, hasattr(keras, "src"))
        print(keras.__version__ == keras.version(), keras.version()[:2])
        cornu.compat.uninstall()
        print(keras.__version__ == keras.version(), keras.version()[:2])
        print("keras.src" in sys.modules, "cornu.src" in sys.modules, hasattr(keras, "src"))
    """)
    assert out == "False True\nTrue 3.\nTrue 0.\nFalse False False\n"


def test_paths():
    assert real_path("cornu.src.ops") == "ops" and real_path("cornu.src") == ""
    assert real_path("cornu.srcs") is None
    assert "use keras.optimizers.Adam" in refusal("optimizers.fast.Adam")


# ---- what has no public name --------------------------------------------------------------------


def test_store_of_arrays(tmp_path):
    path = tmp_path / "a.lora.h5"
    store = adapters.H5IOStore(path, mode="w")
    store.make("lora")["rank"] = 4
    inner = store.make("lora/3", metadata={"name": "kernel"})
    inner["a"] = cornu.Variable(np.ones((2, 3), "float32"))
    inner["b"] = cornu.ops.ones((2,), "bfloat16")
    assert sorted(inner) == ["a", "b"] and inner["a"].shape == (2, 3)
    with pytest.raises(TypeError):
        del inner["a"]
    assert not path.exists()
    store.close()

    store = adapters.H5IOStore(path)
    assert store.get("lora")["rank"][()] == 4
    assert {key: value.dtype.name for key, value in store.get("lora/3").items()} == {
        "a": "float32", "b": "bfloat16",
    }  # fmt: skip
    assert store.has_path("lora/3") and not store.has_path("lora/4")
    assert store.get("lora/4") == {}
    store.close()
    with pytest.raises(ValueError, match="mode"):
        adapters.H5IOStore(path, mode="a")


def test_store_is_read_and_written_by_keras(tmp_path):
    from keras.src.saving.saving_lib import H5IOStore

    for write, read in ((adapters.H5IOStore, H5IOStore), (H5IOStore, adapters.H5IOStore)):
        path = tmp_path / f"{write.__module__}.h5"
        store = write(path, mode="w")
        store.make("lora/3")["a"] = np.arange(6.0).reshape(2, 3)
        store.close()
        assert read(path, mode="r").get("lora/3")["a"][1, 2] == 5


def test_what_a_method_borrows_is_not_owned():
    class Wrapper(cornu.layers.Layer):
        def __init__(self):
            super().__init__()
            self.own = cornu.layers.Dense(2)
            self.borrow(cornu.layers.Dense(3))

        @adapters.no_automatic_dependency_tracking
        def borrow(self, layer):
            self.own = self.own
            self.borrowed = [layer]

    wrapper = Wrapper()
    assert [layer.name for layer in wrapper._flatten_layers(include_self=False)] == [
        wrapper.own.name
    ]
    assert wrapper.borrow.__name__ == "borrow"


def test_safe_mode_is_on_only_while_objects_are_read():
    assert not adapters.in_safe_mode()
    with adapters.SafeModeScope(True):
        assert adapters.in_safe_mode()
    with adapters.SafeModeScope(False):
        assert not adapters.in_safe_mode()

    seen = []

    @cornu.saving.register_keras_serializable(package="private")
    class Asking(cornu.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            seen.append(adapters.in_safe_mode())

    config = cornu.saving.serialize_keras_object(Asking())
    cornu.saving.deserialize_keras_object(config)
    cornu.saving.deserialize_keras_object(config, safe_mode=False)
    assert seen == [False, True, False]


def test_a_pipeline_of_grain_is_known_by_who_calls(monkeypatch):
    assert not adapters.in_grain_data_pipeline()
    grain = types.ModuleType("grain.loader")
    exec("def call(function): return function()", vars(grain))
    monkeypatch.setitem(sys.modules, "grain", grain)
    assert grain.call(adapters.in_grain_data_pipeline)
    assert not adapters.in_grain_data_pipeline()


def test_no_distribution_is_set():
    assert Private("distribution.distribution_lib").distribution() is None
