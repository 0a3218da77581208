"""When the Python client tries again, when it gives up, and where it sends its token."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from huasheng import (
    AnswerError,
    AsyncHuasheng,
    BusyError,
    ConnectionFailedError,
    DeadlineError,
    Huasheng,
    RefusedError,
    ServerError,
    TTSService,
)
from huasheng._protocol import Settings, retry_after
from huasheng.events import EngineFallback, Polling, Reconnecting, Snapshot, parse_event

VOICES = {"items": [], "cloning_problem": None}
JOB = {
    "id": "j_1",
    "kind": "video",
    "state": "running",
    "stage": "tts",
    "progress": 0.5,
    "eta_s": None,
    "queue_position": None,
    "params": {},
    "partial": {},
    "result": None,
    "error": None,
    "created_at": "2026-11-22T19:47:23Z",
    "started_at": None,
    "finished_at": None,
    "events_url": "/e",
    "video_url": None,
}


def problem(status: int, reason: str, retryable: bool, **headers: str) -> httpx.Response:
    body = {
        "type": f"urn:huasheng:problem:{reason}",
        "title": "T",
        "status": status,
        "detail": "D",
        "hint": "H",
        "reason": reason,
        "params": {},
        "retryable": retryable,
        "request_id": "r",
    }
    return httpx.Response(status, json=body, headers={"content-type": "application/problem+json", **headers})


class Script:
    """Answers in turn; the last one stays."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers, self.seen = list(answers), []  # type: list[Any], list[httpx.Request]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    for module in ("transport", "jobs", "download"):
        monkeypatch.setattr(f"huasheng._sync.{module}.sleep", taken.append)
    return taken


def client(script: Callable[[httpx.Request], httpx.Response], **more: Any) -> Huasheng:
    return Huasheng("http://gateway:5001", http=httpx.Client(transport=httpx.MockTransport(script)), **more)


LOST = httpx.ConnectError("refused")
GOOD = httpx.Response(200, json=VOICES)
PASSING = [
    LOST,
    httpx.ReadTimeout("slow"),
    problem(503, "service-down", True, **{"retry-after": "2"}),
    problem(429, "queue-full", True, **{"retry-after": "2"}),
    problem(409, "idempotency-pending", True, **{"retry-after": "2"}),
    httpx.Response(502, text="<h1>Bad Gateway</h1>"),
]


@pytest.mark.parametrize("failure", PASSING, ids=str)
def test_what_passes_is_tried_again(failure: Any, pauses: list[float]) -> None:
    script = Script(failure, failure, GOOD)
    assert client(script).voices.list() == []
    assert len(script.seen) == 3
    if isinstance(failure, httpx.Response) and "retry-after" in failure.headers:
        assert pauses == [2, 2]
    else:
        assert 0 < pauses[0] < pauses[1] < 1


FINAL = [
    (problem(503, "engine-unavailable", False), BusyError),
    (problem(504, "service-slow", True), ServerError),
    (problem(507, "disk-full", True), ServerError),
    (problem(409, "in-use", True), RefusedError),
    (httpx.Response(200, text="<p>Sign in</p>"), AnswerError),
    (httpx.Response(200, json={"items": [{"name": 1}]}), AnswerError),
    (httpx.Response(302, headers={"location": "http://elsewhere/"}), RefusedError),
]


@pytest.mark.parametrize(("answer", "error"), FINAL, ids=str)
def test_what_does_not_pass_is_told_at_once(answer: Any, error: type[Exception], pauses: list[float]) -> None:
    script = Script(answer)
    with pytest.raises(error):
        client(script).voices.list()
    assert len(script.seen) == 1
    assert pauses == []


def test_it_gives_up_in_the_end_and_within_the_deadline(pauses: list[float]) -> None:
    with pytest.raises(ConnectionFailedError, match="refused"):
        client(Script(LOST)).system.get()
    assert len(pauses) == 4
    pauses.clear()
    with pytest.raises(BusyError) as busy:
        client(Script(problem(503, "service-down", True, **{"retry-after": "700"}))).speech.create("t")
    assert busy.value.retry_after_s == 700
    assert pauses == [], "longer than there is time: told at once"


def test_the_same_key_on_every_try(pauses: list[float]) -> None:
    script = Script(LOST, httpx.Response(202, json=JOB))
    assert client(script).videos.create(text="t").id == "j_1"
    keys = {r.headers["idempotency-key"] for r in script.seen}
    assert len(keys) == 1
    assert len(keys.pop()) == 32


def test_an_answer_that_trickles_meets_the_deadline() -> None:
    def drops() -> Iterator[bytes]:
        while True:
            time.sleep(0.01)
            yield b" "

    with pytest.raises(DeadlineError, match=r"0\.05 s"):
        client(Script(httpx.Response(200, content=drops()))).speech.create("t", timeout=0.05)


def test_retry_after() -> None:
    assert retry_after("3") == 3
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("soon") is None


