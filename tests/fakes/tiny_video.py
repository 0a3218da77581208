"""A real video that costs next to nothing to draw."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np

FPS = 25


class TinyVideo:
    """A real fragmented MP4 of 64×64 grey pictures, written piece by piece."""

    def __init__(self) -> None:
        self._out = io.BytesIO()
        flags = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
        self._container = av.open(_Unseekable(self._out), "w", format="mp4", options=flags)
        self._stream = self._container.add_stream(
            "libx264", rate=FPS, options={"preset": "ultrafast", "tune": "zerolatency"}
        )
        self._stream.width = self._stream.height = 64
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.gop_size = 5
        self._container.start_encoding()

    def add(self, number: int) -> None:
        frame = av.VideoFrame.from_ndarray(np.full((64, 64), 40 + number * 7 % 180, np.uint8), format="gray")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        self._container.mux(self._stream.encode(frame.reformat(format="yuv420p")))

    def take(self) -> bytes:
        data = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return data

    def finish(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self.take()


class _Unseekable:
    def __init__(self, out: io.BytesIO) -> None:
        self.write = out.write
