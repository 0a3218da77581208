"""Lets an engine hear speech only: music, noise and a knock on the table do not move a mouth.

Sound in which nobody speaks is replaced by silence before an engine hears it; what the video plays is not touched.
Quiet stretches are left as they are, so that a clean recording is heard exactly as it was made.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from services.common.vad import WINDOW, VadNetwork, VadStream, model_path, spans
from services.render.audio.log_mel import RATE
from services.render.audio.resampling import Resampler
from services.render.types import Samples

AROUND = 16
"""Windows (32 ms) before and after speech that are heard as well: breaths, soft beginnings and endings."""
BEFORE = 4 * AROUND
"""Windows before one that are kept to judge it by."""
QUIET = 0.003
"""Root mean square of a window under which it is left as it is (-50 dB below full scale)."""
RAMP_S = 0.02
"""Time in which the sound comes and goes."""


@cache
def vad() -> VadNetwork:
    """The voice activity detector, loaded once. Raises ``ImportError``."""
    import onnxruntime  # here, not above: the server imports this module and must stay free of onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    path = str(model_path())
    return VadNetwork(onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]))


class SpeechOnly:
    """One recording in pieces. What comes out is ``AROUND`` windows and a bit late; nothing is lost or added."""

    def __init__(self, rate: int, network: VadNetwork | None = None) -> None:
        """``rate`` is that of the samples pushed. ``network`` is for tests."""
        self._rate = rate
        self._network = network or vad()
        self._start()

    def _start(self) -> None:
        self._resampler = None if self._rate == RATE else Resampler(self._rate, RATE)
        self._stream = VadStream(self._network)
        self._p = np.zeros(0, np.float32)  # of the windows from number ``_first`` on
        self._first = 0
        self._held: Samples = np.zeros(0, np.float32)  # samples that are not decided yet
        self._decided = 0  # windows
        self._gave = 0  # samples
        self._gain: float | None = None  # of the last sample given

    def push(self, samples: Samples) -> Samples:
        """Take samples; give those, muted where nobody speaks, about which all is known now."""
        self._listen(samples, last=False)
        return self._give(self._first + len(self._p) - AROUND)

    def finish(self) -> Samples:
        """Give the rest."""
        self._listen(np.zeros(0, np.float32), last=True)
        rest = self._give(self._first + len(self._p))
        left, self._held = self._held, np.zeros(0, np.float32)
        return np.concatenate([rest, left * np.float32(1.0 if self._gain is None else self._gain)])

    def clear(self) -> None:
        """Forget everything, as an engine's session does."""
        self._start()

    def _listen(self, samples: Samples, last: bool) -> None:
        self._held = np.concatenate([self._held, samples])
        heard = samples if self._resampler is None else self._resampler.push(samples, last)
        self._p = np.concatenate([self._p, self._stream.feed(np.asarray(heard, np.float32))])

    def _give(self, until: int) -> Samples:
        """The samples of the windows before number ``until``."""
        out = [np.zeros(0, np.float32)]
        for window in range(self._decided, until):
            end = (window + 1) * WINDOW * self._rate // RATE
            piece, self._held = self._held[: end - self._gave], self._held[end - self._gave :]
            self._gave += len(piece)
            is_heard = self._is_speech(window) or float(np.sqrt((piece**2).mean())) < QUIET
            out.append(self._faded(piece, 1.0 if is_heard else 0.0))
        self._decided = max(self._decided, until)
        dropped = max(0, self._decided - BEFORE - self._first)
        self._p, self._first = self._p[dropped:], self._first + dropped
        return np.concatenate(out)

    def _is_speech(self, window: int) -> bool:
        """Whether somebody speaks around a window, judged by as many windows before and after it wherever it lies."""
        start = max(0, window - BEFORE - self._first)
        near = spans(self._p[start : window + AROUND + 1 - self._first])
        at = window - self._first - start
        return any(a - AROUND <= at < b + AROUND for a, b in near)

    def _faded(self, piece: Samples, gain: float) -> Samples:
        before = gain if self._gain is None else self._gain
        self._gain = gain
        if gain == before == 1.0 or not len(piece):
            return piece
        ramp = np.clip(np.arange(1, len(piece) + 1) / (RAMP_S * self._rate), 0, 1)
        return np.asarray(piece * (before + (gain - before) * ramp).astype(np.float32))
