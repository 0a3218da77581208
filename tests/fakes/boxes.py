"""The boxes of an MP4, to compare two files by."""

from __future__ import annotations

import struct

SIGNATURE = b"uuid"
"""The box that a C2PA manifest stands in."""
_INDEX = b"mfra"
"""An index at the end of the file, whose numbers move when something is put before it."""


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and content of each box of the file."""
    found, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        assert 8 <= size <= len(data) - at
        found.append((kind, data[at : at + size]))
        at += size
    return found


def media_of(data: bytes) -> bytes:
    """The file without signature and index."""
    return b"".join(content for kind, content in boxes(data) if kind not in (SIGNATURE, _INDEX))


def signature_of(data: bytes) -> bytes:
    """The box of the signature; empty without one."""
    return b"".join(content for kind, content in boxes(data) if kind == SIGNATURE)
