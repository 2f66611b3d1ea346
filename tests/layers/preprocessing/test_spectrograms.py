"""Spectrograms by definition: sines, energies, bands."""

import jax
import numpy as np
import pytest

import cornu
from cornu.layers import Dense, GlobalAveragePooling1D, Input, MelSpectrogram, STFTSpectrogram

TIME = np.arange(4000) / 4000


def sine(hertz):
    return np.sin(2 * np.pi * hertz * TIME).astype("float32")


def test_a_sine_stands_in_its_bin():
    x = np.stack([sine(500), sine(1500)], -1)[None]  # (1, 4000, 2)
    y = STFTSpectrogram("magnitude", 256, expand_dims=True)(x)  # (1, frames, 129, 2)
    assert y.shape[2:] == (129, 2)
    assert np.asarray(y).mean(1).argmax(1).tolist() == [[500 * 256 // 4000, 1500 * 256 // 4000]]


def test_the_transform_is_that_of_numpy():
    x = np.random.default_rng(0).normal(size=(1, 64, 1)).astype("float32")
    y = STFTSpectrogram("stft", 16, 8, 32, window=None, scaling=None)(x)[0]  # (frames, 34)
    frames = np.lib.stride_tricks.sliding_window_view(x[0, :, 0], 16)[::8]
    spectra = np.fft.rfft(frames, 32)
    np.testing.assert_allclose(y[:, :17] + 1j * y[:, 17:], spectra, 1e-3, 1e-4)


def test_power_is_that_of_the_signal():
    x = np.random.default_rng(1).normal(size=(1, 40_000, 1)).astype("float32")
    y = STFTSpectrogram("psd", 64, scaling="density")(x)  # one-sided, per sampling rate
    np.testing.assert_allclose(float(y.mean(1).sum()) / 64, 1.0, 0.02)


@pytest.mark.parametrize("dtype", ["int16", "float16", "bfloat16"])
def test_dtypes_of_sounds(dtype):
    x = (sine(500) * 1000).astype(dtype if dtype != "bfloat16" else "float32")[None, :, None]
    policy = "bfloat16" if dtype == "bfloat16" else "float32"
    y = STFTSpectrogram(frame_length=64, dtype=policy)(x)
    assert y.dtype == policy
    assert np.isfinite(np.asarray(y, "float32")).all()


def test_a_model_learns_its_basis():
    model = cornu.Sequential(
        [Input((400, 1)), STFTSpectrogram(frame_length=32), GlobalAveragePooling1D(), Dense(1)]
    )
    model.compile("sgd", "mse")
    model.fit(sine(300).reshape(10, 400, 1), np.zeros((10, 1)), verbose=0)
    assert len(model.trainable_weights) == 4
    frozen = STFTSpectrogram(frame_length=32, trainable=False)
    frozen.build((None, 400, 1))
    assert not frozen.trainable_weights


def test_mel_bands():
    bands = np.asarray(MelSpectrogram().linear_to_mel_weight_matrix(10, 129, 8000, 125.0, 3800.0))
    assert bands.shape == (129, 10)
    assert bands[0].max() == 0
    assert bands.max() <= 1
    assert (np.diff(bands.argmax(0)) > 0).all()
    assert (np.sort((bands > 0).sum(1))[-1]) <= 2  # at most two bands meet


def test_decibels_are_those_of_the_sound_alone():
    sounds = np.stack([sine(500), 1e-4 * sine(500)])
    layer = MelSpectrogram(256, 128, sampling_rate=4000, num_mel_bins=8)
    y = layer(sounds)
    for sound, alone in zip(sounds, y, strict=True):
        np.testing.assert_allclose(layer(sound), alone, 1e-3, 1e-2)
    assert float(y.max() - y.min()) > 80
    assert (np.asarray(y.max((1, 2)) - y.min((1, 2))) <= 80.001).all()


def test_jit_grad_and_shapes():
    layer = MelSpectrogram(64, 32, sampling_rate=4000, num_mel_bins=8)
    x = sine(500)[None, :320]
    np.testing.assert_allclose(jax.jit(layer)(x), layer(x), 1e-4, 1e-3)
    assert np.isfinite(jax.grad(lambda v: layer(v).sum())(np.zeros((1, 320), "float32"))).all()
    for length in (319, 320, 321):
        assert layer.compute_output_shape((2, length)) == layer(np.zeros((2, length))).shape
    assert layer(cornu.KerasTensor((None, None))).shape == (None, 8, None)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: STFTSpectrogram("power"), "mode must be"),
        (lambda: STFTSpectrogram(frame_length=8, frame_step=9), "frame_step must be"),
        (lambda: STFTSpectrogram(frame_length=8, fft_length=4), "fft_length at least"),
        (lambda: STFTSpectrogram(window="triangel"), "no window"),
        (lambda: STFTSpectrogram()(np.zeros((2, 300))), "3"),
        (lambda: MelSpectrogram(fft_length=8, sequence_length=9), "at least sequence_length"),
        (lambda: MelSpectrogram(min_freq=9000.0), "less than max_freq"),
        (lambda: MelSpectrogram()(np.zeros((1, 2, 300))), "one channel"),
    ],
)
def test_mistakes(make, says):
    with pytest.raises(ValueError, match=says):
        make()
