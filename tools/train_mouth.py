"""Trains both sound-to-mouth models of the atlas engine on speech of our own engine, and writes their weights.

    python -m tools.train_mouth --cache DIR [--rounds 3] [--out services/render/mouth]

``hear.npz`` (a network on log-mel) hears conversations as they come, ``hear_clip.npz`` (ridge regression on features of
Whisper's encoder) hears recordings.

No recordings of people are used: kokoro speaks the sentences of ``train_mouth_{en,zh}.txt`` in all its voices and says
when each phoneme sounds; visemes turn that into the wanted mouth. Speech is then made worse in many ways (level, tone,
room, noise, other voices), since real recordings are. Takes about 20 minutes on one core; ``--cache`` keeps the speech.
Held-out figures are of voices (``hear_clip``) and stretches (``hear``) that were not trained on.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from services.common.settings import SharedSettings
from services.common.weights import folder
from services.render.engines.base import PhonemeSpan
from services.render.mouth.features import BANDS, RATE, Levelled
from services.render.mouth.hear import SILENCE, contexts
from services.render.mouth.hear_clip import BEFORE_S, REST_S, around
from services.render.mouth.track import mouth_at
from services.render.mouth.visemes import Timed, timed
from services.render.mouth.whisper import PER_S, WINDOW_S, WhisperEncoder
from tools.mouth_speech import Sentence, speak, spoken, taped, worse

Array = npt.NDArray[np.float32]
Rows = tuple[npt.NDArray[Any], Array]
"""Inputs and wanted mouths."""
HERE = Path(__file__).parent
HIDDEN = (144, 64)
EPOCHS = 14
BATCH = 512
COPIES = 3
"""Times each sentence is heard, each time made worse differently."""
RIDGE = 0.3
"""Strength of the regularisation, in parts of each feature's variance."""
HELD_VOICES = 6
"""Every so many voices one is held out."""


def examples(voices: dict[str, list[Sentence]]) -> Iterator[tuple[Array, Array]]:
    """Contexts (n, inputs) and wanted mouths (n, 2), one sentence at a time."""
    dice = np.random.default_rng(2)
    sentences = [s for own in voices.values() for s in own]
    others = [s[0] for s in sentences]
    for sentence in sentences:
        for _ in range(COPIES):
            x, spans = taped(sentence, dice.uniform(0.88, 1.14), dice.uniform(0, 0.8))
            x = np.concatenate([x, np.zeros(RATE // 3, np.float32)])
            frames = np.maximum(Levelled().push(worse(x, others, dice))[:, :BANDS], SILENCE)
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


def windows(own: list[Sentence], others: list[Array], encoder: WhisperEncoder, dice: np.random.Generator) -> Rows:
    """Features around (n, inputs) and wanted mouths (n, 2) of one voice, heard in windows as the engine does."""
    sound: list[Array] = []
    visemes: list[Timed] = []
    at, tape = 0, dice.uniform(0.88, 1.14)
    for k in dice.permutation(len(own)):
        x, spans = taped(own[k], tape, dice.uniform(0.1, 0.8))
        shift = round(at / RATE * 1e6)
        timed([PhonemeSpan(s.phoneme, s.start_us + shift, s.end_us + shift) for s in spans], visemes)
        sound.append(x)
        at += len(x)
    heard = worse(np.concatenate(sound), others, dice)
    xs, ys = [], []
    for start in np.arange(0, at / RATE, REST_S):
        begin = max(0.0, start - BEFORE_S)
        piece = heard[round(begin * RATE) : round((begin + WINDOW_S) * RATE)]
        end = min(start + REST_S, at / RATE)
        told = np.arange(round((start - begin) * PER_S), round((end - begin) * PER_S))
        xs.append(around(encoder(piece))[told].astype(np.float16))
        ys.append(mouth_at(visemes, begin + told / PER_S))
    return np.concatenate(xs), np.concatenate(ys)


def train_clip(voices: dict[str, list[Sentence]]) -> dict[str, Any]:
    """Fit the linear map from Whisper's features; its arrays by name."""
    shared = SharedSettings()
    encoder, dice = WhisperEncoder(folder("whisper-base", shared.weights_dir), 1), np.random.default_rng(4)
    others = [s[0] for own in voices.values() for s in own]
    rows = []
    for own in voices.values():
        parts = [windows(own, others, encoder, dice) for _ in range(COPIES)]
        rows.append((np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])))
    fit = ridge([r for k, r in enumerate(rows) if k % HELD_VOICES])
    x, y = (np.concatenate(parts) for parts in zip(*rows[::HELD_VOICES], strict=True))
    hat = fit["centre"] + (x - fit["mean"]) / fit["spread"] @ fit["matrix"]
    r = [float(np.corrcoef(hat[:, c], y[:, c])[0, 1]) for c in range(2)]
    gain = y.std(0) / hat.std(0)
    print(f"hear_clip: {sum(len(x) for x, _ in rows)} examples; gain {gain}")
    print(f"held-out voices: correlation opening {r[0]:.3f} width {r[1]:.3f}", flush=True)
    fit = ridge(rows)
    return {**fit, "matrix": fit["matrix"].astype(np.float16), "gain": gain.astype(np.float32)}


def ridge(rows: list[Rows]) -> dict[str, Array]:
    """Ridge regression; the arrays of ``ClipModel`` but for its gain."""
    count = sum(len(x) for x, _ in rows)
    mean = sum(x.sum(0, dtype=np.float64) for x, _ in rows) / count
    spread = np.sqrt(sum(((x - mean) ** 2).sum(0) for x, _ in rows) / count) + 1e-3
    centre = sum(y.sum(0, dtype=np.float64) for _, y in rows) / count
    size = len(mean)
    square, cross = np.zeros((size, size)), np.zeros((size, 2))
    for x, y in rows:
        z = ((x - mean) / spread).astype(np.float32)
        square += z.T @ z
        cross += z.T @ (y - centre).astype(np.float32)
    matrix = np.linalg.solve(square + RIDGE * count * np.eye(size), cross)
    arrays = {"mean": mean, "spread": spread, "matrix": matrix, "centre": centre}
    return {name: np.asarray(a, np.float32) for name, a in arrays.items()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=HERE.parent / "services/render/mouth")
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    speak(args.cache, args.rounds)
    voices = spoken(args.cache)
    seconds = sum(len(x) / RATE for own in voices.values() for x, _, _ in own)
    print(f"{seconds / 60:.1f} minutes of speech, {len(voices)} voices", flush=True)
    save(args.out / "hear_clip.npz", train_clip(voices))
    xs, ys = zip(*examples(voices), strict=True)
    save(args.out / "hear.npz", train(np.concatenate(xs), np.concatenate(ys)))


def save(path: Path, arrays: dict[str, Any]) -> None:
    """Write weights, and say what they are."""
    np.savez_compressed(path, **arrays)
    data = path.read_bytes()
    print(f"{path.name}: {len(data) / 1e3:.0f} kB, sha256 {hashlib.sha256(data).hexdigest()}", flush=True)


if __name__ == "__main__":
    main()
