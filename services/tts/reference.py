"""Makes the reference of a voice from a recording: trimmed, normalised in loudness, checked to be usable speech."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from services.common.audio import Samples, decode, require_sound
from services.common.errors import HuashengError
from services.tts.loudness import loudness_lufs

SAMPLE_RATE_HZ = 32000
"""Of the reference: what most GPT-SoVITS versions work at."""
SHORTEST_S = 3.0
"""GPT-SoVITS takes 3 to 10 s."""
EDGE_S = 0.15
"""Silence that stays at both ends."""
LOUDNESS = -20.0
"""LUFS of the reference; less where its peak would pass ``PEAK``."""
PEAK = 0.89
CLIPPED_PERCENT = 0.5
"""Flat tops, in percent of all samples. Clean recordings have none, broadcasts with a limiter 0.1, speech at twice full
level 2.5."""
LEAST_SNR_DB = 12.0
"""Speech over noise; recordings of news with room sound have 17, of quiet rooms over 40."""
NO_NOISE_DB = 99.0
VOICED = (0.2, 0.97)
"""Share of the loud frames with a pitch, for speech: noise has less, an instrument or hum more."""
LEAST_LEVELS_DB = 3.0
"""Speech rises and falls by syllables; its level's standard deviation is 6 to 12 dB."""
_DECODE_LIMIT_S = 60.0


@dataclass(frozen=True)
class Reference:
    """A clip that is fit for cloning, mono at ``SAMPLE_RATE_HZ``, and what was found in the recording."""

    samples: Samples
    snr_db: float
    loudness_lufs: float
    """Before it was normalised."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.samples.size / SAMPLE_RATE_HZ


def make_reference(source: Path | bytes, name: str, longest_s: float) -> Reference:
    """The reference in a recording. ``name`` is for messages.

    Raises ``too-short`` and ``too-long`` (after trimming), ``silent-audio``, ``voice-clipped``, ``voice-noisy``,
    ``no-speech``, and what ``decode`` raises.
    """
    x = decode(source, SAMPLE_RATE_HZ, name, _DECODE_LIMIT_S)
    require_sound(x, SAMPLE_RATE_HZ, name)
    db = _levels(x)
    loud = float(np.percentile(db, 90))
    floor = float(np.percentile(db, 5))
    x = _trimmed(x, db, loud)
    seconds = x.size / SAMPLE_RATE_HZ
    if seconds < SHORTEST_S:
        raise HuashengError("too-short", name=name, seconds=f"{seconds:.1f}", limit=f"{SHORTEST_S:g}")
    if seconds > longest_s:
        raise HuashengError("too-long", name=name, seconds=f"{seconds:.1f}", limit=f"{longest_s:g}")
    clipped = clipped_percent(x)
    if clipped > CLIPPED_PERCENT:
        raise HuashengError("voice-clipped", name=name, percent=f"{clipped:.1f}")
    snr = min(NO_NOISE_DB, loud - floor)
    if snr < LEAST_SNR_DB:
        raise HuashengError("voice-noisy", name=name, db=f"{snr:.0f}", limit=f"{LEAST_SNR_DB:g}")
    _require_speech(x, name)
    was = loudness_lufs(x, SAMPLE_RATE_HZ)
    gain = min(10 ** ((LOUDNESS - was) / 20), PEAK / float(np.abs(x).max()))
    return Reference((x * np.float32(gain)).astype(np.float32), round(snr, 1), round(was, 1))


def clipped_percent(x: Samples) -> float:
    """Samples in runs of three or more at one and the same extreme, in percent: tops that were cut off."""
    top = float(np.abs(x).max())
    at_top = np.abs(x) >= top * 0.999
    runs = at_top[:-2] & at_top[1:-1] & at_top[2:] & (np.sign(x[:-2]) == np.sign(x[2:]))
    return 100 * float(runs.mean())


def _levels(x: Samples) -> npt.NDArray[np.float64]:
    """dB of each 20 ms."""
    n = SAMPLE_RATE_HZ // 50
    frames = x[: x.size // n * n].reshape(-1, n).astype(np.float64)
    return np.asarray(10 * np.log10((frames**2).mean(axis=1) + 1e-12))


def _trimmed(x: Samples, db: npt.NDArray[np.float64], loud: float) -> Samples:
    """Without silence at its ends, but for ``EDGE_S``."""
    speech = np.flatnonzero(db > max(loud - 30, -55))
    edge = round(EDGE_S * SAMPLE_RATE_HZ)
    start = max(0, int(speech[0]) * SAMPLE_RATE_HZ // 50 - edge)
    return x[start : (int(speech[-1]) + 1) * SAMPLE_RATE_HZ // 50 + edge]


def _require_speech(x: Samples, name: str) -> None:
    """Raises ``no-speech`` for what has no pitch, nothing but pitch, or one level throughout.

    Pitch is found by the autocorrelation of 40 ms, divided by that of the window (Boersma 1993).
    """
    rate, n = SAMPLE_RATE_HZ // 2, 640
    low = x[::2]
    frames = np.lib.stride_tricks.sliding_window_view(low, n)[:: n // 2].astype(np.float64)
    frames = frames - frames.mean(axis=1, keepdims=True)
    db = 10 * np.log10((frames**2).mean(axis=1) + 1e-12)
    active = db > np.percentile(db, 90) - 30
    window = np.hanning(n)
    spectra = np.abs(np.fft.rfft(frames[active] * window, 2048)) ** 2
    lags = slice(rate // 400, rate // 70)
    own = np.fft.irfft(np.abs(np.fft.rfft(window, 2048)) ** 2)
    auto = np.fft.irfft(spectra)
    voiced = float(((auto[:, lags] / auto[:, :1] / (own[lags] / own[0])).max(axis=1) > 0.6).mean())
    if not VOICED[0] <= voiced <= VOICED[1] or float(db[active].std()) < LEAST_LEVELS_DB:
        raise HuashengError("no-speech", name=name)
