"""Voice activity detection with silero VAD (MIT), the ONNX file that faster-whisper carries.

The network reads windows of 512 samples at 16 kHz, each with the 64 samples before it, and keeps an LSTM state. The
services that listen open it themselves (``model_path``), since this package imports no runtime of networks.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from services.common.audio import Samples

WINDOW = 512
"""Samples of one window: 32 ms."""
_CONTEXT = 64
SPEECH, SILENCE = 0.5, 0.35
"""Probabilities that start and end speech; between them the state stays (silero's own advice)."""
_MIN_SPEECH = 3  # windows: about 0.1 s; a shorter burst is a click
_JOIN = 10  # windows: pauses under 0.3 s do not part two spans


def model_path() -> Path:
    """The network's file. Raises ``ImportError`` where faster-whisper is not installed."""
    found = find_spec("faster_whisper")
    if found is None or found.origin is None:
        raise ImportError("faster-whisper, which carries the voice activity detector, is not installed")
    return Path(found.origin).parent / "assets" / "silero_vad_v6.onnx"


class VadNetwork:
    """The network; one for all callers (onnxruntime sessions may be run from several threads)."""

    def __init__(self, session: Any) -> None:
        """``session`` is an ``onnxruntime.InferenceSession`` of ``model_path``."""
        self._session = session

    def run(self, windows: npt.NDArray[np.float32], state: tuple[Any, Any]) -> tuple[npt.NDArray[np.float32], Any]:
        """Probabilities (n,) of windows (n, 576) that follow each other, and the state after them."""
        out, h, c = self._session.run(None, {"input": windows, "h": state[0], "c": state[1]})
        return out.reshape(-1), (h, c)

    def probabilities(self, samples: Samples) -> npt.NDArray[np.float32]:
        """Probability of speech of each window of a clip, shape (ceil(n / 512),)."""
        return VadStream(self).feed(np.pad(samples, (0, -samples.size % WINDOW)))


class VadStream:
    """Probabilities of a live stream; keeps the state, and the samples that do not fill a window yet."""

    def __init__(self, vad: VadNetwork) -> None:
        self._vad = vad
        self._rest: Samples = np.zeros(0, np.float32)
        self._context: Samples = np.zeros(_CONTEXT, np.float32)
        self.forget()

    def forget(self) -> None:
        """Listen as if nothing had been heard: after a long silence the network takes clear speech for doubtful."""
        self._state = (np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32))

    def feed(self, samples: Samples) -> npt.NDArray[np.float32]:
        """Probabilities of the windows that are complete now, shape (n,), n may be 0."""
        x = np.concatenate([self._rest, samples])
        n = x.size // WINDOW
        self._rest = x[n * WINDOW :]
        if not n:
            return np.zeros(0, np.float32)
        body = np.concatenate([self._context, x[: n * WINDOW]])
        self._context = body[-_CONTEXT:]
        rows = np.lib.stride_tricks.sliding_window_view(body, WINDOW + _CONTEXT)[::WINDOW]
        out, self._state = self._vad.run(np.ascontiguousarray(rows), self._state)
        return out


def spans(p: npt.NDArray[np.float32]) -> list[tuple[int, int]]:
    """Stretches of speech, (first, last + 1) window, with short pauses bridged and clicks dropped."""
    found: list[tuple[int, int]] = []
    start = -1
    for i, value in enumerate(np.append(p, 0.0)):
        if start < 0 and value >= SPEECH:
            start = i
        elif start >= 0 and value < SILENCE:
            if found and start - found[-1][1] < _JOIN:
                found[-1] = (found[-1][0], i)
            else:
                found.append((start, i))
            start = -1
    return [(a, b) for a, b in found if b - a >= _MIN_SPEECH]
