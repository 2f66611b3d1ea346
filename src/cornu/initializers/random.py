"""Random initializers: uniform, normal, scaled by the fans of a weight, orthogonal.

The numbers are drawn on the host by numpy's counter-based Philox generator, keyed by the seed:

    seed (int) ------------------+
                                 +--> two words --> Philox --> numpy array --> jax array
    SeedGenerator.next() --------+        |
                                          +--> jax.random, if the words are being traced

so that building a model compiles nothing. An int gives the same numbers at every call.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cornu.arguments import is_int
from cornu.core import dtypes
from cornu.core.frame import is_tracer
from cornu.core.objects.serialize import deserialize_keras_object, serialize_keras_object
from cornu.errors import did_you_mean, value_error
from cornu.initializers.initializer import Initializer, on_device
from cornu.numeric import is_float
from cornu.random.seed import SeedGenerator, make_default_seed
from cornu.types import DTypeLike, SeedLike, Tensor

# Standard deviation of a standard normal that is cut off at two.
_TRUNCATED_STDDEV = 0.87962566103423978


class RandomInitializer(Initializer):
    """Base of the random initializers.

    Args:
        seed: int, for the same numbers at every call; `SeedGenerator`, for new ones at every call;
            or None, for an int drawn now.
    """

    def __init__(self, seed: SeedLike | None = None):
        if isinstance(seed, dict):
            seed = deserialize_keras_object(seed)
        self._given_seed = seed
        if seed is None:
            seed = make_default_seed()
        elif not is_int(seed) and not isinstance(seed, SeedGenerator):
            raise value_error(
                f"seed must be an integer, a SeedGenerator or None, got {seed!r}.",
                fix="seed=1337\nor seed=keras.random.SeedGenerator(1337)",
            )
        self.seed = seed

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {**config, "seed": serialize_keras_object(self._given_seed)}

    def _draw(
        self,
        shape: Sequence[int],
        dtype: DTypeLike | None,
        distribution: "Distribution",
        offset: float = 0.0,
        scale: float = 1.0,
    ) -> Tensor:
        """`offset + scale * x`, with `x` drawn by numpy, or by jax where the seed is traced."""
        dtype = dtypes.standardize_dtype(dtype)
        if not is_float(dtype):
            raise value_error(
                f"{type(self).__name__} needs a floating-point dtype, got {dtype!r}.",
                fix="dtype='float32'\nor initializer='zeros'",
            )
        shape = tuple(int(n) for n in shape)
        words = self.seed.next() if isinstance(self.seed, SeedGenerator) else int(self.seed)
        if is_tracer(words):
            key = jax.random.wrap_key_data(words, impl="threefry2x32")
            traced = offset + scale * distribution.traced(key, shape, jnp.float32)
            return traced.astype(dtypes.numpy_dtype(dtype))
        drawn = scale * distribution.host(_generator(words), shape, _width(dtype))
        return on_device(offset + drawn if offset else drawn, dtype)


class Distribution(NamedTuple):
    """Samplers of a standard distribution, `(generator or key, shape, dtype) -> array`: on the host
    by numpy, and traced by jax."""

    host: Callable[[np.random.Generator, tuple[int, ...], Any], np.ndarray]
    traced: Callable[[Any, tuple[int, ...], Any], Any]


def _generator(words: int | Tensor) -> np.random.Generator:
    """A generator keyed by an int or by the two words of a seed."""
    if isinstance(words, int):
        words = (words % 2**32, words // 2**32 % 2**32)
    low, high = (int(word) for word in np.asarray(words))
    return np.random.Generator(np.random.Philox(key=low + (high << 32)))


def _width(dtype: str) -> Any:
    """The dtype to draw in: double precision for float64, else single."""
    return np.float64 if dtype == "float64" else np.float32


def _truncated(generator: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Samples of a standard normal distribution; those beyond -2 and 2 are drawn again."""
    x = generator.standard_normal(shape, dtype=dtype).reshape(-1)
    outside = np.flatnonzero(np.abs(x) > 2)
    while outside.size:
        x[outside] = generator.standard_normal(outside.size, dtype=dtype)
        outside = outside[np.abs(x[outside]) > 2]
    return x.reshape(shape)


