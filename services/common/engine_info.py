"""What all services report of their engines: the one builder of ``EngineInfo``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from huasheng.common.v1 import common_pb2

from services.common.engines import EngineState, explained, why
from services.common.errors import HuashengError
from services.common.fallback import Breaker, EngineFallback

_BREAKER_STATES = {
    "closed": common_pb2.BREAKER_STATE_CLOSED,
    "open": common_pb2.BREAKER_STATE_OPEN,
    "half-open": common_pb2.BREAKER_STATE_HALF_OPEN,
}


def engine_info(
    state: EngineState[Any],
    fallback: EngineFallback | None = None,
    text: Callable[[HuashengError], str] = why,
    **fields: Any,
) -> common_pb2.EngineInfo:
    """The message; ``text`` words why the engine cannot be used, ``fields`` are those of one service only."""
    about = state.about
    if fallback and (breaker := fallback.breakers.get(state.name)):
        fields |= _breaker_fields(breaker)
    return common_pb2.EngineInfo(
        name=state.name,
        available=state.error is None,
        reason=text(state.error) if state.error else "",
        problem=error_message(state.error),
        is_default=state.is_default,
        languages=about.languages if about else (),
        license=about.license if about else "",
        description=(state.engine or about).description if about else "",
        **fields,
    )


def error_message(error: HuashengError | None) -> common_pb2.Error | None:
    """An error in the form that a reader can put into words in any language."""
    return common_pb2.Error(reason=error.slug, params=error.params) if error else None


def _breaker_fields(breaker: Breaker) -> dict[str, Any]:
    return {
        "breaker": _BREAKER_STATES[breaker.state],
        "breaker_reason": explained(breaker.error) if breaker.error else "",
        "breaker_problem": error_message(breaker.error),
        "breaker_retry_s": round(breaker.retry_s, 1),
    }
