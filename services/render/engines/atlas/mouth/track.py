"""Visemes to a smooth mouth track: neighbours run into each other, lips meet where they must, silence is still.

Time is in seconds of the audio. What is drawn at a time depends on visemes within ``REACH_S`` of it only, so that a
track computed piece by piece equals one computed whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import numpy as np
import numpy.typing as npt

from services.render.engines.atlas.mouth.correction import Correction
from services.render.engines.atlas.mouth.visemes import BREATH_US, LABIODENTAL, PAUSE, PAUSE_US, REST, Timed

Array = npt.NDArray[np.float32]
"""Mouth tracks have shape (n, 2): opening (0 closed, 1 wide) and width (-1 rounded, 1 spread)."""

PRESSED = 0.3
"""How far under closed the lips go in a closure; keeps them together for a moment."""
LEAD_S = 0.06
"""The mouth is ahead of the sound by about this."""
SPREAD_OPENS = 0.3
"""Opening that full spreading adds and full rounding takes: a smile bares teeth, a pout hides them."""
PARTED = 0.08
"""Least opening while something is said, but for closures."""
REACH_S = 0.3
"""How far a viseme can be felt."""
SPREAD_S = 0.055
"""How fast its influence falls off beyond its own time."""
CLOSE_S = 0.045
"""How fast lips part again after a closure."""


def mouth_at(visemes: Sequence[Timed], times: npt.NDArray[np.float64], correction: Correction | None = None) -> Array:
    """Opening and width at audio times (n,), n >= 1, in seconds; at rest where none of the ordered visemes is near.

    A person's ``correction`` changes what is between rest and closures, not these.
    """
    t = times + LEAD_S
    near = _near(visemes, t)
    total = np.full(len(t), 1e-3)
    spoken = np.zeros(len(t))
    shape = np.zeros((len(t), 2))
    for v in (part for seen in near for part in _parts(seen)):
        start, end = v.start_us / 1e6, v.end_us / 1e6
        outside = np.maximum(0, np.maximum(start - t, t - end))
        hold = v.viseme.hold
        if v.viseme is REST and v.end_us - v.start_us < BREATH_US:
            hold = 0.1
        weight = hold * np.exp(-outside / SPREAD_S) * (outside < REACH_S)
        total += weight
        if v.viseme is not REST:
            spoken += weight
        shape += weight[:, None] * (v.viseme.opening, v.viseme.width)
    if visemes and visemes[-1].after_speech:  # nothing is told of what follows: rest
        total += 1 - np.exp(-np.maximum(0, t - visemes[-1].end_us / 1e6) / SPREAD_S)
    shape /= total[:, None]
    talking = np.clip(2 * np.abs(shape).sum(1), 0, 1)
    opening, width = np.maximum(shape[:, 0] + SPREAD_OPENS * shape[:, 1], PARTED * talking), shape[:, 1]
    if correction is not None:
        general = np.stack([opening, width], 1).astype(np.float32)
        opening, width = (general + (spoken / total)[:, None] * (correction.of(general) - general)).T
        opening = np.maximum(opening, PARTED * talking)
    return _met(np.stack([opening, width], 1), near, t)


def _parts(v: Timed) -> list[Timed]:
    """A viseme, or what a pause is made of: lips stay parted at first."""
    parted = v.start_us + PAUSE_US
    if not v.after_speech or v.end_us - v.start_us < BREATH_US:
        return [v]
    pause = Timed(PAUSE, v.start_us, min(parted, v.end_us))
    return [pause, Timed(REST, parted, v.end_us)] if v.end_us > parted else [pause]


def met(mouths: Array, visemes: Sequence[Timed], times: npt.NDArray[np.float64]) -> Array:
    """Mouths (n, 2) that were told otherwise, with lips that meet where visemes close them."""
    t = times + LEAD_S
    return _met(mouths, _near(visemes, t), t)


def tucked_at(visemes: Sequence[Timed], time_s: float) -> float:
    """How far the lower lip is under the upper teeth at an audio time, as in f and v, 0 to 1."""
    t = time_s + LEAD_S
    near = [v for v in _near(visemes, np.array([t])) if v.viseme is LABIODENTAL]
    apart = [max(0.0, v.start_us / 1e6 - t, t - v.end_us / 1e6) for v in near]
    return max((float(np.exp(-((a / CLOSE_S) ** 2))) for a in apart), default=0.0)


def _near(visemes: Sequence[Timed], t: npt.NDArray[np.float64]) -> list[Timed]:
    known = takewhile(lambda v: v.start_us / 1e6 < t.max() + REACH_S, visemes)
    return [v for v in known if v.end_us / 1e6 > t.min() - REACH_S]


def _met(mouths: npt.NDArray[np.floating[Any]], near: list[Timed], t: npt.NDArray[np.float64]) -> Array:
    lips = np.ones(len(t))
    for v in near:
        if v.closes:
            start, end = v.start_us / 1e6, v.end_us / 1e6
            # the lips are together in the middle of the sound and near it, however short it is
            apart = np.maximum(0, np.abs(t - (start + end) / 2) - max(0.02, (end - start) / 2 - 0.01))
            lips *= 1 - np.exp(-((apart / CLOSE_S) ** 2))
    opening = mouths[:, 0] * lips - PRESSED * (1 - lips)
    return np.stack([opening, mouths[:, 1]], 1).astype(np.float32)
