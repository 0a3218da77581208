"""The zhipu and openai engines against a local server that speaks, and breaks, the real wire format."""

from __future__ import annotations

import threading
import time

import pytest

from services.common.errors import HuashengError
from services.llm.engines.base import Conversation, Finished, LlmEngine, Reason
from tests.fakes import llm_http
from tests.fakes.llm_asking import KEY, QUESTION, ask, make, slug_of
from tests.fakes.llm_http import DONE, USAGE, Call, Server, chunk, good, refuse, serving
from tests.fakes.waiting import PATIENCE_S

both = pytest.mark.parametrize("name", ["zhipu", "openai"])


@both
def test_streams_text_usage_and_sends_what_was_asked(name: str) -> None:
    with serving(good) as server:
        text, finished = ask(make(name, server.url))
    assert text == "你好，world."
    assert finished == Finished(Reason.STOP, 11, 5)
    call = server.calls[0]
    assert call.path == "/v1/chat/completions"
    assert call.key == f"Bearer {KEY}"
    assert call.body["messages"] == [{"role": m.role, "content": m.content} for m in QUESTION]
    assert call.body["stream"] is True and call.body["max_tokens"] == 100 and call.body["temperature"] == 0.5
    assert call.body["model"] == {"zhipu": "glm-4-plus", "openai": "served-model"}[name]


@both
@pytest.mark.parametrize(
    ("code", "body", "slug", "tries"),
    [
        (401, {"error": {"code": "1002", "message": "Authorization Token非法"}}, "llm-wrong-key", 1),
        (401, {"error": "Unauthorized"}, "llm-wrong-key", 1),  # vLLM
        (403, {"error": {"message": "forbidden"}}, "llm-wrong-key", 1),
        (403, {"error": {"code": "unsupported_country_region_territory"}}, "llm-no-access", 1),
        (429, {"error": {"code": "1112", "message": "您的账户已被锁定"}}, "llm-no-access", 1),
        (400, {"error": {"code": "1220", "message": "您无权访问"}}, "llm-no-access", 1),
        (429, {"error": {"code": "1302", "message": "rate"}}, "llm-rate", 3),
        (429, {"error": {"code": 1303, "message": "rate"}}, "llm-rate", 3),
        (429, {"error": {"code": "rate_limit_exceeded"}}, "llm-rate", 3),
        (429, {"error": {"code": "1305", "message": "该模型当前访问量过大"}}, "llm-busy", 3),
        (429, {"error": {"code": "insufficient_quota", "message": "no money"}}, "llm-quota", 1),
        (429, {"error": {"code": "1113", "message": "您的账户已欠费"}}, "llm-quota", 1),
        (429, {"error": {"code": "1304", "message": "该API已达今日调用次数限额"}}, "llm-quota", 1),
        (402, {"error": {"message": "Insufficient Balance"}}, "llm-quota", 1),  # DeepSeek
        (400, {"error": {"code": "1301", "message": "敏感内容", "contentFilter": []}}, "llm-filtered", 1),
        (400, {"error": {"code": "content_filter", "message": "policy"}}, "llm-filtered", 1),
        (400, {"error": {"code": "context_length_exceeded", "message": "too long"}}, "llm-too-long", 1),
        (400, {"error": {"message": "This model's maximum context length is 4096 tokens"}}, "llm-too-long", 1),
        (400, {"error": {"code": "1261", "message": "Prompt 超长"}}, "llm-too-long", 1),
        # Ollama, vLLM before and after 0.10, OpenAI, DeepSeek, Zhipu
        (
            404,
            {"error": {"message": 'model "m" not found, try pulling it first', "type": "not_found_error"}},
            "llm-unknown-model",
            1,
        ),
        (
            404,
            {"object": "error", "message": "The model `m` does not exist.", "type": "NotFoundError", "code": 404},
            "llm-unknown-model",
            1,
        ),
        (
            404,
            {"error": {"message": "The model `m` does not exist.", "type": "NotFoundError", "code": 404}},
            "llm-unknown-model",
            1,
        ),
        (404, {"error": {"code": "model_not_found"}}, "llm-unknown-model", 1),
        (400, {"error": {"message": "Model Not Exist", "type": "invalid_request_error"}}, "llm-unknown-model", 1),
        (400, {"error": {"code": "1211", "message": "模型不存在"}}, "llm-unknown-model", 1),
        (404, {"detail": "Not Found"}, "engine-failed", 1),
        (405, {"detail": "Method Not Allowed"}, "engine-failed", 1),
        (301, b"", "engine-failed", 1),
        (400, b"not json at all", "engine-failed", 1),
        (400, {"error": {"code": "1214", "message": "messages 参数非法"}}, "engine-failed", 1),
        (500, {"error": {"message": "boom"}}, "engine-failed", 3),
        (500, {"error": {"code": "1234", "message": "网络错误"}}, "engine-failed", 3),
        (503, b"<html>busy</html>", "llm-busy", 3),
        (529, {"error": {"type": "overloaded_error"}}, "llm-busy", 3),
    ],
)
def test_refusals_are_told_apart(name: str, code: int, body: object, slug: str, tries: int) -> None:
    with serving(refuse(code, body)) as server:
        assert slug_of(make(name, server.url)) == slug
        assert len(server.calls) == tries


