"""Visemes to a smooth mouth track: neighbouring visemes blend, lips meet in closures, and silence is still.

Time is in seconds of the audio. The mouth at a time depends only on visemes within ``VISEME_REACH_S`` of it. So a track
computed piece by piece equals one computed at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import numpy as np
import numpy.typing as npt

from services.render.engines.atlas.mouth.correction import Correction
from services.render.engines.atlas.mouth.visemes import (
    LABIODENTAL,
    MIN_REST_US,
    PARTED_PAUSE_US,
    PAUSE,
    REST,
    TimedViseme,
)

Array = npt.NDArray[np.float32]
"""Mouth tracks have shape (n, 2): opening (0 closed, 1 wide) and width (-1 rounded, 1 spread)."""

CLOSURE_DEPTH = 0.3
"""Negative opening in a closure; it keeps the lips together for a moment."""
LEAD_S = 0.06
"""How far the mouth is ahead of the sound."""
SPREAD_OPENING = 0.3
"""Opening that full spreading adds and full rounding removes: a smile shows teeth, a pout hides them."""
MIN_SPEECH_OPENING = 0.08
"""Smallest opening during speech, closures excepted."""
VISEME_REACH_S = 0.3
"""Time over which a viseme influences the mouth, before and after it."""
DECAY_S = 0.055
"""Decay time of that influence."""
CLOSURE_DECAY_S = 0.045
"""Time in which lips part after a closure."""


def mouth_at(
    visemes: Sequence[TimedViseme], times: npt.NDArray[np.float64], correction: Correction | None = None
) -> Array:
    """Opening and width at audio times (n,), n >= 1, in seconds. The mouth rests where none of the ordered visemes is
    near.

    A person's ``correction`` applies between rest and closures; it does not change these.
    """
    mouth_times = times + LEAD_S
    nearby = _near(visemes, mouth_times)
    total = np.full(len(mouth_times), 1e-3)
    speech_weight = np.zeros(len(mouth_times))
    shape = np.zeros((len(mouth_times), 2))
    for part in (part for viseme in nearby for part in _split_pause(viseme)):
        start, end = part.start_us / 1e6, part.end_us / 1e6
        outside = np.maximum(0, np.maximum(start - mouth_times, mouth_times - end))
        hold = part.viseme.hold
        if part.viseme is REST and part.end_us - part.start_us < MIN_REST_US:
            hold = 0.1
        weight = hold * np.exp(-outside / DECAY_S) * (outside < VISEME_REACH_S)
        total += weight
        if part.viseme is not REST:
            speech_weight += weight
        shape += weight[:, None] * (part.viseme.opening, part.viseme.width)
    if visemes and visemes[-1].after_speech:  # what follows is unknown: rest
        total += 1 - np.exp(-np.maximum(0, mouth_times - visemes[-1].end_us / 1e6) / DECAY_S)
    shape /= total[:, None]
    talking = np.clip(2 * np.abs(shape).sum(1), 0, 1)
    opening, width = np.maximum(shape[:, 0] + SPREAD_OPENING * shape[:, 1], MIN_SPEECH_OPENING * talking), shape[:, 1]
    if correction is not None:
        general = np.stack([opening, width], 1).astype(np.float32)
        opening, width = (general + (speech_weight / total)[:, None] * (correction.apply(general) - general)).T
        opening = np.maximum(opening, MIN_SPEECH_OPENING * talking)
    return _with_closures(np.stack([opening, width], 1), nearby, mouth_times)


def _split_pause(viseme: TimedViseme) -> list[TimedViseme]:
    """The viseme itself, or the two parts of a pause: at first the lips stay parted."""
    parted_until = viseme.start_us + PARTED_PAUSE_US
    if not viseme.after_speech or viseme.end_us - viseme.start_us < MIN_REST_US:
        return [viseme]
    pause = TimedViseme(PAUSE, viseme.start_us, min(parted_until, viseme.end_us))
    return [pause, TimedViseme(REST, parted_until, viseme.end_us)] if viseme.end_us > parted_until else [pause]


def with_closures(mouths: Array, visemes: Sequence[TimedViseme], times: npt.NDArray[np.float64]) -> Array:
    """Mouths (n, 2) from another source, with the lips closed where visemes close them."""
    mouth_times = times + LEAD_S
    return _with_closures(mouths, _near(visemes, mouth_times), mouth_times)


def labiodental_at(visemes: Sequence[TimedViseme], time_s: float) -> float:
    """How far the lower lip is under the upper teeth at an audio time, as in f and v, 0 to 1."""
    mouth_time = time_s + LEAD_S
    labiodentals = [v for v in _near(visemes, np.array([mouth_time])) if v.viseme is LABIODENTAL]
    distances = [max(0.0, v.start_us / 1e6 - mouth_time, mouth_time - v.end_us / 1e6) for v in labiodentals]
    return max((float(np.exp(-((a / CLOSURE_DECAY_S) ** 2))) for a in distances), default=0.0)


def _near(visemes: Sequence[TimedViseme], t: npt.NDArray[np.float64]) -> list[TimedViseme]:
    begun = takewhile(lambda viseme: viseme.start_us / 1e6 < t.max() + VISEME_REACH_S, visemes)
    return [viseme for viseme in begun if viseme.end_us / 1e6 > t.min() - VISEME_REACH_S]


def _with_closures(
    mouths: npt.NDArray[np.floating[Any]], nearby: list[TimedViseme], t: npt.NDArray[np.float64]
) -> Array:
    parted = np.ones(len(t))
    for viseme in nearby:
        if viseme.closes:
            start, end = viseme.start_us / 1e6, viseme.end_us / 1e6
            # the lips meet around the middle of the sound, even if it is very short
            distance = np.maximum(0, np.abs(t - (start + end) / 2) - max(0.02, (end - start) / 2 - 0.01))
            parted *= 1 - np.exp(-((distance / CLOSURE_DECAY_S) ** 2))
    opening = mouths[:, 0] * parted - CLOSURE_DEPTH * (1 - parted)
    return np.stack([opening, mouths[:, 1]], 1).astype(np.float32)
