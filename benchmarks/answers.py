"""Are answers from text nearer to how the person speaks after training? Their phonemes are laid on a real recording.

    python -m benchmarks.answers CLIP... [--text WORDS] [--model MODEL.npz]

Our own synthesis speaks the words of the clip (as our recogniser heard them, or WORDS), and says when each phoneme
sounds. Dynamic time warping (Sakoe and Chiba 1978) of Whisper's features lays that speech on the clip's. So the mouth
that phonemes give can be compared with the real one, though nobody wrote down when the person said what. Corrections
are learned from the first 70 % of the clip and measured on the rest, by the product's own landmarks.

``phonemes`` is a conversation's way; with MODEL (``work/trial.npz`` of ``benchmarks.train``: learned from the same
70 %), ``heard`` is that of videos from text: the synthetic voice is heard. Prints Markdown.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import soxr

from services.asr.engines.whisper import WhisperEngine
from services.asr.settings import AsrSettings
from services.common.settings import SharedSettings
from services.render.atlas.avatar import Avatar
from services.render.engines.atlas import AtlasEngine
from services.render.engines.base import EngineOptions, PhonemeSpan
from services.render.mouth.encoded import encoded
from services.render.mouth.features import RATE, Array
from services.render.mouth.hear_clip import OFFSETS, ClipListener, ClipModel, Encoder, Estimator
from services.render.mouth.person import PersonModel, hearing
from services.render.mouth.track import met, mouth_at
from services.render.mouth.visemes import Timed, timed
from services.render.mouth.whisper import PER_S
from services.render.train.atlas import HELD_OUT
from services.render.train.check import sound_of
from services.render.train.correct import chosen, drawn, figures, pair
from services.render.train.material import material
from services.tts.engines.base import EngineSetup, SpeechRequest, TextClause
from services.tts.engines.kokoro import KokoroEngine

VOICES = {"en": ("af_heart", "am_michael"), "zh": ("zf_xiaoxiao", "zm_yunxi")}
ASIDE = 0.02
"""What a step in one of the two times alone costs more, in cosine distance."""
COLUMNS = ("opening_corr", "width_corr", "distance", "opening_std_ratio")


def warped(real: Array, said: Array) -> tuple[Array, float]:
    """For each row of ``said`` its place in ``real`` (both are features), and the mean distance on the way."""
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (real, said))
    cost = 1 - a @ b.T
    n, m = cost.shape
    total = np.full((n + 1, m + 1), np.inf)
    total[0, 0] = 0
    step = np.zeros((n, m), np.int8)
    for i in range(n):
        for j in range(m):
            ways = (total[i, j], total[i, j + 1] + ASIDE, total[i + 1, j] + ASIDE)
            step[i, j] = int(np.argmin(ways))
            total[i + 1, j + 1] = ways[step[i, j]] + cost[i, j]
    i, j = n - 1, m - 1
    places: list[list[int]] = [[] for _ in range(m)]
    while i >= 0 and j >= 0:
        places[j].append(i)
        i, j = i - (step[i, j] != 2), j - (step[i, j] != 1)
    where = np.array([np.mean(p) if p else np.nan for p in places])
    known = ~np.isnan(where)
    return np.interp(np.arange(m), np.flatnonzero(known), where[known]), float(total[n, m] / (n + m))


def spoken(engine: KokoroEngine, text: str, language: str, voice: str) -> tuple[Array, list[PhonemeSpan]]:
    """Samples at ``RATE`` and phonemes of our own synthesis."""
    pieces = list(engine.synthesize(iter([TextClause(0, text)]), SpeechRequest(voice, language, 1.0)))
    spans, at = [], 0
    for piece in pieces:
        spans += [(s.phoneme, (at + s.start) / 24e-3, (at + s.end) / 24e-3) for s in piece.spans]
        at += len(piece.samples)
    sound = soxr.resample(np.concatenate([p.samples for p in pieces]), 24000, RATE).astype(np.float32)
    return sound, [PhonemeSpan(p, round(a), round(b)) for p, a, b in spans]


def heard(sound: Array, encoder: Encoder, model: Estimator) -> Array:
    """What a recording's model makes of samples at ``RATE``, shape (features, 2)."""
    listener = ClipListener(encoder, model, RATE)
    listener.push(sound, last=True)
    return np.stack([listener.mouth_at(k / PER_S) for k in range(len(sound) * PER_S // RATE)])


def laid(track: Array, where: Array, count: int) -> Array:
    """A track of the synthetic speech at the clip's times."""
    n = min(len(track), len(where))
    return np.stack([np.interp(np.arange(count), where[:n], c[:n]) for c in track.T], 1).astype(np.float32)


def on_clip(spans: list[PhonemeSpan], where: Array) -> list[Timed]:
    """Visemes at the clip's times."""
    moved = [
        PhonemeSpan(s.phoneme, *(round(float(np.interp(t * PER_S / 1e6, np.arange(len(where)), where)) / PER_S * 1e6)
                                 for t in (s.start_us, s.end_us)))
        for s in spans
    ]  # fmt: skip
    return timed([s for s in moved if s.end_us > s.start_us])


def measured(clip: Path, folder: Path, asr: WhisperEngine, tts: KokoroEngine, text: str, model: Path | None) -> None:
    """One row for each way and voice, before and after."""
    options = EngineOptions(SharedSettings().weights_dir, 1)
    engine = AtlasEngine(options)
    engine.load()
    assert engine.encoder
    sound, _ = sound_of(clip, clip.name)
    avatars = []
    for name, seconds in (("whole", options.max_avatar_s), ("part", (1 - HELD_OUT) * len(sound) / RATE)):
        (folder / name).mkdir()
        maker = AtlasEngine(replace(options, max_avatar_s=seconds))
        maker.load()
        maker.prepare(clip, "video", folder / name, lambda *_: None, lambda: False)
        avatars.append(Avatar.load(folder / name))
    whole, part = avatars
    held_in, everything = (material(sound, a.face, a.plan.fps, engine.encoder) for a in (part, whole))
    found = chosen(*pair(held_in, "text"), part.face.reach)
    recognised = asr.recognise(sound, None)
    language = recognised.language if recognised.language in VOICES else ""
    if not language:
        print(f"| {clip.stem} | its language, {recognised.language}, is not one that our synthesis speaks |")
        return
    general = ClipModel.builtin()
    one = [len(everything.real), held_in.lag]
    at = np.flatnonzero(everything.usable & everything.spoken)
    at = at[(at >= len(held_in.real) + max(0, -one[1])) & (at + one[1] < one[0])]
    real = np.asarray(everything.real[at] * whole.face.reach + whole.face.closed, np.float32)
    size = len(general.mean) // len(OFFSETS)
    mean, spread = general.mean[:size], general.spread[:size]
    own = (encoded(sound, RATE, engine.encoder)[: one[0]] - mean) / spread
    times = np.arange(one[0]) / PER_S
    for voice in VOICES[language]:
        speech, spans = spoken(tts, text or recognised.text, language, voice)
        said = (encoded(speech, RATE, engine.encoder) - mean) / spread
        where, _ = warped(own, said)
        visemes = on_clip(spans, where)
        tracks = {
            "phonemes, general": (mouth_at(visemes, times), False),
            "phonemes, corrected": (mouth_at(visemes, times, found), True),
        }
        if model:
            person = PersonModel.load(model)
            track = laid(heard(speech, hearing(engine.encoder), person), where, one[0])
            tracks["heard, trained"] = (met(track, visemes, times), True)
        for name, (track, corrected) in tracks.items():
            values = figures("text", drawn(part, track[at + one[1]], corrected), real)
            cells = [f"{values[f'text_{c}']:.3f}" for c in COLUMNS]
            print(" | ".join(["", clip.stem, voice, name, *cells, ""]).strip(), flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--text", default="", help="what is said; of one clip")
    parser.add_argument("--model", type=Path)
    args = parser.parse_args()
    shared = SharedSettings()
    asr = WhisperEngine(AsrSettings(), shared)
    asr.load()
    tts = KokoroEngine(EngineSetup(shared.weights_dir, 1, VOICES["en"][0], VOICES["zh"][0]))
    tts.load()
    print(f"| clip | voice | way | {' | '.join(c.replace('_', ' ') for c in COLUMNS)} |")
    print("|---" * (3 + len(COLUMNS)) + "|")
    for clip in args.clips:
        with tempfile.TemporaryDirectory() as folder:
            measured(clip.resolve(), Path(folder), asr, tts, args.text, args.model)


if __name__ == "__main__":
    main()
