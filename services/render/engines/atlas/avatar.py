"""A prepared avatar as a session reads it: the immutable content of its folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from services.render.engines.atlas.face import Face
from services.render.engines.atlas.interior import Interior
from services.render.engines.atlas.library import Library
from services.render.engines.atlas.light import Light
from services.render.engines.atlas.speaking_style import SpeakingStyle
from services.render.engines.atlas.still import never_opens

FRAMES = "frames.mp4"
LIGHT = "light.npz"


@dataclass(frozen=True)
class Plan:
    """The avatar's sizes and the order of its frames; kept as ``plan.json``."""

    width: int
    height: int
    fps: float
    frames: int
    cyclic: bool
    """True when the frames form a synthetic loop (a portrait)."""
    loop: list[int]
    """Source frame of each position of the idle loop."""
    positions: list[int]
    """Loop position that is most similar to each source frame."""

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


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
        return _load(folder, (folder / "plan.json").stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _load(folder: Path, mtime_ns: int) -> Avatar:  # noqa: ARG001  a new stamp is a new preparation
    plan = Plan(**json.loads((folder / "plan.json").read_text(encoding="utf-8")))
    face, library = Face.load(folder / "face.npz"), Library.load(folder / "atlas.npz")
    widest = int(np.argmax(library.traits[:, 0] * (library.sharpness > 0.3)))
    frame = int(np.abs(face.meshes - library.meshes[widest]).sum((1, 2)).argmin())
    interior = Interior(face, Light.load(folder / LIGHT)).with_own_teeth(library.patches[widest], frame)
    still = plan.cyclic or never_opens(library)
    manner = SpeakingStyle.default(face) if still else SpeakingStyle.from_clip(face, plan.fps)
    return Avatar(folder=folder, plan=plan, face=face, library=library, interior=interior, style=manner, still=still)
