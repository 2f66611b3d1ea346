"""Laws of the ops that move elements: a way there and a way back."""

import numpy as np
import pytest
from hypothesis import strategies as st

from cornu import ops
from properties.laws import arrays, floats, law, numbers, same, with_axis

# ---- shapes -------------------------------------------------------------------------------------


@law(x=arrays())
def test_reshape_and_back(x):
    flat = ops.reshape(x, (x.size,))
    same(flat, ops.ravel(x))
    same(ops.reshape(flat, x.shape), x)


@law(x=arrays(), data=st.data())
def test_transpose_and_back(x, data):
    order = data.draw(st.permutations(range(x.ndim)))
    back = [order.index(axis) for axis in range(x.ndim)]
    same(ops.transpose(ops.transpose(x, order), back), x)
    same(ops.transpose(ops.transpose(x)), x)


@law(given=with_axis(arrays(min_rank=1)), data=st.data())
def test_moved_axes(given, data):
    x, axis = given
    other = data.draw(st.integers(0, x.ndim - 1))
    same(ops.moveaxis(ops.moveaxis(x, axis, other), other, axis), x)
    same(ops.swapaxes(ops.swapaxes(x, axis, other), other, axis), x)


@law(given=with_axis(arrays(), new=True))
def test_expand_and_squeeze(given):
    x, axis = given
    wide = ops.expand_dims(x, axis)
    assert wide.ndim == x.ndim + 1
    same(ops.squeeze(wide, axis), x)


@law(given=with_axis(arrays(min_rank=1)), data=st.data())
def test_split_and_concatenate(given, data):
    x, axis = given
    size = x.shape[axis]
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=2)))
    parts = ops.split(x, cuts, axis=axis)
    assert len(parts) == len(cuts) + 1
    assert sum(part.shape[axis] for part in parts) == size
    same(ops.concatenate(parts, axis=axis), x)


@law(given=with_axis(arrays(min_rank=1, empty=False)))
def test_unstack_and_stack(given):
    x, axis = given
    parts = ops.unstack(x, axis=axis)
    assert len(parts) == x.shape[axis]
    same(ops.stack(parts, axis=axis), x)
    same(ops.concatenate([ops.expand_dims(part, axis) for part in parts], axis=axis), x)


REARRANGEMENTS = [
    ("a b c -> c a b", "c a b -> a b c", {}),
    ("a b c -> (a b) c", "(a b) c -> a b c", {"a": 2}),
    ("a (b p) c -> p a (c b)", "p a (c b) -> a (b p) c", {"p": 3, "b": 2}),
    ("a b c -> a 1 (c b)", "a 1 (c b) -> a b c", {"b": 6}),
]


@law(row=st.sampled_from(REARRANGEMENTS), dtype=st.sampled_from(["float32", "int32"]))
def test_rearrange_and_back(row, dtype):
    there, back, sizes = row
    x = numbers((2, 6, 4), dtype)
    left = {k: v for k, v in sizes.items() if "(" in there.split("->")[0] and k in there}
    moved = ops.rearrange(x, there, **left)
    right = {k: v for k, v in sizes.items() if "(" in back.split("->")[0] and k in back}
    same(ops.rearrange(moved, back, **right), x)


@law(given=with_axis(arrays(min_rank=1)), times=st.integers(1, 3))
def test_repeat_and_tile_against_concatenate(given, times):
    x, axis = given
    copies = ops.concatenate([x] * times, axis=axis)
    reps = [1] * x.ndim
    reps[axis] = times
    same(ops.tile(x, reps), copies)
    repeated = ops.repeat(x, times, axis=axis)
    picked = ops.take(repeated, np.arange(x.shape[axis]) * times, axis=axis)
    same(picked, x)
    same(ops.sort(repeated, axis=axis), ops.sort(copies, axis=axis))


@law(x=arrays(min_rank=2, empty=False), k=st.integers(-5, 5))
def test_four_quarter_turns(x, k):
    same(ops.rot90(ops.rot90(x, k), 4 - k), x)
    same(ops.rot90(x, 2), ops.flip(x, (0, 1)))


# ---- places -------------------------------------------------------------------------------------


@law(x=arrays(min_rank=1), mode=st.sampled_from(["constant", "edge", "wrap"]), data=st.data())
def test_pad_then_slice(x, mode, data):
    if x.size == 0:
        mode = "constant"
    width = [data.draw(st.tuples(st.integers(0, 1), st.integers(0, 1))) for _ in x.shape]
    padded = ops.pad(x, width, mode)
    assert padded.shape == tuple(n + a + b for n, (a, b) in zip(x.shape, width, strict=True))
    same(ops.slice(padded, [a for a, _ in width], x.shape), x)


