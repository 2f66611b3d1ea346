"""Similarity of images."""

from typing import Any

import jax.numpy as jnp
from jax import lax

from cornu.core.graph.op import op
from cornu.core.graph.operands import to_float
from cornu.errors import value_error
from cornu.ops.image.filtering import gaussian_weights
from cornu.ops.image.layout import batched
from cornu.types import Tensor


@op(tensors=2, file_name="SSIM", compiled=True, wide=True)
def ssim(
    image1: Tensor,
    image2: Tensor,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Tensor:
    """Structural similarity index (SSIM), 1 for equal images (Wang et al., 2004).

    Args:
        image1, image2: two images or two batches of images, of the same shape.
        max_val: largest possible value of a pixel, such as 1 or 255.
        filter_size, filter_sigma: size and standard deviation of the Gaussian window.
        k1, k2: small constants that avoid division by zero.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.

    Returns:
        `(batch,)`, a scalar for two single images.
    """
    image1, image2 = to_float(image1), to_float(image2)
    if image1.shape != image2.shape:
        raise value_error(
            "ssim: image1 and image2 must have the same shape.",
            shapes=f"image1 {tuple(image1.shape)}, image2 {tuple(image2.shape)}",
        )
    (a, _), (b, _) = (batched("ssim", x, data_format) for x in (image1, image2))
    if min(a.shape[1:3]) < filter_size:
        raise value_error(
            f"The images must be at least as large as filter_size, {filter_size} pixels.",
            received=f"{tuple(a.shape)}",
        )
    weights = gaussian_weights(filter_size, filter_sigma, a.dtype)[0]

    def mean(x: Tensor) -> Any:
        for axis in (1, 2):
            size = x.shape[axis] - filter_size + 1
            x = sum(
                weights[i] * lax.slice_in_dim(x, i, i + size, axis=axis) for i in range(filter_size)
            )
        return x

    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    ma, mb = mean(a), mean(b)
    va, vb = mean(a * a) - ma * ma, mean(b * b) - mb * mb
    cov = mean(a * b) - ma * mb
    score = (2 * ma * mb + c1) * (2 * cov + c2)
    score = score / ((ma * ma + mb * mb + c1) * (va + vb + c2))
    score = jnp.mean(score, axis=(1, 2, 3))  # (batch,)
    return score if image1.ndim == 4 else score[0]
