"""Reads the sound of any film or recording piece by piece: all channels mixed to one, at the times the file gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer

from services.common.errors import HuashengError
from services.common.media.channels import COMPARE_HZ, MOST_CHANNELS, ChannelStatistics
from services.common.media.containers import LONGEST_START_S, has_times, opened, require_decoder, start_s

Array = npt.NDArray[np.float32]

_JUMP_S = 0.1
"""Times that are off by less are rounding; sound that is missing for longer is silence."""
_BAD_SHARE = 0.05


def mono_pieces(source: Path | bytes, rate: int, name: str, zero_s: float | None = None) -> Iterator[Array]:
    """The first sound track, mono at ``rate`` Hz, in pieces of shape (n,), float32, about -1 to 1.

    Sample 0 is what a player plays at 0:00, or at ``zero_s`` on the file's own clock: sound that begins later has
    silence before it, and gaps are silent. Channels are mixed as ``channels`` describes. Raises what ``opened`` does,
    ``no-audio``, and ``corrupt-media`` when too little of it can be decoded.
    """
    weights = _weights(source, name)
    for samples in _pieces(source, rate, name, zero_s):
        if samples.shape[0] == 1:
            yield samples[0]
        elif samples.shape[0] == weights.size:
            yield weights @ samples
        else:  # the number of channels changed on the way
            yield samples.mean(0)


def layout_pieces(source: Path | bytes, rate: int, name: str, layout: str) -> Iterator[Array]:
    """The first sound track as ``mono`` or ``stereo`` at ``rate`` Hz, in pieces of shape (1 or 2, n), for music.

    Times and errors are those of ``mono_pieces``; channels are mixed as their places say.
    """
    return _pieces(source, rate, name, None, layout=layout)


def channels_of(source: Path | bytes, name: str) -> int:
    """How many channels the first sound track says it has; 0 without one. Raises what ``opened`` does."""
    with opened(source, name) as container:
        audio = container.streams.audio
        return audio[0].codec_context.channels if audio and audio[0].codec_context else 0


def _weights(source: Path | bytes, name: str) -> Array:
    with opened(source, name) as container:
        if not container.streams.audio:
            raise HuashengError("no-audio", name=name)
        stream = container.streams.audio[0]
        require_decoder(stream, name)
        if stream.codec_context.channels == 1 and "aac" not in stream.codec_context.name:
            return np.ones(1, np.float32)  # AAC may say one and decode two (parametric stereo)
    statistics: ChannelStatistics | None = None
    places: list[str] = []
    for samples in _pieces(source, COMPARE_HZ, name, None, places):
        if samples.shape[0] == 1:
            continue
        statistics = statistics or ChannelStatistics(samples.shape[0])
        if statistics.channels == samples.shape[0]:
            statistics.add(samples)
    return statistics.weights(places) if statistics else np.ones(1, np.float32)


def _pieces(
    source: Path | bytes,
    rate: int,
    name: str,
    zero_s: float | None,
    places: list[str] | None = None,
    layout: str | None = None,
) -> Iterator[Array]:
    """All channels, or those of ``layout``, shape (channels, n), at ``rate``; ``places`` is filled with their names."""
    with opened(source, name) as container:
        if not container.streams.audio:
            raise HuashengError("no-audio", name=name)
        require_decoder(container.streams.audio[0], name)
        clock = _Clock(start_s(container) if zero_s is None else zero_s, has_times(container))
        resampler = _Resampler(rate, layout)
        for frame in _frames(container, name):
            if places is not None and not places:
                places += [c.name for c in frame.layout.channels]
            missing = clock.missing(frame)
            if missing < 0:
                continue
            if missing:
                yield from resampler.flush()
                channels = av.AudioLayout(layout).nb_channels if layout else len(frame.layout.channels)
                yield from _silence(channels, missing, rate)
            yield from resampler.add(frame)
        yield from resampler.flush()


class _Clock:
    """Compares the times of frames with the sound that came so far."""

    def __init__(self, zero_s: float, means_anything: bool) -> None:
        self._zero_s, self._means_anything = zero_s, means_anything
        self._at_s: float | None = None

    def missing(self, frame: av.AudioFrame) -> float:
        """Seconds of silence before a frame; below 0 for a frame that lies before the start and is left out."""
        length = frame.samples / frame.sample_rate
        expected = self._at_s or 0.0
        time = frame.time - self._zero_s if frame.time is not None and self._means_anything else expected
        if self._at_s is None and time <= -length / 2:
            return -1.0
        gap = time - expected
        least = length / 2 if self._at_s is None else _JUMP_S
        if gap < least or gap > LONGEST_START_S:
            gap = 0.0  # a clock that jumps by more was set, or the file lies
            if abs(time - expected) > LONGEST_START_S:
                self._zero_s += time - expected
        self._at_s = expected + gap + length
        return gap


class _Resampler:
    """Brings frames to one rate; begins anew when their format changes."""

    def __init__(self, rate: int, layout: str | None) -> None:
        self._rate, self._layout = rate, layout
        self._format: tuple[str, int, int] | None = None
        self._resampler: av.AudioResampler | None = None

    def add(self, frame: av.AudioFrame) -> Iterator[Array]:
        """What comes out for a frame."""
        form = (frame.format.name, len(frame.layout.channels), frame.sample_rate)
        if form != self._format:
            yield from self.flush()
            self._format = form
        if self._resampler is None:
            self._resampler = av.AudioResampler(format="fltp", layout=self._layout or frame.layout, rate=self._rate)
        frame.pts = None
        for out in self._resampler.resample(frame):
            yield np.asarray(out.to_ndarray()[:MOST_CHANNELS], np.float32)

    def flush(self) -> Iterator[Array]:
        """What is left."""
        resampler, self._resampler = self._resampler, None
        for out in resampler.resample(None) if resampler else ():
            yield np.asarray(out.to_ndarray()[:MOST_CHANNELS], np.float32)


def _silence(channels: int, seconds: float, rate: int) -> Iterator[Array]:
    left = round(seconds * rate)
    while left > 0:
        n = min(left, rate)
        yield np.zeros((min(channels, MOST_CHANNELS), n), np.float32)
        left -= n


def _frames(container: InputContainer, name: str) -> Iterator[av.AudioFrame]:
    """All frames of the first sound track; broken packets are skipped, within reason."""
    stream = container.streams.audio[0]
    good = bad = 0
    try:
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except (av.error.InvalidDataError, av.error.PatchWelcomeError):
                bad += 1
                continue
            good += bool(frames)
            yield from (f for f in frames if isinstance(f, av.AudioFrame) and f.samples)
    except (av.error.FFmpegError, IndexError) as e:  # IndexError: a broken file promises a stream that never comes
        raise HuashengError("corrupt-media", name=name) from e
    if bad > (max(3, _BAD_SHARE * good) if good else 0):  # no packets at all: a recording of no length
        raise HuashengError("corrupt-media", name=name)
