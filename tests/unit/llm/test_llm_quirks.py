"""What OpenAI-compatible servers do otherwise than OpenAI, on the wire, and Zhipu through its SDK."""

from __future__ import annotations

import json
import time

import pytest

from services.llm.engines.base import Finished, Reason
from services.llm.remote.spoken import Spoken
from tests.fakes.llm_asking import ask, make, slug_of
from tests.fakes.llm_http import DONE, GOOD, USAGE, Call, Script, chunk, good, refuse, serving
from tests.fakes.waiting import PATIENCE_S

both = pytest.mark.parametrize("name", ["zhipu", "openai"])


def sent(*parts: bytes, pause_s: float = 0.0) -> Script:
    return lambda call: call.events(list(parts), pause_s)


def whole(body: object) -> Script:
    return refuse(200, body, {"Content-Type": "application/json"})


@both
def test_an_empty_answer_and_one_of_thoughts_only(name: str) -> None:
    thought = chunk(reasoning_content="hm"), chunk(finish="length", usage=USAGE), DONE
    cases: list[tuple[tuple[bytes, ...], str]] = [
        ((chunk(finish="stop"), DONE), "llm-empty"),
        (thought, "llm-only-thought"),
        ((chunk("<think>so, the"), chunk(finish="length"), DONE), "llm-only-thought"),
    ]
    for parts, slug in cases:
        with serving(sent(*parts)) as server:
            assert slug_of(make(name, server.url)) == slug


@both
def test_reasoning_is_not_spoken(name: str) -> None:
    parts = [
        chunk(reasoning_content="let me think"),
        chunk(reasoning="in another field"),
        chunk("<thi"),
        chunk("nk>hidden"),
        chunk(" more</thi"),
        chunk("nk>\n\n"),
        chunk("Spoken, "),
        chunk("1 <"),
        chunk(" 2. "),
        chunk("<think>again</think> Yes"),
        chunk(" <th"),
        chunk(finish="stop"),
        DONE,
    ]
    with serving(sent(*parts)) as server:
        assert ask(make(name, server.url))[0] == "Spoken, 1 < 2. Yes <th"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_thinking_however_it_is_cut(size: int) -> None:
    text = "<think>a<b</think>\n Hello <think></think>there<think>x</think>, <thinker> 3</ think> <think>open"
    spoken = Spoken()
    out = "".join(spoken.feed(text[i : i + size]) for i in range(0, len(text), size)) + spoken.end()
    assert out == "Hello there, <thinker> 3</ think> "
    assert spoken.thought and not spoken.stray


