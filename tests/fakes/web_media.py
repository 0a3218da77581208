"""A drawn face that talks, as JPEG and fragmented MP4: what the page tests show and play."""

from __future__ import annotations

import io
import wave
from fractions import Fraction
from functools import cache

import av
import numpy as np
from numpy.typing import NDArray

FPS = 25
SIZE = 256
RATE = 24_000


def face(mouth: float, sway: float) -> NDArray[np.uint8]:
    """A plain face on paper; ``mouth`` 0 (closed) to 1, ``sway`` moves the head by so many pixels."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(float)
    x = x - sway
    picture = np.empty((SIZE, SIZE, 3))
    picture[:] = (205, 196, 182)

    def blob(cx: float, cy: float, rx: float, ry: float, colour: tuple[int, int, int]) -> None:
        picture[((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1] = colour

    blob(128, 280, 110, 90, (70, 84, 92))
    blob(128, 100, 66, 80, (52, 44, 40))
    blob(128, 120, 54, 68, (222, 184, 158))
    for eye in (108, 148):
        blob(eye, 108, 6, 4, (40, 34, 32))
    blob(128, 158, 18, 3 + 9 * mouth, (146, 62, 56))
    return picture.astype(np.uint8)


@cache
def thumbnail() -> bytes:
    """The face as JPEG."""
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width = encoder.height = SIZE
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1, FPS)
    frame = av.VideoFrame.from_ndarray(face(0, 0), format="rgb24").reformat(format="yuvj420p")
    frame.pts = 0
    return b"".join(bytes(p) for p in [*encoder.encode(frame), *encoder.encode(None)])


@cache
def movie(seconds: float, sound: bool = True) -> bytes:
    """The face talking for ``seconds``: fragmented MP4, H.264 (and AAC with ``sound``)."""
    out = io.BytesIO()
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    with av.open(out, "w", format="mp4", options=options) as container:
        video = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "g": "12", "threads": "1"})
        video.width = video.height = SIZE
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=RATE, layout="mono") if sound else None
        for n in range(round(seconds * FPS)):
            t = n / FPS
            mouth = abs(np.sin(9 * t)) if sound else 0.0
            picture = av.VideoFrame.from_ndarray(face(mouth, 3 * np.sin(2 * np.pi * t / 2)), format="rgb24")
            picture.pts = n
            container.mux(video.encode(picture))
            if audio:
                samples = 0.1 * np.sin(2 * np.pi * 220 * (np.arange(RATE // FPS) / RATE + t))
                chunk = av.AudioFrame.from_ndarray(samples.astype(np.float32)[None], format="fltp", layout="mono")
                chunk.sample_rate = RATE
                chunk.pts = n * (RATE // FPS)
                container.mux(audio.encode(chunk))
        container.mux(video.encode(None))
        if audio:
            container.mux(audio.encode(None))
    return out.getvalue()


def fragments(data: bytes) -> list[bytes]:
    """The pieces of a fragmented MP4: its head, then each ``moof`` with its ``mdat``."""
    cuts = [0]
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"moof":
            cuts.append(at)
        at += size
    return [data[a:b] for a, b in zip(cuts, [*cuts[1:], len(data)], strict=True)]


@cache
def speech(seconds: float = 1.0) -> bytes:
    """A tone as 16 kHz WAV: what a person uploads."""
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(16_000)
        t = np.arange(round(seconds * 16_000)) / 16_000
        w.writeframes((8000 * np.sin(2 * np.pi * 300 * t)).astype("<i2").tobytes())
    return out.getvalue()
