"""The counter hash: reproducible, uniform, and uncorrelated in every direction that is used.

The statistical tests are deterministic (fixed keys). Their limits are five standard deviations of
what independent bits would give.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from cornu.kernels.random_bits import bits, dropout

SIZE = 1 << 16


def key(a, b=0):
    return jnp.array([a, b], jnp.uint32)


def uniform(a, b=0, size=SIZE):
    """Standardized uniform numbers: mean 0, variance 1."""
    return (np.asarray(bits(key(a, b), (size,)), "float64") / 2**32 - 0.5) * np.sqrt(12)


def assert_uncorrelated(x, y):
    assert abs(np.mean(x * y)) < 5 / np.sqrt(x.size)


KEYS = [(0, 0), (1, 0), (0, 1), (12345, 678), (2**32 - 1, 2**32 - 1), (0x9E3779B9, 0)]


@pytest.mark.parametrize("words", KEYS)
def test_uniform(words):
    values = np.asarray(bits(key(*words), (SIZE,)))
    # each bit is set half of the time, in the top half and in the bottom half of the word
    share = [((values >> n) & 1).mean() for n in range(32)]
    assert np.abs(np.array(share) - 0.5).max() < 5 * 0.5 / np.sqrt(SIZE)
    for shift in (0, 12, 24):  # chi squared over 256 bins: mean 255, variance 510
        counts = np.bincount((values >> shift) & 255, minlength=256)
        chi = ((counts - SIZE / 256) ** 2).sum() / (SIZE / 256)
        assert abs(chi - 255) < 5 * np.sqrt(510)
    # repeated words: SIZE^2 / 2^33 = 0.5 expected
    assert SIZE - np.unique(values).size <= 5


@pytest.mark.parametrize("words", KEYS)
def test_neighbours_are_uncorrelated(words):
    x = uniform(*words)
    for lag in (1, 2, 3, 4, 16, 64, 128, 256, 1000, 1024, 4096):
        assert_uncorrelated(x[:-lag], x[lag:])
    pairs = np.asarray(bits(key(*words), (SIZE,))).reshape(-1, 2) >> 28
    counts = np.bincount(pairs[:, 0] * 16 + pairs[:, 1], minlength=256)
    chi = ((counts - SIZE / 512) ** 2).sum() / (SIZE / 512)
    assert abs(chi - 255) < 5 * np.sqrt(510)


@pytest.mark.parametrize("start", [(0, 0), (41, 7), (2**31, 2**31)])
def test_successive_steps_and_layers_are_uncorrelated(start):
    streams = {(a, b): uniform(start[0] + a, start[1] + b) for a in range(4) for b in range(4)}
    names = list(streams)
    for n, one in enumerate(names):
        for other in names[n + 1 :]:
            assert_uncorrelated(streams[one], streams[other])


def test_every_bit_of_the_key_changes_half_of_the_bits():
    base = np.asarray(bits(key(0x1234567, 0x89ABCDE), (4096,)))
    for word in range(2):
        for bit in range(32):
            words = [0x1234567, 0x89ABCDE]
            words[word] ^= 1 << bit
            changed = base ^ np.asarray(bits(key(*words), (4096,)))
            flips = np.unpackbits(changed.view(np.uint8)).mean()
            assert abs(flips - 0.5) < 5 * 0.5 / np.sqrt(4096 * 32)


def test_no_stream_is_a_shifted_copy_of_another():
    streams = [np.asarray(bits(key(a, b), (4096,))) for a in range(8) for b in range(8)]
    together = np.concatenate(streams)
    # 64 * 4096 words: (2^18)^2 / 2^33 = 8 repetitions expected by chance
    assert together.size - np.unique(together).size < 25


def test_same_key_same_bits_in_any_shape_and_inside_jit():
    flat = bits(key(5, 6), (24,))
    assert (bits(key(5, 6), (2, 3, 4)).ravel() == flat).all()
    assert (jax.jit(lambda k: bits(k, (24,)))(key(5, 6)) == flat).all()
    assert bits(key(5, 6), ()).shape == ()


# ---- dropout -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9, 0.999])
def test_dropout_drops_its_share_and_keeps_the_mean(rate):
    y = np.asarray(dropout(jnp.ones((256, 256)), rate, key(3, 4)))
    kept = (y != 0).mean()
    assert abs(kept - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / y.size)
    np.testing.assert_allclose(y[y != 0], 1 / (1 - rate), rtol=1e-6)
    # rows and columns are hit alike
    for axis in (0, 1):
        spread = (y != 0).mean(axis).std()
        assert abs(spread / np.sqrt(rate * (1 - rate) / 256) - 1) < 0.25


def test_the_gradient_uses_the_same_mask():
    x = jnp.arange(1.0, 1001.0)
    y, pull = jax.vjp(lambda x: dropout(x, 0.3, key(1, 2)), x)
    np.testing.assert_allclose(pull(jnp.ones(1000))[0] * x, y, rtol=1e-6)
    hessian = jax.grad(
        lambda x: jax.grad(lambda x: (dropout(x, 0.3, key(1, 2)) ** 2).sum())(x).sum()
    )
    np.testing.assert_allclose(hessian(x), jnp.where(y == 0, 0, 2 / 0.49), rtol=1e-5)


def test_inside_a_loop_every_step_has_its_own_mask():
    def step(n, total):
        return total + dropout(jnp.ones(4096), 0.5, jnp.stack([jnp.uint32(7), n.astype("uint32")]))

    total = jax.jit(lambda: lax.fori_loop(0, 4, step, jnp.zeros(4096)))()
    outside = sum(dropout(jnp.ones(4096), 0.5, key(7, n)) for n in range(4))
    np.testing.assert_array_equal(total, outside)
    # binomial: 2 of 4 kept 3/8 of the time
    assert abs((total == 4).mean() - 3 / 8) < 5 * np.sqrt(15 / 64 / 4096)


def test_noise_shape_shares_the_mask():
    y = np.asarray(dropout(jnp.ones((64, 50, 8)), 0.5, key(1), noise_shape=(None, 1, 8)))
    assert (y == y[:, :1]).all() and 0.3 < (y[:, 0] != 0).mean() < 0.7


def test_types_stay_and_zero_is_free():
    for dtype in ("float16", "bfloat16", "float32"):
        assert dropout(jnp.ones(8, dtype), 0.5, key(1)).dtype == dtype
    x = jnp.ones(3)
    assert dropout(x, 0.0, key(1)) is x


@pytest.mark.parametrize("rate", [-0.1, 1.0, 2])
def test_rates_outside_the_range_are_refused(rate):
    with pytest.raises(ValueError, match="must be in \\[0, 1\\), got"):
        dropout(jnp.ones(3), rate, key(1))


def test_vmap_over_keys_and_symbolic_batch():
    keys = jnp.stack([key(1, 2), key(3, 4)])
    together = jax.vmap(lambda k: dropout(jnp.ones(32), 0.5, k))(keys)
    np.testing.assert_array_equal(together[1], dropout(jnp.ones(32), 0.5, keys[1]))
    spec = jax.ShapeDtypeStruct(jax.export.symbolic_shape("b, 16"), jnp.float32)
    run = lambda x: jax.grad(lambda x: dropout(x, 0.5, key(1, 2)).sum())(x)  # noqa: E731
    exported = jax.export.export(jax.jit(run))(spec)
    np.testing.assert_array_equal(exported.call(jnp.ones((3, 16))), run(jnp.ones((3, 16))))
