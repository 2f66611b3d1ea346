"""Layers that regularize: noise while training, nothing at inference.

    Dropout            zero each element with probability rate, scale the others by 1 / (1 - rate)
    SpatialDropout     the same for whole channels
    GaussianDropout    multiply by noise of mean 1
    GaussianNoise      add noise of mean 0
    AlphaDropout       dropout that keeps mean and variance, for networks of `selu`
    ActivityRegularization   no noise: a penalty on what passes through

Each layer draws from its own `SeedGenerator`, whose state travels with the model, so that a program
with a seed repeats itself.
"""

from typing import Any

from cornu import bcoo, ops, random, regularizers
from cornu.arguments import channels_format, fraction, is_int, non_negative
from cornu.errors import value_error
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.layer import Layer
from cornu.random.seed import SeedGenerator
from cornu.types import Config, DType, Shape, Tensor


class Dropping(Layer):
    """Base of layers that change a fraction `rate` of the elements, chosen by a mask."""

    _weightless = True

    def __init__(
        self, rate: float, noise_shape: Shape | None = None, seed: int | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.rate = fraction(rate, "rate")
        self.noise_shape = _checked_noise_shape(noise_shape)
        self.seed = seed
        if self.rate > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True


class Dropout(Dropping):
    """Zero each element with probability `rate` while training, and scale the others up.

    Args:
        rate: fraction of the inputs to drop, from 0 to 1; the others are multiplied by
            `1 / (1 - rate)`.
        noise_shape: shape of the mask, broadcast against the inputs; None stands for a size of the
            inputs. With `(None, 1, None)`, all time steps of a sample share a mask.
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> layer = Dropout(0.5, seed=1)
        >>> x = np.ones((2, 4))
        >>> layer(x).tolist() == x.tolist()
        True
        >>> sorted({float(v) for v in layer(x, training=True).ravel()})
        [0.0, 2.0]
    """

    def _mask_shape(self, inputs: Tensor) -> Shape | None:
        """The shape of the mask; None if it is that of the inputs."""
        return self.noise_shape

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            return ops.zeros_like(inputs)
        shape = self._mask_shape(inputs)
        if shape is not None and (
            len(shape) > inputs.ndim
            or any(
                m not in (None, 1, n) for m, n in zip(shape[::-1], inputs.shape[::-1], strict=False)
            )
        ):
            raise value_error(
                f"The noise_shape {shape} of '{self.name}' does not fit its inputs.",
                shapes=f"inputs {tuple(inputs.shape)}",
                fix="for each axis its size, None for the same, or 1 to share the mask along it",
            )

        def drop(values: Tensor) -> Tensor:
            return random.dropout(values, self.rate, shape, self.seed_generator)

        if bcoo.is_sparse(inputs):
            if shape is None and inputs.unique_indices:  # what is zero stays so
                return bcoo.on_values(drop, inputs)
            inputs = bcoo.dense(inputs)
        return drop(inputs)


def _checked_noise_shape(noise_shape: object) -> Shape | None:
    if noise_shape is None:
        return None
    if not isinstance(noise_shape, (tuple, list)) or not all(
        n is None or (is_int(n) and n > 0) for n in noise_shape
    ):
        raise value_error(
            f"noise_shape must be a tuple of positive ints and None, got {noise_shape!r}.",
            fix="noise_shape=(None, 1, None): one mask for all time steps",
        )
    return tuple(noise_shape)


class SpatialDropout(Dropout):
    """Dropout of whole channels: all positions of a channel are zeroed together."""

    rank = 1
    data_format = "channels_last"

    def __init__(
        self,
        rate: float,
        seed: int | None = None,
        name: str | None = None,
        dtype: DType | None = None,
        **kwargs: Any,
    ):
        super().__init__(rate, seed=seed, name=name, dtype=dtype, **kwargs)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _mask_shape(self, inputs: Tensor) -> Shape | None:
        if self.data_format == "channels_first":
            return (*inputs.shape[:2], *(1,) * self.rank)  # (batch, channels, 1, ...)
        return (inputs.shape[0], *(1,) * self.rank, inputs.shape[-1])  # (batch, 1, ..., channels)

    def get_config(self) -> Config:
        config = super().get_config()
        return {k: v for k, v in config.items() if k not in ("noise_shape", "trainable")}


class SpatialDropout1D(SpatialDropout):
    """Dropout of whole channels of series.

    Input and output `(batch, time, channels)`.

    Args:
        rate: fraction of the channels to drop, from 0 to 1.
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> y = SpatialDropout1D(0.5, seed=1)(np.ones((1, 3, 8)), training=True)
        >>> bool((y[:, 0] == y[:, 1]).all())
        True
    """

    rank = 1


class _WithDataFormat(SpatialDropout):
    """Dropout of whole channels that may be the first axis or the last."""

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: DType | None = None,
        **kwargs: Any,
    ):
        super().__init__(rate, seed, name, dtype, **kwargs)
        self.data_format = channels_format(data_format)


