"""A prepared avatar as a session reads it: the immutable content of its folder."""

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
from services.render.engines.atlas.speaking_style import SpeakingStyle
from services.render.engines.atlas.still import never_opens

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
    style: SpeakingStyle
    """Maps a mouth track to this person's mouth."""
    still: bool
    """Whether no picture shows an open mouth: a portrait, or a clip in which nobody speaks."""

    @classmethod
    def load(cls, folder: Path) -> Avatar:
        """Read a prepared folder; the last few stay in memory."""
        return _load(folder, (folder / PLAN).stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _load(folder: Path, stamp: int) -> Avatar:  # noqa: ARG001  a new stamp is a new preparation
    plan = Plan.load(folder / PLAN)
    face, library = Face.load(folder / "face.npz"), Library.load(folder / "atlas.npz")
    widest = int(np.argmax(library.traits[:, 0] * (library.sharpness > 0.3)))
    frame = int(np.abs(face.meshes - library.meshes[widest]).sum((1, 2)).argmin())
    interior = Interior(face, Light.load(folder / LIGHT)).with_own_teeth(library.patches[widest], frame)
    still = plan.cyclic or never_opens(library)
    manner = SpeakingStyle.default(face) if still else SpeakingStyle.from_clip(face, plan.fps)
    return Avatar(folder=folder, plan=plan, face=face, library=library, interior=interior, style=manner, still=still)
