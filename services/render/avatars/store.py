"""Prepared avatars in storage: ``avatars/<owner>/<avatar_id>/`` with these files.

    avatar.json    who, which engine and version, from which source, what was found
    source         the video or portrait, so that another engine version can prepare it again
    engine/        the engine's own files
    thumbnail.jpg  first picture of the idle loop      idle.mp4  loop shown while nobody speaks

A film (``kind``) has no ``thumbnail.jpg`` and no ``idle.mp4``.
An avatar is there when its ``avatar.json`` is. In a folder it appears whole (rename) or not at all; in a bucket the
record is written last and names the engine's files with their hashes, so that they are fetched without a listing and
never mixed with those of another preparation.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from services.common.digest import sha256_of_file
from services.common.errors import HuashengError
from services.common.records import read_record
from services.common.storage import Storage
from services.render.types import AvatarReport

log = logging.getLogger("huasheng.render")
BUILTIN = "builtin"
"""Owner and id of the avatar that is always there."""

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_OWNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")


@dataclass(frozen=True)
class AvatarRecord:
    """What ``avatar.json`` holds."""

    avatar_id: str
    owner: str
    name: str
    engine: str
    engine_version: str
    kind: str
    source_sha256: str
    report: AvatarReport
    created_at: float
    loop_version: int = 1
    """How ``idle.mp4`` was made (``idle.LOOP_VERSION``)."""
    files: dict[str, str] = field(default_factory=dict)
    """The engine's files, by path below ``engine/``, with their sha256; empty in records of before."""

    @property
    def is_film(self) -> bool:
        """Whether it is drawn in its own order, and in no list."""
        return self.kind == "film"

    def to_json(self) -> bytes:
        """The file's content."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode()

    @classmethod
    def from_json(cls, data: bytes) -> AvatarRecord:
        """The record of a file's content. Raises ``ValueError`` for a damaged one."""
        return read_record(cls, data)


def check_ids(owner: str, avatar_id: str) -> None:
    """Raises ``bad-request`` for names that could not be a folder's."""
    if not _OWNER.fullmatch(owner):
        raise HuashengError("bad-request", what=f"owner {owner[:64]!r} is not a name of letters, digits, - and _")
    if not _ID.fullmatch(avatar_id):
        what = f"avatar_id {avatar_id[:64]!r} must be lower-case letters, digits and hyphens, at most 63"
        raise HuashengError("bad-request", what=what)


