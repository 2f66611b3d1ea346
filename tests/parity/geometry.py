"""Parity rows of the image layers that move pixels: see `harness.py` for `Case`."""

# ruff: noqa: C408, E501 - arguments read best as calls, rows on one line

from parity.harness import Case

GEOMETRY = [
    Case("Resizing", dict(height=4, width=5, interpolation="bicubic", antialias=True)),
    Case("Resizing", dict(height=4, width=5, pad_to_aspect_ratio=True, fill_value=3.0, data_format="channels_first")),
    Case("CenterCrop", dict(height=4, width=5)),
    Case("RandomCrop", dict(height=5, width=4, seed=1)),
    Case("RandomFlip", dict(mode="horizontal", bounding_box_format="rel_xywh")),
    Case("RandomRotation", dict(factor=0.2, fill_mode="wrap", fill_value=2.0, seed=3)),
    Case("RandomTranslation", dict(height_factor=0.2, width_factor=(-0.1, 0.3))),
    Case("RandomZoom", dict(height_factor=0.2)),
    Case("RandomZoom", dict(height_factor=(-0.2, 0.1), width_factor=0.1, interpolation="nearest")),
    Case("RandomShear", dict(x_factor=(0.1, 0.2), y_factor=0.0), config_differs=("y_factor",)),
    Case("RandomPerspective", dict(factor=0.5, scale=0.2, fill_value=1.0)),
    Case("RandomElasticTransform", dict(factor=(0.1, 0.5), scale=0.2, value_range=(-9, 9))),
    Case("MaxNumBoundingBoxes", dict(max_number=2, fill_value=-7), config_differs=("fill_value",)),
]  # fmt: skip
