"""Maps mouth tracks to one person's range of mouth opening and width while talking.

Tracks come from visemes or from a model trained on other voices. Their mean and covariance are known; those of the
person are measured in the clip, without its sound. An affine map matches the two, including the correlation of opening
and width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.render.engines.atlas.face import Face
from services.render.face.shape import Array

TRACK_MEAN = np.array([0.27, 0.0])
"""Mean opening and width of tracks during speech: visemes of our own speech engine, half Chinese and half English.
``python -m tools.train_mouth --cache DIR --only usual`` prints this value and the next one."""
TRACK_CHOLESKY = np.array([[0.255, 0.0], [0.13, 0.28]])
"""Cholesky factor of their covariance (lower triangle): opening, then width."""
SPREAD_SHARE = np.array([0.9, 0.75])
"""Drawn standard deviation as a share of the person's, for opening and width: estimates are only partly right."""
SPREAD_BOUNDS = np.array([[0.045, 0.025], [0.11, 0.08]])
"""Bounds of the standard deviation in speech, in eye distances: a mumbler still speaks clearly, a shouter does not
shout."""
ONSET = 0.2
"""Track opening at which the transition from rest to talking is complete."""
PRESSED_DEPTH = 0.04
"""How far the opening may fall below that at rest, in eye distances: pressed lips show less of themselves."""
TRACK_MIN, TRACK_MAX = np.array([-0.3, -0.95]), np.array([1.25, 0.95])
"""Bounds to which tracks are clipped: opening and width."""
TALK_WINDOW_S, TALK_RANGE = 0.5, 0.2
"""A person talks where the opening changes, within this time before and after, by this share of its range."""


@dataclass(frozen=True)
class SpeakingStyle:
    """Maps mouth tracks to mouths of one person: affine while talking; (0, 0) is rest."""

    closed: Array
    """Shape (2,): opening and width at rest, in eye distances."""
    middle: Array
    """Shape (2,): mean opening and width while talking, in eye distances."""
    matrix: Array
    """Shape (2, 2): linear part of the map, in eye distances per track unit."""

    @classmethod
    def default(cls, face: Face) -> SpeakingStyle:
        """``reach`` per track unit, from rest: for a portrait, which shows no speech, and for a track made for the
        person."""
        return cls(face.closed, face.closed + TRACK_MEAN * face.reach, np.diag(face.reach))

    @classmethod
    def from_clip(cls, face: Face, fps: float) -> SpeakingStyle:
        """The style measured in the frames of the clip."""
        mouths = face.mouths[talking_frames(face.mouths[:, 0], fps) & (face.strength > 0)]
        if len(mouths) < 2 * fps:
            return cls.default(face)
        spread: Array = SPREAD_SHARE * np.clip(mouths.std(0), SPREAD_BOUNDS[0], SPREAD_BOUNDS[1])
        correlation = float(np.corrcoef(mouths[:, 0], mouths[:, 1])[0, 1])
        cholesky = np.diag(spread) @ np.array([[1, 0], [correlation, np.sqrt(1 - correlation**2)]])
        return cls(face.closed, mouths.mean(0), cholesky @ np.linalg.inv(TRACK_CHOLESKY))

    def mouth(self, track: Array) -> Array:
        """Opening and width in eye distances, shape (2,), for one track value (2,)."""
        clipped = np.clip(track, TRACK_MIN, TRACK_MAX)
        talking = np.clip(clipped[0] / ONSET, 0, 1)
        at_rest = self.closed - (self.middle - self.matrix @ TRACK_MEAN)
        mouth = (
            self.middle + self.matrix @ (clipped - TRACK_MEAN) + (1 - talking * talking * (3 - 2 * talking)) * at_rest
        )
        mouth[0] = max(mouth[0], self.closed[0] - PRESSED_DEPTH, 0.0)
        return np.asarray(mouth, np.float32)


def talking_frames(opening: Array, fps: float) -> npt.NDArray[np.bool_]:
    """Mask (n,) of the frames, given their openings (n,), around which the mouth moves as in speech."""
    reach = max(1, round(TALK_WINDOW_S * fps))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(opening, reach, mode="edge"), 2 * reach + 1)
    low, high = np.percentile(opening, (3, 97))
    return np.asarray(np.ptp(windows, axis=1) > TALK_RANGE * (high - low))
