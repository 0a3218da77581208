"""The sizes of an avatar and the order of its frames, kept as ``plan.json`` in its folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

PLAN = "plan.json"


@dataclass(frozen=True)
class Plan:
    """What a session needs to know before it reads a frame."""

    width: int
    height: int
    fps: float
    frames: int
    cyclic: bool
    """True when the frames themselves are a loop made to be one (a portrait)."""
    loop: list[int]
    """Source frame of each position of the idle loop."""
    positions: list[int]
    """Loop position most like each source frame."""
    played: tuple[int, int] | None = None
    """First source frame that is played, and one past the last; None for all. What is left out shows nobody, or
    somebody else."""
    is_film: bool = False
    """True when the frames are shown in their own order, and the last one stays: there is no loop."""

    @classmethod
    def of_film(cls, width: int, height: int, fps: float, frames: int) -> Plan:
        """The plan of a film."""
        return cls(width, height, fps, frames, cyclic=False, loop=[], positions=[], is_film=True)

    @property
    def span(self) -> tuple[int, int]:
        """First and last source frame that is played."""
        first, end = self.played or (0, self.frames)
        return first, end - 1

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Plan:
        """Read what ``save`` wrote."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**raw, "played": tuple(raw["played"]) if raw.get("played") else None})

    def output_size(self, max_side_px: int) -> tuple[int, int]:
        """Width and height of a video whose longest side is at most ``max_side_px`` (0: no limit); both are even."""
        scale = min(1.0, max_side_px / max(self.width, self.height)) if max_side_px else 1.0
        return max(2, int(self.width * scale) // 2 * 2), max(2, int(self.height * scale) // 2 * 2)
