"""What every speech engine must do: with its real weights, or against the fake of its server."""

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from services.common import weights
from services.common.audio import to_pcm16
from services.common.errors import HuashengError
from services.common.pronunciation import Pronunciation
from services.common.settings import SharedSettings
from services.tts.clause_cache import ClauseCache, Spoken
from services.tts.engines.base import Piece, Sampling, SpeechRequest, Stop, TextClause, TtsEngine
from services.tts.engines.gpt_sovits.settings import Settings as GptSovitsSettings
from services.tts.engines.registry import REGISTRY, make_engines
from services.tts.loudness import loudness_lufs
from services.tts.settings import TtsSettings
from services.tts.text.dictionary import Dictionary
from tests.fakes.gpt_sovits_server import FakeSovits

NEEDS: dict[str, tuple[str, ...]] = {"kokoro": ("kokoro", "g2p-en"), "gpt_sovits": ()}
VOICES = {"kokoro": ("bf_emma", "zm_yunxi"), "gpt_sovits": ("default", "default")}
LONG = (
    "A digital human is a picture of a person that speaks and listens. First the microphone records what you say, and "
    "the recogniser writes it down. Then the voice begins to speak."
)


@pytest.fixture(scope="module", params=list(REGISTRY))
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TtsEngine]:
    root: Path = SharedSettings().weights_dir
    for group in NEEDS[request.param]:
        try:
            weights.folder(group, root)
        except weights.WeightsError as e:
            pytest.skip(f"no weights: {e}")
    reference = tmp_path_factory.mktemp("voice") / "reference.wav"
    reference.write_bytes(b"the fake only looks whether it is there")
    with FakeSovits() as fake:
        fake.delay_s = 0.1
        own = {"gpt_sovits": GptSovitsSettings(urls=fake.url, reference=str(reference))}
        engines = make_engines(TtsSettings(engines=request.param), SharedSettings(threads=1), own)
        engines.load()
        made = engines.get()
        yield made
        made.close()
        made.close()  # may be called again


@pytest.fixture(scope="module")
def spoken(engine: TtsEngine) -> dict[str, list[Piece]]:
    """What several tests look at, spoken once."""
    return {text: say(engine, text) for text in (*TEXTS, LONG)}


def say(engine: TtsEngine, *texts: str, **request: object) -> list[Piece]:
    clauses = (TextClause(i, t) for i, t in enumerate(texts))
    return list(engine.synthesize(clauses, SpeechRequest(**request)))  # type: ignore[arg-type]


def level(x: np.ndarray) -> float:
    return float(20 * np.log10(max(1e-6, np.sqrt((x.astype(np.float64) ** 2).mean()))))


TEXTS = [
    "Hello there. How are you today?",
    "Bob, please keep the door open!",
    "今天天气很好，我们去公园吧。",
    "我们用Python写代码，在GPU上训练模型。",
    "It's 3:30 pm, 20℃, and GLM-4-Plus costs $5.",
]


@pytest.mark.parametrize("text", TEXTS)
def test_spans_cover_the_audio_and_silence_is_silent(
    engine: TtsEngine, spoken: dict[str, list[Piece]], text: str
) -> None:
    for piece in spoken[text]:
        spans = piece.spans
        if not engine.has_phonemes:
            assert not spans and level(piece.samples) > -30
            continue
        assert spans[0].start == 0 and spans[-1].end == piece.samples.size
        assert all(a.end == b.start and a.end > a.start for a, b in itertools.pairwise(spans))
        vowels = [s for s in spans if s.phoneme and s.phoneme[0] in "aeiouɑæɔəɛɜɪʊʌɨɤɚ" and s.end - s.start >= 1200]
        quiet = [s for s in spans if not s.phoneme]
        assert vowels and quiet
        loud = [level(piece.samples[s.start : s.end]) for s in vowels]
        assert np.median(loud) > -30
        assert max(level(piece.samples[s.start : s.end]) for s in quiet) < np.median(loud) - 25


