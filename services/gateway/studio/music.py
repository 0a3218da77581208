"""Music beneath speech: repeated without a seam, and lower where somebody speaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from services.common.errors import HuashengError
from services.common.media.sound import layout_pieces
from services.gateway.studio.loudness import LAYOUTS, Sound

HOPS = 100
"""Values of activity and ducking in a second."""
LOOK_AHEAD_S = 0.15
"""The music begins to go down this long before the speech, and is down when it begins."""
HOLD_S, RELEASE_S = 0.25, 0.6
"""It stays down for so long after a word, then comes back in so long: not between two words."""
CROSS_S = 1.0
_BELOW_SPEECH_DB, _QUIETEST_DBFS = 20.0, -60.0

Levels = npt.NDArray[np.float32]
"""Shape (hops,), dB."""


def looped(path: Path, name: str, rate_hz: int, channels: int) -> Iterator[Sound]:
    """A file again and again, without end; the last second of each time fades into the first of the next.

    Raises what opening it raises, and ``corrupt-media`` for one without sound.
    """
    tail: Sound = np.zeros((channels, 0), np.float32)
    while True:
        total = 0
        waiting: Sound = np.zeros((channels, 0), np.float32)
        for piece in layout_pieces(path, rate_hz, name, LAYOUTS[channels]):
            total += piece.shape[1]
            waiting = np.concatenate([waiting, piece], 1)
            if tail.shape[1]:
                if waiting.shape[1] < tail.shape[1]:
                    continue
                waiting, tail = _crossed(tail, waiting), tail[:, :0]
            if (ready := waiting.shape[1] - round(CROSS_S * rate_hz)) > 0:
                yield waiting[:, :ready]
                waiting = waiting[:, ready:]
        if total < 4:
            raise HuashengError("corrupt-media", name=name)
        keep = waiting.shape[1] - min(round(CROSS_S * rate_hz), total // 4)
        yield waiting[:, :keep]
        tail = waiting[:, keep:]


def _crossed(tail: Sound, head: Sound) -> Sound:
    """Equal power: music and its own beginning are not alike."""
    n = tail.shape[1]
    angle = (np.arange(n, dtype=np.float32) + 0.5) / n * (np.pi / 2)
    return np.concatenate([tail * np.cos(angle) + head[:, :n] * np.sin(angle), head[:, n:]], 1, dtype=np.float32)


def ducking(levels: Levels, speech_lufs: float | None, duck_db: float) -> Levels:
    """The music's gain in dB, 0 to ``-duck_db``, from the level of the speech (RMS in dBFS), both ``HOPS`` a second."""
    if not levels.size or speech_lufs is None or duck_db <= 0:
        return np.zeros(levels.size, np.float32)
    active = levels > max(speech_lufs - _BELOW_SPEECH_DB, _QUIETEST_DBFS)
    held = np.convolve(active, np.ones(round(HOLD_S * HOPS)))[: levels.size] > 0
    wanted = np.where(held, -duck_db, 0.0)
    up = _rising(wanted, duck_db / (RELEASE_S * HOPS))
    down = _rising(wanted[::-1], duck_db / (LOOK_AHEAD_S * HOPS))[::-1]
    return np.minimum(up, down).astype(np.float32)


def _rising(wanted: npt.NDArray[np.float64], step: float) -> npt.NDArray[np.float64]:
    """``wanted``, but rising by ``step`` at most from one value to the next."""
    slope = np.arange(wanted.size) * step
    return np.asarray(np.minimum.accumulate(wanted - slope) + slope)


def fades(start: int, n: int, total: int, fade_in: float, fade_out: float) -> Levels:
    """Gains (n,) of a stretch that begins at ``start`` of ``total``; ``fade_in`` and ``fade_out`` in samples.

    Fades that do not fit are shortened alike.
    """
    shorten = min(1.0, total / max(fade_in + fade_out, 1))
    at = np.arange(start, start + n) + 0.5
    begin = np.minimum(at / max(fade_in * shorten, 1), 1)
    end = np.minimum((total - at) / max(fade_out * shorten, 1), 1)
    return np.asarray(np.sin(np.clip(np.minimum(begin, end), 0, 1) * (np.pi / 2)), np.float32)
