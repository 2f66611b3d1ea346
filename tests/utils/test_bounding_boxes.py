"""Bounding boxes beside Keras, and by definition where Keras does less."""

import inspect
import itertools

import jax
import numpy as np
import pytest
from keras.utils import bounding_boxes as oracle

from cornu.ops.image.boxes import FORMATS, enclosing
from cornu.utils import bounding_boxes as ours

SIZE = {"height": 40.0, "width": 50.0}
CORNERS = np.array([[[2, 4, 12, 30], [0, 0, 50, 40]], [[7, 5, 9, 6], [-3, 1, 60, 39]]], "float32")


def close(one, other, **tolerance):
    np.testing.assert_allclose(one, other, **{"rtol": 1e-5, "atol": 1e-5, **tolerance})


@pytest.mark.parametrize("name", [n for n in dir(oracle) if not n.startswith("_")])
def test_signatures_are_those_of_keras(name):
    def of(module):
        parameters = inspect.signature(getattr(module, name)).parameters.values()
        return [(p.name, p.default) for p in parameters]

    assert of(ours) == of(oracle)


def test_all_formats_convert_into_each_other_as_in_keras():
    for source, target in itertools.product(FORMATS, FORMATS):
        boxes = oracle.convert_format(CORNERS, "xyxy", source, **SIZE)
        there = ours.convert_format(boxes, source.upper(), target, **SIZE)
        close(there, oracle.convert_format(boxes, source, target, **SIZE))
        close(ours.convert_format(there, target, source, **SIZE), boxes)


def test_a_dict_is_converted_and_left_alone():
    given = {"boxes": CORNERS, "labels": np.ones((2, 2))}
    out = ours.convert_format(given, "xyxy", "yxyx", dtype="float16")
    assert out["boxes"].dtype == "float16"
    assert out["labels"] is given["labels"]
    assert given["boxes"] is CORNERS


@pytest.mark.parametrize("one_hot", [False, True])
def test_clipping_drops_what_is_outside(one_hot):
    boxes = np.array([[-10, 5, -1, 9], [-5, 5, 5, 90], [1, 2, 3, 4]], "float32")
    labels = np.array([4, 5, 6])
    labels = np.eye(7, dtype="int32")[labels] if one_hot else labels
    for fmt in FORMATS:
        given = {"boxes": ours.convert_format(boxes, "xyxy", fmt, **SIZE), "labels": labels}
        size = {} if fmt.startswith("rel_") else SIZE
        out = ours.clip_to_image_size(given, **size, bounding_box_format=fmt)
        back = ours.convert_format(out["boxes"], fmt, "xyxy", **SIZE)
        close(back, [[0, 5, 0, 9], [0, 5, 5, 40], [1, 2, 3, 4]], atol=1e-4)
        assert (np.asarray(out["labels"][0]) == -1).all()
        assert np.array_equal(out["labels"][1:], labels[1:])


def test_cropping_and_padding():
    close(
        ours.crop(CORNERS, 3, 5, height=20, width=6),
        oracle.crop(CORNERS, 3, 5, height=20, width=6),
    )
    close(ours.pad(CORNERS, 3, 5), oracle.pad(CORNERS, 3, 5))
    sized = ours.convert_format(CORNERS, "xyxy", "xywh")
    close(ours.pad(sized, 3, 5, bounding_box_format="xywh")[..., 2:], sized[..., 2:])


def test_affine_transforms_are_those_of_keras():
    random = np.random.default_rng(0)
    names = ("angle", "translate_x", "translate_y", "scale", "shear_x", "shear_y")
    settings = {n: random.uniform(0.1, 1, 2).astype("float32") for n in names}
    settings["angle"] = np.array([30, -70], "float32")
    wanted = oracle.affine_transform(CORNERS, **settings, **SIZE, center_x=0.3)
    got = ours.affine_transform(CORNERS, **settings, **SIZE, center_x=0.3)
    close(got, wanted, rtol=1e-4, atol=1e-3)
    one = {n: v[1] for n, v in settings.items()}
    relative = ours.convert_format(CORNERS[1], "xyxy", "rel_xywh", **SIZE)
    alone = ours.affine_transform(
        relative, **one, **SIZE, center_x=0.3, bounding_box_format="rel_xywh"
    )
    close(ours.convert_format(alone, "rel_xywh", "xyxy", **SIZE), wanted[1], rtol=1e-4, atol=1e-3)


