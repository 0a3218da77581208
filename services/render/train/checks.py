"""Whether the sound of a clip can teach anything: whatever is trained, it must be there, long enough and not silent."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from services.common.audio import decode
from services.common.errors import HuashengError
from services.render.audio.log_mel import RATE, Array, log_mel
from services.render.media.read import probe
from services.render.types import TrainingClip

CLIP = TrainingClip()
"""What the engines of our own need."""
SILENCE = 1e-4
"""Root mean square under which a clip is silent."""
BACKGROUND = 1.0
"""Least fall (log10 of power) from speech to pauses; music or noise fills the pauses up."""


def clip_sound(source: Path, name: str) -> tuple[Array, list[str]]:
    """Samples at ``RATE`` from the first picture to the last, and warnings.

    Raises ``no-audio``, ``too-short``, ``silent-audio`` and what opening the file raises.
    """
    info = probe(source)
    if not info.has_audio:
        raise HuashengError("no-audio", name=name)
    x = decode(source, RATE, name, zero_s=info.start_s)[: round(info.duration_s * RATE)]
    if len(x) < CLIP.least_s * RATE:
        raise HuashengError("too-short", name=name, seconds=round(len(x) / RATE, 1), limit=CLIP.least_s)
    if float(np.sqrt((x**2).mean())) < SILENCE:
        raise HuashengError("silent-audio", name=name)
    warnings = ["short-clip"] if len(x) < CLIP.short_s * RATE else []
    loud = log_mel(x)[:, 4:32].mean(1)
    if float(np.percentile(loud, 90) - np.percentile(loud, 3)) < BACKGROUND:
        warnings.append("loud-background")
    return x, warnings
