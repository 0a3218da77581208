"""Trains the maps that hear live speech with Whisper's encoder: see ``train_mouth``, which calls this."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from services.common.settings import SharedSettings
from services.common.weights import folder
from services.render.audio.whisper import PER_S, WhisperEncoder
from services.render.engines.atlas.mouth.clip import SAMPLES_PER_FEATURE
from services.render.engines.atlas.mouth.live import CONTEXT_OFFSETS, MAX_AHEAD, MIN_AHEAD, window_samples, with_context
from services.render.engines.atlas.mouth.track import mouth_at
from tools.mouth_speech import Sentence, degraded, recording, with_breaths

Array = npt.NDArray[np.float32]
COPIES = 2
"""Times each voice is heard, each time made worse differently."""
WINDOWS = 6000
"""Windows encoded in all, at even distances."""
STARTS = 0.12
"""Part of the windows in which a stream has just begun."""
START_S = (0.25, 3.0)
"""How long ago."""
NEAR = 1
"""Moments up to so many features earlier are learnt from too: they look nearly as the moment itself does."""
RIDGE = 1.0
"""Strength of the regularisation, in parts of each feature's variance."""
TAIL = MAX_AHEAD + NEAR - CONTEXT_OFFSETS[0]
"""Features kept of each window, its last ones."""


def examples(voices: dict[str, list[Sentence]], every: int) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Windows' last features (n, TAIL, SIZE) and wanted mouths (n, TAIL, 2), and whether their voice is held out."""
    encoder = WhisperEncoder(folder("whisper-base", SharedSettings().weights_dir), 1)
    rng = np.random.default_rng(4)
    others = [s[0] for own in voices.values() for s in own]
    recordings = []
    for k, own in enumerate(voices.values()):
        for _ in range(COPIES):
            sound, visemes = recording(own, rng)
            recordings.append((degraded(sound, others, rng), with_breaths(visemes), k % every == 0))
    apart = sum(len(sound) // SAMPLES_PER_FEATURE for sound, _, _ in recordings) / WINDOWS
    seen, wanted, held = [], [], []
    for sound, visemes, left_out in recordings:
        for end in np.arange(rng.uniform(TAIL, TAIL + apart), len(sound) // SAMPLES_PER_FEATURE, apart).astype(int):
            begin = (
                end * SAMPLES_PER_FEATURE - round(rng.uniform(*START_S) * PER_S) * SAMPLES_PER_FEATURE
                if rng.random() < STARTS
                else 0
            )
            seen.append(
                encoder.exactly(window_samples(sound[max(0, begin) : end * SAMPLES_PER_FEATURE]))[-TAIL:].astype(
                    np.float16
                )
            )
            wanted.append(mouth_at(visemes, np.arange(end - TAIL, end) / PER_S))
            held.append(left_out)
    return np.stack(seen), np.stack(wanted), np.array(held)


def train_streaming(voices: dict[str, list[Sentence]], every: int) -> dict[str, Any]:
    """Fit the maps without every ``every``-th voice, which tell how well they do; their arrays by name."""
    seen, wanted, held = examples(voices, every)
    tail = seen[:, -MAX_AHEAD:].astype(np.float32)
    mean, spread = tail.mean((0, 1)), tail.std((0, 1)) + 1e-3
    centre = wanted[:, -MAX_AHEAD:-MIN_AHEAD].mean((0, 1))
    z = (seen - mean) / spread
    y = wanted - centre
    hats, truths = [], []
    matrix = np.zeros((MAX_AHEAD - MIN_AHEAD + 1, len(CONTEXT_OFFSETS) * z.shape[2], 2), np.float16)
    for k, ahead in enumerate(range(MAX_AHEAD, MIN_AHEAD - 1, -1)):
        part = fitted(z[~held], y[~held], ahead)
        hats.append(with_context(z[held], ahead) @ part)
        truths.append(y[held, -ahead])
        matrix[k, : len(part)] = part
    hat, truth = np.concatenate(hats), np.concatenate(truths)
    r = [float(np.corrcoef(hat[:, c], truth[:, c])[0, 1]) for c in range(2)]
    gain = truth.std(0) / hat.std(0)
    print(f"live: {len(seen)} windows; gain {gain}; held-out voices: opening {r[0]:.3f} width {r[1]:.3f}")
    return {"mean": mean, "spread": spread, "matrix": matrix, "centre": centre, "gain": gain}


def fitted(z: Array, y: Array, ahead: int) -> Array:
    """The matrix for moments that have ``ahead`` features up to the end, of windows' normalised features."""
    count = z.shape[1]
    x = np.concatenate([with_context(z[:, : count - k], ahead) for k in range(NEAR + 1)])
    wanted = np.concatenate([y[:, count - k - ahead] for k in range(NEAR + 1)])
    square = x.T @ x + RIDGE * len(x) * np.eye(x.shape[1], dtype=np.float32)
    return np.asarray(np.linalg.solve(square, x.T @ wanted), np.float32)
