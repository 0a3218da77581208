"""Training data: audio features and general estimates of a clip, beside the measured mouth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.render.audio.log_mel import RATE, Array
from services.render.audio.whisper import PER_S, SIZE, WhisperEncoder
from services.render.engines.atlas.face import Face
from services.render.engines.atlas.mouth.clip import GATE_REACH, LOUDNESS_GATE, ClipModel, Encoder
from services.render.engines.atlas.mouth.encoded import encode_recording
from services.render.engines.atlas.mouth.live import LiveAudioToMouth, LiveModel
from services.render.engines.atlas.mouth.person import person_encoder
from services.render.engines.atlas.train.checks import offset

SHIFTS_S = (0.0, 2.5, 5.0, 7.5)
"""Start offsets of the windows in which a clip is encoded."""


@dataclass(frozen=True)
class TrainingData:
    """Features and measured mouths of one part of a clip, both at ``PER_S`` a second.

    Whisper's features depend on the position of a sound in its window, which says nothing about the mouth. The part is
    encoded several times in shifted windows, so that the networks cannot learn that position.
    """

    features: list[Array]
    """Features of each shifted window, shape (n, SIZE + SOUND_VALUES)."""
    general: Array
    """Shape (n, 2): estimate of the general model, averaged over the shifted windows; not at rest in silence."""
    live: Array
    """Shape (n, 2): estimate of the general model for live speech."""
    speech: npt.NDArray[np.bool_]
    """Shape (n,), whether there is speech."""
    measured: Array
    """Shape (n, 2), in the units of mouth tracks."""
    usable: npt.NDArray[np.bool_]
    """Shape (n,), whether the mouth could be measured."""
    lag: int
    """Lead of the measured mouth over the sound, in features."""
    sync: float


def training_data(sound: Array, face: Face, fps: float, encoder: WhisperEncoder) -> TrainingData:
    """Training data of a clip's first frames; ``sound`` (at ``RATE``) after them is ignored."""
    step = RATE // PER_S
    count = min(len(sound) // step, int(len(face.mouths) / fps * PER_S))
    samples = sound[: count * step]
    features = []
    for start_s in SHIFTS_S:
        prefix = samples[: round(start_s * PER_S) * step]
        encoded = encode_recording(np.concatenate([prefix, samples]), RATE, person_encoder(encoder))
        features.append(encoded[len(prefix) // step :][:count])
    times, frame_times = np.arange(count) / PER_S, np.arange(len(face.mouths)) / fps
    track = (face.mouths - face.closed) / face.reach
    measured = np.stack([np.interp(times, frame_times, c) for c in track.T], 1).astype(np.float32)
    usable = np.interp(times, frame_times, face.strength) >= 1
    model = ClipModel.builtin()
    general = np.asarray(np.mean([model.estimate(one[:, :SIZE]) for one in features], axis=0), np.float32)
    lag, sync = offset(general[usable], measured[usable])
    loudness = np.pad(features[0][:, SIZE], (GATE_REACH[0] // 2, GATE_REACH[1] // 2), mode="edge")
    loudest = np.lib.stride_tricks.sliding_window_view(loudness, sum(GATE_REACH) // 2 + 1).max(1)
    return TrainingData(
        features=features,
        general=general,
        live=live_estimate(samples, encoder),
        speech=loudest >= LOUDNESS_GATE[1],
        measured=measured,
        usable=usable,
        lag=lag,
        sync=sync,
    )


def live_estimate(sound: Array, encoder: Encoder | WhisperEncoder) -> Array:
    """Estimate of the general model for live speech from samples at ``RATE``, shape (features, 2)."""
    exact = encoder.exactly if isinstance(encoder, WhisperEncoder) else encoder
    listener = LiveAudioToMouth(exact, LiveModel.builtin(), RATE)
    listener.push(sound, last=True)
    return np.stack([listener.mouth_at(k / PER_S) for k in range(len(sound) * PER_S // RATE)])
