"""How near are answers from text to how a person speaks? Their phonemes are laid on a real recording.

    python -m benchmarks.answers CLIP... [--text WORDS | --phonemes SYMBOLS] [--model MODEL.npz]

Our own synthesis speaks the words of the clip (as our recogniser heard them, WORDS, or SYMBOLS of its alphabet where it
does not know the language), and says when each phoneme sounds. Dynamic time warping (Sakoe and Chiba 1978) of Whisper's
features lays that speech on the clip's. So the mouth that phonemes give can be compared with the real one, though
nobody wrote down when the person said what. Measured by the product's own landmarks, the clip's offset taken out.

``phonemes`` is the way of answers, ``heard`` hears the synthetic voice as recordings are heard, ``recording`` hears the
person's own voice. With MODEL (``work/trial.npz`` of ``benchmarks.train``: learned from the first 70 % of the clip),
the rest of the clip is measured, and training is too: ``corrected`` (conversations) and ``trained`` (videos). Prints
Markdown.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from services.asr.engines.whisper.engine import WhisperEngine
from services.asr.engines.whisper.settings import Settings as WhisperSettings
from services.asr.settings import AsrSettings
from services.common.settings import SharedSettings
from services.render.audio.log_mel import RATE, Array
from services.render.audio.whisper import PER_S
from services.render.engines.atlas.avatar import Avatar
from services.render.engines.atlas.engine import AtlasEngine
from services.render.engines.atlas.mouth.clip import CONTEXT_OFFSETS, ClipAudioToMouth, ClipModel, Encoder, Estimator
from services.render.engines.atlas.mouth.encoded import encode_recording
from services.render.engines.atlas.mouth.person import PersonModel, person_encoder
from services.render.engines.atlas.mouth.track import LEAD_S, mouth_at, with_closures
from services.render.engines.atlas.mouth.visemes import MIN_REST_US, REST, TimedViseme, timed_visemes
from services.render.engines.atlas.train.correction import drawn_mouths, scores, select_correction, training_pairs
from services.render.engines.atlas.train.material import training_data
from services.render.engines.atlas.train.run import HELD_OUT
from services.render.settings import RenderSettings
from services.render.train.checks import clip_sound
from services.render.types import PhonemeSpan
from services.tts.engines.base import Piece, SpeechRequest, Stop, TextClause
from services.tts.engines.kokoro.engine import KokoroEngine
from services.tts.engines.kokoro.model import SAMPLE_RATE
from services.tts.engines.kokoro.settings import Settings as KokoroSettings
from services.tts.engines.kokoro.shaping import shape
from services.tts.settings import TtsSettings

VOICES = {"en": ("af_heart", "am_michael"), "zh": ("zf_xiaoxiao", "zm_yunxi")}
ASIDE = 0.02
"""What a step in one of the two times alone costs more, in cosine distance."""
COLUMNS = ("opening_corr", "width_corr", "distance", "opening_std_ratio")
BESIDE_S = 0.1
"""Time before and after a pause that is left out where only what is said counts."""


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


def said(engine: KokoroEngine, symbols: str, voice: str) -> Piece:
    """A sentence that is written in phonemes."""
    known = engine._model.symbols(symbols.strip())
    samples, lengths = engine._model.run(known, voice, 1.0, Stop())
    samples, spans = shape(samples, lengths, known, SAMPLE_RATE, "sentence", 1.0, 1.0)
    return Piece(0, symbols, voice, samples, spans)


def spoken(engine: KokoroEngine, text: str, language: str, voice: str) -> tuple[Array, list[PhonemeSpan]]:
    """Samples at ``RATE`` and phonemes of our own synthesis; without a ``language``, ``text`` is in its symbols."""
    if language:
        pieces = list(engine.synthesize(iter([TextClause(0, text)]), SpeechRequest(voice, language, 1.0)))
    else:
        pieces = [said(engine, sentence, voice) for sentence in re.findall(r"[^.!?]+[.!?]*", text)]
    spans, at = [], 0
    for piece in pieces:
        spans += [(s.phoneme, (at + s.start) / 24e-3, (at + s.end) / 24e-3) for s in piece.spans]
        at += len(piece.samples)
    sound = soxr.resample(np.concatenate([p.samples for p in pieces]), 24000, RATE).astype(np.float32)
    return sound, [PhonemeSpan(p, round(a), round(b)) for p, a, b in spans]


def heard(sound: Array, encoder: Encoder, model: Estimator) -> Array:
    """What a recording's model makes of samples at ``RATE``, shape (features, 2)."""
    listener = ClipAudioToMouth(encoder, model, RATE)
    listener.push(sound, last=True)
    return np.stack([listener.mouth_at(k / PER_S) for k in range(len(sound) * PER_S // RATE)])


def laid(track: Array, where: Array, count: int) -> Array:
    """A track of the synthetic speech at the clip's times."""
    n = min(len(track), len(where))
    return np.stack([np.interp(np.arange(count), where[:n], c[:n]) for c in track.T], 1).astype(np.float32)


def on_clip(spans: list[PhonemeSpan], where: Array) -> list[TimedViseme]:
    """Visemes at the clip's times."""
    moved = [
        PhonemeSpan(
            s.phoneme,
            *(
                round(float(np.interp(t * PER_S / 1e6, np.arange(len(where)), where)) / PER_S * 1e6)
                for t in (s.start_us, s.end_us)
            ),
        )
        for s in spans
    ]
    return timed_visemes([s for s in moved if s.end_us > s.start_us])


def saying(visemes: list[TimedViseme], times: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """At which of the times something is said, and no pause is near."""
    out = np.ones(len(times), bool)
    for v in visemes:
        if v.viseme is REST and v.end_us - v.start_us >= MIN_REST_US:
            out &= (times + LEAD_S < v.start_us / 1e6 - BESIDE_S) | (times + LEAD_S > v.end_us / 1e6 + BESIDE_S)
    return out


def prepared(clip: Path, seconds: float) -> tuple[Avatar, AtlasEngine]:
    """An avatar of a clip's first seconds."""
    engine = AtlasEngine(None, SharedSettings(threads=1), RenderSettings().model_copy(update={"max_avatar_s": seconds}))
    engine.load()
    with tempfile.TemporaryDirectory() as folder:
        engine.prepare(clip, "video", Path(folder), lambda *_: None, lambda: False)
        return Avatar.load(Path(folder)), engine


def measured(clip: Path, args: argparse.Namespace, asr: WhisperEngine, tts: KokoroEngine) -> None:
    """One row for each way and voice."""
    sound, _ = clip_sound(clip, clip.name)
    whole, engine = prepared(clip, RenderSettings().max_avatar_s)
    everything = training_data(sound, whole.face, whole.plan.fps, engine.encoder)
    held_in, first, found = everything, 0, None
    if args.model:
        part, _ = prepared(clip, (1 - HELD_OUT) * len(sound) / RATE)
        held_in = training_data(sound, part.face, part.plan.fps, engine.encoder)
        first, found = len(held_in.measured), select_correction(*training_pairs(held_in, "text"), part.face.reach)
    language, words = "", args.phonemes
    if not words:
        recognised = asr.recognise(sound, None)
        language, words = recognised.language, args.text or recognised.text
        if language not in VOICES:
            print(f"| {clip.stem} | its language, {language}, is not one that our synthesis speaks |")
            return
    count, lag = len(everything.measured), held_in.lag
    at = np.flatnonzero(everything.usable & everything.speech)
    at = at[(at >= first + max(0, -lag)) & (at + lag >= 0) & (at + lag < count)]
    real = np.asarray(everything.measured[at] * whole.face.reach + whole.face.closed, np.float32)
    general = ClipModel.builtin()
    size = len(general.mean) // len(CONTEXT_OFFSETS)
    mean, spread = general.mean[:size], general.spread[:size]
    own = (encode_recording(sound, RATE, engine.encoder)[:count] - mean) / spread
    times = np.arange(count) / PER_S
    recording = heard(sound, engine.encoder, general)
    for voice in VOICES[language or "en"]:
        speech, spans = spoken(tts, words, language, voice)
        where, _ = warped(own, (encode_recording(speech, RATE, engine.encoder) - mean) / spread)
        visemes = on_clip(spans, where)
        from_phonemes, sounds = mouth_at(visemes, times), laid(heard(speech, engine.encoder, general), where, count)
        both = np.asarray((from_phonemes + sounds) / 2, np.float32)
        ways = {"recording": recording, "phonemes": from_phonemes, "heard": sounds, "mean of both": both}
        rows = {f"{way}, general": (track, False) for way, track in ways.items()}
        if args.model:
            rows["phonemes, corrected"] = mouth_at(visemes, times, found), True
            track = heard(speech, person_encoder(engine.encoder), PersonModel.load(args.model))
            rows["heard, trained"] = with_closures(laid(track, where, count), visemes, times), True
        spoken_at = saying(visemes, times)[at + lag]
        for way, (track, corrected) in rows.items():
            mouths = drawn_mouths(part if args.model else whole, track[at + lag], corrected)
            values = scores("text", mouths, real)
            inside = scores("text", mouths[spoken_at], real[spoken_at])["text_opening_corr"]
            cells = [f"{value:.3f}" for value in (*(values[f"text_{c}"] for c in COLUMNS), inside)]
            print(" | ".join(["", clip.stem, voice, way, *cells, ""]).strip(), flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--text", default="", help="what is said; of one clip")
    parser.add_argument("--phonemes", default="", help="the same in the symbols of our synthesis")
    parser.add_argument("--model", type=Path)
    args = parser.parse_args()
    shared = SharedSettings()
    asr = WhisperEngine(WhisperSettings(), shared, AsrSettings())
    asr.load()
    tts = KokoroEngine(
        KokoroSettings(voice_en=VOICES["en"][0], voice_zh=VOICES["zh"][0]), SharedSettings(threads=1), TtsSettings()
    )
    tts.load()
    titles = [c.replace("_", " ") for c in COLUMNS] + ["opening corr without pauses"]
    print(f"| clip | voice | way | {' | '.join(titles)} |")
    print("|---" * (3 + len(titles)) + "|")
    for clip in args.clips:
        measured(clip.resolve(), args, asr, tts)


if __name__ == "__main__":
    main()
