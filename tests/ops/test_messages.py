"""Mistakes as users make them: the message names the op, what it was given, and what to do."""

import numpy as np
import pytest

from cornu import ops
from cornu.core.symbolic import KerasTensor

X = np.ones((2, 3), "float32")
IMAGES = np.ones((2, 8, 8, 3), "float32")
KERNEL = np.ones((3, 3, 3, 8), "float32")
HEADS = np.ones((2, 5, 4, 3), "float32")

# a call, the type of the error, and what the message says, in this order
MISTAKES = [
    (lambda: ops.add(X, np.ones(4)), ValueError, ["add", "(2, 3)", "(4,)", "do not broadcast"]),
    (lambda: ops.add(X, "a"), TypeError, ["add", "numbers", "'a'"]),
    (lambda: ops.matmul(X, X), TypeError, ["matmul", "3 and 2", "x1 float32 (2, 3)"]),
    (lambda: ops.matmul(KerasTensor((None, 3)), X), ValueError, ["matmul", "3 and 2", "(None, 3)"]),
    (lambda: ops.mean(X, axis=3), IndexError, ["mean", "no such axis", "(2, 3), axis 3"]),
    (
        lambda: ops.sum(KerasTensor((None, 3)), axis=2),
        ValueError,
        ["sum", "no axis 2", "(None, 3)"],
    ),
    (lambda: ops.cast(X, "flot32"), ValueError, ["cast", "flot32", "float32"]),
    (lambda: ops.one_hot([0, 1], "3"), ValueError, ["one_hot", "num_classes", "'3'"]),
    (
        lambda: ops.conv(IMAGES, KERNEL[:, :, :2]),
        ValueError,
        ["conv", "channels", "(2, 8, 8, 3)", "(3, 3, 2, 8)", "in / groups"],
    ),
    (
        lambda: ops.conv(IMAGES, KERNEL, data_format="channel_last"),
        ValueError,
        ["conv: data_format", "did you mean 'channels_last'"],
    ),
    (lambda: ops.conv(IMAGES, KERNEL, padding="sme"), ValueError, ["conv", "'valid'", "'sme'"]),
    (
        lambda: ops.conv(IMAGES, KERNEL, strides=(1, 2, 3)),
        ValueError,
        ["conv: strides", "2 of them"],
    ),
    (lambda: ops.max_pool(X, 2), ValueError, ["max_pool", "spatial", "(2, 3)"]),
    (lambda: ops.image.resize(IMAGES, 8), ValueError, ["resize", "(height, width)", "8"]),
    (
        lambda: ops.image.resize(IMAGES, (2, 2), interpolation="biliner"),
        ValueError,
        ["resize: interpolation", "did you mean 'bilinear'"],
    ),
    (
        lambda: ops.dot_product_attention(HEADS, HEADS[:, :, :3], HEADS),
        ValueError,
        ["dot_product_attention", "key (2, 5, 3, 3)", "kv_heads divides heads"],
    ),
    (
        lambda: ops.batch_normalization(X, np.ones(4), np.ones(4), -1),
        ValueError,
        ["batch_normalization", "mean must have shape (3,)", "axis -1", "(4,)"],
    ),
    (lambda: ops.solve(np.eye(3, dtype="float32"), X), ValueError, ["solve", "(3, 3)", "(2, 3)"]),
    (lambda: ops.fft(X), ValueError, ["fft", "(real, imaginary)", "(2, 3)"]),
    (lambda: ops.segment_sum(X, [0, 1, 2]), ValueError, ["segment_ids", "(2, 3)", "(3,)"]),
    (
        lambda: ops.while_loop(lambda i: i < 3, lambda i: (i, i), (0,)),
        ValueError,
        ["body", "2 values"],
    ),
    (lambda: ops.sum(KerasTensor((None, 3)), axes=1), TypeError, ["sum()", "'axes'"]),
    (lambda: ops.sum(X, axis="time"), TypeError, ["sum", "an axis is an int", "'time'"]),
    (lambda: ops.moments(X, axes=2), IndexError, ["moments", "no such axis", "(2, 3), axes 2"]),
    (lambda: ops.layer_normalization(X, axis=5), IndexError, ["layer_norm", "axis", "axis 5"]),
    (lambda: ops.rms_normalization(X, axis=-3), IndexError, ["rms_norm", "axis", "axis -3"]),
    (lambda: ops.get_item(X, (0, 3)), IndexError, ["get_item", "no element 3 along axis 1"]),
    (lambda: ops.get_item(X, (..., -4)), IndexError, ["get_item", "no element -4 along axis 1"]),
    (lambda: ops.quantile(X, 1.5), ValueError, ["quantile", "between 0 and 1", "q 1.5"]),
    (lambda: ops.percentile(X, -5), ValueError, ["percentile", "between 0 and 100", "q -5"]),
    (lambda: ops.in_top_k([0, 1], X, 0), ValueError, ["in_top_k", "must be >= 1", "0"]),
    (lambda: ops.in_top_k([0.0, 1.0], X, 1), TypeError, ["in_top_k", "class indices", "float32"]),
    (lambda: ops.segment_sum(X, [True, False], 2), TypeError, ["segment_sum", "integers", "bool"]),
    (lambda: ops.scatter([[True]], [1.0], (3,)), TypeError, ["scatter", "integers", "bool"]),
    (lambda: ops.extract_sequences(X, 2, 0), ValueError, ["extract_sequences", "stride", "0"]),
    (
        lambda: ops.batch_normalization(X, np.float32(1), np.ones(3), -1),
        ValueError,
        ["batch_normalization", "mean must have shape (3,)", "axis -1", "()"],
    ),
    (lambda: ops.zeros("ab"), TypeError, ["zeros", "shape 'ab'"]),
    (lambda: ops.eye(2.5), TypeError, ["eye", "integer", "N 2.5"]),
    (lambda: ops.arange("a"), TypeError, ["arange", "start 'a'"]),
    (lambda: ops.tri(-3), TypeError, ["tri", "N -3"]),
    (lambda: ops.image.resize(IMAGES, (2.5, 2)), TypeError, ["resize", "integer", "(2.5, 2)"]),
    (lambda: ops.image.extract_patches(IMAGES, (2.5, 2)), TypeError, ["extract_patches", "2.5"]),
    (
        lambda: ops.image.scale_and_translate(IMAGES[0], (4, 4, 3), [1.0], [0.0], (0, 1), "linear"),
        ValueError,
        ["scale_and_translate", "scale must have one number per axis", "(8, 8, 3)"],
    ),
    (lambda: ops.rearrange(X, 7), TypeError, ["rearrange", "pattern 7"]),
]


@pytest.mark.parametrize(("call", "kind", "says"), MISTAKES)
def test_mistakes_are_named(call, kind, says):
    with pytest.raises(kind) as error:
        call()
    message = str(error.value)
    place = -1
    for part in says:
        place = message.find(part, place + 1)
        assert place >= 0, f"{part!r} is not in: {message}"
    assert len(message.splitlines()) <= 6
