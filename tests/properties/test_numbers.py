"""Laws of the ops that compute: sums, products, probabilities, transforms."""

import numpy as np
import pytest
from hypothesis import strategies as st

from cornu import ops
from properties.laws import close, floats, law, numbers, same, with_axis

SEEDS = st.integers(0, 3)
SIZES = st.sampled_from([1, 3])

# ---- sums ---------------------------------------------------------------------------------------


@law(examples=6, given=with_axis(floats(min_rank=1)))
def test_diff_undoes_cumsum(given):
    x, axis = given
    summed = ops.cumsum(x, axis=axis)
    first = ops.take(x, [0], axis=axis)
    same(ops.concatenate([first, ops.diff(summed, axis=axis)], axis=axis), x)
    same(ops.take(summed, -1, axis=axis), ops.sum(x, axis=axis))


@law(examples=6, given=with_axis(floats(min_rank=1)), keepdims=st.booleans())
def test_reductions_agree(given, keepdims):
    x, axis = given
    n = x.shape[axis]
    settings = {"axis": axis, "keepdims": keepdims}
    mean = ops.mean(x, **settings)
    close(mean * n, ops.sum(x, **settings))
    variance = ops.mean(ops.square(x - ops.mean(x, axis=axis, keepdims=True)), **settings)
    close(ops.var(x, **settings), variance)
    close(ops.square(ops.std(x, **settings)), variance)
    for got, wanted in zip(
        ops.moments(x, [axis], keepdims=keepdims), (mean, variance), strict=True
    ):
        close(got, wanted)
    same(ops.min(x, **settings), -ops.max(-x, **settings))
    same(ops.any(x > 0, **settings), ops.max(x, **settings) > 0)


@law(ids=st.lists(st.integers(0, 3), min_size=6, max_size=6), in_order=st.booleans(), seed=SEEDS)
def test_segment_reductions_are_loops(ids, in_order, seed):
    ids = np.array(sorted(ids) if in_order else ids)
    data = numbers((6, 2), seed=seed)
    got = ops.segment_sum(data, ids, num_segments=4, sorted=in_order)
    same(got, np.stack([data[ids == i].sum(0) for i in range(4)]))
    largest = ops.segment_max(data, ids, num_segments=4, sorted=in_order)
    for i in set(ids.tolist()):
        same(largest[i], data[ids == i].max(0))


