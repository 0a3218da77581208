"""Speech synthesis: is it understood, how fast is it, how loud is each voice, do the phoneme spans fit?

    python -m benchmarks.speech              quality, speed and time to first audio over the sentences below
    python -m benchmarks.speech --loudness   loudness of every voice, and the gain_db for kokoro/voices.toml
    python -m benchmarks.speech --offset     how much earlier sounds come than the network's lengths say

Quality is told by transcribing the speech with the whisper-base weights of the asr service: its own errors are counted
too, so the figures are upper bounds. English is compared word by word, Chinese syllable by syllable (pinyin without
tones, since homophones cannot be heard apart).
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Sequence

import numpy as np

from services.common import audio, weights
from services.common.settings import SharedSettings, load
from services.tts.engines.base import Piece, SpeechRequest, TextClause
from services.tts.engines.kokoro.engine import KokoroEngine
from services.tts.engines.kokoro.settings import Settings
from services.tts.loudness import loudness_lufs
from services.tts.settings import TtsSettings
from services.tts.text.normalise import normalise

ENGLISH = (
    "Hello, I am a digital human, and I am happy to answer your questions.",
    "The meeting starts at 3:30 pm on May 5, 2024, in room 12.",
    "It is 20℃ outside, and the wind blows at 15 km/h from the north.",
    "The new laptop has 16GB of memory and costs $999.",
    "Our revenue grew by 12.5% in 2023, from 10 to 20 million dollars.",
    "Dr. Smith lives on the 3rd floor, next to Mrs. Jones.",
    "Please call 555-123-4567 or write to help@example.com.",
    "The GPU is fast, but the API returns JSON, and the CPU waits.",
    "I read the book yesterday, and I will read it again tomorrow.",
    "She couldn't believe that the little dog had run 3/4 of a mile through the rain, across two fields and home.",
)
CHINESE = (
    "你好，我是数字人，很高兴回答你的问题。",
    "会议在2024年5月1日下午3:30开始，请准时参加。",
    "今天气温20℃，明天最低-5℃，出门请多穿衣服。",
    "这台电脑有16个核心，售价5999元。",
    "去年的收入增长了12.5%，比前年多了两倍。",
    "他住在3楼305房间，电话是13812345678。",
    "我买了2个苹果和3斤香蕉，一共花了25.8元。",
    "请打开窗户，让新鲜的空气进来。",
)
MIXED = (
    "我们用Python写代码，在GPU上训练模型。",
    "请把这个文件发到我的email，谢谢。",
    "ChatGPT和GLM-4都是大语言模型。",
)
LONG = (
    "A digital human is a picture of a person that speaks and listens. First the microphone records what you say, and "
    "the recogniser writes it down. Then a language model thinks about an answer, word by word. As soon as the first "
    "sentence is ready, the voice begins to speak, and the face moves with it. All of this should take no longer than "
    "a person would need to draw a breath, because nobody likes to wait for a machine to make up its mind."
)
VOWELS = set("aeiouyɑɐɒæɔəɛɜɪʊʌAIOWYQɨɤɚᵊᵻ")
CLOSED = set("pbtdkɡʨꭧʧʤʦ,.?!")


def words(text: str) -> list[str]:
    """English text as it is heard."""
    text = re.sub(r"(\d)\.(\d\d)(?= ?[ap]\.?m)", r"\1:\2", text)  # whisper writes 3.30 p.m.
    said = normalise(text, "en").lower()
    return re.findall(r"[a-z]+", said.replace("'", "").replace(" and ", " "))


def syllables(text: str) -> list[str]:
    """Chinese text as it is heard: pinyin without tones; Latin letters one by one."""
    from pypinyin import lazy_pinyin

    said = normalise(text, "zh").lower()
    out: list[str] = []
    for run in re.findall(r"[\u4e00-\u9fff]+|[a-z]", said):
        out += lazy_pinyin(run) if run[0] >= "\u4e00" else [run]
    return out


def errors(wanted: Sequence[str], heard: Sequence[str]) -> int:
    """Edit distance."""
    row = list(range(len(heard) + 1))
    for i, a in enumerate(wanted, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(heard, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


def speak(engine: KokoroEngine, text: str, voice: str = "") -> tuple[list[Piece], float, float]:
    """Pieces, seconds to the first and to the last."""
    start = time.monotonic()
    pieces: list[Piece] = []
    first = 0.0
    for piece in engine.synthesize(iter([TextClause(0, text)]), SpeechRequest(voice)):
        first = first or time.monotonic() - start
        pieces.append(piece)
    return pieces, first, time.monotonic() - start


def longest_silence(pieces: list[Piece]) -> float:
    """Seconds, within the speech."""
    spans = [s for p in pieces for s in p.spans]
    return max((s.end - s.start for s in spans[1:-1] if not s.phoneme), default=0) / 24_000


def quality(engine: KokoroEngine, threads: int) -> None:
    from faster_whisper import WhisperModel

    folder = weights.folder("whisper-base", engine.shared.weights_dir)
    whisper = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
    groups = (("en", ENGLISH, words), ("zh", CHINESE, syllables), ("mixed", MIXED, syllables))
    spoken_s = spent_s = cpu_s = 0.0
    for name, sentences, units in groups:
        wrong = total = 0
        for text in sentences:
            cpu = time.process_time()
            pieces, first, whole = speak(engine, text)
            cpu_s += time.process_time() - cpu
            x = np.concatenate([p.samples for p in pieces])
            language = "en" if name == "en" else "zh"
            prompt = "以下是普通话的句子。" if language == "zh" else None
            found, _ = whisper.transcribe(audio.resample(x, 24_000, 16_000), language=language, initial_prompt=prompt)
            heard = "".join(s.text for s in found)
            bad = errors(units(text), units(heard))
            wrong, total = wrong + bad, total + len(units(text))
            spoken_s, spent_s = spoken_s + x.size / 24_000, spent_s + whole
            seconds = x.size / 24_000
            print(
                f"{name:5s} errors {bad:2d}/{len(units(text)):2d}  {seconds:5.2f} s  first {first:.2f} s  "
                f"RTF {whole / seconds:.2f}  {loudness_lufs(x, 24_000):6.1f} LUFS  peak {np.abs(x).max():.2f}  "
                f"silence {longest_silence(pieces):.2f} s  {heard.strip()}",
                flush=True,
            )
        print(f"== {name}: error rate {100 * wrong / total:.1f} % of {total}")
    pieces, first, whole = speak(engine, LONG)
    print(f"== RTF {spent_s / spoken_s:.2f}, cpuRTF {cpu_s / spoken_s:.2f} over {spoken_s:.0f} s")
    lengths = [p.samples.size / 24_000 for p in pieces]
    print(f"== long text: first audio {first:.2f} s, RTF {whole / sum(lengths):.2f}, {np.round(lengths, 1)} s")


def loudness(engine: KokoroEngine, target: float = -20.0) -> None:
    for voice in engine.voices():
        text = ENGLISH[0] if voice.language.startswith("en") else CHINESE[0]
        x = np.concatenate([p.samples for p in speak(engine, text, voice.voice_id)[0]])
        gain = float(engine._table[voice.voice_id]["gain_db"])
        level = loudness_lufs(x, 24_000)
        print(f"{voice.voice_id} {level:.1f} LUFS at {gain:+.1f} dB, gain_db = {gain + target - level:.1f}", flush=True)


def offset(engine: KokoroEngine) -> None:
    """Finds the shift at which vowels are loudest and closures quietest."""
    from services.tts.engines.base import Stop

    hop, rate = 120, 24_000
    for voice in ("af_heart", "am_michael", "bf_emma", "zf_xiaoxiao", "zm_yunxi"):
        language = "zh" if voice[0] == "z" else "en"
        contrast = np.zeros(41)
        for text in (CHINESE if language == "zh" else ENGLISH)[:4]:
            symbols = engine._model.symbols(engine._pronounce(normalise(text, language), voice[0] == "b"))
            samples, lengths = engine._model.run(symbols, voice, 1.0, Stop())
            frames = samples[: samples.size // hop * hop].reshape(-1, hop)
            level = 20 * np.log10(np.maximum(1e-3, np.sqrt((frames**2).mean(axis=1))))
            kinds = [1 if c in VOWELS else -1 if c in CLOSED else 0 for c in ["", *symbols, ""]]
            label = np.repeat(kinds, lengths // hop)
            inner = np.arange(int(lengths[0]) // hop + 50, label.size - int(lengths[-1]) // hop - 50)
            for i in range(41):
                at = level[inner - (i - 10)]
                contrast[i] += at[label[inner] == 1].mean() - at[label[inner] == -1].mean()
        print(f"{voice}: sounds come {(int(contrast.argmax()) - 10) * hop / rate * 1000:.0f} ms early")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loudness", action="store_true")
    parser.add_argument("--offset", action="store_true")
    args = parser.parse_args()
    shared = load(SharedSettings)
    engine = KokoroEngine(Settings(), shared, TtsSettings())
    start = time.monotonic()
    engine.load()
    print(f"loaded in {time.monotonic() - start:.1f} s")
    if args.loudness:
        loudness(engine)
    elif args.offset:
        offset(engine)
    else:
        quality(engine, shared.threads)


if __name__ == "__main__":
    main()
