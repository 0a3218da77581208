"""What providers' refusals mean: statuses and error bodies of OpenAI, Zhipu and model servers.

Only codes are passed on, never a provider's own words: those may repeat the question or a part of the key.
"""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Mapping
from typing import Any

from services.llm.remote.provider import Provider, Retry

# Numbers are those of Zhipu's error code page. Words are OpenAI's, and those of servers that follow it.
_MEANINGS = {
    "llm-filtered": {
        "content_filter",
        "content_policy_violation",
        "data_inspection_failed",
        "sensitive_words_detected",
        "1300",
        "1301",
    },
    "llm-too-long": {
        "context_length_exceeded",
        "string_above_max_length",
        "exceed_context_size_error",
        "1261",
    },
    # arrears, limits of a day, week or month, a plan that ran out
    "llm-quota": {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "quota_exceeded",
        "1113",
        "1304",
        "1308",
        "1309",
        "1310",
        "1314",
        "1316",
        "1317",
        "1318",
        "1319",
        "1320",
        "1321",
    },
    "llm-unknown-model": {"model_not_found", "1211"},
    # an account that is locked, a model or call that is not part of the plan
    "llm-no-access": {
        "account_deactivated",
        "unsupported_country_region_territory",
        "permission_denied",
        "1110",
        "1111",
        "1112",
        "1120",
        "1121",
        "1220",
        "1311",
        "1313",
        "1315",
    },
    "llm-wrong-key": {"invalid_api_key", "authentication_error", "1000", "1001", "1002", "1003", "1004", "1005"},
    "llm-rate": {"rate_limit_exceeded", "rate_limit_error", "too_many_requests", "1302", "1303"},
    "llm-busy": {"overloaded_error", "server_overloaded", "service_unavailable", "1305", "1312"},
}
_TOO_LONG = ("maximum context length", "context size", "context window", "prompt is too long")
_NO_MODEL = ("model not exist", "does not exist", "not found, try pulling", "model not found", "no such model")
_RETRIED = ("llm-rate", "llm-busy")


def failure(provider: Provider, status: int, body: str, headers: Mapping[str, str]) -> Exception:
    """What an HTTP status other than 200 means; a ``Retry`` when trying again may help."""
    return refusal(provider, error_of(body), status, _retry_after(headers.get("retry-after", "")))


def error_of(body: str) -> Any:
    """The error object of a body: ``{"error": …}``, or the body itself as vLLM once sent it; ``{}`` for none."""
    try:
        data = json.loads(body)
    except ValueError:
        return {}
    if not isinstance(data, Mapping):
        return {}
    return data.get("error") or data


def refusal(provider: Provider, body: Any, status: int = 0, after_s: float = 0.0) -> Exception:
    """What an error object of a provider means; ``status`` 0 when it came inside a stream."""
    if not isinstance(body, Mapping):
        body = {"message": str(body)}
    codes = [str(body.get(k) or "") for k in ("code", "type")]
    if not status and codes[0].isdigit() and 400 <= int(codes[0]) < 600:
        status = int(codes[0])  # model servers put the status that they can no longer send into the error
    message = str(body.get("message", "")).lower()
    slug = next((s for s, known in _MEANINGS.items() if known & set(codes)), "") or _by_words(message, status)
    if slug == "llm-wrong-key" and not provider.has_key:
        slug = "llm-no-key"
    if slug:
        error = provider.error(slug)
        return Retry(error, after_s) if slug in _RETRIED else error
    which = ", ".join(str(x) for x in (status, *codes[:1]) if x)
    if status >= 500 or not status or codes[0] in ("1230", "1234"):
        return Retry(provider.error("engine-failed", cause="server-error", code=which or "?"), after_s)
    if status in (404, 405) or 300 <= status < 400:
        setting = f"{provider.prefix}_URL"
        return provider.error("engine-failed", cause="wrong-address", code=which, setting=setting)
    return provider.error("engine-failed", cause="server-refused", code=which)


def _by_words(message: str, status: int) -> str:
    """The reason by status, and by the words of servers that send no codes; empty when neither is known."""
    if status == 413 or any(words in message for words in _TOO_LONG):
        return "llm-too-long"
    if status in (400, 404) and "model" in message and any(words in message for words in _NO_MODEL):
        return "llm-unknown-model"
    by_status = {401: "llm-wrong-key", 402: "llm-quota", 403: "llm-wrong-key", 429: "llm-rate", 434: "llm-no-access"}
    if status in by_status:
        return by_status[status]
    return "llm-busy" if status in (502, 503, 504, 529) else ""


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
