"""Checks of HTTP answers that several test files share."""

from functools import cache
from typing import Any

from services.gateway.app import create_app
from services.gateway.media import refusals
from services.gateway.settings import GatewaySettings

MEDIA = {*refusals.RECORDING, *(slug for slugs in refusals.ASSETS.values() for slug in slugs)} - {"unknown-id"}


@cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = create_app(GatewaySettings(), None).openapi()  # type: ignore[arg-type]
    return found


def declared(method: str, path: str) -> set[str]:
    """The problems that the API's document names for a call; the path as it stands there."""
    answers = document()["paths"][path][method.lower()]["responses"].values()
    return {slug for a in answers for c in a.get("content", {}).values() for slug in c.get("examples", {})}


def problem(response: Any, status: int, reason: str) -> dict[str, Any]:
    """Asserts that an answer is this problem, with all its members; returns it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["reason"] == reason, body
    assert body["type"] == f"urn:huasheng:problem:{reason}"
    assert body["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    if (
        reason in MEDIA
        and response.request.method == "POST"
        and (path := response.request.url.path) in document()["paths"]
    ):
        assert reason in declared("POST", path), f"{path} does not declare it"
    return body
