"""Fits a person's correction of the general estimates, and measures whether it improves them.

The map is affine. Ten seconds are little data, so a prior pulls it towards the identity; the prior's weight, in seconds
of an average person, is selected by cross-validation. Regression shrinks the movement, because estimates are only
partly right, so a gain restores its spread.
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

ANSWERS_FILE = Path(__file__).with_name("answers.npz")
"""Phonemes of some sentences with their times in microseconds; made by ``tools/answer_spans.py``."""
PRIOR_SECONDS = (2.0, 5.0, 15.0, 60.0)
"""Candidates for the weight of the prior, in seconds of an average person."""
FOLDS = 5
GUARD_FEATURES = 25
"""Features beside a validation fold that are left out of training."""
PRIOR_CORRELATION = 0.5
"""Usual correlation of a general estimate with the mouth."""
TARGET_SPREAD = 0.9
"""Target spread as a share of that of the measured mouth: an uncertain estimate moves a little less."""
MAX_GAIN = 2.0
"""Largest gain that restores the spread."""
MIN_FEATURES = PER_S * 2
"""Smallest number of speech features for a fit."""
MAX_DISTANCE_RATIO = 0.97
"""Largest distance to the measured mouth after the correction, relative to before, at which it is used."""
MAX_CORRELATION_LOSS = 0.03
"""Largest fall of the two correlations together at which it is used."""


def fit_correction(general: Array, measured: Array, prior_s: float) -> Correction:
    """Fit to mouths in speech: general estimates and measured mouths, both (n, 2) at ``PER_S``, aligned in time."""
    seconds = len(general) / PER_S
    trust = seconds / (seconds + prior_s)
    general_mean, general_std = general.mean(0), general.std(0) + 1e-3
    centre = general_mean + trust * (measured.mean(0) - general_mean)
    target_std = general_std ** (1 - trust) * (measured.std(0) + 1e-3) ** trust
    normalised_general, normalised_measured = (
        (general - general_mean) / general_std,
        (measured - measured.mean(0)) / (measured.std(0) + 1e-3),
    )
    prior = PRIOR_CORRELATION * np.eye(2)
    regularisation = prior_s * PER_S * np.eye(2)
    matrix = prior + np.linalg.solve(
        normalised_general.T @ normalised_general + regularisation,
        normalised_general.T @ (normalised_measured - normalised_general @ prior),
    )
    gain = np.clip(TARGET_SPREAD / ((normalised_general @ matrix).std(0) + 1e-6), 1, MAX_GAIN)
    matrix = matrix * (gain * target_std) / general_std[:, None]
    return Correction(*(np.asarray(a, np.float32) for a in (general_mean, matrix, centre)))


def select_correction(general: Array, measured: Array, scale: Array) -> Correction | None:
    """The correction with the lowest cross-validated distance; None when there is too little data."""
    if len(general) < MIN_FEATURES:
        return None
    edges = np.linspace(0, len(general), FOLDS + 1).astype(int)
    index = np.arange(len(general))
    mean_distances = []
    for prior_s in PRIOR_SECONDS:
        distances = []
        for fold_start, fold_stop in pairwise(edges):
            train = (index < fold_start - GUARD_FEATURES) | (index >= fold_stop + GUARD_FEATURES)
            fitted = fit_correction(general[train], measured[train], prior_s)
            distances.append(
                np.abs(fitted.apply(general[fold_start:fold_stop]) - measured[fold_start:fold_stop]) * scale
            )
        mean_distances.append(float(np.concatenate(distances).mean()))
    return fit_correction(general, measured, PRIOR_SECONDS[int(np.argmin(mean_distances))])


def drawn_mouths(avatar: Avatar, track: Array, corrected: bool) -> Array:
    """Opening and width in eye distances, shape (n, 2), that the engine draws for a track (n, 2)."""
    style = SpeakingStyle.default(avatar.face) if corrected else avatar.style
    return np.stack([style.mouth(t) for t in track])


def scores(name: str, mouths: Array, measured: Array) -> dict[str, float]:
    """Correlations, distance and spread ratio of drawn and measured mouths (n, 2) in eye distances.

    Keys begin with ``name``.
    """
    distances = np.linalg.norm(mouths - measured, axis=1)
    correlations = [
        float(np.corrcoef(mouths[:, column], measured[:, column])[0, 1]) if mouths[:, column].std() > 1e-6 else 0.0
        for column in range(2)
    ]
    return {
        f"{name}_opening_corr": round(correlations[0], 3),
        f"{name}_width_corr": round(correlations[1], 3),
        f"{name}_distance": round(float(distances.mean()), 4),
        f"{name}_opening_std_ratio": round(float(mouths[:, 0].std() / (measured[:, 0].std() + 1e-9)), 3),
    }


def answer_scores(avatar: Avatar, correction: Correction | None, measured: Array) -> dict[str, float]:
    """Mean opening of answers drawn from text, and the distance of their range from that of the ``measured`` mouth.

    The answers are sentences of our own synthesis, drawn from their phonemes. Ranges are compared by deciles, in eye
    distances. The scores decide nothing: the words differ from those in the clip, and so do the mouths.
    """
    with np.load(ANSWERS_FILE, allow_pickle=False) as data:
        spans = [PhonemeSpan(str(p), int(a), int(b)) for p, (a, b) in zip(data["phonemes"], data["us"], strict=True)]
    times = np.arange(0, spans[-1].end_us / 1e6, 1 / PER_S)
    visemes = timed_visemes(spans)
    speaking = np.abs(mouth_at(visemes, times)).sum(1) > 1e-2
    mouths = drawn_mouths(avatar, mouth_at(visemes, times, correction)[speaking], correction is not None)
    deciles = np.arange(0.1, 0.95, 0.1)
    gap = np.abs(np.quantile(mouths, deciles, axis=0) - np.quantile(measured, deciles, axis=0)).mean()
    return {"text_opening": round(float(mouths[:, 0].mean()), 4), "text_range": round(float(gap), 4)}


def improves(name: str, before: dict[str, float], after: dict[str, float]) -> bool:
    """Whether a correction reduces the distance without losing correlation with the speech."""
    correlation_loss = sum(
        before[f"{name}_{measure}_corr"] - after[f"{name}_{measure}_corr"] for measure in ("opening", "width")
    )
    return (
        after[f"{name}_distance"] <= MAX_DISTANCE_RATIO * before[f"{name}_distance"]
        and correlation_loss <= MAX_CORRELATION_LOSS
    )


@dataclass(frozen=True)
class CorrectionResult:
    """Scores of one source of estimates on the held-out part, before and after its correction."""

    before: dict[str, float]
    after: dict[str, float]
    """Equal to ``before`` where the correction does not help, because it is not used then."""
    correction: Correction | None
    """Fitted on the training part; None where it does not help."""


def training_pairs(data: TrainingData, source: str) -> tuple[Array, Array]:
    """Estimates of a source, ``text`` or ``live``, during speech, and the measured mouths; both (n, 2).

    The phonemes of the clip are unknown. The general model for recordings replaces them: it was trained only on tracks
    made from phonemes.
    """
    estimates = data.live if source == "live" else data.general
    index = np.flatnonzero(data.usable & data.speech)
    index = index[(index + data.lag >= 0) & (index + data.lag < len(estimates))]
    return estimates[index + data.lag], data.measured[index]


def evaluate_corrections(
    held_in: TrainingData, everything: TrainingData, whole: Avatar, part: Avatar
) -> dict[str, CorrectionResult]:
    """Results by source: fitted on the first part of the clip, and measured on the rest as the engine draws it."""
    start, lag = len(held_in.measured), held_in.lag
    index = np.flatnonzero(everything.usable & everything.speech)
    index = index[(index >= start + max(0, -lag)) & (index + lag < len(everything.measured))]
    measured = np.asarray(everything.measured[index] * whole.face.reach + whole.face.closed, np.float32)
    results = {}
    for source in CORRECTED_SOURCES:
        fitted = select_correction(*training_pairs(held_in, source), part.face.reach)
        estimates = (everything.live if source == "live" else everything.general)[index + lag]
        before = scores(source, drawn_mouths(part, estimates, False), measured)
        if source == "text":
            before |= answer_scores(part, None, measured)
        after, used = before, False
        if fitted is not None:
            corrected = fitted.apply_keeping_closures(estimates) if source == "live" else fitted.apply(estimates)
            trial = scores(source, drawn_mouths(part, corrected, True), measured)
            used = improves(source, before, trial)
            if source == "text":
                trial |= answer_scores(part, fitted, measured)
            after = trial if used else before
        results[source] = CorrectionResult(before, after, fitted if used else None)
    real_opening = {"real_opening": round(float(measured[:, 0].mean()), 4)}
    return {
        name: replace(result, before=result.before | real_opening, after=result.after | real_opening)
        for name, result in results.items()
    }
