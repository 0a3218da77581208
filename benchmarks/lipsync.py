"""How well the atlas engine follows recorded sound on real people: each clip is redrawn with its own sound, and judged.

    python -m benchmarks.lipsync CLIP... --lipscore LIPSCORE.py --python VENV/bin/python [--hearing clip|streaming]

LIPSCORE is the judge, a program apart: it finds landmarks with dlib, not with the mesh that the engine draws by. Its
own environment has dlib-bin, face_recognition_models, 'setuptools<81', av, opencv-python-headless and numpy.
``streaming`` hears as the engine does without Whisper's weights. Prints a row of Markdown for each clip, and medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from services.common.audio import decode
from services.common.settings import SharedSettings
from services.common.weights import folder
from services.render.engines.atlas import AtlasEngine
from services.render.engines.base import EngineOptions, SessionConfig
from services.render.media_write import EncoderOptions, FragmentedMp4

RATE = 24_000
FIGURES = {
    "opening corr": ("reference", "opening", "corr_best"),
    "lag ms": ("reference", "opening", "lag_ms"),
    "width corr": ("reference", "width_corr0"),
    "opening std ratio": ("reference", "opening_std_ratio"),
    "sharpness": ("picture", "sharpness_vs_src"),
    "lip flicker": ("picture", "flicker_lips_vs_src"),
    "silence std ratio": ("audio_sync", "silence_std_ratio"),
}
"""Columns, and where lipscore tells them. The clip is redrawn on frames in another order: pixels cannot be compared."""


def engine_hearing(hearing: str, scratch: Path) -> AtlasEngine:
    """The engine, with Whisper's weights or as if they were missing."""
    root = SharedSettings().weights_dir
    if hearing == "streaming":
        (scratch / "face-mesh").symlink_to(folder("face-mesh", root))
        root = scratch
    engine = AtlasEngine(EngineOptions(root))
    engine.load()
    if hearing == "clip" and engine.description != AtlasEngine.description:
        sys.exit(engine.description)
    return engine


def redraw(engine: AtlasEngine, clip: Path, scratch: Path) -> Path:
    """The clip with its mouth drawn anew from its sound."""
    avatar, out = scratch / "avatar", scratch / "out.mp4"
    avatar.mkdir()
    engine.prepare(clip, "video", avatar, lambda *_: None, lambda: False)
    sound = np.asarray(decode(clip, RATE), np.float32)
    session = engine.open_session(avatar, SessionConfig(RATE))
    mp4 = FragmentedMp4(session.width, session.height, session.fps, RATE, EncoderOptions("veryfast", 14, 1, False))
    with out.open("wb") as file:
        file.write(mp4.head())
        for k, frame in enumerate((*session.push(sound), *session.finish())):
            start, end = (round(n * RATE / session.fps) for n in (k, k + 1))
            piece = sound[start:end]
            mp4.add_audio(np.pad(piece, (0, end - start - len(piece))))
            file.write(mp4.add_frame(frame.image))
        file.write(mp4.finish())
    mp4.close()
    session.close()
    return out


def judged(python: str, lipscore: Path, video: Path, clip: Path) -> dict[str, float]:
    """Lipscore's figures by column; a figure that it does not give is NaN."""
    result = video.with_suffix(".json")
    command = [python, str(lipscore), str(video), "--ref", str(clip), "--json", str(result)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=600)
    found = json.loads(result.read_text(encoding="utf-8"))
    out = {}
    for column, path in FIGURES.items():
        value = found
        for key in path:
            value = value.get(key, {})
        out[column] = float(value) if isinstance(value, int | float) else float("nan")
    return out


def row(name: str, figures: dict[str, float]) -> str:
    """A row of Markdown."""
    return " | ".join(["", name, *("" if np.isnan(v) else f"{v:.3g}" for v in figures.values()), ""]).strip()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--lipscore", type=Path, required=True)
    parser.add_argument("--python", default=sys.executable, help="interpreter of the judge's environment")
    parser.add_argument("--hearing", choices=["clip", "streaming"], default="clip")
    args = parser.parse_args()
    print(" | ".join(["", f"{args.hearing} hearing", *FIGURES, ""]).strip())
    print("|" + "---|" * (len(FIGURES) + 1))
    with tempfile.TemporaryDirectory() as weights:
        engine = engine_hearing(args.hearing, Path(weights))
        rows = []
        for clip in args.clips:
            with tempfile.TemporaryDirectory() as scratch:
                video = redraw(engine, clip, Path(scratch))
                rows.append(judged(args.python, args.lipscore, video, clip))
            print(row(clip.stem, rows[-1]), flush=True)
    known = {c: [r[c] for r in rows if not np.isnan(r[c])] or [float("nan")] for c in FIGURES}
    print(row("**median**", {c: statistics.median(v) for c, v in known.items()}))


if __name__ == "__main__":
    main()
