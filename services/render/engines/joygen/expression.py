"""Sound to expression: HuBERT rows and pitch into 64 coefficients of the 3D face for every picture.

Upstream reads a whole file: normalises it, has HuBERT hear pieces of 20 s, adds pitch, and draws all latents at once. A
stream does the same on stretches: HuBERT hears each 0.32 s with 2 s before and 0.2 s after it, sound is normalised by
what was heard so far, and the noise of a latent depends on the seed and its place alone, so that stretches agree.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from services.render.engines.joygen.nets.a2m import ExpressionVae
from services.render.engines.joygen.nets.hubert import KERNEL, STRIDE, Hubert
from services.render.engines.joygen.pitch import HOP, WINDOW, estimate_pitch, estimate_recording_pitch

Array = npt.NDArray[np.float32]

LATENT = 8
"""Rows (50 a second) of one latent; two rows are one picture."""
PAST, FUTURE = 20 * LATENT, 3 * LATENT
"""Rows of context before and after what the expression network gives in a stream.

Its flow sees 16 latents to each side, its decoder 10 pictures; all of the past is there, of the future 0.48 s.
"""
PIECE = 1000
"""Rows that HuBERT hears at once of a whole recording."""
STEP, BEFORE, AFTER = 16, 100, 10
"""Rows that HuBERT gives at once in a stream, and rows of context before and after them."""
AROUND = 20
"""Rows before these whose pitch is looked at again, so that the way through the candidates does not begin anew."""
PAD = KERNEL - STRIDE


def noise(seed: int, first: int, count: int, channels: int) -> Array:
    """Standard normal noise of ``count`` latents from ``first`` on, (channels, count); the same in every call."""
    columns = [
        np.random.Generator(np.random.Philox(key=[seed, first + i])).standard_normal(channels) for i in range(count)
    ]
    return np.stack(columns, axis=1).astype(np.float32)


class ExpressionStream:
    """Expression rows of one recording or stream.

    ``live`` False computes everything at ``finish``, as upstream does. ``live`` True gives ``STEP`` rows whenever
    ``FUTURE`` + ``AFTER`` rows more were heard (0.68 s to 1 s after a picture); sizes of the pieces do not matter.
    """

    def __init__(
        self,
        a2m: ExpressionVae,
        hubert: Hubert,
        *,
        live: bool = True,
        temperature: float = 0.2,
        mouth_amp: float = 0.45,
        seed: int = 0,
    ) -> None:
        """``temperature`` scales the noise (0: the likeliest movement), ``mouth_amp`` the mouth's opening (0..1)."""
        self._a2m, self._hubert, self._live = a2m, hubert, live
        self._temperature, self._mouth_amp, self._seed = temperature, mouth_amp, seed
        self._sound = np.zeros(0, np.float32)
        self._sound_first = 0
        self._sum = self._squares = 0.0
        self._counted = 0
        self._loudest = 0.0
        self._rows = np.zeros((0, a2m.config.audio), np.float32)
        self._pitch = np.zeros(0, np.float32)
        self._rows_first = 0
        """Row that ``_rows`` and ``_pitch`` begin with."""
        self._given = 0
        """Rows whose pictures were given; a multiple of LATENT."""
        self._finished = False

    @property
    def _end(self) -> int:
        return self._sound_first + len(self._sound)

    def push(self, samples: Array) -> Array:
        """Take samples at 16 kHz, float32 in -1..1; expression rows (n, 64) of the pictures that they complete."""
        self._sound = np.concatenate([self._sound, samples.astype(np.float32, copy=False)])
        if not self._live:
            return self._nothing()
        while self._end >= self._needed():
            self._hear()
        return self._express_steps()

    def finish(self) -> Array:
        """There is no more sound: the rows that are left; at least as many pictures as the sound fills."""
        if self._finished:
            return self._nothing()
        self._finished = True
        total = max(0, (self._end - PAD) // STRIDE)
        if self._live:
            while self._heard < total:
                self._hear(total)
        elif total:
            self._whole(total)
        short = -self._heard % LATENT
        self._rows, self._pitch = np.pad(self._rows, ((0, short), (0, 0))), np.pad(self._pitch, (0, short))
        out = [self._express_steps() if self._live else self._nothing()]
        if self._given < self._heard:
            out.append(self._express(self._heard))
        return np.concatenate(out)

    def _nothing(self) -> Array:
        return np.zeros((0, self._a2m.config.out), np.float32)

    @property
    def _heard(self) -> int:
        return self._rows_first + len(self._rows)

    def _needed(self) -> int:
        """Samples after which the next stretch can be heard."""
        return max((self._heard + STEP + AFTER) * STRIDE + PAD, (self._heard + STEP - 1) * HOP + WINDOW)

    def _hear(self, total: int | None = None) -> None:
        """HuBERT and pitch for the next STEP rows; ``total`` rows is where the sound ends."""
        start = self._heard
        stop = start + STEP if total is None else min(start + STEP, total)
        until = (stop + AFTER if total is None else min(stop + AFTER, total)) * STRIDE + PAD
        self._count(until)
        first = max(0, start - BEFORE)
        heard = self._ask(self._cut(first * STRIDE, until))[start - first :][: stop - start]
        first = max(0, start - AROUND)
        sound = self._cut(first * HOP, until)
        short = (stop - 1 - first) * HOP + WINDOW - len(sound)
        f0, self._loudest = estimate_pitch(np.pad(sound, (0, max(0, short))), self._loudest)
        self._rows = np.concatenate([self._rows, heard])
        self._pitch = np.concatenate([self._pitch, f0[start - first :][: stop - start]])
        drop = max(0, self._heard - BEFORE) * STRIDE - self._sound_first
        if drop > 0:
            self._sound, self._sound_first = self._sound[drop:], self._sound_first + drop

    def _count(self, until: int) -> None:
        fresh = self._cut(self._counted, until).astype(np.float64)
        self._sum, self._squares = self._sum + fresh.sum(), self._squares + (fresh**2).sum()
        self._counted = max(self._counted, until)

    def _cut(self, start: int, stop: int) -> Array:
        return self._sound[max(0, start - self._sound_first) : max(0, stop - self._sound_first)]

    def _whole(self, total: int) -> None:
        """Everything at once, in the pieces that upstream makes."""
        self._count(self._end)
        pieces = []
        for first in range(0, total, PIECE):
            stop = min(total, first + PIECE)
            pieces.append(self._ask(self._sound[first * STRIDE : stop * STRIDE + PAD]))
        self._rows = np.concatenate(pieces)
        self._pitch = estimate_recording_pitch(self._sound, total)

    def _ask(self, sound: Array) -> Array:
        mean = self._sum / self._counted
        variance = max(self._squares / self._counted - mean**2, 0.0)
        weight = self._hubert.feature_projection.projection.weight
        x = torch.from_numpy(((sound - mean) / np.sqrt(variance + 1e-7)).astype(np.float32))
        with torch.inference_mode():
            rows: Array = self._hubert(x[None].to(weight.device, weight.dtype))[0].float().cpu().numpy()
        return rows

    def _express_steps(self) -> Array:
        out = [self._nothing()]
        while self._given + STEP + FUTURE <= self._heard:
            out.append(self._express(self._given + STEP))
        return np.concatenate(out)

    def _express(self, until: int) -> Array:
        """Pictures of the rows that were not given yet up to row ``until``."""
        start = max(0, self._given - PAST)
        stop = min(until + FUTURE, self._heard)
        span = slice(start - self._rows_first, stop - self._rows_first)
        config = self._a2m.config
        z = noise(self._seed, start // LATENT, (stop - start) // LATENT, config.latent) * self._temperature
        device = self._a2m.cond_proj.weight.device
        inputs = (torch.from_numpy(a)[None].to(device) for a in (self._rows[span], self._pitch[span], z))
        with torch.inference_mode():
            out: Array = self._a2m(*inputs, self._mouth_amp)[0].cpu().numpy()
        out = out[(self._given - start) // 2 : (until - start) // 2]
        self._given = until
        drop = max(0, until - PAST) - self._rows_first
        if drop > 0:
            self._rows, self._pitch = self._rows[drop:], self._pitch[drop:]
            self._rows_first += drop
        return out
