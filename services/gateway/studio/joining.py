"""Joins drawn pieces, intro and outro with the mixed sound into one fragmented MP4: pictures as they are, sound once.

Every piece begins with a picture that is decodable by itself, and all come from one encoder with one setting.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream

from services.common.errors import HuashengError
from services.common.media.fragments import AAC_BITS, AAC_OPTIONS, AAC_STEREO_BITS, AacSound, FragmentTrack, fragment

FRAGMENT = 25
"""Pictures in a fragment."""
MOST_OFF = 2
"""Pictures that a piece may have too many or too few, where its rate is not the avatar's own."""


class Film:
    """Takes pieces in their order. ``sound`` is the WAV of the whole video; ``fps`` pictures come in a second."""

    def __init__(self, first: Path, fps: float, sound: Path) -> None:
        """``first``: any piece."""
        self._fps = fps
        self._wave = wave.open(str(sound), "rb")  # noqa: SIM115  # closed by ``close``
        self._rate, self._channels = self._wave.getframerate(), self._wave.getnchannels()
        out = io.BytesIO()
        flags = {"movflags": "empty_moov+default_base_moof+skip_trailer"}
        self._container = av.open(out, "w", format="mp4", container_options=flags)
        with av.open(str(first)) as piece:
            self._encoder = bytes(piece.streams.video[0].codec_context.extradata or b"")
            video = self._container.add_stream_from_template(piece.streams.video[0])
        layout = "mono" if self._channels == 1 else "stereo"
        audio: AudioStream = self._container.add_stream(
            "aac", rate=self._rate, layout=layout, options=dict(AAC_OPTIONS)
        )
        audio.bit_rate = AAC_BITS if self._channels == 1 else AAC_STEREO_BITS
        self._container.start_encoding()
        self.head = out.getvalue()
        assert video.time_base is not None
        self._pictures = FragmentTrack(1, video.time_base.denominator)
        self._sound = FragmentTrack(2, self._rate)
        self._aac = AacSound(audio.codec_context, self._sound, self._rate)
        self.frames = self._fragments = self._heard = 0

    @property
    def mime_type(self) -> str:
        """MIME type with codecs (RFC 6381)."""
        return f'video/mp4; codecs="avc1.{self._encoder[1:4].hex()}, mp4a.40.2"'

    def sample_of(self, frame: int) -> int:
        """The first sample that goes with a picture."""
        return round(frame * self._rate / self._fps)

    def add(self, piece: Path, frames: int, spare: int = 0) -> Iterator[tuple[bytes, int]]:
        """Fragments of a piece, which lasts ``frames`` pictures, and the media time in microseconds that each reaches.

        It may have ``spare`` more or fewer: the last ones are left out, or the last one is shown for longer. Raises
        ``engine-failed`` for a piece that has another length or another encoder.
        """
        with av.open(str(piece)) as container:
            video = container.streams.video[0]
            if bytes(video.codec_context.extradata or b"") != self._encoder:
                raise HuashengError("engine-failed", engine="render", why="pieces of different encoders")
            end, count = self.frames + frames, 0
            for packet in container.demux(video):
                if not packet.size:
                    continue
                count += 1
                if count > frames:
                    continue
                if len(self._pictures.samples) >= FRAGMENT:  # not right after a picture: the last one may be stretched
                    yield self._fragment()
                self._add_picture(bytes(packet), packet.is_keyframe)
        if not count or abs(count - frames) > spare:
            raise HuashengError("engine-failed", engine="render", why=f"{count} pictures instead of {frames}")
        while self.frames < end:
            self._stretch_last()

    def finish(self) -> Iterator[tuple[bytes, int]]:
        """What is left."""
        self._hear(self._wave.getnframes())
        self._aac.finish()
        if self._pictures.samples or self._sound.samples:
            yield self._fragment(is_last=True)

    def close(self) -> None:
        """Free the encoder and the file of the sound."""
        self._wave.close()
        self._container.close()

    def _duration(self) -> int:
        a, b = (round(k * self._pictures.timescale / self._fps) for k in (self.frames, self.frames + 1))
        return b - a

    def _add_picture(self, data: bytes, is_key: bool) -> None:
        self._pictures.add(data, self._duration(), is_key)
        self.frames += 1
        self._hear(self.sample_of(self.frames))

    def _stretch_last(self) -> None:
        data, duration, flags = self._pictures.samples.pop()
        self._pictures.samples.append((data, duration + self._duration(), flags))
        self.frames += 1
        self._hear(self.sample_of(self.frames))

    def _hear(self, until: int) -> None:
        """Encode the sound up to a sample."""
        wanted = until - self._heard
        if wanted <= 0:
            return
        samples: npt.NDArray[np.int16] = np.frombuffer(self._wave.readframes(wanted), "<i2")
        if self._channels > 1:
            samples = samples.reshape(-1, self._channels)
        missing = [(0, wanted - len(samples)), *[(0, 0)] * (samples.ndim - 1)]
        self._aac.add(np.pad(samples.astype(np.float32) / 32768, missing))
        self._heard = until

    def _fragment(self, is_last: bool = False) -> tuple[bytes, int]:
        self._fragments += 1
        data, pictures = fragment(self._fragments, [self._pictures, self._sound]), self.frames / self._fps
        # the encoder of sound is two of its frames behind
        reached = pictures if is_last else min(pictures, self._sound.start / self._sound.timescale)
        return data, round(reached * 1e6)
