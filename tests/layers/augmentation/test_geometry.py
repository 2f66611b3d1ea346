"""Boxes and masks follow the pixels, in every layer that moves them."""

import keras as oracle
import numpy as np
import pytest

import cornu as keras
from cornu import layers
from cornu.utils.bounding_boxes import convert_format

HEIGHT, WIDTH, COUNT = 40, 56, 6
MOVING = {
    "Resizing": {"height": 30, "width": 90},
    "Resizing-crop": {"height": 33, "width": 33, "crop_to_aspect_ratio": True},
    "Resizing-pad": {"height": 61, "width": 45, "pad_to_aspect_ratio": True},
    "CenterCrop": {"height": 31, "width": 40},
    "CenterCrop-larger": {"height": 60, "width": 30},
    "RandomCrop": {"height": 31, "width": 40},
    "RandomCrop-larger": {"height": 60, "width": 30},
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.3, "fill_mode": "constant"},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": 0.3, "fill_mode": "constant"},
    "RandomZoom": {"height_factor": 0.4, "width_factor": 0.2, "fill_mode": "constant"},
    "RandomShear": {"x_factor": 0.4, "y_factor": 0.3, "fill_mode": "constant"},
    "RandomPerspective": {"scale": 0.6},
    "RandomElasticTransform": {"fill_mode": "constant"},
}


def made(case, **more):
    name = case.partition("-")[0]
    seed = {"seed": 3} if name.startswith("Random") else {}
    return getattr(layers, name)(**MOVING[case], **seed, **more)


def scene(box=(12, 9, 41, 30)):
    """Images with a painted box, the box, and a mask of its pixels."""
    left, top, right, bottom = box
    mask = np.zeros((COUNT, HEIGHT, WIDTH, 1), "int16")
    mask[:, top:bottom, left:right] = 300
    boxes = np.tile(np.array([[box, (-1, -1, -1, -1)]], "float32"), (COUNT, 1, 1))
    labels = np.tile(np.array([[7, -1]]), (COUNT, 1))
    return {
        "images": (mask > 0).astype("uint8") * np.full(3, 200, "uint8"),
        "bounding_boxes": {"boxes": boxes, "labels": labels},
        "segmentation_masks": mask,
        "labels": np.arange(COUNT),
        "name": "painted",
    }


