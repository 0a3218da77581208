"""Measures the whisper engine on recordings: text, time, processor time; and what the short encoder window saves.

python -m benchmarks.asr FOLDER_OR_FILE…
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

from services.asr.engines.base import SAMPLE_RATE_HZ
from services.asr.engines.whisper import engine as whisper
from services.asr.engines.whisper.settings import Settings
from services.asr.settings import AsrSettings
from services.common import audio
from services.common.settings import SharedSettings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--beam-size", type=int, default=Settings().beam_size)
    args = parser.parse_args()
    began = time.perf_counter()
    engine = whisper.WhisperEngine(Settings(beam_size=args.beam_size), SharedSettings(), AsrSettings())
    engine.load()
    print(f"loaded in {time.perf_counter() - began:.1f} s")
    files = sorted(f for p in args.paths for f in (p.iterdir() if p.is_dir() else [p]))
    usual = whisper._MIN_FRAMES
    for file in files:
        samples = audio.decode(file, SAMPLE_RATE_HZ)
        print(f"\n{file.name} ({samples.size / SAMPLE_RATE_HZ:.1f} s)")
        for frames, what in ((usual, "as served"), (3000, "30 s window")):
            whisper._MIN_FRAMES = frames
            wall, cpu = time.perf_counter(), time.process_time()
            got = engine.transcribe(samples)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            print(f"  {what}: {wall:.2f} s, {cpu:.2f} CPU-s, {got.language} {got.language_probability:.2f}: {got.text}")
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
