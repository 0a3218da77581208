"""Does training on a person help? Trains on the first 70 % of a clip, draws the rest before and after, has it judged.

    python -m benchmarks.train CLIP --lipscore LIPSCORE.py --python VENV/bin/python [--steps 5000] [--out DIR]

The rest is drawn as ``benchmarks.lipsync --train-part`` draws it: on the clip's own frames, with mouth pictures and
models of the first part only. ``recording`` is heard by the person's model in long windows, ``live`` as it comes.
``in time`` is drawn with the sound moved by the clip's own shift of sound and mouth, as the training found it in the
first 70 %. Answers from text cannot be drawn beside a real mouth: what the training measured of
them, by its own means, is printed below. DIR keeps the training, so that it can be judged again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.lipsync import IN_TIME, judged
from benchmarks.redraw import RATE, prepare, redraw
from services.common.audio import decode
from services.common.settings import SharedSettings
from services.render.engines.atlas.engine import AtlasEngine
from services.render.engines.atlas.train.run import HELD_OUT, train
from services.render.settings import RenderSettings
from services.render.train.job import RESULT, TrainingJob, TrainingResult

SHOWN = ("opening corr", "after offset ms", "opening std ratio", "width corr", "M-LMD", "mouth PSNR", "mouth SSIM")


def learned(clip: Path, out: Path, steps: int) -> TrainingResult:
    """Train, unless ``out`` holds it already."""
    made = out / "model"
    if not (made / RESULT).is_file():
        (out / "work").mkdir(parents=True, exist_ok=True)
        made.mkdir(exist_ok=True)
        began = time.process_time()
        job = TrainingJob(
            source=clip,
            name=clip.name,
            work=out / "work",
            out=made,
            steps=steps,
            device="cpu",
            service=RenderSettings(),
            shared=SharedSettings(threads=1),
        )
        train(job)
        print(f"{clip.stem}: {steps} steps, {time.process_time() - began:.0f} CPU-s in all", flush=True)
    return TrainingResult.load(made / RESULT)


def measured(clip: Path, out: Path, steps: int, python: str, lipscore: Path) -> None:
    """Train, draw, judge, print."""
    result = learned(clip, out, steps)
    print(f"offset {result.offset_ms:.0f} ms; {', '.join(result.warnings) or 'no warnings'}\n")
    engine = AtlasEngine(None, SharedSettings(threads=1), RenderSettings())
    engine.load()
    avatar, cache = out / "avatar", out / "judged"
    cache.mkdir(exist_ok=True)
    if not avatar.is_dir():
        avatar.mkdir()
        prepare(engine, clip, avatar, 1 - HELD_OUT)
    sound = np.asarray(decode(clip, RATE), np.float32)
    start_s = (1 - HELD_OUT) * len(sound) / RATE
    print(" | ".join(["", clip.stem, "model", *SHOWN, ""]).strip())
    print("|" + "---|" * (len(SHOWN) + 2))
    for moved_s, time_told in ((0.0, ""), (result.offset_ms / 1000, IN_TIME)):
        for name, drive in (("recording", "sound"), ("live", "streaming")):
            for label, model in (("general", None), ("trained", out / "work" / "trial.npz")):
                video = out / f"{name}-{label}{time_told.replace(' ', '-')}.mp4"
                take = redraw(engine, avatar, sound, video, drive, start_s, model, moved_s)
                found = judged(python, lipscore, cache, take, clip)
                values = [f"{found[c]:.3g}" for c in SHOWN]
                print(" | ".join(["", name + time_told, label, *values, ""]).strip(), flush=True)
    print("\nby the training's own means, before and after:")
    for key in result.after:
        print(f"  {key}: {json.dumps(result.before[key])} {json.dumps(result.after[key])}")


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
        measured(args.clip.resolve(), (args.out or Path(scratch)).resolve(), args.steps, args.python, args.lipscore)


if __name__ == "__main__":
    main()
