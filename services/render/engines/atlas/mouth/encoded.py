"""Features of a whole recording as ``ClipAudioToMouth`` computes them, to train a model of one person's mouth.

features = encode_recording(samples, rate, encoder)            # (n, SIZE), feature k describes k / PER_S seconds
model = ClipModel(mean, spread, matrix, centre, gain)          # linear in with_context(features)
ClipAudioToMouth(encoder, model, rate)                         # in place of ClipModel.builtin()
"""

from __future__ import annotations

import numpy as np

from services.render.audio.log_mel import RATE, Array
from services.render.audio.resampling import Resampler
from services.render.audio.whisper import SIZE
from services.render.engines.atlas.mouth.clip import SAMPLES_PER_FEATURE, Encoder, window_after


def encode_recording(samples: Array, rate: int, encoder: Encoder) -> Array:
    """Encoder features, float32, shape (n, SIZE), one per 20 ms, of mono samples (-1 to 1) at ``rate`` Hz.

    The windows are those that the engine uses when it draws, so that weights fitted on these features match. The cost
    is about 25 CPU-ms per second of sound. An empty recording gives no features.
    """
    chunks = []
    resampler = None if rate == RATE else Resampler(rate, RATE)
    for start in range(0, len(samples), rate):
        chunk = np.asarray(samples[start : start + rate], np.float32)
        chunks.append(chunk if resampler is None else resampler.push(chunk, start + rate >= len(samples)))
    sound = np.concatenate(chunks) if chunks else np.zeros(0, np.float32)
    windows: list[Array] = []
    done = 0
    while window := window_after(done, len(sound) // SAMPLES_PER_FEATURE, ended=True):
        features = encoder(
            sound[window.context_start * SAMPLES_PER_FEATURE : window.context_stop * SAMPLES_PER_FEATURE]
        )
        windows.append(features[window.start - window.context_start : window.stop - window.context_start])
        done = window.stop
    return np.concatenate(windows) if windows else np.zeros((0, SIZE), np.float32)
