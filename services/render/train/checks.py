"""Whether the sound of a clip can teach anything: whatever is trained, it must be there, long enough and not silent."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from services.common.audio import decode
from services.common.errors import HuashengError
from services.render.audio.log_mel import RATE, Array, log_mel
from services.render.media.read import probe

LEAST_S = 4.0
"""Length under which a clip teaches nothing; three quarters of a minute are good."""
SHORT_S = 12.0
"""Length under which a warning is due."""
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
    if len(x) < LEAST_S * RATE:
        raise HuashengError("too-short", name=name, seconds=round(len(x) / RATE, 1), limit=LEAST_S)
    if float(np.sqrt((x**2).mean())) < SILENCE:
        raise HuashengError("silent-audio", name=name)
    warnings = ["short-clip"] if len(x) < SHORT_S * RATE else []
    loud = log_mel(x)[:, 4:32].mean(1)
    if float(np.percentile(loud, 90) - np.percentile(loud, 3)) < BACKGROUND:
        warnings.append("loud-background")
    return x, warnings
