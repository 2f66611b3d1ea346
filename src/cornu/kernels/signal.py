"""Frames of signals and the short-time Fourier transform.

    signal --frames--> (frames, length) --window, rfft--> spectrum      stft
    spectrum --irfft, window--> (frames, length) --overlap_add / sum of squared windows--> signal

Frames are read by one gather of a small index matrix when they overlap unevenly, and by a reshape
when the step divides the length, which is the usual case and four times as fast on a CPU.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu import budget
from cornu.errors import did_you_mean, value_error

WINDOWS = ("hann", "hamming")


def frames(x: jax.Array, length: int, step: int) -> jax.Array:
    """Overlapping pieces of the last axis.

    Args:
        x: `(..., time)`.
        length: length of each piece.
        step: distance between the starts of neighbouring pieces.

    Returns:
        `(..., 1 + (time - length) // step, length)`.

    Example:

        >>> frames(jnp.arange(5), 3, 1).tolist()
        [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    """
    count = (x.shape[-1] - length) // step + 1
    if length % step == 0:
        parts = length // step  # pieces of a frame, each read once
        blocks = x[..., : (count + parts - 1) * step]
        blocks = blocks.reshape(*x.shape[:-1], count + parts - 1, step)
        pieces = [blocks[..., i : i + count, :] for i in range(parts)]
        return jnp.concatenate(pieces, axis=-1)
    index = jnp.arange(count)[:, None] * step + jnp.arange(length)
    return jnp.take(x, index, axis=-1)


def overlap_add(pieces: jax.Array, step: int) -> jax.Array:
    """The sum of pieces laid `step` apart: the adjoint of `frames`.

    Args:
        pieces: `(..., count, length)`.
        step: distance between the starts of neighbouring pieces.

    Returns:
        `(..., (count - 1) * step + length)`.

    Example:

        >>> overlap_add(jnp.ones((2, 3)), 1).tolist()
        [1.0, 2.0, 2.0, 1.0]
    """
    *batch, count, length = pieces.shape
    total = (count - 1) * step + length
    segments = -(-length // step)
    padded = jnp.pad(pieces, [(0, 0)] * (pieces.ndim - 1) + [(0, segments * step - length)])
    padded = padded.reshape(*batch, count, segments, step)
    out = jnp.zeros((*batch, count + segments - 1, step), pieces.dtype)
    for i in range(segments):  # a frame has few segments; each is one shifted addition
        out = out.at[..., i : i + count, :].add(padded[..., i, :])
    return out.reshape(*batch, -1)[..., :total]


def window_of(window: Any, length: int, fft_length: int, dtype: Any) -> jax.Array:
    """A window by name or values, in the middle of `fft_length` samples.

    Args:
        window: "hann", "hamming", values `(length,)`, or None for all ones.
        length: samples of the window.
        fft_length: samples of the result, at least `length`.
        dtype: dtype of the result.
    """
    budget.table(length)
    if window is None:
        values: Any = np.ones(length)
    elif isinstance(window, str):
        if window not in WINDOWS:
            raise value_error(f"There is no window {window!r}.", fix=did_you_mean(window, WINDOWS))
        # periodic: the first sample of the next period is left out
        values = (np.hanning if window == "hann" else np.hamming)(length + 1)[:-1]
    else:
        values = window
        if len(np.shape(values)) != 1 or np.shape(values)[0] != length:
            raise value_error(
                "A window must have one value per sample of a sequence.",
                expected=f"({length},)",
                received=np.shape(values),
            )
    left = (fft_length - length) // 2
    return jnp.pad(jnp.asarray(values, dtype), (left, fft_length - length - left))


def stft(
    x: jax.Array, length: int, step: int, fft_length: int, window: object, center: bool
) -> jax.Array:
    """Spectra of windowed pieces of a signal.

    Args:
        x: `(..., time)`, floating.
        length: samples of a window.
        step: distance between neighbouring pieces.
        fft_length: samples of a piece, at least `length`.
        window: see `window_of`.
        center: reflect the ends, so that piece `i` is centered at `i * step`.

    Returns:
        `(..., pieces, fft_length // 2 + 1)`, complex.
    """
    if center:
        half = fft_length // 2
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(half, half)], mode="reflect")
    pieces = frames(x, fft_length, step) * window_of(window, length, fft_length, x.dtype)
    return jnp.fft.rfft(pieces)


def istft(
    spectra: jax.Array,
    length: int,
    step: int,
    fft_length: int,
    samples: int | None,
    window: object,
    center: bool,
) -> jax.Array:
    """The signal whose `stft` comes closest to the spectra.

    Args:
        spectra: `(..., pieces, fft_length // 2 + 1)`, complex.
        length, step, fft_length, window, center: as for `stft`.
        samples: length of the result; what the pieces cover if None.

    Returns:
        `(..., time)`.
    """
    pieces = jnp.fft.irfft(spectra, n=fft_length)
    shape = window_of(window, length, fft_length, pieces.dtype)
    total = overlap_add(pieces * shape, step)
    weight = overlap_add(jnp.broadcast_to(jnp.square(shape), pieces.shape[-2:]), step)
    signal = total / jnp.where(weight > 1e-10, weight, 1.0)
    start = fft_length // 2 if center else 0
    end: int | None = None
    if samples is not None:
        end = start + samples
    elif center:
        end = -(fft_length // 2)
    signal = signal[..., start:end]
    if samples is not None and signal.shape[-1] < samples:
        missing = samples - signal.shape[-1]
        signal = jnp.pad(signal, [(0, 0)] * (signal.ndim - 1) + [(0, missing)])
    return signal
