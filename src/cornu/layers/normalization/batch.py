"""`BatchNormalization`.

    training    statistics of the batch, one pass over it      (x - mean) / sqrt(variance + eps)
                    |
                    +--> moving_mean, moving_variance = momentum * old + (1 - momentum) * batch's
    inference   the moving statistics

While `trainable` is False the layer is in inference mode, so that frozen parts of a model stay what
they are. Ioffe & Szegedy 2015; renormalization: Ioffe 2017.
"""

from collections.abc import Callable
from typing import Annotated, Any, Unpack

from cornu import initializers, ops
from cornu.arguments import is_int, non_negative
from cornu.core.variable import Variable
from cornu.errors import type_error, value_error
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.settings import spelled_out
from cornu.layers.normalization.scaling import ScaleSettings, Scaling
from cornu.types import InitializerLike, Shape, Tensor


class BatchNormSettings(ScaleSettings, total=False):
    """What `BatchNormalization` takes."""

    moving_mean_initializer: Annotated[InitializerLike, "zeros"]
    moving_variance_initializer: Annotated[InitializerLike, "ones"]
    renorm: Annotated[bool, False]
    renorm_clipping: Annotated[dict[str, float] | None, None]
    renorm_momentum: Annotated[float, 0.99]
    synchronized: Annotated[bool, False]


