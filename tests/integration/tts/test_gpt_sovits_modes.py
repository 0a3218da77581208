"""Every mode, container and version of GPT-SoVITS through the engine; first words, renewal by memory, taking out."""

import logging
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest

from services.common.errors import HuashengError
from services.tts.engines.base import ClonedVoice
from services.tts.engines.gpt_sovits.engine import GptSovitsEngine
from tests.fakes.gpt_sovits_checkout import checkout, engine, problem, say
from tests.fakes.gpt_sovits_server import PER_CHARACTER_S, FakeSovits
from tests.fakes.ports import free_port
from tests.fakes.waiting import wait_until

TEXT = "Hello there, my dear friend."
LONG_S = len(TEXT) * PER_CHARACTER_S
RATE = 32000


def spoken_s(made: GptSovitsEngine, text: str = TEXT) -> float:
    """Length of what is loud; the fake's tone has the same level throughout."""
    x = np.concatenate([p.samples for p in say(made, text)])
    return float((np.abs(x) > 1e-3).sum()) / RATE


@pytest.mark.parametrize("media", ["wav", "raw", "ogg", "aac"])
@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_every_mode_and_container(mode: int, media: str, tmp_path: Path) -> None:
    with FakeSovits() as fake:
        settings = {"streaming": mode, "media_type": media, "version": "v2Pro"}
        made = engine(tmp_path, fake.url, **settings)
        made.load()
        assert spoken_s(made) == pytest.approx(LONG_S, rel=0.05)
        assert (fake.requests[-1]["streaming_mode"], fake.requests[-1]["media_type"]) == (mode, media)
        made.close()


@pytest.mark.parametrize("fault", ["silence", "zeros", "rate", "empty", "abort"])
@pytest.mark.parametrize("mode", [1, 3])
def test_failures_that_look_like_success_while_streaming(mode: int, fault: str, tmp_path: Path) -> None:
    with FakeSovits() as fake:
        made = engine(tmp_path, fake.url, streaming=mode)
        made.load()
        fake.faults.append(fault)
        assert spoken_s(made) == pytest.approx(LONG_S, rel=0.05)
        fake.always = fault
        with pytest.raises(HuashengError) as e:
            say(made)
        assert e.value.slug == "tts-bad-audio" and e.value.params["why"]
        made.close()


@pytest.mark.parametrize("is_told", [True, False])
@pytest.mark.parametrize("version", ["v1", "v2", "v3", "v4", "v2Pro", "v2ProPlus"])
def test_every_version_is_heard_at_one_rate(version: str, is_told: bool, tmp_path: Path) -> None:
    with FakeSovits(version) as fake:
        settings = {"version": version if is_told else "", "reference_text": "你好。"}
        made = engine(tmp_path, fake.url, **settings)
        made.load()
        assert spoken_s(made) == pytest.approx(LONG_S, rel=0.05)
        if is_told:
            mute = ClonedVoice("v_1", "zh-CN", "", (tmp_path / "reference.wav",))
            refused = {"v1": ("안녕하세요", None), "v3": (TEXT, mute), "v4": (TEXT, mute)}.get(version)
            if refused:
                before = len(fake.requests)
                with pytest.raises(HuashengError) as e:
                    say(made, refused[0], cloned=refused[1])
                assert e.value.slug == ("bad-request" if version == "v1" else "voice-no-transcript")
                assert len(fake.requests) == before
        made.close()


def test_the_wrong_version_is_told_by_its_rate(tmp_path: Path) -> None:
    with FakeSovits("v4") as fake:
        made = engine(tmp_path, fake.url, version="v2Pro")
        made.load()
        with pytest.raises(HuashengError, match="48000 Hz came, where the model makes 32000 Hz"):
            say(made)
        made.close()


def test_first_words_are_spoken_before_anybody_asks_and_with_the_right_weights(tmp_path: Path) -> None:
    with FakeSovits() as fake:
        made = engine(tmp_path, fake.url)
        made.load()
        assert [r["text"] for r in fake.requests] == ["你好，很高兴认识你"]
        made.close()
    models = {"anna": {"gpt": "anna.ckpt", "sovits": "anna.pth", "version": "v2Pro"}}
    with FakeSovits() as fake:
        made = engine(tmp_path, fake.url, models=models)
        made.load()
        assert fake.weights == [("gpt", "anna.ckpt"), ("sovits", "anna.pth")] and len(fake.requests) == 1
        made.close()


def test_three_useless_answers_in_a_row_take_a_process_out(tmp_path: Path) -> None:
    with FakeSovits() as one, FakeSovits() as two:
        made = engine(tmp_path, f"{one.url},{two.url}", backoff_s=30)
        made.load()
        first, second = made._pool.processes
        wait_until(lambda: first.is_free and second.is_free)
        one.always = "garbage"
        while first.may_recover:
            first.last_voice, second.last_voice = str(tmp_path / "reference.wav"), ""  # it would be preferred
            assert spoken_s(made) > 0  # by the other, each time
        assert "3 answers in a row were of no use" in first.problem and not problem(made)
        before = len(one.requests)
        assert [spoken_s(made) > 0 for _ in range(3)] == [True] * 3 and len(one.requests) == before
        two.always = "garbage"
        for _ in range(2):
            with pytest.raises(HuashengError) as e:
                say(made)
        with pytest.raises(HuashengError) as e:
            say(made)
        assert e.value.slug == "tts-unreachable", "nobody waits for a process that is out"
        made.close()


def test_a_process_that_holds_too_much_is_renewed_between_requests(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    before = set(psutil.Process().children(recursive=True))
    made = engine(
        tmp_path,
        f"http://127.0.0.1:{free_port()}",
        checkout=checkout(tmp_path),
        memory_mb=1,
        wait_s=30,
        first_s=10,
        deadline_s=10,
    )
    made.load()
    heard: list[float] = []
    callers = [threading.Thread(target=lambda: heard.append(spoken_s(made))) for _ in range(3)]
    for c in callers:
        c.start()
    for c in callers:
        c.join(60)
    assert len(heard) == 3 and min(heard) > 0.9 * LONG_S
    whys = [r.why for r in caplog.records if r.msg == "GPT-SoVITS is taken out"]  # type: ignore[attr-defined]
    assert len(whys) >= 2 and all(w.startswith("it holds ") and w.endswith(" MB") for w in whys)
    made.close()
    assert not set(psutil.Process().children(recursive=True)) - before


def test_an_idle_process_that_hangs_is_noticed_before_anybody_asks_and_taken_again(tmp_path: Path) -> None:
    with FakeSovits() as fake:
        made = engine(tmp_path, fake.url)
        made.load()
        assert not problem(made)
        with fake.loop:  # connections are taken, nothing is answered
            wait_until(made.problem)
            assert "no answer within" in problem(made)
            with pytest.raises(HuashengError) as e:
                say(made)
            assert e.value.slug == "tts-unreachable"
        wait_until(lambda: not problem(made))
        assert spoken_s(made) == pytest.approx(LONG_S, rel=0.05)
        made.close()
