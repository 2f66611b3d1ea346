"""Images in another size, by separable interpolation without antialiasing.

    out[i] = sum_k w[i, k] x[index[i, k]],    w[i, k] = kernel(|center(i) - index[i, k]|) / sum

where center(i) = (i + 1/2) n / m - 1/2 for n pixels in and m pixels out, one axis after the other.
With these definitions TensorFlow and JAX agree, so these are Keras's pixels. Only pixels with a
weight are read: 12 megapixels to 224 x 224 take two rows and two columns for each of the output.
"""

import functools
from collections.abc import Callable

import numpy as np


def _cubic(a: float, b: float) -> Callable[[np.ndarray], np.ndarray]:
    """The cubic kernels of Mitchell and Netravali (1988), support 2."""
    near = (12 - 9 * a - 6 * b, -18 + 12 * a + 6 * b, 0, 6 - 2 * a)
    far = (-a - 6 * b, 6 * a + 30 * b, -12 * a - 48 * b, 8 * a + 24 * b)

    def kernel(x: np.ndarray) -> np.ndarray:
        inner, outer = np.polyval(near, x) / 6, np.polyval(far, x) / 6
        return np.where(x < 1, inner, np.where(x < 2, outer, 0.0))

    return kernel


def _lanczos(radius: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0.0)


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(0.0, 1 - x)


def _gaussian(x: np.ndarray) -> np.ndarray:
    return np.where(x < 1.5, np.exp(-2 * x**2), 0.0)  # standard deviation 1/2


# Radius in pixels, and the weight of a pixel by its distance.
KERNELS: dict[str, tuple[float, Callable[[np.ndarray], np.ndarray]]] = {
    "bilinear": (1, _triangle),
    "bicubic": (2, _cubic(0.0, 0.5)),  # Keys (1981), a = -1/2
    "lanczos3": (3, _lanczos(3)),
    "lanczos5": (5, _lanczos(5)),
    "gaussian": (1.5, _gaussian),
    "mitchellcubic": (2, _cubic(1 / 3, 1 / 3)),
}
INTERPOLATIONS = ("nearest", "area", *KERNELS)


@functools.lru_cache(maxsize=256)
def taps(n: int, m: int, interpolation: str) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels of an axis make each pixel of the output, and their weights.

    Args:
        n: number of pixels in.
        m: number of pixels out.
        interpolation: one of `INTERPOLATIONS`.

    Returns:
        Indices, int `(m, k)`, and weights, float32 `(m, k)`.
    """
    scale = n / m
    if interpolation == "nearest":
        center = (np.arange(m, dtype=np.float32) + np.float32(0.5)) * np.float32(scale)
        index = np.floor(center).astype(np.intp)  # in single precision: ties fall as in Keras
        return np.minimum(index, n - 1)[:, None], np.ones((m, 1), np.float32)
    if interpolation == "area":  # overlaps of the output's pixel with pixels of the input
        start, end = np.arange(m) * scale, (np.arange(m) + 1) * scale
        index = np.floor(start).astype(np.intp)[:, None] + np.arange(int(np.ceil(scale)) + 1)
        overlap = np.minimum(end[:, None], index + 1) - np.maximum(start[:, None], index)
        weights = np.maximum(overlap, 0) * (index < n)
    else:
        radius, kernel = KERNELS[interpolation]
        center = (np.arange(m) + 0.5) * scale - 0.5
        first = np.ceil(center - radius).astype(np.intp)
        index = first[:, None] + np.arange(int(np.ceil(2 * radius)) + 1)  # (m, k)
        weights = kernel(np.abs(center[:, None] - index)) * ((index >= 0) & (index < n))
    weights = weights / weights.sum(axis=1, keepdims=True)
    used = np.abs(weights).max(axis=0) > 1e-12
    return np.clip(index, 0, n - 1)[:, used], weights[:, used].astype(np.float32)


def resize(image: np.ndarray, height: int, width: int, interpolation: str) -> np.ndarray:
    """An image in another size.

    Args:
        image: numbers, `(h, w, channels)`.
        height: rows of the output.
        width: columns of the output.
        interpolation: one of `INTERPOLATIONS`.

    Returns:
        float32 `(height, width, channels)`.

    Example:

        >>> resize(np.array([[[0.0], [8.0]]]), 1, 4, "bilinear")[..., 0]
        array([[0., 2., 6., 8.]], dtype=float32)
    """
    if image.shape[0] != height:
        image = _along_rows(image, *taps(image.shape[0], height, interpolation))  # (height, w, c)
    if image.shape[1] != width:
        turned = image.swapaxes(0, 1)  # (w, height, c)
        turned = _along_rows(turned, *taps(image.shape[1], width, interpolation))
        image = turned.swapaxes(0, 1)  # (height, width, c)
    return np.ascontiguousarray(image, dtype=np.float32)


def _along_rows(image: np.ndarray, index: np.ndarray, weights: np.ndarray) -> np.ndarray:
    out = np.zeros((len(index), *image.shape[1:]), np.float32)
    for k in range(index.shape[1]):
        out += image[index[:, k]] * weights[:, k, None, None]
    return out


def crop_box(height: int, width: int, target: tuple[int, int]) -> tuple[int, int, int, int]:
    """The largest window of the target's aspect ratio, in the middle: top, left, height, width.

    Example:

        >>> crop_box(340, 500, (200, 200))
        (0, 80, 340, 340)
    """
    h = max(min(height, int(width * target[0] / target[1])), 1)
    w = max(min(width, int(height * target[1] / target[0])), 1)
    return (height - h) // 2, (width - w) // 2, h, w


def pad_box(height: int, width: int, target: tuple[int, int]) -> tuple[int, int, int, int]:
    """Where the image stands in the target without distortion: top, left, height, width.

    Example:

        >>> pad_box(100, 200, (50, 50))
        (12, 0, 25, 50)
    """
    size, bounds = np.array([height, width], np.float32), np.array(target, np.float32)
    inner = size / (size / bounds).max()
    top, left = ((bounds - inner) // 2).astype(int).tolist()
    h, w = np.maximum(inner, 1).astype(int).tolist()
    return max(top, 0), max(left, 0), h, w
