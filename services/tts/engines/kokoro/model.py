"""The Kokoro-82M network: phoneme symbols in, samples and the length of every symbol out."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from services.common.audio import Samples
from services.tts.engines.base import Stop

SAMPLE_RATE = 24_000
FRAME = 600
"""Samples per unit of the network's own lengths (25 ms)."""
MAX_SYMBOLS = 510
_STYLE_SIZE = 256
_DURATIONS = "/encoder/Clip_output_0"

Array = npt.NDArray[np.float32]


def with_durations(model: bytes) -> bytes:
    """The ONNX model with the predicted lengths as a second output.

    Protobuf joins repeated fields of concatenated messages, so an appended ``ModelProto{graph{output{name}}}`` adds the
    output: no ONNX library and no second copy of the weights on disk.
    """

    def field(number: int, content: bytes) -> bytes:
        assert len(content) < 128  # one byte of length is enough here
        return bytes([number << 3 | 2, len(content)]) + content

    return model + field(7, field(12, field(1, _DURATIONS.encode())))


class KokoroModel:
    """One session for all callers; a run uses ``threads`` cores. Runs of several threads are the caller's to order."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder = folder
        vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))["vocab"]
        self._ids: dict[str, int] = vocabulary
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # spinning threads would take the cores that recognition and rendering need at the same moment
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        model = with_durations((folder / "model.onnx").read_bytes())
        self._session: Any = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.style = lru_cache(64)(self._style)

    def symbols(self, phonemes: str) -> list[str]:
        """The symbols that the network knows."""
        return [c for c in phonemes if c in self._ids]

    def _style(self, voice_id: str) -> Array:
        return np.fromfile(self._folder / "voices" / f"{voice_id}.bin", "<f4").reshape(-1, _STYLE_SIZE)

    def run(self, symbols: list[str], voice_id: str, speed: float, stop: Stop) -> tuple[Samples, npt.NDArray[np.int64]]:
        """Speak 1 to 510 symbols.

        Returns float32 samples at 24 kHz, and lengths in samples: of the silence before, of each symbol and of the
        silence after (len(symbols) + 2 values whose sum is the number of samples). Returns nothing (empty arrays) when
        ``stop`` is set meanwhile.
        """
        tokens = np.array([[0, *(self._ids[c] for c in symbols), 0]], np.int64)
        style = self.style(voice_id)[[min(len(symbols), MAX_SYMBOLS) - 1]]
        options = ort.RunOptions()
        # gives the memory of a long run back, at the price of a few milliseconds
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        feed = {"tokens": tokens, "style": style, "speed": np.array([speed], np.float32)}

        def terminate() -> None:
            options.terminate = True

        with stop.on_set(terminate):
            try:
                audio, frames = self._session.run(["audio", _DURATIONS], feed, options)
            except Exception:  # onnxruntime's own exception types are not public
                if stop.is_set():
                    return np.zeros(0, np.float32), np.zeros(0, np.int64)
                raise
        lengths = np.rint(frames[0]).astype(np.int64) * FRAME
        lengths[-1] += audio.size - int(lengths.sum())
        return np.asarray(audio, np.float32), lengths