@both
def test_429_then_success_waits_as_told(name: str) -> None:
    with serving(refuse(429, {"error": {"code": "1302"}}, {"Retry-After": "0.3"}), good) as server:
        text, _ = ask(make(name, server.url))
        assert text == "你好，world."
        assert server.calls[1].at - server.calls[0].at >= 0.3


@both
def test_retry_after_beyond_the_deadline_is_not_waited_for(name: str) -> None:
    with serving(refuse(429, {"error": {}}, {"Retry-After": "3600"}), good) as server:
        assert slug_of(make(name, server.url)) == "llm-rate"
        assert len(server.calls) == 1


@both
def test_nobody_listens(name: str) -> None:
    with serving(good) as server:
        url = server.url
    assert slug_of(make(name, url)) == "llm-unreachable"


@both
def test_stall_before_the_first_byte_ends_at_the_first_token_deadline(name: str) -> None:
    with serving(Call.stall) as server:
        assert slug_of(make(name, server.url, first_token_s=0.3)) == "llm-slow"
        assert server.calls[0].hung_up.wait(PATIENCE_S)


@both
def test_disconnect_in_the_middle_is_not_retried(name: str) -> None:
    def cut(call: Call) -> None:
        call.events([chunk("Hel"), chunk("lo")], end=False)

    with serving(cut, good) as server:
        engine = make(name, server.url)
        got: list[object] = []
        with pytest.raises(HuashengError) as e:
            got.extend(engine.chat(Conversation(QUESTION, engine.model, "", 9, 0.5), threading.Event()))
        assert e.value.slug == "llm-broken-stream"
        assert len(server.calls) == 1


@both
def test_disconnect_before_any_text_is_retried(name: str) -> None:
    def cut(call: Call) -> None:
        call.events([chunk("", role="assistant")], end=False)

    with serving(cut, good) as server:
        assert ask(make(name, server.url))[0] == "你好，world."


@both
def test_end_without_a_finish_reason_is_a_broken_stream(name: str) -> None:
    with serving(lambda call: call.events([chunk("half an ans")])) as server:
        assert slug_of(make(name, server.url)) == "llm-broken-stream"


@both
@pytest.mark.parametrize("bad", [b"data: {broken\n\n", b'data: ["a list"]\n\n'])
def test_malformed_chunk(name: str, bad: bytes) -> None:
    with serving(lambda call: call.events([chunk("Hi"), bad, DONE])) as server:
        assert slug_of(make(name, server.url)) == "llm-broken-stream"


@both
def test_slow_trickle_ends_at_the_whole_deadline(name: str) -> None:
    with serving(lambda call: call.events([chunk("a ")] * 2400, pause_s=0.05)) as server:
        deadline_s, slug = 0.3, "llm-slow"
        while slug == "llm-slow" and deadline_s < PATIENCE_S:  # too busy for a first piece in that time
            deadline_s *= 2
            slug = slug_of(make(name, server.url, deadline_s=deadline_s))
        assert slug == "llm-broken-stream"
        assert server.calls[-1].hung_up.wait(PATIENCE_S)


@both
def test_filter_before_any_text_is_an_error_and_after_text_a_reason(name: str) -> None:
    word = {"zhipu": "sensitive", "openai": "content_filter"}[name]
    with serving(
        lambda call: call.events([chunk(finish=word), DONE]),
        lambda call: call.events([chunk("Well"), chunk(finish=word, usage=USAGE), DONE]),
    ) as server:
        engine = make(name, server.url)
        assert slug_of(engine) == "llm-filtered"
        assert ask(engine) == ("Well", Finished(Reason.FILTERED, 11, 5))


@both
def test_error_inside_the_stream(name: str) -> None:
    error = b'data: {"error": {"code": "1301", "message": "filtered"}}\n\n'
    with serving(lambda call: call.events([chunk("Hm"), error])) as server:
        assert slug_of(make(name, server.url)) == "llm-filtered"


@both
def test_token_limit_is_a_reason(name: str) -> None:
    with serving(lambda call: call.events([chunk("long"), chunk(finish="length"), DONE])) as server:
        assert ask(make(name, server.url)) == ("long", Finished(Reason.LENGTH))


def test_no_key_is_told_from_a_wrong_key() -> None:
    with serving(refuse(401, {"error": {"message": "key required"}})) as server:
        assert slug_of(make("openai", server.url, openai_api_key=None)) == "llm-no-key"
        assert server.calls[0].key == ""


@both
def test_cancelling_hangs_up_at_once_while_waiting_and_in_the_middle(name: str) -> None:
    def some_then_stall(call: Call) -> None:
        call.handler.send_response(200)
        call.handler.send_header("Transfer-Encoding", "chunked")
        call.handler.end_headers()
        call.write(chunk("Hel"))
        call.stall()

    scripts: list[llm_http.Script] = [Call.stall, some_then_stall]
    for script in scripts:
        with serving(script) as server:
            _cancel_during(make(name, server.url), server)


def _cancel_during(engine: LlmEngine, server: Server) -> None:
    cancelled, ended = threading.Event(), threading.Event()

    def run() -> None:
        ask(engine, cancelled)
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    assert server.arrived.wait(PATIENCE_S)
    time.sleep(0.2)  # into the read
    assert not ended.is_set()
    cancelled.set()
    assert ended.wait(PATIENCE_S)
    assert server.calls[0].hung_up.wait(PATIENCE_S)
