"""A streamed answer, from the chunk objects of OpenAI's wire format (Zhipu's is the same) to text and its end."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from services.llm.engines.base import Finished, Piece, Reason
from services.llm.remote.provider import Provider
from services.llm.remote.refusals import refusal
from services.llm.remote.spoken import Spoken

log = logging.getLogger("huasheng.llm.answers")

DONE: dict[str, Any] = {}
"""Stands for the ``[DONE]`` mark among the chunks; known by its identity."""

_REASONS = {
    "length": Reason.LENGTH,
    "model_context_window_exceeded": Reason.LENGTH,
    "content_filter": Reason.FILTERED,
    "sensitive": Reason.FILTERED,
}
_BROKEN = {"network_error", "insufficient_system_resource", "abort", "error", "cancelled"}
"""Zhipu, DeepSeek, vLLM, OpenRouter, SGLang: the answer did not come to its end."""


def chunks(provider: Provider, stream: Iterator[Any]) -> Iterator[Piece]:
    """Text, and ``Finished`` as soon as the answer is complete; once more, with its usage, when that is known.

    Reasoning is not spoken, be it in fields of its own or in ``<think>`` blocks. An answer is complete with a finish
    reason, or with ``[DONE]`` from servers that send none; an end with neither is a connection that was cut cleanly.
    Raises ``llm-filtered``, ``llm-empty``, ``llm-broken-stream`` and what ``refusal`` knows.
    """
    spoken = Spoken()
    usage, said, thought = (0, 0), False, False
    finished: Finished | None = None
    for chunk in stream:
        now = (0, 0)
        try:
            if chunk is DONE:
                text, reason = "", "" if finished else "stop"
            else:
                if error := _error(chunk):
                    raise refusal(provider, error)
                now = _usage(chunk)
                usage = now if any(now) else usage
                text, reason, thinks = _choice(chunk)
                thought = thought or thinks
        except (AttributeError, TypeError, ValueError, KeyError, IndexError) as e:
            raise provider.error("llm-broken-stream") from e
        text = spoken.feed(text) + (spoken.end() if reason else "")
        if text:
            said = True
            yield text
        if reason:
            if spoken.stray:
                log.warning("the server sends a model's thinking as text", extra={"model": provider.model})
            finished = Finished(_ending(provider, reason, said, thought or spoken.thought))
            yield finished
        if chunk is DONE or (finished and any(now)):
            break
    if not finished:
        raise provider.error("llm-broken-stream")
    # counts from before the end, of servers that send them along the way, replace those that never came
    yield Finished(finished.reason, *usage)


def _ending(provider: Provider, reason: str, said: bool, thought: bool) -> Reason:
    """What the server's finish reason means for an answer of which something was said, or not."""
    ending = _REASONS.get(reason, Reason.STOP)
    if reason in _BROKEN:
        raise provider.error("llm-broken-stream")
    if said:
        return ending
    if ending is Reason.FILTERED:
        raise provider.error("llm-filtered")
    if thought:
        raise provider.error("llm-only-thought")
    raise provider.error("llm-empty")


def _error(chunk: Any) -> Any:
    """The error that a chunk is, if it is one."""
    if error := chunk.get("error"):
        return error
    return chunk if chunk.get("object") == "error" else None


def _usage(chunk: Any) -> tuple[int, int]:
    """Tokens of prompt and answer that a chunk reports; zeros for none."""
    counts = chunk.get("usage")
    if not isinstance(counts, Mapping):
        return 0, 0
    return int(counts.get("prompt_tokens") or 0), int(counts.get("completion_tokens") or 0)


def _choice(chunk: Any) -> tuple[str, str, bool]:
    """Text, finish reason and whether there was reasoning, of the first choice of a chunk."""
    for choice in chunk.get("choices") or []:
        if choice.get("index") or 0:
            continue
        # a server that does not stream sends the whole message at once
        delta = choice.get("delta") or choice.get("message") or {}
        content = delta.get("content") or ""
        if not isinstance(content, str):  # a list of parts, of which some are thinking
            content = "".join(str(part.get("text") or "") for part in content if part.get("type", "text") == "text")
        thinks = bool(delta.get("reasoning_content") or delta.get("reasoning"))
        return content, str(choice.get("finish_reason") or ""), thinks
    return "", "", False
