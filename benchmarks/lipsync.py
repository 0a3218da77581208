"""How well the atlas engine follows recorded sound on real people: clips are redrawn with their own sound, and judged.

    python -m benchmarks.lipsync CLIP... --lipscore LIPSCORE.py --python VENV/bin/python
        [--drives sound,streaming,...] [--in-time] [--train-part 0.7] [--model FILE] [--cache FOLDER]

Each clip's avatar is prepared from the clip itself; frame k of the result is drawn on frame k of the clip, without the
mouth pictures of the 0.2 s before and after it, and encoded as the product encodes. With ``--train-part`` mouth model
and pictures come from the first part of the clip, and the rest is drawn and judged.

Rows: ``sound`` is heard and encoded as recordings are, ``streaming`` as live speech is, in pieces of 20 ms (without a
trained model, as the product does); ``true shapes`` is driven by the clip's measured mouths: what drawing alone
allows. Controls: ``wrong time`` is driven by those of half a clip away, ``loudness`` by the sound's level, ``frozen``
is at rest. With ``--in-time``, ``sound`` and ``streaming`` are drawn once more with the clip's own shift between sound
and mouth taken out of the sound, so that shapes and pictures are compared with what the person said then.

LIPSCORE is the judge, a program apart: it finds landmarks with dlib, not with the mesh that the engine draws by. Its
own environment has dlib-bin, face_recognition_models, 'setuptools<81', av, opencv-python-headless and numpy.
Prints Markdown: a row for each clip and drive, medians, which medians miss the goals, and whether each control scores
clearly worse. ``lag`` is the judge's (positive: the drawn mouth is late); ``after offset`` is what is left of it when
the clip's own shift between sound and mouth is taken off, which is estimated by the engine's own means: the lag between
the drawn opening and the measured one.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.lipscore_client import options, scored
from benchmarks.redraw import DRIVES, RATE, Take, prepare, redraw
from services.common.audio import decode
from services.common.settings import SharedSettings
from services.render.engines.atlas.engine import AtlasEngine
from services.render.settings import RenderSettings

FIGURES = {
    "opening corr": ("reference", "opening", "corr_best"),
    "lag ms": ("reference", "opening", "lag_ms"),
    "width corr": ("reference", "width_corr0"),
    "M-LMD": ("reference", "m_lmd"),
    "mouth PSNR": ("picture", "mouth_psnr"),
    "mouth SSIM": ("picture", "mouth_ssim"),
    "opening std ratio": ("reference", "opening_std_ratio"),
    "sharpness": ("picture", "sharpness_vs_src"),
    "lip flicker": ("picture", "flicker_lips_vs_src"),
    "outside PSNR": ("picture", "outside_psnr"),
    "outside SSIM": ("picture", "outside_ssim"),
    "silence std ratio": ("audio_sync", "silence_std_ratio"),
}
"""Columns, and where lipscore tells them."""
AFTER = "after offset ms"
COLUMNS = ["opening corr", "lag ms", AFTER, *list(FIGURES)[2:]]
GOALS = {
    "opening corr": (0.62, 1),
    AFTER: (-60, 60),
    "M-LMD": (0, 0.040),
    "mouth PSNR": (23.5, 99),
    "mouth SSIM": (0.84, 1),
    "opening std ratio": (0.75, 1.3),
    "sharpness": (0.75, 1.25),
    "lip flicker": (0.75, 1.25),
    "outside PSNR": (38, 99),
    "outside SSIM": (0.99, 1),
}
"""Bounds wanted of the medians of what the product does, without training on the person."""
HEARD, IN_TIME = DRIVES[:2], " in time"
STREAMING_CORR = 0.57
"""Live hearing may follow a little less."""
WORSE = {"opening corr": -0.15, "M-LMD": 0.003, "mouth PSNR": -0.5, "mouth SSIM": -0.02}
"""A control is clearly worse when each of these medians differs from that of ``sound`` by so much at least."""


def engine() -> AtlasEngine:
    """The engine, loaded."""
    out = AtlasEngine(None, SharedSettings(threads=1), RenderSettings())
    out.load()
    return out


def judged(python: str, lipscore: Path, cache: Path, take: Take, clip: Path) -> dict[str, float]:
    """Figures by column; one that lipscore does not give is NaN."""
    found = scored(python, lipscore, cache, take.video, clip, take.start_s)
    out = {}
    for column, path in FIGURES.items():
        value = found
        for key in path:
            value = value.get(key, {})
        out[column] = float(value) if isinstance(value, int | float) else float("nan")
    return out | {AFTER: out["lag ms"] - take.own_lag_ms}


def row(name: str, drive: str, figures: dict[str, float]) -> str:
    """A row of Markdown."""
    values = ["" if np.isnan(figures[c]) else f"{figures[c]:.3g}" for c in COLUMNS]
    return " | ".join(["", name, drive, *values, ""]).strip()


def median(rows: list[dict[str, float]]) -> dict[str, float]:
    """Median of each column, of the rows that have it."""
    known = {c: [r[c] for r in rows if not np.isnan(r[c])] or [float("nan")] for c in COLUMNS}
    return {c: statistics.median(v) for c, v in known.items()}


def verdicts(medians: dict[str, dict[str, float]]) -> list[str]:
    """What falls short, by drive; lines of Markdown."""
    out = []
    for drive, found in medians.items():
        if drive.removesuffix(IN_TIME) in HEARD:
            goals = GOALS | ({"opening corr": (STREAMING_CORR, 1)} if drive.startswith("streaming") else {})
            short = [f"{c} {found[c]:.3g} ({a:g} to {b:g})" for c, (a, b) in goals.items() if not a <= found[c] <= b]
            out.append(f"{drive} falls short in: {', '.join(short) or 'nothing'}")
        elif drive != "true shapes" and "sound" in medians:
            real = medians["sound"]
            near = [c for c, by in WORSE.items() if not (found[c] - real[c]) * np.sign(by) >= abs(by)]
            out.append(f"control {drive}: " + (f"not clearly worse in {', '.join(near)}" if near else "clearly worse"))
    return out


def main() -> None:
    """Command line."""
    parser = options(__doc__)
    parser.add_argument("--drives", default=",".join(DRIVES), help="rows, separated by commas")
    parser.add_argument("--in-time", action="store_true", help="draw with the clip's own shift taken out too")
    parser.add_argument("--train-part", type=float, default=1.0, help="learn from this first part, judge on the rest")
    parser.add_argument("--model", type=Path, help="file of a trained model")
    args = parser.parse_args()
    drives = args.drives.split(",")
    if unknown := set(drives) - set(DRIVES):
        parser.error(f"unknown drive {unknown.pop()!r}; known: {', '.join(DRIVES)}")
    print(" | ".join(["", "clip", "driven by", *COLUMNS, ""]).strip())
    print("|" + "---|" * (len(COLUMNS) + 2))
    rows: dict[str, list[dict[str, float]]] = {}
    atlas = engine()
    with tempfile.TemporaryDirectory() as kept:
        cache = args.cache or Path(kept)
        cache.mkdir(parents=True, exist_ok=True)
        for clip in (c.resolve() for c in args.clips):
            sound = np.asarray(decode(clip, RATE), np.float32)
            with tempfile.TemporaryDirectory() as scratch:
                avatar = Path(scratch) / "avatar"
                avatar.mkdir()
                prepare(atlas, clip, avatar, args.train_part)
                start_s = args.train_part * len(sound) / RATE if args.train_part < 1 else 0.0
                for drive in drives:
                    video = Path(scratch) / "out.mp4"
                    moved_s = 0.0
                    for name in (drive, drive + IN_TIME) if args.in_time and drive in HEARD else (drive,):
                        take = redraw(atlas, avatar, sound, video, drive, start_s, args.model, moved_s)
                        moved_s = take.own_lag_ms / 1000
                        found = judged(args.python, args.lipscore, cache, take, clip)
                        rows.setdefault(name, []).append(found)
                        print(row(clip.stem, name, found), flush=True)
    medians = {drive: median(found) for drive, found in rows.items()}
    for drive, found in medians.items():
        print(row("**median**", drive, found))
    print("", *verdicts(medians), sep="\n- ")


if __name__ == "__main__":
    main()
