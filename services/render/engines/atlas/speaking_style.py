"""How far this person opens and widens the mouth while talking, and so what a mouth track means for them.

Tracks come from visemes or from a model that has heard other voices. Their usual spread is known, the person's is seen
in the clip (no sound is needed): one is mapped to the other, so that means and spreads agree, and a wider mouth goes
with an opener one as much as it does with this person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.render.engines.atlas.face import Face
from services.render.face.shape import Array

USUAL = np.array([0.27, 0.0])
"""Mean opening and width of tracks while somebody talks: visemes of our own engine's speech, half Chinese and half
English. ``python -m tools.train_mouth --cache DIR --only usual`` prints this and the next."""
USUAL_SPREAD = np.array([[0.255, 0.0], [0.13, 0.28]])
"""Lower triangle whose product with its transpose is their covariance: opening, then width."""
PART = np.array([0.9, 0.75])
"""Spread that is drawn, as a part of the person's: what is heard is right in part only."""
SPREADS = np.array([[0.045, 0.025], [0.11, 0.08]])
"""Bounds of the spread taken for speech, in eye distances: a mumbler still speaks clearly, a shouter does not shout."""
ONSET = 0.2
"""Opening of the track at which the mouth has gone over from rest to talking."""
PRESSED = 0.04
"""How far under its rest the opening may go: pressed lips show less of themselves."""
LOWEST, HIGHEST = np.array([-0.3, -0.95]), np.array([1.25, 0.95])
"""Bounds of what is taken from a track."""
MOVING_S, MOVING = 0.5, 0.2
"""A person talks where the opening changes, within this time before and after, by this part of all that it does."""


@dataclass(frozen=True)
class Manner:
    """Maps mouth tracks to mouths of one person: affine while talking, rest at (0, 0)."""

    closed: Array
    """Shape (2,): opening and width at rest, in eye distances."""
    middle: Array
    """Shape (2,): the same while talking, on average."""
    matrix: Array
    """Shape (2, 2): what a step of the track does."""

    @classmethod
    def plain(cls, face: Face) -> Manner:
        """Steps of ``reach`` from rest; for a portrait, which shows no talking, and for a track made for the person."""
        return cls(face.closed, face.closed + USUAL * face.reach, np.diag(face.reach))

    @classmethod
    def of(cls, face: Face, fps: float) -> Manner:
        """As the person talks in the frames of the clip."""
        known = face.mouths[talking(face.mouths[:, 0], fps) & (face.strength > 0)]
        if len(known) < 2 * fps:
            return cls.plain(face)
        spread: Array = PART * np.clip(known.std(0), SPREADS[0], SPREADS[1])
        together = float(np.corrcoef(known[:, 0], known[:, 1])[0, 1])
        own = np.diag(spread) @ np.array([[1, 0], [together, np.sqrt(1 - together**2)]])
        return cls(face.closed, known.mean(0), own @ np.linalg.inv(USUAL_SPREAD))

    def mouth(self, track: Array) -> Array:
        """Opening and width in eye distances, shape (2,), of one moment of a track."""
        t = np.clip(track, LOWEST, HIGHEST)
        share = np.clip(t[0] / ONSET, 0, 1)
        at_rest = self.closed - (self.middle - self.matrix @ USUAL)
        out = self.middle + self.matrix @ (t - USUAL) + (1 - share * share * (3 - 2 * share)) * at_rest
        out[0] = max(out[0], self.closed[0] - PRESSED, 0.0)
        return np.asarray(out, np.float32)


def talking(opening: Array, fps: float) -> npt.NDArray[np.bool_]:
    """Frames, of openings (n,), around which the mouth moves as in speech."""
    reach = max(1, round(MOVING_S * fps))
    near = np.lib.stride_tricks.sliding_window_view(np.pad(opening, reach, mode="edge"), 2 * reach + 1)
    low, high = np.percentile(opening, (3, 97))
    return np.asarray(np.ptp(near, axis=1) > MOVING * (high - low))
