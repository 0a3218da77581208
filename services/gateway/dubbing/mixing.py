"""The sound of a dubbed film: the new voice as loud as the old one, over what else is heard in the film."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from services.common.errors import HuashengError
from services.gateway.dubbing.background import Background
from services.gateway.studio.loudness import Limiter, Loudness, Meter, Sound, amplitude
from services.gateway.studio.sound import CEILING_DBTP, MOST_GAIN_DB, QUIETEST_LUFS, TOLERANCE_LU, Mix
from services.gateway.studio.sound_pieces import MIX_HZ, Reader, cut, interleaved, quantised, resampled, wav_writer

USUAL_LUFS = -18.0
"""Of a new voice where the old one cannot be measured."""
_TRIES = 4


def mix_dubbing(
    speech: Path,
    rate_hz: int,
    seconds: float,
    target: Path,
    *,
    background: Background,
    keeps: bool,
    loudness_lufs: float | None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Mix:
    """Write the sound of a dubbed film as a 16-bit WAV at ``MIX_HZ``, exactly ``seconds`` long. Blocking.

    ``speech``: 16-bit mono PCM as long as the film. ``keeps`` False: the new voice alone. ``loudness_lufs`` None: as
    loud as the film was. True peaks stay under -1 dBTP. Raises ``cancelled``.
    """
    total, channels = round(seconds * MIX_HZ), background.channels if keeps else 1
    old = background.voice.lufs if (background.voice.lufs or -100.0) > QUIETEST_LUFS else None
    said = _measured(cut(resampled(speech, rate_hz, cancelled), total, 1))
    voice_db = 0.0 if said.lufs is None else min((old or USUAL_LUFS) - said.lufs, MOST_GAIN_DB)
    wanted = background.film.lufs if loudness_lufs is None else loudness_lufs

    def mixed() -> Iterator[Sound]:
        voice = Reader(cut(resampled(speech, rate_hz, cancelled), total, channels))
        if not keeps:
            at = 0
            while at < total:
                n = min(MIX_HZ, total - at)
                yield voice.take(n) * np.float32(amplitude(voice_db))
                at += n
            return
        for piece in cut(background.pieces(), total, channels):
            yield piece + voice.take(piece.shape[1]) * np.float32(amplitude(voice_db))

    gain_db, ceiling = 0.0, CEILING_DBTP - 0.1
    for left in reversed(range(_TRIES)):
        found = _write(target, mixed, gain_db, ceiling, channels, cancelled)
        over = max((found.peak_dbtp or -100.0) - CEILING_DBTP, 0.0)
        missing = 0.0
        if wanted is not None and wanted > QUIETEST_LUFS and found.lufs is not None:
            missing = min(wanted - found.lufs, MOST_GAIN_DB - gain_db)
        if not left or (not over and abs(missing) <= TOLERANCE_LU):
            break
        gain_db += missing
        ceiling -= over + 0.05 if over else 0.0
    return Mix(MIX_HZ, channels, total / MIX_HZ, found.lufs, found.peak_dbtp)


def _write(
    target: Path,
    mixed: Callable[[], Iterator[Sound]],
    gain_db: float,
    ceiling: float,
    channels: int,
    cancelled: Callable[[], bool],
) -> Loudness:
    meter, limiter, gain = Meter(channels, MIX_HZ), Limiter(channels, MIX_HZ, ceiling), np.float32(amplitude(gain_db))
    with wav_writer(target, MIX_HZ, channels) as out:

        def keep(pieces: Iterator[Sound]) -> None:
            for piece in pieces:
                samples = quantised(piece)
                out.writeframesraw(interleaved(samples))
                meter.add(samples.astype(np.float32) / np.float32(32768))

        for piece in mixed():
            if cancelled():
                raise HuashengError("cancelled")
            keep(limiter.add(piece * gain))
        keep(limiter.finish())
    return meter.finish()


def _measured(pieces: Iterator[Sound]) -> Loudness:
    meter = Meter(1, MIX_HZ)
    for piece in pieces:
        meter.add(piece)
    return meter.finish()
