"""What every image layer gets from its base: layouts, dtypes, seeds, programs."""

import copy
import pickle
import re
import threading

import jax
import numpy as np
import pytest

import cornu as keras
from cornu import ops, random
from cornu.layers.augmentation.base import ImageLayer, checked_value_range, factor_range

TRACED = []  # shapes, not on the layer: a layer that changes is traced again
IMAGES = np.arange(2 * 3 * 4 * 3, dtype="uint8").reshape(2, 3, 4, 3)


class Shift(ImageLayer):
    """Adds one random number to each image, its label and its mask, and 1 to the boxes."""

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self._set_seed(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        if not training:
            return None
        TRACED.append(data["images"].shape)
        return {"by": random.uniform((data["images"].shape[0],), 0, 100, seed=seed)}

    def transform_images(self, images, transformation, training=True):
        return images + ops.cast(transformation["by"], images.dtype)[:, None, None, None]

    def transform_labels(self, labels, transformation, training=True):
        return labels + transformation["by"]

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        return {**bounding_boxes, "boxes": bounding_boxes["boxes"] + 1}

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        return segmentation_masks + ops.cast(transformation["by"], "int32")[:, None, None, None]


@pytest.fixture
def layer():
    return Shift(seed=1)


def drawn(layer, images=IMAGES, **kwargs):
    """The number that was added to each image."""
    return np.asarray(layer(images, **kwargs), "float32")[..., 0, 0, 0] - images[..., 0, 0, 0]


def test_each_image_gets_its_own_number_and_each_call_others(layer):
    first, second = drawn(layer), drawn(layer)
    assert len({*first.tolist(), *second.tolist()}) == 4
    assert drawn(Shift(seed=1)).tolist() == first.tolist()


def test_a_single_image_is_a_batch_of_one(layer):
    data = {"images": IMAGES[0], "labels": 3.0, "segmentation_masks": np.zeros((3, 4), "int32")}
    out = layer(data)
    assert out["images"].shape == (3, 4, 3)
    assert out["segmentation_masks"].shape == (3, 4)
    by = float(out["images"][0, 0, 0])
    assert np.allclose(out["labels"], 3 + by)
    assert int(out["segmentation_masks"][0, 0]) == int(by)


def test_what_the_layer_does_not_know_passes_through(layer):
    names = np.array(["cat", "dog"])
    data = {"images": IMAGES, "weights": np.ones(2), "note": 7}
    out = layer({**data})
    assert out["note"] == 7
    assert out["weights"].tolist() == [1, 1]
    assert names.tolist() == ["cat", "dog"]
    assert [*out] == [*data]


def test_channels_first_is_the_same_computation():
    one, other = Shift(seed=3), Shift(seed=3, data_format="channels_first")
    first = np.asarray(other(IMAGES.transpose(0, 3, 1, 2)))
    np.testing.assert_array_equal(first.transpose(0, 2, 3, 1), one(IMAGES))


@pytest.mark.parametrize(
    ("dtype", "out"),
    [(None, "float32"), ("uint8", "uint8"), ("mixed_bfloat16", "bfloat16"), ("float16", "float16")],
)
@pytest.mark.parametrize("training", [True, False])
def test_images_come_out_in_the_dtype_of_the_computation(dtype, out, training):
    assert Shift(dtype=dtype)(IMAGES, training=training).dtype == out


def test_integers_are_rounded_and_do_not_wrap():
    bright = np.full((1, 2, 2, 1), 250, "uint8")
    layer = Shift(seed=1, dtype="uint8")
    assert min(int(layer(bright)[0, 0, 0, 0]) for _ in range(8)) >= 250


def test_boxes_stay_exact_in_half_floats():
    boxes = {"boxes": np.array([[[0.0, 0.0, 4095.5, 4095.5]]]), "labels": np.array([[1]])}
    out = Shift(dtype="mixed_float16")({"images": IMAGES[:1], "bounding_boxes": boxes})
    assert out["bounding_boxes"]["boxes"].ravel().tolist() == [1, 1, 4096.5, 4096.5]


def test_lists_of_boxes_are_padded(layer):
    boxes = {"boxes": [[[0, 0, 1, 1], [1, 1, 2, 2]], [[2, 2, 3, 3]]], "labels": [[5, 6], [7]]}
    out = layer({"images": IMAGES, "bounding_boxes": boxes})["bounding_boxes"]
    assert out["labels"].tolist() == [[5, 6], [7, -1]]
    assert out["boxes"].shape == (2, 2, 4)


@pytest.mark.parametrize(
    ("boxes", "labels", "count"),
    [([], [], 0), ([[], []], [[], []], 0), ([[], [[0, 0, 1, 1]]], [[], [3]], 1)],
)
def test_images_may_have_no_boxes(layer, boxes, labels, count):
    images = IMAGES if boxes else IMAGES[0]
    data = {"images": images, "bounding_boxes": {"boxes": boxes, "labels": labels}}
    out = layer(data)["bounding_boxes"]
    batch = (2,) if boxes else ()
    assert out["boxes"].shape == (*batch, count, 4)
    assert out["labels"].shape == (*batch, count)
    assert out["labels"].dtype == "int32"


def test_under_jit_vmap_and_in_models_it_is_a_layer_like_others(layer):
    rows = np.ones((4, 3, 4, 3), "float32")
    mapped = jax.vmap(lambda x: layer(x, training=False))(rows)
    assert mapped.shape == rows.shape
    model = keras.Sequential([keras.Input((3, 4, 3)), layer])
    assert model.predict(rows, verbose=0).tolist() == rows.tolist()
    assert keras.Sequential([keras.Input((None, None, 3)), Shift()]).output_shape[1:3] == (
        None,
        None,
    )
    data = {"images": keras.Input((3, 4, 3)), "labels": keras.Input(())}
    assert layer(data)["labels"].shape == (None,)


@pytest.fixture
def compiled(monkeypatch):
    """A layer that is compiled as those of the library are."""
    monkeypatch.setattr("cornu.layers.augmentation.base.is_builtin", lambda cls: True)
    return Shift(seed=1)


def test_it_is_traced_once_per_shape_and_again_if_changed(compiled):
    TRACED.clear()
    for _ in range(3):
        compiled(IMAGES)
    assert len(TRACED) == 1
    compiled(IMAGES[:1])
    compiled.bounding_box_format = "xyxy"
    compiled(IMAGES)
    assert len(TRACED) == 3


def test_a_compiled_call_draws_as_one_in_a_trace(compiled):
    here = compiled(IMAGES)
    other = Shift(seed=1)
    there, _ = jax.jit(other.stateless_call)([], [v.value for v in other.variables], IMAGES)
    np.testing.assert_allclose(here, there, rtol=1e-6)


def test_copies_and_pickles_go_on_where_the_layer_is(compiled):
    compiled(IMAGES)
    copied, read = copy.deepcopy(compiled), pickle.loads(pickle.dumps(compiled))
    wanted = drawn(compiled).tolist()
    assert drawn(copied).tolist() == drawn(read).tolist() == wanted


def test_two_threads_get_whole_answers(compiled):
    found = []

    def work():
        found.extend(drawn(compiled).tolist() for _ in range(10))

    threads = [threading.Thread(target=work) for _ in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(found) == 20


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"labels": 1}, "no images"),
        (None, "no images"),
        (np.ones((3, 4)), "x[..., None]"),
        ({"images": IMAGES, "labels": np.ones(3)}, "as many labels as images"),
        ({"images": IMAGES, "bounding_boxes": np.ones((2, 4))}, "'boxes' and 'labels'"),
        (
            {"images": IMAGES, "bounding_boxes": {"boxes": np.ones((2, 1, 5)), "labels": [1, 2]}},
            "(batch, boxes, 4)",
        ),
    ],
)
def test_wrong_data_say_what_is_wrong(layer, data, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        layer(data)


def test_the_methods_for_one_image_are_those_for_a_batch_of_one():
    layer, one = Shift(), {"by": np.array([2.0])}
    data = {"image": IMAGES[0], "label": 3.0, "segmentation_mask": np.zeros((3, 4, 1), "int32")}
    for key, value in data.items():
        out = getattr(layer, f"transform_single_{key}")(value, one)
        np.testing.assert_array_equal(out, value + np.asarray(2).astype(np.asarray(value).dtype))
    boxes = {"boxes": np.ones((5, 4)), "labels": np.ones(5)}
    assert float(layer.transform_single_bounding_box(boxes, one)["boxes"][0, 0]) == 2


@pytest.mark.parametrize("factor", [2, "a", (1, 2, 3), (1.5, 2)])
def test_factors_are_checked(factor):
    with pytest.raises(ValueError, match="factor must be a number"):
        factor_range(factor, "factor")


def test_formats_are_checked():
    with pytest.raises(ValueError, match="bounding_box_format must be a format of boxes"):
        ImageLayer(bounding_box_format="coco")


def test_value_ranges_are_checked():
    with pytest.raises(ValueError, match="lowest, highest"):
        checked_value_range((255, 0))
