"""Features of a whole recording as ``ClipListener`` hears them: what a model of one person's mouth is fitted on.

features = encoded(samples, rate, encoder)                     # (n, SIZE), number k tells of k / PER_S seconds
model = ClipModel(mean, spread, matrix, centre, gain)          # linear in around(features)
ClipListener(encoder, model, rate)                             # in place of ClipModel.builtin()
"""

from __future__ import annotations

import numpy as np

from services.render.audio.log_mel import RATE, Array
from services.render.audio.resampling import Resampler
from services.render.audio.whisper import SIZE
from services.render.engines.atlas.mouth.clip import STEP, Encoder, told


def encoded(samples: Array, rate: int, encoder: Encoder) -> Array:
    """Encoder features, float32, shape (n, SIZE), one each 20 ms, of mono samples (-1 to 1) at ``rate`` Hz.

    Encoded in the same windows as the engine does when it draws, so that weights fitted on these features fit there.
    Costs about 25 CPU-ms a second of sound. An empty recording gives no features.
    """
    pieces = []
    resampler = None if rate == RATE else Resampler(rate, RATE)
    for k in range(0, len(samples), rate):
        piece = np.asarray(samples[k : k + rate], np.float32)
        pieces.append(piece if resampler is None else resampler.push(piece, k + rate >= len(samples)))
    sound = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    out: list[Array] = []
    count = 0
    while window := told(count, len(sound) // STEP, whole=True):
        features = encoder(sound[window.begin * STEP : window.until * STEP])
        out.append(features[window.first - window.begin : window.end - window.begin])
        count = window.end
    return np.concatenate(out) if out else np.zeros((0, SIZE), np.float32)
