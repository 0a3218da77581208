"""Words over speech of which no phonemes are known: where it is silent nobody speaks, and pauses are at punctuation."""

from __future__ import annotations

import re
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from services.gateway.studio.types import Word

_STEP_S = 0.02
_QUIET_DB = -32.0
"""Level, under that of the loud parts, below which nobody speaks."""
SHORTEST_PAUSE_S = 0.16
_NEAR_S = 0.7
"""How far from where it is expected a pause may be that is taken for that of a comma."""
_LONG_S = 0.25
_STOP = re.compile(r"[。！？!?…;；]\W*$|\.\W*$")
_PAUSE = re.compile(r"[，。！？；：、,.!?;:…—]\W*$")

Stretch = tuple[float, float]
"""Begin and end in seconds."""


def voiced(pcm: Path, rate_hz: int, start_s: float, end_s: float) -> list[Stretch]:
    """Where somebody speaks between two times of a file of 16-bit mono PCM; all of it where that cannot be told."""
    step = max(1, round(_STEP_S * rate_hz))
    first, count = round(start_s * rate_hz), round((end_s - start_s) * rate_hz)
    with pcm.open("rb") as f:
        f.seek(2 * first)
        samples = np.frombuffer(f.read(2 * count)[: 2 * count // 2 * 2], "<i2").astype(np.float32)
    blocks = samples[: samples.size // step * step].reshape(-1, step)
    if len(blocks) < 3:
        return [(start_s, end_s)]
    level = 10 * np.log10(np.maximum((blocks**2).mean(axis=1), 1.0))
    loud = level > np.percentile(level, 95) + _QUIET_DB
    out: list[Stretch] = []
    for k in np.flatnonzero(loud):
        at = start_s + float(k) * step / rate_hz
        if out and at - out[-1][1] < SHORTEST_PAUSE_S:
            out[-1] = (out[-1][0], at + step / rate_hz)
        else:
            out.append((at, at + step / rate_hz))
    return [(a, min(b, end_s)) for a, b in out] or [(start_s, end_s)]


def paced(written: list[str], heavy: list[float], stretches: list[Stretch]) -> list[Word]:
    """Words shared out over stretches of speech by how heavy they are; a pause near a comma is that of the comma."""
    total = sum(b - a for a, b in stretches)
    ends = [total * e / sum(heavy) for e in accumulate(heavy)]  # on a clock that stands still in silence
    anchors = _anchors(written, ends, stretches)
    out: list[Word] = []
    for (k0, t0), (k1, t1) in pairwise([(0, 0.0), *anchors, (len(written), total)]):
        share = [0.0, *accumulate(heavy[k0:k1])]
        for k in range(k0, k1):
            a, b = (t0 + (t1 - t0) * s / share[-1] for s in (share[k - k0], share[k - k0 + 1]))
            out.append(Word(written[k], _real(a, stretches, is_end=False), _real(b, stretches, is_end=True)))
    return out


def _anchors(written: list[str], ends: list[float], stretches: list[Stretch]) -> list[tuple[int, float]]:
    """Pauses that are those of a comma: number of the word after it, and when, on the clock of speech alone."""
    commas = {k + 1: ends[k] for k in range(len(written) - 1) if _PAUSE.search(written[k])}
    lengths = [b - a for a, b in stretches]
    pauses = sorted(
        ((b[0] - a[1], at) for (a, b), at in zip(pairwise(stretches), accumulate(lengths), strict=False)), reverse=True
    )
    found: list[tuple[int, float]] = []
    for length, at in pauses:
        far = {k: abs(t - at) + _doubt(written[k - 1], length) for k, t in commas.items()}
        near = min(far, key=lambda k: far[k], default=None)
        if near is None or abs(commas[near] - at) > _NEAR_S:
            continue
        if all((k < near) == (t < at) for k, t in found):
            found.append((near, at))
            del commas[near]
    return sorted(found)


def _doubt(word: str, pause_s: float) -> float:
    """Seconds that a pause after a word counts as farther away: a long one is rather that of a full stop."""
    return _NEAR_S / 2 if pause_s > _LONG_S and not _STOP.search(word) else 0.0


def _real(clock: float, stretches: list[Stretch], is_end: bool) -> float:
    """The time of a time on the clock of speech alone; at a pause its begin where a word ends, else its end."""
    for a, b in stretches:
        if clock < b - a - 1e-6 or (is_end and clock <= b - a + 1e-6):
            return a + max(clock, 0.0)
        clock -= b - a
    return stretches[-1][1]
