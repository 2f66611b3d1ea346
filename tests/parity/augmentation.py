"""Parity rows of image layers: see `harness.py` for `Case`, `test_augmentation.py` for the tests.

What is drawn differs between the libraries, so rows are compared by their configs and files, and by
what they do with a transformation that both are given (`Fixed`).
"""

# ruff: noqa: C408, E501 - arguments read best as calls, rows on one line

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from parity.geometry import GEOMETRY
from parity.harness import Case

UNIT = dict(value_range=(0, 1))

COLOR = [
    Case("RandomBrightness", dict(factor=0.2, seed=1)),
    Case("RandomBrightness", dict(factor=(-0.5, 0.1), **UNIT)),
    Case("RandomContrast", dict(factor=(0.3, 0.5), **UNIT)),
    Case("RandomSaturation", dict(factor=(0.4, 0.6), seed=1)),
    Case("RandomHue", dict(factor=0.2, **UNIT)),
    Case("RandomColorJitter", dict(brightness_factor=0.1, contrast_factor=(0.1, 0.2), saturation_factor=(0.4, 0.6), hue_factor=0.1, seed=2)),
    Case("RandomColorJitter", dict(value_range=(0, 1), hue_factor=0.1)),
    Case("RandomColorDegeneration", dict(factor=(0.2, 0.5))),
    Case("RandomGrayscale", dict(factor=0.9), config_differs=("seed",)),
    Case("RandomInvert", dict(factor=(0.5, 1.0))),
    Case("RandomPosterization", dict(factor=5)),
    Case("RandomSharpness", dict(factor=0.7)),
    Case("RandomGaussianBlur", dict(factor=(0.8, 1.0), kernel_size=5, sigma=(0.5, 2.0))),
    Case("RandomErasing", dict(factor=(0.8, 1.0), scale=(0.1, 0.2), fill_value=3)),
    Case("RandomErasing", dict(fill_value=(1, 2, 3), data_format="channels_last")),
    Case("Solarization", dict(addition_factor=0.2, threshold_factor=(0.3, 0.6), seed=1)),
    Case("Equalization", dict(bins=64, **UNIT)),
    Case("AutoContrast", dict(**UNIT)),
    Case("ContrastLimitedAdaptiveHistogramEqualization", dict(clip_limit=2.0, tile_grid_size=(2, 3))),
]  # fmt: skip

OF_SEVERAL = [
    Case("MixUp", dict(alpha=0.4, seed=1)),
    Case("CutMix", dict(factor=(0.2, 0.9))),
    Case("RandAugment", dict(num_ops=3, factor=(0.1, 0.4), **UNIT)),
    Case("AugMix", dict(num_chains=2, chain_depth=2, all_ops=False, seed=1)),
]

ROWS = [*COLOR, *OF_SEVERAL, *GEOMETRY]


def each(*values: float) -> np.ndarray:
    """One number for each image, as Keras keeps them in a transformation."""
    return np.array(values, "float32").reshape(-1, 1, 1, 1)


def line(*values: float) -> np.ndarray:
    return np.array(values, "float32")


@dataclass(frozen=True)
class Fixed:
    """A layer, and a transformation of two images that both libraries are given."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    transformation: Any = None
    unit: bool = False  # pixels in [0, 1] rather than [0, 255]

    def __str__(self) -> str:
        return f"{self.name} {'0..1' if self.unit else ''}"


FIXED = [
    Fixed("RandomBrightness", dict(factor=0.2), {"rgb_delta": each(-60, 70)}),
    Fixed("RandomContrast", dict(factor=0.2), {"contrast_factor": each(0.3, 1.8)}),
    Fixed("RandomContrast", dict(factor=0.2, **UNIT), {"contrast_factor": each(0.3, 1.8)}, True),
    Fixed("RandomSaturation", dict(factor=0.2), {"factor": line(0, 0.7)}),
    Fixed("RandomHue", dict(factor=0.2), {"factor": line(-0.4, 0.3)}),
    Fixed("RandomHue", dict(factor=0.2, **UNIT), {"factor": line(0.5, -0.1)}, True),
    Fixed("RandomColorDegeneration", dict(factor=0.2), {"factor": each(1, 0.3)}),
    Fixed("RandomGrayscale", {}, each(1, 0) > 0),
    Fixed("RandomInvert", {}, {"apply_inversion": line(1, 0) > 0}),
    Fixed("RandomPosterization", dict(factor=5), {"shift_factor": line(7, 3).astype("uint8")}),
    Fixed("RandomPosterization", dict(factor=5, **UNIT), {"shift_factor": line(7, 3).astype("uint8")}, True),
    Fixed("RandomSharpness", dict(factor=0.7), {"factor": line(0, 0.9)}),
    Fixed("RandomGaussianBlur", dict(kernel_size=5), {"should_apply_blur": line(1, 0) > 0, "blur_factor": line(0.8, 0.8)}),
    Fixed("Solarization", {}, {"additions": each(0, 40), "thresholds": each(0, 128)}),
    Fixed("Equalization", {}, {}),
    Fixed("AutoContrast", {}, {}),
    Fixed("AutoContrast", dict(**UNIT), {}, True),
    Fixed("ContrastLimitedAdaptiveHistogramEqualization", dict(clip_limit=1.5, tile_grid_size=(2, 3), **UNIT), {}, True),
    Fixed("MixUp", {}, {"mix_weight": line(0.3, 0.9), "permutation_order": np.array([1, 0])}),
]  # fmt: skip
