"""Training speech for the mouth models: synthesised sentences with phoneme times, and degradations of it."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from services.common.settings import SharedSettings
from services.render.audio.log_mel import RATE
from services.render.audio.whisper import PER_S
from services.render.engines.atlas.mouth.track import mouth_at
from services.render.engines.atlas.mouth.visemes import MIN_REST_US, REST, TimedViseme, Viseme, timed_visemes
from services.render.engines.atlas.speaking_style import talking_frames
from services.render.types import PhonemeSpan

Array = npt.NDArray[np.float32]
Sentence = tuple[Array, list[str], npt.NDArray[np.int64]]
"""See ``load_sentences``."""
HERE = Path(__file__).parent
BREATH = Viseme(0.7, 0.0, 1.0)
"""The mouth parts to breathe between phrases. Only sound that can be heard is taken for a breath: see the listeners."""
BREATH_REACH_US = 350_000
"""How near to speech a breath is taken."""


def synthesise(cache: Path, rounds: int) -> None:
    """Synthesise every sentence ``rounds`` times in random voices into ``cache``; file names begin with the voice."""
    from services.tts.engines.base import SpeechRequest, TextClause
    from services.tts.engines.kokoro.engine import KokoroEngine
    from services.tts.engines.kokoro.settings import Settings
    from services.tts.settings import TtsSettings

    engine = KokoroEngine(Settings(), SharedSettings(threads=1), TtsSettings())
    engine.load()
    rng = random.Random(1)
    for language, texts in (("en", "train_mouth_en.txt"), ("zh", "train_mouth_zh.txt")):
        voices = [v.voice_id for v in engine.voices() if v.language.startswith(language)]
        for turn in range(rounds):
            for k, line in enumerate((HERE / texts).read_text(encoding="utf-8").splitlines()):
                voice, speed = rng.choice(voices), rng.uniform(0.85, 1.15)
                path = cache / f"{voice}-{turn}-{k}.npz"
                if path.exists():
                    continue
                request = SpeechRequest(voice, language, speed)
                samples, spans, at = [], [], 0
                for piece in engine.synthesize(iter([TextClause(0, line)]), request):
                    spans += [(s.phoneme, (at + s.start) / 24e-3, (at + s.end) / 24e-3) for s in piece.spans]
                    samples.append(piece.samples)
                    at += len(piece.samples)
                names = np.array([s[0] for s in spans])
                times = np.array([s[1:] for s in spans], np.int64)
                part = path.with_suffix(".part")
                with part.open("wb") as file:
                    np.savez(file, samples=np.concatenate(samples), phonemes=names, times_us=times)
                part.replace(path)
                print(path.name, f"{at / 24000:.1f} s", flush=True)


def degraded(x: Array, others: list[Array], rng: np.random.Generator) -> Array:
    """The speech as a worse recording would have it; never longer or later."""
    spectrum = np.fft.rfft(x)
    f = np.linspace(0, RATE / 2, len(spectrum))
    knots = np.array([0, 150, 400, 1000, 2200, 4500, 8000])
    curve = rng.normal(0, 4, len(knots))
    if rng.random() < 0.3:
        curve[-2:] -= rng.uniform(5, 25)  # telephone, or strong compression
    if rng.random() < 0.3:
        curve[:2] -= rng.uniform(5, 20)
    y = np.fft.irfft(spectrum * 10 ** (np.interp(f, knots, curve) / 20), len(x)).astype(np.float32)
    if rng.random() < 0.5:
        t = np.arange(int(0.25 * RATE)) / RATE
        room = rng.normal(0, 1, len(t)) * np.exp(-t / rng.uniform(0.02, 0.09))
        room *= rng.uniform(0.1, 0.5) / np.sqrt((room**2).sum())
        room[0] += 1
        n = 1 << (len(y) + len(room)).bit_length()
        y = np.fft.irfft(np.fft.rfft(y, n) * np.fft.rfft(room, n), n)[: len(x)].astype(np.float32)
    power = float(np.sqrt((y**2).mean())) + 1e-6
    pink = np.fft.rfft(rng.normal(0, 1, len(y)))
    noise = np.fft.irfft(pink / np.maximum(1, np.arange(len(pink))) ** rng.uniform(0, 0.6), len(y))
    y = y + noise * power / noise.std() * 10 ** (-rng.uniform(12, 50) / 20)
    if rng.random() < 0.25:
        other = np.resize(others[rng.integers(len(others))], len(y))
        y = y + other * power / (other.std() + 1e-6) * 10 ** (-rng.uniform(14, 30) / 20)
    return np.asarray(y / power * 10 ** (rng.uniform(-38, -14) / 20), dtype=np.float32)


def load_sentences(cache: Path) -> dict[str, list[Sentence]]:
    """All sentences in ``cache`` by voice: samples at ``RATE``, phonemes, and their times (n, 2) in microseconds."""
    out: dict[str, list[Sentence]] = {}
    for path in sorted(cache.glob("*.npz")):
        with np.load(path) as data:
            x = soxr.resample(data["samples"], 24000, RATE).astype(np.float32)
            out.setdefault(path.name.split("-")[0], []).append((x, data["phonemes"].tolist(), data["times_us"]))
    return out


def at_tape_speed(sentence: Sentence, tape: float, pause_s: float) -> tuple[Array, list[PhonemeSpan]]:
    """After a pause, the sentence ``tape`` times as fast: also a shorter or longer throat."""
    x, phonemes, times = sentence
    y = soxr.resample(x, RATE * tape, RATE).astype(np.float32)
    moved = (times / tape + pause_s * 1e6).round().astype(int)
    spans = [PhonemeSpan(p, int(a), int(b)) for p, (a, b) in zip(phonemes, moved, strict=True)]
    return np.concatenate([np.zeros(int(pause_s * RATE), np.float32), y]), spans


def recording(own: list[Sentence], rng: np.random.Generator) -> tuple[Array, list[TimedViseme]]:
    """All of a voice's sentences in a random order, with pauses, on one tape; and its visemes."""
    sound: list[Array] = []
    visemes: list[TimedViseme] = []
    at, tape = 0, rng.uniform(0.86, 1.18)
    for k in rng.permutation(len(own)):
        pause = rng.uniform(0.8, 2.2) if rng.random() < 0.25 else rng.uniform(0.1, 0.8)
        x, spans = at_tape_speed(own[k], tape, pause)
        shift = round(at / RATE * 1e6)
        lead = PhonemeSpan("", shift, shift + round(pause * 1e6))
        timed_visemes([lead, *(PhonemeSpan(s.phoneme, s.start_us + shift, s.end_us + shift) for s in spans)], visemes)
        sound.append(x)
        at += len(x)
    return np.concatenate(sound), visemes