@both
def test_a_closing_tag_alone_is_dropped_and_told(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with serving(sent(chunk("hm, well"), chunk("</think>"), chunk("Yes."), chunk(finish="stop"), DONE)) as server:
        assert ask(make(name, server.url))[0] == "hm, wellYes."
    assert "thinking" in caplog.text


@both
def test_keep_alive_crlf_no_space_bare_usage_and_no_end_mark(name: str) -> None:
    usage = b'data:{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\r\n\r\n'
    parts = (
        b": keep-alive\n\n",
        b"\n\r\n",
        b"event: message\nid: 7\nretry: 100\n",
        chunk("a < b"),
        b": ping\n\n",
        chunk(finish="stop"),
        usage,
    )
    with serving(sent(*parts)) as server:
        assert ask(make(name, server.url)) == ("a < b", Finished(Reason.STOP, 3, 2))


@both
def test_characters_and_lines_cut_anywhere(name: str) -> None:
    wire = b"".join([chunk("", role="assistant"), chunk("你好，🙂"), chunk("世界。", "stop", USAGE), DONE])
    with serving(sent(*(wire[i : i + 1] for i in range(len(wire))))) as server:
        assert ask(make(name, server.url)) == ("你好，🙂世界。", Finished(Reason.STOP, 11, 5))


@both
def test_counts_along_the_way(name: str) -> None:
    early = {"prompt_tokens": 11, "completion_tokens": 1, "total_tokens": 12}
    with serving(
        sent(chunk("Yes", usage=early), chunk(".", usage=USAGE), chunk(finish="stop"), DONE),
        sent(chunk("Yes.", usage=early), chunk(finish="stop"), chunk(usage=USAGE), DONE),
        sent(chunk("Yes.", usage=early), chunk(finish="stop", usage=USAGE), DONE),
    ) as server:
        for _ in range(3):
            assert ask(make(name, server.url)) == ("Yes.", Finished(Reason.STOP, 11, 5))


@both
def test_separators_of_unicode_are_text(name: str) -> None:
    with serving(sent(chunk("a\u2028b\u0085c"), chunk(finish="stop"), b"data:[DONE]\n\n")) as server:
        assert ask(make(name, server.url))[0] == "a\u2028b\u0085c"


@both
def test_events_without_empty_lines_between(name: str) -> None:
    wire = b"".join(GOOD).replace(b"\n\n", b"\n")
    with serving(sent(wire)) as server:
        assert ask(make(name, server.url))[0] == "你好，world."


@both
def test_the_end_mark_stands_for_a_finish_reason_that_is_missing(name: str) -> None:
    with serving(sent(chunk("All of it."), DONE)) as server:
        assert ask(make(name, server.url)) == ("All of it.", Finished(Reason.STOP))


@both
def test_shapes_of_chunks(name: str) -> None:
    odd = [
        b'data: {"choices": []}\n\n',
        b'data: {"choices": [{"index": 0, "delta": {}}]}\n\n',
        b'data: {"choices": [{"index": 0, "delta": {"role": "assistant", "content": null}, "finish_reason": ""}]}\n\n',
        b'data: {"choices": [{"index": 1, "delta": {"content": "another answer"}}]}\n\n',
    ]
    with serving(sent(*odd, chunk("Yes."), chunk(finish="eos_token"), DONE)) as server:
        assert ask(make(name, server.url)) == ("Yes.", Finished(Reason.STOP))


@both
def test_content_in_parts(name: str) -> None:
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "Yes."}]
    event = {"choices": [{"index": 0, "delta": {"content": parts}, "finish_reason": None}]}
    with serving(sent(b"data: " + json.dumps(event).encode() + b"\n\n", chunk(finish="stop"), DONE)) as server:
        assert ask(make(name, server.url))[0] == "Yes."


@both
@pytest.mark.parametrize(
    "bad",
    [
        b"data: {broken\n\n",
        b'data: ["a list"]\n\n',
        b"data: 7\n\n",
        b'data: {"choices": ["x"]}\n\n',
        b'data: {"choices": [{"index": 0, "delta": {"content": 7}}]}\n\n',
        b'data: {"usage": {"prompt_tokens": "x"}}\n\n',
    ],
)
def test_nonsense_in_the_middle(name: str, bad: bytes) -> None:
    with serving(sent(chunk("Hi"), bad, DONE)) as server:
        assert slug_of(make(name, server.url)) == "llm-broken-stream"


@both
def test_bytes_that_are_no_text_and_a_line_without_end(name: str) -> None:
    for bad in (b"data: \xff\xfe\n\n", b"data: " + b"x" * (3 << 20)):
        with serving(sent(chunk("Hi"), bad, DONE)) as server:
            assert slug_of(make(name, server.url)) == "llm-broken-stream"


@both
@pytest.mark.parametrize(
    ("error", "slug"),
    [
        ({"error": {"code": "1301", "message": "filtered"}}, "llm-filtered"),
        ({"error": {"code": 504, "type": "GatewayTimeout", "message": "TimeoutError"}}, "llm-broken-stream"),  # vLLM
        ({"error": {"code": "1113", "message": "欠费"}}, "llm-quota"),
        ({"error": "out of memory"}, "llm-broken-stream"),
    ],
)
def test_errors_inside_the_stream(name: str, error: object, slug: str) -> None:
    line = b"data: " + json.dumps(error).encode() + b"\n\n"
    with serving(sent(chunk("Hm"), line, DONE)) as server:
        assert slug_of(make(name, server.url)) == slug
        assert len(server.calls) == 1


@both
@pytest.mark.parametrize(
    "line",
    [
        b'data: {"object": "error", "message": "The model `x` does not exist", "code": 404}\n\n',
        b'event: error\ndata: {"message": "The model `x` does not exist", "code": 404}\n\n',
        b'error: {"message": "The model `x` does not exist", "code": 404}\n\n',
    ],
)
def test_errors_of_other_forms(name: str, line: bytes) -> None:
    with serving(sent(line, DONE)) as server:
        assert slug_of(make(name, server.url)) == "llm-unknown-model"


