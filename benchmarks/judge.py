"""Runs the judge ``lipscore`` in its own environment; landmarks are kept, so that each video is followed once.

    VENV/bin/python benchmarks/judge.py LIPSCORE.py CACHE DRAWN.mp4 REAL.mp4 START_S RESULT.json

Imports nothing of the project: the judge's environment does not have it.
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
    lipscore, cache, drawn, real, start, result = sys.argv[1:]
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
    figures = judge.score(drawn, real, float(start))
    Path(result).write_text(json.dumps(figures, default=float), encoding="utf-8")


if __name__ == "__main__":
    main()
