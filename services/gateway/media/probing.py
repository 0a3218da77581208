"""What an uploaded file is, found by opening it: kind, length, size, sound, and whether it is complete.

Runs in a process of its own (``probe_server``): a small file may unfold to gigabytes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from services.common.audio import SILENCE_DBFS, peak_dbfs
from services.common.errors import HuashengError
from services.common.media.containers import first_picture, head_of, opened, pictures_of, require_decoder, start_s
from services.common.media.file_types import picture_type
from services.common.media.pictures import picture_info
from services.common.media.sound import mono_pieces

_SOUNDS = {
    "wav": "audio/wav",
    "w64": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "aac": "audio/aac",
    "amr": "audio/amr",
    "asf": "audio/x-ms-wma",
    "aiff": "audio/aiff",
    "caf": "audio/x-caf",
    "au": "audio/basic",
    "ac3": "audio/ac3",
    "eac3": "audio/eac3",
    "webm": "audio/webm",
    "mov": "audio/mp4",
}
_FILMS = {
    "avi": "video/x-msvideo",
    "flv": "video/x-flv",
    "mpegts": "video/mp2t",
    "mpeg": "video/mpeg",
    "asf": "video/x-ms-wmv",
    "mxf": "application/mxf",
    "rm": "application/vnd.rn-realmedia",
    "ogg": "video/ogg",
}
_INDEXED = {"mov", "matroska", "avi", "asf", "flv", "wav", "w64", "flac", "aiff", "caf", "ape"}
"""Formats whose header says how long they are; of others FFmpeg guesses."""
_SEEKABLE = {"mov", "matroska", "avi"}
MIN_AUDIO_S = 0.1
_SPEECH_HZ = 16000


@dataclass(frozen=True)
class ProbeLimits:
    """Lengths in seconds and the longest side in pixels; see ``GatewaySettings``."""

    max_audio_s: float
    max_video_s: float
    max_side_px: int


@dataclass(frozen=True)
class MediaFacts:
    """What was found in a file; None where it does not apply. Sizes are as shown: upright, with square pixels."""

    kind: str
    content_type: str
    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    sample_rate_hz: int | None = None
    has_audio: bool = False
    silent: bool | None = None
    animated: bool = False

    def row(self) -> dict[str, Any]:
        """As kept in the assets table: without ``kind`` and ``content_type``, which have columns of their own."""
        return {k: v for k, v in asdict(self).items() if k not in ("kind", "content_type")}


def probe(path: Path, name: str, limits: ProbeLimits) -> MediaFacts:
    """Open a file and read it through.

    Raises ``empty-file``, ``unsupported-media``, ``foreign-format``, ``corrupt-media``, ``media-too-heavy``,
    ``too-large``, ``too-short``, ``too-long``, ``too-big-picture``.
    """
    if picture_type(head_of(path, name)):
        info = picture_info(path, name, limits.max_side_px)
        return MediaFacts("image", info.content_type, width=info.width, height=info.height, animated=info.animated)
    _require_whole_riff(path, name)
    try:
        with opened(path, name) as container:
            pictures = pictures_of(container)
            seconds = container.duration / av.time_base if container.duration else 0.0
            if pictures is not None:
                _check_length(seconds if _names(container) & _INDEXED else 0.0, limits.max_video_s, name)
                return _probe_film(container, pictures, path=path, name=name, limits=limits)
            if not container.streams.audio:
                raise HuashengError("unsupported-media", name=name)
            if _names(container) & _INDEXED:
                _check_length(seconds, limits.max_audio_s, name)
            return _probe_sound(container, path, name, limits)
    except (av.error.FFmpegError, ValueError, IndexError) as e:
        raise HuashengError("corrupt-media", name=name) from e


def _require_whole_riff(path: Path, name: str) -> None:
    """WAV and AVI say how many bytes they have; FFmpeg believes the file instead. Live recorders write huge numbers."""
    with path.open("rb") as file:
        head = file.read(8)
    promised = int.from_bytes(head[4:], "little")
    if head[:4] == b"RIFF" and promised < 2**30 and path.stat().st_size < 0.9 * promised:
        raise HuashengError("corrupt-media", name=name)


def _names(container: InputContainer) -> set[str]:
    return set(container.format.name.split(","))


def _check_length(seconds: float, limit: float, name: str) -> None:
    if seconds > limit:
        raise HuashengError("too-long", name=name, seconds=round(seconds), limit=round(limit))


def _require_whole(promised_s: float, found_s: float, name: str) -> None:
    if promised_s - found_s > max(1.0, promised_s * 0.1):
        raise HuashengError("corrupt-media", name=name)


def _probe_sound(container: InputContainer, path: Path, name: str, limits: ProbeLimits) -> MediaFacts:
    stream = container.streams.audio[0]
    require_decoder(stream, name)
    count, loudest = 0, -120.0
    for piece in mono_pieces(path, _SPEECH_HZ, name):
        count += piece.size
        loudest = max(loudest, peak_dbfs(piece, _SPEECH_HZ))
        _check_length(count / _SPEECH_HZ / 1.01, limits.max_audio_s, name)
    seconds, names = count / _SPEECH_HZ, _names(container)
    if seconds < MIN_AUDIO_S:
        raise HuashengError("too-short", name=name, seconds=round(seconds, 2), limit=MIN_AUDIO_S)
    if names & _INDEXED and container.duration:
        _require_whole(container.duration / av.time_base, seconds, name)
    return MediaFacts(
        "audio",
        next((kind for form, kind in _SOUNDS.items() if form in names), "application/octet-stream"),
        round(seconds, 3),
        sample_rate_hz=stream.codec_context.sample_rate,
        has_audio=True,
        silent=loudest < SILENCE_DBFS,
    )


def _probe_film(
    container: InputContainer, stream: VideoStream, *, path: Path, name: str, limits: ProbeLimits
) -> MediaFacts:
    require_decoder(stream, name)
    context = stream.codec_context
    if max(context.width, context.height) > limits.max_side_px:  # before decoding
        raise HuashengError("too-big-picture", width=context.width, height=context.height, limit=limits.max_side_px)
    context.thread_count = 1  # every further thread keeps pictures of its own
    width, height = _size_shown(first_picture(container, stream, name), stream)
    seconds, picture_s, frames = _read_through(path, name)
    _check_length(seconds, limits.max_video_s, name)
    if frames < 1:
        raise HuashengError("corrupt-media", name=name)
    if _names(container) & _SEEKABLE:
        _decode_end(container, stream, picture_s, name)
    sound = container.streams.audio[0] if container.streams.audio else None
    return MediaFacts(
        kind="video",
        content_type=_film_type(container, context.name),
        duration_s=round(seconds, 3),
        width=width,
        height=height,
        fps=round(float(stream.average_rate or 0) or frames / max(picture_s, 0.04), 3),
        sample_rate_hz=sound.codec_context.sample_rate if sound and sound.codec_context else None,
        has_audio=sound is not None,
    )


def _film_type(container: InputContainer, codec: str) -> str:
    names = _names(container)
    if "matroska" in names:
        return (
            "video/webm" if codec in ("vp8", "vp9", "av1", "libdav1d", "libvpx", "libvpx-vp9") else "video/x-matroska"
        )
    if container.metadata.get("major_brand", "").startswith("qt"):
        return "video/quicktime"
    return next((kind for form, kind in _FILMS.items() if form in names), "video/mp4")


def _size_shown(frame: av.VideoFrame, stream: VideoStream) -> tuple[int, int]:
    aspect = stream.sample_aspect_ratio or 1
    width = round(frame.width * aspect) if 0 < aspect < 10 else frame.width
    return (frame.height, width) if round(frame.rotation / 90) % 2 else (width, frame.height)


def _read_through(path: Path, name: str) -> tuple[float, float, int]:
    """From the packets alone: length as a player shows it, length of the film in seconds, and its pictures.

    A stream that ends before its header says so has been cut off. Sound may be longer or later than the film.
    """
    with opened(path, name) as container:
        film = pictures_of(container)
        assert film is not None
        streams = [film, *container.streams.audio[:1]]
        zero, frames = start_s(container), 0
        spans: dict[int, tuple[float, float]] = {}
        for packet in container.demux(streams):
            at = packet.pts if packet.pts is not None else packet.dts
            if not packet.size or at is None:
                continue
            if packet.is_corrupt and _names(container) & _INDEXED:
                raise HuashengError("corrupt-media", name=name)
            begin = float(at * packet.time_base)
            end = begin + float((packet.duration or 0) * packet.time_base)
            known = spans.get(packet.stream.index, (begin, end))
            spans[packet.stream.index] = (min(known[0], begin), max(known[1], end))
            frames += packet.stream.index == film.index
        if film.index not in spans:
            raise HuashengError("corrupt-media", name=name)
        if _names(container) & _INDEXED:
            whole = container.duration / av.time_base if container.duration else 0.0
            _require_whole(whole, max(end for _, end in spans.values()) - min(0.0, zero), name)
            for stream in streams:
                if stream.duration and stream.time_base:
                    begin, end = spans.get(stream.index, (0.0, 0.0))
                    _require_whole(float(stream.duration * stream.time_base), end - begin, name)
        begin, end = spans[film.index]
        return max(e for _, e in spans.values()) - zero, end - begin, frames


def _decode_end(container: InputContainer, stream: VideoStream, seconds: float, name: str) -> None:
    """Check that the last second of the film decodes; the header does not show whether it does."""
    base = float(stream.time_base or 0.001)
    start = (stream.start_time or 0) * base
    container.seek(round((start + max(seconds - 1.0, 0.0)) / base), stream=stream)
    last = 0.0
    for frame in container.decode(stream):
        last = max(last, frame.time or 0.0)
    if last - start < seconds - 1.5:
        raise HuashengError("corrupt-media", name=name)