@law(x=arrays(min_rank=1), data=st.data())
def test_what_slice_update_writes_slice_reads(x, data):
    shape = [data.draw(st.integers(0, n)) for n in x.shape]
    start = [data.draw(st.integers(0, n - m)) for n, m in zip(x.shape, shape, strict=True)]
    part = ops.slice(x, start, shape)
    same(ops.slice_update(x, start, part), x)
    other = numbers(tuple(shape), str(x.dtype), seed=9)
    same(ops.slice(ops.slice_update(x, start, other), start, shape), other)


@law(given=with_axis(arrays(min_rank=1)), shift=st.integers(-4, 4))
def test_roll_and_back(given, shift):
    x, axis = given
    same(ops.roll(ops.roll(x, shift, axis), -shift, axis), x)
    same(ops.roll(ops.roll(x, shift), -shift), x)
    same(ops.roll(x, x.shape[axis], axis), x)


@law(given=with_axis(arrays(min_rank=1)))
def test_flip_twice(given):
    x, axis = given
    same(ops.flip(ops.flip(x, axis), axis), x)
    same(ops.flip(ops.flip(x)), x)


@law(x=floats(min_rank=1), data=st.data())
def test_scatter_is_the_transpose_of_gather(x, data):
    """<scatter(v), w> = <v, gather(w)>, for indices that may repeat."""
    indices = np.array(data.draw(st.lists(st.integers(0, 3), min_size=4, max_size=4)))
    values, w = numbers((4, *x.shape[1:]), seed=1), numbers((4, *x.shape[1:]), seed=2)
    scattered = ops.scatter(indices[:, None], values, (4, *x.shape[1:]))
    left = ops.sum(scattered * w)
    right = ops.sum(values * np.asarray(ops.take(w, indices, axis=0)))
    same(left, right)
    zeros = ops.zeros((4, *x.shape[1:]))
    same(ops.scatter_update(zeros, indices[:, None], values, reduction="add"), scattered)


@law(order=st.permutations(range(4)), rank=st.integers(0, 2))
def test_what_scatter_update_writes_take_reads(order, rank):
    indices = np.array(order[:3])
    x, updates = numbers((4, 3, 2)[: rank + 1]), numbers((3, 3, 2)[: rank + 1], seed=1)
    written = ops.scatter_update(x, indices[:, None], updates)
    same(ops.take(written, indices, axis=0), updates)
    same(ops.take(written, order[3], axis=0), x[order[3]])


@law(x=st.lists(st.integers(0, 3), min_size=3, max_size=3), axis=st.sampled_from([-1, 0, 1]))
def test_one_hot_and_argmax(x, axis):
    x = np.array(x, "int32")
    hot = ops.one_hot(x, 4, axis=axis)
    same(ops.argmax(hot, axis=axis), x)
    same(ops.sum(hot, axis=axis), np.ones(3, "float32"))
    same(ops.matmul(ops.one_hot(x, 4), numbers((4, 2))), ops.take(numbers((4, 2)), x, axis=0))


# ---- order --------------------------------------------------------------------------------------


@law(given=with_axis(arrays(min_rank=1, dtypes=("float32", "int32"))))
def test_sort_and_argsort(given):
    x, axis = given
    ordered = ops.sort(x, axis=axis)
    same(ops.take_along_axis(x, ops.argsort(x, axis=axis), axis=axis), ordered)
    same(ops.sort(ordered, axis=axis), ordered)
    assert bool(ops.all(ops.diff(ordered, axis=axis) >= 0))
    same(ops.sort(ops.flip(x, axis), axis=axis), ordered)


@law(x=arrays(min_rank=1, dtypes=("float32", "int32"), empty=False), data=st.data())
def test_top_k_is_the_end_of_sort(x, data):
    k = data.draw(st.integers(1, x.shape[-1]))
    values, indices = ops.top_k(x, k)
    same(values, ops.flip(ops.sort(x), -1)[..., :k])
    same(ops.take_along_axis(x, indices, axis=-1), values)
    same(values[..., 0], ops.max(x, axis=-1))


@law(x=floats(min_rank=1), side=st.sampled_from(["left", "right"]))
def test_searchsorted_counts(x, side):
    edges = np.array([-1.0, -0.25, 0.0, 0.0, 1.5], "float32")
    counted = (edges < x[..., None]) if side == "left" else (edges <= x[..., None])
    same(ops.searchsorted(edges, x, side=side), counted.sum(-1).astype("int32"))


