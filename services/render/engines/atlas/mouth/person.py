"""A model of one person's mouth on top of the general model; trained by ``services.render.train``.

Inputs at each time are the estimate of the general model, the principal components of Whisper's features in this
person's speech, and the loudness and spectral balance of the sound, each with its neighbours in time. The contribution
of each time offset to the general estimate is an input too, so that a person's mouth may move earlier or later, or hold
longer. Several small networks, each validated on another part of the clip, are averaged (bagging, Breiman 1996). All
start as the general model.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from services.render.audio.log_mel import HOP, RATE, WINDOW, Array, log_mel
from services.render.audio.whisper import PER_S, SIZE
from services.render.engines.atlas.mouth.clip import CONTEXT_OFFSETS, ClipModel, Encoder
from services.render.engines.atlas.mouth.correction import Correction

SOUND_VALUES = 6
"""Number of values that ``sound_features`` adds to each feature."""
NEAR_OFFSETS = np.array([-6, -3, 0, 3, 6])
"""Offsets (20 ms) of the neighbours of components and of the general estimate."""
FAR_OFFSETS = np.array([-24, -16, -8, -4, 0, 4, 8, 16, 24])
"""Offsets (20 ms) of the neighbours of loudness: the mouth opens for the breath before a phrase."""
NO_OFFSETS = np.zeros(1, np.int64)
COMPONENTS = 24
SHIFTS = (50, 100)
"""Offsets, in features, at which a window is encoded again; shorter than its context."""
INPUT_WEIGHTS = (1.0, 0.5, 0.3, 1.0)
"""Shares of components, general estimate, sound and parts of the estimate in the variance of the inputs."""
CORRECTED_SOURCES = ("text", "live")
"""Sources of estimates for which a person's model may have a correction."""
SMOOTHING = np.array([1, 2, 3, 2, 1], np.float32) / 9
"""Smoothing kernel of the estimate, 20 ms per weight."""


