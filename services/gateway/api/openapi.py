"""The OpenAPI document: FastAPI's, with every problem that the gateway may answer with beside those a route names."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from services.common.errors import catalogue
from services.gateway.accounts.access import COOKIE
from services.gateway.accounts.rules import Need, need_of
from services.gateway.api.problems import PROBLEM_TYPE, add_problem
from services.gateway.media import refusals

EVERYWHERE = (
    "foreign-origin",
    "slow-request",
    "too-large-body",
    "bad-request",
    "bad-character",
    "database-down",
    "storage-down",
    "storage-refused",
    "internal",
)
"""From the middleware, from the checks of parameters and bodies, from the database and the storage."""
WITH_PARAMETER = ("no-such-call",)
"""For a path whose parameter is no text."""
STORING = ("disk-full",)
WITH_KEY = ("idempotency-conflict", "idempotency-pending")
ASKING = ("service-down", "service-loading", "service-slow", "busy")
"""For what other services are asked."""
ASKING_TAGS = {"avatars", "trainings", "voices", "speech", "videos", "dialogues", "system"}
ENGINE_PATHS = (
    "/api/v1/speech",
    "/api/v1/speech/preview",
    "/api/v1/videos/preview",
    "/api/v1/transcriptions",
    "/api/v1/voices",
    "/api/v1/voices/{voice_id}/clips",
    "/api/v1/voices/{voice_id}/sample",
    "/api/v1/jobs/{job_id}/video",
)
"""Where an engine's own problem is the answer, or that of the job."""
FILES = {
    "206": "the range that was asked for",
    "304": "unchanged: `If-None-Match` names the file that you have",
    "307": "the file is in a bucket: a link of the bucket, good for minutes (ranges and name are kept)",
}
FILE_PATHS = {
    "/api/v1/assets/{asset_id}/content": ("video/*", "audio/*", "image/*"),
    "/api/v1/media/{key}": ("video/*", "audio/wav", "text/*", "application/x-subrip", "image/*"),
    "/api/v1/voices/{voice_id}/sample": ("audio/wav",),
    "/api/v1/jobs/{job_id}/video": ("video/mp4", "video/webm", "video/quicktime"),
}
"""Files by the paths that they are served under, with the types that they may have."""


WITH_ACCOUNTS = ("sign-in-needed", "key-refused", "not-allowed", "too-many-requests")
MAKING = ("quota-jobs", "quota-minutes", "quota-storage")
"""For what makes something: the limits of a person or key."""
MAKING_PATHS = (
    "/api/v1/videos/preview",
    "/api/v1/assets",
    "/api/v1/avatars",
    "/api/v1/dialogues",
    "/api/v1/dubbings",
    "/api/v1/speech",
    "/api/v1/trainings",
    "/api/v1/videos",
)
SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "an API key (`hs_…`), where accounts are on"},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "of the page, where accounts are on"},
}


def install(app: FastAPI) -> None:
    """Complete the document of the app."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    _complete(path, method, operation, document["components"]["schemas"])
            document["components"]["securitySchemes"] = SCHEMES
            for unused in ("HTTPValidationError", "ValidationError"):
                document["components"]["schemas"].pop(unused, None)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _complete(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Add to one operation what every route of its kind may answer."""
    answers: dict[str, Any] = operation["responses"]
    if "HTTPValidationError" in str(answers.get("422")):
        del answers["422"]
    need = need_of(method.upper(), path)
    if need is Need.OPEN:
        operation["security"] = [{}, {"session": []}, {"key": []}]
        for slug in ("key-refused", "too-many-requests"):
            add_problem(answers, slug)
    elif need is not Need.NOTHING:
        operation["security"] = [{"session": []}, *([] if need is Need.PERSON else [{"key": []}])]
        operation["x-permission"] = need.value
        for slug in WITH_ACCOUNTS:
            add_problem(answers, slug)
    for slug in (*_problems(path, method, operation), *_media_problems(operation, schemas)):
        add_problem(answers, slug)
    if path in ENGINE_PATHS and (method == "post" or path in FILE_PATHS):
        for reason in catalogue().values():
            content = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}}
            what = "what an engine, or the job, failed with"
            answers.setdefault(str(reason.http), {"description": what, "content": content})
    if types := FILE_PATHS.get(path):
        answers["200"]["content"] = {kind: {} for kind in types}
        for status, what in FILES.items():
            content = {kind: {} for kind in types} if status == "206" else {}
            answers.setdefault(status, {"description": what} | ({"content": content} if content else {}))
        add_problem(answers, "bad-range")


def _problems(path: str, method: str, operation: dict[str, Any]) -> list[str]:
    parameters = {p["name"] for p in operation.get("parameters", ())}
    found = list(EVERYWHERE)
    if "{" in path:
        found += WITH_PARAMETER
    if "before" in parameters:
        found.append("unknown-id")
    if method != "get" or path in FILE_PATHS:
        found += STORING
    if method == "post" and path in MAKING_PATHS:
        found += MAKING
    if "Idempotency-Key" in parameters:
        found += WITH_KEY
    if ASKING_TAGS.intersection(operation.get("tags", ())):
        found += ASKING
    return found


def _media_problems(operation: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    """Those of an uploaded file, and of assets that the body names."""
    content = operation.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        is_only_kept = not ASKING_TAGS.intersection(operation["tags"])  # what other services are asked about is speech
        return list(refusals.READING if is_only_kept else refusals.RECORDING)
    body = content.get("application/json", {}).get("schema", {})
    fields = schemas.get(body.get("$ref", "").rsplit("/", 1)[-1], {}).get("properties", {})
    return [slug for name in fields if name.endswith("asset_id") for slug in refusals.ASSETS[name]]
