"""`device`: where new arrays are put and programs run, for a block of code."""

import contextlib
from typing import Any

import jax

from cornu.errors import explain, value_error

KINDS = {"cuda": "gpu", "rocm": "gpu"}


def device(device_name: str | jax.Device) -> contextlib.AbstractContextManager[Any]:
    """Put new arrays on a device, and compute there, inside a `with` block.

    Args:
        device_name: `"kind:number"`, such as `"cpu:0"` or `"gpu:1"`, the first of its kind without
            a number, or a device of JAX.

    Raises:
        ValueError: it is neither.
        RuntimeError: there is no such device.

    Example:

        >>> import jax.numpy as jnp
        >>> with device("cpu:0"):
        ...     print(jnp.zeros(2).device.platform)
        cpu
    """
    return jax.default_device(
        device_name if isinstance(device_name, jax.Device) else _found(device_name)
    )


def _found(name: Any) -> jax.Device:
    kind, _, number = str(name).lower().partition(":")
    if not isinstance(name, str) or not kind or not (number or "0").isdecimal():
        raise value_error(
            f"The name of a device must be like 'cpu:0' or 'gpu:1', got {name!r}.",
            fix="keras.device('cpu:0')",
        )
    try:
        there = jax.local_devices(backend=KINDS.get(kind, kind))
    except RuntimeError:
        there = []
    if int(number or 0) >= len(there):
        names = [f"{one.platform}:{i}" for i, one in enumerate(jax.local_devices())]
        raise RuntimeError(
            explain(
                f"There is no device {name!r}.",
                devices=", ".join(names),
                fix=f"keras.device({names[0]!r})",
            )
        )
    return there[int(number or 0)]
