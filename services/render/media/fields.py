"""Interlaced film: finds whether a film is, whatever it says, and makes whole pictures of its fields.

FFmpeg's ``bwdif`` makes one picture of a frame, so a film's rate does not change. Frames that are whole already pass
as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import av
from av.container import InputContainer
from av.error import EOFError as GraphEnd
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

LOOK = 16
"""Frames that are looked at in each of two places, to find combs in a film that does not tell its fields."""
SURE, LEAST = 0.6, 4
"""Share and number of them that must show the same order of fields."""


class Deinterlacer:
    """Takes the frames of one film in their order; not thread-safe."""

    def __init__(self, order: str = "") -> None:
        """``order`` is ``tff`` or ``bff`` for a film whose frames are not marked, see ``field_order``."""
        self._order = order
        self._graph: Graph | None = None

    def frames(self, frames: Sequence[object], last: bool = False) -> list[VideoFrame]:
        """The whole pictures that these frames complete; with ``last`` also those that were kept back."""
        out: list[VideoFrame] = []
        for frame in frames:
            assert isinstance(frame, VideoFrame)
            if self._graph is None and not (self._order or frame.interlaced_frame):
                out.append(frame)
                continue
            if self._graph is None:
                self._graph = _graph(frame, self._order)
            self._graph.push(frame)
            out += _waiting(self._graph)
        if last and self._graph is not None:
            self._graph.push(None)
            out += _waiting(self._graph)
        return out


def _graph(frame: VideoFrame, order: str) -> Graph:
    graph = Graph()
    nodes = [
        graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base),
        graph.add("bwdif", f"mode=send_frame:parity={order or 'auto'}:deint={'all' if order else 'interlaced'}"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    return graph


def _waiting(graph: Graph) -> list[VideoFrame]:
    out: list[VideoFrame] = []
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, GraphEnd):
            return out
        assert isinstance(frame, VideoFrame)
        out.append(frame)


def field_order(container: InputContainer, stream: VideoStream) -> str:
    """``tff`` or ``bff`` when pictures show combs of two moments though no frame is marked as interlaced, else ""."""
    votes = {"tff": 0, "bff": 0, "progressive": 0}
    try:
        for place in (0.0, 0.5):
            if place and stream.duration and stream.time_base:
                container.seek(int((stream.start_time or 0) + place * stream.duration), stream=stream)
            frames = list(islice(container.decode(stream), LOOK))
            if any(frame.interlaced_frame for frame in frames):
                return ""  # the film tells, frame by frame
            for found in _judged(frames):
                votes[found] = votes.get(found, 0) + 1
            if len(frames) < LOOK:
                break
    except av.error.FFmpegError:
        return ""  # whoever reads the film will find the damage
    total = votes["tff"] + votes["bff"] + votes["progressive"]
    for order in ("tff", "bff"):
        if votes[order] >= max(LEAST, SURE * total):
            return order
    return ""


def _judged(frames: list[VideoFrame]) -> list[str]:
    """What FFmpeg's ``idet`` takes the frames for: ``tff``, ``bff``, ``progressive`` or ``undetermined``."""
    if not frames:
        return []
    graph = Graph()
    first = frames[0]
    buffer = graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base=first.time_base)
    graph.link_nodes(buffer, graph.add("idet"), graph.add("buffersink")).configure()
    judged: list[VideoFrame] = []
    for frame in [*frames, None]:
        graph.push(frame)
        judged += _waiting(graph)
    return [str(frame.metadata.get("lavfi.idet.multiple.current_frame", "")) for frame in judged]