def test_arguments_environment_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Huasheng().url == "http://127.0.0.1:5001"
    monkeypatch.setenv("HUASHENG_URL", "https://hua.example/base/")
    monkeypatch.setenv("HUASHENG_TOKEN", "secret")
    settings = Settings.choose(None, None, "zh")
    assert settings.url == "https://hua.example/base"
    assert settings.headers()["Authorization"] == "Bearer secret"
    assert settings.headers()["Accept-Language"] == "zh"
    assert Huasheng("http://other").url == "http://other"
    for wrong in ("localhost:5001", "ftp://x", "http://"):
        with pytest.raises(ValueError, match="5001"):
            AsyncHuasheng(wrong)


def test_a_file_in_a_bucket_is_fetched_from_there_without_the_token(tmp_path: Any) -> None:
    there = httpx.Response(307, headers={"location": "https://bucket.example/x.mp4?X-Amz-Signature=1"})
    script = Script(there, httpx.Response(200, content=b"video"))
    path = client(script, token="secret").download("/api/v1/media/x.mp4?sig=1", tmp_path / "x.mp4")
    assert path.read_bytes() == b"video"
    own, foreign = script.seen
    assert own.headers["authorization"] == "Bearer secret"
    assert foreign.url.host == "bucket.example"
    assert "authorization" not in foreign.headers
    assert "secret" not in str(foreign.headers)


def test_the_token_goes_to_the_gateway_only(tmp_path: Any) -> None:
    script = Script(httpx.Response(200, content=b"x"))
    hs = client(script, token="secret")
    hs.download("http://gateway:5001/api/v1/media/x", tmp_path / "x")
    assert script.seen[0].headers["authorization"] == "Bearer secret"
    for elsewhere in ("http://evil.example/x", "https://gateway:5001/x", "http://gateway:80/x"):
        with pytest.raises(ValueError, match="is not the gateway"):
            hs.download(elsewhere, tmp_path / "y")
    assert len(script.seen) == 1
    hs.download("//evil.example/x", tmp_path / "x")
    assert script.seen[1].url.host == "gateway", "a path, whatever it looks like"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_stream_that_stays_silent_is_replaced_by_asking(pauses: list[float]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            raise httpx.ReadTimeout("silent")
        return httpx.Response(200, json=JOB)

    events = client(answer).jobs.watch("j_1")
    polling = next(events)
    assert isinstance(polling, Polling)
    assert "silent" in polling.why
    assert isinstance(next(events), Snapshot)
    events.close()


def test_a_gateway_that_stays_away_is_given_up(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huasheng._sync.jobs.OUTAGE_S", 0.2)
    told = []
    with pytest.raises(ConnectionFailedError, match="refused"):
        for event in client(Script(LOST)).jobs.watch("j_1"):
            told.append(event)
            time.sleep(0.05)
    assert told
    assert {type(e) for e in told} == {Reconnecting}


def test_old_speech_service_needs_its_own_client_closed_only() -> None:
    http = httpx.Client(transport=httpx.MockTransport(Script(GOOD)))
    with TTSService(client=Huasheng(http=http)):
        pass
    assert not http.is_closed


def test_a_download_waits_for_a_proxy_but_not_for_a_refusal(pauses: list[float], tmp_path: Any) -> None:
    away = httpx.Response(502, text="Bad Gateway")
    out = client(Script(away, LOST, httpx.Response(200, content=b"x"))).download("/api/v1/media/x", tmp_path / "x")
    assert out.read_bytes() == b"x"
    assert len(pauses) == 2
    with pytest.raises(ServerError):
        client(Script(problem(502, "engine-failed", True))).download("/x", tmp_path / "y")
    with pytest.raises(ServerError):
        client(Script(away)).download("/x", tmp_path / "y")
    assert len(pauses) == 2 + 4


def test_another_voice_than_the_one_wanted_is_told(tmp_path: Any) -> None:
    passed = {
        "service": "tts",
        "wanted": "gpt_sovits",
        "used": "kokoro",
        "reason": "tts-unreachable",
        "wanted_voice": "v_1",
        "used_voice": "zf_xiaoxiao",
    }
    fmt = b"fmt \x10\0\0\0\x01\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0"
    wav = b"RIFF\xff\xff\xff\xffWAVE" + fmt + b"data\xff\xff\xff\xff\1\0"
    script = Script(httpx.Response(200, content=wav, headers={"X-Fallbacks": json.dumps([passed])}))
    hs = client(script)
    assert [f.used_voice for f in hs.speech.create("t").fallbacks] == ["zf_xiaoxiao"]
    assert [f.used for c in hs.speech.stream("t") for f in c.fallbacks] == ["kokoro"]
    event = parse_event("fallback", {"id": "j_1", "kind": "video", **passed})
    assert isinstance(event, EngineFallback)
    assert event.reason == "tts-unreachable"


def test_a_video_whose_job_is_queued_is_waited_for(pauses: list[float], tmp_path: Any) -> None:
    silence = [httpx.ReadTimeout("silent")] * 9
    hs = client(Script(*silence, httpx.Response(200, content=b"mp4")))
    assert hs.jobs.download_video("j_1", tmp_path / "v.mp4").read_bytes() == b"mp4"
    hs = client(Script(*silence, httpx.Response(200, content=b"mp4")))
    assert b"".join(hs.jobs.stream_video("j_1")) == b"mp4"
    with pytest.raises(ConnectionFailedError):
        client(Script(*silence)).download("/api/v1/media/v.mp4", tmp_path / "other.mp4")
