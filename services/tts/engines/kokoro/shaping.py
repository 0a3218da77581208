"""From the network's raw output to speech that joins well: exact phoneme spans, natural pauses, no clicks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.common.audio import Samples
from services.tts.engines.base import Span
from services.tts.engines.kokoro.text.ipa import SHORTHAND

LEAD_S = 0.0625
"""How much earlier a phoneme sounds than the network's lengths say; ``benchmarks/speech.py --offset`` finds 55 to 70 ms
over voices and languages."""
PAUSES_S = {"sentence": 0.34, "pause": 0.17, "word": 0.05}
"""Silence after a stretch, by what stands at its end."""
HEAD_S = 0.03
"""Silence kept before the first sound."""
_HOP_S = 0.005
_FADE_S = 0.005
_QUIET_DB = -42.0
"""Level under the loudest 5 ms at which speech is over."""
_SHORTEST_SILENCE_S = 0.04

_STRESS = "ˈˌ"
_TAILS = "ːʰʲᵝ̃→↗↘↓"
_PUNCTUATION = ',.!?;:…—"()“”'


def _gather(symbols: list[str]) -> list[tuple[str, int, int]]:
    """Phonemes with the range of symbols they take.

    A stress mark goes with what follows, tone and length with what went before. Punctuation and spaces come as ``,``
    and a space.
    """
    out: list[tuple[str, int, int]] = []
    begin = 0
    for i, c in enumerate(symbols):
        if c in _STRESS:
            continue
        if c in _TAILS and out and out[-1][0] not in ", ":
            out[-1] = (out[-1][0], out[-1][1], i + 1)
        else:
            kind = "," if c in _PUNCTUATION else " " if c == " " else SHORTHAND.get(c, c)
            if out and kind in ", " and out[-1][0] in ", ":
                out[-1] = ("," if "," in (kind, out[-1][0]) else " ", out[-1][1], i + 1)
            else:
                out.append((kind, begin, i + 1))
        begin = i + 1
    return out


def _quiet(samples: Samples, rate: int) -> npt.NDArray[np.bool_]:
    """For every 5 ms, whether it is silent."""
    hop = round(_HOP_S * rate)
    parts = samples[: samples.size // hop * hop].reshape(-1, hop).astype(np.float64)
    level = 10 * np.log10(np.maximum(1e-10, (parts**2).mean(axis=1)))
    mask: npt.NDArray[np.bool_] = level < max(-60.0, float(level.max(initial=-100.0)) + _QUIET_DB)
    return mask


def _silence_within(quiet: npt.NDArray[np.bool_], hop: int, start: int, end: int) -> tuple[int, int] | None:
    """The longest run of quiet between two samples, if it is long enough to be a pause."""
    best: tuple[int, int] | None = None
    run = 0
    first, last = max(0, start // hop), min(quiet.size, -(-end // hop))
    for i in range(first, last + 1):
        if i < last and quiet[i]:
            run += 1
            continue
        if run * hop >= hop * _SHORTEST_SILENCE_S / _HOP_S and (best is None or run * hop > best[1] - best[0]):
            best = ((i - run) * hop, i * hop)
        run = 0
    return best


def shape(
    samples: Samples, lengths: npt.NDArray[np.int64], symbols: list[str], rate: int, end: str, speed: float, gain: float
) -> tuple[Samples, list[Span]]:
    """Trim, join-proof and align one stretch.

    ``lengths`` as ``KokoroModel.run`` gives them; ``end`` is a key of ``PAUSES_S``; ``gain`` is linear. Returns the
    samples and spans that cover them without gaps, beginning and ending with silence.
    """
    hop = round(_HOP_S * rate)
    quiet = _quiet(samples, rate)
    loud = np.flatnonzero(~quiet)
    if not loud.size:
        n = round(PAUSES_S[end] * rate)
        return np.zeros(n, np.float32), [Span("", 0, n)]
    sound_start, sound_end = int(loud[0]) * hop, min(samples.size, (int(loud[-1]) + 1) * hop)

    bounds = np.concatenate([[0], np.cumsum(lengths)]) - round(LEAD_S * rate)
    phonemes = [(p, int(bounds[a + 1]), int(bounds[b + 1])) for p, a, b in _gather(symbols)]
    spans = _close_gaps(phonemes, quiet, hop, sound_start, sound_end)

    head, tail = round(HEAD_S * rate), round(PAUSES_S[end] * rate / speed) - round(HEAD_S * rate)
    first = max(0, sound_start - head)
    last = min(samples.size, sound_end + max(hop, tail))
    out = samples[first:last] * np.float32(gain)
    fade = min(round(_FADE_S * rate), sound_start - first, last - sound_end)
    if fade > 0:
        ramp = np.linspace(0, 1, fade, dtype=np.float32)
        out[:fade] *= ramp
        out[-fade:] *= ramp[::-1]
    missing = sound_end + max(hop, tail) - last
    out = np.concatenate([out, np.zeros(max(0, missing), np.float32)])
    moved = [Span("", 0, sound_start - first)] if sound_start > first else []
    moved += [Span(s.phoneme, s.start - first, s.end - first) for s in spans]
    moved.append(Span("", sound_end - first, out.size))
    return limit(out), moved


def _close_gaps(
    phonemes: list[tuple[str, int, int]], quiet: npt.NDArray[np.bool_], hop: int, start: int, end: int
) -> list[Span]:
    """Spans from ``start`` to ``end``.

    Pauses at punctuation become silence where it is silent; what is left of gaps goes to the neighbours, half each.
    """
    cuts: list[tuple[str, int, int]] = []
    for i, (phoneme, a, b) in enumerate(phonemes):
        if phoneme not in (",", " "):
            cuts.append((phoneme, a, b))
            continue
        if not cuts or i + 1 == len(phonemes):
            continue
        before, after = cuts[-1], phonemes[i + 1]
        # look into half of each neighbour too: a pause often begins within the last phoneme's own length
        found = (
            _silence_within(quiet, hop, (before[1] + before[2]) // 2, (after[1] + after[2]) // 2)
            if phoneme == ","
            else None
        )
        middle = found or ((a + b) // 2, (a + b) // 2)
        cuts[-1] = (before[0], before[1], middle[0])
        if found:
            cuts.append(("", *found))
        phonemes[i + 1] = (after[0], middle[1], after[2])
    spans: list[Span] = []
    place = start
    for k, (phoneme, _, b) in enumerate(cuts):
        # no phoneme is lost: one that the lengths put before the first sound gets its first 10 ms
        stop = end if k + 1 == len(cuts) else min(end, max(b, place + 2 * hop))
        if stop > place:
            spans.append(Span(phoneme, place, stop))
            place = stop
    return spans


def limit(samples: Samples, ceiling: float = 0.95, knee: float = 0.8) -> Samples:
    """Bend peaks over ``knee`` so that none passes ``ceiling``; quieter samples stay as they are."""
    over = np.abs(samples) > knee
    if not over.any():
        return samples
    room = ceiling - knee
    out = samples.copy()
    out[over] = np.sign(samples[over]) * (knee + room * np.tanh((np.abs(samples[over]) - knee) / room))
    return out
