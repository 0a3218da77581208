"""How far our pitch is from Praat's, which JoyGen was trained with, on recordings.

    python -m tools.joygen_pitch RECORDING.wav …

Needs an environment of its own with praat-parselmouth (GPL, therefore never in ours), librosa and numpy.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from services.render.engines.joygen.pitch import (
    CEILING_HZ,
    FLOOR_HZ,
    HOP,
    SAMPLE_RATE_HZ,
    VOICING_THRESHOLD,
    estimate_recording_pitch,
)


def main() -> None:
    """Command line: one line for each recording."""
    import librosa
    import parselmouth

    for name in sys.argv[1:]:
        x = librosa.load(name, sr=SAMPLE_RATE_HZ)[0].astype(np.float32)
        theirs = parselmouth.Sound(x, SAMPLE_RATE_HZ).to_pitch_ac(
            time_step=HOP / SAMPLE_RATE_HZ,
            voicing_threshold=VOICING_THRESHOLD,
            pitch_floor=FLOOR_HZ,
            pitch_ceiling=CEILING_HZ,
        )
        praat = theirs.selected_array["frequency"]
        own = estimate_recording_pitch(x, len(praat))
        both = (praat > 0) & (own > 0)
        voiced = 100 * ((praat > 0) == (own > 0)).mean()
        near = 100 * (np.abs(own[both] / praat[both] - 1) < 0.05).mean()
        print(f"{Path(name).name}: {voiced:.0f} % agree on voiced; where both are, {near:.0f} % are within 5 %")


if __name__ == "__main__":
    main()
