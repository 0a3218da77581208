"""The web page, and two things kept from the old program: its upload call and its page addresses."""

from __future__ import annotations

import hashlib
import json
import mimetypes
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from services.common.errors import HuashengError
from services.gateway.api.assets import UPLOAD_BODY, receive_asset
from services.gateway.api.deps import Context, Owner

WEB = Path(__file__).parent.parent / "web"
PAGES = (
    "/",
    "/model_training",
    "/video_generation",
    "/chat_system",
    "/chat",
    "/video",
    "/training",
    "/avatars",
    "/voices",
    "/jobs",
    "/system",
)
POLICY = (
    "default-src 'self'; media-src 'self' blob:; img-src 'self' blob: data:; connect-src 'self'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    # no build step, so no hashed names: the browser asks each time and mostly gets 304
    "Cache-Control": "no-cache",
}
router = APIRouter()
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".webmanifest": "application/manifest+json"}


def static(request: Request, path: Path) -> Response:
    """A file of the page. Raises ``no-such-call``."""
    if not path.is_file():
        raise HuashengError("no-such-call", path=request.url.path[:200])
    data = path.read_bytes()
    tag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'
    headers = HEADERS | {"ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Response(data, headers=headers, media_type=kind)


def page(request: Request) -> Response:
    """The one page; its script reads the address."""
    return static(request, WEB / "index.html")


for _path in PAGES:
    router.add_api_route(_path, page, methods=["GET", "HEAD"], include_in_schema=False)


@router.api_route("/static/{name:path}", methods=["GET", "HEAD"], include_in_schema=False)
def files(request: Request, name: str) -> Response:
    """Scripts, styles, pictures and dictionaries of the page."""
    path = (WEB / name).resolve()
    if not path.is_relative_to(WEB.resolve()):
        raise HuashengError("no-such-call", path=request.url.path[:200])
    return static(request, path)


@router.post("/upload_file", tags=["kept from the old program"], openapi_extra=UPLOAD_BODY)
async def upload_file(request: Request, gateway: Context, owner: Owner) -> Response:
    """The old program's upload; `filepath` is now the asset's id."""
    answer = await receive_asset(request, gateway, owner, None)
    asset = json.loads(bytes(answer.body))
    return JSONResponse({"status": "success", "message": "文件上传成功", "filepath": asset["id"], "asset": asset})
