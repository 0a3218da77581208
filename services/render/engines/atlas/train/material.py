"""What a training learns from: what the engine hears in a clip, in its different ways, beside the real mouth."""

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
"""Where the windows in which a clip is heard begin."""


@dataclass(frozen=True)
class Material:
    """Features and real mouths of one stretch of a clip, both ``PER_S`` a second.

    Whisper's features also tell where in its window a sound lies, which says nothing of the mouth. So the stretch is
    heard several times, in windows that lie otherwise, and that cannot be learned.
    """

    heard: list[Array]
    """Each of shape (n, SIZE + SOUND)."""
    general: Array
    """Shape (n, 2): what the general model makes of it, the mean over windows; not at rest in silence."""
    live: Array
    """Shape (n, 2): what live speech is heard as."""
    spoken: npt.NDArray[np.bool_]
    """Shape (n,), whether there is speech to be heard."""
    real: Array
    """Shape (n, 2), in the units of mouth tracks."""
    usable: npt.NDArray[np.bool_]
    """Shape (n,), whether the mouth could be measured."""
    lag: int
    """Features by which the real mouth is ahead."""
    sync: float


def material(sound: Array, face: Face, fps: float, encoder: WhisperEncoder) -> Material:
    """Of a clip's first frames; ``sound`` (at ``RATE``) may go on after them but is not heard there."""
    step = RATE // PER_S
    count = min(len(sound) // step, int(len(face.mouths) / fps * PER_S))
    own = sound[: count * step]
    heard = []
    for shift_s in SHIFTS_S:
        before = own[: round(shift_s * PER_S) * step]
        heard.append(
            encode_recording(np.concatenate([before, own]), RATE, person_encoder(encoder))[len(before) // step :][
                :count
            ]
        )
    t, at = np.arange(count) / PER_S, np.arange(len(face.mouths)) / fps
    track = (face.mouths - face.closed) / face.reach
    real = np.stack([np.interp(t, at, c) for c in track.T], 1).astype(np.float32)
    usable = np.interp(t, at, face.strength) >= 1
    model = ClipModel.builtin()
    guess = np.asarray(np.mean([model.estimate(h[:, :SIZE]) for h in heard], axis=0), np.float32)
    lag, sync = offset(guess[usable], real[usable])
    loud = np.pad(heard[0][:, SIZE], (GATE_REACH[0] // 2, GATE_REACH[1] // 2), mode="edge")
    near = np.lib.stride_tricks.sliding_window_view(loud, sum(GATE_REACH) // 2 + 1).max(1)
    return Material(heard, guess, live(own, encoder), near >= LOUDNESS_GATE[1], real, usable, lag, sync)


def live(sound: Array, encoder: Encoder | WhisperEncoder) -> Array:
    """What the general model for live speech makes of samples at ``RATE``, shape (features, 2)."""
    exact = encoder.exactly if isinstance(encoder, WhisperEncoder) else encoder
    listener = LiveAudioToMouth(exact, LiveModel.builtin(), RATE)
    listener.push(sound, last=True)
    return np.stack([listener.mouth_at(k / PER_S) for k in range(len(sound) * PER_S // RATE)])
