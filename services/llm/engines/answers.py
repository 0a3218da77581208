"""What providers' answers mean: statuses, error bodies and finish reasons, in OpenAI's wire format and Zhipu's."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from services.llm.engines.base import Finished, Piece, Reason
from services.llm.engines.remote import Provider, Retry

# Zhipu's numbers are those of its error code page: 1000-1004 key, 1113 arrears, 1261 prompt too long, 1301 filtered,
# 1304 and 1308 daily limit
_WRONG_KEY = {"invalid_api_key", "authentication_error", "1000", "1001", "1002", "1003", "1004"}
_NO_MONEY = {"insufficient_quota", "billing_hard_limit_reached", "1113", "1304", "1308"}
_FILTERED = {"content_filter", "content_policy_violation", "data_inspection_failed", "1301"}
_TOO_LONG = {"context_length_exceeded", "string_above_max_length", "1261"}
_REASONS = {
    "stop": Reason.STOP,
    "length": Reason.LENGTH,
    "content_filter": Reason.FILTERED,
    "sensitive": Reason.FILTERED,
}


def failure(provider: Provider, status: int, body: str, headers: Mapping[str, str]) -> Exception:
    """What an HTTP status other than 200 means; a ``Retry`` when trying again may help."""
    try:
        error = json.loads(body).get("error", {})
    except (ValueError, AttributeError):
        error = {}
    return refusal(provider, error, status, _retry_after(headers.get("retry-after", "")))


def refusal(provider: Provider, error: Any, status: int = 0, after_s: float = 0.0) -> Exception:
    """What an error object of a provider means; ``status`` 0 when it came inside a stream."""
    if not isinstance(error, Mapping):
        error = {"message": str(error)}
    codes = {str(error.get("code", "")), str(error.get("type", ""))}
    message = str(error.get("message", "")).lower()
    if codes & _FILTERED:
        return provider.error("llm-filtered")
    if codes & _TOO_LONG or "maximum context length" in message or status == 413:
        return provider.error("llm-too-long")
    if codes & _NO_MONEY or status == 402:
        return provider.error("llm-quota")
    if status in (401, 403) or codes & _WRONG_KEY:
        return provider.error("llm-wrong-key" if provider.has_key else "llm-no-key")
    if status == 429:
        return Retry(provider.error("llm-quota"), after_s)
    if status in (502, 503, 504):
        return Retry(provider.error("llm-unreachable"), after_s)
    if status >= 500 or status == 0:
        why = f"its server answered with an error ({status})" if status else "its server reported an error"
        return Retry(provider.error("engine-failed", why=why), after_s)
    if status == 404:
        why = f"its server knows no model {provider.model}, or its address is wrong"
        return provider.error("engine-failed", why=why)
    return provider.error("engine-failed", why=f"its server refused the request ({status})")


def _retry_after(value: str) -> float:
    """Seconds of a Retry-After header, which may be a number or a date; 0 when absent or unreadable."""
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0


def chunks(provider: Provider, stream: Iterator[Any]) -> Iterator[Piece]:
    """Text and ``Finished`` from the chunk objects of one answer.

    Reasoning is not spoken: ``reasoning_content`` is ignored and a leading ``<think>`` block is dropped. Some servers
    never report usage, some send it in a chunk of its own after the finish reason, hence the answer is finished when
    the stream ends. Raises ``llm-filtered``, ``llm-broken-stream``, ``engine-failed``.
    """
    thinking = _Thinking()
    reason, usage, said = "", (0, 0), False
    for chunk in stream:
        if not isinstance(chunk, Mapping):
            raise provider.error("llm-broken-stream")
        if chunk.get("error"):
            raise refusal(provider, chunk["error"])
        if isinstance(counts := chunk.get("usage"), Mapping):
            usage = int(counts.get("prompt_tokens") or 0), int(counts.get("completion_tokens") or 0)
        for choice in chunk.get("choices") or []:
            if text := thinking.spoken((choice.get("delta") or {}).get("content") or ""):
                said = True
                yield text
            reason = choice.get("finish_reason") or reason
        if reason and any(usage):
            break
    if not reason:
        # an end without a reason is a connection that was cut cleanly
        raise provider.error("llm-broken-stream") if said else Retry(provider.error("llm-broken-stream"))
    finish = _REASONS.get(reason)
    if finish is None and reason not in ("tool_calls", "function_call"):
        raise provider.error("llm-broken-stream")  # e.g. Zhipu's network_error, DeepSeek's insufficient_system_resource
    if finish is Reason.FILTERED and not said:
        raise provider.error("llm-filtered")
    if not said:
        raise provider.error("engine-failed", why="it gave an empty answer")
    yield Finished(finish or Reason.STOP, *usage)


class _Thinking:
    """Drops a ``<think>…</think>`` block at the beginning of an answer, however it is cut into pieces."""

    _OPEN, _CLOSE = "<think>", "</think>"

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"

    def spoken(self, text: str) -> str:
        """What of this piece, and of what was held back before, is to be spoken."""
        if self._state == "speaking":
            return text
        self._held += text
        if self._state == "start":
            head = self._held.lstrip()
            if not head or (self._OPEN.startswith(head) and len(head) < len(self._OPEN)):
                return ""
            if not head.startswith(self._OPEN):
                self._state = "speaking"
                return head
            self._state = "thinking"
        _, found, rest = self._held.partition(self._CLOSE)
        if found and rest.strip():
            self._state = "speaking"
            return rest.lstrip()
        return ""
