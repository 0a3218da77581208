"""What a rendering gives out, and the two forms of it: one fragmented MP4 with sound, or single pictures without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from services.render.engines.base import RenderSession
from services.render.media.access_units import AccessUnits
from services.render.media.write import EncoderOptions, FragmentedMp4
from services.render.types import Frame, Samples


@dataclass(frozen=True)
class HeaderOut:
    """What the video will be; ``codec`` and ``description`` only of single pictures."""

    width: int
    height: int
    fps: float
    mime_type: str = ""
    codec: str = ""
    description: bytes = b""


@dataclass(frozen=True)
class MediaOut:
    """Bytes to append, and the media time they reach."""

    data: bytes
    end_us: int


@dataclass(frozen=True)
class PictureOut:
    """One picture: an H.264 access unit."""

    data: bytes
    pts_us: int
    duration_us: int
    key: bool
    loop_frame: int


@dataclass(frozen=True)
class ProgressOut:
    """How far the drawing is."""

    frames: int
    rendered_us: int
    frames_per_second: float


@dataclass(frozen=True)
class InterruptedOut:
    """Nothing of an earlier generation follows."""

    generation: int
    sent_us: int


@dataclass(frozen=True)
class SummaryOut:
    """What was drawn."""

    frames: int
    passthrough_frames: int
    duration_us: int
    end_frame: int


Output = HeaderOut | MediaOut | PictureOut | ProgressOut | InterruptedOut | SummaryOut


class Form(Protocol):
    """Turns drawn pictures, each with its sound, into messages."""

    @property
    def end_us(self) -> int:
        """Media time that what was given out reaches."""

    def begin(self) -> Iterator[Output]:
        """What comes before the first picture."""

    def add(self, frames: Sequence[Frame], sound: Samples, key: bool) -> Iterator[Output]:
        """What one more drawn picture completes; ``key``: it must be decodable by itself. ``frames`` are what is shown
        of it: itself, or none or several where the video has a rate of its own.
        """

    def finish(self) -> Iterator[Output]:
        """What is left."""

    def close(self) -> None:
        """Free the encoders; may be called twice."""


class Mp4Form:
    """See ``Form``."""

    def __init__(self, size: tuple[int, int], fps: float, audio_rate_hz: int, options: EncoderOptions) -> None:
        """``size`` is (width, height)."""
        self._mp4 = FragmentedMp4(*size, fps, audio_rate_hz, options)
        self._header = HeaderOut(*size, fps, self._mp4.mime_type)

    @property
    def end_us(self) -> int:
        """See ``Form``."""
        return self._mp4.end_us

    def begin(self) -> Iterator[Output]:
        """See ``Form``."""
        yield self._header
        yield MediaOut(self._mp4.head(), 0)

    def add(self, frames: Sequence[Frame], sound: Samples, key: bool) -> Iterator[Output]:
        """See ``Form``."""
        self._mp4.add_audio(sound)
        for frame in frames:
            if data := self._mp4.add_frame(frame.image, key):
                yield MediaOut(data, self._mp4.end_us)

    def finish(self) -> Iterator[Output]:
        """See ``Form``."""
        yield MediaOut(self._mp4.finish(), self._mp4.end_us)

    def close(self) -> None:
        """See ``Form``."""
        self._mp4.close()


class PicturesForm:
    """See ``Form``. ``lead_in`` are the pictures of the idle loop before the first one, from a key place of it on: they
    are encoded first, with times below 0, so that a decoder goes from the loop into the stream without a step."""

    def __init__(self, session: RenderSession, options: EncoderOptions, lead_in: Iterable[Frame] = ()) -> None:
        self._units = AccessUnits(session.width, session.height, session.fps, replace(options, live=True))
        self._header = HeaderOut(
            session.width,
            session.height,
            session.fps,
            codec=self._units.codec,
            description=self._units.description,
        )
        self._fps, self._lead_in = session.fps, lead_in
        self._frames = 0

    @property
    def end_us(self) -> int:
        """See ``Form``."""
        return self._time_us(self._frames)

    def begin(self) -> Iterator[Output]:
        """See ``Form``."""
        yield self._header
        before = list(self._lead_in)
        for number, frame in enumerate(before, start=-len(before)):
            yield self._picture(frame, number, key=number == -len(before))

    def add(self, frames: Sequence[Frame], sound: Samples, key: bool) -> Iterator[Output]:  # noqa: ARG002  the caller has it
        """See ``Form``."""
        for frame in frames:
            self._frames += 1
            yield self._picture(frame, self._frames - 1, key)

    def finish(self) -> Iterator[Output]:
        """See ``Form``."""
        yield from ()

    def close(self) -> None:
        """See ``Form``."""

    def _picture(self, frame: Frame, number: int, key: bool) -> PictureOut:
        data, is_key = self._units.add(frame.image, key)
        pts_us, end_us = self._time_us(number), self._time_us(number + 1)
        return PictureOut(data, pts_us, end_us - pts_us, is_key, frame.frame_index)

    def _time_us(self, frames: int) -> int:
        return round(frames / self._fps * 1e6)
