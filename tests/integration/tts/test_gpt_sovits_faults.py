"""What comes of each fault of a GPT-SoVITS process: once, and always; and that nothing is left over."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from services.common.errors import HuashengError
from services.tts.engines.base import ClonedVoice, Sampling, SpeechRequest, Stop, TextClause
from tests.fakes.gpt_sovits_checkout import WAITED_OUT, engine, problem, say
from tests.fakes.gpt_sovits_server import FakeSovits, Handler
from tests.fakes.ports import free_port
from tests.fakes.waiting import PATIENCE_S, wait_until

SLOW, BAD, GONE = "tts-slow", "tts-bad-audio", "tts-unreachable"
# what a single such answer comes to, and what nothing but such answers does
MATRIX = {
    "429": (GONE, GONE),
    "500": ("spoken", BAD),
    "garbage": ("spoken", BAD),
    "html": ("spoken", BAD),
    "no-http": ("spoken", BAD),
    "truncated": ("spoken", BAD),
    "short-file": ("spoken", BAD),
    "stall-first": (SLOW, SLOW),
    "stall-late": (SLOW, SLOW),
    "trickle": (SLOW, SLOW),
    # those that look like success
    "silence": ("spoken", BAD),
    "zeros": ("spoken", BAD),
    "rate": ("spoken", BAD),
    "empty": ("spoken", BAD),
    "empty-whole": ("spoken", BAD),
    "abort": ("spoken", BAD),
    "abort-late": ("spoken", BAD),
}


def limits(fault: str) -> dict[str, float]:
    """Short ones where the fault is waited out."""
    return WAITED_OUT if fault in ("stall-first", "stall-late", "trickle") else {}


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No socket, thread or process more than before."""
    me = psutil.Process()
    before = len(me.net_connections()), threading.active_count()
    yield
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if (len(me.net_connections()), threading.active_count()) <= before and not me.children():
            break
        time.sleep(0.02)
    assert me.children() == []
    assert threading.active_count() <= before[1], threading.enumerate()
    assert len(me.net_connections()) <= before[0]


def outcome(made: object) -> str:
    try:
        pieces = say(made)  # type: ignore[arg-type]
    except HuashengError as e:
        assert e.params["why"]
        return e.slug
    assert sum(p.samples.size for p in pieces) > 0.3 * 32000
    return "spoken"


@pytest.mark.parametrize("fault", MATRIX)
def test_once(fault: str, tmp_path: Path) -> None:
    with FakeSovits() as fake:
        made = engine(tmp_path, fake.url, **limits(fault))
        made.load()
        fake.faults.append(fault)
        assert outcome(made) == MATRIX[fault][0]
        # whatever it was, it is over: the process is taken again when it answers
        wait_until(lambda: not problem(made))
        assert outcome(made) == "spoken"
        made.close()


@pytest.mark.parametrize("fault", MATRIX)
def test_always(fault: str, tmp_path: Path) -> None:
    with FakeSovits() as fake:
        made = engine(tmp_path, fake.url, **limits(fault))
        made.load()
        before = len(fake.requests)
        fake.always = fault
        assert outcome(made) == MATRIX[fault][1]
        assert len(fake.requests) - before <= 2
        made.close()


@pytest.mark.parametrize("fault", ["429", "500", "stall-first", "truncated", "silence"])
def test_another_process_takes_over(fault: str, tmp_path: Path) -> None:
    with FakeSovits() as one, FakeSovits() as two:
        made = engine(tmp_path, f"{one.url},{two.url}", **limits(fault))
        made.load()
        wait_until(lambda: not any(p.problem for p in made._pool.processes))
        one.always = fault
        assert [outcome(made) for _ in range(3)] == ["spoken"] * 3
        assert two.requests
        made.close()


def test_nobody_at_home_and_then_somebody(tmp_path: Path) -> None:
    port = free_port()
    made = engine(tmp_path, f"http://127.0.0.1:{port}")
    made.load()
    assert outcome(made) == GONE and "nobody answers" in problem(made)
    with FakeSovits(port=port):
        wait_until(lambda: not problem(made))
        assert outcome(made) == "spoken"
        made.close()
    assert problem(made)


def test_somebody_else_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Handler, "control", lambda self, _command: self.json(200, {"hello": 1}))
    with FakeSovits() as fake:
        made = engine(tmp_path, fake.url)
        made.load()
        assert "not GPT-SoVITS" in problem(made)
        assert outcome(made) == GONE
        made.close()


