"""Pitch by autocorrelation (Boersma 1993): the frame's own autocorrelation over the window's, without a path search.

JoyGen's authors took pitch from Praat, whose licence (GPL) keeps it out of here. The measure is the same; Praat also
smooths its choices along time, so single rows differ (``docs/joygen.md`` says how many). Each row depends on nothing
but the sound around it and on how loud it has been so far, so a stream gives what a whole recording gives.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

RATE, HOP = 16000, 320
FLOOR_HZ, CEILING_HZ = 80.0, 750.0
WINDOW = round(3 / FLOOR_HZ * RATE)
"""Three periods of the lowest pitch: 600 samples. Row k looks at samples k * HOP … k * HOP + WINDOW."""
VOICED = 0.6
"""Least autocorrelation of a voiced row; 1 is perfectly periodic."""
SILENT = 0.03
"""Rows with a peak below this part of the loudest peak so far are unvoiced."""
OCTAVE_COST = 0.01
"""How much a candidate an octave higher is favoured."""

_FFT = 2048
_LOW, _HIGH = int(RATE / CEILING_HZ), int(np.ceil(RATE / FLOOR_HZ))
_HANN = np.hanning(WINDOW + 2)[1:-1]


def _autocorrelation(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    power = np.abs(np.fft.rfft(x, _FFT, axis=-1)) ** 2
    return np.asarray(np.fft.irfft(power, axis=-1)[..., : _HIGH + 2])


_WINDOW_R = _autocorrelation(_HANN)
_WINDOW_R = _WINDOW_R / _WINDOW_R[0]


def pitch(samples: Array, loudest: float = 0.0) -> tuple[Array, float]:
    """Pitch of each whole row in ``samples`` (16 kHz) in Hz, 0 where unvoiced, shape ((N - WINDOW) // HOP + 1,).

    ``loudest`` is the peak of what went before; the peak so far is given back.
    """
    count = (len(samples) - WINDOW) // HOP + 1
    if count < 1:
        return np.zeros(0, np.float32), loudest
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP][:count].astype(np.float64)
    frames = frames - frames.mean(1, keepdims=True)
    peaks = np.abs(frames).max(1)
    so_far = np.maximum.accumulate(np.maximum(peaks, loudest))
    r = _autocorrelation(frames * _HANN)
    r = r / np.maximum(r[:, :1], 1e-12) / _WINDOW_R
    inner = r[:, 1:-1]
    tops = (inner > r[:, :-2]) & (inner >= r[:, 2:])
    tops[:, : _LOW - 1] = False
    bend = r[:, :-2] - 2 * inner + r[:, 2:]
    shift = np.where(tops, (r[:, :-2] - r[:, 2:]) / np.where(tops, 2 * bend, 1.0), 0.0)
    lags = np.arange(1, r.shape[1] - 1) + shift
    heights = inner - 0.25 * (r[:, :-2] - r[:, 2:]) * shift
    scores = np.where(tops, heights - OCTAVE_COST * np.log2(FLOOR_HZ / RATE * np.maximum(lags, 1.0)), -np.inf)
    best = scores.argmax(1)
    at = np.arange(count)
    voiced = (scores[at, best] > VOICED) & (peaks > SILENT * so_far) & (peaks > 0)
    f0 = np.where(voiced, RATE / np.maximum(lags[at, best], 1.0), 0.0)
    return f0.astype(np.float32), float(so_far[-1])
