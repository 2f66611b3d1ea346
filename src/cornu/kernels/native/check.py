"""`python -m cornu.kernels.native.check LIBRARY`: does it compute what XLA computes?

Ends with 0 if it does. A process of its own, since a library for another processor would crash it.
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from cornu.kernels.native import calls
from cornu.kernels.native.library import load
from cornu.kernels.window import LAYOUTS, Geometry

TOLERANCE = 1e-5  # of the largest value: a sum of some hundred float32 products in another order

# batch, height, width, in, out, taps, stride, pads before, pads after
CASES = (
    (3, 9, 8, 5, 16, (3, 3), 1, (1, 1), (1, 1)),
    (2, 11, 30, 16, 32, (3, 3), 1, (0, 0), (0, 0)),
    (2, 17, 13, 24, 48, (5, 2), 2, (2, 0), (3, 1)),
    (1, 200, 70, 16, 16, (3, 3), 1, (1, 1), (1, 1)),  # several strips an image
    (40, 4, 4, 32, 64, (3, 3), 1, (1, 1), (1, 1)),
    (2, 6, 7, 8, 16, (1, 1), 3, (0, 0), (0, 0)),
)  # fmt: skip


def worst_error() -> float:
    """The largest difference from XLA over all cases, relative to the largest value."""
    rng = np.random.default_rng(0)
    worst = 0.0
    for batch, height, width, channels, out, window, stride, before, after in CASES:
        pads = tuple(zip(before, after, strict=True))
        geometry = Geometry((stride, stride), pads, (1, 1), (1, 1))
        shapes = ((batch, height, width, channels), (*window, channels, out))
        x, k = (jnp.asarray(rng.standard_normal(shape, "float32")) for shape in shapes)

        def plain(x: jax.Array, k: jax.Array, geometry: Geometry = geometry) -> jax.Array:
            strides, pads, _, _ = geometry
            return jax.lax.conv_general_dilated(
                x, k, strides, pads, dimension_numbers=LAYOUTS[2], precision="highest"
            )

        y, pull = jax.vjp(plain, x, k)
        g = jnp.asarray(rng.standard_normal(y.shape, "float32"))
        pairs = (
            (calls.conv(x, k, geometry), y),
            (calls.conv_weights(x, g, window, geometry), pull(g)[1]),
        )
        for found, wanted in pairs:
            error = jnp.abs(found - wanted).max() / jnp.abs(wanted).max()
            worst = max(worst, float(error))
            if np.isnan(error):
                return float("inf")
    return worst


def main() -> int:
    """Load the library that the command line names, and compare."""
    load(Path(sys.argv[1]))
    error = worst_error()
    print(f"largest difference from XLA: {error:.1e} of the largest value")
    return 0 if error <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
