"""`Discretization`: numbers into bins, whose boundaries are given or learned by `adapt`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cornu import ops, settings
from cornu.arguments import fraction, integer, one_of
from cornu.context import local
from cornu.errors import value_error
from cornu.layers.preprocessing.adapting import AdaptingLayer
from cornu.layers.preprocessing.encoding import MODES, encoded
from cornu.layers.preprocessing.quantiles import Quantiles, boundaries
from cornu.numeric import as_numbers
from cornu.types import Config, Data, DTypeLike, Tensor


class Discretization(AdaptingLayer):
    """Number each value by the bin that it falls in: i where `b[i - 1] <= value < b[i]`.

    Input of any shape; output of the same shape for "int", else as of `CategoryEncoding` with
    `len(bin_boundaries) + 1` categories. Boundaries are given, or learned by `adapt` as quantiles,
    so that each bin holds about as many values; they do not depend on the order of the batches.

    Args:
        bin_boundaries: boundaries of the bins, ascending; the outermost bins reach to infinity.
        num_bins: number of bins to learn.
        epsilon: error of learned boundaries, as a fraction of the data; there are at most
            1 / epsilon bins.
        output_mode: "int", "one_hot", "multi_hot" or "count".
        sparse: whether the output is a sparse array; not for "int".

    Raises:
        ValueError: both or neither of bin_boundaries and num_bins are given, the boundaries do
            not ascend, or the layer is called before it has any.

    Example:

        >>> layer = Discretization(num_bins=2)
        >>> layer.adapt(np.array([1.0, 2.0, 3.0, 4.0]))
        >>> layer(np.array([0.0, 1.5, 3.5])).tolist()
        [0, 0, 1]
    """

    _weightless = True
    _takes_sparse = False

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: DTypeLike | None = None,
        name: str | None = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.output_mode = one_of(output_mode, ("int", *MODES), "output_mode")
        if sparse and output_mode == "int":
            raise value_error(
                "sparse=True needs an output_mode of vectors, got 'int'.",
                fix="output_mode='one_hot'",
            )
        if (bin_boundaries is None) == (num_bins is None):
            raise value_error(
                "One of bin_boundaries and num_bins must be given, and not both.",
                received=f"bin_boundaries={bin_boundaries}, num_bins={num_bins}",
                fix="Discretization(bin_boundaries=[0.0, 1.0])\nor Discretization(num_bins=3)",
            )
        self.num_bins = None if num_bins is None else integer(num_bins, "num_bins", least=0)
        self.bin_boundaries = None if bin_boundaries is None else _ascending(bin_boundaries)
        self.epsilon = fraction(epsilon, "epsilon")
        self.sparse = sparse
        self.summary = None if self.bin_boundaries else np.empty((2, 0), "float32")
        self._data = Quantiles()

    @property
    def input_dtype(self) -> str:
        return settings.current.floatx  # halves would move values across boundaries

    @property
    def output_dtype(self) -> str:
        """The dtype of the outputs."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    @property
    def _learns(self) -> bool:
        return self.num_bins is not None

    @property
    def _categories(self) -> int:
        return self.num_bins or len(self.bin_boundaries or ()) + 1

    # ---- learning -----------------------------------------------------------------------------

    def adapt(self, data: Data, steps: int | None = None, batch_size: int | None = None) -> None:
        """Learn the boundaries from data, in one pass; see `AdaptingLayer.adapt`.

        Raises:
            ValueError: the boundaries were given, or the data hold no values, text or NaN.
        """
        if not self._learns:
            raise value_error(
                "A Discretization with given bin_boundaries has nothing to learn.",
                fix="layer = keras.layers.Discretization(num_bins=10)\nlayer.adapt(data)",
            )
        super().adapt(data, steps, batch_size)

    def reset_state(self) -> None:
        self._data = Quantiles()

    def update_state(self, data: Tensor) -> None:
        batch = as_numbers(data, "data")
        if not np.isfinite(batch).all():
            raise value_error(
                "The data hold NaN or infinite values, which have no place among quantiles.",
                fix="data = data[numpy.isfinite(data)]",
            )
        self._data.add(batch)

    def finalize_state(self) -> None:
        if self.num_bins is None:
            return
        if not self._data.total:
            raise value_error("The data hold no values.", fix="check how they were selected.")
        self.bin_boundaries, self.summary = boundaries(self._data, self.num_bins, self.epsilon)

    # ---- computing ----------------------------------------------------------------------------

    def call(self, inputs: Tensor) -> Tensor:
        edges = self.bin_boundaries
        if edges is None and local.symbolic and self.num_bins:
            edges = [0.0] * (self.num_bins - 1)  # the shapes are those after `adapt`
        if edges is None:
            raise value_error(
                f"Discretization '{self.name}' has no boundaries yet.", fix="layer.adapt(x_train)"
            )
        bins = ops.digitize(inputs, np.asarray(edges, self.input_dtype))
        if self.output_mode == "int":
            return bins
        depth = len(edges) + 1
        return encoded(bins, self.output_mode, depth, self.output_dtype, sparse=self.sparse)

    # ---- files --------------------------------------------------------------------------------

    def get_config(self) -> Config:
        return {**super().get_config(), "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> "Discretization":
        """Make a layer from what `get_config` returned, with the boundaries that were learned."""
        learned = config.get("bin_boundaries")
        if learned is None or config.get("num_bins") is None:
            return super().from_config(config)
        layer = super().from_config({**config, "bin_boundaries": None})
        layer.bin_boundaries = _ascending(learned)
        return layer

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        if len(store.keys()) == 1:  # of older files: the summary, whose boundaries the config has
            self.summary = np.asarray(store["0"])


def _ascending(values: Sequence[float]) -> list[float]:
    array = as_numbers(values, "bin_boundaries")
    if array.ndim != 1 or not (np.diff(array) >= 0).all():
        raise value_error(
            f"bin_boundaries must be numbers in ascending order, got {values!r}.",
            fix="bin_boundaries=sorted(bin_boundaries)",
        )
    return array.tolist()
