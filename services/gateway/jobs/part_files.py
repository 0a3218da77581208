"""Keeps the finished parts of a long video in storage while its job runs: whichever gateway continues it has them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from services.common.storage import Storage


class PartFiles:
    """The parts of one job; see ``turn.pieces.PartStore``."""

    def __init__(self, storage: Storage, job_id: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._storage, self._prefix, self.folder = storage, f"parts/{job_id}", folder

    def find(self, key: str) -> tuple[Path, dict[str, object]] | None:
        """A copy of the part's file, and what is known of it."""
        try:
            facts = json.loads(self._storage.read(f"{self._prefix}/{key}.json"))
            copy = self.folder / f"{key[:16]}.mp4"
            with self._storage.open(f"{self._prefix}/{key}.mp4") as kept, copy.open("wb") as file:
                shutil.copyfileobj(kept, file)
        except FileNotFoundError:
            return None
        return copy, facts

    def keep(self, key: str, path: Path, facts: dict[str, object]) -> None:
        """Keep a part; it counts when its facts, written last, are there."""
        with self._storage.writing(f"{self._prefix}/{key}.mp4") as out:
            shutil.copyfile(path, out)
        self._storage.put_json(f"{self._prefix}/{key}.json", facts)

    def remove(self) -> None:
        """The job is over."""
        self._storage.delete(self._prefix)
