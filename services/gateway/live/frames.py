"""Binary frames of the live protocol (``docs/live.md``): the microphone, pictures and sound."""

from __future__ import annotations

import struct
from dataclasses import dataclass

MICROPHONE, PICTURE, SOUND, MP4 = 0x01, 0x11, 0x12, 0x13
"""Kinds of binary frames: the first from the client, the others from the server."""
KEY = 0x01
"""Flag of a picture that can be decoded without those before it."""
HEADER = struct.Struct("<BBHIIq")
"""Head of a binary frame: kind, flags, 0, generation, sequence number, presentation time in microseconds (below 0: a
picture that is decoded but not shown)."""


@dataclass(frozen=True)
class MediaFrame:
    """A binary frame."""

    kind: int
    generation: int
    sequence: int
    pts_us: int
    data: bytes
    is_key: bool = False

    def encoded(self) -> bytes:
        """As it is sent."""
        flags = KEY if self.is_key else 0
        return HEADER.pack(self.kind, flags, 0, self.generation, self.sequence, self.pts_us) + self.data

    @classmethod
    def decoded(cls, frame: bytes) -> MediaFrame:
        """Raises ``ValueError`` for what is no frame."""
        if len(frame) < HEADER.size:
            raise ValueError("shorter than its head")
        kind, flags, _, generation, sequence, pts_us = HEADER.unpack_from(frame)
        return cls(kind, generation, sequence, pts_us, frame[HEADER.size :], bool(flags & KEY))
