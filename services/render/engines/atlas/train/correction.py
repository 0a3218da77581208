"""Fits how a person's mouth differs from what general ways tell of it, and measures whether that helps.

The map is affine. Ten seconds are few, so it is drawn to the identity as by some seconds of a person who is as usual;
how many is chosen by leaving out parts of the clip in turn. Regression makes the mouth move less, since what is heard
is right in part only; it gets its spread back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from services.render.audio.log_mel import Array
from services.render.audio.whisper import PER_S
from services.render.engines.atlas.avatar import Avatar
from services.render.engines.atlas.mouth.correction import Correction
from services.render.engines.atlas.mouth.person import CORRECTED_SOURCES
from services.render.engines.atlas.mouth.track import mouth_at
from services.render.engines.atlas.mouth.visemes import timed_visemes
from services.render.engines.atlas.speaking_style import SpeakingStyle
from services.render.engines.atlas.train.material import TrainingData
from services.render.types import PhonemeSpan

ANSWERS = Path(__file__).with_name("answers.npz")
"""Phonemes of some sentences and when they sound, in microseconds; made by ``tools/answer_spans.py``."""
USUAL_S = (2.0, 5.0, 15.0, 60.0)
"""Seconds of a person who is as usual, of which one is chosen."""
PARTS = 5
GUARD = 25
"""Features beside a part left out that are not learned from."""
AGREED = 0.5
"""Correlation that a general way commonly has with a mouth."""
SPREAD = 0.9
"""Of the real mouth, that is aimed at: what is not sure moves a little less."""
MOST = 2.0
"""Most that spread is given back."""
LEAST = PER_S * 2
"""Features of speech under which nothing is fitted."""
BETTER = 0.97
"""Part of the distance to the real mouth that must be left at most for a correction to be used."""
WORSE = 0.03
"""Fall of the correlations together with which it is not used all the same."""


def correction(general: Array, real: Array, usual_s: float) -> Correction:
    """Of mouths in speech, both (n, 2) at ``PER_S``, those of ``general`` in time with the real ones."""
    seconds = len(general) / PER_S
    trust = seconds / (seconds + usual_s)
    middle, spread = general.mean(0), general.std(0) + 1e-3
    centre = middle + trust * (real.mean(0) - middle)
    own = spread ** (1 - trust) * (real.std(0) + 1e-3) ** trust
    x, y = (general - middle) / spread, (real - real.mean(0)) / (real.std(0) + 1e-3)
    prior = AGREED * np.eye(2)
    held = usual_s * PER_S * np.eye(2)
    matrix = prior + np.linalg.solve(x.T @ x + held, x.T @ (y - x @ prior))
    gain = np.clip(SPREAD / ((x @ matrix).std(0) + 1e-6), 1, MOST)
    matrix = matrix * (gain * own) / spread[:, None]
    return Correction(*(np.asarray(a, np.float32) for a in (middle, matrix, centre)))


def chosen(general: Array, real: Array, reach: Array) -> Correction | None:
    """The correction that leaves least distance to what it was not fitted on; None where there is too little."""
    if len(general) < LEAST:
        return None
    edges = np.linspace(0, len(general), PARTS + 1).astype(int)
    at = np.arange(len(general))
    left = []
    for usual_s in USUAL_S:
        away = []
        for a, b in pairwise(edges):
            rest = (at < a - GUARD) | (at >= b + GUARD)
            found = correction(general[rest], real[rest], usual_s)
            away.append(np.abs(found.apply(general[a:b]) - real[a:b]) * reach)
        left.append(float(np.concatenate(away).mean()))
    return correction(general, real, USUAL_S[int(np.argmin(left))])


def drawn(avatar: Avatar, track: Array, corrected: bool) -> Array:
    """Opening and width in eye distances, shape (n, 2), that the engine draws for a track (n, 2)."""
    manner = SpeakingStyle.default(avatar.face) if corrected else avatar.style
    return np.stack([manner.mouth(t) for t in track])


def figures(name: str, mouths: Array, real: Array) -> dict[str, float]:
    """Of opening and width in eye distances, both (n, 2): how alike, how far apart, how strong; keys begin so."""
    away = np.linalg.norm(mouths - real, axis=1)
    both = [float(np.corrcoef(mouths[:, c], real[:, c])[0, 1]) if mouths[:, c].std() > 1e-6 else 0.0 for c in range(2)]
    return {
        f"{name}_opening_corr": round(both[0], 3),
        f"{name}_width_corr": round(both[1], 3),
        f"{name}_distance": round(float(away.mean()), 4),
        f"{name}_opening_std_ratio": round(float(mouths[:, 0].std() / (real[:, 0].std() + 1e-9)), 3),
    }


def answers(avatar: Avatar, found: Correction | None, real: Array) -> dict[str, float]:
    """How wide answers from text are opened, and how far their range is from that of the ``real`` mouth in speech.

    They are sentences of our own synthesis, drawn by their phonemes. Range is told by deciles, in eye distances. It
    decides nothing: other words are said than in the clip, and so other mouths are made.
    """
    with np.load(ANSWERS, allow_pickle=False) as data:
        spans = [PhonemeSpan(str(p), int(a), int(b)) for p, (a, b) in zip(data["phonemes"], data["us"], strict=True)]
    times = np.arange(0, spans[-1].end_us / 1e6, 1 / PER_S)
    visemes = timed_visemes(spans)
    said = np.abs(mouth_at(visemes, times)).sum(1) > 1e-2
    mouths = drawn(avatar, mouth_at(visemes, times, found)[said], found is not None)
    deciles = np.arange(0.1, 0.95, 0.1)
    gap = np.abs(np.quantile(mouths, deciles, axis=0) - np.quantile(real, deciles, axis=0)).mean()
    return {"text_opening": round(float(mouths[:, 0].mean()), 4), "text_range": round(float(gap), 4)}


def helps(name: str, before: dict[str, float], after: dict[str, float]) -> bool:
    """Whether a correction brings the mouth nearer without following the speech less."""
    lost = sum(before[f"{name}_{c}_corr"] - after[f"{name}_{c}_corr"] for c in ("opening", "width"))
    return after[f"{name}_distance"] <= BETTER * before[f"{name}_distance"] and lost <= WORSE


@dataclass(frozen=True)
class Judged:
    """A way of telling the mouth, before and after it is corrected, on the part held out."""

    before: dict[str, float]
    after: dict[str, float]
    """As ``before`` where the correction does not help, since it is not used then."""
    correction: Correction | None
    """Fitted on the rest; None where it does not help."""


def pair(stretch: TrainingData, way: str) -> tuple[Array, Array]:
    """What a way, ``text`` or ``live``, tells of a stretch's speech, and the real mouth then; both (n, 2).

    Nobody has written down the phonemes of the clip. The general model of recordings stands in for them: it has
    learned from nothing but the tracks that phonemes give.
    """
    told = stretch.live if way == "live" else stretch.general
    at = np.flatnonzero(stretch.usable & stretch.spoken)
    at = at[(at + stretch.lag >= 0) & (at + stretch.lag < len(told))]
    return told[at + stretch.lag], stretch.real[at]


def judged(held_in: TrainingData, everything: TrainingData, whole: Avatar, part: Avatar) -> dict[str, Judged]:
    """By way: fitted on the first part of the clip, measured on the rest, as the engine draws it."""
    first, lag = len(held_in.real), held_in.lag
    at = np.flatnonzero(everything.usable & everything.spoken)
    at = at[(at >= first + max(0, -lag)) & (at + lag < len(everything.real))]
    real = np.asarray(everything.real[at] * whole.face.reach + whole.face.closed, np.float32)
    out = {}
    for way in CORRECTED_SOURCES:
        found = chosen(*pair(held_in, way), part.face.reach)
        told = (everything.live if way == "live" else everything.general)[at + lag]
        before = figures(way, drawn(part, told, False), real)
        if way == "text":
            before |= answers(part, None, real)
        after, use = before, False
        if found is not None:
            own = found.apply_keeping_closures(told) if way == "live" else found.apply(told)
            trial = figures(way, drawn(part, own, True), real)
            use = helps(way, before, trial)
            if way == "text":
                trial |= answers(part, found, real)
            after = trial if use else before
        out[way] = Judged(before, after, found if use else None)
    real_opening = {"real_opening": round(float(real[:, 0].mean()), 4)}
    return {w: replace(j, before=j.before | real_opening, after=j.after | real_opening) for w, j in out.items()}
