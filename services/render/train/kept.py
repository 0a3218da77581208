"""The work folder of a training that lies in a bucket: fetched before it goes on, saved while it runs and at its end.

Any replica can so continue what another began. The child process writes to a local folder; the bucket has the truth.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from services.common.errors import HuashengError
from services.common.storage import Storage

log = logging.getLogger("huasheng.render")
SAVE_S = 30.0
"""At most so much work is lost with a machine, and what saving itself takes."""
PROGRESS = "progress.json"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class KeptWork:
    """A training's folder on this machine and its objects below ``place``; does nothing where storage is a folder."""

    def __init__(self, storage: Storage, place: str, folder: Path) -> None:
        self._storage, self._place, self._folder = storage, place, folder
        self._saved: dict[str, tuple[int, int]] = {}
        self._next = time.monotonic() + SAVE_S

    def restore(self) -> None:
        """Make the local folder what the bucket holds. Raises ``storage-down`` and others of the storage."""
        if self._storage.is_local:
            return
        shutil.rmtree(self._folder, ignore_errors=True)  # of an attempt that was killed here; others went on since
        below = self._storage.bucket.below(self._place)
        self._storage.fetch({key: self._folder / key.removeprefix(f"{self._place}/") for key in below})
        self._saved = self._state()

    def save_now_and_then(self) -> None:
        """``save`` when that is due; a bucket that is away is tried again later, and the training goes on."""
        if self._storage.is_local or time.monotonic() < self._next:
            return
        try:
            self.save()
        except HuashengError as e:
            log.warning("the checkpoint of a training is not saved yet: %s", e.slug)
        self._next = time.monotonic() + SAVE_S

    def save(self) -> None:
        """Upload what has changed, progress last, and delete what is gone. Raises what the storage does."""
        if self._storage.is_local:
            return
        now = self._state()
        changed = sorted((n for n, state in now.items() if self._saved.get(n) != state), key=lambda n: n == PROGRESS)
        for name in changed:
            self._save(name, now[name])
        for name in set(self._saved) - set(now):
            self._storage.bucket.delete(f"{self._place}/{name}")
            del self._saved[name]

    def save_one(self, name: str) -> None:
        """Upload one file now, when it has changed. Raises what the storage does."""
        if not self._storage.is_local and (state := self._state().get(name)) != self._saved.get(name) and state:
            self._save(name, state)

    def _save(self, name: str, state: tuple[int, int]) -> None:
        with tempfile.TemporaryDirectory(dir=self._folder.parent, prefix=".part-") as still:
            copy = Path(still) / "file"
            try:
                os.link(self._folder / name, copy)  # a checkpoint that takes its place meanwhile does not change this
            except FileNotFoundError:
                return
            self._storage.take(f"{self._place}/{name}", copy)
        self._saved[name] = state

    def end(self) -> None:
        """``save``, then leave nothing on this machine. Raises what the storage does."""
        if self._storage.is_local:
            return
        try:
            self.save()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _state(self) -> dict[str, tuple[int, int]]:
        """Finished files by path below the folder, with time and size."""
        found = {}
        for path in self._folder.rglob("*"):
            parts = path.relative_to(self._folder).parts
            if path.is_file() and all(_NAME.fullmatch(p) and not p.endswith(".part") for p in parts):
                status = path.stat()
                found["/".join(parts)] = (status.st_mtime_ns, status.st_size)
        return found
