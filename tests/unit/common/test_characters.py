"""What is text, for REST and gRPC alike; and records on disk that are damaged."""

from dataclasses import dataclass

import pytest
from huasheng.gateway.v1 import gateway_pb2
from huasheng.llm.v1 import llm_pb2

from services.common.characters import LONGEST, bad_character, check_json, check_message
from services.common.errors import HuashengError
from services.common.records import read_record


@pytest.mark.parametrize("number", [0, 1, 7, 8, 0x0B, 0x0C, 0x1B, 0x1F, 0x7F, 0x80, 0x85, 0x9F, 0xD800, 0xDBFF, 0xDFFF])
def test_controls_and_halves_are_no_text(number: int) -> None:
    assert bad_character(f"好{chr(number)}") == f"U+{number:04X}"


@pytest.mark.parametrize("text", ["", "a\tb\r\nc", "cafe\u0301", "👨\u200d👩\u200d👧", "\ufeff中", "\u00a0\u00ad"])
def test_everything_else_is(text: str) -> None:
    assert bad_character(text) == ""


def test_every_text_of_a_message_is_checked() -> None:
    check_message(gateway_pb2.TurnFinished(timings_ms={"asr": 1.0}))
    messages = [
        llm_pb2.StreamChatRequest(engine="\0"),
        llm_pb2.StreamChatRequest(messages=[llm_pb2.ChatMessage(content="a"), llm_pb2.ChatMessage(content="\x1b")]),
        gateway_pb2.TurnFinished(timings_ms={"a\x07": 1.0}),
    ]
    for message in messages:
        with pytest.raises(HuashengError, match="bad-character"):
            check_message(message)
    with pytest.raises(HuashengError, match="long-text"):
        check_message(llm_pb2.StreamChatRequest(persona="a" * (LONGEST + 1)))


def test_every_text_of_a_value_is_checked() -> None:
    nested: object = "\ud800"
    for _ in range(5000):
        nested = [nested]
    for value in (nested, {"\0": 1}, {"a": {"b": ["\x07"]}}):
        with pytest.raises(HuashengError, match="bad-character"):
            check_json(value)
    check_json({"a": ["b", 1, None, True]})


@dataclass(frozen=True)
class Kept:
    name: str
    size: int
    parts: tuple[str, ...] = ()


def test_a_record_is_what_it_should_be_or_an_error() -> None:
    assert read_record(Kept, b'{"name": "a", "size": 1, "parts": ["b"], "newer": 1}') == Kept("a", 1, ("b",))
    for data in (b"", b"{", b"[]", b"null", b'{"name": "a"}', b'{"name": 1, "size": "x"}', b"\xff\xfe", b"\0" * 100):
        with pytest.raises(ValueError):
            read_record(Kept, data)
