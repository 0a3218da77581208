"""The atlas: pictures of the person's mouth, one for each kind of shape and pose, and the selection among them.

The nearest picture is selected and stays while it is near enough. A new one fades in over a few frames (morphing
between prototypes, cf. Ezzat, Geiger and Poggio 2002). The warp then brings each picture to exactly the target shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from services.render.engines.atlas.interior import interior_shares
from services.render.face import points as pt
from services.render.face.shape import Array
from services.render.face.warp import Rect
from services.render.media.planes import Patch

MAX_PICTURES = 64
"""Largest number of pictures."""
TRAIT_STEP = np.array([0.03, 0.045, 0.16, 0.16, 0.3], np.float32)
"""One step of opening and width (eye distances) and of pitch, yaw and roll (radians)."""
HYSTERESIS = 0.5
"""Distance, in squared steps, by which a new picture must be nearer than the current one. It keeps teeth steady."""
FADE_RATE = 0.6
"""Share of a weight that is replaced in each frame."""
MIN_WEIGHT = 0.15
"""Smaller weights are dropped."""
LIP_DIFFERENCE_STEP = 60.0
"""Difference between the lips, in levels of 255, that costs as much as one step, so that teeth do not turn into a
tongue and back."""
INTERIOR_COST = 3.0
"""Cost, in squared steps, of a picture for which the interior of the mouth must be painted."""
_DEPTHS = np.linspace(0.1, 0.9, 6, dtype=np.float32)[:, None, None]


def select_frames(traits: Array, sharpness: Array, size: int = MAX_PICTURES) -> list[int]:
    """Frames that cover the traits (n, 5) best: farthest-point sampling that prefers ``sharpness`` (n,), 0 to 1."""
    scaled = traits / TRAIT_STEP
    usable = np.where(sharpness > 0, 0, np.inf)
    first = int(np.argmin(scaled[:, 0] - 2 * sharpness + usable))  # the most closed mouth is always needed
    selected = [first]
    distance = np.linalg.norm(scaled - scaled[first], axis=1)
    while len(selected) < min(size, len(scaled)):
        candidate = int(np.argmax(distance * sharpness))
        if distance[candidate] < 0.5 or sharpness[candidate] <= 0:
            break
        selected.append(candidate)
        distance = np.minimum(distance, np.linalg.norm(scaled - scaled[candidate], axis=1))
    return sorted(selected)


@dataclass(frozen=True)
class Library:
    """Pictures with their meshes and traits (mouth shape and head pose)."""

    patches: list[Patch]
    meshes: Array
    """Shape (k, 468, 3), in pixels of the frame that the picture was cut from."""
    traits: Array
    """Shape (k, 5): opening, width, pitch, yaw, roll."""
    sharpness: Array
    """Shape (k,), 0 to 1."""
    scale: Array
    """Shape (k,), pixels per eye distance."""
    frames: npt.NDArray[np.int64]
    """Shape (k,): frame of the store that the picture was cut from."""

    @cached_property
    def lip_difference(self) -> Array:
        """Mean difference of each pair of pictures between their aligned lips, in levels of 255, shape (k, k)."""
        samples = []
        for patch, mesh in zip(self.patches, self.meshes, strict=True):
            upper, lower = (mesh[list(curve[1:-1]), :2] for curve in (pt.UPPER_INNER, pt.LOWER_INNER))
            sample_points = (upper + _DEPTHS * (lower - upper) - patch.rect[:2]).astype(np.float32)
            luma = cv2.remap(patch.luma, sample_points, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            chroma = cv2.remap(
                patch.chroma, (sample_points - 0.5) / 2, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            samples.append(np.dstack([luma, chroma]).astype(np.float32).reshape(-1, 3))
        stacked = np.array(samples)
        return np.array([np.linalg.norm(stacked - picture, axis=2).mean(1) for picture in stacked], np.float32)

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
            worth=self.sharpness,
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
            return cls(
                patches=patches,
                meshes=data["meshes"],
                traits=data["traits"],
                sharpness=data["worth"],
                scale=data["scale"],
                frames=data["frames"],
            )


class PictureSelector:
    """Selects pictures and their weights, frame after frame, for one session."""

    def __init__(self, library: Library, min_distance: int = 0) -> None:
        """For measurements, pictures within ``min_distance`` frames of the drawn one are not used."""
        self._library, self._min_distance = library, min_distance
        self._weights: Array | None = None

    def select(self, traits: Array, frame: int = 0) -> list[tuple[int, float]]:
        """At most two pictures and their weights (sum 1) for the target traits (5,), drawn on ``frame`` of the
        store."""
        # an opening mouth does not fade in from a closed one, whose lips the warp would have to tear apart
        needs_interior = interior_shares(float(traits[0]), self._library.traits[:, 0])
        cost = (
            (((self._library.traits - traits) / TRAIT_STEP) ** 2).sum(1)
            + 4 * (1 - self._library.sharpness)
            + INTERIOR_COST * needs_interior
        )
        too_near = np.abs(self._library.frames - frame) < self._min_distance
        if too_near.any() and not too_near.all():
            cost[too_near] = np.inf
        if self._weights is not None:
            cost += self._library.lip_difference @ self._weights / LIP_DIFFERENCE_STEP - HYSTERESIS * self._weights
        target = np.zeros(len(cost), np.float32)
        target[int(np.argmin(cost))] = 1
        if self._weights is None:
            self._weights = target
        else:
            self._weights += FADE_RATE * (target - self._weights)
            self._weights *= np.where(target > 0, 1, 1 - needs_interior)
            if too_near.any() and not too_near.all():
                self._weights[too_near] = 0
        heaviest = np.argsort(-self._weights)[:2]
        kept = [
            (int(i), float(self._weights[i])) for i in heaviest if self._weights[i] >= MIN_WEIGHT or i == heaviest[0]
        ]
        total = sum(w for _, w in kept)
        return [(i, w / total) for i, w in kept]
