"""Sound to expression: HuBERT rows and pitch to 64 coefficients of the 3D face for every picture.

Upstream reads a whole file: it normalises the sound, encodes pieces of 20 s by HuBERT, adds pitch, and samples all
latents at once. A stream works on short steps: HuBERT encodes each 0.32 s with 2 s before and 0.2 s after it, and sound
is normalised by the statistics so far. The noise of a latent depends only on the seed and its position, so steps agree.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from services.render.engines.joygen.nets.a2m import ExpressionVae
from services.render.engines.joygen.nets.hubert import KERNEL, STRIDE, Hubert
from services.render.engines.joygen.pitch import HOP, WINDOW, estimate_pitch, estimate_recording_pitch

Array = npt.NDArray[np.float32]

ROWS_PER_LATENT = 8
"""Rows (50 a second) of one latent; two rows are one picture."""
CONTEXT_PAST, CONTEXT_FUTURE = 20 * ROWS_PER_LATENT, 3 * ROWS_PER_LATENT
"""Rows of context before and after the output of the expression network in a stream.

Its flow covers 16 latents to each side, its decoder 10 pictures. The past is complete; of the future there are 0.48 s.
"""
PIECE_ROWS = 1000
"""Rows that HuBERT encodes at once in a whole recording."""
STEP_ROWS, ROWS_BEFORE, ROWS_AFTER = 16, 100, 10
"""Rows that HuBERT outputs per step of a stream, and rows of context before and after them."""
PITCH_OVERLAP = 20
"""Rows before a step whose pitch is estimated again, so that the Viterbi path continues."""
HUBERT_PAD = KERNEL - STRIDE


def noise(seed: int, first: int, count: int, channels: int) -> Array:
    """Standard normal noise of ``count`` latents from ``first`` on, (channels, count); the same in every call."""
    columns = [
        np.random.Generator(np.random.Philox(key=[seed, first + i])).standard_normal(channels) for i in range(count)
    ]
    return np.stack(columns, axis=1).astype(np.float32)


class ExpressionStream:
    """Expression rows of one recording or stream.

    ``live`` False computes everything at ``finish``, as upstream does. ``live`` True gives ``STEP_ROWS`` rows whenever
    ``CONTEXT_FUTURE`` + ``ROWS_AFTER`` more rows have arrived (0.68 s to 1 s after a picture); the sizes of the pieces
    do not matter.
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
        self._emitted_rows = 0
        """Rows whose expression was returned; a multiple of ``ROWS_PER_LATENT``."""
        self._finished = False

    @property
    def _end(self) -> int:
        return self._sound_first + len(self._sound)

    def push(self, samples: Array) -> Array:
        """Take samples at 16 kHz, float32 in -1..1; expression rows (n, 64) of the pictures that they complete."""
        self._sound = np.concatenate([self._sound, samples.astype(np.float32, copy=False)])
        if not self._live:
            return self._no_rows()
        while self._end >= self._samples_needed():
            self._encode_step()
        return self._express_steps()

    def finish(self) -> Array:
        """End of the sound: the remaining rows, at least as many pictures as the sound fills."""
        if self._finished:
            return self._no_rows()
        self._finished = True
        total = max(0, (self._end - HUBERT_PAD) // STRIDE)
        if self._live:
            while self._encoded_rows < total:
                self._encode_step(total)
        elif total:
            self._encode_whole(total)
        padding = -self._encoded_rows % ROWS_PER_LATENT
        self._rows, self._pitch = np.pad(self._rows, ((0, padding), (0, 0))), np.pad(self._pitch, (0, padding))
        out = [self._express_steps() if self._live else self._no_rows()]
        if self._emitted_rows < self._encoded_rows:
            out.append(self._express(self._encoded_rows))
        return np.concatenate(out)

    def _no_rows(self) -> Array:
        return np.zeros((0, self._a2m.config.out), np.float32)

    @property
    def _encoded_rows(self) -> int:
        return self._rows_first + len(self._rows)

    def _samples_needed(self) -> int:
        """Number of samples at which the next step can be encoded."""
        return max(
            (self._encoded_rows + STEP_ROWS + ROWS_AFTER) * STRIDE + HUBERT_PAD,
            (self._encoded_rows + STEP_ROWS - 1) * HOP + WINDOW,
        )

    def _encode_step(self, total: int | None = None) -> None:
        """HuBERT and pitch for the next ``STEP_ROWS`` rows; ``total`` is the number of rows when the sound has
        ended."""
        start = self._encoded_rows
        stop = start + STEP_ROWS if total is None else min(start + STEP_ROWS, total)
        sample_end = (stop + ROWS_AFTER if total is None else min(stop + ROWS_AFTER, total)) * STRIDE + HUBERT_PAD
        self._count(sample_end)
        first = max(0, start - ROWS_BEFORE)
        rows = self._hubert_rows(self._cut(first * STRIDE, sample_end))[start - first :][: stop - start]
        first = max(0, start - PITCH_OVERLAP)
        sound = self._cut(first * HOP, sample_end)
        missing = (stop - 1 - first) * HOP + WINDOW - len(sound)
        f0, self._loudest = estimate_pitch(np.pad(sound, (0, max(0, missing))), self._loudest)
        self._rows = np.concatenate([self._rows, rows])
        self._pitch = np.concatenate([self._pitch, f0[start - first :][: stop - start]])
        dropped = max(0, self._encoded_rows - ROWS_BEFORE) * STRIDE - self._sound_first
        if dropped > 0:
            self._sound, self._sound_first = self._sound[dropped:], self._sound_first + dropped

    def _count(self, until: int) -> None:
        fresh = self._cut(self._counted, until).astype(np.float64)
        self._sum, self._squares = self._sum + fresh.sum(), self._squares + (fresh**2).sum()
        self._counted = max(self._counted, until)

    def _cut(self, start: int, stop: int) -> Array:
        return self._sound[max(0, start - self._sound_first) : max(0, stop - self._sound_first)]

    def _encode_whole(self, total: int) -> None:
        """Encode everything at once, in upstream's pieces."""
        self._count(self._end)
        pieces = []
        for first in range(0, total, PIECE_ROWS):
            stop = min(total, first + PIECE_ROWS)
            pieces.append(self._hubert_rows(self._sound[first * STRIDE : stop * STRIDE + HUBERT_PAD]))
        self._rows = np.concatenate(pieces)
        self._pitch = estimate_recording_pitch(self._sound, total)

    def _hubert_rows(self, sound: Array) -> Array:
        mean = self._sum / self._counted
        variance = max(self._squares / self._counted - mean**2, 0.0)
        weight = self._hubert.feature_projection.projection.weight
        normalised = torch.from_numpy(((sound - mean) / np.sqrt(variance + 1e-7)).astype(np.float32))
        with torch.inference_mode():
            rows: Array = self._hubert(normalised[None].to(weight.device, weight.dtype))[0].float().cpu().numpy()
        return rows

    def _express_steps(self) -> Array:
        out = [self._no_rows()]
        while self._emitted_rows + STEP_ROWS + CONTEXT_FUTURE <= self._encoded_rows:
            out.append(self._express(self._emitted_rows + STEP_ROWS))
        return np.concatenate(out)

    def _express(self, row_end: int) -> Array:
        """Expression of the rows not yet emitted, up to row ``row_end``."""
        start = max(0, self._emitted_rows - CONTEXT_PAST)
        stop = min(row_end + CONTEXT_FUTURE, self._encoded_rows)
        span = slice(start - self._rows_first, stop - self._rows_first)
        config = self._a2m.config
        z = (
            noise(self._seed, start // ROWS_PER_LATENT, (stop - start) // ROWS_PER_LATENT, config.latent)
            * self._temperature
        )
        device = self._a2m.cond_proj.weight.device
        inputs = (torch.from_numpy(a)[None].to(device) for a in (self._rows[span], self._pitch[span], z))
        with torch.inference_mode():
            expression: Array = self._a2m(*inputs, self._mouth_amp)[0].cpu().numpy()
        expression = expression[(self._emitted_rows - start) // 2 : (row_end - start) // 2]
        self._emitted_rows = row_end
        dropped = max(0, row_end - CONTEXT_PAST) - self._rows_first
        if dropped > 0:
            self._rows, self._pitch = self._rows[dropped:], self._pitch[dropped:]
            self._rows_first += dropped
        return expression
