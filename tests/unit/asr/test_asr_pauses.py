"""Pauses that are reported while an utterance goes on, and when it ends early. Paced by the test, not by the clock."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from services.asr.engines.base import Recognition, Segment
from services.asr.live import Ended, Endpointing, Event, Final, Listener, Partial, Paused, Resumed, Started
from services.asr.settings import AsrSettings
from services.common.aio import Inbox
from services.common.audio import Samples
from services.common.settings import SharedSettings
from tests.fakes.asr_engine import RulerEngine, ScriptedVad
from tests.fakes.waiting import wait_until

RATE = 16_000
HOW = Endpointing(end_silence_ms=700, complete_silence_ms=350, open_silence_ms=1400, reports_pauses=True)


class Words:
    """What the engine answers; ``may_answer`` holds it back."""

    def __init__(self) -> None:
        self.text = "你是谁？"
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.runs: list[float] = []
        self.done = 0

    def __call__(self, samples: Samples, *_: object, **__: object) -> Iterator[Segment]:
        self.runs.append(samples.size / RATE)
        assert self.may_answer.wait(60)
        yield Segment(Recognition(self.text, "zh", 0.9), 0, samples.size / RATE)
        self.done += 1


class Stream:
    """A listener fed by hand: ``feed`` gives what happened by then."""

    def __init__(self, words: Words) -> None:
        engine = RulerEngine(None, SharedSettings(), AsrSettings())
        engine.vad = ScriptedVad()  # type: ignore[assignment]
        engine.segments = functools.partial(words)  # type: ignore[method-assign]
        self.words = words
        self.listener = Listener(engine, AsrSettings(partial_interval_s=10), None, HOW)
        self.inbox: Inbox[object] = Inbox(10_000)

    def feed(self, x: Samples) -> list[Event]:
        out: list[Event] = []
        for i in range(0, x.size, 320):
            out += self.listener._feed(x[i : i + 320])
        return out

    def settle(self) -> None:
        """Until every transcription that was asked for is done."""
        wait_until(lambda: all(j.future.done() for j in self.listener._jobs))


def noise(seconds: float) -> Samples:
    return np.random.default_rng(0).normal(0, 0.1, int(seconds * RATE)).astype(np.float32)


def quiet(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE), np.float32)


@pytest.fixture
def stream() -> Iterator[Stream]:
    made = Stream(Words())
    yield made
    made.listener.cancel()
    made.listener._work.shutdown(cancel_futures=True)


def test_a_pause_is_reported_with_its_words_and_the_final_has_the_same(stream: Stream) -> None:
    stream.words.may_answer.clear()
    assert [type(e) for e in stream.feed(noise(1))] == [Started]
    assert stream.feed(quiet(0.2)) == []
    stream.words.may_answer.set()
    stream.settle()
    (paused,) = [e for e in stream.feed(quiet(0.03)) if isinstance(e, Paused)]
    assert paused.transcript.text == "你是谁？" and paused.complete >= 0.7
    assert abs(paused.at_us - 1_000_000) < 60_000
    ended = [e for e in stream.feed(quiet(0.2)) if not isinstance(e, Paused)]
    assert [type(e) for e in ended] == [Ended, Final]
    assert len(stream.words.runs) == 1


def test_a_statement_that_may_go_on_gets_the_usual_silence(stream: Stream) -> None:
    stream.words.text = "我们明天去上海"
    stream.feed(noise(1))
    stream.feed(quiet(0.2))
    stream.settle()
    assert not [e for e in stream.feed(quiet(0.4)) if isinstance(e, Ended)]
    assert [e for e in stream.feed(quiet(0.2)) if isinstance(e, Ended)]


def test_speech_after_a_reported_pause_says_so_and_is_one_utterance(stream: Stream) -> None:
    stream.feed(noise(1))
    stream.feed(quiet(0.2))
    stream.settle()
    stream.feed(quiet(0.03))
    assert [type(e) for e in stream.feed(noise(0.5)) if isinstance(e, Resumed)] == [Resumed]
    stream.feed(quiet(0.2))
    stream.settle()
    events = stream.feed(quiet(0.6))
    (final,) = [e for e in events if isinstance(e, Final)]
    assert final.end_us - final.start_us > 1_500_000


def test_a_pause_whose_words_are_not_known_yet_is_not_reported(stream: Stream) -> None:
    stream.words.may_answer.clear()
    stream.feed(noise(1))
    stream.feed(quiet(0.2))
    assert not [e for e in stream.feed(noise(0.5)) if isinstance(e, Paused | Resumed)]
    stream.words.may_answer.set()


def test_it_listens_on_while_it_waits_for_words(stream: Stream) -> None:
    stream.words.may_answer.clear()
    stream.feed(noise(1))
    assert [type(e) for e in stream.feed(quiet(1.5))] == [Ended]
    assert [type(e) for e in stream.feed(noise(0.5))] == [Started]
    stream.words.may_answer.set()
    stream.settle()
    assert [type(e) for e in stream.feed(noise(0.1)) if isinstance(e, Final)] == [Final]


def test_words_that_sound_unfinished_are_waited_for_longer(stream: Stream) -> None:
    stream.words.text = "我们学校的图书馆"
    stream.feed(noise(1))
    stream.feed(quiet(0.3))
    stream.settle()
    assert not [e for e in stream.feed(quiet(0.8)) if isinstance(e, Ended)]
    assert [type(e) for e in stream.feed(quiet(0.4))] == [Ended, Final]


def test_an_utterance_does_not_end_before_its_words_are_known(stream: Stream) -> None:
    stream.words.may_answer.clear()
    stream.feed(noise(1))
    assert stream.feed(quiet(1.0)) == []
    stream.words.may_answer.set()
    stream.settle()
    assert [type(e) for e in stream.feed(quiet(0.1)) if not isinstance(e, Partial)] == [Paused, Ended, Final]


def test_sound_without_words_ends_as_soon_as_any(stream: Stream) -> None:
    stream.words.text = ""
    stream.feed(noise(1))
    stream.feed(quiet(0.3))
    stream.settle()
    assert [type(e) for e in stream.feed(quiet(0.45)) if not isinstance(e, Paused)] == [Ended, Final]


def test_what_was_heard_before_a_silence_is_forgotten_but_not_within_speech(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[int] = []
    monkeypatch.setattr(stream.listener._vad, "forget", lambda: forgotten.append(stream.listener._position))
    stream.feed(quiet(0.4))
    assert not forgotten
    stream.feed(quiet(0.3))
    assert len(forgotten) == 1
    stream.feed(noise(1))
    stream.feed(quiet(0.7))  # a pause within the utterance
    assert len(forgotten) == 1
