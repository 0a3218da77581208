"""The film's own sound beneath a dubbing: as it is where nobody speaks, without the old voice where somebody does.

The voice is taken out by networks where their weights are there. Without them the sound goes down while somebody
speaks, but for what is only in the sides of a stereo film. What was done is a warning of the job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from services.common.media.sound import channels_of, layout_pieces
from services.gateway.dubbing.separation import RATE_HZ, without_voice
from services.gateway.dubbing.unet import Stems
from services.gateway.studio.loudness import LAYOUTS, Loudness, Meter, Sound
from services.gateway.studio.sound_pieces import MIX_HZ, Reader, cut

SEPARATED, DUCKED = "voice-removed", "background-ducked"
"""Reasons of the job's warning."""
FADE_S = 0.06
BEFORE_S, AFTER_S = 0.25, 0.4
"""Around a sentence: a recogniser's times are a little late at the start, and a voice dies away in the room."""
DUCK_DB = -50.0
"""How far the sound goes down where nothing tells the voice from the rest."""
SIDE_RISES_DB = 3.0
"""Sides that are louder by more while somebody speaks have the voice in them."""
SIDE_LEAST_DB = -50.0
Span = tuple[float, float]


@dataclass(frozen=True)
class Background:
    """What was found out about a film's sound."""

    pieces: Callable[[], Iterator[Sound]]
    """The sound without the old voice, at ``MIX_HZ``; again for each measurement."""
    channels: int
    how: str
    """``SEPARATED`` or ``DUCKED``."""
    film: Loudness
    """Of the film's whole sound as it is."""
    voice: Loudness
    """Of the old voice, as far as it is known."""


def spoken_spans(spans: Sequence[Span]) -> list[Span]:
    """Where the film's own sound must not be heard as it is; what is near is one."""
    out: list[Span] = []
    for a, b in sorted((max(0.0, a - BEFORE_S), b + AFTER_S) for a, b in spans):
        if out and a - out[-1][1] < 2 * FADE_S:
            out[-1] = out[-1][0], max(out[-1][1], b)
        else:
            out.append((a, b))
    return out


def shares(spans: Sequence[Span], at: int, count: int) -> Sound:
    """How much somebody speaks, 0 to 1, at samples ``at`` to ``at + count`` of ``MIX_HZ``; 60 ms from one to the other,
    before and after a span."""
    times = (at + np.arange(count)) / MIX_HZ
    out = np.zeros(count)
    for a, b in spans:
        if b + FADE_S >= times[0] and a - FADE_S <= times[-1]:
            out = np.maximum(out, np.clip(np.minimum(times - (a - FADE_S), b + FADE_S - times) / FADE_S, 0, 1))
    return out.astype(np.float32)


def background(
    film: Path,
    name: str,
    seconds: float,
    spans: Sequence[Span],
    folder: Path,
    stems: Stems | None,
    cancelled: Callable[[], None] = lambda: None,
) -> Background:
    """Take the old voice out of a film's sound. Blocking; files of the whole sound are written into ``folder``.

    ``spans``: where somebody speaks, in seconds. ``cancelled`` is called now and then and may raise.
    """
    channels, total = min(channels_of(film, name), 2), round(seconds * MIX_HZ)
    source = folder / "film-sound.f32"
    whole = _write(source, cut(layout_pieces(film, MIX_HZ, name, LAYOUTS[channels]), total, channels), channels)
    where = spoken_spans(spans)

    def original() -> Iterator[Sound]:
        return _read(source, channels)

    if stems is None:
        voice = _measured((p * _gate(where, at, p) for at, p in _placed(original())), channels)
        keeps_sides = channels == 2 and _has_sides(where, original)

        def ducked() -> Iterator[Sound]:
            for at, piece in _placed(original()):
                yield _ducked(piece, _gate(where, at, piece), keeps_sides)

        return Background(ducked, channels, DUCKED, whole, voice)

    rest_file, meter = folder / "background.f32", Meter(channels, MIX_HZ)
    stereo = layout_pieces(film, RATE_HZ, name, LAYOUTS[2])
    with rest_file.open("wb") as out:
        parts = [_Resampled(), _Resampled()]
        for pair in without_voice(stems, stereo, cancelled):
            rest, said = (part.add(one) for part, one in zip(parts, pair, strict=True))
            out.write(_interleaved(_folded(rest, channels)))
            meter.add(_folded(said, channels))
        out.write(_interleaved(_folded(parts[0].finish(), channels)))

    def separated() -> Iterator[Sound]:
        rest = Reader(cut(_read(rest_file, channels), total, channels))
        for at, piece in _placed(original()):
            gate = _gate(where, at, piece)
            yield piece * (1 - gate) + rest.take(piece.shape[1]) * gate

    return Background(separated, channels, SEPARATED, whole, meter.finish())


