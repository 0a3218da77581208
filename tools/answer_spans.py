"""Writes the phonemes by which a training tells how wide a person's mouth opens in answers from text.

    python -m tools.answer_spans [--out services/render/engines/atlas/train/answers.npz]

They are of the first sentences that the mouth models learn from (``train_mouth_{en,zh}.txt``), one language after the
other, spoken by the default voices of our own synthesis.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from services.common.settings import SharedSettings
from services.tts.engines.base import SpeechRequest, TextClause
from services.tts.engines.kokoro.engine import KokoroEngine
from services.tts.engines.kokoro.settings import Settings
from services.tts.settings import TtsSettings

HERE = Path(__file__).parent
SENTENCES = 5
"""Of each language."""
VOICES = {"en": "af_heart", "zh": "zf_xiaoxiao"}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE.parent / "services/render/engines/atlas/train/answers.npz")
    args = parser.parse_args()
    engine = KokoroEngine(
        Settings(voice_en=VOICES["en"], voice_zh=VOICES["zh"]), SharedSettings(threads=1), TtsSettings()
    )
    engine.load()
    spans, at = [], 0
    for language, voice in VOICES.items():
        for line in (HERE / f"train_mouth_{language}.txt").read_text(encoding="utf-8").splitlines()[:SENTENCES]:
            for piece in engine.synthesize(iter([TextClause(0, line)]), SpeechRequest(voice, language, 1.0)):
                spans += [(s.phoneme, (at + s.start) / 24e-3, (at + s.end) / 24e-3) for s in piece.spans]
                at += len(piece.samples)
    times = np.round([s[1:] for s in spans]).astype(np.int64)
    np.savez_compressed(args.out, phonemes=np.array([s[0] for s in spans]), us=times)
    print(f"{len(spans)} phonemes, {at / 24000:.0f} s")


if __name__ == "__main__":
    main()
