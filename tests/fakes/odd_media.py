"""Sound and films in every container and channel layout that people bring, and files that are meant to do harm."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np

from services.common.audio import Samples

SPEECH_HZ = 16000


def speech(seconds: float, pitch: float = 120.0, seed: int = 0, rate: int = SPEECH_HZ) -> Samples:
    """Something with the rhythm and spectrum of speech: syllables of harmonics with pauses between them."""
    t = np.arange(int(seconds * rate)) / rate
    rng = np.random.default_rng(seed)
    tone = sum(np.sin(2 * np.pi * pitch * k * t + rng.uniform(0, 6)) / k for k in range(1, 20))
    syllables = np.repeat(rng.uniform(0, 1, int(seconds * 5) + 1) > 0.3, rate // 5)[: t.size]
    window = np.hanning(rate // 20)
    envelope = np.convolve(syllables, window / window.sum(), "same")
    return (0.15 * tone * envelope).astype(np.float32)


def sound(
    channels: Sequence[Samples] | Samples,
    form: str = "wav",
    codec: str = "pcm_s16le",
    rate: int = SPEECH_HZ,
    layout: str = "mono",
    start_s: float = 0.0,
    gap: tuple[float, float] = (0.0, 0.0),
) -> bytes:
    """A recording. It starts at ``start_s``; at ``gap[0]`` seconds of sound its times jump by ``gap[1]`` seconds."""
    x = np.atleast_2d(np.asarray(channels, np.float32))
    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        if codec == "wmav2":
            stream.bit_rate = 64_000
        resampler = av.AudioResampler(stream.format.name, stream.layout, rate, frame_size=stream.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(x), format="fltp", layout=layout)
        frame.sample_rate = rate
        at = 0
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            jump = gap[1] if gap[1] and at >= gap[0] * rate else 0.0
            piece.pts, piece.time_base = at + round((start_s + jump) * rate), Fraction(1, rate)
            at += piece.samples
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return out.getvalue()


def film(
    seconds: float = 2.0,
    talk: Samples | None = None,
    form: str = "mp4",
    codec: str = "libx264",
    sound_codec: str = "aac",
    size: tuple[int, int] = (96, 64),
    late_s: float = 0.0,
    aspect: Fraction | None = None,
    rotation: int = 0,
) -> bytes:
    """A film whose picture begins ``late_s`` after its sound. ``size``: width and height as stored."""
    out, fps = io.BytesIO(), 25
    with av.open(out, "w", format=form) as container:
        options = {"preset": "ultrafast"} if codec == "libx264" else {}
        stream = container.add_stream(codec, rate=fps, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        speaker = container.add_stream(sound_codec, rate=44100, layout="mono") if talk is not None else None
        if speaker is not None and sound_codec == "wmav2":
            speaker.bit_rate = 64_000
        for i in range(int(seconds * fps)):
            picture = np.full((size[1], size[0], 3), 40 + i % 100, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = i + round(late_s * fps), Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if speaker is not None and talk is not None:
            resampler = av.AudioResampler(speaker.format.name, "mono", 44100, frame_size=speaker.frame_size or 1024)
            whole = av.AudioFrame.from_ndarray(np.ascontiguousarray(talk[None]), format="fltp", layout="mono")
            whole.sample_rate = SPEECH_HZ
            at = 0
            for piece in (*resampler.resample(whole), *resampler.resample(None)):
                piece.pts, piece.time_base = at, Fraction(1, 44100)
                at += piece.samples
                container.mux(speaker.encode(piece))
            container.mux(speaker.encode(None))
    return out.getvalue()


def png_with_texts(count: int, unfolded: int) -> bytes:
    """A PNG of 64 x 64 whose ``count`` compressed notes unfold to ``unfolded`` bytes each."""
    notes = [_chunk(b"zTXt", b"note%d\0\0" % i + zlib.compress(bytes(unfolded), 9)) for i in range(count)]
    return _png(64, 64, b"".join(notes))


def _png(width: int, height: int, extra: bytes = b"") -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    rows = zlib.compress(bytes(height * (width * 3 + 1)), 9)
    return b"\x89PNG\r\n\x1a\n" + head + extra + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def wide_png(side: int) -> bytes:
    """A small file that unfolds to a picture of ``side`` x ``side``."""
    return _png(side, side)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
