"""A real video that costs next to nothing to draw."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
from huasheng.render.v1 import render_pb2

from services.common.media.x264 import EncoderOptions, set_up

FPS = 25


def grey_of(number: int) -> int:
    """How bright a picture is."""
    return 40 + number * 7 % 180


def picture(frame: int, start: int) -> render_pb2.StreamRenderResponse:
    """A picture of a live session; its number stands in its data."""
    us = 1_000_000 // FPS
    return render_pb2.StreamRenderResponse(
        picture=render_pb2.Picture(
            data=frame.to_bytes(4, "little"),
            pts_us=frame * us,
            duration_us=us,
            key=frame % FPS == 0,
            loop_frame=start + frame,
        )
    )


class TinyVideo:
    """A real fragmented MP4 of 64×64 grey pictures, written piece by piece; of a given size with the encoder's settings
    of the render service."""

    def __init__(self, size: tuple[int, int] | None = None) -> None:
        self._size = size or (64, 64)
        self._out = io.BytesIO()
        flags = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
        self._container = av.open(_Unseekable(self._out), "w", format="mp4", options=flags)
        self._stream = self._container.add_stream(
            "libx264", rate=FPS, options={"preset": "ultrafast", "tune": "zerolatency"}
        )
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.gop_size = 5
        if size:
            set_up(self._stream.codec_context, size, FPS, EncoderOptions())
        self._container.start_encoding()

    def add(self, number: int) -> None:
        picture = np.full(self._size[::-1], grey_of(number), np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="gray")
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


def tiny_film(frames: int = 5) -> bytes:
    """A whole one."""
    video = TinyVideo()
    for n in range(frames):
        video.add(n)
    return video.finish()


class _Unseekable:
    def __init__(self, out: io.BytesIO) -> None:
        self.write = out.write
