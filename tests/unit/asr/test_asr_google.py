"""The google engine, through the real SpeechRecognition, against a local server that speaks Google's protocol."""

from __future__ import annotations

import logging
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.asr.engines.base import SAMPLE_RATE_HZ
from services.asr.engines.google.engine import GoogleEngine
from services.asr.engines.google.settings import Settings
from services.asr.settings import AsrSettings
from services.common.audio import Samples
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from tests.fakes.google_http import NOTHING, Call, Script, heard, refuse, serving
from tests.fakes.waiting import PATIENCE_S

SPEECH: Samples = np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE_HZ).astype(np.float32)
KEY = "a-very-secret-key"


def make(url: str, **settings: Any) -> GoogleEngine:
    values = {"url": url, "timeout_s": 5, "key": KEY, **settings}
    engine = GoogleEngine(Settings.model_validate(values), SharedSettings(), AsrSettings())
    engine.load()
    return engine


def slug_of(engine: GoogleEngine, language: str = "en") -> str:
    with pytest.raises(HuashengError) as e:
        engine.recognise(SPEECH, language)
    for told in (e.value.text(part, lang) for part in ("detail", "hint") for lang in ("en", "zh")):
        assert "?" not in told and KEY not in told, told  # "?" stands for a parameter that was not given
    return e.value.slug


def test_sends_flac_language_and_key() -> None:
    with serving(heard("今天天气不错")) as server:
        got = make(server.url).recognise(SPEECH, "zh")
    assert (got.text, got.language) == ("今天天气不错", "zh")
    call = server.calls[0]
    assert call.query == {"client": "chromium", "lang": "zh-CN", "key": KEY, "pFilter": "0"}
    assert call.type == "audio/x-flac; rate=16000"
    assert call.data[:4] == b"fLaC"


@pytest.mark.parametrize(
    ("asked", "tag", "told"),
    [
        (None, "en-US", "en"),
        ("zh", "zh-CN", "zh"),
        ("zh-TW", "zh-TW", "zh"),
        ("en-GB", "en-GB", "en"),
        ("yue", "yue-Hant-HK", "yue"),
        ("ja", "ja", "ja"),
    ],
)
def test_languages(asked: str | None, tag: str, told: str) -> None:
    with serving(heard("words")) as server:
        assert make(server.url, language="en").recognise(SPEECH, asked).language == told
    assert server.calls[0].query["lang"] == tag


@pytest.mark.parametrize("language", ["english please", "x", "zh-", "en&key=other"])
def test_what_is_no_language(language: str) -> None:
    with serving(heard("words")) as server:
        assert slug_of(make(server.url), language) == "bad-request"
        assert not server.calls


def test_a_key_changed_in_its_file_is_used_from_the_next_request_on(tmp_path: Path) -> None:
    file = tmp_path / "key"
    with serving(heard("words")) as server:
        engine = make(server.url, key_file=file)
        assert "ASR_GOOGLE_KEY_FILE" in str(engine.unavailable(engine.settings, engine.shared, engine.service))
        assert slug_of(engine) == "asr-wrong-key"
        for key in ("one", "two"):
            file.write_text(key + "\n")
            engine.recognise(SPEECH, "en")
        assert engine.unavailable(engine.settings, engine.shared, engine.service) is None
    assert [call.query["key"] for call in server.calls] == ["one", "two"]


@pytest.mark.parametrize(
    "body",
    [NOTHING, b'\n{"result":[]}\n\n', b'{"result":[{"alternative":[]}]}', b'{"result":[{"alternative":[{"x":1}]}]}'],
)
def test_unintelligible_is_empty_and_no_failure(body: bytes) -> None:
    with serving(lambda call: call.answer(body)) as server:
        assert make(server.url).recognise(SPEECH, "en").text == ""
        assert len(server.calls) == 1


def google_error(code: int, message: str) -> Script:
    return refuse(code, {"error": {"code": code, "message": message}})