def _gate(spans: Sequence[Span], at: int, piece: Sound) -> Sound:
    return shares(spans, at, piece.shape[1])


def _ducked(piece: Sound, gate: Sound, keeps_sides: bool) -> Sound:
    gain = np.asarray(10 ** (DUCK_DB * gate / 20), np.float32)
    if not keeps_sides:
        return piece * gain
    middle, side = (piece[0] + piece[1]) / 2 * gain, (piece[0] - piece[1]) / 2
    return np.stack([middle + side, middle - side])


def _has_sides(spans: Sequence[Span], pieces: Callable[[], Iterator[Sound]]) -> bool:
    """Whether the sides hold something, and not the voice."""
    power, weight = np.zeros((2, 2)), np.zeros(2)  # (side, middle) while nobody speaks and while somebody does
    for at, piece in _placed(pieces()):
        gate = shares(spans, at, piece.shape[1])
        side, middle = (piece[0] - piece[1]) / 2, (piece[0] + piece[1]) / 2
        for k, share in enumerate((1 - gate, gate)):
            power[k] += [float(np.sum(share * side**2)), float(np.sum(share * middle**2))]
            weight[k] += float(np.sum(share))
    if not weight.all():
        return False
    levels = 10 * np.log10(np.maximum(power / weight[:, None], 1e-12))
    return bool(levels[1, 0] > SIDE_LEAST_DB and levels[1, 0] - levels[0, 0] < SIDE_RISES_DB)


class _Resampled:
    """Stereo from ``RATE_HZ`` to ``MIX_HZ``."""

    def __init__(self) -> None:
        self._stream = soxr.ResampleStream(RATE_HZ, MIX_HZ, 2, dtype="float32", quality="HQ")

    def add(self, sound: Sound) -> Sound:
        return np.asarray(self._stream.resample_chunk(np.ascontiguousarray(sound.T)).T, np.float32)

    def finish(self) -> Sound:
        return np.asarray(self._stream.resample_chunk(np.zeros((0, 2), np.float32), last=True).T, np.float32)


def _folded(stereo: Sound, channels: int) -> Sound:
    return stereo if channels == 2 else stereo.mean(0, keepdims=True)


def _interleaved(sound: Sound) -> bytes:
    return np.ascontiguousarray(sound.T, "<f4").tobytes()


def _write(target: Path, pieces: Iterator[Sound], channels: int) -> Loudness:
    meter = Meter(channels, MIX_HZ)
    with target.open("wb") as out:
        for piece in pieces:
            out.write(_interleaved(piece))
            meter.add(piece)
    return meter.finish()


def _read(source: Path, channels: int) -> Iterator[Sound]:
    with source.open("rb") as file:
        while data := file.read(4 * channels * MIX_HZ):
            yield np.frombuffer(data, "<f4").reshape(-1, channels).T


def _placed(pieces: Iterator[Sound]) -> Iterator[tuple[int, Sound]]:
    at = 0
    for piece in pieces:
        yield at, piece
        at += piece.shape[1]


def _measured(pieces: Iterator[Sound], channels: int) -> Loudness:
    meter = Meter(channels, MIX_HZ)
    for piece in pieces:
        meter.add(piece)
    return meter.finish()
