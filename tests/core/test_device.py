import jax
import pytest

import cornu as keras


def test_arrays_of_the_block_are_on_the_device():
    first = jax.local_devices(backend="cpu")[0]
    for name in ("cpu:0", "cpu", "CPU:0", first):
        with keras.device(name):
            assert keras.ops.ones((2,)).devices() == {first}


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("cpu:99", RuntimeError, "no device 'cpu:99'"),
        ("abacus:0", RuntimeError, "no device 'abacus:0'"),
        ("cpu:first", ValueError, "must be like 'cpu:0'"),
        ("", ValueError, "must be like 'cpu:0'"),
        (3, ValueError, "got 3"),
    ],
)
def test_a_device_that_is_not_there_is_refused(name, error, message):
    with pytest.raises(error, match=message), keras.device(name):
        pass
