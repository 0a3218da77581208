"""Files that are made once from an avatar's own pictures and kept beside its record: masks, places of the face."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from services.common.digest import sha256_of
from services.render.avatars.store import AvatarRecord, AvatarStore
from services.render.types import Image

WAIT_S = 0.2

_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

Pictures = Callable[[], Iterator[Image]]
"""Begins anew with an avatar's own pictures."""


@dataclass(frozen=True)
class Derived:
    """What is kept of one preparation of an avatar."""

    store: AvatarStore
    record: AvatarRecord

    def key(self, stem: str, suffix: str, made: str) -> str:
        """Storage key of a file; ``made`` says how it is made, and changes when it is made in another way."""
        record = self.record
        parts = (record.engine, record.engine_version, record.source_sha256, str(record.created_at), made)
        name = f"{stem}-{sha256_of(' '.join(parts), digits=16)}{suffix}"
        return self.store.key(record.owner, record.avatar_id, name)

    def make(self, key: str, write: Callable[[Path], Iterator[None]]) -> Iterator[None]:
        """Make the file where there is none; yields now and then, also while another caller makes it.

        Raises what ``write`` raises, and ``disk-full``.
        """
        lock = _locks[key]
        while not lock.acquire(timeout=WAIT_S):
            yield
        try:
            if self.store.storage.exists(key):
                return
            with self.store.storage.writing(key) as path:
                yield from write(path)
            self._forget_if_gone()
        finally:
            lock.release()

    def _forget_if_gone(self) -> None:
        """An avatar may have been deleted meanwhile: nothing of it stays."""
        owner, avatar_id = self.record.owner, self.record.avatar_id
        with self.store.lock(owner, avatar_id):
            if not self.store.storage.exists(self.store.key(owner, avatar_id, "avatar.json")):
                self.store.storage.delete(f"avatars/{owner}/{avatar_id}")
