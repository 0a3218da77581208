"""Calls ``lipscore``, a program with an environment of its own (``benchmarks.lipsync`` says which)."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def options(description: str | None) -> argparse.ArgumentParser:
    """A command line with clips, the judge and what it keeps."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--lipscore", type=Path, required=True)
    parser.add_argument("--python", default=sys.executable, help="interpreter of the judge's environment")
    parser.add_argument("--cache", type=Path, help="folder in which landmarks of the clips are kept between runs")
    return parser


def scored(python: str, lipscore: Path, cache: Path, given: Path, clip: Path, *start_s: float) -> Any:
    """What the judge makes of a drawn video, or of tracks (``.npz``), beside the clip from ``start_s`` on."""
    result = given.with_suffix(".json")
    judge = Path(__file__).with_name("lipscore_worker.py")
    what = [lipscore, cache, given, clip, *start_s, result]
    subprocess.run([python, str(judge), *map(str, what)], check=True, stdout=subprocess.DEVNULL, timeout=900)
    return json.loads(result.read_text(encoding="utf-8"))
