"""Zip files that are written while they are sent."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from services.common.storage import Storage

CHUNK = 256 * 1024


class Sink:
    """What ``zipfile`` writes to; it cannot go back, so that sizes stand behind each file."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep the data until it is taken."""
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        """What was written since the last time."""
        taken, self._parts = b"".join(self._parts), []
        return taken


def stored_file(archive: zipfile.ZipFile, sink: Sink, storage: Storage, name: str, key: str) -> Iterator[bytes]:
    """Add a file of the storage, not compressed: media is. Raises ``FileNotFoundError`` before anything is written."""
    with storage.open(key) as source, archive.open(name, "w", force_zip64=True) as out:
        while data := source.read(CHUNK):
            out.write(data)
            yield sink.take()


def zipped(storage: Storage, files: Iterable[tuple[str, str]], missing: list[str], note: str) -> Iterator[bytes]:
    """A zip of ``(name, key)`` in pieces. What is not there any more is listed, after ``missing``, in a file ``note``.

    Blocking; iterate in a thread.
    """
    sink, left, taken = Sink(), list(missing), set[str]()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]  # needs no more
        for wanted, key in files:
            name = _free(wanted, taken)
            try:
                yield from stored_file(archive, sink, storage, name, key)
            except FileNotFoundError:
                left.append(wanted)
        if left:
            archive.writestr(note, "\n".join(left) + "\n", zipfile.ZIP_DEFLATED)
    yield sink.take()


def file_stem(text: str, limit: int) -> str:
    """A text as a file name without its ending: no path, nothing that a system refuses; may be empty."""
    plain = re.sub(r"[\x00-\x1f<>:\"/\\|?*]+", " ", text)
    return re.sub(r"\s+", " ", plain).strip(" .")[:limit].strip(" .")


def _free(wanted: str, taken: set[str]) -> str:
    """The name, with a number where it is taken, whatever its case."""
    path, n, name = PurePosixPath(wanted), 1, wanted
    while name.casefold() in taken:
        n += 1
        name = f"{path.stem} ({n}){path.suffix}"
    taken.add(name.casefold())
    return name
