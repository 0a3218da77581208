"""A long video cut into parts at silences, so that several renderers draw it at once and a lost one costs one part.

An engine hears what is around a word, so each part is sent with the sound around it. What it draws is then the same, to
the bit, as the same pictures of the whole video (measured for atlas, tests/contract/test_video_parts.py): it hears
recordings in windows at fixed times, 3 s and then every 10 s, and judges speech in windows of 32 ms, so the sound sent
begins at a multiple of both.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from huasheng.common.v1 import common_pb2
from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError

Pcm = npt.NDArray[np.int16]

FIRST_PART_S, PART_S = 10.0, 90.0
"""Lengths of the first and of later parts. Between them each is as long as all before it: the video can soon be played,
and goes on while the next part is spoken and drawn."""
LONG_S = 100.0
"""Speech from which on a video is drawn in parts."""
SEARCH_S = 5.0
"""How far from its place a cut may be, to lie in silence."""
QUIET_S = 0.2
"""Length of the silence that is looked for."""
GRID_S, BEFORE_S, AFTER_S = 20.0, 16.0, 13.0
"""Sound before and after a part by which its first and last windows are heard; it begins at multiples of the grid."""
SPOKEN_BEFORE_S, SPOKEN_AFTER_S = 2.0, 1.0
"""The same where the mouth follows phonemes alone."""
CHUNK_S = 0.5


@dataclass(frozen=True)
class Part:
    """Pictures ``first`` to ``first + count`` of a video; the last part has no count: it goes to the end."""

    number: int
    first: int
    count: int | None


class Speech:
    """The whole sound and its phonemes as they come, kept in a file. One writer, any number of readers on its loop."""

    def __init__(self, path: Path, rate_hz: int, fps: float, is_whole: bool = False) -> None:
        """``is_whole``: all of it is in the file already."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.rate_hz, self.fps = rate_hz, fps
        self.spans: list[common_pb2.PhonemeSpan] = []
        self.samples = path.stat().st_size // 2 if is_whole else 0
        self.is_whole = is_whole
        self._path, self._file = path, path.open("rb" if is_whole else "wb", buffering=0)
        self._changed = asyncio.Event()

    @property
    def seconds(self) -> float:
        """Length so far."""
        return self.samples / self.rate_hz

    def add(self, pcm: bytes) -> None:
        """Sound that follows. Raises ``OSError`` when the disk is full."""
        self._file.write(pcm)
        self.samples += len(pcm) // 2
        self._wake()

    def end(self) -> None:
        """Nothing follows."""
        self.is_whole = True
        self._file.close()
        self._wake()

    def close(self) -> None:
        """Give the file up."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, seconds: float) -> None:
        """Wait for sound up to a time, or for the end."""
        while self.seconds < seconds and not self.is_whole:
            await self._changed.wait()

    def read(self, start_s: float = 0.0, end_s: float = math.inf) -> Pcm:
        """A stretch of the sound, shape (n,), read from the file as it is needed."""
        a, b = (min(self.samples, max(0, round(min(t, 1e7) * self.rate_hz))) for t in (start_s, end_s))
        if b <= a:
            return np.zeros(0, np.int16)
        return np.memmap(self._path, np.dtype("<i2"), "r", offset=2 * a, shape=(b - a,))


def quietest(pcm: Pcm, rate_hz: int) -> float:
    """The middle, in seconds, of the quietest stretch of ``QUIET_S``."""
    step = rate_hz // 50
    frames = len(pcm) // step
    width = min(frames, round(QUIET_S * 50))
    if width < 1:
        return len(pcm) / 2 / rate_hz
    power = (pcm[: frames * step].astype(np.float32).reshape(frames, step) ** 2).mean(1)
    total = np.convolve(power, np.ones(width), "valid")
    return (int(np.argmin(total)) + width / 2) / 50


async def parts_of(speech: Speech, hears: bool) -> AsyncGenerator[Part, None]:
    """The parts, each as soon as all is there that its drawing needs; ``hears`` as in ``stream_of``."""
    number = first = 0
    while True:
        start_s = first / speech.fps
        length = min(PART_S, max(FIRST_PART_S, start_s))
        search_s = min(SEARCH_S, length / 4)
        await speech.until(start_s + length + search_s + (AFTER_S if hears else SPOKEN_AFTER_S))
        if speech.is_whole and speech.seconds - start_s <= 1.5 * length:
            yield Part(number, first, None)
            return
        middle = start_s + length
        around = speech.read(middle - search_s, middle + search_s)
        cut = round((middle - search_s + quietest(around, speech.rate_hz)) * speech.fps)
        yield Part(number, first, cut - first)
        number, first = number + 1, cut


def stream_of(
    part: Part, speech: Speech, config: render_pb2.RenderConfig, hears: bool
) -> Iterator[render_pb2.StreamRenderRequest]:
    """What is sent to a renderer for a part. ``hears``: the mouth follows the sound, not phonemes alone."""
    start_s = part.first / speech.fps
    if hears:
        from_s = max(0.0, math.floor((start_s - BEFORE_S) / GRID_S) * GRID_S)
    else:
        from_s = max(0.0, math.floor(start_s - SPOKEN_BEFORE_S))
    at = from_s * speech.fps
    if at != round(at):  # a picture must begin where the sound does
        raise HuashengError("internal", service="gateway")
    end_s = math.inf
    if part.count:
        end_s = start_s + part.count / speech.fps + (AFTER_S if hears else SPOKEN_AFTER_S)
    shift = round(from_s * 1e6)
    whole = _without_cues(config)
    if part.first or part.count:
        whole.part.at, whole.part.skip, whole.part.count = round(at), part.first - round(at), part.count or 0
    if whole.composition.HasField("captions"):
        _add_cues(whole.composition.captions, config.composition.captions.cues, shift, end_s * 1e6)
    yield render_pb2.StreamRenderRequest(config=whole)
    spans = [
        common_pb2.PhonemeSpan(phoneme=s.phoneme, start_us=max(0, s.start_us - shift), end_us=s.end_us - shift)
        for s in speech.spans
        if s.end_us > shift and s.start_us < end_s * 1e6
    ]
    if spans:
        yield render_pb2.StreamRenderRequest(phonemes=render_pb2.Phonemes(spans=spans))
    pcm, step = speech.read(from_s, end_s), round(CHUNK_S * speech.rate_hz)
    for k in range(0, len(pcm), step):
        chunk = common_pb2.AudioChunk(data=pcm[k : k + step].tobytes(), pts_us=round(k / speech.rate_hz * 1e6))
        yield render_pb2.StreamRenderRequest(audio=chunk)
    yield render_pb2.StreamRenderRequest(end=common_pb2.EndOfInput())


def _without_cues(config: render_pb2.RenderConfig) -> render_pb2.RenderConfig:
    whole = render_pb2.RenderConfig()
    whole.CopyFrom(config)
    if whole.composition.HasField("captions"):
        del whole.composition.captions.cues[:]
    return whole


def _add_cues(out: render_pb2.Captions, cues: Iterable[render_pb2.Cue], shift_us: int, end_us: float) -> None:
    """The cues that are seen with a sound that begins at ``shift_us``, on its clock."""
    for cue in cues:
        if cue.end_us <= shift_us or cue.start_us >= end_us:
            continue
        moved = out.cues.add()
        moved.CopyFrom(cue)
        timings: list[render_pb2.Cue | render_pb2.CueWord] = [moved]
        timings += [w for line in moved.lines for w in line.words]
        for timed in timings:
            timed.start_us = max(0, timed.start_us - shift_us)
            timed.end_us = max(0, timed.end_us - shift_us)
