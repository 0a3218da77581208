"""One person's own way of moving the mouth, on top of the general model: made by ``services.render.train``.

Inputs at each time are the general model's estimate, the strongest components of Whisper's features in this person's
speech, and how loud and bright the sound is, each with its neighbours in time; and what each moment that the general
model hears adds to its estimate, so that a person's mouth may come earlier or later, or hold longer. Several small
networks, each chosen on another part of the clip, are averaged (bagging, Breiman 1996); all start as the general model.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from services.render.audio.log_mel import HOP, RATE, WINDOW, Array, log_mel
from services.render.audio.whisper import PER_S, SIZE
from services.render.engines.atlas.mouth.clip import OFFSETS, ClipModel, Encoder
from services.render.engines.atlas.mouth.correction import Correction

SOUND = 6
"""Values that ``sound`` gives for each feature."""
NEAR = np.array([-6, -3, 0, 3, 6])
"""Neighbours (20 ms) of components, and of the general estimate."""
FAR = np.array([-24, -16, -8, -4, 0, 4, 8, 16, 24])
"""Neighbours of loudness: a breath is taken before a phrase, and the mouth opens for it."""
NOW = np.zeros(1, np.int64)
COMPONENTS = 24
LATER = (50, 100)
"""Features by which a window is heard again, begun later; less than its context."""
WEIGHTS = (1.0, 0.5, 0.3, 1.0)
"""Share of components, general estimate, sound and the estimate's parts in the inputs' variance."""
WAYS = ("text", "live")
"""Ways of telling the mouth for which a model may have a correction."""
CALM = np.array([1, 2, 3, 2, 1], np.float32) / 9
"""Smoothing of the estimate, over 20 ms each."""


def sound(x: Array, count: int) -> Array:
    """Loudness, its slow means, and balance of low and high of samples at ``RATE``, shape (count, SOUND)."""
    padded = np.pad(x, (0, max(0, count * RATE // PER_S - len(x))))
    mel = log_mel(np.pad(padded, (WINDOW // 2, WINDOW // 2 + HOP)))[: 2 * count : 2][:count]
    loud = mel[:, 4:32].mean(1)
    loud = np.maximum(loud - np.percentile(loud[: max(1, len(x) * PER_S // RATE)], 90), -3)
    out = [loud, np.clip(mel[:, :8].mean(1) - mel[:, 4:32].mean(1), -2, 2)]
    out.append(np.clip(mel[:, 24:].mean(1) - mel[:, 4:32].mean(1), -2, 2))
    for reach in (5, 15, 40):
        kernel = np.ones(2 * reach + 1, np.float32) / (2 * reach + 1)
        out.append(np.convolve(np.pad(loud, reach, mode="edge"), kernel, "valid"))
    return np.stack(out, 1).astype(np.float32)


def hearing(encoder: Encoder) -> Encoder:
    """An encoder whose features have those of ``sound`` appended, shape (n, SIZE + SOUND).

    Whisper's features also tell where in the window a sound lies; each window is heard ``1 + len(LATER)`` times, begun
    later each time, and the mean is taken.
    """

    def heard(x: Array) -> Array:
        features = encoder(x)
        total, count = features.copy(), np.ones((len(features), 1), np.float32)
        for later in LATER:
            if len(x) > later * RATE // PER_S:
                total[later:] += encoder(x[later * RATE // PER_S :])[: len(features) - later]
                count[later:] += 1
        return np.concatenate([total / count, sound(x, len(features))], 1)

    return heard


def neighbours(x: Array, offsets: npt.NDArray[np.int64], lag: int = 0) -> Array:
    """Rows of (n, k) with those around them, shape (n, len(offsets) * k); the ends stand for what is beyond."""
    index = np.arange(len(x))[:, None] + offsets[None] + lag
    return np.asarray(x[np.clip(index, 0, len(x) - 1)].reshape(len(x), -1), dtype=np.float32)


@dataclass(frozen=True)
class Inputs:
    """How features become a network's inputs; learned from the person's speech without looking at the mouth."""

    centre: Array
    """Shape (SIZE,)."""
    components: Array
    """Shape (SIZE, COMPONENTS)."""
    mean: Array
    scale: Array
    """Of the inputs; shape (inputs,)."""

    @classmethod
    def of(cls, features: Array, general: ClipModel) -> Inputs:
        """From all features (n, SIZE + SOUND) of the material."""
        spoken = features[:, :SIZE]
        centre = spoken.mean(0)
        _, _, axes = np.linalg.svd(spoken - centre, full_matrices=False)
        components = np.zeros((SIZE, COMPONENTS), np.float32)
        components[:, : len(axes)] = axes[:COMPONENTS].T
        blocks = cls._blocks(features, general, centre, components, 0)
        mean, scale = [], []
        for block, weight in zip(blocks, WEIGHTS, strict=True):
            own = block.mean(0)
            power = float(((block - own) ** 2).sum(1).mean())
            mean.append(own)
            scale.append(np.full(block.shape[1], np.sqrt(weight * block.shape[1] / max(power, 1e-8)), np.float32))
        return cls(centre, components, np.concatenate(mean), np.concatenate(scale))

    @staticmethod
    def _blocks(features: Array, general: ClipModel, centre: Array, components: Array, lag: int) -> list[Array]:
        projected = np.asarray((features[:, :SIZE] - centre) @ components, dtype=np.float32)
        parts = general.parts(features[:, :SIZE])
        guess = np.asarray(general.centre + parts.sum(1), dtype=np.float32)
        return [
            neighbours(projected, NEAR, lag),
            neighbours(guess, NEAR, lag),
            neighbours(features[:, SIZE:], FAR, lag),
            neighbours(parts.reshape(len(parts), -1), NOW, lag),
        ]

    def rows(self, features: Array, general: ClipModel, lag: int = 0) -> Array:
        """Inputs at each feature, those of ``lag`` features later."""
        joined = np.concatenate(self._blocks(features, general, self.centre, self.components, lag), 1)
        joined = joined[:, : len(self.mean)]  # models of earlier versions do not know the estimate's parts
        return np.asarray((joined - self.mean) * self.scale, dtype=np.float32)


@dataclass(frozen=True)
class Members:
    """Weights of ``m`` networks; each is a linear map plus one hidden layer of rectified units."""

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

    def each(self, rows: Array) -> Array:
        """What each member says of rows (n, inputs), shape (m, n, 2)."""
        hidden = np.maximum(0, np.einsum("ni,mih->mnh", rows, self.into, optimize=True) + self.into_bias[:, None])
        straight = np.einsum("ni,mio->mno", rows, self.linear, optimize=True)
        return np.asarray(straight + hidden @ self.out + self.out_bias[:, None], dtype=np.float32)


@dataclass(frozen=True)
class PersonModel:
    """What ``ClipListener`` takes in place of ``ClipModel``, with ``hearing(encoder)`` in place of the encoder.

    Where sound does not come as a recording, corrections change what the general ways tell.
    """

    general: ClipModel
    """The general model that this one was fitted on; kept, since later versions come with another one."""
    inputs: Inputs
    members: Members
    slope: Array
    """Shape (2,): the general estimate's part."""
    centre: Array
    """Shape (2,): mean opening and width, in the units of mouth tracks."""
    spread: Array
    """Shape (2,): what the members' unit is."""
    gain: Array
    """Shape (2,): regression shrinks; this gives the mouth its usual spread back."""
    text: Correction | None = None
    """Of mouths told by phonemes; None where it does not help."""
    live: Correction | None = None
    """Of mouths told by live sound; None where it does not help."""
    helps: bool = True
    """Whether recordings are drawn better by this model than by the general one."""

    def estimate(self, features: Array) -> Array:
        """Opening and width, shape (n, 2), at each of the features (n, SIZE + SOUND)."""
        base = based(self.general.estimate(features[:, :SIZE]), self.general.centre, self.slope)
        rows = self.inputs.rows(features, self.general)
        return calm(self.centre + self.spread * self.gain * (base + self.members.each(rows).mean(0)))

    def save(self, path: Path) -> None:
        """Write for ``load``. Not atomic: write beside and move."""
        arrays = {"slope": self.slope, "centre": self.centre, "spread": self.spread, "gain": self.gain}
        arrays["helps"] = np.array(self.helps)
        parts = {name: getattr(self, name) for name in ("general", "inputs", "members", *WAYS)}
        for name, part in parts.items():
            if part is not None:
                arrays |= {f"{name}.{f.name}": getattr(part, f.name) for f in fields(part)}
        kept: dict[str, Any] = {name: np.asarray(a, np.float32) for name, a in arrays.items()}
        with path.open("wb") as file:
            np.savez_compressed(file, **kept)

    @classmethod
    def load(cls, path: Path) -> PersonModel:
        """What ``save`` wrote; nothing in the file can run. Raises ``OSError``, ``ValueError``, ``KeyError``."""
        with np.load(path, allow_pickle=False) as data:

            def part(name: str, names: list[str]) -> dict[str, Array]:
                return {n: data[f"{name}.{n}"] for n in names}

            general = ClipModel(**part("general", [f.name for f in fields(ClipModel)]))
            if len(general.mean) != len(OFFSETS) * SIZE:
                raise ValueError("made by a version that hears other moments")
            # models of earlier versions tell recordings only
            names = [f.name for f in fields(Correction)]
            corrections = {n: Correction(**part(n, names)) for n in WAYS if f"{n}.matrix" in data}
            return cls(
                general,
                Inputs(**part("inputs", [f.name for f in fields(Inputs)])),
                Members(**part("members", [f.name for f in fields(Members)])),
                data["slope"],
                data["centre"],
                data["spread"],
                data["gain"],
                **corrections,
                helps=bool(data["helps"]) if "helps" in data else True,
            )


def based(guess: Array, middle: Array, slope: Array) -> Array:
    """The general estimate's part in the members' unit."""
    return np.asarray((guess - middle) * slope, dtype=np.float32)


def calm(track: Array) -> Array:
    """Smoothed over time, shape kept."""
    reach = len(CALM) // 2
    padded = np.pad(track, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(c, CALM, "valid") for c in padded.T], 1).astype(np.float32)
