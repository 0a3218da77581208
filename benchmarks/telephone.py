"""Short questions over a telephone: what the whisper engine loses, makes up and gets wrong, and what it costs.

    python -m benchmarks.telephone [--clips 4]

The product's own voice (kokoro) asks 14 questions in Chinese and 8 in English. Each is heard as it is, and over
narrow-band codecs at several levels, some with noise on the line; so are the recordings of ../shared/data where they
are. Every clip is recognised as before (one decoding on the short window, with the hint), and as served (again on the
30 s window where the first text is doubtful). Errors are counted by Chinese syllable (pinyin without tones) and English
word; intervals are 90 % (bootstrap over sentences).

The thresholds of doubt (``attempt.SURE``, ``attempt.FEWEST_PER_S``) are chosen by leave-one-out over the sentences: the
cheapest ones whose errors on the other sentences are within 2 % of the best; the errors on the sentence left out are
what is reported. Last, sounds that are not speech, with and without voice activity detection.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.speech import errors, speak, syllables, words
from services.asr.engines.base import SAMPLE_RATE_HZ
from services.asr.engines.whisper import attempt
from services.asr.engines.whisper.engine import WhisperEngine
from services.asr.engines.whisper.settings import Settings
from services.asr.settings import AsrSettings
from services.common import audio
from services.common.audio import Samples
from services.common.settings import SharedSettings, load
from services.tts.engines.kokoro.engine import KokoroEngine
from services.tts.engines.kokoro.settings import Settings as KokoroSettings
from services.tts.settings import TtsSettings
from tests.fakes import sounds, telephone

QUESTIONS = {
    "zh": (
        "今天天气怎么样？",
        "你叫什么名字？",
        "现在几点了？",
        "怎么退货？",
        "营业时间是几点到几点？",
        "这个多少钱？",
        "请问洗手间在哪里？",
        "你能帮我吗？",
        "明天会下雨吗？",
        "怎么联系客服？",
        "介绍一下你自己。",
        "我的快递到哪儿了？",
        "你好。",
        "周末开门吗？",
    ),
    "en": (
        "What time is it?",
        "How are you?",
        "Where is the station?",
        "Can you help me?",
        "What is your name?",
        "How much does it cost?",
        "When do you open?",
        "Will it rain tomorrow?",
    ),
}
VOICES = {"zh": ("zf_xiaoxiao", "zm_yunxi", "zf_xiaoyi"), "en": ("af_heart", "am_michael", "bf_emma")}
RECORDED = {"audio/zh_cosyvoice_prompt_3s5.wav": ("zh", "希望你以后能够做的比我还好呦。")}
LEVELS_DB = (0.0, -3.0, -12.0, -20.0)
NOISES_DB = (None, None, 20.0)
RULES = [(sure, fewest) for sure in (-9.0, -1.5, -1.0, -0.8, -0.6, -0.4, 0.0) for fewest in (0.0, 1.5, 2.0, 2.5)]
SERVED = (attempt.SURE, attempt.FEWEST_PER_S)


@dataclass(frozen=True)
class Clip:
    language: str
    sentence: str
    kind: str
    samples: Samples


@dataclass(frozen=True)
class Heard:
    """A clip, both ways; ``again`` and its cost as if it was always done."""

    clip: Clip
    before: str
    first: attempt.Attempt
    probability: float
    again: str
    speech_s: float
    first_cpu_s: float
    again_cpu_s: float

    def doubtful(self, rule: tuple[float, float] = SERVED) -> bool:
        return attempt.is_doubtful(self.first, self.probability, self.speech_s, *rule)

    def served(self, rule: tuple[float, float] = SERVED) -> str:
        return self.again if self.doubtful(rule) else self.first.text

    def cost_s(self) -> float:
        return self.first_cpu_s + (self.again_cpu_s if self.doubtful() else 0.0)


def clips(per_sentence: int) -> Iterable[Clip]:
    """Each sentence as it is, then over ``per_sentence`` lines."""
    kokoro = KokoroEngine(KokoroSettings(), load(SharedSettings), TtsSettings())
    kokoro.load()
    spoken: list[tuple[str, str, Samples]] = []
    for language, sentences in QUESTIONS.items():
        for i, sentence in enumerate(sentences):
            pieces = speak(kokoro, sentence, VOICES[language][i % 3])[0]
            x = audio.resample(np.concatenate([p.samples for p in pieces]), 24_000, SAMPLE_RATE_HZ)
            spoken.append((language, sentence, x))
    for name, (language, sentence) in RECORDED.items():
        path = Path(__file__).parents[1] / "../shared/data" / name
        if path.exists():
            spoken.append((language, sentence, audio.decode(path, SAMPLE_RATE_HZ)))
    lines = [(c, level, noise) for c in telephone.CODECS for level in LEVELS_DB for noise in NOISES_DB]
    draw = random.Random(7)
    for language, sentence, x in spoken:
        yield Clip(language, sentence, "wide", x)
        for codec, level, noise in draw.sample(lines, per_sentence):
            kind = "noisy line" if noise else "line"
            yield Clip(language, sentence, kind, telephone.heard(x, codec, level, noise))


def as_before(first: attempt.Attempt) -> str:
    """What one decoding with the hint gave: dropped only when a loop, the whole hint, or most likely no speech."""
    return first.text if first.is_speech and first.text != attempt.HINT.get(first.language) else ""


def hear(engine: WhisperEngine, clip: Clip) -> Heard:
    """Raises nothing: a clip in which no speech is found is heard as empty."""
    windows = engine.vad.windows(clip.samples, engine.window_s)
    x = clip.samples[windows[0][0] : windows[-1][1]] if windows else clip.samples[:0]
    if not windows:
        nothing = attempt.Attempt("", clip.language, 0.0, 1.0)
        return Heard(clip, "", nothing, 1.0, "", 0.0, 0.0, 0.0)
    start = time.process_time()
    features, first, probability = engine._first(x, None)
    middle = time.process_time()
    again = engine._again(features, first, probability, x.size / SAMPLE_RATE_HZ).text
    return Heard(
        clip,
        before=as_before(first),
        first=first,
        probability=probability,
        again=again,
        speech_s=x.size / SAMPLE_RATE_HZ,
        first_cpu_s=middle - start,
        again_cpu_s=time.process_time() - middle,
    )


def units(text: str, language: str) -> list[str]:
    return syllables(text) if language == "zh" else words(text)


def wrong(heard: Sequence[Heard], text: Callable[[Heard], str]) -> tuple[int, int]:
    """Errors and units."""
    pairs = [(units(h.clip.sentence, h.clip.language), units(text(h), h.clip.language)) for h in heard]
    return sum(errors(a, b) for a, b in pairs), sum(len(a) for a, _ in pairs)


def interval(heard: Sequence[Heard], text: Callable[[Heard], str]) -> tuple[float, float]:
    """90 % of the error rate, bootstrap over sentences."""
    counts = [wrong([h for h in heard if h.clip.sentence == s], text) for s in {h.clip.sentence for h in heard}]
    table = np.array(sorted(counts))
    draws = np.random.default_rng(0).integers(0, len(table), (1000, len(table)))
    low, high = np.quantile(table[draws, 0].sum(axis=1) / table[draws, 1].sum(axis=1), (0.05, 0.95))
    return float(low), float(high)


def row(name: str, heard: Sequence[Heard], text: Callable[[Heard], str], cpu: Callable[[Heard], float]) -> str:
    bad, total = wrong(heard, text)
    low, high = interval(heard, text)
    lost = sum(not units(text(h), h.clip.language) for h in heard)
    echoed = sum(attempt.echoes_hint(text(h), "zh") and not attempt.echoes_hint(h.clip.sentence, "zh") for h in heard)
    cost = sum(map(cpu, heard))
    return (
        f"{name:30s} {len(heard):4d} clips  lost {lost:3d}  hint {echoed:3d}  errors {100 * bad / total:5.1f} % "
        f"({100 * low:.0f}–{100 * high:.0f})  {cost / sum(h.speech_s for h in heard):.2f} CPU-s a second of speech, "
        f"{cost / len(heard):.2f} a clip"
    )


def cheapest(heard: Sequence[Heard]) -> tuple[float, float]:
    """The rule with the fewest second tries among those whose errors are within 2 % of the best."""
    bad = {rule: wrong(heard, lambda h, r=rule: h.served(r))[0] for rule in RULES}  # type: ignore[misc]
    good = [rule for rule in RULES if bad[rule] <= 1.02 * min(bad.values())]
    return min(good, key=lambda rule: sum(h.doubtful(rule) for h in heard))


def choose(heard: Sequence[Heard]) -> None:
    for rule in RULES:
        bad, total = wrong(heard, lambda h, r=rule: h.served(r))  # type: ignore[misc]
        again = sum(h.doubtful(rule) for h in heard) / len(heard)
        print(f"  under {rule[0]:4.1f} or {rule[1]} a s: wrong {100 * bad / total:5.1f} %, again {100 * again:3.0f} %")
    left_out = {s: cheapest([h for h in heard if h.clip.sentence != s]) for s in {h.clip.sentence for h in heard}}
    low, high = interval(heard, lambda h: h.served(left_out[h.clip.sentence]))
    bad, total = wrong(heard, lambda h: h.served(left_out[h.clip.sentence]))
    rate = f"{100 * bad / total:.1f} % ({100 * low:.0f}–{100 * high:.0f})"
    print(f"  best on all {cheapest(heard)}; leaving one sentence out {sorted(set(left_out.values()))}")
    print(f"  errors on the sentence left out {rate}; served: {SERVED}")


def not_speech(engine: WhisperEngine) -> None:
    for name, x in sounds.not_speech().items():
        for line, y in (
            ("wide", x),
            ("mulaw", telephone.heard(x, "mulaw")),
            ("amr-low", telephone.heard(x, "amr-low")),
        ):
            got, forced = engine.transcribe(y).text, engine.recognise(y, None).text
            if got or forced:
                print(f"  {name}, {line}: {got!r}; without voice activity detection {forced!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=4, help="lines that each sentence is heard over")
    parser.add_argument("--texts", action="store_true", help="print every text that is wrong")
    args = parser.parse_args()
    engine = WhisperEngine(Settings(), load(SharedSettings), AsrSettings())
    engine.load()
    heard = [hear(engine, clip) for clip in clips(args.clips)]
    for language in QUESTIONS:
        for kind in ("wide", "line", "noisy line"):
            some = [h for h in heard if h.clip.language == language and h.clip.kind == kind]
            if some:
                print(row(f"{language} {kind}, before", some, lambda h: h.before, lambda h: h.first_cpu_s))
                print(
                    row(
                        f"{language} {kind}, as served",
                        some,
                        lambda h: h.served(),
                        lambda h: h.cost_s(),
                    )
                )
                print(f"  tried again: {sum(h.doubtful() for h in some)} of {len(some)}")
    print("a first text is doubtful")
    choose(heard)
    if args.texts:
        for h in heard:
            if units(h.served(), h.clip.language) != units(h.clip.sentence, h.clip.language):
                print(f"  {h.clip.kind} {h.clip.sentence} {h.before!r} → {h.served()!r}; first {h.first}")
    print("sounds that are not speech, and got words")
    not_speech(engine)


if __name__ == "__main__":
    main()
