"""Recordings by the shape of their spectrum over time: mel-frequency cepstral coefficients and their changes.

S. Davis, P. Mermelstein, "Comparison of Parametric Representations for Monosyllabic Word Recognition", IEEE TASSP
28(4), 1980; differences over time: S. Furui, IEEE TASSP 34(1), 1986.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import gcd
from typing import TYPE_CHECKING

from capflow_assets.contract.embedding import Unreadable, normalise_rows

if TYPE_CHECKING:
    import numpy as np

RATE = 16_000
FRAME, HOP, FFT = 400, 160, 512  # 25 and 10 milliseconds
MELS, COEFFICIENTS, LIFTER = 40, 13, 22
MOST_SECONDS = 60
SEGMENTS = 3


def decode_sound(data: bytes) -> np.ndarray:
    """Decode the first minute of a WAV file: mono, 16,000 samples a second, from -1 to 1. Raises Unreadable."""
    import numpy as np
    from scipy.io import wavfile
    from scipy.signal import resample_poly

    if data[:4] not in (b"RIFF", b"RIFX", b"RF64"):
        raise Unreadable("no WAV file: other recordings are not decoded")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks that only players know
            rate, samples = wavfile.read(io.BytesIO(data))
    except Exception as error:  # on a broken file scipy fails in many ways, some of them its own bugs
        raise Unreadable(f"cannot be decoded ({type(error).__name__})") from None
    if not rate or not len(samples):
        raise Unreadable("no sound in it")
    heard = _from_minus_one_to_one(samples[: MOST_SECONDS * rate])
    mono = heard.mean(axis=1) if heard.ndim == 2 else heard
    if not np.isfinite(mono).all() or not mono.any():
        raise Unreadable("silent from beginning to end")
    common = gcd(RATE, rate)
    resampled: np.ndarray = resample_poly(mono, RATE // common, rate // common) if rate != RATE else mono
    return resampled.astype(np.float32)


@dataclass(frozen=True)
class Mfcc:
    """Means of 12 coefficients in each third of a recording, and the spread of them and of their changes overall."""

    dimensions: int = SEGMENTS * (COEFFICIENTS - 1) + 2 * COEFFICIENTS

    def encode(self, contents: Sequence[np.ndarray]) -> np.ndarray:
        """Return the vectors of sounds, of length 1; overall loudness does not count."""
        import numpy as np

        return normalise_rows(
            np.array([_summary(cepstra(samples)) for samples in contents]).reshape(-1, self.dimensions)
        )


def cepstra(samples: np.ndarray) -> np.ndarray:
    """Return 13 coefficients per 10 milliseconds: the cosine transform of the log energy in 40 mel bands."""
    import numpy as np
    from scipy.fft import dct

    emphasised = np.append(samples[0], samples[1:] - 0.97 * samples[:-1])
    padded = np.pad(emphasised, (0, max(0, FRAME - len(emphasised))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP] * np.hamming(FRAME)
    power = np.abs(np.fft.rfft(frames, FFT)) ** 2 / FFT
    energy = np.log(np.maximum(power @ _mel_bands(), 1e-10))
    lift = 1 + LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / LIFTER)
    found: np.ndarray = dct(energy, type=2, norm="ortho", axis=1)[:, :COEFFICIENTS] * lift
    return found


def _summary(coefficients: np.ndarray) -> np.ndarray:
    import numpy as np

    voiced = coefficients[_loud(coefficients)]
    thirds = [part if len(part) else voiced for part in np.array_split(voiced, SEGMENTS)]
    changes = np.gradient(voiced, axis=0) if len(voiced) > 1 else np.zeros_like(voiced)
    means = [part.mean(axis=0)[1:] for part in thirds]
    return np.concatenate([*means, voiced.std(axis=0), changes.std(axis=0)])


def _loud(coefficients: np.ndarray) -> slice:
    """Return the frames from the first to the last that is not silence: pauses around a word say nothing about it."""
    import numpy as np

    level = coefficients[:, 0]
    heard = np.flatnonzero(level >= level.max() - 0.5 * (level.max() - np.percentile(level, 5)))
    return slice(int(heard[0]), int(heard[-1]) + 1)


def _from_minus_one_to_one(samples: np.ndarray) -> np.ndarray:
    import numpy as np

    if samples.dtype.kind == "f":
        return samples.astype(np.float64)
    if samples.dtype == np.uint8:
        return (samples.astype(np.float64) - 128) / 128
    return samples.astype(np.float64) / np.iinfo(samples.dtype).max


@cache
def _mel_bands() -> np.ndarray:
    """Return triangular bands, evenly spaced in mel from 20 Hz to 7,600 Hz, as columns."""
    import numpy as np

    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (20.0, 7600.0))
    edges = 700 * (10 ** (np.linspace(low, high, MELS + 2) / 2595) - 1)
    hertz = np.fft.rfftfreq(FFT, 1 / RATE)[:, None]
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    bands: np.ndarray = np.maximum(0, np.minimum(rising, falling))
    return bands
