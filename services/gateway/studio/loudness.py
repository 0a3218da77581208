"""Measures loudness (ITU-R BS.1770, EBU R 128) and true peaks, and holds peaks down: FFmpeg does, piece by piece."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.filter import Graph

Sound = npt.NDArray[np.float32]
"""Shape (channels, n), float32, -1 to 1, one or two channels."""

LAYOUTS = {1: "mono", 2: "stereo"}
OVERSAMPLED_HZ = 192000
"""At four times the rate, the peaks between samples are samples."""
_GATE_LUFS = -70.0


@dataclass(frozen=True)
class Loudness:
    """What was measured."""

    lufs: float | None
    """Integrated, gated; None for what is silent or shorter than 0.4 s."""
    peak_dbtp: float | None
    """True peak; None for digital silence."""

    @property
    def peak(self) -> float:
        """True peak as an amplitude."""
        return 0.0 if self.peak_dbtp is None else amplitude(self.peak_dbtp)


def amplitude(db: float) -> float:
    """Of a level or gain in dB."""
    return float(10 ** (db / 20))


class _Filter:
    """A chain of FFmpeg's filters of sound."""

    def __init__(self, channels: int, rate_hz: int, *chain: tuple[str, str]) -> None:
        self._layout, self._rate, self._at = LAYOUTS[channels], rate_hz, 0
        self._graph = Graph()
        nodes = [
            self._graph.add_abuffer(
                sample_rate=rate_hz, format="fltp", layout=self._layout, time_base=Fraction(1, rate_hz)
            ),
            *(self._graph.add(name, options) for name, options in chain),
            self._graph.add("abuffersink"),
        ]
        for node, following in itertools.pairwise(nodes):
            node.link_to(following)
        self._graph.configure()

    def add(self, sound: Sound) -> Iterator[AudioFrame]:
        if not sound.shape[1]:
            return
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(sound, np.float32), "fltp", self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._at, Fraction(1, self._rate)
        self._at += sound.shape[1]
        self._graph.push(frame)
        yield from self._pull()

    def finish(self) -> Iterator[AudioFrame]:
        self._graph.push(None)
        yield from self._pull()

    def _pull(self) -> Iterator[AudioFrame]:
        while True:
            try:
                frame = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            assert isinstance(frame, AudioFrame)
            yield frame


class Meter:
    """Measures sound that is given piece by piece."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._filter = _Filter(channels, rate_hz, ("ebur128", "peak=true:metadata=1:framelog=quiet"))
        self._channels, self._step, self._count = channels, rate_hz // 10, 0
        self._found: dict[str, str] = {}

    def add(self, sound: Sound) -> None:
        """Sound that follows what was added before."""
        self._count += sound.shape[1]
        self._keep(self._filter.add(sound))

    def _keep(self, frames: Iterator[AudioFrame]) -> None:
        for frame in frames:
            if "lavfi.r128.I" in frame.metadata:
                self._found = dict(frame.metadata)

    def finish(self) -> Loudness:
        """What all of it was; the meter is spent."""
        # the filter tells what it found every 0.1 s, so the last of them has to be full
        self._keep(self._filter.add(np.zeros((self._channels, -self._count % self._step), np.float32)))
        self._keep(self._filter.finish())
        lufs = float(self._found.get("lavfi.r128.I", _GATE_LUFS))
        peak = float(self._found.get("lavfi.r128.true_peak", 0))
        return Loudness(lufs if lufs > _GATE_LUFS else None, 20 * float(np.log10(peak)) if peak > 1e-6 else None)


class Limiter:
    """Holds true peaks at ``ceiling_db`` (dBTP), about: where that cuts deep, they come out up to 1 dB higher.

    As much sound comes out as went in, at the same time, some of it late.
    """

    def __init__(self, channels: int, rate_hz: int, ceiling_db: float) -> None:
        limit = f"limit={amplitude(ceiling_db):.5f}:attack=5:release=80:level=disabled:latency=1"
        self._filter = _Filter(
            channels,
            rate_hz,
            ("aresample", str(OVERSAMPLED_HZ)),
            ("alimiter", limit),
            ("aresample", str(rate_hz)),
            ("aformat", "sample_fmts=fltp"),
        )

    def add(self, sound: Sound) -> Iterator[Sound]:
        """What is ready after some more sound."""
        for frame in self._filter.add(sound):
            yield np.asarray(frame.to_ndarray(), np.float32)

    def finish(self) -> Iterator[Sound]:
        """What is left."""
        for frame in self._filter.finish():
            yield np.asarray(frame.to_ndarray(), np.float32)
