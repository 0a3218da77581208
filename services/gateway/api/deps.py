"""What routes take as parameters: the gateway's parts, the owner of a request, its language, paging."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Query, Request

from services.gateway.api.problems import language, request_id
from services.gateway.context import LOCAL_OWNER, Gateway


def get_gateway(request: Request) -> Gateway:
    """The running gateway."""
    found: Gateway = request.app.state.gateway
    return found


def get_owner() -> str:
    """The owner of a request. Accounts are off: everything belongs to ``local``."""
    return LOCAL_OWNER


Context = Annotated[Gateway, Depends(get_gateway)]
Owner = Annotated[str, Depends(get_owner)]
Lang = Annotated[str, Depends(language)]
RequestId = Annotated[str, Depends(request_id)]
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="Send the same key again to get the same answer and do nothing twice."),
]
Limit = Annotated[int, Query(ge=1, le=200, description="At most so many.")]
Before = Annotated[str | None, Query(max_length=40, description="An id: only older ones than that.")]
