"""Loudness of voices."""

from __future__ import annotations

import numpy as np

from services.common.audio import Samples


def loudness_lufs(x: Samples, rate: int) -> float:
    """Integrated loudness (ITU-R BS.1770-4, pyloudnorm); -inf for silence. Needs at least 0.4 s."""
    import pyloudnorm  # scipy behind it is slow to import and few callers measure

    return float(pyloudnorm.Meter(rate).integrated_loudness(x.astype(np.float64)))
