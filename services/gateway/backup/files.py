"""The files in a backup: what the storage holds, and the gateway's own keys and certificates."""

from __future__ import annotations

import filecmp
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from services.common.storage import Storage
from services.gateway.backup.archive import PIECE, BackupError, Member, Writer
from services.gateway.backup.tables import Say

STORED, OWN = "storage/", "own/"
NOT_KEPT = ("uploads", "work")
"""Folders of the gateway's own that hold what is on its way."""
TOLD_EVERY = 200


def keys(storage: Storage) -> Iterator[str]:
    """Every file of the storage; what is being written has a name that is no key."""
    if storage.is_local:
        root = Path(storage.root)
        found = [str(p.relative_to(root)) for p in sorted(root.rglob("*")) if p.is_file()]
    else:
        found = sorted(storage.bucket.below(""))
    for key in found:
        try:
            storage.path(key)
        except ValueError:
            continue
        yield key


def own(folder: Path) -> Iterator[Path]:
    """The gateway's own files that no database holds: the key that signs links, certificates, measured rates."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        is_hidden = any(part.startswith(".") for part in inside)
        if path.is_file() and not is_hidden and inside[0] not in NOT_KEPT and ".sqlite" not in path.name:
            yield path


def write(storage: Storage, folder: Path, archive: Writer, say: Say) -> None:
    """Add the files. One that is deleted meanwhile is left out; its row may still be there, as for every lost file."""
    for path in own(folder):
        with path.open("rb") as f:
            archive.add(OWN + path.relative_to(folder).as_posix(), path.stat().st_size, f)
    there, count, total = list(keys(storage)), 0, 0
    for key in there:
        try:
            size = storage.size(key)
            handle = storage.open(key)
        except FileNotFoundError:
            say(f"deleted meanwhile: {key}")
            continue
        with handle:
            archive.add(STORED + key, size, handle)
        count, total = count + 1, total + size
        if count % TOLD_EVERY == 0:
            say(f"files: {count} of {len(there)}, {total / 1e6:.0f} MB")
    say(f"files: {count} of {len(there)}, {total / 1e6:.0f} MB")


class Placing:
    """Puts files into place: new ones at once, since nothing refers to them yet; others at ``commit``."""

    def __init__(self, storage: Storage, folder: Path, say: Say) -> None:
        self._storage, self._folder, self._say = storage, folder, say
        self._before = set(keys(storage))
        self._kept: set[str] = set()
        self._added: list[str] = []
        self._scratch = Path(tempfile.mkdtemp(prefix=".restore-", dir=folder))
        self._later: dict[str, Path] = {}
        self._own: dict[Path, Path] = {}
        self._bytes = 0

    def take(self, member: Member) -> None:
        """One file. Raises ``BackupError`` for a name that leads elsewhere."""
        if member.name.startswith(OWN):
            self._take_own(member)
            return
        key = member.name.removeprefix(STORED)
        try:
            self._storage.path(key)
        except ValueError as e:
            raise BackupError(f"the backup is damaged: {member.name} is no name of a file") from e
        self._kept.add(key)
        if key not in self._before:
            with self._storage.writing(key) as path:
                _copy(member, path)
            self._added.append(key)
        else:
            self._take_changed(member, key)
        self._bytes += member.size
        if len(self._kept) % TOLD_EVERY == 0:
            self._say(f"files: {len(self._kept)}, {self._bytes / 1e6:.0f} MB")

    def _take_changed(self, member: Member, key: str) -> None:
        path = self._scratch / str(len(self._kept))
        _copy(member, path)
        with self._storage.local(key) as there:
            is_same = filecmp.cmp(there, path, shallow=False)
        if is_same:
            path.unlink()
        else:
            self._later[key] = path

    def _take_own(self, member: Member) -> None:
        parts = member.name.removeprefix(OWN).split("/")
        if any(not p or p.startswith(".") for p in parts) or parts[0] in NOT_KEPT or ".sqlite" in parts[-1]:
            raise BackupError(f"the backup is damaged: {member.name} is no name of a file")
        path = self._scratch / f"own-{len(self._own)}"
        _copy(member, path)
        path.chmod(0o600)
        self._own[self._folder.joinpath(*parts)] = path

    def commit(self) -> None:
        """The tables are in place: change what differs, and delete what the backup does not hold."""
        self._added.clear()
        for key, path in self._later.items():
            with self._storage.writing(key) as out:
                shutil.copyfile(path, out)
        for target, path in self._own.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        for key in self._before - self._kept:
            self._storage.delete(key)
        self._say(f"files: {len(self._kept)}, {self._bytes / 1e6:.0f} MB")

    def close(self) -> None:
        """Undo what was not committed."""
        for key in self._added:
            self._storage.delete(key)
        shutil.rmtree(self._scratch, ignore_errors=True)


def _copy(member: Member, path: Path) -> None:
    with path.open("wb") as f:
        shutil.copyfileobj(member.data, f, PIECE)
