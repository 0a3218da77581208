"""Pitch by autocorrelation (Boersma 1993): each row's autocorrelation over that of the window, then the best path in
time.

JoyGen's authors used Praat, whose licence (GPL) rules it out here. The measure and its costs are those of the paper;
``docs/joygen.md`` gives the deviation from Praat.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

SAMPLE_RATE_HZ, HOP = 16000, 320
FLOOR_HZ, CEILING_HZ = 80.0, 750.0
WINDOW = round(3 / FLOOR_HZ * SAMPLE_RATE_HZ)
"""Three periods of the lowest pitch: 600 samples. Row k covers samples k * HOP … k * HOP + WINDOW."""
VOICING_THRESHOLD = 0.6
"""Least autocorrelation of a voiced row; 1 is perfectly periodic."""
SILENCE_THRESHOLD = 0.03
"""Rows with a peak well below this part of the loudest peak so far are unvoiced."""
OCTAVE_COST = 0.01
"""How much a candidate an octave higher is favoured."""
JUMP_COST, CHANGE_COST = 0.35, 0.14
"""Costs of a jump by an octave and of a change between voiced and unvoiced, for rows 10 ms apart."""
CANDIDATES = 15

_FFT = 2048
_LOW, _HIGH = int(SAMPLE_RATE_HZ / CEILING_HZ), int(np.ceil(SAMPLE_RATE_HZ / FLOOR_HZ))
_HANN = np.hanning(WINDOW + 2)[1:-1]


def _autocorrelation(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    power = np.abs(np.fft.rfft(x, _FFT, axis=-1)) ** 2
    return np.asarray(np.fft.irfft(power, axis=-1)[..., : _HIGH + 2])


_WINDOW_R = _autocorrelation(_HANN)
_WINDOW_R = _WINDOW_R / _WINDOW_R[0]


def estimate_pitch(samples: Array, loudest: float = 0.0) -> tuple[Array, float]:
    """Pitch of each whole row in ``samples`` (16 kHz) in Hz, 0 where unvoiced, shape ((N - WINDOW) // HOP + 1,).

    ``loudest`` is the peak of earlier samples; the peak so far is returned.
    """
    count = (len(samples) - WINDOW) // HOP + 1
    if count < 1:
        return np.zeros(0, np.float32), loudest
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP][:count].astype(np.float64)
    frames = frames - frames.mean(1, keepdims=True)
    peaks = np.abs(frames).max(1)
    so_far = np.maximum.accumulate(np.maximum(peaks, loudest))
    hz, strength = _candidates(frames)
    loudness = peaks / np.maximum(so_far, 1e-12)
    strength[:, 0] = VOICING_THRESHOLD + np.maximum(0, 2 - loudness / (SILENCE_THRESHOLD / (1 + VOICING_THRESHOLD)))
    strength[peaks == 0, 1:] = -np.inf
    return _viterbi_path(hz, strength).astype(np.float32), float(so_far[-1])


def estimate_recording_pitch(samples: Array, rows: int) -> Array:
    """Pitch of a whole recording as upstream takes it, (rows,): on Praat's times, which are centred in the recording.

    Upstream counts rows of 512 samples. Rows after the last pitch repeat its value; later ones are 0.
    """
    spare = len(samples) - WINDOW
    values = estimate_pitch(samples[spare % HOP // 2 :])[0] if spare >= 0 else np.zeros(0, np.float32)
    held_rows = (len(samples) - 512) // HOP + 1
    values = np.pad(values, (0, max(0, held_rows - len(values))), mode="edge") if len(values) else values
    return np.pad(values[:rows], (0, max(0, rows - len(values))))


def _candidates(frames: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Pitches and their strengths, (rows, 1 + CANDIDATES) each; the first one is 0 Hz, unvoiced, of no strength yet."""
    correlation = _autocorrelation(frames * _HANN)
    correlation = correlation / np.maximum(correlation[:, :1], 1e-12) / _WINDOW_R
    centre_values = correlation[:, 1:-1]
    peaks = (
        (centre_values > correlation[:, :-2])
        & (centre_values >= correlation[:, 2:])
        & (centre_values > 0.5 * VOICING_THRESHOLD)
    )
    peaks[:, : _LOW - 1] = False
    curvature = correlation[:, :-2] - 2 * centre_values + correlation[:, 2:]
    shift = np.where(peaks, (correlation[:, :-2] - correlation[:, 2:]) / np.where(peaks, 2 * curvature, 1.0), 0.0)
    lags = np.arange(1, correlation.shape[1] - 1) + shift
    heights = centre_values - 0.25 * (correlation[:, :-2] - correlation[:, 2:]) * shift
    scores = np.where(
        peaks, heights - OCTAVE_COST * np.log2(FLOOR_HZ / SAMPLE_RATE_HZ * np.maximum(lags, 1.0)), -np.inf
    )
    best = np.argsort(-scores, axis=1)[:, :CANDIDATES]
    hz = np.pad(SAMPLE_RATE_HZ / np.take_along_axis(np.maximum(lags, 1.0), best, 1), ((0, 0), (1, 0)))
    return hz, np.pad(np.take_along_axis(scores, best, 1), ((0, 0), (1, 0)))


def _viterbi_path(hz: npt.NDArray[np.float64], strength: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The best path through the candidates under jump costs (Viterbi)."""
    scale = 0.01 / (HOP / SAMPLE_RATE_HZ)
    octaves = np.log2(np.where(hz > 0, hz, 1.0))
    total, predecessor = strength[0], np.zeros(hz.shape, np.int64)
    for i in range(1, len(hz)):
        jump = JUMP_COST * np.abs(octaves[i - 1][:, None] - octaves[i])
        voiced = (hz[i - 1] > 0)[:, None], hz[i] > 0
        cost = np.where(voiced[0] & voiced[1], jump, np.where(voiced[0] ^ voiced[1], CHANGE_COST, 0.0))
        scores = total[:, None] - scale * cost
        predecessor[i] = scores.argmax(0)
        total = scores.max(0) + strength[i]
    best = int(total.argmax())
    path = np.zeros(len(hz))
    for i in range(len(hz) - 1, -1, -1):
        path[i] = hz[i, best]
        best = predecessor[i, best]
    return path
