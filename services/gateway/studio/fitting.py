"""Brings the pictures of any film into a video's frame: upright, square pixels, whole, with black bars."""

from __future__ import annotations

from fractions import Fraction

from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

_UNTAGGED, _HD = 2, 1280
"""A colour space that is not given, and the side from which players then take BT.709."""


class Fitter:
    """Fits pictures into ``size`` (width, height); they may change their form on the way."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._form: tuple[object, ...] = ()
        self._graph = Graph()

    def picture(self, frame: VideoFrame, aspect: float) -> VideoFrame:
        """A picture in YUV 4:2:0, BT.709 limited range. ``aspect`` is that of its pixels, width to height."""
        form = (
            frame.width,
            frame.height,
            frame.format.name,
            frame.rotation,
            frame.colorspace,
            frame.color_range,
            aspect,
        )
        if form != self._form:
            self._form, self._graph = form, self._made(frame, aspect)
        self._graph.push(frame)
        out = self._graph.pull()
        assert isinstance(out, VideoFrame)
        return out

    def _made(self, frame: VideoFrame, aspect: float) -> Graph:
        turns = round(frame.rotation / 90) % 4  # counter-clockwise
        width, height = frame.width * aspect, float(frame.height)
        if turns % 2:
            width, height = height, width
        scale = min(self._size[0] / width, self._size[1] / height)
        inner = [max(round(side * scale / 2) * 2, 2) for side in (width, height)]
        full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
        untagged_hd = frame.colorspace == _UNTAGGED and max(frame.width, frame.height) >= _HD
        scaler = (
            f"w={inner[0]}:h={inner[1]}:flags={'area' if scale < 1 else 'bicubic'}+accurate_rnd+full_chroma_int"
            f":in_range={'full' if full else 'limited'}:out_range=limited:out_color_matrix=bt709"
            f"{':in_color_matrix=bt709' if untagged_hd else ''}"
        )
        graph = Graph()
        nodes = [
            graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=frame.time_base or Fraction(1, 1000),
            ),
            *(graph.add("transpose", "cclock") for _ in range(turns)),
            graph.add("scale", scaler),
            graph.add("format", "yuv420p"),
            graph.add("pad", f"{self._size[0]}:{self._size[1]}:-1:-1:black"),
            graph.add("setsar", "1"),
            graph.add("buffersink"),
        ]
        graph.link_nodes(*nodes).configure()
        return graph
