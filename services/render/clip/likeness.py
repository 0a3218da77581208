"""Whether two files show the same person, from a few pictures of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.common import weights
from services.common.errors import HuashengError
from services.render.clip.look import RIVAL_SHARE, SIDE, upright
from services.render.face.identity import WEIGHTS, FaceIdentity
from services.render.face.landmarks import FaceFinder, rivals
from services.render.face.shape import Array
from services.render.media.picture import turned
from services.render.media.read import kind_of, probe, read_image
from services.render.media.sample import sample_frames

SAME = 0.5
"""Largest distance of the typical faces of two files that count as one person's. dlib's own limit is 0.6; the
people of our test clips are 0.56 apart and more, see ``python -m benchmarks.consent_faces``."""
SAME_PICTURE = 0.6
"""The same for a single picture and the other file's typical face: a turned head and a blink add to it."""


@dataclass(frozen=True)
class Likeness:
    """How near two faces are; see ``CompareFacesResponse``."""

    distance: float
    farthest: float
    pictures: tuple[int, int]

    @property
    def is_same(self) -> bool:
        """Whether it is one person, in all pictures."""
        return self.distance <= SAME and self.farthest <= SAME_PICTURE


def compare(files: dict[str, Path], weights_dir: Path, most_s: float) -> Likeness:
    """Compare the faces of two videos or portraits, by the names that errors give them; of a video the first ``most_s``
    seconds.

    Raises what ``faces_of`` and reading the files raise, and ``weights-missing`` without the network's weights.
    """
    try:
        identity = FaceIdentity(weights.folder(WEIGHTS, weights_dir))
    except weights.WeightsError as e:
        raise HuashengError("faces-unavailable", **e.cause) from e
    finder = FaceFinder(weights_dir / "face-mesh")
    return likeness(*(faces_of(path, name, finder, identity, most_s) for name, path in files.items()))


def likeness(first: Array, second: Array) -> Likeness:
    """From the descriptions of the faces in the pictures of two files, (n, 128) and (m, 128)."""
    typical = [np.median(found, axis=0) for found in (first, second)]
    farthest = max(
        float(np.linalg.norm(first - typical[1], axis=1).max()),
        float(np.linalg.norm(second - typical[0], axis=1).max()),
    )
    return Likeness(float(np.linalg.norm(typical[0] - typical[1])), farthest, (len(first), len(second)))


def faces_of(path: Path, name: str, finder: FaceFinder, identity: FaceIdentity, most_s: float) -> Array:
    """Descriptions of the one face in some pictures of a video or portrait, (n, 128), n at least 1.

    Raises ``no-face``, ``two-faces`` and what reading the file raises.
    """
    if kind_of(path) == "portrait":
        pictures = [read_image(path, SIDE)]
    else:
        pictures = sample_frames(path, probe(path), SIDE, most_s).pictures
    turn, faces = upright(finder, pictures)
    found, counts = [], []
    for picture, seen in zip((turned(p, turn) for p in pictures), faces, strict=True):
        mesh = finder.mesh(picture, seen) if seen else None
        if mesh is not None:  # the detector alone takes a pattern for a face now and then
            counts.append(rivals(seen))
            found.append(identity.describe(picture, mesh))
    if not found:
        raise HuashengError("no-face", name=name)
    if sum(c > 1 for c in counts) >= RIVAL_SHARE * len(pictures):
        raise HuashengError("two-faces", name=name, count=max(counts))
    return np.stack(found)