def extents(mask):
    """The boxes around the pixels of each mask that are painted."""
    found = []
    for one in np.asarray(mask)[..., 0] > 0:
        rows, columns = np.flatnonzero(one.any(1)), np.flatnonzero(one.any(0))
        found.append([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    return np.array(found, "float32")


@pytest.mark.parametrize("case", MOVING)
def test_boxes_and_masks_follow_the_pixels(case):
    data = scene()
    out = made(case, bounding_box_format="xyxy")(data, training=True)
    masks, boxes = np.asarray(out["segmentation_masks"]), np.asarray(out["bounding_boxes"]["boxes"])
    assert masks.dtype == "int16"
    assert set(np.unique(masks)) <= {0, 300}
    np.testing.assert_allclose(boxes[:, 0], extents(masks), atol=1.5)
    painted = np.asarray(out["images"])[..., :1] > 100
    assert (painted == (masks > 0)).mean() > 0.97  # but for pixels at the edge
    assert out["bounding_boxes"]["labels"].tolist() == data["bounding_boxes"]["labels"].tolist()
    assert (boxes[:, 1] == -1).all()  # padding
    assert out["labels"] is not None
    assert np.array_equal(out["labels"], data["labels"])
    assert out["name"] == "painted"


@pytest.mark.parametrize(
    ("case", "source"),
    [
        ("RandomRotation", "rel_center_xywh"),
        ("Resizing-pad", "rel_yxyx"),
        ("RandomFlip", "center_yxhw"),
        ("RandomFlip", "rel_xywh"),
    ],
)
def test_boxes_come_in_any_format(case, source):
    size = {"height": HEIGHT, "width": WIDTH}
    data = scene()
    plain = made(case, bounding_box_format="xyxy")(data)
    after = dict(zip(("height", "width"), plain["images"].shape[1:3], strict=True))
    wanted = plain["bounding_boxes"]["boxes"][:, 0]
    boxes = convert_format(data["bounding_boxes"], "xyxy", source, **size)
    out = made(case, bounding_box_format=source)({**data, "bounding_boxes": boxes})
    got = convert_format(out["bounding_boxes"], source, "xyxy", **after)["boxes"][:, 0]
    np.testing.assert_allclose(got, wanted, atol=1e-3)


def test_channels_first_moves_the_same_pixels():
    data = scene()
    last = made("RandomRotation", bounding_box_format="xyxy")(data)
    turned = {k: data[k].transpose(0, 3, 1, 2) for k in ("images", "segmentation_masks")}
    layer = made("RandomRotation", bounding_box_format="xyxy", data_format="channels_first")
    first = layer({**data, **turned})
    for key in turned:
        np.testing.assert_array_equal(np.asarray(first[key]).transpose(0, 2, 3, 1), last[key])
    np.testing.assert_array_equal(first["bounding_boxes"]["boxes"], last["bounding_boxes"]["boxes"])


def test_boxes_that_leave_the_image_are_marked():
    layer = layers.RandomTranslation(
        (0, 0), (0.9, 0.9), fill_mode="constant", bounding_box_format="xyxy"
    )
    out = layer(scene())["bounding_boxes"]
    assert (np.asarray(out["labels"]) == -1).all()


def test_masks_are_filled_with_the_background():
    data = scene()
    layer = layers.RandomTranslation(0.0, (0.5, 0.5), fill_mode="constant", fill_value=9.0)
    out = layer({k: data[k] for k in ("images", "segmentation_masks")})
    assert float(out["images"][0, 0, 0, 0]) == 9
    assert int(out["segmentation_masks"][0, 0, 0, 0]) == 0


@pytest.mark.parametrize("case", ["RandomZoom", "RandomElasticTransform", "RandomFlip"])
def test_inference_changes_nothing(case):
    data = scene()
    out = made(case, bounding_box_format="xyxy")(data, training=False)
    for key in ("images", "segmentation_masks"):
        np.testing.assert_array_equal(out[key], data[key])


def test_boxes_without_a_format_say_what_to_give():
    with pytest.raises(ValueError, match="bounding_box_format='xyxy'"):
        layers.RandomFlip()(scene())


def test_a_batch_of_no_images():
    data = {
        "images": np.zeros((0, 8, 8, 3)),
        "bounding_boxes": {"boxes": np.zeros((0, 0, 4)), "labels": np.zeros((0, 0), "int32")},
    }
    out = layers.RandomFlip(bounding_box_format="xyxy")(data)
    assert out["images"].shape == (0, 8, 8, 3)


def test_both_flips_are_drawn_for_themselves():
    x = np.tile(np.arange(4.0).reshape(1, 2, 2, 1), (64, 1, 1, 1))
    drawn = np.asarray(layers.RandomFlip(seed=1)(x)).reshape(64, 4)
    assert {int(row[0]) for row in drawn} == {0, 1, 2, 3}


def test_a_crop_is_the_same_for_all_images_of_a_batch_and_anywhere():
    x = np.tile(np.arange(20.0).reshape(1, 4, 5, 1), (3, 1, 1, 1))
    layer = layers.RandomCrop(3, 5, seed=1)
    first = [np.asarray(layer(x))[:, 0, 0, 0].tolist() for _ in range(8)]
    assert {tuple(rows) for rows in first} == {(0, 0, 0), (5, 5, 5)}


def test_in_a_pipeline_the_numbers_do_not_depend_on_the_workers():
    data = keras.data.Dataset.from_tensor_slices({"images": scene()["images"]})
    layer = layers.RandomRotation(0.3, seed=3)

    def mapped(count):
        return np.stack([one["images"] for one in data.map(layer, num_parallel_calls=count)])

    one = mapped(1)
    np.testing.assert_array_equal(mapped(3), one)
    assert len({image.tobytes() for image in one}) == COUNT


# ---- beside Keras -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "settings", "dtype"),
    [
        ("Resizing", {"height": 5, "width": 9}, "uint8"),
        ("Resizing", {"height": 5, "width": 9, "interpolation": "bicubic"}, "float32"),
        ("Resizing", {"height": 5, "width": 9, "antialias": True}, "float32"),
        ("Resizing", {"height": 6, "width": 5, "crop_to_aspect_ratio": True}, "uint8"),
        ("Resizing", {"height": 6, "width": 5, "pad_to_aspect_ratio": True}, "float32"),
        ("CenterCrop", {"height": 5, "width": 4}, "uint8"),
        ("CenterCrop", {"height": 5, "width": 20}, "uint8"),
        ("RandomRotation", {"factor": (0.1, 0.1)}, "uint8"),
        ("RandomRotation", {"factor": (-0.2, -0.2), "fill_mode": "wrap"}, "float32"),
        ("RandomTranslation", {"height_factor": (0.3, 0.3), "width_factor": (-0.2, -0.2)}, "uint8"),
        ("RandomZoom", {"height_factor": (0.3, 0.3), "width_factor": (-0.2, -0.2)}, "float32"),
        ("RandomZoom", {"height_factor": (0.3, 0.3), "interpolation": "nearest"}, "uint8"),
    ],
)
def test_with_a_range_of_one_number_pixels_are_those_of_keras(name, settings, dtype):
    x = np.random.default_rng(0).integers(0, 255, (2, 11, 14, 3)).astype(dtype)
    theirs = getattr(oracle.layers, name)(**settings)(x, training=True)
    got = getattr(layers, name)(**settings)(x, training=True)
    assert str(got.dtype) == str(theirs.dtype)
    tolerance = 1 if got.dtype == "uint8" else 2e-3
    np.testing.assert_allclose(got, theirs, rtol=1e-4, atol=tolerance)


def moments(library, name, settings, x):
    layer = getattr(library.layers, name)(**settings, seed=1)
    drawn = np.concatenate([np.asarray(layer(x, training=True)) for _ in range(4)])
    return drawn.mean(axis=0), drawn.std(axis=0)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("RandomFlip", {"mode": "horizontal"}),
        ("RandomRotation", {"factor": 0.2}),
        ("RandomTranslation", {"height_factor": 0.2, "width_factor": (-0.1, 0.4)}),
        ("RandomZoom", {"height_factor": 0.4}),
        ("RandomShear", {"x_factor": 0.5, "y_factor": (0.1, 0.3)}),
        ("RandomPerspective", {"factor": 0.9, "scale": 0.5}),
    ],
)
def test_means_and_deviations_are_those_of_keras(name, settings):
    x = np.tile(np.arange(36.0, dtype="float32").reshape(1, 6, 6, 1), (400, 1, 1, 1))
    mean, deviation = moments(keras, name, settings, x)
    wanted_mean, wanted_deviation = moments(oracle, name, settings, x)
    np.testing.assert_allclose(mean, wanted_mean, atol=1.2)
    np.testing.assert_allclose(deviation, wanted_deviation, atol=1.0)


@pytest.mark.parametrize("size", [(15, 10), (15, 100)])
def test_a_window_has_a_pixel_at_least(size):
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    assert layers.Resizing(*size, crop_to_aspect_ratio=True)(x).shape == (1, *size, 4)
    assert layers.CenterCrop(*size)(x).shape == (1, *size, 4)
