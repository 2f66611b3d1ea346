"""Frames and spectra: against numpy, scipy and the definition."""

import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import signal as scipy_signal

from cornu.kernels.signal import frames, istft, overlap_add, stft, window_of

RNG = np.random.default_rng(5)
WAVE = RNG.normal(size=(2, 60)).astype("float32")


@pytest.mark.parametrize(("length", "step"), [(8, 4), (8, 8), (7, 3), (1, 1), (60, 5)])
def test_frames_are_slices(length, step):
    got = frames(jnp.asarray(WAVE), length, step)
    starts = range(0, 60 - length + 1, step)
    np.testing.assert_array_equal(got, np.stack([WAVE[:, s : s + length] for s in starts], axis=1))


@pytest.mark.parametrize(("length", "step"), [(8, 4), (7, 3), (4, 4), (3, 5)])
def test_overlap_add_is_the_adjoint_of_frames(length, step):
    count = 6
    pieces = RNG.normal(size=(count, length)).astype("float32")
    total = overlap_add(jnp.asarray(pieces), step)
    assert total.shape == ((count - 1) * step + length,)
    x = RNG.normal(size=total.shape).astype("float32")
    left = np.sum(np.asarray(frames(jnp.asarray(x), length, step)) * pieces)
    np.testing.assert_allclose(left, np.sum(x * total), rtol=1e-4)


def test_windows():
    for name in ("hann", "hamming"):
        expected = scipy_signal.get_window(name, 8, fftbins=True)
        np.testing.assert_allclose(window_of(name, 8, 8, "float32"), expected, atol=1e-6)
    assert window_of(None, 2, 4, "float32").tolist() == [0, 1, 1, 0]
    assert window_of(jnp.array([1.0, 2.0, 3.0]), 3, 4, "float32").tolist() == [1, 2, 3, 0]
    with pytest.raises(ValueError, match="hann"):
        window_of("han", 8, 8, "float32")
    with pytest.raises(ValueError, match="one value per sample"):
        window_of(np.ones(3), 4, 4, "float32")


@pytest.mark.parametrize(("length", "step", "size"), [(16, 4, 16), (12, 5, 16)])
@pytest.mark.parametrize("center", [False, True])
def test_stft_is_the_spectrum_of_each_windowed_piece(length, step, size, center):
    got = stft(jnp.asarray(WAVE), length, step, size, "hann", center)
    x = np.pad(WAVE, ((0, 0), (size // 2, size // 2)), mode="reflect") if center else WAVE
    window = np.zeros(size)
    left = (size - length) // 2
    window[left : left + length] = scipy_signal.get_window("hann", length)
    starts = range(0, x.shape[1] - size + 1, step)
    expected = np.stack([np.fft.rfft(x[:, s : s + size] * window) for s in starts], axis=1)
    np.testing.assert_allclose(got, expected, atol=1e-4)


@pytest.mark.parametrize("center", [False, True])
def test_istft_undoes_stft(center):
    spectra = stft(jnp.asarray(WAVE), 16, 4, 16, "hann", center)
    back = istft(spectra, 16, 4, 16, 60, "hann", center)
    inner = slice(None) if center else slice(4, -4)  # no window covers the very ends
    np.testing.assert_allclose(back[:, inner], WAVE[:, inner], atol=1e-4)
    longer = istft(spectra, 16, 4, 16, 90, "hann", center)
    assert longer.shape == (2, 90)
    assert not longer[:, -8:].any()


def test_gradients():
    def energy(x):
        spectra = stft(x, 8, 3, 8, "hamming", True)
        return jnp.sum(jnp.square(jnp.abs(spectra)))

    check_grads(energy, (jnp.asarray(WAVE[0, :20]),), order=1, modes=["rev"], atol=1e-1, rtol=1e-2)
