"""What an uploaded file is, found by opening it: kind, length, size, sound, and whether it is complete.

The demuxers are limited to the formats we take. Left to itself FFmpeg would also open playlists, and playlists open
other files and addresses.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from services.common.audio import SILENCE_DBFS
from services.common.errors import HuashengError
from services.gateway.settings import GatewaySettings

_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm,wav,mp3,flac,ogg,aac,png_pipe,jpeg_pipe,webp_pipe,image2"
OPEN_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
_IMAGES = {"png_pipe": "image/png", "jpeg_pipe": "image/jpeg", "webp_pipe": "image/webp"}
_SOUNDS = {"wav": "audio/wav", "mp3": "audio/mpeg", "flac": "audio/flac", "ogg": "audio/ogg", "aac": "audio/aac"}
_MAGIC = (b"RIFF", b"ID3", b"fLaC", b"OggS", b"\x1aE\xdf\xa3", b"\x89PNG", b"\xff\xd8\xff")
MIN_AUDIO_S = 0.1
PROBE_S = 120.0
"""A file that takes longer to read through is refused."""


@dataclass(frozen=True)
class MediaFacts:
    """What was found in a file; None where it does not apply."""

    kind: str
    content_type: str
    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    sample_rate_hz: int | None = None
    has_audio: bool = False
    silent: bool | None = None

    def row(self) -> dict[str, Any]:
        """As kept in the assets table: without ``kind`` and ``content_type``, which have columns of their own."""
        return {k: v for k, v in asdict(self).items() if k not in ("kind", "content_type")}


def probe(path: Path, name: str, settings: GatewaySettings) -> MediaFacts:
    """Open a file and read it through; may take seconds, so call it in a thread.

    Raises ``empty-file``, ``unsupported-media``, ``corrupt-media``, ``too-short``, ``too-long``, ``too-big-picture``.
    """
    if path.stat().st_size == 0:
        raise HuashengError("empty-file", name=name)
    try:
        with av.open(str(path), options=OPEN_OPTIONS) as container:
            return _probe_container(container, path, name, settings)
    except (av.error.FFmpegError, ValueError, IndexError) as e:
        with path.open("rb") as f:
            head = f.read(16)
        is_media = head[4:8] == b"ftyp" or head.startswith(_MAGIC)
        raise HuashengError("corrupt-media" if is_media else "unsupported-media", name=name) from e


def _probe_container(
    container: av.container.InputContainer, path: Path, name: str, settings: GatewaySettings
) -> MediaFacts:
    formats = container.format.name.split(",")
    # a cover picture does not make a song a video
    pictures = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    sounds = list(container.streams.audio)
    if formats[0] in _IMAGES and pictures:
        return _probe_image(container, formats[0], name, settings)
    header_s = container.duration / av.time_base if container.duration else 0.0
    if pictures:
        _check_length(header_s, settings.max_video_s, name)
        return _probe_video(container, pictures[0], path=path, name=name, settings=settings, header_s=header_s)
    if sounds:
        _check_length(header_s, settings.max_audio_s, name)
        seconds, silent = _decode_sound(container, name, settings.max_audio_s)
        if seconds < MIN_AUDIO_S:
            raise HuashengError("too-short", name=name, seconds=round(seconds, 2), limit=MIN_AUDIO_S)
        if header_s - seconds > max(1.0, header_s * 0.1):  # the header promises more than there is
            raise HuashengError("corrupt-media", name=name)
        kind = next((_SOUNDS[f] for f in formats if f in _SOUNDS), "audio/webm" if "webm" in formats else "audio/mp4")
        rate = sounds[0].codec_context.sample_rate
        return MediaFacts("audio", kind, round(seconds, 3), sample_rate_hz=rate, has_audio=True, silent=silent)
    raise HuashengError("unsupported-media", name=name)


def _check_length(seconds: float, limit: float, name: str) -> None:
    if seconds > limit:
        raise HuashengError("too-long", name=name, seconds=round(seconds), limit=round(limit))


def _check_side(width: int, height: int, limit: int) -> None:
    if max(width, height) > limit:
        raise HuashengError("too-big-picture", width=width, height=height, limit=limit)


def _probe_image(container: av.container.InputContainer, kind: str, name: str, settings: GatewaySettings) -> MediaFacts:
    context = container.streams.video[0].codec_context
    _check_side(
        context.width, context.height, settings.max_side_px
    )  # before decoding: a small file may unfold to gigabytes
    frame = next(container.decode(video=0), None)
    if frame is None:
        raise HuashengError("corrupt-media", name=name)
    return MediaFacts("image", _IMAGES[kind], width=frame.width, height=frame.height)


def _probe_video(
    container: av.container.InputContainer,
    stream: av.video.stream.VideoStream,
    *,
    path: Path,
    name: str,
    settings: GatewaySettings,
    header_s: float,
) -> MediaFacts:
    _check_side(stream.codec_context.width, stream.codec_context.height, settings.max_side_px)
    first = next(container.decode(stream), None)
    if first is None:
        raise HuashengError("corrupt-media", name=name)
    width, height = first.width, first.height
    if first.rotation % 180:
        width, height = height, width
    seconds, frames = _read_through(path, name)
    _check_length(seconds, settings.max_video_s, name)
    if frames < 1 or header_s - seconds > max(1.0, header_s * 0.1):
        raise HuashengError("corrupt-media", name=name)
    _decode_end(container, stream, seconds, name)
    formats, codec = container.format.name.split(","), stream.codec_context.name
    kind = "video/mp4"
    if "avi" in formats:
        kind = "video/x-msvideo"
    elif "matroska" in formats:
        kind = "video/webm" if codec in ("vp8", "vp9", "av1", "libdav1d") else "video/x-matroska"
    elif container.metadata.get("major_brand", "").startswith("qt"):
        kind = "video/quicktime"
    rate = float(stream.average_rate or 0) or frames / max(seconds, 0.04)
    sound = container.streams.audio[0] if container.streams.audio else None
    return MediaFacts(
        kind="video",
        content_type=kind,
        duration_s=round(seconds, 3),
        width=width,
        height=height,
        fps=round(rate, 3),
        sample_rate_hz=sound.codec_context.sample_rate if sound else None,
        has_audio=sound is not None,
    )


def _read_through(path: Path, name: str) -> tuple[float, int]:
    """Length in seconds and number of pictures, from the packets alone. A file that breaks off ends early."""
    until, last, frames = time.monotonic() + PROBE_S, 0.0, 0
    with av.open(str(path), options=OPEN_OPTIONS) as container:
        stream = next(s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic)
        base = stream.time_base or Fraction(1, 1000)
        start = float((stream.start_time or 0) * base)
        for packet in container.demux(stream):
            if packet.size and packet.pts is not None:
                frames += 1
                last = max(last, float((packet.pts + (packet.duration or 0)) * packet.time_base) - start)
            if packet.is_corrupt or time.monotonic() > until:
                raise HuashengError("corrupt-media", name=name)
    return last, frames


def _decode_end(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, seconds: float, name: str
) -> None:
    """Check that the last second decodes; the header does not show whether it does."""
    until = time.monotonic() + PROBE_S
    base = stream.time_base or Fraction(1, 1000)
    target = int(max(seconds - 1.0, 0.0) / base) + (stream.start_time or 0)
    container.seek(target, stream=stream)
    last = 0.0
    for frame in container.decode(stream):
        last = max(last, frame.time or 0.0)
        if time.monotonic() > until:
            break
    start = float((stream.start_time or 0) * base)
    if last - start < seconds - 1.5:
        raise HuashengError("corrupt-media", name=name)


def _decode_sound(container: av.container.InputContainer, name: str, limit_s: float) -> tuple[float, bool]:
    """Decode all audio: its real length in seconds, and whether it is silent."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16000)
    count, loudest = 0, 0.0
    until = time.monotonic() + PROBE_S
    for frame in container.decode(container.streams.audio[0]):
        for out in resampler.resample(frame):
            x = out.to_ndarray()[0].astype(np.float32) / 32768
            count += x.size
            if x.size:
                loudest = max(loudest, float(np.sqrt((x**2).mean())))
        if count > limit_s * 16000 * 1.01 or time.monotonic() > until:
            raise HuashengError("too-long", name=name, seconds=round(count / 16000), limit=round(limit_s))
    return count / 16000, bool(20 * np.log10(max(loudest, 1e-6)) < SILENCE_DBFS)