_NORMAL = Distribution(
    lambda generator, shape, dtype: generator.standard_normal(shape, dtype=dtype),
    jax.random.normal,
)
_TRUNCATED = Distribution(
    _truncated, lambda key, shape, dtype: jax.random.truncated_normal(key, -2, 2, shape, dtype)
)
_UNIFORM = Distribution(  # from 0 to 1
    lambda generator, shape, dtype: generator.random(shape, dtype=dtype), jax.random.uniform
)
_SYMMETRIC = Distribution(  # from -1 to 1
    lambda generator, shape, dtype: 2 * generator.random(shape, dtype=dtype) - 1,
    lambda key, shape, dtype: jax.random.uniform(key, shape, dtype, -1.0, 1.0),
)


class RandomNormal(RandomInitializer):
    """Samples of a normal distribution.

    Args:
        mean: mean of the distribution.
        stddev: standard deviation of the distribution.
        seed: see `RandomInitializer`.

    Example:

        >>> RandomNormal(stddev=1.0, seed=1)((100, 100)).std().round(1).item()
        1.0
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: SeedLike | None = None):
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None, **kwargs: Any) -> Tensor:
        return self._draw(shape, dtype, _NORMAL, self.mean, self.stddev)


class TruncatedNormal(RandomInitializer):
    """Samples of a normal distribution, truncated at two standard deviations from the mean.

    Args:
        mean: mean of the distribution.
        stddev: standard deviation before truncation, which reduces it to 0.88 of that.
        seed: see `RandomInitializer`.

    Example:

        >>> bool(abs(TruncatedNormal(stddev=1.0, seed=1)((1000,))).max() <= 2)
        True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: SeedLike | None = None):
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None, **kwargs: Any) -> Tensor:
        return self._draw(shape, dtype, _TRUNCATED, self.mean, self.stddev)


class RandomUniform(RandomInitializer):
    """Samples of a uniform distribution.

    Args:
        minval: lower bound, included.
        maxval: upper bound, excluded.
        seed: see `RandomInitializer`.

    Example:

        >>> x = RandomUniform(2.0, 3.0, seed=1)((1000,))
        >>> bool(x.min() >= 2), bool(x.max() <= 3)
        (True, True)
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: SeedLike | None = None):
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None, **kwargs: Any) -> Tensor:
        return self._draw(shape, dtype, _UNIFORM, self.minval, self.maxval - self.minval)


def fans(
    shape: Sequence[int],
    input_axes: Sequence[int] | None = None,
    output_axes: Sequence[int] | None = None,
) -> tuple[int, int]:
    """Fan-in and fan-out of a weight: the number of inputs per output, and of outputs per input.

    Args:
        shape: shape of the weight, `(*window, inputs, outputs)` unless the axes say otherwise.
        input_axes: axes that are summed over.
        output_axes: axes of the output.

    Example:

        >>> fans((3, 3, 16, 32)), fans((64, 4, 8), [0], [1, 2]), fans((5,))
        ((144, 288), (64, 32), (5, 5))
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[i] for i in input_axes), math.prod(shape[i] for i in output_axes)
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")


