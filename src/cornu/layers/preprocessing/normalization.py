"""`Normalization`: scale features by a mean and a variance that are given or learned by `adapt`."""

import math
from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np

from cornu import ops, settings
from cornu.context import local
from cornu.core.host import from_host
from cornu.errors import explain, type_error, value_error, warn
from cornu.layers.base.build import is_sketching
from cornu.layers.base.settings import LayerSettings
from cornu.layers.normalization.scaling import checked_axes
from cornu.layers.preprocessing.adapting import AdaptingLayer
from cornu.numeric import as_numbers
from cornu.types import Axis, Config, Data, Shape, Tensor


class Moments:
    """Count, mean and sum of squared deviations, merged batch by batch in float64.

    Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance".

    Attributes:
        count: number of values per entry of the mean.
        mean: mean of each entry, None before the first batch.
        squares: sum of the squared deviations from it.

    Example:

        >>> moments = Moments()
        >>> for batch in ([1.0, 2.0], [3.0, 6.0]):
        ...     moments.add(np.array(batch), (0,))
        >>> moments.count, float(moments.mean), float(moments.variance)
        (4, 3.0, 3.5)
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: Any = None
        self.squares: Any = None

    def add(self, batch: np.ndarray, axes: tuple[int, ...]) -> None:
        """Take in a batch, all entries along `axes` as values of the same entry of the mean."""
        count = math.prod(batch.shape[i] for i in axes)
        if not count:
            return
        batch = batch.astype("float64", copy=False)
        mean = batch.mean(axes)
        squares = np.square(batch - np.expand_dims(mean, axes)).sum(axes)
        if self.mean is None:
            self.count, self.mean, self.squares = count, mean, squares
            return
        total, apart = self.count + count, mean - self.mean
        self.squares = self.squares + squares + apart**2 * (self.count * count / total)
        self.mean = self.mean + apart * (count / total)
        self.count = total

    @property
    def variance(self) -> Any:
        """Variance of each entry, the mean squared deviation."""
        return self.squares / self.count


class Normalization(AdaptingLayer):
    """Scale features to mean 0 and variance 1: `(inputs - mean) / sqrt(variance)`.

    Input and output of any shape. Mean and variance are given, or learned by `adapt`, which sums
    up in float64 and merges batches, so that the result does not depend on their order and size.

    Args:
        axis: axis or axes whose entries each have a mean and a variance, taken over all other
            axes; None for one mean and variance of all values.
        mean: mean of each entry along `axis`, or one number for all; learned if None.
        variance: variance of each entry, likewise.
        invert: whether to undo the scaling: `mean + inputs * sqrt(variance)`.

    Raises:
        ValueError: only one of mean and variance is given, their shapes differ, or they do not fit
            the axes.

    Example:

        >>> layer = Normalization()
        >>> layer.adapt(np.array([[0.0, 7.0], [2.0, 9.0]]))
        >>> layer(np.array([[0.0, 10.0]])).tolist()
        [[-1.0, 2.0]]
    """

    rescales_inputs = True
    _casts_inputs = False  # large numbers lose their differences in halves
    _casts_variables = False
    _takes_sparse = False

    def __init__(
        self,
        axis: Axis = -1,
        mean: Tensor | None = None,
        variance: Tensor | None = None,
        invert: bool = False,
        **kwargs: Unpack[LayerSettings],
    ):
        super().__init__(**kwargs)
        axes = () if axis is None else checked_axes(axis)
        self.axis = tuple(axes) if isinstance(axes, list | tuple) else (axes,)
        self.input_mean = mean
        self.input_variance = variance
        self.invert = invert
        self.supports_masking = True
        self._moments = Moments()
        self._was_set = mean is not None  # whether mean and variance were given or learned
        if (mean is None) != (variance is None):
            raise value_error(
                "Both mean and variance must be given, or neither.",
                received=f"mean={mean}, variance={variance}",
                fix="Normalization(mean=0.0, variance=1.0)",
            )
        if mean is None or variance is None:
            return
        if np.shape(mean) != np.shape(variance) or np.ndim(mean) > len(self.axis):
            raise value_error(
                "mean and variance must have the same shape, with one axis at most for each of "
                f"axis={self.axis}.",
                shapes=f"mean {np.shape(mean)}, variance {np.shape(variance)}",
            )

    def build(self, input_shape: Shape) -> None:
        if input_shape is None:
            return
        ndim = len(input_shape)
        if not all(-ndim <= axis < ndim for axis in self.axis):
            raise value_error(
                f"Each axis must be at least -{ndim} and less than {ndim}, got {self.axis}.",
                shapes=f"inputs {tuple(input_shape)}",
                fix="Normalization(axis=None)",
            )
        kept = sorted({axis % ndim for axis in self.axis})
        self._reduced = tuple(i for i in range(ndim) if i not in kept)
        self._sizes = tuple(n for i in kept if (n := input_shape[i]) is not None)
        if len(self._sizes) < len(kept):
            raise value_error(
                f"Normalization '{self.name}' needs axes of known size.",
                shapes=f"inputs {tuple(input_shape)}, axis {self.axis}",
                fix="keras.Input(shape=(3,)), or axis=None: one mean of all values",
            )
        sizes = iter(self._sizes)
        self._broadcast = tuple(next(sizes) if i in kept else 1 for i in range(ndim))
        if self.input_mean is not None:
            self._given = tuple(
                self._placed(value) for value in (self.input_mean, self.input_variance)
            )
            return
        self.adapt_mean = self._statistic("mean", "zeros")
        self.adapt_variance = self._statistic("variance", "ones")
        # Nobody reads it; files of Keras hold it.
        self.count = self.add_weight(
            name="count", shape=(), dtype="int", initializer="zeros", trainable=False
        )

    def _statistic(self, name: str, initializer: str) -> Any:
        return self.add_weight(
            name=name,
            shape=self._sizes,
            initializer=initializer,
            dtype=self._precision(self.variable_dtype),  # squares leave the range of halves
            trainable=False,
            autocast=False,
        )

    def _placed(self, value: Tensor) -> np.ndarray:
        """A given statistic with the axes of the inputs, 1 along those that have none."""
        array = as_numbers(value, "mean")
        try:
            return np.broadcast_to(array, self._sizes).reshape(self._broadcast)
        except ValueError:
            raise value_error(
                f"The mean and variance of Normalization '{self.name}' do not fit its inputs.",
                shapes=f"mean {array.shape}, sizes along axis {self.axis}: {self._sizes}",
            ) from None

    @property
    def mean(self) -> Tensor | None:
        """The mean, which broadcasts against the inputs; None before the layer is built."""
        return self._statistic_now(0)

    @property
    def variance(self) -> Tensor | None:
        """The variance, likewise."""
        return self._statistic_now(1)

    def _statistic_now(self, which: int) -> Tensor | None:
        if not self.built:
            return None
        if self.input_mean is not None:
            return from_host(self._given[which].astype(self._precision(self.compute_dtype)))
        variable = (self.adapt_mean, self.adapt_variance)[which]
        return ops.reshape(variable, self._broadcast)

    @staticmethod
    def _precision(dtype: str) -> str:
        return dtype if dtype == "float64" else "float32"

    @property
    def _learns(self) -> bool:
        return self.input_mean is None

    # ---- learning -----------------------------------------------------------------------------

    def adapt(self, data: Data, steps: int | None = None, batch_size: int | None = None) -> None:
        """Learn mean and variance from data, in one pass; what was learned before is lost.

        Args:
            data: array, table, or an iterable of batches, of which the first item of a tuple is
                read.
            steps: number of batches to read; all if None.
            batch_size: number of rows per batch of an array.

        Raises:
            ValueError: mean and variance were given, the data hold no values, text, NaN or
                infinities, or their sizes along `axis` differ from those of earlier inputs.
        """
        if not self._learns:
            raise value_error(
                "A Normalization with a given mean and variance has nothing to learn.",
                fix="layer = keras.layers.Normalization()\nlayer.adapt(data)",
            )
        super().adapt(data, steps, batch_size)

    def reset_state(self) -> None:
        self._moments = Moments()

    def update_state(self, data: Tensor) -> None:
        batch = as_numbers(data, "data")
        if not batch.ndim:
            raise type_error(
                f"adapt must be given batches, got the number {batch}.",
                fix="layer.adapt(numpy.asarray(data))",
            )
        if not self.built:
            first = None if 0 in self._reduced_of(batch.ndim) else batch.shape[0]
            self.build((first, *batch.shape[1:]) if batch.ndim else ())
        sizes = tuple(n for i, n in enumerate(batch.shape) if i not in self._reduced)
        if batch.ndim != len(self._broadcast) or sizes != self._sizes:
            raise value_error(
                f"Normalization '{self.name}' was built for other shapes than those of the data.",
                shapes=f"data {batch.shape}, axis {self.axis}, built for {self._broadcast}",
                fix="keras.layers.Normalization(axis=None), or numpy.expand_dims(data, -1)"
                if batch.ndim == 1
                else None,
            )
        self._moments.add(batch, self._reduced)

    def _reduced_of(self, ndim: int) -> set[int]:
        return set(range(ndim)) - {axis % ndim for axis in self.axis if ndim}

    def finalize_state(self) -> None:
        moments = self._moments
        if not moments.count:
            raise value_error("The data hold no values.", fix="check how they were selected.")
        wrong = ~(np.isfinite(moments.mean) & np.isfinite(moments.variance))
        if wrong.any():
            places = [tuple(map(int, p)) for p in np.argwhere(wrong)[:5]] if wrong.ndim else "all"
            raise value_error(
                f"The data hold NaN or infinite values, so that {int(wrong.sum())} of {wrong.size} "
                "means are not finite.",
                indices=f"{places}, along axis {self.axis}",
                fix="data = data[numpy.isfinite(data).all(-1)]",
            )
        if moments.count == 1 and moments.mean.size > 1:
            warn(
                explain(
                    f"Normalization '{self.name}' saw one value per entry along axis {self.axis}, "
                    "so each is its own mean and the variance is 0.",
                    fix="keras.layers.Normalization(axis=None), or numpy.expand_dims(data, -1)",
                )
            )
        self.adapt_mean.assign(moments.mean.astype(self.adapt_mean.dtype))
        self.adapt_variance.assign(moments.variance.astype(self.adapt_variance.dtype))
        self._was_set = True

    # ---- computing ----------------------------------------------------------------------------

    def call(self, inputs: Tensor) -> Tensor:
        if not self._was_set:
            self._warn_if_untouched()
        x = ops.cast(inputs, self._precision(str(inputs.dtype)))
        mean, variance = self.mean, self.variance
        deviation = ops.maximum(ops.sqrt(variance), settings.current.epsilon)
        y = mean + x * deviation if self.invert else (x - mean) / deviation
        return ops.cast(y, self.compute_dtype)

    def _warn_if_untouched(self) -> None:
        """Warn once if nothing was learned or set, so that inputs pass as they are."""
        if is_sketching() or local.symbolic:
            return
        self._was_set = True
        if not np.any(self.adapt_mean.numpy()) and np.all(self.adapt_variance.numpy() == 1):
            warn(
                explain(
                    f"Normalization '{self.name}' has learned nothing yet, so it passes its inputs "
                    "on as they are.",
                    fix="layer.adapt(x_train)",
                )
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    # ---- files --------------------------------------------------------------------------------

    def get_config(self) -> Config:
        given = {"mean": self.input_mean, "variance": self.input_variance}
        lists = {k: None if v is None else np.asarray(v).tolist() for k, v in given.items()}
        return {**super().get_config(), **lists}

    def _config_value(self, name: str) -> Any:
        return None if name in ("mean", "variance") else super()._config_value(name)

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        super().load_own_variables(store)
        self._was_set = True