def test_the_lips_close_when_the_sound_does(engine: TtsEngine) -> None:
    """Within "ma pa ba"-like words the level falls at each p and b: the spans are not late or early by a syllable."""
    if not engine.has_phonemes:
        pytest.skip("it knows no phonemes")
    kinds: dict[str, list[float]] = {"closed": [], "open": []}
    for piece in say(engine, "Papa, a puppy, a baby, a paper cup.", voice_id="af_heart"):
        for before, s, after in zip(piece.spans, piece.spans[1:], piece.spans[2:], strict=False):
            if s.phoneme in ("p", "b") and before.phoneme and after.phoneme:
                kinds["closed"].append(level(piece.samples[s.start : (s.start + s.end) // 2]))
            elif s.phoneme and s.phoneme in ("ɑ", "ʌ", "eɪ"):
                kinds["open"].append(level(piece.samples[s.start : s.end]))
    assert np.median(kinds["closed"]) < np.median(kinds["open"]) - 8


@pytest.mark.parametrize("text", TEXTS)
def test_levels(engine: TtsEngine, spoken: dict[str, list[Piece]], text: str) -> None:
    x = np.concatenate([p.samples for p in spoken[text]])
    assert np.isfinite(x).all() and x.dtype == np.float32
    assert 0.1 < float(np.abs(x).max()) <= 0.96
    assert -24 < loudness_lufs(x, engine.sample_rate) < -16


def test_joins_are_silent(engine: TtsEngine, spoken: dict[str, list[Piece]]) -> None:
    pieces = spoken[LONG]
    assert len(pieces) > 2
    for piece in pieces:
        assert abs(float(piece.samples[0])) < 1e-3 and abs(float(piece.samples[-1])) < 1e-3
        if engine.has_phonemes:
            assert not piece.spans[0].phoneme and not piece.spans[-1].phoneme


def test_a_long_text_begins_with_a_short_piece_and_loses_nothing(
    engine: TtsEngine, spoken: dict[str, list[Piece]]
) -> None:
    pieces = spoken[LONG]
    assert "".join(p.text for p in pieces) == LONG
    assert pieces[0].samples.size < 4 * engine.sample_rate
    assert max(p.samples.size for p in pieces) > pieces[0].samples.size


def test_pieces_come_while_later_clauses_are_still_awaited(engine: TtsEngine) -> None:
    asked = []

    def clauses() -> Iterator[TextClause]:
        for i in range(2):
            asked.append(i)
            yield TextClause(i, "This is a clause.")

    stream = engine.synthesize(clauses(), SpeechRequest())
    assert next(stream).index == 0 and asked == [0]
    assert [p.index for p in stream] == [1]


def test_the_voice_follows_the_text_and_then_stays(engine: TtsEngine) -> None:
    zh = {p.voice_id for p in say(engine, "你好。", "Hello there.")}
    en = {p.voice_id for p in say(engine, "Hello there.", "你好。")}
    assert len(zh) == len(en) == 1
    if engine.name == "gpt_sovits":  # one voice speaks both
        assert zh == en == {"default"}
        return
    assert zh != en
    languages = {v.voice_id: v.language for v in engine.voices()}
    assert languages[zh.pop()] == "zh-CN" and languages[en.pop()] == "en-US"


def test_any_voice_speaks_any_language(engine: TtsEngine) -> None:
    texts = ("你好，世界。", "Good morning, Dr. Zhyvkwx.")
    for voice, text in zip(VOICES[engine.name], texts, strict=True):
        pieces = say(engine, text, voice_id=voice)
        assert {p.voice_id for p in pieces} == {voice}
        assert sum(p.samples.size for p in pieces) > engine.sample_rate // 2


def test_speed(engine: TtsEngine) -> None:
    sizes = [sum(p.samples.size for p in say(engine, "How are you today?", speed=s)) for s in (0.5, 1.0, 2.0)]
    assert sizes[0] > 1.5 * sizes[1] and sizes[2] < 0.7 * sizes[1]


@pytest.mark.parametrize(
    "text",
    [
        "5℃" * 15,
        "Supercalifragilistic",
        "Wxkcdqz" * 2,
        "1" * 13,
        "嗯，哦，嘿，呣。café naïve",
    ],
)
def test_odd_texts_are_spoken(engine: TtsEngine, text: str) -> None:
    assert sum(p.samples.size for p in say(engine, text)) > engine.sample_rate // 4


def test_more_than_one_run_of_its_network_is_spoken_whole(engine: TtsEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "5℃" * 4  # without a place to breathe
    monkeypatch.setattr("services.tts.engines.kokoro.engine.MAX_RUN", 60)
    pieces = say(engine, text)
    assert "".join(p.text for p in pieces) == text
    assert sum(p.samples.size for p in pieces) > 2 * engine.sample_rate
    assert len(pieces) > 1 or engine.name != "kokoro"


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (("", " \n"), "empty-text"),
        (("😀…",), "empty-text"),
        (("Привет мир",), "unspeakable-text"),
        (("مرحبا",), "unspeakable-text"),
    ],
)
def test_nothing_to_speak(engine: TtsEngine, texts: tuple[str, ...], reason: str) -> None:
    with pytest.raises(HuashengError) as e:
        say(engine, *texts)
    assert e.value.slug == reason


def test_what_cannot_be_spoken_is_left_out_of_what_can(engine: TtsEngine) -> None:
    assert [p.index for p in say(engine, "Hello there.", "Привет мир", "😀", "Good bye.")] == [0, 3]


@pytest.mark.parametrize(
    ("text", "language", "cannot"),
    [
        ("他去重庆看 GIF 和 JSON，不看别的。", "", ["重庆", "GIF"]),
        ("GIF and Kokoro, and GIF again.", "", ["GIF"]),
        ("GIF です。", "ja-JP", ["GIF"]),
        ("今天天气很好。", "", []),
    ],
)
def test_entries_of_the_dictionary_that_it_cannot_follow_are_named(
    engine: TtsEngine, text: str, language: str, cannot: list[str]
) -> None:
    if language and engine.name != "gpt_sovits":
        pytest.skip("speaks no Japanese")
    entries = [("重庆", "chong2 qing4", "zh"), ("GIF", "/dʒɪf/", "en"), ("JSON", "jay son", "en")]
    dictionary = Dictionary([Pronunciation(*e) for e in entries])
    ignored: list[Pronunciation] = []
    say(engine, text, language=language, dictionary=dictionary, ignored=ignored)
    told = engine.preview_words(text, SpeechRequest(language=language, dictionary=dictionary))
    expected = cannot if engine.name == "gpt_sovits" else []
    assert [e.word for e in ignored] == expected
    assert list(dict.fromkeys(e.word for c in told for e in c.ignored)) == expected


def test_unknown_voice_and_language(engine: TtsEngine) -> None:
    for request, reason in (({"voice_id": "../x"}, "unknown-voice"), ({"language": "fr-FR"}, "bad-request")):
        with pytest.raises(HuashengError) as e:
            say(engine, "Hello.", **request)
        assert e.value.slug == reason


def test_stop_ends_it_within_a_run(engine: TtsEngine) -> None:
    stop = Stop()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    pieces = say(engine, LONG * 3, stop=stop)
    timer.join()
    assert len(pieces) < 6
    assert say(engine, "Ready again.")


def test_callers_take_turns(engine: TtsEngine) -> None:
    order: list[int] = []
    together = threading.Barrier(2)

    def work(n: int) -> None:
        together.wait(10)
        for _ in engine.synthesize((TextClause(i, "One.") for i in range(3)), SpeechRequest()):
            order.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    assert sorted(order) == [0, 0, 0, 1, 1, 1]
    assert max(len(list(g)) for _, g in itertools.groupby(order)) <= 2


def test_voices(engine: TtsEngine) -> None:
    voices = engine.voices()
    assert len({v.voice_id for v in voices}) == len(voices) >= 1
    assert {*VOICES[engine.name]} <= {v.voice_id for v in voices}
    assert all(v.name and v.sample_text and v.gender in ("female", "male", "") for v in voices)
    files = {Path(f.name).stem for f in weights.manifest()["kokoro"].files if f.name.startswith("voices/")}
    if engine.name == "kokoro":
        assert {v.language for v in voices[:2]} == {"en-US", "zh-CN"}  # the defaults
        assert files == {v.voice_id for v in voices}


def test_what_was_said_before_is_the_same_and_needs_no_synthesis(engine: TtsEngine) -> None:
    sampling = Sampling(seed=7) if engine.sampling else Sampling()
    memory = Spoken(ClauseCache(10_000_000), "")
    # digits alone take the language of what was said before: they must not be mixed up
    first = say(engine, "你好！", "35。", memory=memory, sampling=sampling)
    again = say(engine, "你好！", "35。", memory=memory, sampling=sampling)
    other = say(engine, "Well, let me see.", "35。", "你好！", memory=memory, sampling=sampling)
    fresh = say(engine, "你好！", "35。", sampling=sampling)
    assert not any(p.cached for p in [*first, *fresh]) and all(p.cached for p in again)
    for a, b in zip(first, again, strict=True):
        assert to_pcm16(a.samples) == to_pcm16(b.samples)
        assert (a.index, a.text, a.voice_id, a.spans) == (b.index, b.text, b.voice_id, b.spans)
    assert [(p.text, p.spans) for p in first] == [(p.text, p.spans) for p in fresh]
    if engine.name == "kokoro":  # whose default voice follows the language of the first clause
        assert not any(p.cached for p in other)


def test_sampled_speech_is_made_anew(engine: TtsEngine) -> None:
    if not engine.sampling:
        assert engine.repeats(SpeechRequest())
        return
    memory = Spoken(ClauseCache(10_000_000), "")
    assert not any(p.cached for _ in range(2) for p in say(engine, "你好！", memory=memory))
