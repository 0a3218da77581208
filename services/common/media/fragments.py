"""Fragments of an MP4 stream (ISO/IEC 14496-12, 8.8), written without delay.

libavformat's muxer holds a picture until sound of the same time arrives. The audio encoder delays that by two frames,
and PyAV cannot flush the muxer. So only its ``ftyp`` and ``moov`` are used.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.packet import Packet

AAC_RATES = (24000, 32000, 44100, 48000)
"""Rates that every browser plays; others are brought to the next higher one."""
AAC_BITS = 96_000
AAC_STEREO_BITS = 160_000
"""Of two channels, where there is music."""
AAC_OPTIONS = {"aac_coder": "fast"}
"""At this bit rate the fast coder is as good on a voice, for a third of the work."""
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


class AacSound:
    """Encodes sound as a track of fragments; what comes out depends on the samples alone, not on their pieces."""

    def __init__(self, context: AudioCodecContext, track: FragmentTrack, rate_hz: int) -> None:
        """``context`` is a fresh AAC encoder at ``track.timescale`` Hz, with one channel or two; ``rate_hz`` is that of
        the samples added."""
        self._context, self._track, self._samples = context, track, 0
        self._layout, channels = context.layout.name, context.layout.nb_channels
        # medium quality is exact to 16 bits, and holds back 7 ms of sound instead of 10
        self._resampler = (
            None
            if track.timescale == rate_hz
            else soxr.ResampleStream(rate_hz, track.timescale, channels, quality="MQ")
        )

    def add(self, samples: npt.NDArray[np.float32]) -> None:
        """Sound that follows what was added before, shape (n,) or (n, channels), -1 to 1."""
        self._encode(samples if self._resampler is None else self._resampler.resample_chunk(samples))

    def finish(self) -> None:
        """Everything that is left."""
        if self._resampler is not None:
            self._encode(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        self._keep(self._context.encode(None))

    def _encode(self, samples: npt.NDArray[np.float32]) -> None:
        if samples.size:
            planes = np.ascontiguousarray(np.atleast_2d(samples.astype(np.float32).T))
            frame = AudioFrame.from_ndarray(planes, "fltp", self._layout)
            rate = self._track.timescale
            frame.rate, frame.pts, frame.time_base = rate, self._samples, Fraction(1, rate)
            self._samples += len(samples)
            self._keep(self._context.encode(frame))

    def _keep(self, packets: Iterable[Packet[Any]]) -> None:
        for packet in packets:
            # the encoder's priming packet lies before 0; kept, it would push both tracks 1024 samples late
            if packet.pts is None or packet.pts >= 0:
                self._track.add(bytes(packet), packet.duration or 1024, True)


def aac_rate(rate_hz: int) -> int:
    """The rate at which sound of ``rate_hz`` is encoded."""
    return next((r for r in AAC_RATES if r >= rate_hz), AAC_RATES[-1])