@pytest.mark.parametrize("fault", ["abort-late", "stall-late"])
def test_after_the_first_sound_there_is_no_second_attempt(fault: str, tmp_path: Path) -> None:
    with FakeSovits() as fake:
        made = engine(tmp_path, fake.url, streaming=1, **limits(fault))
        made.load()
        before = len(fake.requests)
        fake.faults.append(fault)
        said = made.synthesize(iter([TextClause(0, "Hello there, my dear friend.")]), SpeechRequest())
        with pytest.raises(HuashengError) as e:
            for piece in said:
                assert piece.samples.size
        assert e.value.slug in (BAD, SLOW)
        assert len(fake.requests) == before + 1
        made.close()


def test_one_request_at_a_time_in_each_process_also_after_a_cancel(tmp_path: Path) -> None:
    with FakeSovits() as fake:
        fake.delay_s = 0.05
        made = engine(tmp_path, fake.url, streaming=1)
        made.load()

        def interrupted() -> None:
            stop = Stop()
            threading.Timer(0.07, stop.set).start()
            say(made, "This is a sentence that is going to be interrupted.", stop=stop)

        callers = [threading.Thread(target=interrupted) for _ in range(4)]
        callers += [threading.Thread(target=outcome, args=(made,)) for _ in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(20)
        assert outcome(made) == "spoken"
        assert fake.most_at_work == 1
        made.close()


def test_a_cancel_while_waiting_for_a_process(tmp_path: Path) -> None:
    with FakeSovits() as fake:
        made = engine(tmp_path, fake.url)
        made.load()
        fake.delay_s = 0.5
        first = threading.Thread(target=outcome, args=(made,))
        first.start()
        stop, before = Stop(), len(fake.requests)
        threading.Timer(0.1, stop.set).start()
        assert say(made, stop=stop) == []
        first.join(10)
        assert outcome(made) == "spoken"
        assert len(fake.requests) - before <= 2  # what was cancelled was never asked for
        made.close()


def test_what_the_original_refuses_is_told_and_not_repeated(tmp_path: Path) -> None:
    with FakeSovits("v2ProPlus") as fake:
        made = engine(tmp_path, fake.url)
        made.load()
        before = len(fake.requests)
        (tmp_path / "reference.wav").unlink()  # "tts failed": may pass, so it is tried again
        assert outcome(made) == BAD
        assert len(fake.requests) == before + 2
        made.close()


def test_weights_come_from_the_operators_list_only(tmp_path: Path) -> None:
    models = {
        "anna": {"gpt": "anna.ckpt", "sovits": "anna.pth", "version": "v2Pro"},
        "ben": {"gpt": "missing.ckpt", "sovits": "ben.pth", "version": "v2Pro"},
    }
    clip = tmp_path / "reference.wav"
    with FakeSovits() as fake:
        made = engine(tmp_path, fake.url, models=models)
        made.load()
        assert outcome(made) == "spoken"
        assert fake.weights == [("gpt", "anna.ckpt"), ("sovits", "anna.pth")]
        assert outcome(made) == "spoken" and len(fake.weights) == 2
        for model, reason in (("ben", BAD), ("../evil.ckpt", "bad-request")):
            with pytest.raises(HuashengError) as e:
                say(made, cloned=ClonedVoice("v_1", "en-US", "Hello.", (clip,), model))
            assert e.value.slug == reason
        assert "../evil.ckpt" not in str(fake.weights)
        assert outcome(made) == "spoken" and fake.weights[-2:] == [("gpt", "anna.ckpt"), ("sovits", "anna.pth")]
        made.close()


def test_everything_that_matters_is_passed_on(tmp_path: Path) -> None:
    clips = tuple(tmp_path / f"{n}.wav" for n in "ab")
    for clip in clips:
        clip.write_bytes(b"x")
    with FakeSovits() as fake:
        made = engine(tmp_path, fake.url, temperature=0.8, split="cut5")
        made.load()
        voice = ClonedVoice("v_1", "zh-CN", "你好。", clips)
        say(made, "你好，世界。", cloned=voice, speed=1.5, sampling=Sampling(seed=7, top_k=5, split="cut2"))
        sent = fake.requests[-1]
        expected = {
            "text": "你好，世界。",
            "text_lang": "zh",
            "ref_audio_path": str(clips[0]),
            "aux_ref_audio_paths": [str(clips[1])],
            "prompt_text": "你好。",
            "prompt_lang": "zh",
            "speed_factor": 1.5,
            "seed": 7,
            "top_k": 5,
            "temperature": 0.8,
            "text_split_method": "cut2",
            "media_type": "wav",
            "streaming_mode": 0,
        }
        assert {k: sent[k] for k in expected} == expected
        for text, tongue in (("こんにちは、元気ですか", "ja"), ("안녕하세요", "ko"), ("Hello.", "en")):
            say(made, text, cloned=voice)
            assert fake.requests[-1]["text_lang"] == tongue
        say(made, "你好。", cloned=voice, language="yue-HK")
        assert fake.requests[-1]["text_lang"] == "yue"
        made.close()
