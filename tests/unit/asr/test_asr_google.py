"""The google engine against a local server that speaks Google's protocol."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import SecretStr

from services.asr.engines.google import GoogleEngine
from services.asr.settings import AsrSettings
from services.common.audio import Samples
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from tests.fakes.google_http import serving, words

SPEECH: Samples = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)


def make(url: str, **settings: object) -> GoogleEngine:
    return GoogleEngine(AsrSettings.model_validate({"google_url": url, **settings}), SharedSettings())


def test_sends_flac_language_and_key() -> None:
    with serving(lambda n: (200, words("今天天气不错"))) as server:
        heard = make(server.url, google_key=SecretStr("my-key")).recognise(SPEECH, "zh")
    assert (heard.text, heard.language) == ("今天天气不错", "zh")
    assert server.queries[0]["lang"] == ["zh-CN"] and server.queries[0]["key"] == ["my-key"]
    assert server.types == ["audio/x-flac; rate=16000"]
    assert server.bodies[0][:4] == b"fLaC"


def test_language_defaults_to_the_setting() -> None:
    with serving(lambda n: (200, words("hello"))) as server:
        assert make(server.url, google_language="en").recognise(SPEECH, None).language == "en"
    assert server.queries[0]["lang"] == ["en-US"]


def test_unintelligible_is_empty() -> None:
    with serving(lambda n: (200, b'{"result":[]}\n')) as server:
        assert make(server.url).recognise(SPEECH, "en").text == ""


@pytest.mark.parametrize(
    ("code", "body", "slug"),
    [(403, b"no", "asr-unreachable"), (500, b"", "asr-unreachable"), (200, b"<html>", "engine-failed")],
)
def test_failures(code: int, body: bytes, slug: str) -> None:
    with serving(lambda n: (code, body)) as server, pytest.raises(HuashengError, match=slug):
        make(server.url).recognise(SPEECH, "en")


def test_nobody_listens() -> None:
    with serving(lambda n: (200, b"")) as server:
        url = server.url
    with pytest.raises(HuashengError, match="asr-unreachable"):
        make(url).recognise(SPEECH, "en")


def test_a_silent_server_ends_at_the_deadline() -> None:
    import threading

    release = threading.Event()

    def wait(n: int) -> tuple[int, bytes]:
        release.wait(10)
        return 200, b""

    with serving(wait) as server:
        with pytest.raises(HuashengError, match="asr-unreachable"):
            make(server.url, google_timeout_s=0.3).recognise(SPEECH, "en")
        release.set()