@both
def test_an_error_with_status_200(name: str) -> None:
    busy = {"error": {"code": "1305", "message": "该模型当前访问量过大"}}
    with serving(whole(busy), sent(b"data: " + json.dumps(busy).encode() + b"\n\n"), good) as server:
        assert ask(make(name, server.url))[0] == "你好，world."
        assert len(server.calls) == 3


@both
def test_a_server_that_does_not_stream(name: str) -> None:
    message = {"role": "assistant", "content": "<think>x</think>Yes."}
    answer = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": USAGE}
    with serving(whole(answer)) as server:
        assert ask(make(name, server.url)) == ("Yes.", Finished(Reason.STOP, 11, 5))


@both
def test_a_proxy_page_is_no_answer(name: str) -> None:
    with serving(refuse(200, b"<html>log in</html>", {"Content-Type": "text/html"})) as server:
        assert slug_of(make(name, server.url)) == "llm-broken-stream"


@both
@pytest.mark.parametrize("then", ["stall", "cut", "garbage"])
def test_a_complete_answer_is_not_lost_to_what_comes_after(name: str, then: str) -> None:
    def script(call: Call) -> None:
        parts = [chunk("All of it."), chunk(finish="stop")]
        if then == "stall":
            call.begin()
            call.write(b"".join(parts))
            call.stall()
        else:
            call.events([*parts, b"data: {\n\n"] if then == "garbage" else parts, end=False)

    with serving(script) as server:
        began = time.monotonic()
        assert ask(make(name, server.url)) == ("All of it.", Finished(Reason.STOP))
        assert time.monotonic() - began < 5  # of 10 until the deadline
        assert then != "stall" or server.calls[0].hung_up.wait(PATIENCE_S)


@both
@pytest.mark.parametrize("reason", ["network_error", "insufficient_system_resource", "abort"])
def test_endings_that_are_failures(name: str, reason: str) -> None:
    with serving(sent(chunk("Half an"), chunk(finish=reason), DONE)) as server:
        assert slug_of(make(name, server.url)) == "llm-broken-stream"


def unsupported(param: str, how: str = "parameter") -> Script:
    message = f"Unsupported {how}: '{param}' is not supported with this model."
    return refuse(400, {"error": {"message": message, "param": param, "code": f"unsupported_{how}"}})


def test_a_server_that_takes_no_unknown_fields() -> None:
    strict = refuse(422, {"detail": "Unexpected fields in the request: {'stream_options'}"})  # transformers serve
    with serving(strict, good) as server:
        assert ask(make("openai", server.url))[0] == "你好，world."


def test_parameters_that_a_model_refuses_are_left_out_from_then_on() -> None:
    extra = {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options", "include_usage"]}]}  # Mistral
    mistral = {"object": "error", "message": extra, "type": "invalid_request_error", "param": None, "code": None}
    scripts = [unsupported("max_tokens"), unsupported("temperature", "value"), refuse(422, mistral), good]
    with serving(*scripts) as server:
        engine = make("openai", server.url, openai_models="another")
        assert ask(engine)[0] == "你好，world."
        assert ask(engine)[0] == "你好，world."
        assert ask(engine, model="another")[0] == "你好，world."
        bodies = [call.body for call in server.calls]
    assert len(bodies) == 6
    for body in bodies[3:5]:
        assert body["max_completion_tokens"] == 100
        assert not {"max_tokens", "temperature", "stream_options"} & set(body)
    assert {"max_tokens", "temperature", "stream_options"} <= set(bodies[5])


def test_a_parameter_refused_for_good() -> None:
    with serving(unsupported("temperature")) as server:
        assert slug_of(make("openai", server.url)) == "engine-failed"
        assert len(server.calls) == 2


@both
def test_further_members_of_the_request(name: str) -> None:
    extra = {"thinking": {"type": "disabled"}, "chat_template_kwargs": {"enable_thinking": False}}
    with serving(good) as server:
        ask(make(name, server.url, **{f"{name}_extra": extra}))
    assert {k: server.calls[0].body[k] for k in extra} == extra
