"""Spectra of sounds over time: layers that begin a model of audio.

STFTSpectrogram   convolution with the basis of a Fourier transform, which may be trained
MelSpectrogram    fast Fourier transform, its power in bands of the mel scale, in decibels
"""

import math
from typing import Any, Unpack

import numpy as np

from cornu import initializers, ops, settings
from cornu.arguments import channels_format, one_of, positive_int
from cornu.core.variable import Variable
from cornu.errors import value_error, warn
from cornu.layers.base.data_layer import DataLayer
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.settings import LayerSettings
from cornu.types import DType, Shape, Tensor

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


class _Spectrogram(DataLayer):
    """Base of both: samples are taken as they come, and sums are made in 32 bits or more."""

    _takes_sparse = False
    _casts_inputs = False

    def _precision(self, inputs: Tensor) -> str:
        return "float64" if "float64" in (self.compute_dtype, str(inputs.dtype)) else "float32"


class STFTSpectrogram(_Spectrogram):
    """Short-time Fourier transform of each channel, computed by convolution.

    Input `(batch, time, channels)`, or `(batch, channels, time)` for "channels_first". With F bins,
    `fft_length // 2 + 1`, and T frames, the output is `(batch, T, channels * F)`, or
    `(batch, channels * F, T)`; with `expand_dims` an image `(batch, T, F, channels)`, or
    `(batch, channels, T, F)`. The basis of the transform is a weight: `trainable=False` keeps it.

    Args:
        mode: "magnitude"; "log", its natural logarithm; "psd", the power spectral density; "real",
            "imag" and "angle", the parts; "stft", both parts, one after the other along F.
        frame_length: number of samples per frame.
        frame_step: number of samples from one frame to the next; half a frame if None.
        fft_length: number of samples of the transform, at least `frame_length`; the next power of
            two if None.
        window: name of a window of `scipy.signal.get_window`, array of `frame_length` values, or
            None for a rectangular window.
        periodic: whether the window is periodic, rather than symmetric.
        scaling: divisor of the window: the root of its power, "density"; its sum, "spectrum"; or
            None.
        padding: "valid", whole frames alone, or "same".
        expand_dims: whether the output is an image.
        data_format: "channels_last" or "channels_first"; that of the process if None.

    Raises:
        ValueError: an argument is out of its range.

    Example:

        >>> layer = STFTSpectrogram(frame_length=4, window=None, scaling=None, mode="magnitude")
        >>> layer(np.array([[[1.0], [1.0], [1.0], [1.0]]])).round(2).tolist()
        [[[4.0, 0.0, 0.0]]]
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: str | Tensor | None = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[LayerSettings],
    ):
        super().__init__(**kwargs)
        self.mode = one_of(mode, _MODES, "mode")
        self.frame_length = positive_int(frame_length, "frame_length")
        self.frame_step = frame_step
        self._step = positive_int(frame_step or frame_length // 2 or 1, "frame_step")
        self.fft_length = fft_length
        self._length = fft_length or 2 ** math.ceil(math.log2(frame_length))
        if self._step > frame_length or self._length < frame_length or frame_step == 0:
            raise value_error(
                "frame_step must be from 1 to frame_length, and fft_length at least frame_length.",
                received=f"frame_length={frame_length}, frame_step={frame_step}, "
                f"fft_length={fft_length}",
            )
        if self._length & (self._length - 1):
            warn(f"fft_length={fft_length} is no power of two.")
        self.window = window
        self.periodic = periodic
        self.scaling = one_of(scaling, ("density", "spectrum", None), "scaling")
        self.padding = one_of(padding, ("valid", "same"), "padding")
        self.expand_dims = expand_dims
        self.data_format = channels_format(data_format)
        self.input_spec = InputSpec(ndim=3)
        for side in ("real", "imag"):
            initializers.STFT(side, window, scaling, periodic)  # refuses what is no window

    def build(self, input_shape: Shape) -> None:
        if self.mode != "imag":
            self.real_kernel = self._basis("real")
        if self.mode != "real":
            self.imag_kernel = self._basis("imag")

    def _basis(self, side: str) -> Variable:
        return self.add_weight(
            name=f"{side}_kernel",
            shape=(self.frame_length, 1, self._length // 2 + 1),
            initializer=initializers.STFT(side, self.window, self.scaling, self.periodic),
        )

    def call(self, inputs: Tensor) -> Tensor:
        dtype = self._precision(inputs)
        x = ops.cast(inputs, dtype)
        if self.data_format == "channels_last":
            x = ops.swapaxes(x, 1, 2)  # (batch, channels, time)
        channels = x.shape[1]
        x = ops.reshape(x, (-1, x.shape[2], 1))  # (batch * channels, time, 1)
        kernels = [] if self.mode == "imag" else [ops.cast(self.real_kernel, dtype)]
        kernels += [] if self.mode == "real" else [ops.cast(self.imag_kernel, dtype)]
        parts = ops.conv(
            x,
            ops.concatenate(kernels, axis=-1),
            strides=self._step,
            padding=self.padding,
            data_format="channels_last",
        )  # (batch * channels, frames, F or 2 F)
        spectrum = self._measured(parts)
        frames, bins = spectrum.shape[1:]
        spectrum = ops.reshape(spectrum, (-1, channels, frames, bins))
        return ops.cast(self._arranged(spectrum), self.compute_dtype)

    def _measured(self, parts: Tensor) -> Tensor:
        """What the mode asks for, of the real and imaginary parts along the last axis."""
        if self.mode in ("real", "imag", "stft"):
            return parts
        real, imaginary = ops.split(parts, 2, axis=-1)
        if self.mode == "angle":
            return ops.arctan2(imaginary, real)
        power = ops.square(real) + ops.square(imaginary)
        if self.mode == "psd":  # bins but the first and the last stand for two frequencies
            twice = ops.pad(power[..., 1:-1], [(0, 0), (0, 0), (1, 1)])
            return power + twice
        epsilon = settings.current.epsilon
        magnitude = ops.sqrt(ops.maximum(power, epsilon))
        return magnitude if self.mode == "magnitude" else ops.log(ops.maximum(magnitude, epsilon))

    def _arranged(self, spectrum: Tensor) -> Tensor:
        """From (batch, channels, frames, bins) to the axes of the output."""
        _, channels, frames, bins = spectrum.shape
        last = self.data_format == "channels_last"
        if self.expand_dims:
            return ops.transpose(spectrum, (0, 2, 3, 1)) if last else spectrum
        if last:
            spectrum = ops.transpose(spectrum, (0, 2, 1, 3))  # (batch, frames, channels, bins)
            return ops.reshape(spectrum, (-1, frames, channels * bins))
        spectrum = ops.transpose(spectrum, (0, 1, 3, 2))  # (batch, channels, bins, frames)
        return ops.reshape(spectrum, (-1, channels * bins, frames))


class MelSpectrogram(_Spectrogram):
    """Spectrogram in bands of the mel scale, which spreads frequencies as they are heard.

    Input `(time,)` or `(batch, time)`; output `(num_mel_bins, frames)` or `(batch, num_mel_bins,
    frames)`, with `1 + time // sequence_stride` frames. Decibels are relative to each sound's own
    maximum, whatever else is in the batch.

    Args:
        fft_length: number of samples of the Fourier transform.
        sequence_stride: number of samples from one frame to the next.
        sequence_length: number of samples per window; `fft_length` if None.
        window: "hann", "hamming", array of values, or None for a rectangular window.
        sampling_rate: number of samples per second.
        num_mel_bins: number of bands.
        min_freq: lower edge of the lowest band, in Hertz.
        max_freq: upper edge of the highest band, in Hertz; half the sampling rate if None.
        power_to_db: whether the output is in decibels, `10 * log10(power / ref_power)`.
        top_db: range of the decibels below a sound's maximum; the rest is raised to that.
        mag_exp: exponent of the magnitude: 1 for amplitude, 2 for power.
        min_power: lower bound of the power.
        ref_power: power of 0 decibels.

    Raises:
        ValueError: fft_length is less than sequence_length, or the bands have no width.

    Example:

        >>> layer = MelSpectrogram(fft_length=256, sequence_stride=128, num_mel_bins=16)
        >>> layer(np.zeros((2, 1600))).shape
        (2, 16, 13)
    """

    _weightless = True

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: str | Tensor | None = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Unpack[LayerSettings],
    ):
        super().__init__(**kwargs)
        self.fft_length = positive_int(fft_length, "fft_length")
        self.sequence_stride = positive_int(sequence_stride, "sequence_stride")
        self.sequence_length = positive_int(sequence_length or fft_length, "sequence_length")
        self.window = window
        self.sampling_rate = sampling_rate
        self.num_mel_bins = positive_int(num_mel_bins, "num_mel_bins")
        self.min_freq = min_freq
        self.max_freq = max_freq or int(sampling_rate / 2)
        self.power_to_db = power_to_db
        self.top_db = top_db
        self.mag_exp = mag_exp
        self.min_power = min_power
        self.ref_power = ref_power
        if self.fft_length < self.sequence_length:
            raise value_error(
                f"fft_length must be at least sequence_length, got {fft_length} and "
                f"{self.sequence_length}."
            )
        if not 0 <= self.min_freq < self.max_freq:
            raise value_error(
                f"min_freq must be >= 0 and less than max_freq, got {min_freq} and "
                f"{self.max_freq}.",
                fix="max_freq=sampling_rate / 2",
            )

    def call(self, inputs: Tensor) -> Tensor:
        if inputs.ndim not in (1, 2):
            raise value_error(
                f"MelSpectrogram '{self.name}' takes sounds (time,) or (batch, time).",
                shapes=f"inputs {tuple(inputs.shape)}",
                fix="one channel: x[..., 0]",
            )
        real, imaginary = ops.stft(
            ops.cast(inputs, self._precision(inputs)),
            self.sequence_length,
            self.sequence_stride,
            self.fft_length,
            self.window,
        )  # (..., frames, fft_length // 2 + 1)
        power = ops.square(real) + ops.square(imaginary)
        if self.mag_exp != 2:
            power = ops.power(power, self.mag_exp / 2)
        bands = self.linear_to_mel_weight_matrix(
            self.num_mel_bins,
            self.fft_length // 2 + 1,
            self.sampling_rate,
            self.min_freq,
            self.max_freq,
            str(power.dtype),
        )
        mel = ops.matmul(power, bands)  # (..., frames, num_mel_bins)
        if self.power_to_db:
            mel = self._decibels(mel)
        return ops.cast(ops.swapaxes(mel, -1, -2), self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        *batch, time = input_shape
        reach = self.fft_length // 2 * 2 - self.fft_length
        frames = None if time is None else 1 + (time + reach) // self.sequence_stride
        return (*batch, self.num_mel_bins, frames)

    def _decibels(self, power: Tensor) -> Tensor:
        reference = 10 * math.log10(max(abs(self.ref_power), self.min_power))
        decibels = 10 * ops.log10(ops.maximum(power, self.min_power)) - reference
        loudest = ops.max(decibels, axis=(-2, -1), keepdims=True)
        return ops.maximum(decibels, loudest - self.top_db)

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: float = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: DType = "float32",
    ) -> Tensor:
        """The matrix that takes a spectrogram to the mel scale: triangles of height 1.

        `mel(f) = 1127 * ln(1 + f / 700)`; the bin of frequency 0 counts nowhere, as in the Hidden
        Markov Model Toolkit.

        Args:
            num_mel_bins: number of bands.
            num_spectrogram_bins: number of frequencies of the spectrogram, from 0 to half the
                sampling rate.
            sampling_rate: number of samples per second.
            lower_edge_hertz: lower edge of the lowest band.
            upper_edge_hertz: upper edge of the highest band.
            dtype: dtype of the matrix.

        Returns:
            `(num_spectrogram_bins, num_mel_bins)`.
        """

        def mel(hertz: Any) -> Any:
            return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)

        places = mel(np.linspace(0, sampling_rate / 2, num_spectrogram_bins))[:, None]
        edges = np.linspace(mel(lower_edge_hertz), mel(upper_edge_hertz), num_mel_bins + 2)
        lower, center, upper = edges[:-2], edges[1:-1], edges[2:]
        rising = (places - lower) / (center - lower)
        falling = (upper - places) / (upper - center)
        bands = np.maximum(0, np.minimum(rising, falling))
        bands[0] = 0
        return ops.convert_to_tensor(bands, dtype)
