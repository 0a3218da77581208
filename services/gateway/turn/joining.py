"""Joins the parts of a video, drawn by several renderers, into one fragmented MP4: pictures as they are, sound anew.

Every part begins with a picture that is decodable by itself, and all come from the same encoder with the same settings.
The sound of the parts is left out: AAC carries over from frame to frame, so it is encoded once, from the whole sound,
exactly as a renderer would have done.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext
from av.codec import CodecContext

from services.common.errors import HuashengError
from services.common.media.fragments import AAC_BITS, AAC_OPTIONS, AacSound, FragmentTrack, aac_rate, fragment

FRAGMENT = 25
"""Pictures in a fragment."""


def head_of(part: Path) -> bytes:
    """The initialisation of a fragmented MP4: all boxes before the first ``moof``."""
    with part.open("rb") as file:
        end = 0
        while len(box := file.read(8)) == 8 and box[4:] != b"moof":
            end += int.from_bytes(box[:4], "big")
            file.seek(end)
        file.seek(0)
        return file.read(end)


class Joiner:
    """Takes parts in their order. ``rate_hz`` is that of the sound added, ``fps`` pictures come in a second."""

    def __init__(self, first: Path, fps: float, rate_hz: int) -> None:
        self.head = head_of(first)
        self._fps, self._rate = fps, rate_hz
        with av.open(str(first)) as container:
            video = container.streams.video[0]
            self._encoder = bytes(video.codec_context.extradata or b"")
            assert video.time_base is not None
            self._pictures = FragmentTrack(1, video.time_base.denominator)
        self._sound = FragmentTrack(2, aac_rate(rate_hz))
        context = CodecContext.create("aac", "w")
        assert isinstance(context, AudioCodecContext)
        context.sample_rate, context.layout, context.format = self._sound.timescale, "mono", "fltp"
        context.bit_rate, context.options = AAC_BITS, dict(AAC_OPTIONS)
        self._aac = AacSound(context, self._sound, rate_hz)
        self._frames = self._fragments = 0

    @property
    def frames(self) -> int:
        """Pictures joined so far."""
        return self._frames

    def sample_of(self, frame: int) -> int:
        """The first sample that goes with a picture."""
        return round(frame * self._rate / self._fps)

    def add(self, part: Path, sound: npt.NDArray[np.int16]) -> Iterator[tuple[bytes, int]]:
        """Fragments of a part, and the media time in microseconds that each reaches.

        ``sound`` (n,) is the whole sound so far, of which what belongs to the part's pictures is taken; missing samples
        at the very end are silence. Raises ``engine-failed`` for a part of another encoder.
        """
        with av.open(str(part)) as container:
            video = container.streams.video[0]
            if bytes(video.codec_context.extradata or b"") != self._encoder:
                raise HuashengError("engine-failed", engine="render", why="parts of different encoders")
            for packet in container.demux(video):
                if not packet.size:
                    continue
                self._add_picture(bytes(packet), packet.is_keyframe)
                samples = sound[self.sample_of(self._frames - 1) : self.sample_of(self._frames)]
                missing = self.sample_of(self._frames) - self.sample_of(self._frames - 1) - len(samples)
                self._aac.add(np.pad(samples.astype(np.float32) / 32768, (0, missing)))
                if len(self._pictures.samples) >= FRAGMENT:
                    yield self._fragment()

    def finish(self) -> Iterator[tuple[bytes, int]]:
        """What is left."""
        self._aac.finish()
        if self._pictures.samples or self._sound.samples:
            yield self._fragment(is_last=True)

    def _add_picture(self, data: bytes, is_key: bool) -> None:
        a, b = (round(k * self._pictures.timescale / self._fps) for k in (self._frames, self._frames + 1))
        self._pictures.add(data, b - a, is_key)
        self._frames += 1

    def _fragment(self, is_last: bool = False) -> tuple[bytes, int]:
        self._fragments += 1
        data, pictures = fragment(self._fragments, [self._pictures, self._sound]), self._frames / self._fps
        # the encoder of sound is two of its frames behind
        reached = pictures if is_last else min(pictures, self._sound.start / self._sound.timescale)
        return data, round(reached * 1e6)
