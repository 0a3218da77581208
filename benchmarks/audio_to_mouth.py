"""How well the audio-to-mouth models follow real mouths, before anything is drawn; for comparing weights.

    python -m benchmarks.audio_to_mouth CLIP... --lipscore LIPSCORE.py --python VENV/bin/python
        [--weights FOLDER] [--cache FOLDER]

Each clip's own sound is taken as a recording (``clip``) and as live speech (``live``), by the shipped weights or by
those in FOLDER that ``tools.train_mouth --out`` wrote.
The tracks, at the times of the clip's frames, are compared with lipscore's curves of the real mouth: correlation at the
best lag within 0.4 s, and that lag (positive: the track is late). Prints Markdown: a row for each clip and model, and
medians. ``benchmarks.lipsync`` describes lipscore.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from benchmarks.lipscore_client import options, scored
from services.common.audio import decode
from services.common.settings import SharedSettings
from services.common.weights import folder
from services.render.audio.log_mel import RATE, Array
from services.render.audio.whisper import WhisperEncoder
from services.render.engines.atlas.mouth import clip as mouth_clip
from services.render.engines.atlas.mouth.clip import ClipAudioToMouth, ClipModel
from services.render.engines.atlas.mouth.live import LiveAudioToMouth, LiveModel

COLUMNS = ("opening corr", "lag ms", "width corr", "lag ms")
Hear = Callable[[Array, list[float]], Array]
"""Of samples at ``RATE`` the track, shape (n, 2), at times (n,)."""


def listeners(weights: Path, encoder: WhisperEncoder) -> dict[str, Hear]:
    """What there is to judge, by name."""
    clip = ClipModel.load(weights / "clip.npz")
    with np.load(weights / "live.npz", allow_pickle=False) as data:
        live = LiveModel(**{name: data[name].astype(np.float32) for name in data.files})

    def follow(listener: ClipAudioToMouth | LiveAudioToMouth, sound: Array, times: list[float]) -> Array:
        listener.push(sound, last=True)
        return np.stack([listener.mouth_at(t) for t in times])

    return {
        "clip": lambda x, t: follow(ClipAudioToMouth(encoder, clip, RATE), x, t),
        "live": lambda x, t: follow(LiveAudioToMouth(encoder.exactly, live, RATE), x, t),
    }


def frame_times(clip: Path) -> list[float]:
    """Seconds from the first frame."""
    with av.open(str(clip)) as container:
        times = [float(f.time or 0.0) for f in container.decode(container.streams.video[0])]
    return [t - times[0] for t in times]


def scores_of(
    python: str, lipscore: Path, cache: Path, clip: Path, tracks: dict[str, Array], times: list[float]
) -> dict[str, list[float]]:
    """``COLUMNS`` by name of the track."""
    with tempfile.TemporaryDirectory() as scratch:
        given = Path(scratch) / "tracks.npz"
        np.savez(given, allow_pickle=False, times=np.array(times), **tracks)
        found: dict[str, list[float]] = scored(python, lipscore, cache, given, clip)
    return found


def main() -> None:
    """Command line."""
    parser = options(__doc__)
    parser.add_argument("--weights", type=Path, default=Path(mouth_clip.__file__).parent, help="their folder")
    args = parser.parse_args()
    encoder = WhisperEncoder(folder("whisper-base", SharedSettings().weights_dir), 1)
    models = listeners(args.weights, encoder)
    rows: dict[str, list[list[float]]] = {name: [] for name in models}
    print(f"| clip | heard by | {' | '.join(COLUMNS)} |\n|" + "---|" * (len(COLUMNS) + 2))
    with tempfile.TemporaryDirectory() as kept:
        cache = args.cache or Path(kept)
        cache.mkdir(parents=True, exist_ok=True)
        for clip in (c.resolve() for c in args.clips):
            sound, times = np.asarray(decode(clip, RATE), np.float32), frame_times(clip)
            tracks = {name: heard(sound, times) for name, heard in models.items()}
            for name, found in scores_of(args.python, args.lipscore, cache, clip, tracks, times).items():
                rows[name].append(found)
                print(row(clip.stem, name, found), flush=True)
    for name, each in rows.items():
        print(row("**median**", name, [statistics.median(column) for column in zip(*each, strict=True)]))


def row(clip: str, name: str, values: list[float]) -> str:
    """A row of Markdown."""
    cells = [f"{v:.3f}" if k % 2 == 0 else f"{v:.0f}" for k, v in enumerate(values)]
    return f"| {clip} | {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