@law(ids=st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_bincount_is_a_sum_of_one_hot(ids):
    ids = np.array(ids, "int32")
    counts = ops.sum(ops.one_hot(ids, 4, dtype="int32"), axis=0)
    same(ops.bincount(ids, minlength=4), counts)
    same(ops.segment_sum(np.ones(6, "int32"), ids, num_segments=4), counts)


# ---- products -----------------------------------------------------------------------------------


@law(examples=6, n=SIZES, m=SIZES, k=SIZES, seed=SEEDS)
def test_the_products_agree(n, m, k, seed):
    a, b = numbers((n, k), seed=seed), numbers((k, m), seed=seed + 1)
    expected = (a[:, :, None] * b[None]).sum(1)
    same(ops.matmul(a, b), expected)
    same(ops.dot(a, b), expected)
    same(ops.tensordot(a, b, axes=1), expected)
    same(ops.tensordot(a, b, axes=[[1], [0]]), expected)
    same(ops.einsum("ik,kj->ij", a, b), expected)
    same(ops.einsum("ij,ki", b, a), expected.T)  # the letters left over, in order: j, k
    same(ops.transpose(ops.matmul(b.T, a.T)), expected)


@law(examples=6, n=SIZES, k=SIZES, seed=SEEDS)
def test_products_in_batches(n, k, seed):
    a, b = numbers((2, n, k), seed=seed), numbers((2, k, 3), seed=seed + 1)
    product = ops.matmul(a, b)
    same(product, np.stack([ops.matmul(x, y) for x, y in zip(a, b, strict=True)]))
    same(ops.einsum("...ik,...kj->...ij", a, b), product)
    same(ops.vectorized_map(lambda ab: ops.matmul(*ab), (a, b)), product)


@law(examples=6, n=SIZES, m=SIZES, seed=SEEDS)
def test_vector_products(n, m, seed):
    a, b, c = numbers((n,), seed=seed), numbers((m,), seed=seed + 1), numbers((n,), seed=seed + 2)
    same(ops.outer(a, b), ops.einsum("i,j->ij", a, b))
    same(ops.trace(ops.outer(a, c)), ops.vdot(a, c))
    same(ops.kron(a, b), ops.reshape(ops.outer(a, b), (-1,)))
    same(ops.inner(a, c), ops.sum(a * c))


@law(examples=6, n=SIZES, seed=SEEDS)
def test_solving_undoes_multiplying(n, seed):
    a = numbers((n, n), seed=seed) + 5 * np.eye(n, dtype="float32")
    b = numbers((n, 2), seed=seed + 1)
    close(ops.matmul(a, ops.solve(a, b)), b)
    close(ops.matmul(ops.inv(a), a), np.eye(n))
    close(ops.det(ops.inv(a)) * ops.det(a), 1.0)
    symmetric = a @ a.T
    low = ops.cholesky(symmetric)
    close(ops.matmul(low, ops.transpose(low)), symmetric, 1e-4)
    close(ops.logdet(symmetric), 2 * ops.sum(ops.log(ops.diagonal(low))), 1e-4)


@law(examples=6, n=SIZES, m=SIZES, seed=SEEDS)
def test_factors_multiply_to_the_matrix(n, m, seed):
    a = numbers((n, m), seed=seed)
    q, r = ops.qr(a)
    close(ops.matmul(q, r), a)
    u, s, v = ops.svd(a, full_matrices=False)
    close(ops.matmul(u * s, v), a)
    close(ops.norm(a), ops.sqrt(ops.sum(ops.square(s))))
    values, vectors = ops.eigh(a @ a.T)
    close(ops.matmul(vectors * values, ops.transpose(vectors)), a @ a.T)


# ---- probabilities ------------------------------------------------------------------------------


@law(examples=6, given=with_axis(floats(min_rank=1)), shift=st.sampled_from([-80.0, 0.25, 300.0]))
def test_softmax(given, shift):
    x, axis = given
    p = ops.softmax(x, axis=axis)
    close(ops.sum(p, axis=axis), np.ones(np.sum(x, axis).shape))
    assert bool(ops.all(p >= 0))
    close(ops.softmax(x + shift, axis=axis), p)
    close(ops.log_softmax(x, axis=axis), ops.log(p))


@law(examples=6, given=with_axis(floats(min_rank=1)), keepdims=st.booleans())
def test_logsumexp_lies_above_the_largest(given, keepdims):
    x, axis = given
    settings = {"axis": axis, "keepdims": keepdims}
    got, largest = ops.logsumexp(x, **settings), ops.max(x, **settings)
    assert bool(ops.all(got >= largest - 1e-6))
    assert bool(ops.all(got <= largest + np.log(x.shape[axis]) + 1e-6))
    close(ops.logsumexp(x + 500, **settings), got + 500, 1e-6)
    close(ops.log(ops.sum(ops.exp(x), **settings)), got)


@law(examples=6, x=floats(), seed=SEEDS)
def test_activations_in_terms_of_each_other(x, seed):
    close(ops.sigmoid(x) + ops.sigmoid(-x), np.ones(x.shape))
    close(ops.softplus(x) - ops.softplus(-x), x)
    same(ops.relu(x) - ops.relu(-x), x)
    close(ops.silu(x), x * ops.sigmoid(x))
    close(ops.log_sigmoid(x), -ops.softplus(-x))
    y = numbers(x.shape, seed=seed)
    close(ops.logaddexp(x, y), ops.logsumexp(ops.stack([x, y]), axis=0))


@law(examples=6, x=floats(min_rank=1), order=st.sampled_from([1, 2, 3]))
def test_normalized_vectors_have_length_one(x, order):
    length = ops.norm(ops.normalize(x, order=order), ord=order, axis=-1)
    close(length, np.any(x != 0, -1).astype("float32"))


# ---- transforms ---------------------------------------------------------------------------------


def parts(shape, seed):
    return numbers(shape, seed=seed), numbers(shape, seed=seed + 1)


@law(n=st.sampled_from([1, 4, 6]), seed=SEEDS)
def test_fft_twice_is_a_reversal(n, seed):
    re, im = parts((2, n), seed)
    twice = ops.fft(ops.fft((re, im)))
    for got, x in zip(twice, (re, im), strict=True):
        close(got / n, ops.roll(ops.flip(x, 1), 1, 1))


@law(shape=st.sampled_from([(4, 6), (2, 3, 4)]), seed=SEEDS)
def test_ifft2_undoes_fft2(shape, seed):
    x = parts(shape, seed)
    for got, wanted in zip(ops.ifft2(ops.fft2(x)), x, strict=True):
        close(got, wanted)


@law(n=st.sampled_from([4, 6, 7]), seed=SEEDS)
def test_irfft_undoes_rfft(n, seed):
    x = numbers((2, n), seed=seed)
    spectrum = ops.rfft(x)
    close(ops.irfft(spectrum, fft_length=n), x)
    full = ops.fft((x, np.zeros_like(x)))
    for half, whole in zip(spectrum, full, strict=True):
        close(half, whole[:, : n // 2 + 1])


@law(
    examples=6,
    sizes=st.sampled_from([(8, 2, 8), (16, 4, 32)]),
    window=st.sampled_from(["hann", "hamming"]),
    n=st.sampled_from([41, 48]),
)
def test_istft_undoes_stft(sizes, window, n):
    x = numbers((2, n))
    back = ops.istft(ops.stft(x, *sizes, window=window), *sizes, length=n, window=window)
    close(back, x, 1e-4)


@law(length=st.sampled_from([1, 3, 4]), stride=st.sampled_from([1, 2]))
def test_sequences_are_slices(length, stride):
    x = numbers((2, 9))
    got = ops.extract_sequences(x, length, stride)
    expected = [x[:, s : s + length] for s in range(0, 9 - length + 1, stride)]
    same(got, np.stack(expected, 1))


# ---- convolutions -------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", ["valid", "same"])
@law(examples=6, size=SIZES, strides=st.sampled_from([1, 2]), seed=SEEDS)
def test_conv_is_a_product_with_patches(padding, size, strides, seed):
    x, kernel = numbers((2, 7, 3), seed=seed), numbers((size, 3, 4), seed=seed + 1)
    if padding == "same":
        total = max((-(-7 // strides) - 1) * strides + size - 7, 0)
        wide = np.pad(x, ((0, 0), (total // 2, total - total // 2), (0, 0)))
    else:
        wide = x
    starts = range(0, wide.shape[1] - size + 1, strides)
    patches = np.stack([wide[:, s : s + size] for s in starts], 1)
    got = ops.conv(x, kernel, strides=strides, padding=padding)
    same(got, ops.einsum("bokc,kcd->bod", patches, kernel))


@law(examples=6, size=SIZES, strides=st.sampled_from([1, 2]), seed=SEEDS)
def test_conv_transpose_is_the_transpose_of_conv(size, strides, seed):
    """<conv(x), y> = <x, conv_transpose(y)>."""
    n = size + 2 * strides
    x, kernel = numbers((1, n, 2), seed=seed), numbers((size, 2, 3), seed=seed + 1)
    image = ops.conv(x, kernel, strides=strides)
    y = numbers(image.shape, seed=seed + 2)
    back = ops.conv_transpose(y, kernel, strides=strides)[:, :n]
    same(ops.sum(image * y), ops.sum(x[:, : back.shape[1]] * back))


@law(examples=6, size=SIZES, seed=SEEDS, padding=st.sampled_from(["valid", "same"]))
def test_pools_agree(size, seed, padding):
    x = numbers((2, 6, 2), seed=seed)
    largest = ops.max_pool(x, size, 1, padding)
    mean = ops.average_pool(x, size, 1, padding)
    smallest = -ops.max_pool(-x, size, 1, padding)
    assert bool(ops.all(largest >= mean - 1e-6))
    assert bool(ops.all(mean >= smallest - 1e-6))
    if padding == "valid":
        kernel = np.full((size, 2, 1), 1 / size, "float32")
        close(mean, ops.depthwise_conv(x, kernel))