def with_breaths(visemes: list[TimedViseme]) -> list[TimedViseme]:
    """The same with breaths in pauses, near the speech around them."""
    out: list[TimedViseme] = []
    for v in visemes:
        if v.viseme is not REST or v.end_us - v.start_us < MIN_REST_US:
            out.append(v)
            continue
        left, right = v.start_us + BREATH_REACH_US, v.end_us - BREATH_REACH_US
        if left >= right:
            out.append(TimedViseme(BREATH, v.start_us, v.end_us))
        else:
            out += [
                TimedViseme(BREATH, v.start_us, left),
                TimedViseme(REST, left, right),
                TimedViseme(BREATH, right, v.end_us),
            ]
    return out


def track_statistics(voices: dict[str, list[Sentence]]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean (2,) and spread of viseme tracks while somebody talks, Chinese and English counted alike.

    The spread is the lower triangle whose product with its transpose is the covariance of opening and width.
    """
    seen: dict[bool, list[Array]] = {}
    for voice, own in voices.items():
        for x, phonemes, times in own:
            spans = [PhonemeSpan(p, int(a), int(b)) for p, (a, b) in zip(phonemes, times, strict=True)]
            track = mouth_at(timed_visemes(spans), np.arange(len(x) * PER_S // RATE) / PER_S)
            seen.setdefault(voice.startswith("z"), []).append(track[talking_frames(track[:, 0], PER_S)])
    both = [np.concatenate(tracks).astype(np.float64) for tracks in seen.values()]
    mean = np.mean([x.mean(0) for x in both], axis=0)
    return mean, np.linalg.cholesky(np.mean([(x - mean).T @ (x - mean) / len(x) for x in both], axis=0))
