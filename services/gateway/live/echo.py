"""Tells the avatar's own voice, heard by the microphone, from the user's.

The log spectra of an echo follow those of the sound that was played, with a delay; those of another speaker do not
(measured: 0.93 against 0.43, docs/live.md). Words tell longer stretches apart.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import cache

import numpy as np
import numpy.typing as npt
from pypinyin import lazy_pinyin

from services.common.audio import Samples

RATE_HZ = 16_000
ECHO = 0.75
"""Correlation from which on it is an echo."""
ECHO_AT_ONCE = 0.85
"""The same where speech has just begun: little sound may be alike by chance, and to hold an answer does less harm."""
ALIKE = 0.4
"""Correlation from which on it may be one."""
REPEATED, REPEATED_ALIKE = 0.7, 0.5
"""Share of words that stand in what was said, from which on they are the avatar's own; where it sounded alike."""
MAX_DELAY_S = 0.5
"""Longest way from the client's player through the air to us."""
SHORTEST_S = 0.25
"""Sound that is compared at least."""
_FRAME, _HOP, _BANDS = 400, 160, 26


@cache
def _filters() -> npt.NDArray[np.float32]:
    """Triangles, evenly spaced in mel (O'Shaughnessy 1987) from 100 Hz to 7 kHz, shape (26, 257)."""
    mel = np.linspace(2595 * np.log10(1 + 100 / 700), 2595 * np.log10(1 + 7000 / 700), _BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    bins = np.fft.rfftfreq(512, 1 / RATE_HZ)
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(rise, fall)).astype(np.float32)


def log_spectra(x: Samples) -> npt.NDArray[np.float32]:
    """Log energies, shape (n, 26), one row each 10 ms; none for less than 25 ms."""
    if x.size < _FRAME:
        return np.zeros((0, _BANDS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(x, _FRAME)[::_HOP] * np.hanning(_FRAME).astype(np.float32)
    power = np.abs(np.fft.rfft(frames, 512, axis=1)) ** 2
    return np.asarray(np.log(power @ _filters().T + 1e-6), np.float32)


def correlation(microphone: Samples, played: Samples) -> float:
    """Highest correlation of the microphone's sound (16 kHz) with any stretch of what was played, -1 to 1."""
    # when little was played yet, only the last of the microphone's sound can be its echo
    longest = max(played.size - MAX_DELAY_S * RATE_HZ, SHORTEST_S * RATE_HZ)
    a, b = log_spectra(microphone[-round(longest) :]), log_spectra(played)
    n = len(a)
    if n < 10 or len(b) < n:
        return 0.0
    a = a - a.mean(axis=0)  # the room and the microphone colour the sound evenly
    size = np.linalg.norm(a)
    if size < 0.1 * n:
        return 0.0  # nothing that comes and goes
    best = 0.0
    for start in range(len(b) - n + 1):
        part = b[start : start + n]
        part = part - part.mean(axis=0)
        scale = size * np.linalg.norm(part)
        if scale > 0:
            best = max(best, float((a * part).sum() / scale))
    return best


def _syllables(text: str) -> list[str]:
    """Pinyin without tones of Chinese, words of other scripts: what a recogniser mixes up least."""
    found: list[str] = []
    for part in re.findall(r"[\u4e00-\u9fff]+|[^\W_\u4e00-\u9fff]+", text.lower()):
        found += lazy_pinyin(part) if "\u4e00" <= part[0] <= "\u9fff" else [part]
    return found


def share_repeated(words: str, spoken: str) -> float:
    """Share of the recognised words, 0 to 1, that stand in a text in their order, two or more side by side.

    0 for a single word, which proves nothing.
    """
    said, own = _syllables(words), _syllables(spoken)
    if len(said) < 2:
        return 0.0
    blocks = SequenceMatcher(None, own, said, autojunk=False).get_matching_blocks()
    return sum(b.size for b in blocks if b.size > 1) / len(said)
