"""The atlas itself: pictures of the person's own mouth, one for each kind of shape and pose, and the choice among them.

The nearest picture is chosen, and stays while it is near enough; another fades in over a few frames instead of popping
(morphing between prototypes, cf. Ezzat, Geiger and Poggio 2002), and the warp brings each to exactly the wanted shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from services.render.engines.atlas.interior import needs
from services.render.face import points as pt
from services.render.face.shape import Array
from services.render.face.warp import Rect
from services.render.media.planes import Patch

SIZE = 64
"""Pictures kept at most."""
UNIT = np.array([0.03, 0.045, 0.16, 0.16, 0.3], np.float32)
"""One step of difference in opening, width, pitch, yaw and roll."""
STAY = 0.5
"""How much farther, in squared steps, the picture that is shown may be than a new one: it stays, so that teeth do."""
EASE = 0.6
"""Part of a weight that is renewed with each frame."""
FAINT = 0.15
"""A weight under this is dropped."""
UNLIKE = 60.0
"""Difference between the lips, in levels, that counts as much as a step: teeth do not turn into a tongue and back."""
TORN = 3.0
"""Steps that it costs when the inside of the mouth would have to be painted."""
_DEPTHS = np.linspace(0.1, 0.9, 6, dtype=np.float32)[:, None, None]


def choose(traits: Array, worth: Array, size: int = SIZE) -> list[int]:
    """Frames that cover the traits (n, 5) best: farthest-point sampling, good frames (``worth`` 0 to 1) preferred."""
    t = traits / UNIT
    usable = np.where(worth > 0, 0, np.inf)
    first = int(np.argmin(t[:, 0] - 2 * worth + usable))  # the most closed mouth is always needed
    chosen = [first]
    far = np.linalg.norm(t - t[first], axis=1)
    while len(chosen) < min(size, len(t)):
        nxt = int(np.argmax(far * worth))
        if far[nxt] < 0.5 or worth[nxt] <= 0:
            break
        chosen.append(nxt)
        far = np.minimum(far, np.linalg.norm(t - t[nxt], axis=1))
    return sorted(chosen)


@dataclass(frozen=True)
class Library:
    """Pictures with their meshes and traits."""

    patches: list[Patch]
    meshes: Array
    """Shape (k, 468, 3), pixels of the frame that each was cut from."""
    traits: Array
    """Shape (k, 5): opening, width, pitch, yaw, roll."""
    worth: Array
    """Shape (k,), 0 to 1."""
    scale: Array
    """Shape (k,), pixels per eye distance."""
    frames: npt.NDArray[np.int64]
    """Shape (k,): frame of the store that each was cut from."""

    @cached_property
    def unlike(self) -> Array:
        """How differently pictures look between the lips once these are in the same place, (k, k), in levels of 255."""
        seen = []
        for patch, mesh in zip(self.patches, self.meshes, strict=True):
            up, low = (mesh[list(curve[1:-1]), :2] for curve in (pt.UPPER_INNER, pt.LOWER_INNER))
            at = (up + _DEPTHS * (low - up) - patch.rect[:2]).astype(np.float32)
            luma = cv2.remap(patch.luma, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            chroma = cv2.remap(patch.chroma, (at - 0.5) / 2, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            seen.append(np.dstack([luma, chroma]).astype(np.float32).reshape(-1, 3))
        looks = np.array(seen)
        return np.array([np.linalg.norm(looks - one, axis=2).mean(1) for one in looks], np.float32)

    def save(self, path: Path) -> None:
        """Write to an ``.npz``."""
        pictures: dict[str, Any] = {f"luma{i}": p.luma for i, p in enumerate(self.patches)}
        pictures |= {f"chroma{i}": p.chroma for i, p in enumerate(self.patches)}
        rects = np.array([p.rect for p in self.patches])
        np.savez(
            path,
            rects=rects,
            meshes=self.meshes,
            traits=self.traits,
            worth=self.worth,
            scale=self.scale,
            frames=self.frames,
            **pictures,
        )

    @classmethod
    def load(cls, path: Path) -> Library:
        """Read what ``save`` wrote."""
        with np.load(path) as data:
            patches = []
            for i, r in enumerate(data["rects"].tolist()):
                rect: Rect = (r[0], r[1], r[2], r[3])
                patches.append(Patch(rect, data[f"luma{i}"], data[f"chroma{i}"]))
            return cls(patches, data["meshes"], data["traits"], data["worth"], data["scale"], data["frames"])


class Chooser:
    """Weights of the pictures, frame after frame, for one session."""

    def __init__(self, library: Library, apart: int = 0) -> None:
        """``apart``: pictures nearer than this many frames to the one that is drawn are not used (to measure)."""
        self._library, self._apart = library, apart
        self._weights: Array | None = None

    def weigh(self, traits: Array, frame: int = 0) -> list[tuple[int, float]]:
        """Pictures and weights (sum 1, at most 2) for the wanted traits (5,), drawn on ``frame`` of the store."""
        # a mouth that opens is not faded into from a shut one: lips that meet would have to be torn open
        torn = needs(float(traits[0]), self._library.traits[:, 0])
        d = (((self._library.traits - traits) / UNIT) ** 2).sum(1) + 4 * (1 - self._library.worth) + TORN * torn
        near = np.abs(self._library.frames - frame) < self._apart
        if near.any() and not near.all():
            d[near] = np.inf
        if self._weights is not None:
            d += self._library.unlike @ self._weights / UNLIKE - STAY * self._weights
        wanted = np.zeros(len(d), np.float32)
        wanted[int(np.argmin(d))] = 1
        if self._weights is None:
            self._weights = wanted
        else:
            self._weights += EASE * (wanted - self._weights)
            self._weights *= np.where(wanted > 0, 1, 1 - torn)
            if near.any() and not near.all():
                self._weights[near] = 0
        best = np.argsort(-self._weights)[:2]
        kept = [(int(i), float(self._weights[i])) for i in best if self._weights[i] >= FAINT or i == best[0]]
        total = sum(w for _, w in kept)
        return [(i, w / total) for i, w in kept]