@pytest.mark.parametrize(
    ("script", "slug", "tries"),
    [
        (google_error(400, "API key not valid. Please pass a valid API key."), "asr-wrong-key", 1),
        (google_error(401, "no"), "asr-wrong-key", 1),
        (refuse(403, b"<html>Forbidden</html>"), "asr-wrong-key", 1),
        (google_error(403, "Daily Limit Exceeded"), "asr-quota", 1),
        (google_error(429, "Quota exceeded"), "asr-quota", 1),
        (google_error(400, "Request contains an invalid argument."), "engine-failed", 1),
        (refuse(404, b""), "engine-failed", 1),
        (refuse(413, b""), "engine-failed", 1),
        (refuse(500, b""), "asr-unreachable", 2),
        (refuse(502, b"<html>Bad Gateway</html>"), "asr-unreachable", 2),
        (refuse(200, b"<html>log in</html>"), "engine-failed", 1),
        (refuse(200, {"hello": 1}), "engine-failed", 1),
        (refuse(200, [1]), "engine-failed", 1),
        (refuse(200, b"\xff\xfe"), "engine-failed", 1),
        (refuse(200, b""), "asr-unreachable", 2),
        (refuse(200, b"\n"), "asr-unreachable", 2),
    ],
)
def test_failures_are_told_apart_and_from_silence(script: Script, slug: str, tries: int) -> None:
    with serving(script) as server:
        assert slug_of(make(server.url)) == slug
        assert len(server.calls) == tries


def test_what_a_refusal_says_is_waited_for() -> None:
    def slowly(call: Call) -> None:
        call.handler.send_response(403)
        call.handler.send_header("Content-Length", "20")
        call.handler.end_headers()
        time.sleep(0.2)
        call.raw(b"Daily Limit Exceeded")

    with serving(slowly) as server:
        assert slug_of(make(server.url)) == "asr-quota"


def cut_short(call: Call) -> None:
    """What came is a whole line that says that nothing was understood; the words are in what did not come."""
    call.begin()
    call.write(NOTHING)
    call.cut()


def cut_short_of_its_length(call: Call) -> None:
    call.handler.send_response(200)
    call.handler.send_header("Content-Length", "400")
    call.handler.end_headers()
    call.raw(NOTHING)
    call.cut()


@pytest.mark.parametrize("script", [cut_short, cut_short_of_its_length, Call.reset, Call.cut, refuse(503, b"")])
def test_what_passes_is_tried_again(script: Script) -> None:
    with serving(script, heard("all of it")) as server:
        assert make(server.url).recognise(SPEECH, "en").text == "all of it"
    with serving(script) as server:
        assert slug_of(make(server.url, attempts=1)) == "asr-unreachable"


def test_cancelling_hangs_up_at_once() -> None:
    with serving(Call.stall) as server:
        engine, cancelled, got = make(server.url, timeout_s=60), threading.Event(), list[object]()
        clip = np.concatenate([SPEECH] * 3)
        engine.vad = Whole()  # type: ignore[assignment]
        work = threading.Thread(target=lambda: got.extend(engine.segments(clip, "en", cancelled)))
        work.start()
        assert server.arrived.wait(PATIENCE_S)
        cancelled.set()
        work.join(PATIENCE_S)
        assert not work.is_alive() and got == []
        assert server.calls[0].hung_up.wait(PATIENCE_S)
        assert len(server.calls) == 1


class Whole:
    """Takes each second for a window of speech."""

    def windows(self, samples: Samples, _longest_s: float) -> list[tuple[int, int]]:
        return [(i, i + SAMPLE_RATE_HZ) for i in range(0, samples.size, SAMPLE_RATE_HZ)]


def test_windows_are_sent_and_joined_in_their_order() -> None:
    said = ["今天天气不错", "我们去", "", "Central Park", "吧"]
    with serving(*(heard(s) if s else refuse(200, NOTHING) for s in said)) as server:
        engine = make(server.url)
        engine.vad = Whole()  # type: ignore[assignment]
        got = engine.transcribe(np.concatenate([SPEECH] * 5), "zh-CN")
    assert got.text == "今天天气不错我们去 Central Park 吧"
    assert [s.start_s for s in got.segments] == [0, 1, 3, 4] and got.language == "zh"
    assert len(server.calls) == 5


def test_keys_and_words_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(refuse(500, b""), heard("secret words")) as server:
        make(server.url).recognise(SPEECH, "en")
    shown = caplog.text + str([vars(r) for r in caplog.records])
    assert "trying again" in shown and KEY not in shown and "secret words" not in shown


def test_other_requests_of_the_process_are_as_before() -> None:
    with serving(refuse(200, b""), lambda call: call.status(200, b"x" * (2 << 20))) as server:
        make(server.url)
        for size in (0, 2 << 20):
            request = urllib.request.Request(server.url, data=b"x")
            with urllib.request.urlopen(request, timeout=5) as response:
                assert len(response.read()) == size


def test_an_answer_without_end_does_not_fill_the_memory() -> None:
    with serving(lambda call: call.trickle(b" " * 65536, 0.0, 1000)) as server:
        began = time.monotonic()
        assert slug_of(make(server.url)) in ("asr-unreachable", "engine-failed")
        assert time.monotonic() - began < 5
