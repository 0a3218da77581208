"""The file of a backup: a tar that can go through a pipe, and that shows when it was cut short or changed."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

HEAD, END = "backup.json", "end.json"
PIECE = 2**20


class BackupError(Exception):
    """A backup cannot be made or used; the message says why and what to do."""


class _Summed(io.RawIOBase):
    """Reads through to another file and keeps the sha256 of what was read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self.sha256, self.bytes = source, hashlib.sha256(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._source.read(len(buffer))
        except tarfile.TarError as e:
            raise BackupError(f"the backup is cut short: {e}") from e
        self.sha256.update(data)
        self.bytes += len(data)
        buffer[: len(data)] = data
        return len(data)


class _Chain:
    """One checksum over all members in their order."""

    def __init__(self) -> None:
        self.members = 0
        self._sum = hashlib.sha256()

    def add(self, name: str, size: int, sha256: str) -> None:
        self.members += 1
        self._sum.update(f"{name} {size} {sha256}\n".encode())

    def summary(self) -> dict[str, Any]:
        return {"members": self.members, "sha256": self._sum.hexdigest()}


class Writer:
    """Writes members one after the other; see ``writing``."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar, self._chain = tar, _Chain()

    def add(self, name: str, size: int, source: IO[bytes]) -> None:
        """A member of ``size`` bytes. Raises ``BackupError`` when the source has fewer."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        summed = _Summed(source)
        try:
            self._tar.addfile(info, io.BufferedReader(summed, PIECE))
        except (OSError, tarfile.TarError) as e:
            raise BackupError(f"{name} cannot be written: {e}") from e
        if summed.bytes != size:
            raise BackupError(f"{name} has changed while it was read: start the backup again")
        self._chain.add(name, size, summed.sha256.hexdigest())

    def add_json(self, name: str, value: Any) -> None:
        """A small member."""
        data = json.dumps(value, ensure_ascii=False).encode()
        self.add(name, len(data), io.BytesIO(data))

    def end(self) -> None:
        """The last member, without which a backup counts as cut."""
        self.add_json(END, self._chain.summary())


@contextlib.contextmanager
def writing(out: IO[bytes]) -> Iterator[Writer]:
    """A backup that is written to ``out``; it is whole when the block ends well."""
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT, bufsize=PIECE) as tar:
        writer = Writer(tar)
        yield writer
        writer.end()


@dataclass
class Member:
    """A member while it is read; whoever takes it reads ``data`` to its end."""

    name: str
    size: int
    data: IO[bytes]

    def json(self) -> Any:
        """Its value."""
        return json.loads(self.data.read())


def members(source: IO[bytes]) -> Iterator[Member]:
    """The members in order, without the end. Raises ``BackupError`` where the backup is cut short or changed."""
    chain, is_whole = _Chain(), False
    try:
        with tarfile.open(fileobj=source, mode="r|", bufsize=PIECE) as tar:
            for info in tar:
                handle = tar.extractfile(info)
                if handle is None:
                    raise BackupError(f"this is no backup: {info.name} is no file")
                if info.name == END:
                    is_whole = json.loads(handle.read()) == chain.summary()
                    break
                summed = _Summed(handle)
                member = Member(info.name, info.size, io.BufferedReader(summed, PIECE))
                yield member
                while member.data.read(PIECE):
                    pass
                chain.add(info.name, info.size, summed.sha256.hexdigest())
    except (tarfile.TarError, EOFError, ValueError) as e:
        raise BackupError(f"the backup is cut short, or no backup: {e}") from e
    if not is_whole:
        raise BackupError("the backup is cut short or was changed: its end does not fit what it holds")
