"""What mixing the sound of a long video takes: seconds and memory, by the length of the video.

    python -m benchmarks.studio_sound [--minutes 2 20]

Each length runs in a process of its own: speech at 24 kHz with pauses, a minute of music in stereo again and again
beneath it, brought to -16 LUFS. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
import wave
from pathlib import Path

import numpy as np

from services.common.audio import to_pcm16
from services.gateway.studio.sound import Bed, mix

RATE = 24000


def _speech(path: Path, minutes: float) -> None:
    rng = np.random.default_rng(0)
    t = np.arange(RATE * 6) / RATE
    voice = sum(np.sin(2 * np.pi * 130 * h * t + h) / h for h in range(1, 16))
    part = (voice * (0.4 + 0.6 * np.sin(np.pi * 4 * t) ** 2) * (t % 3 < 2) + rng.normal(0, 0.01, t.size)) * 0.1
    with path.open("wb") as file:
        for _ in range(round(minutes * 10)):
            file.write(to_pcm16(part.astype(np.float32)))


def _music(path: Path) -> None:
    t = np.arange(48000 * 60) / 48000
    left, right = (sum(np.sin(2 * np.pi * f * k * t) for f in (220, 277, 330)) * 0.1 for k in (1, 1.003))
    with wave.open(str(path), "wb") as w:
        w.setnchannels(2)
        w.setsampwidth(2)
        w.setframerate(48000)
        w.writeframes(to_pcm16(np.stack([left, right], 1).astype(np.float32).ravel()))


def _measure(folder: Path) -> tuple[float, float, float, str]:
    music = Bed(folder / "music.wav", "music", -20, 12, 1, 2)
    wall, cpu = time.monotonic(), time.process_time()
    made = mix(folder / "speech.pcm", RATE, folder / "o.wav", loudness_lufs=-16, bed=music)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    # not ru_maxrss, which begins with that of the process before exec
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    return wall, cpu, peak, f"{made.loudness_lufs:.1f} LUFS, {made.peak_dbtp:.1f} dBTP"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, nargs="+", default=[2, 20])
    print("| minutes | s | CPU s | process at most, MB | result |\n|---|---|---|---|---|")
    for minutes in parser.parse_args().minutes:
        with tempfile.TemporaryDirectory() as name, multiprocessing.get_context("spawn").Pool(1) as pool:
            _speech(Path(name) / "speech.pcm", minutes)
            _music(Path(name) / "music.wav")
            wall, cpu, peak, result = pool.apply(_measure, (Path(name),))
        print(f"| {minutes:g} | {wall:.1f} | {cpu:.1f} | {peak:.0f} | {result} |")


if __name__ == "__main__":
    main()
