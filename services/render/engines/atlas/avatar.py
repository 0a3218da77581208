"""A prepared avatar as a session reads it: what is in its folder, and nothing that changes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from services.render.clip.plan import PLAN, Plan
from services.render.engines.atlas.face import Face
from services.render.engines.atlas.interior import Interior
from services.render.engines.atlas.library import Library
from services.render.engines.atlas.light import Light
from services.render.engines.atlas.speaking_style import Manner
from services.render.engines.atlas.still import silent

FRAMES = "frames.mp4"
LIGHT = "light.npz"


@dataclass(frozen=True)
class Avatar:
    """A prepared avatar; shared by sessions."""

    folder: Path
    plan: Plan
    face: Face
    library: Library
    interior: Interior
    manner: Manner
    """What a track of visemes, or of what is heard, means for this person."""
    still: bool
    """Whether nothing shows the mouth open: a portrait, or a clip in which nobody speaks."""

    @classmethod
    def load(cls, folder: Path) -> Avatar:
        """Read a prepared folder; the last few stay in memory."""
        return _load(folder, (folder / PLAN).stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _load(folder: Path, stamp: int) -> Avatar:  # noqa: ARG001  a new stamp is a new preparation
    plan = Plan.load(folder / PLAN)
    face, library = Face.load(folder / "face.npz"), Library.load(folder / "atlas.npz")
    most = int(np.argmax(library.traits[:, 0] * (library.worth > 0.3)))
    frame = int(np.abs(face.meshes - library.meshes[most]).sum((1, 2)).argmin())
    interior = Interior(face, Light.load(folder / LIGHT)).with_own_teeth(library.patches[most], frame)
    still = plan.cyclic or silent(library)
    manner = Manner.plain(face) if still else Manner.of(face, plan.fps)
    return Avatar(folder, plan, face, library, interior, manner, still)
