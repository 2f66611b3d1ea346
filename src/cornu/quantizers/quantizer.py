"""`Quantizer`: an object that quantizes arrays and returns their scale."""

from cornu.core.objects.configurable import Configurable
from cornu.errors import explain, type_error
from cornu.quantizers.functions import abs_max_quantize, check_range
from cornu.types import Axis, Config, Tensor


class Quantizer(Configurable):
    """Base class of all quantizers, which return a quantized array and its scale.

    Args:
        output_dtype: dtype of the quantized array.

    Example:

        >>> class Signs(Quantizer):
        ...     def __call__(self, x):
        ...         return (x > 0) * 2 - 1, 1.0
        ...     def get_config(self):
        ...         return {}
        >>> import numpy as np
        >>> Signs()(np.array([0.3, -2.0]))[0].tolist()
        [1, -1]
    """

    def __init__(self, output_dtype: str = "int8"):
        self.output_dtype = output_dtype

    def __call__(self, x: Tensor) -> Tensor:
        """The array unchanged; quantizers override this method."""
        return x

    def get_config(self) -> Config:
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} must define get_config.",
                fix="def get_config(self): return {'output_dtype': self.output_dtype}",
            )
        )


class AbsMaxQuantizer(Quantizer):
    """Symmetric quantization to integers, with the maximum magnitude at the end of the range.

    Args:
        axis: axes that share a scale; the last axis if None.
        value_range: smallest and largest integer.
        epsilon: constant added to the maximum magnitude, so that the scale is finite for zeros.
        output_dtype: dtype of the integers.

    Example:

        >>> import numpy as np
        >>> q, scale = AbsMaxQuantizer(axis=0)(np.array([[0.5, -1.0], [2.0, 4.0]]))
        >>> q.tolist(), scale.shape
        ([[32, -32], [127, 127]], (1, 2))
    """

    _config_omits_none = frozenset(("axis",))

    def __init__(
        self,
        axis: Axis = None,
        value_range: tuple[int, int] = (-127, 127),
        epsilon: float = 1e-7,
        output_dtype: str = "int8",
    ):
        super().__init__(output_dtype=output_dtype)
        if axis is not None:
            axis = (axis,) if isinstance(axis, int) else tuple(axis)
        self.axis = axis
        if not isinstance(value_range, (tuple, list)) or len(value_range) != 2:
            raise type_error(
                f"value_range must be a pair of integers, got {value_range!r}.",
                fix="value_range=(-127, 127)",
            )
        check_range(value_range, output_dtype)
        self.value_range: tuple[int, int] = (value_range[0], value_range[1])
        self.epsilon = epsilon

    def __call__(
        self, x: Tensor, axis: Axis = None, to_numpy: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Quantize an array.

        Args:
            x: array of any shape.
            axis: axes that share a scale; those of the quantizer if None.
            to_numpy: whether to compute on the host, which needs no device memory.

        Returns:
            `(outputs, scale)` with `x ~ outputs / scale`.
        """
        if axis is None:
            axis = -1 if self.axis is None else self.axis
        elif isinstance(axis, list):
            axis = tuple(axis)
        return abs_max_quantize(
            x, axis, self.value_range, self.output_dtype, self.epsilon, to_numpy
        )

    def get_config(self) -> Config:
        config = {
            "value_range": self.value_range,
            "epsilon": self.epsilon,
            "output_dtype": self.output_dtype,
        }
        return config if self.axis is None else {**config, "axis": self.axis}