class AvatarStore:
    """Finds, adds and deletes avatars."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self._base = Path(storage.path("avatars")) if storage.is_local else storage.scratch / "avatars"
        self._locks: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)

    def lock(self, owner: str, avatar_id: str) -> threading.Lock:
        """Held while an avatar is prepared or deleted, so that two callers do not do it at once."""
        return self._locks[owner, avatar_id]

    def key(self, owner: str, avatar_id: str, name: str) -> str:
        """Storage key of a file of an avatar."""
        return f"avatars/{owner}/{avatar_id}/{name}"

    def find(self, owner: str, avatar_id: str) -> AvatarRecord | None:
        """The avatar's record, None when there is none that can be read."""
        try:
            record = AvatarRecord.from_json(self.storage.read(self.key(owner, avatar_id, "avatar.json")))
            if (record.owner, record.avatar_id) == (owner, avatar_id):
                return record
        except FileNotFoundError:
            return None
        except (ValueError, IsADirectoryError):
            pass
        log.warning("the record of an avatar is damaged; delete the avatar", extra={"avatar": avatar_id})
        return None

    def get(self, owner: str, avatar_id: str) -> AvatarRecord:
        """The avatar's record; empty or ``builtin`` is the built-in one. Raises ``unknown-id``."""
        if avatar_id in ("", BUILTIN):
            owner = avatar_id = BUILTIN
        check_ids(owner, avatar_id)
        if record := self.find(owner, avatar_id):
            return record
        raise HuashengError("unknown-id", kind="avatar", id=avatar_id)

    def list(self, owner: str) -> list[AvatarRecord]:
        """The built-in avatar, then the owner's, newest first; no films."""
        check_ids(owner, BUILTIN)
        names = [key.rsplit("/", 1)[1] for key in self.storage.list(f"avatars/{owner}")] if owner != BUILTIN else []
        found = self.storage.each(lambda name: self.find(owner, name), [n for n in names if _ID.fullmatch(n)])
        own = sorted((r for r in found if r and not r.is_film), key=lambda r: -r.created_at)
        builtin = self.find(BUILTIN, BUILTIN)
        return [*([builtin] if builtin else []), *own]

    @contextlib.contextmanager
    def engine_files(self, record: AvatarRecord) -> Iterator[Path]:
        """Local folder of the engine's files while the block runs; of a bucket a copy, fetched where this machine has
        none of this preparation. Raises ``storage-down``, also while another preparation takes its place."""
        if self.storage.is_local:
            yield self._base / record.owner / record.avatar_id / "engine"
            return
        parts = (record.owner, record.avatar_id, record.engine, record.engine_version, record.source_sha256)
        with self.storage.copy(
            " ".join(("avatar", *parts, str(record.created_at))), lambda folder: self._fetch(record, folder)
        ) as folder:
            yield folder

    def _fetch(self, record: AvatarRecord, folder: Path) -> None:
        home = self.key(record.owner, record.avatar_id, "engine")
        names = list(record.files) or [k.removeprefix(home + "/") for k in self.storage.bucket.below(home)]
        try:
            self.storage.fetch({f"{home}/{name}": folder / name for name in names})
        except FileNotFoundError as e:
            raise HuashengError("storage-down", service="storage", cause="bucket-changing") from e
        if any(sha256_of_file(folder / name) != digest for name, digest in record.files.items()):
            raise HuashengError("storage-down", service="storage", cause="bucket-changing")

    @contextlib.contextmanager
    def source(self, record: AvatarRecord) -> Iterator[Path]:
        """Local file that the avatar was made of, while the block runs. Raises ``FileNotFoundError``."""
        with self.storage.local(self.key(record.owner, record.avatar_id, "source")) as path:
            yield path

    @contextlib.contextmanager
    def making(self, owner: str) -> Iterator[Path]:
        """A folder to prepare an avatar in; whatever happens, nothing of it is left unless ``add`` took it."""
        (self._base / owner).mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".part-", dir=self._base / owner))
        try:
            fresh.chmod(0o755)
            yield fresh
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what killed processes left half-made; younger than a day it may be another replica's work."""
        for left in self._base.glob("*/.part-*"):
            with contextlib.suppress(FileNotFoundError):  # another replica sweeps too
                if time.time() - left.stat().st_mtime > 86400:
                    shutil.rmtree(left, ignore_errors=True)

    def add(self, record: AvatarRecord, made: Path) -> AvatarRecord:
        """Put a prepared folder in its place, replacing an older one. Returns the record as it is kept."""
        files = sorted(p for p in made.rglob("*") if p.is_file())
        own = [p for p in files if p.is_relative_to(made / "engine")]
        record = replace(record, files={p.relative_to(made / "engine").as_posix(): sha256_of_file(p) for p in own})
        if self.storage.is_local:
            (made / "avatar.json").write_bytes(record.to_json())
            self._swap(made, self._base / record.owner / record.avatar_id)
            return record
        keys = [self.key(record.owner, record.avatar_id, p.relative_to(made).as_posix()) for p in files]
        self.storage.each(lambda item: self.storage.take(*item), list(zip(keys, files, strict=True)))
        self.rewrite(record)
        return record

    @staticmethod
    def _swap(fresh: Path, folder: Path) -> None:
        old = fresh.with_name(fresh.name + "-old")
        try:
            if folder.exists():
                folder.rename(old)
            fresh.rename(folder)
        finally:
            shutil.rmtree(old, ignore_errors=True)

    def replace_loop(self, record: AvatarRecord, made: Path) -> None:
        """Put another ``idle.mp4`` in place, and a record that says how it was made."""
        self.storage.take(self.key(record.owner, record.avatar_id, "idle.mp4"), made)
        self.rewrite(record)

    def rewrite(self, record: AvatarRecord) -> None:
        """Write a record of which only the name for people, or the loop's version, has changed."""
        self.storage.put(self.key(record.owner, record.avatar_id, "avatar.json"), record.to_json())

    def forget_owner(self, owner: str) -> None:
        """Delete all avatars of an owner."""
        check_ids(owner, BUILTIN)
        self.storage.delete(f"avatars/{owner}")

    def delete(self, owner: str, avatar_id: str) -> None:
        """Delete an avatar. Raises ``builtin-stays`` and ``unknown-id``."""
        if avatar_id == BUILTIN or owner == BUILTIN:
            raise HuashengError("builtin-stays", id=avatar_id)
        check_ids(owner, BUILTIN)
        if not _ID.fullmatch(avatar_id):
            raise HuashengError("unknown-id", kind="avatar", id=avatar_id[:100])
        with self.lock(owner, avatar_id):
            if not self.storage.exists(self.key(owner, avatar_id, "avatar.json")):  # it need not be readable
                raise HuashengError("unknown-id", kind="avatar", id=avatar_id)
            self.storage.delete(self.key(owner, avatar_id, "avatar.json"))  # first: from here on it is gone
            self.storage.delete(f"avatars/{owner}/{avatar_id}")
