"""A few pictures from all over a film, at once: to look at it before the long work begins."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from services.render.media.picture import Bgr, Converter
from services.render.media.read import VideoInfo, opened, video_stream

COUNT = 8
"""Places in the film that are looked at."""
BUDGET_S = 0.8
"""Time for reaching places that lie between key frames; key frames themselves come at once."""
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
    found: dict[float, Bgr] = {}
    deadline = time.monotonic() + BUDGET_S
    try:
        with opened(path) as container:
            stream = video_stream(container, path.name)
            for number in range(COUNT):
                wanted = length * number / COUNT if number + 1 < COUNT else length - 2 / info.source_fps
                at, frame = _frame_near(container, stream, max(0.0, wanted), deadline)
                if frame is not None and at not in found:
                    found[at] = converter.to_bgr(frame)
    except av.error.FFmpegError:
        pass  # whoever reads the film to its end says what is wrong with it
    times = sorted(found)
    gaps = [b - a for a, b in zip([0.0, *times], [*times, length], strict=True)]
    return Samples([found[t] for t in times], times, len(times) > 2 and max(gaps) <= (1 - WHOLE) * length)


def _frame_near(
    container: InputContainer, stream: VideoStream, wanted: float, deadline: float
) -> tuple[float, VideoFrame | None]:
    """The frame at ``wanted`` seconds or, when time is short, the key frame before it; with its time."""
    base, start = stream.time_base, stream.start_time or 0
    assert base is not None
    container.seek(start + int(wanted / base), stream=stream)
    at, chosen = 0.0, None
    for frame in container.decode(stream):
        at, chosen = float((frame.pts or 0) - start) * float(base), frame
        if at >= wanted or time.monotonic() > deadline:
            break
    return at, chosen
