"""Activation functions as layers."""

from typing import Any

import jax.numpy as jnp

from cornu import activations, constraints, initializers, ops, regularizers
from cornu.arguments import non_negative
from cornu.core.masks import mask_of
from cornu.errors import value_error
from cornu.layers.base.activated import ActivationAttribute
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.layer import Layer
from cornu.numeric import is_float


class Activation(Layer):
    """Apply an activation function.

    Args:
        activation: function or name, such as "relu".

    Example:

        >>> import numpy as np
        >>> Activation("relu")(np.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    activation = ActivationAttribute()

    _ends_in_activation = True
    _weightless = True

    def __init__(self, activation: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.activation = activation
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)


class ReLU(Layer):
    """`max(x, 0)`, with options.

        x                                  where threshold < x < max_value
        max_value                          where x >= max_value
        negative_slope * (x - threshold)   elsewhere

    Args:
        max_value: largest output; none if None.
        negative_slope: slope below the threshold.
        threshold: value above which the input is passed on.

    Example:

        >>> import numpy as np
        >>> ReLU(max_value=6)(np.array([-1.0, 2.0, 9.0])).tolist()
        [0.0, 2.0, 6.0]
    """

    _takes_sparse = False

    _weightless = True

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else non_negative(max_value, "max_value")
        self.negative_slope = non_negative(negative_slope, "negative_slope")
        self.threshold = non_negative(threshold, "threshold")
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Layer):
    """`x` where positive, `negative_slope * x` elsewhere.

    Args:
        negative_slope: slope of the negative part.

    Example:

        >>> import numpy as np
        >>> LeakyReLU(0.5)(np.array([-2.0, 2.0])).tolist()
        [-1.0, 2.0]
    """

    _weightless = True

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        if "alpha" in kwargs:  # the argument's name in older files
            negative_slope = kwargs.pop("alpha")
        super().__init__(**kwargs)
        self.negative_slope = non_negative(negative_slope, "negative_slope")
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return activations.leaky_relu(inputs, self.negative_slope)


class PReLU(Layer):
    """`x` where positive, `alpha * x` elsewhere, with slopes `alpha` that are learned.

    Args:
        alpha_initializer: initializer of the slopes, of the shape of a sample.
        alpha_regularizer: penalty on the slopes.
        alpha_constraint: applied to the slopes after each update.
        shared_axes: axes along which the slopes are shared; `[1, 2]` gives images one slope for
            each channel.

    Example:

        >>> import numpy as np
        >>> layer = PReLU(shared_axes=[1])
        >>> _ = layer(np.ones((2, 5, 3)))
        >>> layer.alpha.shape
        (1, 3)
    """

    _takes_sparse = False

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        if shared_axes is not None and not isinstance(shared_axes, (list, tuple)):
            shared_axes = [shared_axes]
        self.shared_axes = None if shared_axes is None else list(shared_axes)
        self.supports_masking = True
        self.alpha: Any = None

    def build(self, input_shape: Any) -> None:
        shared = self.shared_axes or []
        shape = [1 if i in shared else n for i, n in enumerate(input_shape)][1:]
        if None in shape:
            raise value_error(
                f"PReLU '{self.name}' has a slope for each position, so all sizes are needed.",
                shapes=f"inputs {tuple(input_shape)}, shared_axes {self.shared_axes}",
                fix="shared_axes=[1, 2]: one slope for each channel of an image",
            )
        self.alpha = self.add_weight(shape=shape, like="alpha")
        sizes = {i: n for i, n in enumerate(input_shape) if i > 0 and i not in shared}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=sizes)

    def call(self, inputs: Any) -> Any:
        return ops.maximum(inputs, 0) + self.alpha.value * ops.minimum(inputs, 0)


class ELU(Layer):
    """`x` where positive, `alpha * (exp(x) - 1)` elsewhere.

    Args:
        alpha: the output tends to `-alpha` for large negative inputs.

    Example:

        >>> import numpy as np
        >>> ELU()(np.array([0.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    _weightless = True

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = alpha
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return activations.elu(inputs, alpha=self.alpha)


class Softmax(Layer):
    """`exp(x) / sum(exp(x))` along an axis: positive numbers whose sum is 1.

    A mask broadcasts to the inputs. What it leaves out gets 0, also where it leaves out all. A mask
    `(batch, time)` that the inputs carry, made by `Embedding` or `Masking`, applies to the axes
    that it has: it counts where the softmax runs over time, and is passed on elsewhere.

    Args:
        axis: the axis, or several axes that are taken as one.

    Example:

        >>> import numpy as np
        >>> Softmax()(np.array([0.0, 0.0]), mask=np.array([True, False])).tolist()
        [1.0, 0.0]
    """

    _ends_in_activation = True
    _weightless = True

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        axes = tuple(self.axis) if isinstance(self.axis, (list, tuple)) else (self.axis,)
        if mask is not None:
            mask = self._of_inputs(mask, inputs, axes)
        if mask is not None:
            if not is_float(inputs.dtype):
                inputs = ops.cast(inputs, self.compute_dtype)
            inputs = ops.where(mask, inputs, jnp.finfo(inputs.dtype).min)
        if len(axes) > 1:
            outputs = ops.exp(inputs - ops.logsumexp(inputs, axis=axes, keepdims=True))
        else:
            outputs = activations.softmax(inputs, axis=axes[0])
        return outputs if mask is None else ops.where(mask, outputs, ops.zeros_like(outputs))

    def _final_activation(self) -> str | None:
        return "softmax" if self._ends_in_activation else None

    def compute_output_spec(self, inputs: Any, mask: Any = None) -> Any:
        return self._spec_of_call(inputs)

    def _of_inputs(self, mask: Any, inputs: Any, axes: tuple[int, ...]) -> Any:
        """The mask as booleans that broadcast to the inputs; None if it is only passed on."""
        if mask is mask_of(inputs) and mask.ndim < inputs.ndim:  # of steps
            if not any(axis % inputs.ndim < mask.ndim for axis in axes):
                return None
            mask = ops.reshape(mask, (*mask.shape, *(1,) * (inputs.ndim - mask.ndim)))
        if mask.ndim > inputs.ndim or any(
            isinstance(m, int) and isinstance(n, int) and m not in (1, n)
            for m, n in zip(reversed(mask.shape), reversed(inputs.shape), strict=False)
        ):
            raise value_error(
                f"The mask of Softmax '{self.name}' does not broadcast to its inputs.",
                shapes=f"inputs {tuple(inputs.shape)}, mask {tuple(mask.shape)}",
                fix="a mask with the shape of the inputs: mask[..., None] adds a last axis",
            )
        return mask if mask.dtype == "bool" else ops.greater(mask, 0.5)
