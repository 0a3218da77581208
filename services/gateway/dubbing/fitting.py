"""How translated sentences fit into a film: how many characters one may have, how fast it is spoken, when it begins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from services.common.errors import HuashengError
from services.gateway.dubbing.table import Fit, Line

SLOWEST, FASTEST = 0.85, 1.15
MOST_PAUSE_S = 2.0
"""So much of the pause after a sentence may be spoken into."""
GAP_S = 0.05
"""Between two sentences that follow each other at once."""
LEAST_CHARS = 4
PACES = {"zh": 4.6, "yue": 4.6, "ja": 7.5, "ko": 6.5}
"""Characters that are spoken in a second, until a voice has been measured."""
OTHER_PACE = 14.5


def set_slots(lines: Sequence[Line], duration_s: float) -> None:
    """How long each sentence may take, in a film of that length."""
    for k, line in enumerate(lines):
        until = lines[k + 1].start_s if k + 1 < len(lines) else duration_s
        line.slot_s = line.own_s + min(max(until - line.end_s, 0.0), MOST_PAUSE_S)


def usual_pace(language: str) -> float:
    """Characters in a second of speech in a language (BCP 47)."""
    return PACES.get(language.split("-")[0].lower(), OTHER_PACE)


def budget(slot_s: float, pace: float) -> int:
    """Most characters of a translation that fits, at ``pace`` characters a second."""
    return max(LEAST_CHARS, math.floor(slot_s * pace))


def speed_of(spoken_s: float, own_s: float, slot_s: float) -> tuple[float, Fit]:
    """How fast a translation is spoken that takes ``spoken_s`` at speed 1, in hundredths, and how it then fits."""
    if spoken_s > slot_s:
        wanted = math.ceil(spoken_s / slot_s * 100 - 1e-6) / 100
        return (wanted, "fast") if wanted <= FASTEST else (FASTEST, "long")
    if spoken_s < SLOWEST * own_s:
        return max(SLOWEST, math.ceil(spoken_s / own_s * 100 - 1e-6) / 100), "fits"
    return 1.0, "fits"


@dataclass(frozen=True)
class Timed:
    """A sentence that is spoken: when it should begin, and how long it takes."""

    line: Line
    length_s: float


def placed(spoken: Sequence[Timed], duration_s: float) -> list[float]:
    """When each sentence begins, in seconds.

    One that is too long begins earlier, up to the end of the one before; what it then still takes pushes the ones after
    it, as far as the pauses between them allow. At the end of the film the last ones begin earlier, in the same way.
    Raises ``dubbing-too-long`` with the number of the sentence that is longest for its time.
    """
    starts: list[float] = []
    before = -GAP_S
    for k, one in enumerate(spoken):
        start = max(one.line.start_s, before + GAP_S)
        until = spoken[k + 1].line.start_s - GAP_S if k + 1 < len(spoken) else duration_s
        if (over := start + one.length_s - until) > 0:
            start = max(start - over, before + GAP_S, 0.0)
        starts.append(start)
        before = start + one.length_s
    latest = duration_s
    for k in range(len(spoken) - 1, -1, -1):
        starts[k] = min(starts[k], latest - spoken[k].length_s)
        latest = starts[k] - GAP_S
    if starts and starts[0] < -1e-6:
        worst = max(spoken, key=lambda s: s.length_s - s.line.slot_s)
        raise HuashengError("dubbing-too-long", sentence=worst.line.index + 1, seconds=f"{-starts[0]:.1f}")
    return [max(s, 0.0) for s in starts]
