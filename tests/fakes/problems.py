"""Checks of HTTP answers that several test files share."""

from typing import Any


def problem(response: Any, status: int, reason: str) -> dict[str, Any]:
    """Asserts that an answer is this problem, with all its members; returns it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["reason"] == reason, body
    assert body["type"] == f"urn:huasheng:problem:{reason}"
    assert body["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    return body
