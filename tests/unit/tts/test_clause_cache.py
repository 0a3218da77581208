"""Speech that was made before, and texts that are prepared, with an engine of tones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

from services.common.audio import to_pcm16
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.tts.clause_cache import LONGEST, ClauseCache, Preparing, Spoken
from services.tts.engines.base import Memory, Piece, Span, SpeechRequest, Stop, TextClause
from services.tts.preparing import MOST_WAITING, Preparer
from services.tts.settings import TtsSettings
from tests.fakes.tts_engine import FakeTts
from tests.fakes.waiting import until

MB = 1_000_000


@pytest.fixture
def engine() -> FakeTts:
    return FakeTts(None, SharedSettings(), TtsSettings())


@pytest.fixture
async def preparer() -> AsyncIterator[Preparer]:
    made = Preparer(ClauseCache(4 * MB), quiet_s=0.05, rest_share=0)
    yield made
    await made.close()


def say(engine: FakeTts, text: str, memory: Memory | None, index: int = 0, **how: Any) -> list[Piece]:
    request = SpeechRequest(memory=memory, **how)
    return [*engine.synthesize(iter([TextClause(index, text)]), request)]


def test_what_was_said_is_the_same_again(engine: FakeTts) -> None:
    memory = Spoken(ClauseCache(MB), "")
    first = say(engine, "Hello there. You.", memory, index=3)
    second = say(engine, "Hello there. You.", memory, index=8)
    assert engine.spoken == ["Hello there", " You"]
    assert [p.cached for p in [*first, *second]] == [False, False, True, True]
    assert [p.index for p in second] == [8, 8]
    for a, b in zip(first, second, strict=True):
        assert (a.text, a.voice_id, a.spans) == (b.text, b.voice_id, b.spans)
        assert to_pcm16(a.samples) == to_pcm16(b.samples) and b.samples.dtype == np.float32


def test_every_level_comes_back() -> None:
    cache = ClauseCache(MB)
    pcm = np.arange(-32767, 32768).astype(np.int16)
    samples = pcm.astype(np.float32) / np.float32(32767)
    cache.put("k", None, [Piece(0, "x", "v", samples, [Span("a", 0, samples.size)])])
    found = cache.find("k", "")
    assert found and to_pcm16(found[0].piece(0).samples) == to_pcm16(samples) == pcm.astype("<i2").tobytes()


@pytest.mark.parametrize("how", [{"speed": 1.5}, {"voice_id": "two"}, {"language": "zh-CN"}])
def test_another_way_of_saying_it_is_made_anew(engine: FakeTts, how: dict[str, Any]) -> None:
    memory = Spoken(ClauseCache(MB), "")
    say(engine, "Hello", memory)
    assert not say(engine, "Hello", memory, **how)[0].cached
    assert engine.spoken == ["Hello", "Hello"]


def test_what_an_engine_samples_is_not_kept(engine: FakeTts) -> None:
    engine.is_repeating = False
    cache = ClauseCache(MB)
    for _ in range(2):
        assert not say(engine, "Hello", Spoken(cache, ""))[0].cached
    assert cache.size == 0


def test_speech_of_an_owner_is_not_at_hand_for_another(engine: FakeTts) -> None:
    cache = ClauseCache(MB)
    say(engine, "Hello", Spoken(cache, "ann"))
    assert not say(engine, "Hello", Spoken(cache, "bob"))[0].cached
    assert say(engine, "Hello", Spoken(cache, "ann"))[0].cached
    say(engine, "Welcome", Preparing(cache))
    assert say(engine, "Welcome", Spoken(cache, "bob"))[0].cached


def test_memory_is_bounded_and_the_least_used_goes_first(engine: FakeTts) -> None:
    cache = ClauseCache(400_000)
    for i in range(100):
        say(engine, "often", Preparing(cache))
        say(engine, "often", Spoken(cache, ""))
        say(engine, f"once {i}", Preparing(cache))
        say(engine, f"said {i}", Spoken(cache, ""))
        assert cache.size <= 400_000
    assert cache.size > 300_000
    assert say(engine, "often", Spoken(cache, ""))[0].cached and engine.spoken.count("often") == 1
    assert say(engine, "said 99", Spoken(cache, ""))[0].cached
    assert not say(engine, "said 0", Spoken(cache, ""))[0].cached


def test_a_long_text_does_not_push_out_what_was_prepared(engine: FakeTts) -> None:
    cache = ClauseCache(400_000)
    say(engine, "Welcome", Preparing(cache))
    for i in range(100):
        say(engine, f"a sentence, number {i}", Spoken(cache, ""))
    assert say(engine, "Welcome", Spoken(cache, ""))[0].cached


def test_long_stretches_and_those_cut_short_are_not_kept(engine: FakeTts) -> None:
    cache = ClauseCache(8 * MB)
    say(engine, "x" * (LONGEST + 1), Spoken(cache, ""))
    assert cache.size == 0

    def cut_short(stop: Stop) -> Iterator[Piece]:
        yield Piece(0, "half", "one", np.zeros(10, np.float32), [])
        stop.set()

    stop = Stop()
    for memory in (Spoken(cache, ""), Preparing(cache)):
        assert len([*memory.recall("k", 0, lambda: cut_short(stop), stop)]) == 1
    assert cache.size == 0


def test_nothing_is_kept_where_the_operator_wants_none(engine: FakeTts) -> None:
    cache = ClauseCache(0)
    say(engine, "Hello", Spoken(cache, ""))
    assert cache.size == 0 and not cache.keeps


def test_speech_of_a_deleted_voice_is_forgotten(engine: FakeTts) -> None:
    cache = ClauseCache(MB)
    for voice in ("one", "two"):
        say(engine, "Hello", Spoken(cache, ""), voice_id=voice)
    cache.forget("two")
    assert say(engine, "Hello", Spoken(cache, ""), voice_id="one")[0].cached
    assert not say(engine, "Hello", Spoken(cache, ""), voice_id="two")[0].cached


async def test_texts_are_ready_in_the_order_they_were_asked_for(engine: FakeTts, preparer: Preparer) -> None:
    texts = ["Hello", "Well", "Goodbye", "Well"]
    request = SpeechRequest()
    assert preparer.prepare(engine, request, texts) == []
    await until(lambda: len(preparer.prepare(engine, request, texts)) == 3)
    assert preparer.prepare(engine, request, texts) == ["Hello", "Well", "Goodbye"]
    assert preparer.prepare(engine, request, ["Goodbye", "new", "Hello"]) == ["Goodbye", "Hello"]
    assert engine.spoken[:3] == ["Hello", "Well", "Goodbye"]
    assert preparer.prepare(engine, SpeechRequest(speed=2), texts) == []


async def test_the_newest_request_comes_first(engine: FakeTts, preparer: Preparer) -> None:
    request = SpeechRequest()
    with preparer.speech():
        preparer.prepare(engine, request, ["a", "b", "c"])
        preparer.prepare(engine, request, ["x", "b"])
    await until(lambda: len(engine.spoken) == 4)
    assert engine.spoken == ["x", "b", "a", "c"]


async def test_nothing_is_prepared_while_somebody_waits_for_speech(engine: FakeTts, preparer: Preparer) -> None:
    engine.delay_s = 30.0
    preparer.prepare(engine, SpeechRequest(), ["a", "b"])
    await until(lambda: engine.at_work == 1)
    began = time.monotonic()
    with preparer.speech():
        await until(lambda: engine.at_work == 0)  # given up, not finished
        assert time.monotonic() - began < 20
        engine.delay_s = 0.0
        await asyncio.sleep(0.3)
        assert not engine.spoken and engine.at_work == 0
    await until(lambda: len(engine.spoken) == 2)
    assert engine.spoken == ["a", "b"]


async def test_a_text_that_fails_is_left_out_and_not_tried_again(engine: FakeTts, preparer: Preparer) -> None:
    engine.broken = True
    request = SpeechRequest()
    preparer.prepare(engine, request, ["a"])
    await until(lambda: preparer.outcomes == 1)
    engine.broken = False
    assert preparer.prepare(engine, request, ["a", "b"]) == []
    await until(lambda: preparer.prepare(engine, request, ["a", "b"]) == ["b"])
    assert engine.spoken == ["b"]


async def test_waiting_texts_are_bounded(engine: FakeTts, preparer: Preparer) -> None:
    with preparer.speech():
        for i in range(5):
            preparer.prepare(engine, SpeechRequest(), [f"{i} {n}" for n in range(200)])
        assert preparer.waiting == MOST_WAITING
    await until(lambda: "4 0" in engine.spoken)
    assert engine.spoken[0] == "4 0"


async def test_too_much_is_refused(engine: FakeTts, preparer: Preparer) -> None:
    for texts in (["a"] * 201, ["a" * 61]):
        with pytest.raises(HuashengError, match="bad-request"):
            preparer.prepare(engine, SpeechRequest(), texts)


async def test_sampled_speech_is_not_prepared(engine: FakeTts, preparer: Preparer) -> None:
    engine.is_repeating = False
    assert preparer.prepare(engine, SpeechRequest(), ["a"]) == []
    assert preparer.waiting == 0
