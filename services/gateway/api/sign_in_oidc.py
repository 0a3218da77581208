"""Signing in with OpenID Connect: the way to the provider, and the way back.

Browsers come here by links and redirects, so that every refusal is a redirect as well, to the sign-in page, which says
what happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from services.common import metrics
from services.common.errors import HuashengError
from services.gateway.accounts.access import address_of
from services.gateway.accounts.oidc_pending import GOOD_S
from services.gateway.api.deps import Context
from services.gateway.api.sign_in import need_accounts, new_session, set_cookie
from services.gateway.context import Gateway

if TYPE_CHECKING:
    from services.gateway.accounts.oidc_sign_in import OpenIdSignIn

COOKIE, SECURE_COOKIE = "huasheng_openid", "__Host-huasheng_openid"
# in no schema: these are addresses for browsers, and no program calls them
router = APIRouter(prefix="/api/v1/sign-in/oidc", include_in_schema=False)


def _cookie_name(request: Request) -> str:
    return SECURE_COOKIE if request.url.scheme == "https" else COOKIE


def _go(address: str) -> Response:
    return RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})


def _refused(error: HuashengError) -> Response:
    metrics.ERRORS.labels("gateway", error.slug).inc()
    return _go(f"/sign-in?problem={quote(error.slug)}")


def _need_provider(gateway: Gateway) -> OpenIdSignIn:
    """Raises ``accounts-off``, ``provider-off``."""
    need_accounts(gateway)
    if gateway.openid is None:
        raise HuashengError("provider-off")
    return gateway.openid


@router.get("", status_code=303)
async def begin(request: Request, gateway: Context, next_path: Annotated[str, Query(alias="next")] = "/") -> Response:
    """Send the browser to the OpenID provider. ``next``: path of the page to show afterwards."""
    try:
        openid = _need_provider(gateway)
        cookie, address = await openid.begin(next_path)
    except HuashengError as e:
        return _refused(e)
    answer = _go(address)
    answer.set_cookie(
        _cookie_name(request),
        cookie,
        max_age=GOOD_S,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",  # sent when the provider's page leads back here, and with no other site's request
    )
    return answer


@router.get("/callback", status_code=303)
async def come_back(
    request: Request, gateway: Context, state: str = "", code: str = "", error: str = "", iss: str = ""
) -> Response:
    """Where the provider sends the browser back to: sign in, and go on to the page."""
    name = _cookie_name(request)
    try:
        user, page = await _need_provider(gateway).finish(
            request.cookies.get(name, ""), state=state, code=code, error=error, issuer=iss, address=address_of(request)
        )
        secret = await new_session(request, gateway, user)
    except HuashengError as e:
        answer = _refused(e)
        if e.slug == "sign-in-stale":  # another one may be under way in this browser
            return answer
    else:
        answer = _go(page)
        set_cookie(request, answer, secret)
    answer.delete_cookie(name, path="/", secure=name == SECURE_COOKIE, httponly=True, samesite="lax")
    return answer
