"""Initializers against Keras on its JAX backend: see `initializers.py` for the rows."""

import keras
import numpy as np
import pytest

from cornu import initializers
from parity.initializers import CONFIGS, EXACT, LOST_BY_KERAS, NAMES, RANDOM, REFUSED


def both(call):
    return tuple(eval(call, vars(library).copy()) for library in (keras.initializers, initializers))


@pytest.mark.parametrize("row", EXACT, ids=str)
def test_values(row):
    theirs, ours = both(row.call)
    for dtype in ("float32", "bfloat16"):
        got, expected = ours(row.shape, dtype), theirs(row.shape, dtype)
        assert got.dtype == expected.dtype and got.shape == expected.shape
        if dtype == "float32" or "STFT" not in row.call:  # Keras finds the angles in bfloat16
            np.testing.assert_allclose(
                got.astype("float32"), expected.astype("float32"), 1e-5, 1e-5
            )


@pytest.mark.parametrize("row", RANDOM, ids=str)
def test_moments(row):
    theirs, ours = both(row.call)
    expected, got = np.asarray(theirs(row.shape)), np.asarray(ours(row.shape))
    assert got.dtype == expected.dtype and got.shape == expected.shape
    spread = expected.std()
    # 100,000 numbers or more: the mean is known to 0.4 %, the deviation to 0.2 % of the deviation.
    assert abs(got.mean() - expected.mean()) < 0.02 * spread
    assert abs(got.std() - spread) < 0.01 * spread
    if "untruncated" not in row.call and "RandomNormal" not in row.call:
        assert abs(got.max() - expected.max()) < 0.01 * spread
        assert abs(got.min() - expected.min()) < 0.01 * spread
    np.testing.assert_array_equal(got, ours(row.shape))


@pytest.mark.parametrize("call", CONFIGS)
def test_configs(call):
    theirs, ours = both(call)
    got, expected = ours.get_config(), theirs.get_config()
    lost = LOST_BY_KERAS.get(call.split("(")[0], set())
    assert {k: v for k, v in got.items() if k not in lost} == expected
    assert lost <= got.keys()
    serialized = initializers.serialize(ours)
    assert serialized["module"] == "keras.initializers"
    assert initializers.deserialize(serialized).get_config() == got
    keras.initializers.deserialize(serialized)


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    theirs, ours = keras.initializers.get(name), initializers.get(name)
    assert type(ours).__name__ == type(theirs).__name__
    assert ours.get_config().items() >= theirs.get_config().items()


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text):
    scope = {"eye": np.eye(2)}
    with pytest.raises(Exception) as expected:
        eval(text, {**scope, "initializers": keras.initializers})
    with pytest.raises(Exception) as got:
        eval(text, {**scope, "initializers": initializers})
    assert got.type is expected.type
