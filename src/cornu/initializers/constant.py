"""Initializers without chance: zeros, ones, a given value, the identity, Fourier bases."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu.core import dtypes
from cornu.core.frame import is_tracer
from cornu.core.graph.operands import tensor
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.errors import did_you_mean, need, type_error, value_error
from cornu.initializers.initializer import Initializer, on_device


def _empty(shape: Sequence[int], dtype: Any, value: Any) -> jax.Array:
    dtype = dtypes.standardize_dtype(dtype)
    if dtype == "string":
        raise type_error("A weight holds numbers, not text.", dtype=dtype, fix="dtype='float32'")
    return on_device(np.full(tuple(shape), value), dtype)


class Zeros(Initializer):
    """Zeros.

    Example:

        >>> Zeros()((2,)).tolist()
        [0.0, 0.0]
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None, **kwargs: Any) -> Any:
        return _empty(shape, dtype, np.float32(0))


class Ones(Initializer):
    """Ones.

    Example:

        >>> Ones()((2,)).tolist()
        [1.0, 1.0]
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None, **kwargs: Any) -> Any:
        return _empty(shape, dtype, np.float32(1))


class Constant(Initializer):
    """One value everywhere, or an array of values.

    Args:
        value: a number, or an array that broadcasts to the shape of the weight.

    Example:

        >>> Constant(3.0)((2,)).tolist(), Constant([1.0, 2.0])((2, 2)).tolist()
        ([3.0, 3.0], [[1.0, 2.0], [1.0, 2.0]])
    """

    def __init__(self, value: Any = 0.0):
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: Any = None, **kwargs: Any) -> Any:
        dtype = dtypes.standardize_dtype(dtype)
        value = tensor(self.value)
        if is_tracer(value):
            return jnp.broadcast_to(value, tuple(shape)).astype(dtypes.numpy_dtype(dtype))
        value = np.asarray(value)
        try:
            values = np.broadcast_to(value, tuple(shape))
        except ValueError:
            raise value_error(
                "The constant does not fit the shape of the weight.",
                constant=value.shape,
                weight=tuple(shape),
            ) from None
        return on_device(values, dtype)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Constant":
        return cls(**{**config, "value": deserialize_keras_object(config["value"])})


class Identity(Initializer):
    """The identity matrix, times `gain`.

    Args:
        gain: the number on the diagonal.

    Example:

        >>> Identity(2.0)((2, 3)).tolist()
        [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    """

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Any = None, **kwargs: Any) -> Any:
        if len(shape) != 2:
            raise value_error("Only a matrix can be the identity.", shape=tuple(shape))
        return on_device(self.gain * np.eye(shape[0], shape[1]), dtype)


class STFT(Initializer):
    """Cosines or sines of a short-time Fourier transform, as the kernel of a convolution.

    Bin `k` of `n_bins` is `w[t] * cos(2 pi k t / N)` (real) or `-w[t] * sin(2 pi k t / N)` (imag)
    at sample `t`, with window `w` and `N = 2 (n_bins - 1)`.

    Args:
        side: "real" or "imag".
        window: name of a window of `scipy.signal.get_window` (a tuple gives its parameters too),
            an array of its values, or None for none.
        scaling: "density" divides the window by the root of its power, "spectrum" by its sum, None
            leaves it.
        periodic: whether the window is meant for Fourier transforms, rather than symmetric.

    Shape of the kernel `(samples, channels, n_bins)`.

    Example:

        >>> STFT("real", window=None, scaling=None)((2, 1, 2))[:, 0].round(4).tolist()
        [[1.0, 1.0], [1.0, -1.0]]
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ):
        if side not in ("real", "imag"):
            raise value_error(f'side is "real" or "imag", got {side!r}.')
        if scaling not in ("density", "spectrum", None):
            raise value_error(f'scaling is "density", "spectrum" or None, got {scaling!r}.')
        if isinstance(window, (str, tuple)):
            _window(window, 8, True)
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: Sequence[int], dtype: Any = None, **kwargs: Any) -> Any:
        if len(shape) != 3:
            raise value_error("STFT makes kernels (samples, channels, bins).", shape=tuple(shape))
        samples, channels, bins = shape
        window = np.ones(samples)
        if self.window is not None:
            window = _window(self.window, samples, self.periodic)
            if self.scaling == "density":
                window = window / math.sqrt((window**2).sum())
            elif self.scaling == "spectrum":
                window = window / window.sum()
        angle = 2 * np.pi * np.outer(np.arange(samples), np.arange(bins)) / (2 * max(bins - 1, 1))
        wave = np.cos(angle) if self.side == "real" else -np.sin(angle)
        kernel = (window[:, None] * wave)[:, None, :]  # (samples, 1, bins)
        return on_device(np.broadcast_to(kernel, (samples, channels, bins)), dtype)


def _window(window: Any, samples: int, periodic: bool) -> np.ndarray:
    """The values of a window, given by name or as an array."""
    if not isinstance(window, (str, tuple)):
        values = np.asarray(window, dtype=float)
        if values.shape != (samples,):
            raise value_error("The window has another length than the kernel.", window=values.shape)
        return values
    signal = need("scipy.signal", for_="the windows of STFT")
    try:
        return signal.get_window(window, samples, fftbins=periodic)
    except ValueError as error:
        known = [n for n in dir(signal.windows) if not n.startswith("_") and n.islower()]
        raise value_error(
            f"There is no window {window!r}.", fix=did_you_mean(window, known)
        ) from error


constant = Constant
identity = IdentityInitializer = Identity
ones = Ones
stft = STFTInitializer = STFT
zeros = Zeros