class VarianceScaling(RandomInitializer):
    """Samples with mean 0 and variance `scale / fan`: keeps the size of signals between layers.

    Args:
        scale: factor of the variance.
        mode: meaning of `fan`: "fan_in" (number of inputs per output), "fan_out" (outputs per
            input) or "fan_avg" (the mean of both).
        distribution: "truncated_normal", "untruncated_normal" or "uniform".
        seed: see `RandomInitializer`.
        input_axes: axes of the weight that are summed over; the last but one and the window of a
            convolution if None.
        output_axes: axes of the weight that the output has; the last and the window if None.

    Example:

        >>> w = VarianceScaling(2.0, "fan_in", "uniform", seed=1)((100, 300))
        >>> round(float(w.var() * 100), 1)
        2.0
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: SeedLike | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ):
        if scale <= 0:
            raise value_error(f"scale must be > 0, got {scale}.")
        if mode not in _MODES:
            raise value_error(f"There is no mode {mode!r}.", fix=did_you_mean(mode, _MODES))
        distribution = distribution.lower()
        if distribution == "normal":
            distribution = "truncated_normal"
        if distribution not in _DISTRIBUTIONS:
            raise value_error(
                f"There is no distribution {distribution!r}.",
                fix=did_you_mean(distribution, _DISTRIBUTIONS),
            )
        super().__init__(seed)
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None, **kwargs: Any) -> Tensor:
        fan_in, fan_out = fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, fan))
        distribution, size = {
            "uniform": (_SYMMETRIC, math.sqrt(3) * stddev),
            "untruncated_normal": (_NORMAL, stddev),
            "truncated_normal": (_TRUNCATED, stddev / _TRUNCATED_STDDEV),
        }[self.distribution]
        return self._draw(shape, dtype, distribution, scale=size)


class _Scaled(VarianceScaling):
    """`VarianceScaling` with a fixed scale, mode and distribution."""

    _SETTING: tuple[float, str, str]

    def __init__(
        self,
        seed: SeedLike | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ):
        super().__init__(*self._SETTING, seed, input_axes, output_axes)


class GlorotUniform(_Scaled):
    """Uniform distribution with variance `2 / (fan_in + fan_out)` (Glorot & Bengio 2010).

    Example:

        >>> w = GlorotUniform(seed=1)((100, 200))
        >>> round(float(w.var() * 150), 1)
        1.0
    """

    _SETTING = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Scaled):
    """Truncated normal distribution, variance `2 / (fan_in + fan_out)` (Glorot & Bengio 2010).

    Example:

        >>> w = GlorotNormal(seed=1)((100, 200))
        >>> round(float(w.var() * 150), 1)
        1.0
    """

    _SETTING = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Scaled):
    """Uniform distribution with variance `2 / fan_in`, for relu (He et al. 2015).

    Example:

        >>> w = HeUniform(seed=1)((100, 200))
        >>> round(float(w.var() * 100), 1)
        2.0
    """

    _SETTING = (2.0, "fan_in", "uniform")


class HeNormal(_Scaled):
    """Truncated normal distribution with variance `2 / fan_in`, for relu (He et al. 2015).

    Example:

        >>> w = HeNormal(seed=1)((100, 200))
        >>> round(float(w.var() * 100), 1)
        2.0
    """

    _SETTING = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Scaled):
    """Uniform distribution with variance `1 / fan_in` (LeCun et al. 1998).

    Example:

        >>> w = LecunUniform(seed=1)((100, 200))
        >>> round(float(w.var() * 100), 1)
        1.0
    """

    _SETTING = (1.0, "fan_in", "uniform")


class LecunNormal(_Scaled):
    """Truncated normal distribution with variance `1 / fan_in`, for selu (LeCun et al. 1998).

    Example:

        >>> w = LecunNormal(seed=1)((100, 200))
        >>> round(float(w.var() * 100), 1)
        1.0
    """

    _SETTING = (1.0, "fan_in", "truncated_normal")


class Orthogonal(RandomInitializer):
    """Random matrix with orthogonal rows or columns, whichever are fewer (Saxe et al. 2013).

    A weight with more than two axes is a matrix whose rows are all axes but the last.

    Args:
        gain: length of the rows or columns.
        seed: see `RandomInitializer`.

    Example:

        >>> q = Orthogonal(seed=1)((3, 3))
        >>> (q.T @ q).round(4).tolist() == jnp.eye(3).tolist()
        True
    """

    def __init__(self, gain: float = 1.0, seed: SeedLike | None = None):
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None, **kwargs: Any) -> Tensor:
        if len(shape) < 2:
            raise value_error(
                f"Orthogonal needs a weight with at least 2 axes, got shape {tuple(shape)}."
            )

        flat = (math.prod(shape[:-1]), shape[-1])
        tall = (max(flat), min(flat))

        def orthonormal(x: Tensor, xp: Any) -> Any:
            q, r = xp.linalg.qr(x)  # (large, small)
            q = q * xp.where(xp.diagonal(r) < 0, -1.0, 1.0)  # else q is not uniformly distributed
            return (q.T if x.shape != flat else q).reshape(shape)

        orthogonal = Distribution(
            lambda generator, shape, dtype: orthonormal(generator.standard_normal(tall), np),
            lambda key, shape, dtype: orthonormal(jax.random.normal(key, tall, dtype), jnp),
        )
        return self._draw(shape, dtype, orthogonal, scale=self.gain)


glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
orthogonal = OrthogonalInitializer = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
