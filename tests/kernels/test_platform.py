"""Which machine lowerings are picked for, and which sizes count as known."""

import threading

import jax
import jax.numpy as jnp
import pytest

from cornu.kernels.platform import known, target, targeting, tuned


def test_the_target_is_the_backend_until_somebody_says_otherwise():
    found = target()
    with targeting("tpu"):
        assert target() == "tpu"
        with targeting("gpu"):
            assert target() == "gpu"
        assert target() == "tpu"
    assert target() == found


def test_the_override_ends_with_an_error_and_stays_in_its_thread():
    seen = []
    with pytest.raises(KeyError), targeting("tpu"):
        thread = threading.Thread(target=lambda: seen.append(target()))
        thread.start()
        thread.join()
        raise KeyError
    assert seen == [target()]


def test_unknown_target_is_named():
    with pytest.raises(ValueError, match="did you mean 'gpu'"), targeting("gpus"):
        pass


def test_symbols_are_not_known():
    shape = jax.export.symbolic_shape("b, 3")
    assert known((2, 3), ()) and not known(shape)
    with targeting("cpu"):
        assert tuned(jnp.ones(3)) and not tuned(jax.ShapeDtypeStruct(shape, jnp.float32))
    with targeting("gpu"):
        assert not tuned(jnp.ones(3))
