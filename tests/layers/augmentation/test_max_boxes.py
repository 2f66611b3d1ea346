"""`MaxNumBoundingBoxes`: cut off and padded, beside Keras."""

import keras as oracle
import numpy as np
import pytest

from cornu import layers

BOXES = np.arange(24, dtype="float32").reshape(2, 3, 4)
LABELS = np.array([[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize("number", [2, 5])
def test_boxes_are_those_of_keras(number):
    def of(library):
        data = {
            "images": np.ones((2, 4, 4, 3), "uint8"),
            "bounding_boxes": {"boxes": BOXES.copy(), "labels": LABELS.copy()},
        }
        layer = library.layers.MaxNumBoundingBoxes(number, bounding_box_format="xyxy")
        return layer(data)

    theirs, got = of(oracle), of(__import__("cornu"))
    assert str(got["images"].dtype) == "uint8"
    for key in ("boxes", "labels"):
        np.testing.assert_array_equal(got["bounding_boxes"][key], theirs["bounding_boxes"][key])


def test_lists_and_labels_of_classes():
    layer = layers.MaxNumBoundingBoxes(3, fill_value=-5)
    data = {
        "images": np.ones((2, 4, 4, 3)),
        "bounding_boxes": {"boxes": [BOXES[0], BOXES[1, :1]], "labels": [LABELS[0], LABELS[1, :1]]},
    }
    out = layer(data)["bounding_boxes"]
    assert out["labels"].tolist() == [[1, 2, 3], [4, -1, -1]]
    data["bounding_boxes"] = {"boxes": BOXES[:, :2], "labels": np.ones((2, 2, 7))}
    out = layer(data)["bounding_boxes"]
    assert out["labels"].shape == (2, 3, 7)
    assert (np.asarray(out["boxes"])[:, 2] == -5).all()
