"""`SpectralNormalization`: a wrapper that keeps the largest singular value of a kernel at 1."""

from typing import Any

from cornu import initializers, ops
from cornu.arguments import positive_int
from cornu.errors import value_error
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.layer import Layer
from cornu.layers.base.wrapper import Wrapper
from cornu.types import Tensor


class SpectralNormalization(Wrapper):
    """Divide the kernel of a layer by its largest singular value, at each call while training.

    The value is estimated by power iteration from a vector that is kept between calls. Miyato et
    al. 2018, "Spectral Normalization for Generative Adversarial Networks".

    Args:
        layer: a layer with a `kernel` or `embeddings`, such as Conv2D or Dense.
        power_iterations: number of iterations per call.

    Example:

        >>> import numpy as np
        >>> from cornu.layers import Dense
        >>> SpectralNormalization(Dense(4))(np.ones((2, 3)), training=True).shape
        (2, 4)
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any):
        super().__init__(layer, **kwargs)
        self.power_iterations = positive_int(power_iterations, "power_iterations")

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        self.input_spec = InputSpec(shape=(None, *input_shape[1:]))
        self.kernel: Any = getattr(self.layer, "kernel", None)
        if self.kernel is None:
            self.kernel = getattr(self.layer, "embeddings", None)
        if self.kernel is None:
            raise value_error(
                f"{type(self.layer).__name__} '{self.layer.name}' has neither a kernel nor "
                "embeddings to normalize.",
                fix="layers.SpectralNormalization(layers.Dense(10))",
            )
        self.vector_u = self.add_weight(
            shape=(1, self.kernel.shape[-1]),
            initializer=initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            name="vector_u",
            dtype=self.kernel.dtype,
        )

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if training:
            kernel, u = self.normalized_weights()
            self.kernel.assign(kernel)
            self.vector_u.assign(u)
        return ops.cast(self.layer(inputs), self.compute_dtype)

    def normalized_weights(self) -> tuple[Tensor, Tensor]:
        """The kernel divided by its largest singular value, and the new vector of the iteration."""
        kernel = self.kernel.value
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))  # (rest, last)
        u = self.vector_u.value  # (1, last)
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(matrix)), epsilon=1e-6)  # (1, rest)
            u = ops.normalize(ops.matmul(v, matrix), epsilon=1e-6)  # (1, last)
        v, u = ops.stop_gradient(v), ops.stop_gradient(u)
        sigma = ops.matmul(ops.matmul(v, matrix), ops.transpose(u))  # (1, 1)
        sigma = ops.where(sigma == 0, ops.ones_like(sigma), sigma)  # a kernel of zeros stays one
        return kernel / ops.reshape(sigma, ()), u
