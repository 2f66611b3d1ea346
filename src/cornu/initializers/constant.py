"""Deterministic initializers: zeros, ones, constants, the identity, Fourier bases."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu.arguments import one_of
from cornu.core import dtypes
from cornu.core.frame import is_tracer
from cornu.core.graph.operands import tensor
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.errors import did_you_mean, need, type_error, value_error
from cornu.initializers.initializer import Initializer, on_device
from cornu.types import Config, DTypeLike, Tensor


def _filled(shape: Sequence[int], dtype: DTypeLike | None, value: np.float32) -> jax.Array:
    dtype = dtypes.standardize_dtype(dtype)
    if dtype == "string":
        raise type_error("A weight must hold numbers, got dtype string.", fix="dtype='float32'")
    return on_device(np.full(tuple(shape), value), dtype)


class Zeros(Initializer):
    """All zeros.

    Example:

        >>> Zeros()((2,)).tolist()
        [0.0, 0.0]
    """

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None, **kwargs: Any) -> Tensor:
        return _filled(shape, dtype, np.float32(0))


class Ones(Initializer):
    """All ones.

    Example:

        >>> Ones()((2,)).tolist()
        [1.0, 1.0]
    """

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None, **kwargs: Any) -> Tensor:
        return _filled(shape, dtype, np.float32(1))


class Constant(Initializer):
    """A constant number, or an array of values.

    Args:
        value: number, or array that broadcasts to the shape of the weight.

    Example:

        >>> Constant(3.0)((2,)).tolist(), Constant([1.0, 2.0])((2, 2)).tolist()
        ([3.0, 3.0], [[1.0, 2.0], [1.0, 2.0]])
    """

    def __init__(self, value: Tensor = 0.0):
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None, **kwargs: Any) -> Tensor:
        dtype = dtypes.standardize_dtype(dtype)
        value = tensor(self.value)
        if is_tracer(value):
            return jnp.broadcast_to(value, tuple(shape)).astype(dtypes.numpy_dtype(dtype))
        value = np.asarray(value)
        try:
            values = np.broadcast_to(value, tuple(shape))
        except ValueError:
            raise value_error(
                f"value must broadcast to the shape of the weight, {tuple(shape)}, got an array "
                f"of shape {value.shape}.",
            ) from None
        return on_device(values, dtype)

    @classmethod
    def from_config(cls, config: Config) -> "Constant":
        return cls(**{**config, "value": deserialize_keras_object(config["value"])})


class Identity(Initializer):
    """The identity matrix, times `gain`; zeros beyond it in a matrix that is not square.

    Args:
        gain: value on the diagonal.

    Example:

        >>> Identity(2.0)((2, 3)).tolist()
        [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    """

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None, **kwargs: Any) -> Tensor:
        if len(shape) != 2:
            raise value_error(f"Identity needs a weight with 2 axes, got shape {tuple(shape)}.")
        return on_device(self.gain * np.eye(shape[0], shape[1]), dtype)


class STFT(Initializer):
    """Basis of a short-time Fourier transform, as the kernel of a convolution.

    At sample `t`, frequency bin `k` of `bins` is `w[t] * cos(2 pi k t / N)` (real) or
    `-w[t] * sin(2 pi k t / N)` (imag), with window `w` and `N = 2 (bins - 1)`. The weight must have
    shape `(samples, channels, bins)`.

    Args:
        side: part of the transform, "real" or "imag".
        window: name of a window of `scipy.signal.get_window` (a tuple gives its parameters too),
            array of `samples` values, or None for a rectangular window.
        scaling: divisor of the window: the root of its power ("density"), its sum ("spectrum"), or
            none (None).
        periodic: whether the window is periodic, rather than symmetric.

    Example:

        >>> STFT("real", window=None, scaling=None)((2, 1, 2))[:, 0].round(4).tolist()
        [[1.0, 1.0], [1.0, -1.0]]
    """

    def __init__(
        self,
        side: str = "real",
        window: str | tuple[Any, ...] | Tensor | None = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ):
        one_of(side, ("real", "imag"), "side")
        one_of(scaling, ("density", "spectrum", None), "scaling")
        if isinstance(window, (str, tuple)):
            _window(window, 8, True)
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None, **kwargs: Any) -> Tensor:
        if len(shape) != 3:
            raise value_error(
                f"STFT needs a weight of shape (samples, channels, bins), got {tuple(shape)}."
            )
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


def _window(window: str | tuple[Any, ...] | Tensor, samples: int, periodic: bool) -> np.ndarray:
    """The values of a window, given by name or as an array."""
    if not isinstance(window, (str, tuple)):
        values = np.asarray(window, dtype=float)
        if values.shape != (samples,):
            raise value_error(f"window must have shape {(samples,)}, got {values.shape}.")
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
