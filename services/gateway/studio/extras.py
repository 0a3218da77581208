"""Intro and outro films as pieces that join with drawn ones: same size, rate and encoder; and their sound for the mix.

Pictures go through FFmpeg's filters one by one; each is shown at the nearest times of the video's rate.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.codec import CodecContext
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from services.common.errors import HuashengError
from services.common.media.containers import opened, pictures_of, require_decoder, start_s
from services.common.media.sound import channels_of, layout_pieces
from services.common.media.x264 import EncoderOptions, set_up
from services.gateway.studio.fitting import Fitter
from services.gateway.studio.loudness import LAYOUTS
from services.gateway.studio.sound_pieces import MIX_HZ, cut, interleaved, quantised, wav_writer

LONGEST_S = 60.0
_PRESETS = ("auto", "veryfast", "superfast", "ultrafast", "faster", "fast", "medium", "slow")
_CRFS = sorted(range(52), key=lambda crf: abs(crf - 20))
_GLOBAL_HEADER = 1 << 22
_BAD_SHARE = 0.05


@dataclass(frozen=True)
class Extra:
    """An intro or outro, converted."""

    pictures: Path
    """MP4 of H.264 alone, for ``Joiner.add``; not for its head, which has a track of sound."""
    sound: Path | None
    """16-bit WAV, 48 kHz, mono or stereo, as long as the pictures; None where the film has no sound."""
    frames: int
    seconds: float


def convert(
    source: Path,
    name: str,
    folder: Path,
    size: tuple[int, int],
    fps: float,
    like: Path,
    cancelled: Callable[[], bool] = lambda: False,
) -> Extra:
    """Bring a film to a video's size (width, height) and rate, with black bars where its form differs. Blocking.

    ``name`` is for errors; files are written into a new folder within ``folder``. ``like`` is a drawn piece of the same
    video: its encoder's settings are found in it. Raises ``too-long``, ``wrong-kind`` for what has no pictures,
    ``corrupt-media``, ``cancelled``, ``engine-failed`` when the piece is of another encoder, and what ``opened``
    raises.
    """
    options = options_like(like, size, fps)
    own = Path(tempfile.mkdtemp(prefix="extra-", dir=folder))
    frames = _write_pictures(source, name, own / "pictures.mp4", size, fps, options, cancelled)
    sound = _write_sound(source, name, own / "sound.wav", round(frames / fps * MIX_HZ), cancelled)
    return Extra(own / "pictures.mp4", sound, frames, frames / fps)


def options_like(piece: Path, size: tuple[int, int], fps: float) -> EncoderOptions:
    """The settings with which a piece was encoded, so far as decoders have to know them.

    Preset and quality are settings of the render service, and H.264 writes both into what stands before the pictures.
    Raises ``engine-failed`` where none gives the same.
    """
    with av.open(str(piece)) as container:
        wanted = bytes(container.streams.video[0].codec_context.extradata or b"")
    for preset in _PRESETS:
        for crf in _CRFS:
            options = EncoderOptions(preset, crf)
            if _description(options, size, fps) == wanted:
                return options
    raise HuashengError("engine-failed", engine="render", why="pieces of an encoder that is not known here")


def _description(options: EncoderOptions, size: tuple[int, int], fps: float) -> bytes:
    context = CodecContext.create("libx264", "w")
    assert isinstance(context, VideoCodecContext)
    set_up(context, size, fps, options)
    context.flags |= _GLOBAL_HEADER
    context.open()
    return bytes(context.extradata or b"")


def _write_pictures(
    source: Path,
    name: str,
    target: Path,
    size: tuple[int, int],
    fps: float,
    options: EncoderOptions,
    cancelled: Callable[[], bool],
) -> int:
    count = 0
    with opened(source, name) as film, av.open(str(target), "w", format="mp4") as out:
        stream: VideoStream = out.add_stream("libx264")
        base = set_up(stream.codec_context, size, fps, options)
        fitter = Fitter(size)
        shown = pictures_of(film)
        aspect = float(shown.sample_aspect_ratio or 1) if shown else 1.0
        aspect = aspect if 0.1 < aspect < 10 else 1.0
        for frame, times in _at_rate(film, name, fps):
            if cancelled():
                raise HuashengError("cancelled")
            picture = fitter.picture(frame, aspect)
            for _ in range(times):
                picture.pts, picture.time_base = count, base
                picture.pict_type = PictureType.NONE if count else PictureType.I
                count += 1
                out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    return count


def _at_rate(film: InputContainer, name: str, fps: float) -> Iterator[tuple[VideoFrame, int]]:
    """Pictures, and how many times each is shown, at least once. Raises what ``convert`` raises."""
    stream = pictures_of(film)
    if stream is None:
        raise HuashengError(
            "wrong-kind", name=name, kind="a recording", kind_zh="录音", needed="a film", needed_zh="视频"
        )
    require_decoder(stream, name)
    _require_short((film.duration or 0) / av.time_base, name)
    stream.codec_context.thread_count = 1  # every further thread keeps pictures of its own
    zero, count = start_s(film), 0
    before: VideoFrame | None = None
    end_s = 0.0
    for frame in _decoded(film, stream, name):
        start = max((frame.time or 0.0) - zero, 0.0) if before is not None else 0.0
        _require_short(start, name)
        if before is not None and (times := int(np.ceil(start * fps - 0.5)) - count) > 0:
            count += times
            yield before, times
        before = frame
        end_s = max((frame.time or 0.0) - zero, start) + _length_s(frame, stream)
    if before is None:
        raise HuashengError("corrupt-media", name=name)
    _require_short(end_s, name)
    if (times := max(round(end_s * fps) - count, 0 if count else 1)) > 0:
        yield before, times


def _length_s(frame: VideoFrame, stream: VideoStream) -> float:
    if frame.duration and frame.time_base:
        return float(frame.duration * frame.time_base)
    return float(1 / stream.average_rate) if stream.average_rate else 0.04


def _require_short(seconds: float, name: str) -> None:
    if seconds > LONGEST_S + 0.5:  # one of a minute may have a picture more
        raise HuashengError("too-long", name=name, seconds=round(seconds), limit=round(LONGEST_S))


def _decoded(film: InputContainer, stream: VideoStream, name: str) -> Iterator[VideoFrame]:
    """Pictures of a film; broken ones are left out, within reason."""
    good = bad = 0
    try:
        for packet in film.demux(stream):
            try:
                frames = packet.decode()
            except (av.error.InvalidDataError, av.error.PatchWelcomeError):
                bad += 1
                continue
            bad += packet.is_corrupt
            for frame in frames:
                if isinstance(frame, VideoFrame):
                    good += 1
                    yield frame
    except (av.error.FFmpegError, IndexError) as e:  # IndexError: a broken file promises a stream that never comes
        raise HuashengError("corrupt-media", name=name) from e
    if bad > max(3, _BAD_SHARE * good):
        raise HuashengError("corrupt-media", name=name)


def _write_sound(source: Path, name: str, target: Path, total: int, cancelled: Callable[[], bool]) -> Path | None:
    """Exactly ``total`` samples, from the picture at 0:00 on."""
    if not (channels := min(channels_of(source, name), 2)):
        return None
    with wav_writer(target, MIX_HZ, channels) as out:
        for piece in cut(layout_pieces(source, MIX_HZ, name, LAYOUTS[channels]), total, channels):
            if cancelled():
                raise HuashengError("cancelled")
            out.writeframesraw(interleaved(quantised(piece)))
    return target
