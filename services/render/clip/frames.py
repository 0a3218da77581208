"""Frames of an avatar on disk: H.264 in short groups, so that any frame, and either direction, is cheap to read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np

from services.render.media.planes import planes
from services.render.types import Image

GROUP = 8
QUALITY = "12"
"""x264 CRF; visually lossless, so that what is outside the mouth survives the second encoding."""
KEPT_GROUPS = 3


class Writer:
    """Writes YUV 4:2:0 pictures; use as a context manager."""

    def __init__(self, path: Path, width: int, height: int, fps: float) -> None:
        self._container = av.open(str(path), "w")
        self._stream = self._container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.codec_context.thread_count = 1
        self._stream.options = {
            "crf": QUALITY,
            "preset": "superfast",
            "bf": "0",
            "g": str(GROUP),
            "sc_threshold": "0",
            # entropy coding without arithmetic and no deblocking are read in half of the time, at a tenth more bytes
            "tune": "fastdecode",
            "x264-params": f"mbtree=1:rc-lookahead={GROUP}",
        }
        self._count = 0

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def add(self, picture: Image) -> None:
        """Append one picture."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="yuv420p")
        frame.pts = self._count
        self._count += 1
        self._container.mux(self._stream.encode(frame))


class Reader:
    """Gives frames by number. Holds a few groups of frames in memory. Not thread-safe."""

    def __init__(self, path: Path) -> None:
        self._container = av.open(str(path))
        self._stream = self._container.streams.video[0]
        self._stream.codec_context.thread_count = 1
        self._groups: OrderedDict[int, list[Image]] = OrderedDict({0: []})
        self._open = 0  # the group that the decoder is in
        self._decoder = self._container.decode(self._stream)

    def frame(self, number: int) -> Image:
        """Picture ``number``; the caller must not change it. Decodes no farther than to it, so a first one is quick."""
        group, place = divmod(number, GROUP)
        if group not in self._groups or (group != self._open and len(self._groups[group]) <= place):
            self._begin(group)
        pictures = self._groups[group]
        while len(pictures) <= place:
            pictures.append(_picture(next(self._decoder)))
        self._groups.move_to_end(group)
        return pictures[place]

    def _begin(self, group: int) -> None:
        """Put the decoder at the start of a group."""
        whole = group == self._open + 1 and len(self._groups.get(self._open, ())) == GROUP
        if not whole:
            rate, base = self._stream.average_rate, self._stream.time_base
            if rate is None or base is None:
                raise ValueError("frame store without a frame rate")
            self._container.seek(round(group * GROUP / rate / base), stream=self._stream)
            self._decoder = self._container.decode(self._stream)
        self._open = group
        self._groups.pop(group, None)
        self._groups[group] = []
        while len(self._groups) > KEPT_GROUPS:
            self._groups.popitem(last=False)

    def close(self) -> None:
        """Free the decoder; may be called twice."""
        self._groups.clear()
        self._container.close()


def pictures(store: Path) -> Iterator[Image]:
    """All stored frames in their order; the caller must not change them."""
    with av.open(str(store)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for frame in container.decode(video=0):
            yield _picture(frame)


def size_of(store: Path) -> tuple[int, int]:
    """Width and height of stored frames."""
    with av.open(str(store)) as container:
        stream = container.streams.video[0]
        return stream.width, stream.height


def _picture(frame: av.VideoFrame) -> Image:
    """A decoded picture, its planes copied once (PyAV's own way copies twice)."""
    height, width = frame.height, frame.width
    out = np.empty((height * 3 // 2, width), np.uint8)
    decoded: tuple[Any, ...] = frame.planes  # buffers, though not declared so
    for plane, to in zip(decoded, planes(out), strict=True):
        to[:] = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: to.shape[0], : to.shape[1]]
    return out
