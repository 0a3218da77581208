"""The order in which source frames are shown: there and back again, slowing down to turn, so that nothing jumps; or, of
a film, from the first to the last, which stays."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, cycle, islice, repeat

import numpy as np

from services.render.clip.plan import Plan
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


def idle_loop(fps: float, motion: Array, usable: Array, eyes: Array, first: int = 0) -> list[int]:
    """Source frames of the idle loop, 5 to 10 s. The arrays are of the frames from ``first`` on.

    ``motion`` (n,) is how fast the head moves, ``usable`` (n,) how well the mouth can be redrawn, and ``eyes`` (n,) how
    far the lids are apart. Turns are taken where the head is nearly still. The first picture stands for the person: it
    is the stillest with open eyes. A clip too short for one round in 5 s is shown more than once.
    """
    frames = len(motion)
    longest = min(frames, int(IDLE_S[1] * fps / 2 - EASE * 2))
    shortest = max(1, min(longest, int(longest * 0.7)))
    best, cost = (0, frames - 1), math.inf
    for length in range(shortest, longest + 1, max(1, (longest - shortest) // 8)):
        for start in range(0, frames - length + 1, max(1, (frames - length) // 24)):
            last = start + length - 1
            bad = float((1 - usable[start : last + 1]).mean())
            c = float(motion[start] + motion[last]) + 20 * bad - 0.2 * length / longest
            if c < cost:
                best, cost = (start, last), c
    order = there_and_back(*best)
    seen = (eyes * (usable > 0))[order]  # without a face the neighbour's values stand, which seem still
    begin = int(np.argmin(np.where(seen >= np.quantile(seen, AWAKE), motion[order], np.inf)))
    order = [first + i for i in order[begin:] + order[:begin]]
    return order * max(1, math.ceil(IDLE_S[0] * fps / len(order)))


@dataclass(frozen=True)
class Step:
    """One frame of a video: which source frame it shows, and where that lies in the idle loop."""

    source: int
    position: int


class LoopWalk:
    """The endless walk of one session along an avatar's frames. It can look ahead of what has been shown."""

    def __init__(self, plan: Plan, start_frame: int, whole: bool, at: int = 0) -> None:
        """``start_frame`` is a position in the loop, taken modulo its length; the walk begins ``at`` frames after it.

        With ``whole`` the walk leaves the loop and visits all source frames that are played; a frame's position is then
        the one that looks most like it. A film has one order, whatever is asked for; all its positions are 0.
        """
        self._plan, self._whole = plan, whole
        self._planned: deque[int] = deque()  # taken from the order and not shown yet
        if plan.is_film:
            self._order: Iterator[int] = chain(range(plan.frames), repeat(plan.frames - 1))
            self._end = 0
        else:
            self._order = _source_order(plan.loop, plan.span, start_frame, whole)
            self._end = start_frame % len(plan.loop)
        for _ in range(at):
            self.step()

    @property
    def end_frame(self) -> int:
        """Position in the loop that follows the last frame shown."""
        return self._end

    def upcoming(self, count: int) -> list[int]:
        """The next ``count`` source frames; they stay the next ones until ``step`` takes them."""
        while len(self._planned) < count:
            self._planned.append(next(self._order))
        return list(islice(self._planned, count))

    def step(self) -> Step:
        """Show the next source frame."""
        self.upcoming(1)
        source = self._planned.popleft()
        if self._plan.is_film:
            return Step(source, 0)
        position = self._plan.positions[source] if self._whole else self._end
        self._end = (position + 1) % len(self._plan.loop)
        return Step(source, position)


def _source_order(loop: list[int], span: tuple[int, int], start: int, whole: bool) -> Iterator[int]:
    """Source frames without end: round the loop, or, with ``whole``, to the end of ``span`` and then there and back."""
    first, last = span
    at = start % len(loop)
    if not whole:
        yield from cycle([*loop[at:], *loop[:at]])
    yield from _run(loop[at], last, False)
    if first == last:
        yield from repeat(first)
    while True:
        yield from _run(last, first, True)
        yield from _run(first, last, True)


def positions(loop: list[int], frames: int, traits: Array) -> list[int]:
    """For every source frame the loop position that looks most like it; ``traits`` (n, k) say what they look like."""
    shown = np.array(loop)
    unique, where = np.unique(shown, return_index=True)
    out = []
    for i in range(frames):
        d = ((traits[unique] - traits[i]) ** 2).sum(1) + 1e-4 * np.abs(unique - i)
        out.append(int(where[int(np.argmin(d))]))
    return out
