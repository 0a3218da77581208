"""Trains the sound-to-mouth models of the atlas engine on speech of our own engine, and writes their weights.

    python -m tools.train_mouth --cache DIR [--rounds 3] [--out services/render/engines/atlas/mouth] [--only NAME]

``clip.npz`` (ridge regression on features of Whisper's encoder) is for recordings, ``live.npz`` (the same on windows
that end soon, see ``train_mouth_streaming``) for live speech.

No recordings of people are used: kokoro speaks the sentences of ``train_mouth_{en,zh}.txt`` in all its voices and says
when each phoneme sounds; visemes turn that into the wanted mouth. Speech is then made worse in many ways (level, tone,
room, noise, other voices), since real recordings are. ``--cache`` keeps the speech. All is seeded and runs on one
thread: the same machine and packages give the same arrays, of which a digest is printed. Held-out figures are of voices
that were not trained on; the weights written are those of all voices (``clip``) or of the others.

Also prints the ``TRACK_MEAN`` and ``TRACK_CHOLESKY`` of ``engines/atlas/speaking_style.py``; ``--only usual`` does only
that.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from services.common.settings import SharedSettings
from services.common.weights import folder
from services.render.audio.log_mel import RATE
from services.render.audio.whisper import PER_S, WhisperEncoder
from services.render.engines.atlas.mouth.clip import CONTEXT_OFFSETS, with_context
from services.render.engines.atlas.mouth.encoded import encode_recording
from services.render.engines.atlas.mouth.track import mouth_at
from tools.mouth_speech import Sentence, degraded, load_sentences, recording, synthesise, track_statistics, with_breaths

Array = npt.NDArray[np.float32]
HERE = Path(__file__).parent
COPIES = 2
"""Times each voice is heard, each time made worse differently."""
RIDGE = 1.0
"""Strength of the regularisation, in parts of each feature's variance."""
HELD_VOICES = 6
"""Every so many voices one is held out."""


def train_clip(voices: dict[str, list[Sentence]]) -> dict[str, Any]:
    """Fit the linear map from Whisper's features; its arrays by name."""
    encoder = WhisperEncoder(folder("whisper-base", SharedSettings().weights_dir), 1)
    rng = np.random.default_rng(4)
    others = [s[0] for own in voices.values() for s in own]
    rows: list[tuple[Array, Array, bool]] = []
    for k, own in enumerate(voices.values()):
        for _ in range(COPIES):
            sound, visemes = recording(own, rng)
            features = encode_recording(degraded(sound, others, rng), RATE, encoder)
            wanted = mouth_at(with_breaths(visemes), np.arange(len(features)) / PER_S)
            rows.append((features, wanted, k % HELD_VOICES == 0))
    seen = np.concatenate([x for x, _, _ in rows])
    mean, spread = (np.tile(a, len(CONTEXT_OFFSETS)) for a in (seen.mean(0), seen.std(0) + 1e-3))
    centre = np.concatenate([y for _, y, _ in rows]).mean(0)
    sums: dict[bool, list[Array]] = {}
    for x, y, held in rows:
        z = (with_context(x) - mean) / spread
        size = z.shape[1]
        square, cross = sums.setdefault(held, [np.zeros((size, size), np.float32), np.zeros((size, 2), np.float32)])
        square += z.T @ z
        cross += z.T @ (y - centre)
    counts = {held: sum(len(x) for x, _, h in rows if h == held) for held in (False, True)}
    square, cross = sums[False]
    part = ridge(square, cross, counts[False])
    hat = np.concatenate([(with_context(x) - mean) / spread @ part + centre for x, _, held in rows if held])
    y = np.concatenate([y for _, y, held in rows if held])
    r = [float(np.corrcoef(hat[:, c], y[:, c])[0, 1]) for c in range(2)]
    gain = y.std(0) / hat.std(0)
    print(f"clip: {sum(counts.values())} examples; gain {gain}; held-out voices: opening {r[0]:.3f} width {r[1]:.3f}")
    matrix = ridge(sums[False][0] + sums[True][0], sums[False][1] + sums[True][1], sum(counts.values()))
    return {"mean": mean, "spread": spread, "matrix": matrix.astype(np.float16), "centre": centre, "gain": gain}


def ridge(square: Array, cross: Array, count: int) -> Array:
    """The matrix of ridge regression from sums of products over ``count`` examples."""
    return np.linalg.solve(square + RIDGE * count * np.eye(len(square), dtype=np.float32), cross).astype(np.float32)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=HERE.parent / "services/render/engines/atlas/mouth")
    parser.add_argument("--only", choices=["clip", "live", "usual"], help="this one alone")
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    synthesise(args.cache, args.rounds)
    voices = load_sentences(args.cache)
    seconds = sum(len(x) / RATE for own in voices.values() for x, _, _ in own)
    print(f"{seconds / 60:.1f} minutes of speech, {len(voices)} voices, {time.process_time():.0f} CPU-s", flush=True)
    mean, spread = track_statistics(voices)
    print(f"usual: {mean.round(3).tolist()}, spread {spread.round(3).tolist()}", flush=True)
    if args.only in (None, "clip"):
        save(args.out / "clip.npz", train_clip(voices))
    if args.only in (None, "live"):
        from tools.train_mouth_streaming import train_streaming

        save(args.out / "live.npz", train_streaming(voices, HELD_VOICES))


def digest(arrays: dict[str, Any]) -> str:
    """SHA-256 of the arrays' names and contents: unlike the file's it does not hold the time of writing."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        sha.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return sha.hexdigest()


def save(path: Path, arrays: dict[str, Any]) -> None:
    """Write weights, and say what they are."""
    arrays = {name: np.asarray(a) if a.dtype == np.float16 else np.asarray(a, np.float32) for name, a in arrays.items()}
    np.savez_compressed(path, **arrays)
    size = path.stat().st_size / 1e3
    print(f"{path.name}: {size:.0f} kB, arrays {digest(arrays)}, {time.process_time():.0f} CPU-s", flush=True)


if __name__ == "__main__":
    main()
