"""Reads videos and pictures the way an avatar needs them: upright, square pixels, even sides, constant frame rate.

kind_of(path) -> "video" | "portrait"      probe(path) -> VideoInfo
read_frames(path, ...) -> (t_s, bgr)        read_image(path) -> bgr
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import av
import cv2
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from services.common.errors import HuashengError
from services.common.media.containers import first_picture, head_of, opened, pictures_of, require_decoder
from services.common.media.file_types import picture_type
from services.common.media.pictures import read_picture
from services.render.media.fields import Deinterlacer, field_order
from services.render.media.picture import Bgr, Converter, Orientation, even, fitted

RATES = (24, 25, 30)
"""Frame rates an avatar may have."""
FILM_RATES = (
    *(Fraction(1000 * n, 1001) for n in (24, 30, 60)),
    *(Fraction(n) for n in (24, 25, 30, 48, 50, 60)),
)
"""Frame rates of films that keep their own."""
Rate = TypeVar("Rate", int, Fraction)
MAX_SOURCE_SIDE = 8192
"""Larger sources are refused: one decoded picture would already need 200 MB."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video is. Sizes are as displayed: after rotation, with square pixels."""

    width: int
    height: int
    fps: int
    """The constant rate it is read at, one of ``RATES``."""
    source_fps: float
    duration_s: float
    frames: int
    """Frames in the file, before they are brought to the constant rate."""
    has_audio: bool
    codec: str
    is_vfr: bool
    start_s: float
    """Time of the first picture on the file's own clock: sound before it is not seen spoken."""
    orientation: Orientation
    """How the stored picture is turned for display."""
    late_s: float = 0.0
    """How long a player plays sound before the first picture comes, 0 or more."""


def constant_rate(rate: float) -> int:
    """The rate of ``RATES`` that shows frames taken at ``rate`` per second most evenly.

    Whole multiples and fractions come first (50 -> 25, 59.94 -> 30, 15 -> 30, 12 -> 24), then the nearest.
    """
    return _most_even(rate, RATES)


def film_rate(rate: float) -> Fraction:
    """The same of ``FILM_RATES``: 29.97, 50 and 60 stay."""
    return _most_even(rate, FILM_RATES)


def _most_even(rate: float, rates: Sequence[Rate]) -> Rate:
    def unevenness(candidate: Rate) -> tuple[float, float]:
        ratio = max(rate, 0.001) / float(candidate)
        ratio = ratio if ratio >= 1 else 1 / ratio
        off = abs(ratio / round(ratio) - 1)
        return round(off, 4) if round(ratio) <= 5 and off < 0.01 else 1.0, abs(float(candidate) - rate)

    return min(rates, key=unevenness)


def video_stream(container: InputContainer, name: str) -> VideoStream:
    """The stream of moving pictures. Raises ``wrong-kind`` and ``corrupt-media`` where there is none."""
    stream = pictures_of(container)
    if stream is not None:
        require_decoder(stream, name)
        return stream
    if container.streams.audio:
        raise HuashengError(
            "wrong-kind",
            name=name,
            kind="a recording",
            kind_zh="录音",
            needed="a film or a picture",
            needed_zh="视频或图片",
        )
    raise HuashengError("corrupt-media", name=name)


def kind_of(path: Path) -> str:
    """``video`` or ``portrait``, decided by the content.

    Raises what ``opened`` raises, and ``wrong-kind`` for sound without pictures.
    """
    if picture_type(head_of(path, path.name)):
        return "portrait"
    with opened(path, path.name) as container:
        video_stream(container, path.name)
        return "video"


def _displayed(stream: VideoStream, orientation: Orientation) -> tuple[int, int]:
    sar = stream.sample_aspect_ratio or Fraction(1)
    width = round(stream.width * sar) if 0 < sar < 10 else stream.width
    return (stream.height, width) if orientation.is_sideways else (width, stream.height)


def probe(path: Path) -> VideoInfo:
    """Read the index and one picture of a video.

    Raises ``empty-file``, ``unsupported-media``, ``wrong-kind``, ``too-big-picture`` and, when the file breaks off, has
    no pictures or cannot be decoded, ``corrupt-media``: half an upload is better uploaded again than used.
    """
    name = path.name
    try:
        with opened(path, path.name) as container:
            stream = video_stream(container, name)
            if max(stream.width, stream.height) > MAX_SOURCE_SIDE:
                raise HuashengError("too-big-picture", width=stream.width, height=stream.height, limit=MAX_SOURCE_SIDE)
            first = first_picture(container, stream, name)
            if not (stream.width and stream.height):
                raise HuashengError("corrupt-media", name=name)
            orientation = Orientation.of(first)
            has_audio = bool(container.streams.audio)
            declared = container.duration / av.time_base if container.duration else 0.0
            start_s = first.time or 0.0
            codec = stream.codec_context.name
            width, height = _displayed(stream, orientation)
        with opened(path, path.name) as container:  # again from the start; seeking is not exact in every container
            times, end = _timestamps(container, video_stream(container, name))
    except av.error.FFmpegError as e:
        raise HuashengError("corrupt-media", name=name) from e
    if not times or (declared and end < 0.9 * declared - 0.5):
        raise HuashengError("corrupt-media", name=name)
    rate, is_vfr = _rate(times, float(stream.average_rate or 25))
    return VideoInfo(
        width,
        height,
        constant_rate(rate),
        rate,
        times[-1] - times[0] + 1 / rate,
        len(times),
        has_audio,
        codec,
        is_vfr,
        start_s,
        orientation,
        max(0.0, times[0]),
    )


