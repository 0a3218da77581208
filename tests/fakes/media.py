"""Media made on the spot: good and bad files of every kind that users send."""

from __future__ import annotations

import io
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from services.common.audio import Samples, wav_bytes
from services.common.settings import SharedSettings
from services.common.weights import folder

Picture = npt.NDArray[np.uint8]


def tone(seconds: float, rate: int = 16000, level: float = 0.3) -> Samples:
    """A sine of 220 Hz."""
    return (level * np.sin(2 * np.pi * 220 * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def silence(seconds: float, rate: int = 16000) -> Samples:
    """Digital silence."""
    return np.zeros(int(seconds * rate), np.float32)


def wav(samples: Samples, rate: int = 16000) -> bytes:
    """A WAV file."""
    return wav_bytes(samples, rate)


def hour_of_audio() -> bytes:
    """An hour of quiet noise in a small FLAC file."""
    out = io.BytesIO()
    with av.open(out, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=8000, layout="mono")
        block = (np.random.default_rng(1).integers(-40, 40, (1, 8000 * 60))).astype(np.int16)
        for i in range(60):
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 8000, i * block.shape[1]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def video(pictures: Iterable[Picture], fps: int = 25, sound: Samples | None = None) -> bytes:
    """An MP4 of BGR pictures (all of one even size), with 16 kHz sound if given."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = None
        speech = container.add_stream("aac", rate=16000, layout="mono") if sound is not None else None
        for i, picture in enumerate(pictures):
            if stream is None:
                stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "18"})
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = i, Fraction(1, fps)
            container.mux(stream.encode(frame))
        assert stream is not None
        container.mux(stream.encode(None))
        if speech is not None and sound is not None:
            frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, 0
            container.mux(speech.encode(frame))
            container.mux(speech.encode(None))
    return out.getvalue()


def png(picture: Picture) -> bytes:
    """A PNG file."""
    return cv2.imencode(".png", picture)[1].tobytes()


def jpeg(picture: Picture) -> bytes:
    """A JPEG file of a BGR picture."""
    return cv2.imencode(".jpg", picture)[1].tobytes()


def portrait(size: int = 512) -> Picture:
    """The built-in avatar's public-domain portrait, scaled to a square. Raises ``WeightsError`` without weights."""
    path = folder("portrait", SharedSettings().weights_dir) / "portrait.png"
    picture = cv2.imread(str(path))
    assert picture is not None
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8)


def blank(size: int = 512) -> Picture:
    """A plain grey picture without a face."""
    return np.full((size, size, 3), 128, np.uint8)


def rocking(seconds: float, size: int = 512, fps: int = 25, absent: tuple[float, float] = (0, 0)) -> Iterable[Picture]:
    """The portrait swaying gently, replaced by a blank picture between the two ``absent`` times."""
    still = portrait(size)
    for i in range(int(seconds * fps)):
        if absent[0] <= i / fps < absent[1]:
            yield blank(size)
            continue
        shift = np.array([[1, 0, 3 * np.sin(i / 9)], [0, 1, 2 * np.sin(i / 13)]], np.float32)
        yield cv2.warpAffine(still, shift, (size, size), borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)


def decoded(path: Path | bytes) -> dict[str, float]:
    """What an MP4 holds, found by decoding all of it: frames, video_s, audio_s, width, height, fps."""
    with av.open(io.BytesIO(path) if isinstance(path, bytes) else str(path)) as container:
        video_stream, audio_stream = container.streams.video[0], container.streams.audio[0]
        frames, samples, last = 0, 0, 0.0
        for frame in container.decode(video_stream, audio_stream):
            if isinstance(frame, av.VideoFrame):
                frames, last = frames + 1, float(frame.time or 0)
            else:
                samples += frame.samples
        fps = float(video_stream.average_rate or 25)
        return {
            "frames": frames,
            "video_s": last + 1 / fps,
            "audio_s": samples / audio_stream.rate,
            "width": video_stream.width,
            "height": video_stream.height,
            "fps": fps,
        }
