"""Mixes the sound of a whole video: speech, music beneath it, an intro before and an outro after it.

Everything is read piece by piece, and again for each measurement, so memory does not grow with the length. Only how
loud the speech is, 100 values a second, is kept.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from services.common.errors import HuashengError
from services.common.media.sound import channels_of, layout_pieces
from services.gateway.studio.loudness import LAYOUTS, Limiter, Loudness, Meter, Sound, amplitude
from services.gateway.studio.music import HOPS, Levels, ducking, fades, looped
from services.gateway.studio.sound_pieces import (
    MIX_HZ,
    Reader,
    cut,
    interleaved,
    pcm_seconds,
    quantised,
    resampled,
    samples_of,
    wav_writer,
)

CEILING_DBTP = -1.0
TOLERANCE_LU = 0.2
MOST_GAIN_DB = 36.0
"""A recording is not raised by more: what is that quiet is noise."""
QUIETEST_LUFS = -60.0
"""Speech that is quieter is taken as silence, and is not raised at all."""
_USUAL_LUFS = -16.0
_EDGE_S = 0.01
"""Intro and outro begin and end without a click."""
_MOST_TRIES = 5


@dataclass(frozen=True)
class Bed:
    """Music or ambience beneath the speech, again and again; see ``studio_requests.Music``."""

    path: Path
    name: str
    """For errors."""
    level_db: float
    """Its loudness against that of the speech, where nobody speaks."""
    duck_db: float
    """How much lower it is under speech, 0 or more."""
    fade_in_s: float
    fade_out_s: float


@dataclass(frozen=True)
class Around:
    """Sound of an intro or outro: what ``extras.convert`` wrote. ``sound`` None: silent for ``seconds``."""

    sound: Path | None
    seconds: float


@dataclass(frozen=True)
class Mix:
    """What became of it."""

    rate_hz: int
    channels: int
    seconds: float
    loudness_lufs: float | None
    """Integrated (BS.1770), measured on what was written; None for silence."""
    peak_dbtp: float | None


def mix(
    speech: Path,
    rate_hz: int,
    target: Path,
    *,
    loudness_lufs: float | None,
    bed: Bed | None = None,
    intro: Around | None = None,
    outro: Around | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Mix:
    """Write the sound of a video as a 16-bit WAV. Blocking; memory does not grow with its length.

    ``speech``: 16-bit mono PCM of all scenes with their pauses. ``loudness_lufs`` None: as spoken; alone, the speech
    then keeps its rate and every sample. Everything else becomes 48 kHz, stereo where music, intro or outro is. The
    music is beneath the speech only; intro and outro are brought to ``loudness_lufs`` by themselves. True peaks stay
    under -1 dBTP. Raises ``cancelled`` and what opening the music raises.
    """
    if loudness_lufs is None and not (bed or intro or outro):
        return _as_spoken(speech, rate_hz, target, cancelled)
    return _Mixer(speech, rate_hz, bed, (intro, outro), cancelled).write(target, loudness_lufs)


def _as_spoken(speech: Path, rate_hz: int, target: Path, cancelled: Callable[[], bool]) -> Mix:
    meter, count = Meter(1, rate_hz), 0
    with wav_writer(target, rate_hz, 1) as out:
        for data in pcm_seconds(speech, rate_hz, cancelled):
            out.writeframesraw(data)
            meter.add(samples_of(data))
            count += len(data) // 2
    found = meter.finish()
    return Mix(rate_hz, 1, count / rate_hz, found.lufs, found.peak_dbtp)


class _Mixer:
    """The parts of a mix, measured."""

    def __init__(
        self,
        speech: Path,
        rate_hz: int,
        bed: Bed | None,
        around: tuple[Around | None, Around | None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._speech, self._rate, self._bed, self._cancelled = speech, rate_hz, bed, cancelled
        self._around = around
        files = [(a.sound, a.sound.name) for a in around if a and a.sound] + ([(bed.path, bed.name)] if bed else [])
        self._channels = 2 if any(channels_of(path, name) > 1 for path, name in files) else 1
        self._total = round(speech.stat().st_size // 2 * MIX_HZ / rate_hz)
        self._found, self._levels = self._measure_speech()

    def _measure_speech(self) -> tuple[Loudness, Levels]:
        meter, levels, hop = Meter(self._channels, MIX_HZ), [np.zeros(0, np.float32)], MIX_HZ // HOPS
        rest = np.zeros(0, np.float32)
        for piece in self._speech_pieces():
            meter.add(piece)
            rest = np.concatenate([rest, piece[0]])
            whole = rest.size // hop * hop
            power = np.square(rest[:whole].reshape(-1, hop)).mean(1)
            levels.append((10 * np.log10(np.maximum(power, 1e-12))).astype(np.float32))
            rest = rest[whole:]
        return meter.finish(), np.concatenate(levels)

    def _measured(self, pieces: Iterator[Sound]) -> Loudness:
        meter = Meter(self._channels, MIX_HZ)
        for piece in pieces:
            self._check()
            meter.add(piece)
        return meter.finish()

    def _check(self) -> None:
        if self._cancelled():
            raise HuashengError("cancelled")

    def _speech_pieces(self) -> Iterator[Sound]:
        return cut(resampled(self._speech, self._rate, self._cancelled), self._total, self._channels)

    def _around_pieces(self, around: Around, gain: float) -> Iterator[Sound]:
        total, at, edge = round(around.seconds * MIX_HZ), 0, _EDGE_S * MIX_HZ
        source = (
            layout_pieces(around.sound, MIX_HZ, around.sound.name, LAYOUTS[self._channels])
            if around.sound
            else iter(())
        )
        for piece in cut(source, total, self._channels):
            self._check()
            n = piece.shape[1]
            yield piece * (fades(at, n, total, edge, edge) * np.float32(gain))
            at += n

    def _bed_pieces(self, bed: Bed) -> Iterator[Sound]:
        return cut(looped(bed.path, bed.name, MIX_HZ, self._channels), self._total, self._channels)

    def _mixed(self, gains: _Gains) -> Iterator[Sound]:
        """The whole sound, before the last gain and the limiter."""
        before, after = self._around
        if before:
            yield from self._around_pieces(before, gains.intro)
        yield from self._spoken(gains)
        if after:
            yield from self._around_pieces(after, gains.outro)

    def _spoken(self, gains: _Gains) -> Iterator[Sound]:
        if not self._bed:
            for piece in self._speech_pieces():
                yield piece * np.float32(gains.speech)
            return
        at, music = 0, Reader(self._bed_pieces(self._bed))
        for piece in self._speech_pieces():
            n = piece.shape[1]
            level: npt.NDArray[Any] = fades(
                at, n, self._total, self._bed.fade_in_s * MIX_HZ, self._bed.fade_out_s * MIX_HZ
            )
            if gains.duck.size:
                hops = (np.arange(at, at + n) + 0.5) * (HOPS / MIX_HZ) - 0.5
                level = level * 10 ** (np.interp(hops, np.arange(gains.duck.size), gains.duck) / 20)
            yield (piece * gains.speech + music.take(n) * (level * gains.music)).astype(np.float32)
            at += n

    def _gains(self, wanted: float | None) -> tuple[_Gains, float]:
        """The gains, and the highest peak that can come of them."""
        spoken = self._found.lufs if (self._found.lufs or -100) > QUIETEST_LUFS else None
        speech = amplitude(_raise(wanted, spoken))
        music, peak = 0.0, speech * self._found.peak
        duck: Levels = np.zeros(0, np.float32)
        if self._bed:
            found = self._measured(self._bed_pieces(self._bed))
            beneath = (_USUAL_LUFS if wanted is None else wanted) if spoken is None else spoken + _raise(wanted, spoken)
            if found.lufs is not None:
                music = amplitude(beneath + self._bed.level_db - found.lufs)
            peak += music * found.peak
            duck = ducking(self._levels, spoken, self._bed.duck_db)
        around = []
        for one in self._around:
            found = self._measured(self._around_pieces(one, 1.0)) if one else Loudness(None, None)
            around.append(amplitude(_raise(wanted, found.lufs)))
            peak = max(peak, around[-1] * found.peak)
        return _Gains(speech, music, around[0], around[1], duck), peak

    def write(self, target: Path, wanted: float | None) -> Mix:
        """Write until loudness and peaks are right: the limiter takes some of the loudness that was asked for."""
        gains, peak = self._gains(wanted)
        gain_db, ceiling = 0.0, CEILING_DBTP - 0.1
        most_db = MOST_GAIN_DB - 20 * math.log10(gains.speech)
        for left in reversed(range(_MOST_TRIES)):
            gain = amplitude(gain_db)
            count, found = self._write(target, gains, gain, ceiling if peak * gain > amplitude(ceiling) else None)
            over = max((found.peak_dbtp or -100) - CEILING_DBTP, 0.0)
            missing = 0.0
            if wanted is not None and self._is_raised and found.lufs is not None:
                missing = min(wanted - found.lufs, most_db - gain_db)
            if not left or (not over and abs(missing) <= TOLERANCE_LU):
                break
            gain_db += missing
            ceiling -= over + 0.05 if over else 0.0
        return Mix(MIX_HZ, self._channels, count / MIX_HZ, found.lufs, found.peak_dbtp)

    @property
    def _is_raised(self) -> bool:
        """Whether the speech can be brought to a loudness."""
        return (self._found.lufs or -100) > QUIETEST_LUFS

    def _write(self, target: Path, gains: _Gains, gain: float, ceiling: float | None) -> tuple[int, Loudness]:
        meter, count = Meter(self._channels, MIX_HZ), 0
        pieces = (piece * np.float32(gain) for piece in self._mixed(gains))
        with wav_writer(target, MIX_HZ, self._channels) as out:
            for piece in pieces if ceiling is None else _limited(pieces, self._channels, ceiling):
                self._check()
                samples = quantised(piece)
                out.writeframesraw(interleaved(samples))
                meter.add(samples.astype(np.float32) / np.float32(32768))
                count += samples.shape[1]
        return count, meter.finish()


@dataclass(frozen=True)
class _Gains:
    """Amplitudes, and the music's gain under the speech in dB."""

    speech: float
    music: float
    intro: float
    outro: float
    duck: Levels


def _limited(pieces: Iterator[Sound], channels: int, ceiling: float) -> Iterator[Sound]:
    limiter = Limiter(channels, MIX_HZ, ceiling)
    yield from itertools.chain.from_iterable(limiter.add(piece) for piece in pieces)
    yield from limiter.finish()


def _raise(wanted: float | None, found: float | None) -> float:
    """The gain in dB that brings a loudness to the wanted one."""
    return 0.0 if wanted is None or found is None else min(wanted - found, MOST_GAIN_DB)
