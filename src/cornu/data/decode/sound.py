"""Sound from the bytes of a file: WAV by numpy, other formats by soundfile.

    WAV of                           becomes float32 in [-1, 1)
    8 bits, unsigned                 (x - 128) / 128
    16, 24, 32 bits, signed          x / 2^(bits - 1)
    32, 64 bits, floating point      x

FLAC, OGG, MP3, AIFF, and WAV in other encodings need the package soundfile; another sampling rate
needs soxr. Sizes are read from the headers and bounded before samples are.
"""

import io
import struct
from dataclasses import dataclass

import numpy as np

from cornu import errors

EXTENSIONS = (".aiff", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".wav")
MAX_SAMPLES = 1 << 28  # of all channels: 48 minutes in stereo at 48 kHz, a gigabyte
MAX_CHANNELS = 64

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_UNKNOWN_SIZES = (0, 0xFFFFFFFF)  # of a file that was written while its length was not known


@dataclass(frozen=True)
class SoundDecoder:
    """A function from the bytes of a sound file to its samples.

    Args:
        sampling_rate: samples per second of the result; that of the file if None.
        length: number of samples per channel of the result, cut or padded with zeros at its end;
            that of the sound if None.

    Example:

        >>> header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 40, b"WAVE", b"fmt ", 16, 1, 1,
        ...                      8000, 16000, 2, 16, b"data", 4)
        >>> SoundDecoder()(header + struct.pack("<2h", 16384, -32768))[:, 0].tolist()
        [0.5, -1.0]
    """

    sampling_rate: int | None = None
    length: int | None = None

    def __call__(self, data: bytes) -> np.ndarray:
        """The samples, float32 `(time, channels)`.

        Raises:
            ValueError: the file is damaged, of another format, or too long.
        """
        samples, rate = read_sound(data)
        if self.sampling_rate is not None and rate != self.sampling_rate:
            samples = resample(samples, rate, self.sampling_rate)
        return samples if self.length is None else fit_length(samples, self.length)


def read_sound(data: bytes) -> tuple[np.ndarray, int]:
    """The samples, float32 `(time, channels)`, and the number of them per second."""
    if not data:
        raise ValueError("the file is empty")
    if data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE":
        wave = _read_wav(data)
        if wave is not None:
            return wave
    return _read_other(data)


def fit_length(samples: np.ndarray, length: int) -> np.ndarray:
    """The first `length` samples, followed by zeros where there are fewer."""
    samples = samples[:length]
    missing = length - len(samples)
    return np.pad(samples, ((0, missing), (0, 0))) if missing else samples


def resample(samples: np.ndarray, rate: int, target: int) -> np.ndarray:
    """The sound at another sampling rate, low-pass filtered.

    Args:
        samples: float32 `(time, channels)`.
        rate: samples per second.
        target: samples per second of the result.
    """
    if not len(samples):
        return samples
    if len(samples) * samples.shape[1] * target / rate > MAX_SAMPLES:
        raise ValueError(f"it must have at most {MAX_SAMPLES:,} samples at {target} per second")
    soxr = errors.need("soxr", for_="sound at another sampling rate")
    return np.asarray(soxr.resample(samples, rate, target), np.float32)


# ---- WAV ---------------------------------------------------------------------------------------


def _read_wav(data: bytes) -> tuple[np.ndarray, int] | None:
    """The samples and their rate; None for an encoding that soundfile has to read."""
    form = body = None
    position = 12
    while position + 8 <= len(data) and body is None:
        name, size = struct.unpack_from("<4sI", data, position)
        position += 8
        if name == b"data":
            rest = len(data) - position
            if size in _UNKNOWN_SIZES and rest:
                size = rest
            body = (position, size)
        elif name == b"fmt ":
            form = data[position : position + min(size, 40)]
        position += size + size % 2
    if form is None or len(form) < 16 or body is None:
        raise ValueError("the WAV has no samples: its header is damaged or the file is cut short")
    encoding, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", form)
    if encoding == _EXTENSIBLE and len(form) >= 26:
        encoding = struct.unpack_from("<H", form, 24)[0]
    known = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
    if bits not in known.get(encoding, ()):
        return None
    if not 1 <= channels <= MAX_CHANNELS or not rate or block != channels * bits // 8:
        raise ValueError(f"its header is damaged: {channels} channels, {rate} samples per second")
    start, size = body
    if size > len(data) - start:
        raise ValueError(f"it is cut short: {len(data) - start:,} of {size:,} bytes of samples")
    count = size // block
    if count * channels > MAX_SAMPLES:
        raise ValueError(f"it must have at most {MAX_SAMPLES:,} samples, got {count * channels:,}")
    raw = np.frombuffer(data, np.uint8, count * block, start)
    return _to_float(raw, encoding, bits).reshape(count, channels), rate


def _to_float(raw: np.ndarray, encoding: int, bits: int) -> np.ndarray:
    if encoding == _FLOAT:
        return raw.view(f"<f{bits // 8}").astype(np.float32)
    if bits == 8:
        return (raw.astype(np.float32) - 128) / 128
    if bits == 24:  # into the upper three of four bytes
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = raw.reshape(-1, 3)
        raw, bits = wide.reshape(-1), 32
    integers = raw.view(f"<i{bits // 8}")
    return integers.astype(np.float32) * np.float32(2.0 ** (1 - bits))


# ---- other formats -----------------------------------------------------------------------------


def _read_other(data: bytes) -> tuple[np.ndarray, int]:
    soundfile = errors.need("soundfile", for_="sound in other formats than WAV")
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        if file.channels > MAX_CHANNELS or file.frames * file.channels > MAX_SAMPLES:
            raise ValueError(
                f"it must have at most {MAX_SAMPLES:,} samples, got {file.frames * file.channels:,}"
            )
        expected = file.frames
        samples = file.read(MAX_SAMPLES // file.channels, dtype="float32", always_2d=True)
        # An MP3 says about how long it is; the other formats know.
        if len(samples) < expected and file.format != "MP3":
            raise ValueError(f"it is cut short: {len(samples):,} of {expected:,} samples")
        return samples, file.samplerate
