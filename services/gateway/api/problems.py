"""Every failure is answered as ``application/problem+json`` in the reader's language, with the request's id."""

from __future__ import annotations

import json
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection

from services.common import metrics
from services.common.errors import LANGUAGES, HuashengError, problem
from services.gateway.api.web_files import index_page, wants_page

log = logging.getLogger("huasheng.gateway.http")
RETRY_AFTER_S = 2
PROBLEM_TYPE = "application/problem+json"


def language(request: HTTPConnection) -> str:
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


def viewer_language(request: HTTPConnection) -> str:
    """The same, empty where the request says nothing of languages: then the words' own language is the better guess."""
    return language(request) if {"lang"} & {*request.query_params} or "accept-language" in request.headers else ""


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
        headers["Retry-After"] = error.params.get("retry_s", str(RETRY_AFTER_S))
    if error.reason.http == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="huasheng"'
    if error.slug in ("too-large", "too-large-body", "slow-request"):
        headers["Connection"] = "close"  # the rest of the upload is not read
    if error.slug == "bad-range":
        headers["Content-Range"] = f"bytes */{error.params['bytes']}"
    # what was wrong with a request is named in the answer, and may itself be no text
    content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    return Response(content, error.reason.http, headers, media_type=PROBLEM_TYPE)


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
        path = request.scope["path"][:200]
        if error.status_code == 404:
            if wants_page(request):
                return index_page(request, status=404)
            return answer(request, HuashengError("no-such-call", path=path))
        if error.status_code == 405:
            out = answer(request, HuashengError("wrong-method", path=path, method=request.method))
            out.headers.update(error.headers or {})
            return out
        return answer(request, HuashengError("bad-request", what=str(error.detail)))

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=499)  # nobody reads it: the upload was broken off

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        if isinstance(error, OSError) and error.errno == 28:
            return answer(request, HuashengError("disk-full"))
        log.exception("unexpected error", exc_info=error, extra={"path": request.scope["path"]})
        return answer(request, HuashengError("internal", service="gateway"))


Responses = dict[int | str, dict[str, Any]]


def streamed(media_type: str, what: str) -> Responses:
    """The OpenAPI entry of an answer that is not JSON."""
    return {200: {"content": {media_type: {}}, "description": what}}


def responses(*slugs: str) -> Responses:
    """OpenAPI entries of the problems that a route may answer with, besides those of ``openapi``."""
    out: dict[str, Any] = {}
    for slug in slugs:
        add_problem(out, slug)
    return {int(status): entry for status, entry in out.items()}


def add_problem(answers: dict[str, Any], slug: str) -> None:
    """Add a problem to the OpenAPI entries of an operation, which are by status."""
    error = HuashengError(slug)
    entry = answers.setdefault(str(error.reason.http), {"description": ""})
    content = entry.setdefault("content", {}).setdefault(
        PROBLEM_TYPE, {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
    )
    if slug not in content["examples"]:
        content["examples"][slug] = {"value": problem(error, "en", "5f0c2a")}
        entry["description"] = ", ".join(filter(None, [entry["description"], slug]))


ACCEPTED = responses("unknown-id", "bad-request", "queue-full", "idempotency-conflict", "service-down")
"""The problems of every POST that starts a job."""
SPEECH_REFUSED = responses("empty-text", "long-text", "unknown-voice", "synthesis-unsupported")
"""The problems of every POST that takes a text or a recording, besides those of the recording (``media.refusals``)."""