def test_a_projective_transform_encloses_the_corners():
    transform = np.array([1.1, 0.2, 3, -0.1, 0.9, 2, 0.001, 0.002], "float32")
    matrix = np.append(transform, 1).reshape(3, 3)
    box = CORNERS[0, 0]
    points = np.array([[x, y, 1] for x in box[::2] for y in box[1::2]]) @ matrix.T
    points = points[:, :2] / points[:, 2:]
    wanted = [*points.min(0), *points.max(0)]
    close(enclosing(box[None], transform)[0], wanted)


@pytest.mark.parametrize("shapes", [((2, 3, 4), (5, 4)), ((3, 4), (2, 5, 4))])
def test_overlap_is_that_of_keras(shapes):
    random = np.random.default_rng(1)
    one, other = (
        np.concatenate(
            [p := random.uniform(0, 30, (*s[:-1], 2)), p + random.uniform(1, 20, p.shape)], -1
        )
        for s in shapes
    )
    close(ours.compute_iou(one, other, "xyxy"), oracle.compute_iou(one, other, "xyxy"))
    got = ours.compute_ciou(one[..., :1, :], other, "xyxy")
    wanted = oracle.compute_ciou(one[..., :1, :].astype("float32"), other.astype("float32"), "xyxy")
    close(got, wanted)


def test_masked_overlap():
    one, other = [[0, 0, 1, 1], [-1, -1, -1, -1]], [[[0, 0, 1, 1], [-1, -1, -1, -1]]]
    iou = ours.compute_iou(one, other, "xyxy", use_masking=True, mask_val=-7)
    close(iou, [[[1, -7], [-7, -7]]])
    relative = ours.convert_format(one, "xyxy", "rel_yxyx", height=4, width=8)
    found = ours.compute_iou(relative[:1], relative[:1], "rel_yxyx", image_shape=(4, 8, 3))
    close(found, [[1.0]])


@pytest.mark.parametrize("encoding", ["center_xywh", "center_yxhw"])
def test_deltas_are_those_of_keras_and_go_back(encoding):
    anchors = CORNERS[0] + np.float32([1, 2, 5, 7])
    settings = {"variance": [0.1, 0.1, 0.2, 0.2], "image_shape": (40, 50, 3)}
    boxes = ours.convert_format(CORNERS, "xyxy", "rel_xywh", **SIZE)
    arguments = ("xyxy", "rel_xywh", encoding)
    deltas = ours.encode_box_to_deltas(anchors, boxes, *arguments, **settings)
    close(deltas, oracle.encode_box_to_deltas(anchors, boxes, *arguments, **settings))
    back = ours.decode_deltas_to_boxes({3: anchors}, {3: deltas}, *arguments, **settings)
    close(back[3], boxes)


def test_under_jit_and_grad():
    def loss(boxes):
        return 1 - ours.compute_ciou(boxes, CORNERS, "xyxy").mean()

    assert np.isfinite(jax.jit(jax.grad(loss))(CORNERS + 1)).all()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: ours.convert_format(CORNERS, "xyxz", "xyxy"), "format of boxes"),
        (lambda: ours.convert_format(CORNERS[..., :3], "xyxy", "xywh"), "four numbers"),
        (lambda: ours.convert_format(CORNERS, "xyxy", "rel_xyxy"), "size of the image"),
        (lambda: ours.clip_to_image_size({"boxes": CORNERS}), "size in pixels"),
        (lambda: ours.pad(CORNERS, 1, 1, bounding_box_format="rel_xyxy"), "size of the image"),
        (lambda: ours.compute_iou(CORNERS[0, 0], CORNERS, "xyxy"), "boxes1 must have shape"),
        (lambda: ours.compute_iou(CORNERS, CORNERS, "rel_xyxy"), "image_shape"),
        (lambda: ours.encode_box_to_deltas(CORNERS, CORNERS, "xyxy", "xyxy", "xyxy"), "encoding"),
        (
            lambda: ours.decode_deltas_to_boxes(
                CORNERS, CORNERS, "xyxy", "xyxy", variance=[1, 2, 3]
            ),
            "four numbers",
        ),
    ],
)
def test_wrong_arguments_say_what_is_wrong(call, says):
    with pytest.raises(ValueError, match=says):
        call()
