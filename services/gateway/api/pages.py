"""The web page, and two things kept from the old program: its upload call and its page addresses."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from services.gateway.api.assets import UPLOAD_BODY, receive_asset
from services.gateway.api.deps import Context, Owner
from services.gateway.api.web_files import index_page, static_file

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
    "/batches",
    "/dubbing",
    "/jobs",
    "/verify",
    "/system",
    "/sign-in",
    "/setup",
    "/password",
    "/account",
    "/admin",
    "/shared/{token}",
)
router = APIRouter()


def page(request: Request) -> Response:
    """The one page; its script reads the address."""
    return index_page(request)


for _path in PAGES:
    router.add_api_route(_path, page, methods=["GET", "HEAD"], include_in_schema=False)


@router.api_route("/static/{name:path}", methods=["GET", "HEAD"], include_in_schema=False)
def files(request: Request, name: str) -> Response:
    """Scripts, styles, pictures and dictionaries of the page."""
    return static_file(request, name)


@router.post("/upload_file", tags=["kept from the old program"], openapi_extra=UPLOAD_BODY)
async def upload_file(request: Request, gateway: Context, owner: Owner) -> Response:
    """The old program's upload; `filepath` is now the asset's id."""
    answer = await receive_asset(request, gateway, owner, None)
    asset = json.loads(bytes(answer.body))
    return JSONResponse({"status": "success", "message": "文件上传成功", "filepath": asset["id"], "asset": asset})
