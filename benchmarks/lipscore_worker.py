"""Runs ``lipscore`` in its own environment. Landmarks are cached, so that each video is tracked once.

    VENV/bin/python benchmarks/lipscore_worker.py LIPSCORE.py CACHE DRAWN.mp4 REAL.mp4 START_S RESULT.json
    VENV/bin/python benchmarks/lipscore_worker.py LIPSCORE.py CACHE TRACKS.npz REAL.mp4 RESULT.json

The second compares mouths that were not drawn: ``times`` (n,) in seconds, and any number of arrays (n, 2) of opening
and width. Imports nothing of the project, which that environment lacks.
"""

import hashlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def main() -> None:
    """Command line."""
    lipscore, cache, drawn, real, *start, result = sys.argv[1:]
    spec = importlib.util.spec_from_file_location("lipscore", lipscore)
    assert spec and spec.loader
    judge: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(judge)
    follow = judge.track

    def track(path: str, begin: float = 0.0, limit: float | None = None) -> tuple[Any, Any, float]:
        stamp = Path(path).stat().st_mtime_ns
        key = hashlib.sha256(f"{path} {stamp} {begin:.3f} {limit}".encode()).hexdigest()[:24]
        kept = Path(cache) / f"{key}.npz"
        if not kept.exists():
            times, points, missing = follow(path, begin, limit)
            np.savez(kept, times=times, points=points, missing=missing)
        with np.load(kept) as data:
            return data["times"], data["points"], float(data["missing"])

    judge.track = track
    figures = judge.score(drawn, real, float(start[0])) if start else undrawn(judge, drawn, real)
    Path(result).write_text(json.dumps(figures, default=float), encoding="utf-8")


def undrawn(judge: Any, tracks: str, real: str) -> dict[str, list[float]]:
    """Best correlation and its lag (ms) of opening, then of width, by name of the track."""
    seen, points, _ = judge.track(real)
    curves = judge.mouth_curves(points)
    out: dict[str, list[float]] = {}
    with np.load(tracks) as data:
        end = min(seen[-1], data["times"][-1])
        for name in sorted(set(data.files) - {"times"}):
            out[name] = []
            for column, wanted in enumerate(("opening", "width")):
                there = judge.resample(seen, curves[wanted], end)
                drawn = judge.resample(data["times"], data[name][:, column], end)
                # the judge takes some of the spread for noise of its landmarks: a track has none, but a unit of its own
                found = judge.best_lag(drawn * there.std() / (drawn.std() + 1e-9), there)
                out[name] += [found["corr_best"], found["lag_ms"]]
    return out


if __name__ == "__main__":
    main()
