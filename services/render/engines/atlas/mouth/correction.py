"""What one person's mouth does beside what general ways tell of it; fitted by ``services.render.train``.

Ten seconds of a person are too few for a model of their own that hears phonemes, or only the last three seconds. But
they show where this mouth is while its owner speaks, how far it goes, and how opening and width go together: an affine
map of six numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.render.audio.log_mel import Array

MEET = (-0.15, -0.05)
"""Opening under which a general model is sure that lips meet, and over which it is not."""


@dataclass(frozen=True)
class Correction:
    """Maps general mouths (opening and width, in the units of mouth tracks) to this person's, within speech."""

    middle: Array
    """Shape (2,): where the general mouth is on average while somebody speaks."""
    matrix: Array
    """Shape (2, 2): what a general opening and width become."""
    centre: Array
    """Shape (2,): where this person's is."""

    def of(self, mouths: Array) -> Array:
        """This person's mouths, shape (n, 2)."""
        return np.asarray(self.centre + (mouths - self.middle) @ self.matrix, dtype=np.float32)

    def heard(self, mouths: Array) -> Array:
        """The same of mouths that a model has heard: where lips surely meet, they still do."""
        own = self.of(mouths)
        apart = np.clip((mouths[:, 0] - MEET[0]) / (MEET[1] - MEET[0]), 0, 1)
        own[:, 0] = own[:, 0] * apart + np.minimum(mouths[:, 0], own[:, 0]) * (1 - apart)
        return own
