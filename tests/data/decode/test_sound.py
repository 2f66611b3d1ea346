"""Sound: WAV in every encoding, other formats beside soundfile, resampling, damaged files."""

import io
import struct
import sys

import numpy as np
import pytest
import soundfile

from cornu.data.decode import sound
from cornu.data.decode.sound import SoundDecoder, read_sound

WAVE = np.sin(np.arange(900) / 9).reshape(300, 3) * 0.9


def encoded(samples, kind="WAV", subtype=None, rate=8000):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize(
    "subtype, step", [("PCM_U8", 2**-7), ("PCM_16", 2**-15), ("PCM_24", 2**-23), ("PCM_32", 2e-7),
                      ("FLOAT", 1e-7), ("DOUBLE", 1e-7), ("ULAW", 0.05)]
)  # fmt: skip
@pytest.mark.parametrize("kind", ["WAV", "WAVEX"])
def test_wav_files_hold_the_samples(subtype, step, kind):
    samples, rate = read_sound(encoded(WAVE, kind, subtype))
    assert samples.shape == (300, 3) and samples.dtype == np.float32 and rate == 8000
    np.testing.assert_allclose(samples, WAVE, atol=step)


def test_plain_wav_needs_no_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    data = encoded(WAVE, "WAV", "PCM_16")
    assert SoundDecoder()(data).shape == (300, 3)
    with pytest.raises(ImportError, match="pip install soundfile"):
        SoundDecoder()(b"fLaC" + data)


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "MP3", "AIFF"])
def test_other_formats_are_read_by_soundfile(kind):
    samples, rate = read_sound(encoded(np.tile(WAVE[:, :1], (20, 1)), kind, rate=16000))
    assert rate == 16000 and samples.shape[1] == 1 and len(samples) >= 6000
    assert 0.5 < abs(samples).max() < 1.2


def test_sounds_are_resampled_before_they_are_cut():
    slow = np.sin(2 * np.pi * 5 * np.arange(8000) / 8000)  # 5 Hz, one second
    out = SoundDecoder(sampling_rate=4000, length=4400)(encoded(slow, subtype="FLOAT"))
    assert out.shape == (4400, 1)
    expected = np.sin(2 * np.pi * 5 * np.arange(4000) / 4000)
    np.testing.assert_allclose(out[200:3800, 0], expected[200:3800], atol=1e-3)
    assert not out[4000:].any()


def test_a_wav_of_unknown_length_is_read_to_its_end():
    data = bytearray(encoded(WAVE, "WAV", "PCM_16"))
    place = data.index(b"data") + 4
    data[place : place + 4] = b"\xff\xff\xff\xff"
    assert read_sound(bytes(data))[0].shape == (300, 3)


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda data: b"", "empty"),
        (lambda data: data[:-50], "cut short"),
        (lambda data: data[:30], "no samples"),
        (lambda data: data.replace(b"data", b"dada"), "no samples"),
        (lambda data: data[:22] + struct.pack("<H", 0) + data[24:], "0 channels"),
    ],
)
def test_damaged_wav_files_are_refused(damage, message):
    with pytest.raises(ValueError, match=message):
        SoundDecoder()(damage(encoded(WAVE, "WAV", "PCM_16")))


def test_sizes_are_bounded(monkeypatch):
    monkeypatch.setattr(sound, "MAX_SAMPLES", 800)
    for kind in ("WAV", "FLAC"):
        with pytest.raises(ValueError, match="at most 800 samples"):
            SoundDecoder()(encoded(WAVE, kind, "PCM_16"))
    with pytest.raises(ValueError, match="at most 800 samples"):
        SoundDecoder(sampling_rate=48000)(encoded(WAVE[:100], "WAV", "PCM_16"))
