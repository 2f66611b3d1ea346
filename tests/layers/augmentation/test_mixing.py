"""MixUp and CutMix: images, labels, masks and boxes are mixed alike."""

import jax
import numpy as np
import pytest

from cornu import layers

COUNT = 8
# An image is constant, its number, and so is its label: what came from where can be read off.
NUMBERS = np.arange(COUNT, dtype="float32")
IMAGES = np.broadcast_to(NUMBERS.reshape(-1, 1, 1, 1), (COUNT, 12, 10, 3)).copy()
LABELS = np.eye(COUNT, dtype="float32")
BOXES = {
    "boxes": np.array([[[1, 2, 4, 6]]] * COUNT, "float32") + NUMBERS.reshape(-1, 1, 1),
    "labels": NUMBERS.reshape(-1, 1),
}


def test_mixup_mixes_everything_by_one_weight():
    layer = layers.MixUp(alpha=1.0, seed=1, bounding_box_format="xyxy")
    masks = np.eye(COUNT, dtype="uint8")[np.arange(COUNT)][:, None, None, :] * np.ones(
        (1, 12, 10, 1)
    )
    data = {"images": IMAGES, "labels": LABELS, "bounding_boxes": BOXES,
            "segmentation_masks": masks.astype("uint8")}  # fmt: skip
    found = layer(data, training=True)
    images, labels = np.asarray(found["images"]), np.asarray(found["labels"])
    np.testing.assert_allclose(images[:, 0, 0, 0], labels @ NUMBERS, rtol=1e-5)
    np.testing.assert_allclose(labels.sum(-1), 1, rtol=1e-5)
    assert (np.count_nonzero(labels, axis=-1) <= 2).all() and not np.allclose(labels, LABELS)
    np.testing.assert_allclose(found["segmentation_masks"][:, 0, 0], labels, rtol=1e-5)
    boxes = found["bounding_boxes"]
    assert boxes["boxes"].shape == (COUNT, 2, 4) and boxes["labels"].shape == (COUNT, 2)
    np.testing.assert_array_equal(boxes["labels"][:, 0], NUMBERS)
    np.testing.assert_array_equal(boxes["boxes"][..., 0] - 1, boxes["labels"])
    others = np.asarray(boxes["labels"][:, 1]).astype(int)  # which image each was mixed with
    assert sorted(others) == list(range(COUNT))
    for i, other in enumerate(others):
        assert labels[i, other] > 0 or i == other


def test_cutmix_pastes_a_rectangle_and_counts_its_pixels():
    layer = layers.CutMix(factor=(1, 1), seed=1, bounding_box_format="xyxy")
    masks = IMAGES[..., 0].astype("uint8")  # classes, without an axis of channels
    found = layer({"images": IMAGES, "labels": LABELS, "segmentation_masks": masks}, training=True)
    images, labels = np.asarray(found["images"])[..., 0], np.asarray(found["labels"])
    assert found["segmentation_masks"].dtype == "uint8"
    np.testing.assert_array_equal(found["segmentation_masks"], images)
    assert sum(len(np.unique(image)) == 2 for image in images) > 3
    for i, image in enumerate(images):
        share = [(image == number).mean() for number in NUMBERS]
        np.testing.assert_allclose(labels[i], share, atol=1e-5)
        rows, columns = np.nonzero(image != NUMBERS[i])
        if len(rows):
            area = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
            assert area == len(rows)  # a rectangle


def test_boxes_of_cutmix_are_those_that_are_seen():
    layer = layers.CutMix(bounding_box_format="xyxy")
    images = IMAGES[:2]
    boxes = np.array([[[0, 0, 2, 2], [4, 4, 8, 10]], [[5, 6, 10, 12], [-1, -1, -1, -1]]], "float32")
    given = {
        "permutation_order": np.array([1, 0]),
        "patch": np.array([[0.4, 0.5, 1.0, 1.0], [0.0, 0.0, 0.5, 0.5]], "float32"),  # of 10 x 12
        "sizes": np.array([[12, 10]] * 2, "float32"),
    }
    labels = np.array([[1, 2], [3, -1]])
    found = layer.transform_bounding_boxes({"boxes": boxes, "labels": labels}, given)
    assert found["labels"].tolist() == [[1, -1, 3, -1], [3, -1, 1, -1]]
    np.testing.assert_allclose(found["boxes"][0, 2], [5, 6, 10, 12], rtol=1e-5)
    np.testing.assert_allclose(found["boxes"][1, 2], [0, 0, 2, 2], atol=1e-5)
    whole = layer({"images": images, "bounding_boxes": {"boxes": boxes, "labels": labels}})
    assert whole["bounding_boxes"]["boxes"].shape == (2, 4, 4)
    with pytest.raises(ValueError, match="bounding_box_format"):
        layers.CutMix()({"images": images, "bounding_boxes": {"boxes": boxes, "labels": labels}})


def test_weights_have_the_beta_distribution():
    data = {"images": np.zeros((3000, 2, 2, 1), "float32")}
    layer = layers.MixUp(alpha=0.4)
    weights = np.asarray(layer.get_random_transformation(data, True)["mix_weight"])
    assert abs(weights.mean() - 0.5) < 0.03
    assert abs(weights.var() - 1 / (4 * (2 * 0.4 + 1))) < 0.01


@pytest.mark.parametrize("make", [layers.MixUp, layers.CutMix])
def test_modes_programs_and_labels_of_other_kinds(make):
    layer = make(seed=3)
    same = layer({"images": IMAGES, "labels": np.arange(COUNT)}, training=False)
    np.testing.assert_array_equal(same["images"], IMAGES)
    np.testing.assert_array_equal(same["labels"], np.arange(COUNT))
    with pytest.raises(ValueError, match="one-hot"):
        layer({"images": IMAGES, "labels": np.arange(COUNT)}, training=True)
    with pytest.raises(ValueError, match="to_categorical"):
        layer({"images": IMAGES, "labels": np.arange(COUNT)[:, None]}, training=True)

    def run(state, images, labels):  # labels to regress on
        data = {"images": images, "labels": labels}
        return make(seed=3).stateless_call([], state, data, training=True)[0]

    state = [v.value for v in make(seed=3).non_trainable_variables]
    numbers = jax.jit(run)(state, IMAGES, NUMBERS)
    one_hot = make(seed=3)({"images": IMAGES, "labels": LABELS.astype(int)}, training=True)
    np.testing.assert_allclose(numbers["images"], one_hot["images"], rtol=1e-5)
    np.testing.assert_allclose(numbers["labels"], one_hot["labels"] @ NUMBERS, atol=1e-5)
    with pytest.warns(UserWarning, match="a single image"):
        np.testing.assert_array_equal(layer(IMAGES[0], training=True), IMAGES[0])


def test_classes_cannot_be_averaged():
    masks = np.zeros((COUNT, 12, 10, 1), "uint8")
    with pytest.raises(ValueError, match="one_hot"):
        layers.MixUp()({"images": IMAGES, "segmentation_masks": masks}, training=True)
    with pytest.raises(ValueError, match="alpha must be"):
        layers.MixUp(alpha=0)
