"""RandAugment and AugMix: each image gets its own operations, and nothing else."""

import jax
import numpy as np
import pytest

import cornu
from cornu import layers

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 10, 8, 3)).astype("float32")
BOXES = {"boxes": np.array([[[1, 2, 4, 6]]] * 4, "float32"), "labels": np.ones((4, 1))}


def drawn(layer, images=IMAGES):
    return layer.get_random_transformation({"images": images}, True)


@pytest.fixture(scope="module")
def augment():
    return layers.RandAugment(num_ops=2, factor=(0.3, 0.5), seed=1, bounding_box_format="xyxy")


def test_each_image_gets_the_operations_that_were_drawn_for_it(augment):
    """The same as its layers, called one after the other on single images."""
    names = augment._operations
    assert len(names) == 11
    masks = (IMAGES[..., :1] > 100).astype("uint8")
    given = drawn(augment)
    which = np.array([[0, 3], [8, 2], [7, 10], [1, 5]])  # every kind of operation
    given["layer_idxes"] = which
    found = jax.jit(augment.transform_images)(IMAGES, given)
    moved = augment.transform_segmentation_masks(masks, given)
    boxes = augment.transform_bounding_boxes(BOXES, given)
    assert moved.dtype == "uint8"
    for i in range(4):
        data = {"images": IMAGES[i : i + 1], "segmentation_masks": masks[i : i + 1]}
        data["bounding_boxes"] = {key: value[i : i + 1] for key, value in BOXES.items()}
        for j, number in enumerate(which[i]):
            inner = getattr(augment, names[number])
            part = jax.tree.map(lambda x, i=i, j=j: x[i : i + 1, j], given["transforms"][number])
            for key, value in data.items():
                data[key] = getattr(inner, f"transform_{key}")(value, part, True)
        np.testing.assert_allclose(found[i], data["images"][0], atol=0.02)
        np.testing.assert_array_equal(moved[i], data["segmentation_masks"][0])
        np.testing.assert_allclose(boxes["boxes"][i], data["bounding_boxes"]["boxes"][0], atol=1e-3)


def test_operations_are_drawn_evenly_and_for_each_image(augment):
    which = np.asarray(drawn(augment, np.zeros((3000, 2, 2, 3)))["layer_idxes"])
    counts = np.bincount(which.ravel(), minlength=11)
    assert which.shape == (3000, 2) and abs(counts / 6000 - 1 / 11).max() < 0.02
    assert len(np.unique(which, axis=0)) == 121  # any pair of operations
    same = np.broadcast_to(IMAGES[:1], (6, 10, 8, 3))
    found = np.asarray(augment(same, training=True))
    assert len(np.unique(found, axis=0)) > 3


def test_randaugment_in_modes_programs_and_models(augment):
    np.testing.assert_array_equal(augment(IMAGES, training=False), IMAGES)
    data = augment({"images": IMAGES, "labels": np.arange(4), "bounding_boxes": BOXES})
    assert data["labels"].tolist() == [0, 1, 2, 3]
    assert data["bounding_boxes"]["boxes"].shape == (4, 1, 4)
    assert np.min(data["images"]) >= 0 and np.max(data["images"]) <= 255.01
    assert data["images"].dtype == "float32" and np.isfinite(data["images"]).all()
    again = cornu.layers.deserialize(cornu.layers.serialize(augment))
    assert again.get_config() == augment.get_config()


def test_augmix_averages_chains_and_the_image():
    layer = layers.AugMix(num_chains=2, chain_depth=2, factor=(0.2, 0.3), seed=1)
    nothing = len(layer._operations)
    given = drawn(layer)
    given["layer_idxes"] = np.array(
        [[nothing] * 4, [6, nothing, 6, nothing], [5, 6, 7, 3], [6] * 4]
    )
    given["chain_mixing_weights"] = np.array([[0.3, 0.7]] * 4, "float32")
    given["weight_sample"] = np.array([0.5, 0.0, 0.5, 1.0], "float32")
    found = np.asarray(layer.transform_images(IMAGES, given))
    np.testing.assert_allclose(found[0], IMAGES[0], atol=1e-3)  # a mean of itself
    equalized = layers.Equalization()(IMAGES[1:2], training=True)
    np.testing.assert_allclose(found[1], equalized[0], atol=1e-3)  # twice the same chain
    np.testing.assert_allclose(found[3], IMAGES[3], atol=1e-3)  # all weight on the image
    chains = []
    for numbers in ((5, 6), (7, 3)):
        image = IMAGES[2:3]
        for number in numbers:
            inner = getattr(layer, layer._operations[number])
            place = [5, 6, 7, 3].index(number)
            part = jax.tree.map(lambda x, p=place: x[2:3, p], given["transforms"][number])
            image = inner.transform_images(image, part, True)
        chains.append(image[0])
    expected = 0.5 * IMAGES[2] + 0.5 * (0.3 * chains[0] + 0.7 * chains[1])
    np.testing.assert_allclose(found[2], expected, atol=0.02)


def test_augmix_draws_weights_for_each_image_and_leaves_masks():
    layer = layers.AugMix(num_chains=3, all_ops=False, alpha=2.0)
    assert "random_brightness" not in layer._operations
    given = drawn(layer, np.zeros((2000, 2, 2, 3)))
    weights = np.asarray(given["chain_mixing_weights"])
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(weights.mean(0), 1 / 3, atol=0.03)
    np.testing.assert_allclose(weights.var(0), (1 / 3) * (2 / 3) / 7, atol=0.01)  # Dirichlet(2)
    assert abs(np.var(given["weight_sample"]) - 1 / 20) < 0.01  # Beta(2, 2)
    lengths = (np.asarray(given["layer_idxes"]).reshape(2000, 3, 3) < 7).sum(-1)
    assert set(np.unique(lengths)) == {0, 1, 2, 3}
    assert layer._changes() == ["images"]


def test_wrong_arguments():
    for make, says in (
        (lambda: layers.RandAugment(num_ops=-1), "num_ops must be"),
        (lambda: layers.RandAugment(factor=2), "factor must be"),
        (lambda: layers.RandAugment(interpolation="cubic"), "interpolation must be"),
        (lambda: layers.AugMix(alpha=0), "alpha must be"),
        (lambda: layers.AugMix(chain_depth=0), "chain_depth must be"),
    ):
        with pytest.raises(ValueError, match=says):
            make()


def test_no_operation_leaves_images_as_they_are():
    x = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    np.testing.assert_array_equal(layers.RandAugment(num_ops=0)(x, training=True), x)
