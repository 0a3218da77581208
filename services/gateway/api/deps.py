"""What routes take as parameters: the gateway's parts, the owner of a request, its language, paging."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Query, Request

from services.common.errors import HuashengError
from services.gateway.accounts.principal import Principal
from services.gateway.api.problems import language, request_id
from services.gateway.context import Gateway


def get_gateway(request: Request) -> Gateway:
    """The running gateway."""
    found: Gateway = request.app.state.gateway
    return found


def get_principal(request: Request) -> Principal:
    """Who makes the request, as ``accounts.access`` found. Raises ``sign-in-needed``."""
    found: Principal | None = getattr(request.state, "principal", None)
    if found is None:
        raise HuashengError("sign-in-needed")
    return found


def get_principal_or_none(request: Request) -> Principal | None:
    """Who makes the request; None for a stranger where strangers may."""
    found: Principal | None = getattr(request.state, "principal", None)
    return found


def get_person(who: Annotated[Principal, Depends(get_principal)]) -> Principal:
    """A person or program with an account. Raises ``accounts-off``."""
    if who.via == "local":
        raise HuashengError("accounts-off")
    return who


def get_admin(who: Annotated[Principal, Depends(get_person)]) -> Principal:
    """An admin. Raises ``not-allowed``, ``accounts-off``."""
    if not who.may("admin"):
        raise HuashengError("not-allowed", need="admin")
    return who


def get_owner(who: Annotated[Principal, Depends(get_principal)]) -> str:
    """The owner of the caller's things."""
    return who.owner


Context = Annotated[Gateway, Depends(get_gateway)]
Who = Annotated[Principal, Depends(get_principal)]
Anybody = Annotated[Principal | None, Depends(get_principal_or_none)]
Person = Annotated[Principal, Depends(get_person)]
Owner = Annotated[str, Depends(get_owner)]
Lang = Annotated[str, Depends(language)]
RequestId = Annotated[str, Depends(request_id)]
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="Send the same key again to get the same answer and do nothing twice."),
]
Limit = Annotated[int, Query(ge=1, le=200, description="At most so many.")]
Before = Annotated[str | None, Query(max_length=40, description="An id: only older ones than that.")]