class SpatialDropout2D(_WithDataFormat):
    """Dropout of whole channels of images.

    Input and output `(batch, height, width, channels)`.

    Args:
        rate: fraction of the channels to drop, from 0 to 1.
        data_format: "channels_last" or "channels_first".
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> SpatialDropout2D(0.5)(np.ones((1, 3, 3, 8)), training=True).shape
        (1, 3, 3, 8)
    """

    rank = 2


class SpatialDropout3D(_WithDataFormat):
    """Dropout of whole channels of volumes.

    Input and output `(batch, depth, height, width, channels)`.

    Args:
        rate: fraction of the channels to drop, from 0 to 1.
        data_format: "channels_last" or "channels_first".
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> SpatialDropout3D(0.5)(np.ones((1, 3, 3, 3, 8)), training=True).shape
        (1, 3, 3, 3, 8)
    """

    rank = 3


class GaussianDropout(Layer):
    """Multiply by noise of mean 1 and standard deviation `sqrt(rate / (1 - rate))` while training.

    Args:
        rate: rate of the `Dropout` with noise of the same variance, from 0 to 1.
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> GaussianDropout(0.2)(np.ones((2, 3)), training=True).shape
        (2, 3)
    """

    _takes_sparse = False
    _weightless = True

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate = fraction(rate, "rate")
        self.seed = seed
        if self.rate > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            raise value_error(
                "The noise of GaussianDropout(1) has infinite variance.", fix="rate=0.5"
            )
        return inputs * random.normal(
            inputs.shape,
            mean=1.0,
            stddev=(self.rate / (1 - self.rate)) ** 0.5,
            dtype=self.compute_dtype,
            seed=self.seed_generator,
        )


class GaussianNoise(Layer):
    """Add noise of mean 0 while training.

    Args:
        stddev: standard deviation of the noise.
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> GaussianNoise(0.1)(np.zeros((2, 3)), training=True).shape
        (2, 3)
    """

    _takes_sparse = False
    _weightless = True

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.stddev = non_negative(stddev, "stddev")
        self.seed = seed
        if stddev > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.stddev == 0:
            return inputs
        return inputs + random.normal(
            inputs.shape,
            stddev=self.stddev,
            dtype=self.compute_dtype,
            seed=self.seed_generator,
        )


# What `selu` tends to for large negative inputs, and to which AlphaDropout sets elements.
_SELU_FLOOR = -1.6732632423543772 * 1.0507009873554805


class AlphaDropout(Dropping):
    """Dropout for networks of `selu`, which keeps mean and variance of the inputs.

    Elements are set to the floor of `selu` with probability `rate`; all are then scaled and
    shifted (Klambauer et al. 2017, "Self-Normalizing Neural Networks").

    Args:
        rate: fraction of the elements to set, from 0 to 1.
        noise_shape: shape of the mask, broadcast against the inputs.
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> AlphaDropout(0.2)(np.ones((2, 3)), training=True).shape
        (2, 3)
    """

    _takes_sparse = False

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            return ops.zeros_like(inputs)
        wanted = self.noise_shape or (None,) * inputs.ndim
        shape = tuple(n if m is None else m for n, m in zip(inputs.shape, wanted, strict=True))
        ones = ops.ones(shape, inputs.dtype)
        kept = random.dropout(ones, self.rate, seed=self.seed_generator) > 0
        scale = ((1 - self.rate) * (1 + self.rate * _SELU_FLOOR**2)) ** -0.5
        shift = -scale * _SELU_FLOOR * self.rate
        return ops.where(kept, inputs, ops.cast(_SELU_FLOOR, inputs.dtype)) * scale + shift


class ActivityRegularization(Layer):
    """Pass the inputs on, and add a penalty on them to the loss.

    Args:
        l1: factor of the sum of the absolute values.
        l2: factor of the sum of squares.

    Example:

        >>> import numpy as np
        >>> layer = ActivityRegularization(l2=0.5)
        >>> _ = layer(np.full((1, 2), 3.0))
        >>> [float(loss) for loss in layer.losses]
        [9.0]
    """

    _weightless = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1 = l1
        self.l2 = l2
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        return inputs

    def get_config(self) -> Config:
        config = super().get_config()
        del config["activity_regularizer"]
        return config
