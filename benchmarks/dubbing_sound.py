"""How well the old voice of a film is taken out, and what is kept: known mixtures of speech with music and noise.

python -m benchmarks.dubbing_sound SPEECH ...

Left: what of the old voice is in the sound that stays
beneath (least squares against the voice alone), and how loud all is that should not be there, against the voice. Kept:
the other sound's gain, and how alike it is (correlation).
"""

from __future__ import annotations

import sys
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, lfilter

from services.common.media.sound import mono_pieces
from services.common.settings import SharedSettings
from services.gateway.dubbing.background import background
from services.gateway.dubbing.separation import stems_of
from services.gateway.dubbing.unet import Stems
from services.gateway.studio.sound_pieces import MIX_HZ

Wave = npt.NDArray[np.float64]
LEVEL = 0.08
"""Of the speech, as an amplitude (RMS)."""
BELOW_DB = (6, 15)


def music(count: int) -> Wave:
    """Chords, arpeggios and a snare, synthesised."""
    rng, out = np.random.default_rng(0), np.zeros(count)
    chords = ([0, 4, 7], [9, 12, 16], [5, 9, 12], [7, 11, 14])
    for beat in range(int(count / MIX_HZ / 0.5)):
        first = int(beat * 0.5 * MIX_HZ)
        t = np.arange(min(count - first, int(0.9 * MIX_HZ))) / MIX_HZ
        notes = chords[beat // 4 % 4]
        for note in (notes[beat % 3] + 12, notes[beat % 3] - 12):
            f = 261.6 * 2 ** (note / 12)
            for h in range(1, 7):
                out[first : first + t.size] += np.sin(2 * np.pi * f * h * t + h) * np.exp(-t * (3 + h)) / h**1.3
        if beat % 2:
            n = min(count - first, int(0.1 * MIX_HZ))
            out[first : first + n] += 0.8 * rng.normal(size=n) * np.exp(-np.arange(n) / MIX_HZ * 40)
    return out


def noise(count: int) -> Wave:
    """A street from afar: noise below 200 Hz, falling off above."""
    b, a = butter(1, 200 / (MIX_HZ / 2))
    return np.asarray(lfilter(b, a, np.random.default_rng(1).normal(size=count)))


def wind(count: int) -> Wave:
    """Air conditioning that swells."""
    b, a = butter(2, [150 / (MIX_HZ / 2), 3000 / (MIX_HZ / 2)], "band")
    swell = 1 + 0.5 * np.sin(2 * np.pi * 0.3 * np.arange(count) / MIX_HZ)
    return np.asarray(lfilter(b, a, np.random.default_rng(2).normal(size=count))) * swell


GROUNDS: dict[str, Callable[[int], Wave]] = {"music": music, "street": noise, "air": wind}


def scaled(sound: Wave, level: float) -> Wave:
    return np.asarray(sound / np.sqrt(np.mean(sound**2)) * level)


def db(power: float) -> float:
    return 10 * float(np.log10(max(power, 1e-12)))


def measured(voice: Wave, ground: Wave, stems: Stems | None) -> tuple[float, ...]:
    """Voice left (dB), all that is wrong (dB of the voice), gain of the ground (dB), correlation, seconds a second."""
    mixed = np.stack([voice + ground, voice + ground])
    seconds = voice.size / MIX_HZ
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with wave.open(str(folder / "film.wav"), "wb") as out:
            out.setnchannels(2)
            out.setsampwidth(2)
            out.setframerate(MIX_HZ)
            out.writeframes((np.clip(mixed, -1, 1) * 32767).astype("<i2").T.tobytes())
        began = time.perf_counter()
        found = background(folder / "film.wav", "film", seconds, [(0.3, seconds - 0.4)], folder, stems)
        made = np.concatenate(list(found.pieces()), 1)
        took = (time.perf_counter() - began) / seconds
    inner = slice(MIX_HZ // 2, -MIX_HZ // 2)
    got, v, g = made.mean(0)[inner], voice[inner], ground[inner]
    (a, b), *_ = np.linalg.lstsq(np.stack([v, g], 1), got, rcond=None)
    wrong = db(float(np.mean((got - g) ** 2))) - db(float(np.mean(v**2)))
    kept = float(np.corrcoef(got, g)[0, 1])
    return 20 * float(np.log10(abs(a) + 1e-5)), wrong, 20 * float(np.log10(abs(b) + 1e-5)), kept, took


def main(paths: list[str]) -> None:
    """Print a table."""
    stems = stems_of(SharedSettings().weights_dir)
    voices = [np.concatenate(list(mono_pieces(Path(p), MIX_HZ, p))).astype(float)[: 20 * MIX_HZ] for p in paths]
    print("| method | beneath | below the voice | voice left | all that is wrong | ground | alike | s for 1 s |")
    print("|---|---|---|---|---|---|---|---|")
    for method, nets in (("separated", stems), ("ducked", None)):
        if method == "separated" and nets is None:
            raise SystemExit("the weights are missing: make weights")
        for name, make in GROUNDS.items():
            for below in BELOW_DB:
                rows = []
                for voice in voices:
                    own = scaled(voice, LEVEL)
                    rows.append(measured(own, scaled(make(own.size), LEVEL * 10 ** (-below / 20)), nets))
                left, wrong, kept, alike, took = np.mean(rows, 0)
                print(
                    f"| {method} | {name} | {below} dB | {left:.0f} dB | {wrong:.0f} dB | {kept:.1f} dB | {alike:.2f} "
                    f"| {took:.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main(sys.argv[1:])
