"""Resizing of images, channels last: each pixel of the result is a sum over a few of the image.

    x --rows of the taps, weighted--> (batch, new height, width, ...) --columns--> y

| condition (CPU, known sizes) | lowering                       | measured                         |
|------------------------------|--------------------------------|----------------------------------|
| linear or cubic, at most 8   | taps gathered along one axis   | 64x224x224x3 -> 160: 6 against   |
| taps an axis                 | after the other, in one loop   | 350 of two products with mostly  |
|                              |                                | zero matrices                    |
| the derivative of those      | XLA: the products              | gathers transpose to scatters,   |
|                              |                                | 28x28 -> 56, 64 channels: 190    |
|                              |                                | against 43                       |
| others, other platform,      | XLA: the products              | tuned there                      |
| symbolic size                |                                |                                  |

Rows of the benchmark: `resize 224 -> 160`, `resize 28 -> 56`.
"""

import functools
import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from cornu.kernels.platform import tuned

MOST_TAPS = 8


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(0, 1 - x)


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys's cubic with a = -0.5."""
    near = ((1.5 * x - 2.5) * x) * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


# Method -> weight of a pixel by its distance, and the distance from which on it is zero.
_WEIGHTS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], int]] = {
    "linear": (_triangle, 1),
    "cubic": (_cubic, 2),
}


def resize(images: jax.Array, size: Sequence[int], method: str, antialias: bool) -> jax.Array:
    """Images `(batch, height, width, channels)` of a float dtype in another size.

    Args:
        images: the images.
        size: `(height, width)`.
        method: "linear", "nearest", "cubic", "lanczos3" or "lanczos5".
        antialias: whether the weights are stretched where the image gets smaller.

    Example:

        >>> row = jnp.array([0.0, 1.0]).reshape(1, 1, 2, 1)
        >>> resize(row, (1, 4), "linear", False).ravel().tolist()
        [0.0, 0.25, 0.75, 1.0]
    """
    shape = (images.shape[0], *size, images.shape[-1])
    if method in _WEIGHTS and tuned(images) and all(images.shape):
        axes = zip(images.shape[1:3], size, strict=True)
        if all(_count(old, new, method, antialias) <= MOST_TAPS for old, new in axes):
            return _by_taps(images, shape, method, antialias)
    return jax.image.resize(images, shape, method, antialias=antialias)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2, 3))
def _by_taps(images: jax.Array, shape: tuple[int, ...], method: str, antialias: bool) -> jax.Array:
    y = images.astype(jnp.promote_types(images.dtype, jnp.float32))
    for axis in (1, 2):
        if y.shape[axis] != shape[axis]:
            y = _along(y, axis, shape[axis], method, antialias)
    return y.astype(images.dtype)


@_by_taps.defjvp
def _products(shape, method, antialias, primals, tangents):  # type: ignore[no-untyped-def]
    (images,), (change,) = primals, tangents
    return _by_taps(images, shape, method, antialias), jax.image.resize(
        change, shape, method, antialias=antialias
    )


def _along(x: jax.Array, axis: int, new: int, method: str, antialias: bool) -> jax.Array:
    places, weights = _taps(x.shape[axis], new, method, antialias)
    along = [1] * x.ndim
    along[axis] = new
    parts = [
        jnp.take(x, place, axis=axis, mode="clip") * weight.reshape(along)
        for place, weight in zip(places, weights, strict=True)
    ]
    return sum(parts[1:], parts[0])


def _stretch(old: int, new: int, antialias: bool) -> float:
    return max(old / new, 1.0) if antialias else 1.0


def _count(old: int, new: int, method: str, antialias: bool) -> int:
    reach = _WEIGHTS[method][1] * _stretch(old, new, antialias)
    return 2 * math.ceil(reach)


@functools.lru_cache(maxsize=256)
def _taps(old: int, new: int, method: str, antialias: bool) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels along an axis are read, and their weights, `(taps, new)` both."""
    weigh, reach = _WEIGHTS[method]
    stretch = _stretch(old, new, antialias)
    centers = (np.arange(new) + 0.5) * old / new - 0.5
    first = np.floor(centers - reach * stretch).astype(int) + 1
    places = first + np.arange(_count(old, new, method, antialias))[:, None]
    weights = weigh(np.abs(places - centers) / stretch)
    weights[(places < 0) | (places >= old)] = 0
    weights /= weights.sum(axis=0)
    return np.clip(places, 0, old - 1), weights.astype("float32")
