"""Every failure is answered as ``application/problem+json`` in the reader's language, with the request's id."""

from __future__ import annotations

import json
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from services.common import metrics
from services.common.errors import LANGUAGES, HuashengError, problem
from services.gateway.api.web_files import index_page, wants_page

log = logging.getLogger("huasheng.gateway.http")
RETRY_AFTER_S = 2


def language(request: Request) -> str:
    """``zh`` or ``en``: from ``?lang=``, else the best of ``Accept-Language``, else English."""
    asked = request.query_params.get("lang", "").lower()[:2]
    if asked in LANGUAGES:
        return asked
    best, best_q = "en", 0.0
    for part in request.headers.get("accept-language", "")[:500].split(","):
        tag, _, parameter = part.strip().partition(";")
        try:
            q = float(parameter.partition("=")[2]) if parameter else 1.0
        except ValueError:
            continue
        if tag[:2].lower() in LANGUAGES and q > best_q:
            best, best_q = tag[:2].lower(), q
    return best


def request_id(request: Request) -> str:
    """The request's id, set by the middleware."""
    found: str = getattr(request.state, "request_id", "")
    return found


def answer(request: Request, error: HuashengError, **more: Any) -> Response:
    """The problem as a response, counted in the metrics."""
    metrics.ERRORS.labels("gateway", error.slug).inc()
    body = problem(error, language(request), request_id(request)) | more
    headers = {"Content-Language": language(request), "Cache-Control": "no-store"}
    if error.retryable:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if error.slug == "too-large":
        headers["Connection"] = "close"  # the rest of the upload is not read
    if error.slug == "bad-range":
        headers["Content-Range"] = f"bytes */{error.params['bytes']}"
    return Response(
        json.dumps(body, ensure_ascii=False), error.reason.http, headers, media_type="application/problem+json"
    )


def _where(location: tuple[Any, ...]) -> str:
    return ".".join(str(p) for p in location)


def install(app: FastAPI) -> None:
    """Add the handlers to the app."""

    @app.exception_handler(HuashengError)
    async def ours(request: Request, error: HuashengError) -> Response:
        return answer(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        found = [{"field": _where(e["loc"]), "message": e["msg"]} for e in error.errors()]
        what = "; ".join(f"{f['field']}: {f['message']}" for f in found[:5])
        return answer(request, HuashengError("bad-request", what=what), errors=found)

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        path = request.url.path[:200]
        if error.status_code == 404:
            if wants_page(request):
                return index_page(request, status=404)
            return answer(request, HuashengError("no-such-call", path=path))
        if error.status_code == 405:
            out = answer(request, HuashengError("wrong-method", path=path, method=request.method))
            out.headers.update(error.headers or {})
            return out
        return answer(request, HuashengError("bad-request", what=str(error.detail)))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        if isinstance(error, OSError) and error.errno == 28:
            return answer(request, HuashengError("disk-full"))
        log.exception("unexpected error", exc_info=error, extra={"path": request.url.path})
        return answer(request, HuashengError("internal", service="gateway"))


Responses = dict[int | str, dict[str, Any]]


def streamed(media_type: str, what: str) -> Responses:
    """The OpenAPI entry of an answer that is not JSON."""
    return {200: {"content": {media_type: {}}, "description": what}}


def responses(*slugs: str) -> Responses:
    """OpenAPI entries of the problems that a route may answer with, besides those that every route has."""
    out: Responses = {}
    for slug in slugs:
        error = HuashengError(slug)
        entry = out.setdefault(
            error.reason.http,
            {
                "description": "",
                "content": {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
                },
            },
        )
        entry["description"] = ", ".join(filter(None, [entry["description"], slug]))
        example = {"value": problem(error, "en", "5f0c2a")}
        entry["content"]["application/problem+json"]["examples"][slug] = example
    return out


ACCEPTED = responses("unknown-id", "bad-request", "queue-full", "idempotency-conflict", "service-down")
"""The problems of every POST that starts a job."""
SPEECH_REFUSED = responses(
    "empty-text", "long-text", "silent-audio", "no-audio", "too-long", "unknown-voice", "synthesis-unsupported"
)
"""The problems of every POST that takes a text or a recording."""
