"""Serves stored files with ranges, entity tags and content types, and headers that keep a browser from running them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import IO
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from services.common.errors import HuashengError
from services.common.storage import Storage
from services.gateway.store.idempotency import request_hash

CHUNK = 256 * 1024
TYPES = {
    "mp4": "video/mp4",
    "wav": "audio/wav",
    "vtt": "text/vtt; charset=utf-8",
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a ``Range`` header; None to send everything (no range, several ranges, other units).

    Raises ``bad-range`` when the range lies outside.
    """
    found = _RANGE.match(header.replace(" ", ""))
    if not found or found.group(0) == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size - 1
        bad = int(last) == 0 or size == 0
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < int(first):
            return None  # not a range at all: RFC 9110 says to ignore it
        bad = start >= size
    if bad:
        raise HuashengError("bad-range", bytes=size)
    return start, end


def disposition(name: str, as_download: bool) -> str:
    """``Content-Disposition`` for any file name."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    return f"{'attachment' if as_download else 'inline'}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


@dataclass(frozen=True)
class StoredFile:
    """A file to serve: its storage key, its name for users, and the tag that identifies its version."""

    key: str
    content_type: str
    etag: str
    name: str


def result_tag(key: str) -> str:
    """Entity tag of a result: it is written once, under a key made from its job's id, so the key identifies it."""
    return request_hash(key)[:16]


async def serve(request: Request, storage: Storage, file: StoredFile, max_age_s: int) -> Response:
    """The file, or the range of it that was asked for. Raises ``unknown-id``, ``bad-range``."""
    try:
        size = await asyncio.to_thread(storage.size, file.key)
        handle = await asyncio.to_thread(storage.open, file.key)
    except (FileNotFoundError, ValueError) as e:
        raise HuashengError("unknown-id", kind="file", id=file.key.rsplit("/", 1)[-1][:80]) from e
    tag = f'"{file.etag}"'
    headers = SAFE | {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": f"private, max-age={max_age_s}",
        "Content-Disposition": disposition(file.name, "download" in request.query_params),
    }
    try:
        if tag in [t.strip().removeprefix("W/") for t in request.headers.get("if-none-match", "").split(",")]:
            handle.close()
            return Response(status_code=304, headers=headers)
        wanted = None
        if request.headers.get("if-range", tag) == tag:
            wanted = parse_range(request.headers.get("range", ""), size)
        start, end = wanted or (0, size - 1)
    except HuashengError:
        handle.close()
        raise
    headers["Content-Length"] = str(end - start + 1)
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    status = 206 if wanted else 200
    if request.method == "HEAD":
        handle.close()
        return Response(status_code=status, headers=headers, media_type=file.content_type)
    return StreamingResponse(_read_range(handle, start, end), status, headers, media_type=file.content_type)


async def _read_range(handle: IO[bytes], start: int, end: int) -> AsyncIterator[bytes]:
    with handle:
        await asyncio.to_thread(handle.seek, start)
        left = end - start + 1
        while left > 0 and (data := await asyncio.to_thread(handle.read, min(CHUNK, left))):
            left -= len(data)
            yield data
