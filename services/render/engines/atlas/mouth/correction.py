"""Corrects the estimates of the general models for one person; fitted by ``services.render.train``.

Ten seconds of a person are too few for a separate model of phonemes or of live sound. But they show the mean of this
mouth during speech, its range, and how opening and width correlate: an affine map of six numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.render.audio.log_mel import Array

CLOSED_OPENING = (-0.15, -0.05)
"""Estimated opening below which lips certainly meet, and above which the estimate is not certain."""


@dataclass(frozen=True)
class Correction:
    """Maps general estimates (opening and width, in the units of mouth tracks) to this person's mouth during speech."""

    middle: Array
    """Shape (2,): mean of the general estimates during speech."""
    matrix: Array
    """Shape (2, 2): linear part of the map, applied from the right."""
    centre: Array
    """Shape (2,): mean of this person's mouth during speech."""

    def apply(self, mouths: Array) -> Array:
        """This person's mouths, shape (n, 2), of general estimates (n, 2)."""
        return np.asarray(self.centre + (mouths - self.middle) @ self.matrix, dtype=np.float32)

    def apply_keeping_closures(self, mouths: Array) -> Array:
        """The same for estimates from sound: lips that certainly meet stay closed."""
        corrected = self.apply(mouths)
        open_share = np.clip((mouths[:, 0] - CLOSED_OPENING[0]) / (CLOSED_OPENING[1] - CLOSED_OPENING[0]), 0, 1)
        corrected[:, 0] = corrected[:, 0] * open_share + np.minimum(mouths[:, 0], corrected[:, 0]) * (1 - open_share)
        return corrected