class BatchNormalization(Scaling):
    """Scale each feature to mean 0 and variance 1 over the batch, then by `gamma`, plus `beta`.

    Input and output of any shape with the batch first; a mask `(batch, time)` leaves steps out of
    the statistics.

    Args:
        axis: the axis of the features; statistics are taken over all others.
        momentum: decay rate of the moving statistics per training step.
        epsilon: added to the variance.
        center: whether `beta` is added.
        scale: whether the result is multiplied by `gamma`.
        beta_initializer: initializer of beta.
        gamma_initializer: initializer of gamma.
        moving_mean_initializer: initializer of the moving mean.
        moving_variance_initializer: initializer of the moving variance.
        beta_regularizer: penalty on beta.
        gamma_regularizer: penalty on gamma.
        beta_constraint: function applied to beta after each update.
        gamma_constraint: function applied to gamma after each update.
        renorm: whether the statistics of small batches are corrected towards the moving ones
            (batch renormalization).
        renorm_clipping: bounds of the correction, a dict with `rmin` and `rmax` of the scale and
            `dmax` of the shift.
        renorm_momentum: decay rate of the statistics of the correction.
        synchronized: whether statistics are taken over all devices, as they always are where the
            arrays are sharded.

    Example:

        >>> import numpy as np
        >>> layer = BatchNormalization()
        >>> y = layer(np.array([[1.0], [3.0]]), training=True)
        >>> [round(float(v), 2) for v in (*y.ravel(), *layer.moving_mean.numpy())]
        [-1.0, 1.0, 0.02]
    """

    @spelled_out(
        moving_mean_initializer="gamma_initializer",
        moving_variance_initializer="moving_mean_initializer",
    )
    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        *args: Any,
        **settings: Unpack[BatchNormSettings],
    ):
        renorm, clipping = settings.pop("renorm"), settings.pop("renorm_clipping")
        renorm_momentum, synchronized = (
            settings.pop("renorm_momentum"),
            settings.pop("synchronized"),
        )
        mean = settings.pop("moving_mean_initializer")
        variance = settings.pop("moving_variance_initializer")
        super().__init__(epsilon, **settings)
        self.moving_mean_initializer = initializers.get(mean)
        self.moving_variance_initializer = initializers.get(variance)
        self.axis = _one_axis(axis)
        self.momentum = float(momentum)
        self.renorm = renorm
        self.renorm_clipping = _checked_clipping(clipping) if renorm else clipping
        self.renorm_momentum = float(renorm_momentum)
        self.synchronized = synchronized
        self.moving_mean: Any = None
        self.moving_variance: Any = None

    def build(self, input_shape: Shape) -> None:
        ndim = len(input_shape)
        if not -ndim <= self.axis < ndim or input_shape[self.axis] is None:
            raise value_error(
                f"BatchNormalization '{self.name}' needs an axis of known size.",
                shapes=f"inputs {tuple(input_shape)}, axis {self.axis}",
                fix="keras.Input(shape=(..., features)); axis=1 for channels_first images",
            )
        shape = (input_shape[self.axis],)
        self._add_scale_and_shift(shape)
        self.moving_mean = self._statistic("moving_mean", shape, self.moving_mean_initializer)
        variance = self.moving_variance_initializer
        self.moving_variance = self._statistic("moving_variance", shape, variance)
        if self.renorm:
            self.moving_stddev = self._statistic("moving_stddev", shape, _root_of(variance))
            self.renorm_mean = self._statistic("renorm_mean", shape, self.moving_mean_initializer)
            self.renorm_stddev = self._statistic("renorm_stddev", shape, _root_of(variance))
        self.input_spec = InputSpec(ndim=ndim, axes={self.axis: shape[0]})

    def _statistic(self, name: str, shape: Shape, initializer: InitializerLike) -> Variable:
        return self.add_weight(
            shape=shape, initializer=initializer, trainable=False, autocast=False, name=name
        )

    def call(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None
    ) -> Tensor:
        x = inputs
        if inputs.dtype not in ("float32", "float64"):
            x = ops.cast(inputs, "float32")  # sums of squares leave the range of halves
        gamma = None if self.gamma is None else ops.cast(self.gamma, x.dtype)
        beta = None if self.beta is None else ops.cast(self.beta, x.dtype)
        if training and self.trainable:
            mean, variance = self._moments(x, mask)
            if self.renorm:
                gamma, beta = self._renormalized(mean, variance, gamma, beta)
                variance_kept = ops.square(self.moving_stddev.value) - self.epsilon
                self.moving_variance.assign(ops.maximum(variance_kept, 0.0))
            else:
                self._remember(self.moving_variance, variance, self.momentum)
            self._remember(self.moving_mean, mean, self.momentum)
        else:
            mean = ops.cast(self.moving_mean, x.dtype)
            variance = ops.cast(self.moving_variance, x.dtype)
        y = ops.batch_normalization(
            x, mean, variance, self.axis, offset=beta, scale=gamma, epsilon=self.epsilon
        )
        return ops.cast(y, self.compute_dtype)

    def _moments(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and variance `(features,)` over all axes but one, of the steps that count."""
        features = self.axis % x.ndim
        axes = [i for i in range(x.ndim) if i != features]
        if mask is None:
            return ops.moments(x, axes=axes)
        if mask.ndim > x.ndim or any(
            m not in (1, n) for m, n in zip(mask.shape, x.shape, strict=False)
        ):
            raise value_error(
                f"The mask of BatchNormalization '{self.name}' does not fit its inputs.",
                shapes=f"inputs {tuple(x.shape)}, mask {tuple(mask.shape)}",
                fix="a mask (batch, time) for inputs (batch, time, features)",
            )
        # A mask has the leading axes of the inputs, whichever of them is that of the features.
        mask = ops.reshape(ops.cast(mask, "bool"), (*mask.shape, *(1,) * (x.ndim - mask.ndim)))
        sizes = [mask.shape[i] if i == features else n for i, n in enumerate(x.shape)]
        counts = ops.broadcast_to(mask, sizes)  # (batch, ..., 1) if the mask has no features
        total = ops.sum(ops.cast(counts, x.dtype), axis=axes, keepdims=True) + 1e-7
        mean = (
            ops.sum(ops.where(counts, x, 0), axis=axes, keepdims=True) / total
        )  # (1, .., features)
        squares = ops.where(counts, ops.square(x - mean), 0)
        variance = ops.sum(squares, axis=axes, keepdims=True) / total
        return ops.squeeze(mean, axes), ops.squeeze(variance, axes)  # (features,)

    def _renormalized(
        self, mean: Tensor, variance: Tensor, gamma: Tensor | None, beta: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Gamma and beta with the batch's statistics corrected towards the moving ones.

        With r = stddev / renorm_stddev and d = (mean - renorm_mean) / renorm_stddev, both bounded,
        the result is `gamma * (normalized * r + d) + beta`.
        """
        bounds = self.renorm_clipping or {}
        stddev = ops.sqrt(variance + self.epsilon)
        before_mean, before_stddev = self.renorm_mean.value, self.renorm_stddev.value
        r = ops.stop_gradient(stddev / before_stddev)
        d = ops.stop_gradient((mean - before_mean) / before_stddev)
        if "rmin" in bounds:
            r = ops.maximum(r, bounds["rmin"])
        if "rmax" in bounds:
            r = ops.minimum(r, bounds["rmax"])
        if "dmax" in bounds:
            d = ops.clip(d, -bounds["dmax"], bounds["dmax"])
        self._remember(self.moving_stddev, stddev, self.momentum)
        self._remember(self.renorm_mean, mean, self.renorm_momentum)
        self._remember(self.renorm_stddev, stddev, self.renorm_momentum)
        shift = d if gamma is None else d * gamma
        return (r if gamma is None else r * gamma), (shift if beta is None else shift + beta)

    def _remember(self, moving: Variable, value: Tensor, momentum: float) -> None:
        value = ops.cast(value, moving.dtype)
        moving.assign(moving.value * momentum + value * (1.0 - momentum))


def _root_of(initializer: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The square root of what an initializer draws: a standard deviation for a variance."""
    return lambda shape, dtype=None: ops.sqrt(initializer(shape, dtype))


def _one_axis(axis: object) -> int:
    if isinstance(axis, (list, tuple)) and len(axis) == 1:  # as older files have it
        axis = axis[0]
    if not is_int(axis):
        raise type_error(f"axis must be an int, got {axis!r}.", fix="axis=-1")
    return int(axis)


def _checked_clipping(bounds: dict[str, float] | None) -> dict[str, float]:
    bounds = dict(bounds or {})
    unknown = set(bounds) - {"rmin", "rmax", "dmax"}
    if unknown:
        raise value_error(
            f"renorm_clipping has bounds 'rmin', 'rmax' and 'dmax', not {min(unknown)!r}.",
            fix="renorm_clipping={'rmin': 0.5, 'rmax': 2.0, 'dmax': 1.0}",
        )
    if "rmin" in bounds and "rmax" in bounds and bounds["rmin"] >= bounds["rmax"]:
        raise value_error(
            f"rmin must be less than rmax, got {bounds['rmin']} and {bounds['rmax']}."
        )
    if "dmax" in bounds:
        non_negative(bounds["dmax"], "dmax")
    return bounds
