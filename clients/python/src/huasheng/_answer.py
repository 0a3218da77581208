"""The base of all answers, and the failure."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """Base of everything that the gateway tells: immutable, and open to fields of later versions."""

    # "model_id" and the like are field names here
    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())


class Problem(Answer):
    """A failure (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    hint: str
    reason: str
    params: dict[str, str]
    retryable: bool
    request_id: str