def sound_features(samples: Array, count: int) -> Array:
    """Loudness, its moving means, and spectral balance of samples at ``RATE``, shape (count, SOUND_VALUES)."""
    padded = np.pad(samples, (0, max(0, count * RATE // PER_S - len(samples))))
    mel = log_mel(np.pad(padded, (WINDOW // 2, WINDOW // 2 + HOP)))[: 2 * count : 2][:count]
    loudness = mel[:, 4:32].mean(1)
    loudness = np.maximum(loudness - np.percentile(loudness[: max(1, len(samples) * PER_S // RATE)], 90), -3)
    values = [loudness, np.clip(mel[:, :8].mean(1) - mel[:, 4:32].mean(1), -2, 2)]
    values.append(np.clip(mel[:, 24:].mean(1) - mel[:, 4:32].mean(1), -2, 2))
    for radius in (5, 15, 40):
        kernel = np.ones(2 * radius + 1, np.float32) / (2 * radius + 1)
        values.append(np.convolve(np.pad(loudness, radius, mode="edge"), kernel, "valid"))
    return np.stack(values, 1).astype(np.float32)


def person_encoder(encoder: Encoder) -> Encoder:
    """An encoder whose features have those of ``sound_features`` appended, shape (n, SIZE + SOUND_VALUES).

    Whisper's features depend on the position of a sound in the window. So each window is encoded ``1 + len(SHIFTS)``
    times with later starts, and the features are averaged.
    """

    def encode(samples: Array) -> Array:
        features = encoder(samples)
        feature_sum, count = features.copy(), np.ones((len(features), 1), np.float32)
        for shift in SHIFTS:
            if len(samples) > shift * RATE // PER_S:
                feature_sum[shift:] += encoder(samples[shift * RATE // PER_S :])[: len(features) - shift]
                count[shift:] += 1
        return np.concatenate([feature_sum / count, sound_features(samples, len(features))], 1)

    return encode


def neighbours(x: Array, offsets: npt.NDArray[np.int64], lag: int = 0) -> Array:
    """Rows of (n, k) with their neighbours, shape (n, len(offsets) * k); the ends are repeated outwards."""
    index = np.arange(len(x))[:, None] + offsets[None] + lag
    return np.asarray(x[np.clip(index, 0, len(x) - 1)].reshape(len(x), -1), dtype=np.float32)


@dataclass(frozen=True)
class InputTransform:
    """Transforms features to network inputs; fitted on the person's speech, without the mouth."""

    centre: Array
    """Shape (SIZE,)."""
    components: Array
    """Shape (SIZE, COMPONENTS)."""
    mean: Array
    scale: Array
    """Of the inputs; shape (inputs,)."""

    @classmethod
    def fit(cls, features: Array, general: ClipModel) -> InputTransform:
        """Fit to all features (n, SIZE + SOUND_VALUES) of the training data."""
        spoken = features[:, :SIZE]
        centre = spoken.mean(0)
        _, _, axes = np.linalg.svd(spoken - centre, full_matrices=False)
        components = np.zeros((SIZE, COMPONENTS), np.float32)
        components[:, : len(axes)] = axes[:COMPONENTS].T
        blocks = cls._blocks(features, general, centre, components, 0)
        mean, scale = [], []
        for block, weight in zip(blocks, INPUT_WEIGHTS, strict=True):
            block_mean = block.mean(0)
            power = float(((block - block_mean) ** 2).sum(1).mean())
            mean.append(block_mean)
            scale.append(np.full(block.shape[1], np.sqrt(weight * block.shape[1] / max(power, 1e-8)), np.float32))
        return cls(centre, components, np.concatenate(mean), np.concatenate(scale))

    @staticmethod
    def _blocks(features: Array, general: ClipModel, centre: Array, components: Array, lag: int) -> list[Array]:
        projected = np.asarray((features[:, :SIZE] - centre) @ components, dtype=np.float32)
        parts = general.parts(features[:, :SIZE])
        estimate = np.asarray(general.centre + parts.sum(1), dtype=np.float32)
        return [
            neighbours(projected, NEAR_OFFSETS, lag),
            neighbours(estimate, NEAR_OFFSETS, lag),
            neighbours(features[:, SIZE:], FAR_OFFSETS, lag),
            neighbours(parts.reshape(len(parts), -1), NO_OFFSETS, lag),
        ]

    def apply(self, features: Array, general: ClipModel, lag: int = 0) -> Array:
        """Network inputs (n, inputs) at each feature, taken ``lag`` features later."""
        joined = np.concatenate(self._blocks(features, general, self.centre, self.components, lag), 1)
        joined = joined[:, : len(self.mean)]  # models of earlier versions lack the parts of the estimate
        return np.asarray((joined - self.mean) * self.scale, dtype=np.float32)


@dataclass(frozen=True)
class Ensemble:
    """Weights of ``m`` networks, each a linear map plus one hidden layer of rectified units."""

    linear: Array
    """Shape (m, inputs, 2)."""
    into: Array
    """Shape (m, inputs, hidden)."""
    into_bias: Array
    """Shape (m, hidden)."""
    out: Array
    """Shape (m, hidden, 2)."""
    out_bias: Array
    """Shape (m, 2)."""

    def predict_each(self, rows: Array) -> Array:
        """Predictions of each network for rows (n, inputs), shape (m, n, 2)."""
        hidden = np.maximum(0, np.einsum("ni,mih->mnh", rows, self.into, optimize=True) + self.into_bias[:, None])
        straight = np.einsum("ni,mio->mno", rows, self.linear, optimize=True)
        return np.asarray(straight + hidden @ self.out + self.out_bias[:, None], dtype=np.float32)


@dataclass(frozen=True)
class PersonModel:
    """Replaces ``ClipModel`` in ``ClipAudioToMouth``; ``person_encoder(encoder)`` replaces the encoder.

    For text and live sound, corrections change the estimates of the general models.
    """

    general: ClipModel
    """The general model that this one was fitted on; stored because later versions ship another one."""
    inputs: InputTransform
    members: Ensemble
    slope: Array
    """Shape (2,): weight of the general estimate."""
    centre: Array
    """Shape (2,): mean opening and width, in the units of mouth tracks."""
    spread: Array
    """Shape (2,): unit of the networks' output."""
    gain: Array
    """Shape (2,): restores the usual spread of the mouth, which regression shrinks."""
    text: Correction | None = None
    """Correction of mouths from phonemes; None where it does not help."""
    live: Correction | None = None
    """Correction of mouths from live sound; None where it does not help."""
    improves_recordings: bool = True
    """Whether this model draws recordings better than the general one."""

    def estimate(self, features: Array) -> Array:
        """Opening and width, shape (n, 2), at each of the features (n, SIZE + SOUND_VALUES)."""
        general_part = scaled_estimate(self.general.estimate(features[:, :SIZE]), self.general.centre, self.slope)
        rows = self.inputs.apply(features, self.general)
        return smoothed(
            self.centre + self.spread * self.gain * (general_part + self.members.predict_each(rows).mean(0))
        )

    def save(self, path: Path) -> None:
        """Write for ``load``. Not atomic: write to another name and rename."""
        arrays = {"slope": self.slope, "centre": self.centre, "spread": self.spread, "gain": self.gain}
        arrays["helps"] = np.array(self.improves_recordings)
        parts = {name: getattr(self, name) for name in ("general", "inputs", "members", *CORRECTED_SOURCES)}
        for name, part in parts.items():
            if part is not None:
                arrays |= {f"{name}.{field.name}": getattr(part, field.name) for field in fields(part)}
        stored: dict[str, Any] = {name: np.asarray(a, np.float32) for name, a in arrays.items()}
        with path.open("wb") as file:
            np.savez_compressed(file, **stored)

    @classmethod
    def load(cls, path: Path) -> PersonModel:
        """Read what ``save`` wrote, without pickles. Raises ``OSError``, ``ValueError``, ``KeyError``."""
        with np.load(path, allow_pickle=False) as data:

            def arrays_of(name: str, names: list[str]) -> dict[str, Array]:
                return {n: data[f"{name}.{n}"] for n in names}

            general = ClipModel(**arrays_of("general", [f.name for f in fields(ClipModel)]))
            if len(general.mean) != len(CONTEXT_OFFSETS) * SIZE:
                raise ValueError("made by a version with other context offsets")
            # models of earlier versions are for recordings only
            field_names = [f.name for f in fields(Correction)]
            corrections = {
                n: Correction(**arrays_of(n, field_names)) for n in CORRECTED_SOURCES if f"{n}.matrix" in data
            }
            return cls(
                general=general,
                inputs=InputTransform(**arrays_of("inputs", [f.name for f in fields(InputTransform)])),
                members=Ensemble(**arrays_of("members", [f.name for f in fields(Ensemble)])),
                slope=data["slope"],
                centre=data["centre"],
                spread=data["spread"],
                gain=data["gain"],
                **corrections,
                improves_recordings=bool(data["helps"]) if "helps" in data else True,
            )


def scaled_estimate(estimate: Array, mean: Array, scale: Array) -> Array:
    """The general estimate in the unit of the networks' output."""
    return np.asarray((estimate - mean) * scale, dtype=np.float32)


def smoothed(track: Array) -> Array:
    """A track (n, k) smoothed over time; the shape stays the same."""
    radius = len(SMOOTHING) // 2
    padded = np.pad(track, ((radius, radius), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, SMOOTHING, "valid") for column in padded.T], 1).astype(np.float32)
