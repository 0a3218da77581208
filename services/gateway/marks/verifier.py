"""Tells of any file whether it was made here, and what its marks say."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from services.common.digest import sha256_of_file
from services.gateway.marks.finder import Match, find
from services.gateway.marks.label import FoundLabel
from services.gateway.marks.manifest import FoundManifest
from services.gateway.marks.marker import Marker
from services.gateway.media.inspecting import Inspection
from services.gateway.media.prober import Prober
from services.gateway.media.probing import MediaFacts
from services.gateway.store.db import Row

Evidence = Literal["file", "signature", "content", "sound", "label", "none"]
"""What it is known by: the file is that which was published; an own signature that holds; pictures and sound; sound
alone; only an own label, which anybody can copy to another file; nothing."""
_SEARCHES = 2
"""Searches at once: each takes a processor for as long as it lasts."""


@dataclass(frozen=True)
class Verdict:
    """What was found."""

    evidence: Evidence
    unchanged: bool | None
    """Whether the file is as it was published; None where that is not known."""
    made: Row | None
    """What it is or was taken from, as ``ProvenanceStore.get`` has it; None where that is not known (any more)."""
    match: Match | None
    label: FoundLabel | None
    is_label_ours: bool
    manifest: FoundManifest | None
    facts: MediaFacts

    @property
    def made_here(self) -> bool:
        """Whether its content was made here."""
        return self.evidence not in ("label", "none")


class Verifier:
    """Checks files."""

    def __init__(self, marker: Marker, prober: Prober) -> None:
        self._marker, self._prober = marker, prober
        self._free = asyncio.Semaphore(_SEARCHES)

    async def verify(self, path: Path, name: str) -> Verdict:
        """The verdict on a file. Raises what ``Prober.inspect`` raises, and ``database-down``."""
        facts, found = await self._prober.inspect(path, name, self._marker.signers)
        made_id = await asyncio.to_thread(lambda: self._marker.made.of_file(sha256_of_file(path)))
        manifest = found.manifest
        ours = manifest if manifest and manifest.is_ours else None
        match: Match | None = None
        evidence: Evidence
        unchanged: bool | None
        if made_id:
            evidence, unchanged = "file", True
        elif ours and ours.state == "valid":
            evidence, unchanged, made_id = "signature", True, ours.made_id
        else:
            async with self._free:
                match = await asyncio.to_thread(self._search, found)
            is_label_ours = bool(found.label and self._marker.labeller.is_ours(found.label))
            evidence, unchanged, made_id = _judged(match, found.label if is_label_ours else None, ours)
        made = await asyncio.to_thread(self._marker.made.get, made_id) if made_id else None
        return Verdict(
            evidence=evidence,
            unchanged=unchanged,
            made=made,
            match=match,
            label=found.label,
            is_label_ours=bool(found.label and self._marker.labeller.is_ours(found.label)),
            manifest=manifest,
            facts=facts,
        )

    def _search(self, found: Inspection) -> Match | None:
        """The best match that counts: speech that somebody brought also sounds where nothing was made here."""
        for match in find(found.sound, found.pictures, self._marker.made.prints):
            if match.pictures:
                return match
            made = self._marker.made.get(match.made_id)
            if made and made["is_sound_made"]:
                return match
        return None


def _judged(
    match: Match | None, label: FoundLabel | None, ours: FoundManifest | None
) -> tuple[Evidence, bool | None, str | None]:
    """Evidence, whether unchanged, and the id of what was made, for a file that is not itself one of ours."""
    if match:
        return "content" if match.pictures else "sound", False, match.made_id
    if label or ours:
        return "label", False if ours else None, None
    return "none", None, None
