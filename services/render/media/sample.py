"""A few pictures from all over a film, at once: to look at it before the long work begins."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.video.frame import VideoFrame

from services.common.media.containers import opened
from services.render.media.picture import Bgr, Converter
from services.render.media.read import VideoInfo, video_stream

COUNT = 6
"""Places in the film that are looked at."""
BUDGET = 250_000_000
"""Pixels that may be decoded to reach places between key frames, which themselves come at once: about 0.7 s
of one core."""
WHOLE = 0.6
"""Part of the film that the pictures must span to stand for all of it."""


@dataclass(frozen=True)
class Samples:
    """Pictures of a film in their order."""

    pictures: list[Bgr]
    times: list[float]
    """Seconds from the film's first picture."""
    is_spread: bool
    """Whether they lie all over the film, so that what none of them shows is not in it."""


def sample_frames(path: Path, info: VideoInfo, max_side: int, limit_s: float) -> Samples:
    """Up to ``COUNT`` pictures, scaled down to ``max_side``, of the first ``limit_s`` of a film that ``probe`` read.

    Damage is no error here: there are fewer pictures then.
    """
    length = min(info.duration_s, limit_s)
    converter = Converter(info.width, info.height, info.orientation, max_side)
    wanted = [length * i / COUNT for i in range(COUNT - 1)] + [max(0.0, length - 2 / info.source_fps)]
    try:
        frames = _frames_near(path, wanted, BUDGET // max(1, info.width * info.height))
        found = {at: converter.to_bgr(frame) for at, frame in frames}
    except av.error.FFmpegError:
        found = {}  # whoever reads the film to its end says what is wrong with it
    times = sorted(found)
    gaps = [b - a for a, b in zip([0.0, *times], [*times, length], strict=True)]
    return Samples([found[t] for t in times], times, len(times) > 2 and max(gaps) <= (1 - WHOLE) * length)


def _frames_near(path: Path, wanted: list[float], budget: int) -> Iterator[tuple[float, VideoFrame]]:
    """For each of the wanted times, in seconds, the frame there, or the key frame before it once ``budget`` frames were
    decoded; with its own time. A key frame that serves several is given once."""
    with opened(path, path.name) as container:
        stream = video_stream(container, path.name)
        base = float(stream.time_base or 0)
        keys = sorted(float(p.pts) for p in container.demux(stream) if p.is_keyframe and p.pts is not None)
    if not keys:
        return
    with opened(path, path.name) as container:
        stream = video_stream(container, path.name)
        stream.codec_context.skip_frame = "NONREF"  # frames that no other needs are half of the work
        frames, at = container.decode(stream), -1.0
        for time in wanted:
            target = keys[0] + time / base
            key = keys[max(0, bisect.bisect_right(keys, target) - 1)]
            if key > at and key > keys[0]:
                container.seek(int(key), stream=stream)
                frames = container.decode(stream)
            elif budget <= 0 and at >= 0:
                continue
            for frame in frames:
                budget -= 1
                at = float(frame.pts or 0)
                if at >= target or (budget <= 0 and at >= key):
                    yield (at - keys[0]) * base, frame
                    break
