"""What was spoken and drawn for a video, kept with its job: for the job itself, and for a later one that redoes it."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

from services.common.storage import Storage

FROM = "from"
"""In the facts of what was taken from an earlier job: that job's id."""


class KeptPieces:
    """The pieces of one job by their digests; see ``turn.pieces.PartStore``. What the job ``from_job_id`` has counts as
    well: it becomes this job's own, so that either may be forgotten."""

    def __init__(self, storage: Storage, job_id: str, from_job_id: str, folder: Path, suffix: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._storage, self.folder, self._suffix = storage, folder, suffix
        self._own, self._from, self._earlier = _prefix(job_id), from_job_id, _prefix(from_job_id)
        self._copies = itertools.count()
        self.reused: set[str] = set()
        """Digests of what came from the earlier job."""

    def find(self, key: str) -> tuple[Path, dict[str, object]] | None:
        """A copy of the file, and what is known of it."""
        found = self._at(self._own, key)
        if found is None and self._from and (found := self._at(self._earlier, key)) is not None:
            self.keep(key, found[0], found[1] | {FROM: self._from})
            self.reused.add(key)
        if found is not None and found[1].pop(FROM, ""):
            self.reused.add(key)
        return found

    def _at(self, prefix: str, key: str) -> tuple[Path, dict[str, Any]] | None:
        try:
            facts: dict[str, Any] = json.loads(self._storage.read(f"{prefix}/{key}.json"))
            # two scenes may be the same: each has a copy of its own
            copy = self.folder / f"{key[:32]}-{next(self._copies)}{self._suffix}"
            with self._storage.open(f"{prefix}/{key}{self._suffix}") as kept, copy.open("wb") as file:
                shutil.copyfileobj(kept, file)
        except FileNotFoundError:
            return None
        return copy, facts

    def keep(self, key: str, path: Path, facts: dict[str, object]) -> None:
        """Keep a file; it counts when its facts, written last, are there."""
        with self._storage.writing(f"{self._own}/{key}{self._suffix}") as out:
            shutil.copyfile(path, out)
        self._storage.put_json(f"{self._own}/{key}.json", facts)


def _prefix(job_id: str) -> str:
    return f"results/{job_id}/pieces"


def pieces_of(storage: Storage, job_id: str) -> list[str]:
    """Storage keys of what is kept of a job."""
    return storage.list(_prefix(job_id))


def forget_kept(storage: Storage, job_id: str) -> None:
    """Nothing can be redone from a job any more: its video stays."""
    storage.delete(_prefix(job_id))


def forget_pieces(storage: Storage, job_id: str) -> None:
    """The job failed or was cancelled: nothing of it stays."""
    storage.delete(f"results/{job_id}")
