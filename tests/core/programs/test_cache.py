"""The one cache: its size, its keys, and what empties it."""

import copy
import dataclasses
import pickle

import jax
import numpy as np
import pytest

import cornu as keras
from cornu import settings
from cornu.core.programs.cache import Cache, forget_all
from cornu.core.symbolic import KerasTensor
from cornu.kernels.platform import targeting

OTHER = {
    "floatx": "bfloat16",
    "epsilon": 1e-3,
    "image_data_format": "channels_first",
    "flash_attention": False,
    "dtype_policy": keras.dtype_policies.DTypePolicy("mixed_bfloat16"),
    "interactive_logging": False,
    "traceback_filtering": False,
    "debug": ("compile",),
    "max_epochs": 3,
    "max_steps_per_epoch": 3,
    "max_load_bytes": 3,
}
# What a program computes does not depend on these.
OF_RUNS = {
    "interactive_logging", "traceback_filtering", "debug", "max_epochs", "max_steps_per_epoch",
    "max_load_bytes",
}  # fmt: skip


@pytest.fixture
def restored():
    names = [field.name for field in dataclasses.fields(settings.current)]
    before = [(name, getattr(settings.current, name)) for name in names]
    yield
    for name, value in before:
        setattr(settings.current, name, value)


def counted(cache, key="key"):
    """What `cache` keeps, and whether it was made just now."""
    made = []
    return cache.get(key, lambda: made.append(1) or object()), bool(made)


def test_what_was_made_is_kept():
    cache = Cache(limit=2)
    first, made = counted(cache)
    assert made and counted(cache) == (first, False) and len(cache) == 1
    cache.forget()
    assert len(cache) == 0 and counted(cache)[1]


def test_what_was_not_used_for_longest_goes():
    cache = Cache(limit=2)
    for key in "abac":
        counted(cache, key)
    assert [counted(cache, key)[1] for key in "acb"] == [False, False, True]


def test_an_error_leaves_nothing():
    cache = Cache(limit=2)
    with pytest.raises(ZeroDivisionError):
        cache.get("key", lambda: 1 / 0)
    with pytest.raises(TypeError, match="unhashable"):
        cache.get([], object)
    assert len(cache) == 0


def test_copies_are_empty():
    cache = Cache(limit=7)
    counted(cache)
    for twin in (copy.deepcopy(cache), copy.copy(cache), pickle.loads(pickle.dumps(cache))):
        assert (twin.limit, len(twin), len(cache)) == (7, 0, 1)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(settings.Settings)])
def test_every_setting_of_programs_is_in_the_key(name, restored):
    cache, before = Cache(limit=9), settings.key()
    counted(cache)
    assert getattr(settings.current, name) != OTHER[name]
    setattr(settings.current, name, OTHER[name])
    assert (settings.key() == before) is (name in OF_RUNS)
    assert counted(cache)[1] is (name not in OF_RUNS)


def test_platform_and_wide_types_are_in_the_key():
    cache = Cache(limit=9)
    counted(cache)
    with targeting("tpu"):
        assert counted(cache)[1]
    with targeting("cpu"):  # where the platform is forced, kernels of this machine are left out
        assert counted(cache)[1]
    with jax.enable_x64(True):
        assert counted(cache)[1]
    assert not counted(cache)[1]


def test_symbolic_dtypes_follow_jax():
    x = KerasTensor((None, 3), "int32")
    assert keras.ops.mean(x).dtype == "float32"
    with jax.enable_x64(True):
        wide = keras.ops.cumsum(KerasTensor((3,), "float64")).dtype
    assert wide == "float64"
    assert keras.ops.cumsum(KerasTensor((3,), "float64")).dtype == "float32"


@pytest.mark.parametrize("call", ["op", "model", "predict"])
def test_another_epsilon_is_another_program(call, restored):
    x = np.float32([[0.0, 0.1]])
    model = keras.Sequential([keras.Input((2,)), keras.layers.Activation(_normalized)])
    calls = {"op": keras.ops.rms_normalization, "model": model, "predict": model.predict}

    def outputs():
        given = {"verbose": 0} if call == "predict" else {}
        return [float(calls[call](x, **given)[0, 1]) for _ in range(3)]

    for epsilon in (1e-7, 0.5, 1e-7):
        settings.current.set_epsilon(epsilon)
        np.testing.assert_allclose(outputs(), 0.1 / np.sqrt(0.005 + epsilon), rtol=1e-3)


def _normalized(x):
    return keras.ops.rms_normalization(x)


def test_clear_session_empties_all_caches():
    cache = Cache(limit=9)
    counted(cache)
    keras.utils.clear_session(free_memory=False)
    assert not counted(cache)[1]
    keras.utils.clear_session()
    assert len(cache) == 0
    counted(cache)
    forget_all()
    assert len(cache) == 0
