"""Does training on a person help? Trains on the first 70 % of a clip, draws the rest before and after, has it judged.

    python -m benchmarks.train CLIP --lipscore LIPSCORE.py --python VENV/bin/python [--steps 5000] [--out DIR]

The judge is a program apart, see ``benchmarks.lipsync``; lags are told as it measures them and less the clip's own
offset (``after offset``). DIR keeps the training and the two videos.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from services.common.audio import decode
from services.common.settings import SharedSettings
from services.render.atlas.avatar import Avatar
from services.render.engines.atlas import AtlasEngine
from services.render.engines.base import EngineOptions, Image, SessionConfig
from services.render.media_write import EncoderOptions, FragmentedMp4
from services.render.mouth.features import RATE
from services.render.train.atlas import PRE_ROLL_S, train
from services.render.train.job import RESULT, Job, Result
from services.render.train.score import drawn_part


def judged(python: str, lipscore: Path, video: Path, clip: Path, start_s: float) -> dict[str, float]:
    """Lipscore's figures of a video of the clip's part from ``start_s`` on."""
    result = video.with_suffix(".json")
    command = [
        python,
        str(lipscore),
        str(video),
        "--ref",
        str(clip),
        "--ref-start",
        str(start_s),
        "--json",
        str(result),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=600)
    found = json.loads(result.read_text(encoding="utf-8"))
    reference = found["reference"]
    return {
        "opening corr": reference["opening"]["corr_best"],
        "lag ms": reference["opening"]["lag_ms"],
        "width corr at 0": reference["width_corr0"],
        "opening std ratio": reference["opening_std_ratio"],
        "M-LMD": reference["m_lmd"],
        "M-LMD centred": reference["m_lmd_centred"],
    }


def written(path: Path, pictures: list[Image], sound: np.ndarray, fps: float) -> None:
    """A video of BGR pictures with their sound at ``RATE``."""
    height, width = pictures[0].shape[:2]
    mp4 = FragmentedMp4(width, height, fps, RATE, EncoderOptions("veryfast", 14, 1, False))
    with path.open("wb") as file:
        file.write(mp4.head())
        for k, picture in enumerate(pictures):
            a, b = (round(n * RATE / fps) for n in (k, k + 1))
            mp4.add_audio(np.pad(sound[a:b], (0, max(0, b - a - len(sound[a:b])))))
            file.write(mp4.add_frame(picture))
        file.write(mp4.finish())
    mp4.close()


def measured(clip: Path, out: Path, steps: int, python: str, lipscore: Path) -> None:
    """Train, draw, judge, print."""
    work, made = out / "work", out / "model"
    work.mkdir(parents=True, exist_ok=True)
    made.mkdir(exist_ok=True)
    shared = SharedSettings()
    options = EngineOptions(shared.weights_dir, 1)
    began = time.process_time()
    train(Job(clip, clip.name, work, made, steps, "cpu", options))
    seconds = time.process_time() - began
    result = Result.load(made / RESULT)
    engine = AtlasEngine(options)
    engine.load()
    avatar = Avatar.load(next(work.glob("held-in-*")))
    sound, fps = np.asarray(decode(clip, RATE), np.float32), avatar.plan.fps
    first, last = avatar.plan.frames, int(len(sound) / RATE * fps)
    start = max(0, first - round(PRE_ROLL_S * fps))
    heard = sound[round(start / fps * RATE) :]
    print(
        f"{clip.stem}: {steps} steps, {seconds:.0f} CPU-s in all; offset {result.offset_ms:.0f} ms; {result.warnings}"
    )
    for name, model in (("before", None), ("after", work / "trial.npz")):
        session = engine.open_session(avatar.folder, SessionConfig(RATE, model=model))
        pictures = drawn_part(session, heard, first - start, last - start, lambda _part: None)
        video = out / f"{name}.mp4"
        written(video, pictures, sound[round(first / fps * RATE) :], fps)
        figures = judged(python, lipscore, video, clip, first / fps)
        figures["lag after offset"] = figures["lag ms"] - result.offset_ms
        own = result.before if model is None else result.after
        print(name, " ".join(f"{k} {v:.3g}" for k, v in figures.items()), "| own landmarks:", own, flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--lipscore", type=Path, required=True)
    parser.add_argument("--python", default=sys.executable, help="interpreter of the judge's environment")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        measured(args.clip, args.out or Path(scratch), args.steps, args.python, args.lipscore)


if __name__ == "__main__":
    main()
