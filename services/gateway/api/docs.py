"""The OpenAPI page, with Swagger UI from a package: nothing comes from elsewhere, it works without the internet."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.common.errors import HuashengError
from services.gateway.api.web_files import file_answer

router = APIRouter(include_in_schema=False)
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Huasheng 画声 API</title>
<link rel="icon" href="/static/favicon.svg">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></html>
"""
_START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, tryItOutEnabled: true});\n'
_POLICY = {
    # Swagger UI writes styles and pictures into the page
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


@router.get("/docs")
def docs() -> Response:
    """The page."""
    return Response(_PAGE, headers=_POLICY, media_type="text/html")


@router.get("/docs/{name}")
def files(request: Request, name: str) -> Response:
    """Its script and style. Raises ``no-such-call``."""
    if name == "start.js":
        return Response(_START, headers=_POLICY, media_type="text/javascript")
    found = find_spec("fastapi_offline")
    if name not in ("swagger-ui-bundle.js", "swagger-ui.css") or found is None or not found.origin:
        raise HuashengError("no-such-call", path=request.scope["path"][:200])
    path = Path(found.origin).parent / "static" / name
    return file_answer(request, path.read_bytes(), suffix=path.suffix)
