"""Voice activity detection of whole clips: where speech is, in windows that a recogniser takes at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.common.audio import Samples
from services.common.vad import SILENCE, SPEECH, WINDOW, VadNetwork, VadStream, model_path, spans

__all__ = ["SILENCE", "SPEECH", "WINDOW", "Vad", "VadStream", "pack", "spans"]

_SAMPLE_RATE_HZ = 16_000
_PAD = 6  # windows kept around a span: soft beginnings and endings score low
_NEW_PACK = 48  # windows: after 1.5 s of silence a new window begins


class Vad(VadNetwork):
    """The network, loaded."""

    def __init__(self) -> None:
        import onnxruntime  # here, not above: the server imports this module and must stay free of onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        path = str(model_path())
        super().__init__(onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]))

    def windows(self, samples: Samples, longest_s: float) -> list[tuple[int, int]]:
        """Where the speech of a clip is: (first, last + 1) sample of windows at most ``longest_s`` long."""
        if samples.size == 0:
            return []
        p = self.probabilities(samples)
        longest = int(longest_s * _SAMPLE_RATE_HZ / WINDOW)
        return [(a * WINDOW, min(b * WINDOW, samples.size)) for a, b in pack(p, spans(p), longest)]


def pack(p: npt.NDArray[np.float32], found: list[tuple[int, int]], longest: int) -> list[tuple[int, int]]:
    """Spans, padded and gathered, none above ``longest`` windows; a longer one is cut where it is quietest."""
    pieces: list[tuple[int, int]] = []
    for a, b in found:
        a, b = max(0, a - _PAD), min(len(p), b + _PAD)
        while b - a > longest:
            half = a + longest // 2
            cut = half + int(np.argmin(p[half : a + longest]))
            pieces.append((a, cut))
            a = cut
        pieces.append((a, b))
    packs: list[tuple[int, int]] = []
    for a, b in pieces:
        if packs and b - packs[-1][0] <= longest and a - packs[-1][1] < _NEW_PACK:
            packs[-1] = (packs[-1][0], b)
        else:
            packs.append((max(a, packs[-1][1]) if packs else a, b))
    return packs
