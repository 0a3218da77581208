"""Fragments of an MP4 stream (ISO/IEC 14496-12, 8.8): what is ready leaves at once.

libavformat's muxer holds a picture back until there is sound as late as it, which the sound's coder gives out two of
its frames late, and PyAV cannot tell it to let go. Its ``ftyp`` and ``moov`` are kept.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

SYNC_SAMPLE, DEPENDENT_SAMPLE = 0x02000000, 0x01010000
"""Flags of a sample that is decoded by itself, and of one that needs those before it (8.8.3.1)."""


@dataclass
class FragmentTrack:
    """Samples that have not left yet; numbers are those of the ``moov``."""

    number: int
    timescale: int
    """Units a second."""
    start: int = 0
    """Time of the first sample held, in these units."""
    samples: list[tuple[bytes, int, int]] = field(default_factory=list)
    """Content, duration and flags."""

    def add(self, content: bytes, duration: int, is_sync: bool) -> None:
        """Hold one more sample, which follows the last one."""
        self.samples.append((content, duration, SYNC_SAMPLE if is_sync else DEPENDENT_SAMPLE))


def fragment(sequence: int, tracks: list[FragmentTrack]) -> bytes:
    """A ``moof`` and its ``mdat`` with all that the tracks hold, which they hold no more; nothing for nothing."""
    ready = [track for track in tracks if track.samples]
    if not ready:
        return b""
    size = len(_moof(sequence, ready, 0))
    moof = _moof(sequence, ready, size + 8)
    content = [data for track in ready for data, _, _ in track.samples]
    for track in ready:
        track.start += sum(duration for _, duration, _ in track.samples)
        track.samples.clear()
    return moof + struct.pack(">I4s", 8 + sum(map(len, content)), b"mdat") + b"".join(content)


def _moof(sequence: int, tracks: list[FragmentTrack], offset: int) -> bytes:
    """``offset`` is where the first sample begins, counted from the box's start."""
    parts = [_box(b"mfhd", struct.pack(">II", 0, sequence))]
    for track in tracks:
        head = _box(b"tfhd", struct.pack(">II", 0x020000, track.number))  # offsets count from the moof
        time = _box(b"tfdt", struct.pack(">IQ", 0x01000000, track.start))
        # given are the offset of the data, and of each sample its duration, size and flags
        run = struct.pack(">IIi", 0x000701, len(track.samples), offset)
        run += b"".join(struct.pack(">III", length, len(data), flags) for data, length, flags in track.samples)
        parts.append(_box(b"traf", head + time + _box(b"trun", run)))
        offset += sum(len(data) for data, _, _ in track.samples)
    return _box(b"moof", b"".join(parts))


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content
