"""Fragments of an MP4 stream (ISO/IEC 14496-12, 8.8), written without delay.

libavformat's muxer holds a picture until sound of the same time arrives. The audio encoder delays that by two frames,
and PyAV cannot flush the muxer. So only its ``ftyp`` and ``moov`` are used.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

SYNC_SAMPLE, DEPENDENT_SAMPLE = 0x02000000, 0x01010000
"""Flags of a sample that decodes on its own, and of one that depends on earlier samples (8.8.3.1)."""


@dataclass
class FragmentTrack:
    """Samples not yet written; track numbers are those of the ``moov``."""

    number: int
    timescale: int
    """Units a second."""
    start: int = 0
    """Time of the first sample held, in these units."""
    samples: list[tuple[bytes, int, int]] = field(default_factory=list)
    """Content, duration and flags."""

    def add(self, content: bytes, duration: int, is_sync: bool) -> None:
        """Append a sample."""
        self.samples.append((content, duration, SYNC_SAMPLE if is_sync else DEPENDENT_SAMPLE))


def fragment(sequence: int, tracks: list[FragmentTrack]) -> bytes:
    """A ``moof`` and its ``mdat`` with all samples of the tracks, which are then empty; b"" without samples."""
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
        # the flags say: data offset, then duration, size and flags of each sample
        run = struct.pack(">IIi", 0x000701, len(track.samples), offset)
        run += b"".join(struct.pack(">III", length, len(data), flags) for data, length, flags in track.samples)
        parts.append(_box(b"traf", head + time + _box(b"trun", run)))
        offset += sum(len(data) for data, _, _ in track.samples)
    return _box(b"moof", b"".join(parts))


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content
