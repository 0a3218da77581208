"""The table of a dubbing: what is said in a film, sentence by sentence, and what shall be said instead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Fit = Literal["fits", "fast", "long"]
GLOSSARY_MISSED = "glossary-missed"


@dataclass
class Line:
    """One sentence; times in seconds of the film."""

    index: int
    start_s: float
    end_s: float
    text: str
    slot_s: float = 0.0
    """How long the dubbed one may take: its own time and some of the pause after it."""
    translation: str = ""
    spoken_s: float | None = None
    """How long the translation takes at speed 1."""
    speed: float = 1.0
    fit: Fit = "fits"
    warnings: list[str] = field(default_factory=list)

    @property
    def own_s(self) -> float:
        """How long it takes in the film."""
        return self.end_s - self.start_s

    def record(self) -> dict[str, Any]:
        """As the job shows it."""
        return {
            "index": self.index,
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "slot_s": round(self.slot_s, 3),
            "text": self.text,
            "translation": self.translation,
            "spoken_s": None if self.spoken_s is None else round(self.spoken_s, 3),
            "speed": self.speed,
            "fit": self.fit,
            "warnings": list(self.warnings),
        }


def lines_of(records: Iterable[dict[str, Any]]) -> list[Line]:
    """The lines of a request or of a script's result, in the order of their times."""
    ordered = sorted(records, key=lambda r: (r["start_s"], r["end_s"]))
    return [
        Line(k, float(r["start_s"]), float(r["end_s"]), r["text"], translation=r["translation"].strip())
        for k, r in enumerate(ordered)
    ]


def missed(line: Line, glossary: Iterable[dict[str, str]]) -> bool:
    """Whether a term of the glossary is in the text, and its translation not in the translation."""
    text, said = line.text.casefold(), line.translation.casefold()
    return any(g["source"].casefold() in text and g["target"].casefold() not in said for g in glossary)
