"""Films with transparency, from pictures with their mask below: WebM for pages, MOV for editing programs.

Picture by picture: nothing but what the encoders look ahead is in memory.
"""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream

from services.common.errors import HuashengError
from services.gateway.marks.label import KEY
from services.gateway.studio.loudness import LAYOUTS
from services.gateway.studio.straight_alpha import deepened, straight

_VP9 = {
    "draft": {"crf": "36", "deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"},
    "standard": {"crf": "28", "deadline": "realtime", "cpu-used": "6", "lag-in-frames": "0"},
    "high": {"crf": "20", "deadline": "good", "cpu-used": "5", "lag-in-frames": "8"},
}
"""A talking head is as good with ``realtime``, for a fifth of the work."""
_PRORES_BITS = {"draft": 2500, "standard": 5000, "high": 8000}
"""Bits for a macroblock, of 16 x 16 pixels."""
_OPUS_BITS = 96_000
_OPUS_HZ = 48000


def export(
    film: Path,
    sound: Path,
    target: Path,
    container: str,
    *,
    label: str,
    quality: str = "standard",
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> int:
    """Write a film with transparency; returns its pictures. Blocking, with little memory.

    ``film``: MP4 twice as high as the video, the person above on black, the mask below; ``sound``: 16-bit WAV.
    ``container``: ``webm`` (VP9, Opus) or ``mov`` (ProRes 4444, PCM). ``label``: the AIGC label, which becomes a tag of
    the file. ``progress`` takes 0 to 1. What is left of an attempt that failed is removed. Raises ``cancelled`` and
    ``corrupt-media``.
    """
    try:
        with av.open(str(film)) as source, wave.open(str(sound), "rb") as speech:
            return _Export(source, speech, container, quality, cancelled).write(target, label, progress)
    except (av.error.FFmpegError, wave.Error, EOFError) as e:
        target.unlink(missing_ok=True)
        raise HuashengError("corrupt-media", name=film.name) from e
    except BaseException:
        target.unlink(missing_ok=True)
        raise


class _Export:
    """One film that is being written."""

    def __init__(
        self, film: InputContainer, speech: wave.Wave_read, kind: str, quality: str, cancelled: Callable[[], bool]
    ) -> None:
        self._film, self._speech, self._kind, self._quality = film, speech, kind, quality
        self._cancelled = cancelled
        self._stream = film.streams.video[0]
        self._stream.codec_context.thread_count = 1  # every further thread keeps pictures of its own
        self._rate = Fraction(self._stream.average_rate or 25)
        self._seconds = (film.duration or 0) / av.time_base
        self._sent = 0  # samples
        self._convert = VideoReformatter()

    def write(self, target: Path, label: str, progress: Callable[[float], None]) -> int:
        count, told = 0, -1
        how = {"movflags": "use_metadata_tags+faststart"} if self._kind == "mov" else {}
        with av.open(str(target), "w", format=self._kind, container_options=how) as out:
            out.metadata[KEY] = label
            pictures, sound = self._picture_stream(out), self._sound_stream(out)
            for frame in self._film.decode(self._stream):
                if self._cancelled():
                    raise HuashengError("cancelled")
                picture = straight(frame)
                if self._kind == "mov":
                    picture = deepened(picture, self._convert)
                picture.pts, picture.time_base = count, 1 / self._rate
                count += 1
                out.mux(pictures.encode(picture))
                for piece in self._sound_until(count / self._rate):
                    out.mux(sound.encode(piece))
                done = min(count / max(float(self._seconds * self._rate), 1.0), 1.0)
                if int(done * 100) != told:
                    told = int(done * 100)
                    progress(done)
            out.mux(pictures.encode(None))
            out.mux(sound.encode(None))
        return count

    def _picture_stream(self, out: OutputContainer) -> VideoStream:
        width, height = self._stream.width, self._stream.height // 2
        stream: VideoStream
        if self._kind == "webm":
            # alt-ref pictures and alpha exclude each other in libvpx
            options = _VP9[self._quality] | {"b": "0", "auto-alt-ref": "0", "row-mt": "1"}
            stream = out.add_stream("libvpx-vp9", rate=self._rate, options=options)
            stream.pix_fmt = "yuva420p"
            stream.codec_context.gop_size = round(self._rate * 5)
            stream.metadata["alpha_mode"] = "1"
        else:
            options = {
                "profile": "4444",
                "alpha_bits": "16",
                "bits_per_mb": str(_PRORES_BITS[self._quality]),
                "vendor": "apl0",
            }
            stream = out.add_stream("prores_ks", rate=self._rate, options=options)
            stream.pix_fmt = "yuva444p10le"
        context = stream.codec_context
        stream.width, stream.height = width, height
        context.time_base = 1 / self._rate
        context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        return stream

    def _sound_stream(self, out: OutputContainer) -> AudioStream:
        layout, rate = LAYOUTS[self._speech.getnchannels()], self._speech.getframerate()
        stream: AudioStream
        if self._kind == "webm":
            stream = out.add_stream("libopus", rate=_OPUS_HZ, layout=layout)
            stream.bit_rate = _OPUS_BITS
        else:
            stream = out.add_stream("pcm_s16le", rate=rate, layout=layout)
        return stream

    def _sound_until(self, seconds: Fraction) -> Iterator[AudioFrame]:
        """Sound up to a time; silence where the WAV is shorter."""
        rate, channels = self._speech.getframerate(), self._speech.getnchannels()
        n = round(seconds * rate) - self._sent
        data = self._speech.readframes(n)
        samples = np.frombuffer(data.ljust(n * channels * 2, b"\0"), "<i2").reshape(1, -1)
        frame = AudioFrame.from_ndarray(samples, "s16", LAYOUTS[channels])
        frame.sample_rate, frame.pts, frame.time_base = rate, self._sent, Fraction(1, rate)
        self._sent += n
        yield frame