def _timestamps(container: InputContainer, video: VideoStream) -> tuple[list[float], float]:
    """Sorted times of all pictures, and the time up to which the file really has data; nothing is decoded."""
    times: list[float] = []
    start = (container.start_time or 0) / av.time_base
    end = 0.0
    for packet in container.demux([video, *container.streams.audio]):
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None or packet.is_corrupt or packet.is_discard:
            continue
        t = float(stamp * packet.time_base) - start
        end = max(end, t + float((packet.duration or 0) * packet.time_base))
        if packet.stream is video:
            times.append(t)
    return sorted(times), end


def _rate(times: list[float], declared: float) -> tuple[float, bool]:
    """Frames per second and whether they come unevenly; dropped frames do not change the rate."""
    gaps = [b - a for a, b in pairwise(times) if b > a]
    if not gaps:
        return declared, False
    median = statistics.median(gaps)
    uneven = sum(abs(g - median) > 0.2 * median for g in gaps)
    if uneven > max(1, 0.02 * len(gaps)):
        return 1 / median, True
    return sum(round(g / median) for g in gaps) / sum(gaps), False


def read_frames(
    path: Path,
    fps: int | Fraction | None = None,
    max_side: int | None = None,
    limit_s: float | None = None,
    threads: int = 1,
    *,
    as_played: bool = False,
) -> Iterator[tuple[float, Bgr]]:
    """Pictures of a video at a constant rate, as ``(seconds, bgr)`` starting at 0; each picture is a new array.

    ``fps`` is the rate (``probe(path).fps`` when None), ``max_side`` scales larger pictures down, ``limit_s`` ends the
    reading. Frames are chosen by their real times: a variable rate keeps its speed. Pictures that cannot be decoded
    are skipped; more than one in twenty of them is ``corrupt-media``. Raises what ``probe`` raises.

    With ``as_played`` they are what a player shows at each moment, as its sound goes on: nothing is sped up, and the
    first picture stands for the time before it as well.
    """
    info = probe(path)
    step = float(1 / (fps or info.fps))
    # 23.976 and 29.97 are shown as 24 and 30 frame by frame: a repeated frame every 33 s would show, 0.1 % does not
    speed = 1.0
    ratio = info.source_fps * step
    if not as_played and not info.is_vfr and abs(max(ratio, 1 / ratio) / round(max(ratio, 1 / ratio)) - 1) < 0.01:
        whole = round(ratio) if ratio >= 1 else 1 / round(1 / ratio)
        speed = ratio / whole
    late_s = info.late_s if as_played else 0.0
    end = min(late_s + info.duration_s * speed, limit_s or float("inf"))
    count = max(1, round(end / step))
    tick = 0
    # a player shows a frame from its own time on; half a frame is for times that are not exact
    slack = 0.5 * min(step, 1 / info.source_fps)
    converter = Converter(info.width, info.height, info.orientation, max_side)
    held: VideoFrame | None = None
    held_t = 0.0
    for t, frame in _decoded(path, info, threads):
        t = late_s + t * speed
        # the held frame is shown at every tick that is nearer to it than to the new one; in the middle it stays (1 ms
        # is how exact times are in some containers)
        while (
            held is not None and tick < count and tick * step <= (t - slack if as_played else (held_t + t + 0.001) / 2)
        ):
            yield tick * step, converter.to_bgr(held)
            tick += 1
        if tick >= count:
            return
        held, held_t = frame, t
    while held is not None and tick < count:
        yield tick * step, converter.to_bgr(held)
        tick += 1


def _decoder(stream: VideoStream) -> VideoCodecContext:
    """The stream's decoder; for a see-through WebM the one that knows of it (FFmpeg's own VP8 and VP9 do not)."""
    name = stream.codec_context.name
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    if name not in ("vp8", "vp9") or tags.get("alpha_mode") != "1":
        return stream.codec_context
    decoder = av.CodecContext.create("libvpx" if name == "vp8" else "libvpx-vp9", "r")
    assert isinstance(decoder, VideoCodecContext)
    return decoder


def _decoded(path: Path, info: VideoInfo, threads: int) -> Iterator[tuple[float, VideoFrame]]:
    """All pictures, whole ones, with their times from the first one; skips what is broken, within reason."""
    bad = good = 0
    first: float | None = None
    with opened(path, path.name) as container:
        order = field_order(container, video_stream(container, path.name))
    with opened(path, path.name) as container:
        stream = video_stream(container, path.name)
        decoder = _decoder(stream)
        decoder.thread_count = threads
        whole = Deinterlacer(order)
        try:
            for packet in container.demux(stream):
                try:
                    frames = whole.frames(decoder.decode(packet), last=packet.dts is None)
                except av.error.InvalidDataError as e:
                    bad += 1
                    if bad > max(3, 0.05 * info.frames):
                        raise HuashengError("corrupt-media", name=path.name) from e
                    continue
                for frame in frames:
                    t = frame.time if frame.time is not None else good / info.source_fps
                    first = t if first is None else first
                    good += 1
                    yield t - first, frame
        except av.error.FFmpegError as e:
            raise HuashengError("corrupt-media", name=path.name) from e
    if not good:
        raise HuashengError("corrupt-media", name=path.name)


def read_image(path: Path, max_side: int | None = None) -> Bgr:
    """A picture, upright (EXIF), transparent parts on white, longest side at most ``max_side``.

    Raises what ``read_picture`` raises.
    """
    picture = cv2.cvtColor(read_picture(path, path.name, MAX_SOURCE_SIDE), cv2.COLOR_RGB2BGR)
    size = fitted(picture.shape[1], picture.shape[0], max_side)
    if size[0] + 1 < picture.shape[1] or size[1] + 1 < picture.shape[0]:
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return even(picture)
