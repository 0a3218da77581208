"""Finds what was made here by its content: first by sound, then by pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from services.gateway.marks.picture_print import PicturePrint
from services.gateway.marks.sound_print import HOP_S, RATE, Samples, Words, fine_print

LIKELY_SPEEDS = (1.0,)
OTHER_SPEEDS = tuple(s / 100 for s in range(94, 107) if s != 100)
"""How much faster a copy may run than what was made: looked for first, and where nothing was found so."""
MOST_S = 60.0
"""Sound of a copy that is looked at, from its beginning."""
LEAST_FRAMES = 30
"""Words that must have been compared, silence left out: about two seconds of speech."""
MOST_WRONG = 0.3
"""Share of bits that may differ; of two sayings by one voice about half do."""
LEAST_SHARE = 0.5
"""Part of the copy's speech that must lie in what was made."""
ALIKE_BITS = 18
"""Of 64 bits of a picture's hash, those that may differ in the median."""
_CANDIDATES = 40
_LOCAL = 16
"""Words over which it is decided whether a stretch of the copy belongs to what was made: one second."""
_LOCAL_WRONG = 0.36


@dataclass(frozen=True)
class Print:
    """The stored fingerprints of one thing that was made."""

    made_id: str
    sound: Words
    pictures: PicturePrint


@dataclass(frozen=True)
class Match:
    """Something that was made here and the copy shows."""

    made_id: str
    wrong: float
    """Share of the sound's bits that differ."""
    share: float
    """Part of the copy's speech that was found."""
    speed: float
    offset_s: float
    """Where in what was made the copy begins; negative: the copy begins earlier."""
    pictures: bool | None
    """Whether the pictures are alike; None where the copy or what was made has none."""


@dataclass(frozen=True)
class _Query:
    """All words of the copy at all speeds, sorted, and where each stands."""

    speeds: tuple[float, ...]
    fine: list[npt.NDArray[np.uint32]]
    """For each speed (PHASES, n)."""
    words: npt.NDArray[np.uint32]
    speed: npt.NDArray[np.int32]
    phase: npt.NDArray[np.int32]
    position: npt.NDArray[np.int32]


def _query(samples: Samples, speeds: tuple[float, ...]) -> _Query:
    peak = float(np.abs(samples).max(initial=0.0))
    samples = samples[: round(MOST_S * RATE)] / max(peak, 1e-4)
    fine = []
    for speed in speeds:
        same = samples if speed == 1 else soxr.resample(samples, RATE, round(RATE * speed), quality="LQ")
        fine.append(fine_print(same.astype(np.float32)))
    shapes = [np.indices(f.shape, np.int32).reshape(2, -1) for f in fine]
    words = np.concatenate([f.reshape(-1) for f in fine])
    speed_of = np.concatenate([np.full(s.shape[1], k, np.int32) for k, s in enumerate(shapes)])
    places = np.concatenate(shapes, axis=1)
    order = np.argsort(words, kind="stable")
    return _Query(speeds, fine, words[order], speed_of[order], places[0][order], places[1][order])


def find(samples: Samples, pictures: PicturePrint, stored: Callable[[], Iterable[Print]]) -> list[Match]:
    """What was made here and is in the copy, best first. ``samples`` is the copy's sound at ``RATE``, mono."""
    if samples.size < RATE:
        return []
    found = _found(_query(samples, LIKELY_SPEEDS), pictures, stored())
    return found or _found(_query(samples, OTHER_SPEEDS), pictures, stored())


def _found(query: _Query, pictures: PicturePrint, stored: Iterable[Print]) -> list[Match]:
    candidates: list[tuple[int, int, int, Print]] = []
    for print_ in stored:
        candidates += [(*vote, print_) for vote in _votes(query, print_.sound)]
    candidates.sort(key=lambda c: -c[0])
    best: dict[str, Match] = {}
    for _, speed, offset, print_ in candidates[:_CANDIDATES]:
        match = _compared(query.fine[speed], offset, print_, pictures, query.speeds[speed])
        if match and (print_.made_id not in best or match.share > best[print_.made_id].share):
            best[print_.made_id] = match
    # of several with one sound, the one with the same pictures
    return sorted(best.values(), key=lambda m: (m.pictures is False, -m.share, m.wrong))


def _votes(query: _Query, sound: Words) -> list[tuple[int, int, int]]:
    """Votes, speed and offset (in words) of the likeliest places, by words that are the same to the bit."""
    first = np.searchsorted(query.words, sound, "left")
    last = np.searchsorted(query.words, sound, "right")
    hits = np.flatnonzero((last > first) & (sound != 0) & (last - first < 400))
    if not hits.size:
        return []
    counts = last[hits] - first[hits]
    at = np.repeat(first[hits] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) + np.arange(counts.sum())
    offsets = np.repeat(hits, counts) - query.position[at]
    keys = query.speed[at].astype(np.int64) << 32 | (offsets + (1 << 30))
    found, votes = np.unique(keys, return_counts=True)
    top = np.argsort(-votes, kind="stable")[:3]
    return [(int(votes[k]), int(found[k] >> 32), int(found[k] & 0xFFFFFFFF) - (1 << 30)) for k in top]


def _compared(
    fine: npt.NDArray[np.uint32], offset: int, print_: Print, pictures: PicturePrint, speed: float
) -> Match | None:
    """The match at a place and around it; None where it is none."""
    best: tuple[float, float, int] | None = None
    for row in fine:
        for shift in (offset - 1, offset, offset + 1):
            start, end = max(0, -shift), min(row.size, print_.sound.size - shift)
            if end - start < LEAST_FRAMES:
                continue
            ours, theirs = print_.sound[start + shift : end + shift], row[start:end]
            both = (ours != 0) & (theirs != 0)
            if both.sum() < LEAST_FRAMES:
                continue
            wrong = np.bitwise_count(ours ^ theirs)[both] / 32
            share = _share(wrong, int((row != 0).sum()))
            kept = float(np.mean(wrong))
            if best is None or (share, -kept) > (best[0], -best[1]):
                best = share, kept, shift
    if best is None or best[0] < LEAST_SHARE or best[1] > MOST_WRONG:
        return None
    offset_s = best[2] * HOP_S
    alike = _alike(pictures, print_.pictures, speed, offset_s)
    return Match(print_.made_id, best[1], best[0], speed, offset_s, alike)


def _share(wrong: npt.NDArray[np.float64], voiced: int) -> float:
    """Part of the copy's voiced words that lie in stretches which belong to what was made."""
    kernel = np.ones(min(_LOCAL, wrong.size))
    local = np.convolve(wrong, kernel, "same") / np.convolve(np.ones(wrong.size), kernel, "same")
    return float((local < _LOCAL_WRONG).sum() / max(1, voiced))


def _alike(copy: PicturePrint, made: PicturePrint, speed: float, offset_s: float) -> bool | None:
    """Whether the copy's pictures are like those made at about the same time."""
    if not copy.hashes.size or not made.hashes.size:
        return None
    at = copy.times_s * speed + offset_s
    near = np.abs(made.times_s[None] - at[:, None]) <= 2.1
    bits = np.bitwise_count(copy.hashes[:, None] ^ made.hashes[None]).astype(np.int32)
    least = np.where(near, bits, 64).min(1)
    inside = near.any(1)
    return bool(inside.any() and np.median(least[inside]) <= ALIKE_BITS)
