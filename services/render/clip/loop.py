"""The order in which source frames are shown: there and back again, slowing down to turn, so that nothing jumps."""

from __future__ import annotations

import math

import numpy as np

from services.render.face.shape import Array

EASE = 6.0
"""Frames over which the motion slows before a turn and quickens after it."""
IDLE_S = (5.0, 10.0)
"""Shortest and longest idle loop."""
AWAKE = 0.6
"""Share of the loop in which the eyes are less open than in its first picture."""


def _run(a: int, b: int, ease_in: bool) -> list[int]:
    """From ``a`` towards ``b`` (either way), slowing at ``b`` and, if ``ease_in``, quickening at ``a``."""
    sign = 1 if b >= a else -1
    length = abs(b - a)
    at, out = 0.0, []
    while at < length - 0.05:
        out.append(a + sign * round(at))
        room = min(length - at, at) if ease_in else length - at
        at += min(1.0, math.sqrt((room + 0.15) / EASE))
    return out


def there_and_back(first: int, last: int) -> list[int]:
    """One whole round over frames ``first`` to ``last``; neighbours, and the two ends, differ by one at most."""
    if first == last:
        return [first]
    return _run(first, last, True) + _run(last, first, True)


def idle_loop(fps: float, motion: Array, usable: Array, eyes: Array) -> list[int]:
    """Source frames of the idle loop, 5 to 10 s.

    ``motion`` (n,) is how fast the head moves, ``usable`` (n,) how well the mouth can be redrawn, and ``eyes`` (n,) how
    far the lids are apart. Turns are taken where the head is nearly still. The first picture stands for the person: it
    is the stillest with open eyes. A clip too short for one round in 5 s is gone over more than once.
    """
    frames = len(motion)
    longest = min(frames, int(IDLE_S[1] * fps / 2 - EASE * 2))
    shortest = max(1, min(longest, int(longest * 0.7)))
    best, cost = (0, frames - 1), math.inf
    for length in range(shortest, longest + 1, max(1, (longest - shortest) // 8)):
        for first in range(0, frames - length + 1, max(1, (frames - length) // 24)):
            last = first + length - 1
            bad = float((1 - usable[first : last + 1]).mean())
            c = float(motion[first] + motion[last]) + 20 * bad - 0.2 * length / longest
            if c < cost:
                best, cost = (first, last), c
    order = there_and_back(*best)
    seen = (eyes * (usable > 0))[order]  # without a face the neighbour's values stand, which seem still
    first = int(np.argmin(np.where(seen >= np.quantile(seen, AWAKE), motion[order], np.inf)))
    order = order[first:] + order[:first]
    return order * max(1, math.ceil(IDLE_S[0] * fps / len(order)))


class Path:
    """Endless order of source frames for one session."""

    def __init__(self, loop: list[int], frames: int, start: int, whole: bool) -> None:
        """``start`` is a position in ``loop``; with ``whole`` all source frames are shown, not only the loop's."""
        self._loop, self._frames, self._whole = loop, frames, whole
        self._at = start % len(loop)
        self._queue: list[int] = _run(loop[self._at], frames - 1, False) if whole else []
        self._forward = True

    def next(self) -> int:
        """The source frame to show now."""
        if not self._whole:
            frame = self._loop[self._at]
            self._at = (self._at + 1) % len(self._loop)
            return frame
        if not self._queue:
            if self._frames == 1:
                return 0
            a, b = (self._frames - 1, 0) if self._forward else (0, self._frames - 1)
            self._forward = not self._forward
            self._queue = _run(a, b, True)
        return self._queue.pop(0)


def positions(loop: list[int], frames: int, traits: Array) -> list[int]:
    """For every source frame the loop position that looks most like it; ``traits`` (n, k) say what they look like."""
    shown = np.array(loop)
    unique, where = np.unique(shown, return_index=True)
    out = []
    for i in range(frames):
        d = ((traits[unique] - traits[i]) ** 2).sum(1) + 1e-4 * np.abs(unique - i)
        out.append(int(where[int(np.argmin(d))]))
    return out
