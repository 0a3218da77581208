"""The number of a consent clip: how often is it heard, and how often would another number have passed?

    python -m benchmarks.consent_numbers [--count 20] [--noise-db 20]

Kokoro reads the sentence with random numbers in many voices, digit by digit, and every fourth English one in pairs
("thirty-eight …"); the asr service's whisper engine hears it. With ``--noise-db`` white noise lies so far below the
voice. What was heard is then held against all numbers that may be asked for.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np

from benchmarks.speech import speak
from services.asr.engines.base import SAMPLE_RATE_HZ
from services.asr.engines.whisper.engine import WhisperEngine
from services.asr.engines.whisper.settings import Settings as WhisperSettings
from services.asr.settings import AsrSettings
from services.common import audio
from services.common.settings import SharedSettings, load
from services.gateway.accounts.consents import texts
from services.gateway.accounts.spoken_number import LENGTH, digits_in, new_number, wrong_digits
from services.tts.engines.kokoro.engine import KokoroEngine
from services.tts.engines.kokoro.settings import Settings
from services.tts.settings import TtsSettings

DIGITS = {
    "zh": "零一二三四五六七八九",
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
}


def said(number: str, language: str, in_pairs: bool) -> str:
    """The number as a person says it."""
    if in_pairs:
        return ", ".join(str(int(number[i : i + 2])) if number[i] != "0" else f"oh {number[i + 1]}" for i in (0, 2, 4))
    groups = [[DIGITS[language][int(d)] for d in part] for part in (number[:3], number[3:])]
    return "，".join("".join(g) for g in groups) if language == "zh" else ", ".join(" ".join(g) for g in groups)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20, help="readings in each language")
    parser.add_argument("--noise-db", type=float, default=None)
    args = parser.parse_args()
    shared, random = load(SharedSettings), np.random.default_rng(0)
    tts = KokoroEngine(Settings(), shared, TtsSettings())
    asr = WhisperEngine(WhisperSettings(), shared, AsrSettings())
    every = [n for n in map("{:06d}".format, range(10**LENGTH)) if all(a != b for a, b in itertools.pairwise(n))]
    tts.load()
    asr.load()
    for language in ("zh", "en"):
        voices = [v.voice_id for v in tts.voices() if v.language.startswith(language)]
        passed, heard_all = {0: 0, 1: 0, None: 0}, []
        for i in range(args.count):
            number = new_number()
            text = texts()["clip"][language].format(number=said(number, language, language == "en" and i % 4 == 3))
            pieces, _, _ = speak(tts, text, voices[i % len(voices)])
            samples = audio.resample(np.concatenate([p.samples for p in pieces]), 24_000, SAMPLE_RATE_HZ)
            if args.noise_db is not None:
                level = np.sqrt((samples**2).mean()) * 10 ** (-args.noise_db / 20)
                samples = samples + random.normal(0, level, samples.size).astype(np.float32)
            heard = asr.transcribe(samples, language).text
            wrong = wrong_digits(number, digits_in(heard))
            passed[wrong] += 1
            heard_all.append(digits_in(heard))
            print(
                f"{language} {voices[i % len(voices)]:12s} {number} {wrong!s:4s} {digits_in(heard):8s} {heard}",
                flush=True,
            )
        passing = [sum(wrong_digits(number, heard) is not None for number in every) for heard in heard_all]
        print(
            f"== {language}: {passed[0]} exact, {passed[1]} with one mistake, {passed[None]} refused of {args.count}; "
            f"a reading fits {np.mean(passing):.0f}, at most {max(passing)}, of all {len(every)} numbers",
            flush=True,
        )


if __name__ == "__main__":
    main()
