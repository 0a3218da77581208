"""Where the face is in each of an avatar's own pictures: found once, kept with the avatar, the same for all engines.

The engines store what they need of a face in forms of their own, or not at all. So it is followed here again, through
the pictures that they draw on. Drawn pictures show the same head: only the mouth is another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from services.common import weights
from services.common.errors import HuashengError
from services.render.avatars.derived import Derived, Pictures
from services.render.clip.presence import cuts, differs, small_and_cells
from services.render.clip.tracking import redraw_strength, usable
from services.render.face import points as pt
from services.render.face.landmarks import Tracker
from services.render.face.pose import smooth
from services.render.media.write import to_bgr
from services.render.restore.align import Place, place

VERSION = 1
"""Changes when faces are found in another way; places of before are found again."""
NOSE_TIP = 1
FIVE = (*pt.RIGHT_EYE_CORNERS, *pt.LEFT_EYE_CORNERS, NOSE_TIP, *pt.CORNERS)
"""Points that the five of the alignment are made from: an eye is the middle of its corners."""
WEIGHTS = "face-mesh"


@dataclass(frozen=True)
class Places:
    """Faces by the number of the source picture."""

    five: npt.NDArray[np.float32]
    """Shape (n, 5, 2): eyes, tip of the nose, corners of the mouth, in pixels of the avatar's own size."""
    rims: npt.NDArray[np.float32]
    """Shape (n, m, 2): outlines of the face."""
    strength: npt.NDArray[np.float32]
    """Shape (n,): 1, and 0 where no face was found, with ramps between."""

    def place(self, number: int, scale: float, side: int) -> Place:
        """In a picture that is ``scale`` times as wide as the avatar's own."""
        five, rim = ((p[number] + 0.5) * np.float32(scale) - 0.5 for p in (self.five, self.rims))
        return place(five, rim, side)


@dataclass(frozen=True)
class PlaceMaker:
    """Finds, keeps and reads the places of one avatar."""

    kept: Derived
    pictures: Pictures
    weights_dir: Path

    def make(self) -> Iterator[None]:
        """Find them where they are not kept; yields after each picture.

        Raises ``restorer-unavailable`` without the face mesh, ``no-face``, ``disk-full``.
        """
        return self.kept.make(self._key, self._write)

    def read(self) -> Places:
        """What ``make`` kept."""
        with self.kept.store.storage.local(self._key) as path, np.load(path, allow_pickle=False) as data:
            return Places(data["five"], data["rims"], data["strength"])

    @property
    def _key(self) -> str:
        return self.kept.key("faces", ".npz", f"faces {VERSION}")

    def _write(self, path: Path) -> Iterator[None]:
        try:
            tracker = Tracker(weights.folder(WEIGHTS, self.weights_dir))
        except weights.WeightsError as e:
            raise HuashengError("restorer-unavailable", **e.cause) from e
        used = [*FIVE, *pt.FACE_OVAL]
        nothing = np.full((len(used), 2), np.nan, np.float32)
        found: list[npt.NDArray[np.float32]] = []
        cells: list[npt.NDArray[np.uint8]] = []
        for picture in map(to_bgr, self.pictures()):
            _, here = small_and_cells(picture)
            if cells and differs(here, cells[-1]):
                tracker.restart()  # a cut: else the mesh would cling to the place where a face was
            cells.append(here)
            mesh = tracker.next(picture)
            found.append(nothing if mesh is None else mesh[used, :2])
            yield
        points = np.stack(found)
        good = usable(points)
        if not good.any():
            raise HuashengError("no-face", name=self.kept.record.name)
        points = smooth(points, good, cuts(np.stack(cells))).astype(np.float32)
        corners = points[:, : len(FIVE)]
        eyes = [corners[:, k : k + 2].mean(1) for k in (0, 2)]
        five = np.stack([*eyes, *(corners[:, k] for k in (4, 5, 6))], axis=1)
        np.savez(path, five=five, rims=points[:, len(FIVE) :], strength=redraw_strength(good))
