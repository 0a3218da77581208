"""Trains the sound-to-mouth network of the atlas engine on speech of our own engine, and writes its weights.

    python tools/train_mouth.py --cache DIR [--rounds 3] [--out services/render/mouth/hear.npz]

No recordings of people are used: kokoro speaks the sentences of ``train_mouth_{en,zh}.txt`` in all its voices and says
when each phoneme sounds; visemes turn that into the wanted mouth. Speech is then made worse in many ways (level, tone,
room, noise, other voices), since real recordings are. Takes about 20 minutes on one core; ``--cache`` keeps the speech.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from services.common.settings import SharedSettings
from services.render.engines.base import PhonemeSpan
from services.render.mouth.features import BANDS, RATE, Levelled
from services.render.mouth.hear import OFFSETS, SILENCE, contexts
from services.render.mouth.track import mouth_at
from services.render.mouth.visemes import timed

Array = npt.NDArray[np.float32]
HERE = Path(__file__).parent
HIDDEN = (144, 64)
EPOCHS = 14
BATCH = 512
COPIES = 3
"""Times each sentence is heard, each time made worse differently."""


def speak(cache: Path, rounds: int) -> None:
    """Synthesise every sentence ``rounds`` times in random voices into ``cache``."""
    from services.tts.engines.base import EngineSetup, SpeechRequest, TextClause
    from services.tts.engines.kokoro import KokoroEngine

    shared = SharedSettings()
    engine = KokoroEngine(EngineSetup(shared.weights_dir, 1, "af_heart", "zf_xiaoxiao"))
    engine.load()
    dice = random.Random(1)
    for language, texts in (("en", "train_mouth_en.txt"), ("zh", "train_mouth_zh.txt")):
        voices = [v.voice_id for v in engine.voices() if v.language.startswith(language)]
        for turn in range(rounds):
            for k, line in enumerate((HERE / texts).read_text(encoding="utf-8").splitlines()):
                path = cache / f"{language}-{turn}-{k}.npz"
                voice = dice.choice(voices)
                if path.exists():
                    continue
                request = SpeechRequest(voice, language, dice.uniform(0.85, 1.15))
                samples, spans, at = [], [], 0
                for piece in engine.synthesize(iter([TextClause(0, line)]), request):
                    spans += [(s.phoneme, (at + s.start) / 24e-3, (at + s.end) / 24e-3) for s in piece.spans]
                    samples.append(piece.samples)
                    at += len(piece.samples)
                names = np.array([s[0] for s in spans])
                times = np.array([s[1:] for s in spans], np.int64)
                np.savez(path, samples=np.concatenate(samples), phonemes=names, times_us=times)
                print(path.name, voice, f"{at / 24000:.1f} s", flush=True)


def worse(x: Array, others: list[Array], dice: np.random.Generator) -> Array:
    """The speech as a worse recording would have it; never longer or later."""
    spectrum = np.fft.rfft(x)
    f = np.linspace(0, RATE / 2, len(spectrum))
    knots = np.array([0, 150, 400, 1000, 2200, 4500, 8000])
    curve = dice.normal(0, 4, len(knots))
    if dice.random() < 0.3:
        curve[-2:] -= dice.uniform(5, 25)  # telephone, or strong compression
    if dice.random() < 0.3:
        curve[:2] -= dice.uniform(5, 20)
    y = np.fft.irfft(spectrum * 10 ** (np.interp(f, knots, curve) / 20), len(x)).astype(np.float32)
    if dice.random() < 0.5:
        t = np.arange(int(0.25 * RATE)) / RATE
        room = dice.normal(0, 1, len(t)) * np.exp(-t / dice.uniform(0.02, 0.09))
        room *= dice.uniform(0.1, 0.5) / np.sqrt((room**2).sum())
        room[0] += 1
        n = 1 << (len(y) + len(room)).bit_length()
        y = np.fft.irfft(np.fft.rfft(y, n) * np.fft.rfft(room, n), n)[: len(x)].astype(np.float32)
    power = float(np.sqrt((y**2).mean())) + 1e-6
    pink = np.fft.rfft(dice.normal(0, 1, len(y)))
    noise = np.fft.irfft(pink / np.maximum(1, np.arange(len(pink))) ** dice.uniform(0, 0.6), len(y))
    y = y + noise * power / noise.std() * 10 ** (-dice.uniform(12, 50) / 20)
    if dice.random() < 0.25:
        other = np.resize(others[dice.integers(len(others))], len(y))
        y = y + other * power / (other.std() + 1e-6) * 10 ** (-dice.uniform(14, 30) / 20)
    return np.asarray(y / power * 10 ** (dice.uniform(-38, -14) / 20), dtype=np.float32)


def examples(cache: Path) -> Iterator[tuple[Array, Array]]:
    """Contexts (n, inputs) and wanted mouths (n, 2), one sentence at a time."""
    dice = np.random.default_rng(2)
    loaded = []
    for path in sorted(cache.glob("*.npz")):
        with np.load(path) as data:
            x = soxr.resample(data["samples"], 24000, RATE).astype(np.float32)
            loaded.append((x, data["phonemes"].tolist(), data["times_us"]))
    others = [x for x, _, _ in loaded]
    for x, phonemes, times in loaded:
        for _ in range(COPIES):
            # a faster or slower tape is also a shorter or longer throat
            tape = dice.uniform(0.88, 1.14)
            y = soxr.resample(x, RATE * tape, RATE).astype(np.float32)
            spans = [
                PhonemeSpan(p, round(a / tape), round(b / tape)) for p, (a, b) in zip(phonemes, times, strict=True)
            ]
            pause = dice.uniform(0, 0.8)
            y = np.concatenate([np.zeros(int(pause * RATE), np.float32), y, np.zeros(RATE // 3, np.float32)])
            spans = [
                PhonemeSpan(s.phoneme, s.start_us + round(pause * 1e6), s.end_us + round(pause * 1e6)) for s in spans
            ]
            frames = np.maximum(Levelled().push(worse(y, others, dice))[:, :BANDS], SILENCE)
            at = np.arange(0, len(frames) - 17, 2)
            yield contexts(frames, at), mouth_at(timed(spans), at / 100)


def train(x: Array, y: Array) -> dict[str, Any]:
    """Fit the network (Adam, mean squared error, a tenth held out); its arrays by name."""
    dice = np.random.default_rng(3)
    mean, spread = x.mean(0), x.std(0) + 0.05
    x = (x - mean) / spread
    held = np.arange(len(x)) // 400 % 10 == 0
    sizes = [x.shape[1], *HIDDEN, 2]
    w = [dice.normal(0, np.sqrt(2 / a), (a, b)).astype(np.float32) for a, b in pairwise(sizes)]
    w[-1] *= 0.3
    b = [np.zeros(n, np.float32) for n in sizes[1:]]
    b[-1][:] = y.mean(0)
    moments = [[np.zeros_like(p), np.zeros_like(p)] for p in (*w, *b)]
    rows, step = np.flatnonzero(~held), 0
    total = EPOCHS * (len(rows) // BATCH)
    scale = np.array([1.0, 0.8], np.float32)
    for epoch in range(EPOCHS):
        dice.shuffle(rows)
        for k in range(0, len(rows) - BATCH + 1, BATCH):
            pick = rows[k : k + BATCH]
            h = [x[pick] + dice.normal(0, 0.1, (BATCH, x.shape[1])).astype(np.float32)]
            for j in range(len(w)):
                z = h[-1] @ w[j] + b[j]
                h.append(np.maximum(z, 0) if j + 1 < len(w) else z)
            delta = 2 * (h[-1] - y[pick]) * scale / BATCH
            slopes_w, slopes_b = [np.zeros(0)] * len(w), [np.zeros(0)] * len(w)
            for j in reversed(range(len(w))):
                slopes_w[j], slopes_b[j] = h[j].T @ delta + 1e-5 * w[j], delta.sum(0)
                delta = (delta @ w[j].T) * (h[j] > 0)
            step += 1
            rate = 2e-3 * 0.5 * (1 + np.cos(np.pi * step / total))
            for p, g, m in zip((*w, *b), (*slopes_w, *slopes_b), moments, strict=True):
                m[0] += 0.1 * (g - m[0])
                m[1] += 0.001 * (g * g - m[1])
                p -= rate * (m[0] / (1 - 0.9**step)) / (np.sqrt(m[1] / (1 - 0.999**step)) + 1e-8)
        hat = x[held]
        for j in range(len(w)):
            hat = hat @ w[j] + b[j]
            hat = np.maximum(hat, 0) if j + 1 < len(w) else hat
        r = [float(np.corrcoef(hat[:, c], y[held][:, c])[0, 1]) for c in range(2)]
        print(f"epoch {epoch + 1}: held-out correlation opening {r[0]:.3f} width {r[1]:.3f}", flush=True)
    out: dict[str, Any] = {f"matrix{j}": w[j].astype(np.float16) for j in range(len(w))}
    out |= {f"bias{j}": b[j] for j in range(len(w))}
    gain = np.clip(y[held].std(0) / hat.std(0), 1, 1.4)
    return {**out, "mean": mean, "spread": spread, "gain": gain, "centre": y.mean(0)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=HERE.parent / "services/render/mouth/hear.npz")
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    speak(args.cache, args.rounds)
    xs, ys = zip(*examples(args.cache), strict=True)
    x, y = np.concatenate(xs), np.concatenate(ys)
    print(f"{len(x)} examples of {len(OFFSETS)} x {BANDS}")
    np.savez_compressed(args.out, **train(x, y))
    print(f"{args.out}: {args.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