# ---- choice -------------------------------------------------------------------------------------


@law(x=arrays(), seed=st.integers(1, 3))
def test_where_takes_one_or_the_other(x, seed):
    condition, other = numbers(x.shape, "bool", seed), numbers(x.shape, str(x.dtype), seed)
    chosen = ops.where(condition, x, other)
    same(chosen, ops.where(~condition, other, x))
    same(ops.where(condition, x, x), x)
    same(chosen, ops.select([condition], [x], other))
    same(ops.select([condition, ~condition], [x, other], default=x), chosen)


@law(x=arrays(dtypes=("int32", "bool")))
def test_cast_and_back(x):
    for wider in ("float32", "int32"):
        same(ops.cast(ops.cast(x, wider), str(x.dtype)), x)
    same(ops.saturate_cast(x, "float32"), ops.cast(x, "float32"))


@law(x=st.lists(st.integers(-400, 400), min_size=3, max_size=3))
def test_saturate_cast_is_clip_then_cast(x):
    x = np.array(x, "int32")
    for dtype, low, high in (("int8", -128, 127), ("uint8", 0, 255)):
        same(ops.saturate_cast(x, dtype), np.clip(x, low, high).astype(dtype))
        same(ops.saturate_cast(x.astype("float32"), dtype), np.clip(x, low, high).astype(dtype))


# ---- images -------------------------------------------------------------------------------------

SIZES = st.sampled_from([(4, 6), (8, 6), (3, 5)])
SMOOTH = st.sampled_from(["bilinear", "bicubic", "lanczos3"])


@pytest.mark.parametrize("how", ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("antialias", [False, True])
def test_resize_to_the_same_size(how, antialias):
    x = numbers((2, 4, 6, 3))
    got = ops.image.resize(x, (4, 6), interpolation=how, antialias=antialias)
    np.testing.assert_allclose(got, x, atol=1e-5)


@law(how=SMOOTH, size=SIZES, axis=st.sampled_from([1, 2]), antialias=st.booleans())
def test_resize_of_the_mirrored_image(how, size, axis, antialias):
    x = numbers((1, 4, 6, 2))
    settings = {"interpolation": how, "antialias": antialias}
    mirrored = ops.image.resize(np.flip(x, axis), size, **settings)
    np.testing.assert_allclose(
        mirrored, ops.flip(ops.image.resize(x, size, **settings), axis), atol=1e-5
    )


@law(how=SMOOTH, size=SIZES)
def test_resize_keeps_constants_and_is_linear(how, size):
    constant = ops.image.resize(np.full((4, 6, 1), 0.75, "float32"), size, interpolation=how)
    np.testing.assert_allclose(constant, np.full((*size, 1), 0.75), atol=1e-5)
    a, b = numbers((4, 6, 1)), numbers((4, 6, 1), seed=1)
    total = ops.image.resize(a + 2 * b, size, interpolation=how)
    parts = [ops.image.resize(x, size, interpolation=how) for x in (a, b)]
    np.testing.assert_allclose(total, parts[0] + 2 * parts[1], atol=1e-5)


@law(sides=st.tuples(*[st.integers(0, 2)] * 4), data_format=st.sampled_from(["last", "first"]))
def test_pad_images_then_crop(sides, data_format):
    top, left, bottom, right = sides
    data_format = f"channels_{data_format}"
    x = numbers((2, 3, 4, 2))
    padded = ops.image.pad_images(x, top, left, bottom, right, data_format=data_format)
    back = ops.image.crop_images(padded, top, left, bottom, right, data_format=data_format)
    same(back, x)


@law(block=st.sampled_from([1, 2]), dtype=st.sampled_from(["float32", "int32"]))
def test_space_to_depth_and_back(block, dtype):
    x = numbers((2, 4, 6, 3), dtype)
    same(ops.depth_to_space(ops.space_to_depth(x, block), block), x)


@law(examples=6, kernel=st.sampled_from([1, 2, (2, 3)]))
def test_fold_of_unfold_counts_the_windows(kernel):
    """`fold` is the transpose of `unfold`: it adds up what the windows hold."""
    x = numbers((1, 2, 4, 6))
    there = ops.unfold(x, kernel)
    back = ops.fold(there, (4, 6), kernel)
    windows = ops.fold(ops.unfold(np.ones_like(x), kernel), (4, 6), kernel)
    same(back, ops.multiply(windows, x))
    other = numbers(there.shape, seed=5)
    same(ops.sum(there * other), ops.sum(ops.fold(other, (4, 6), kernel) * x))
