"""Serves stored files with ranges, entity tags and content types, and headers that keep a browser from running them."""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import IO
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from services.common.errors import HuashengError
from services.gateway.context import Gateway
from services.gateway.store.idempotency import request_hash

CHUNK = 256 * 1024
LEAST_REDIRECTED = 256 * 1024
"""Bytes from which on a second connection is worth it; smaller files are kept by browsers under one address."""
TYPES = {
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
    "wav": "audio/wav",
    "vtt": "text/vtt; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "ass": "text/x-ssa; charset=utf-8",
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
    bytes: int | None = None
    """Its size, where it is known already."""


def result_tag(key: str) -> str:
    """Entity tag of a result: it is written once, under a key made from its job's id, so the key identifies it."""
    return request_hash(key)[:16]


async def serve(request: Request, gateway: Gateway, file: StoredFile, max_age_s: int) -> Response:
    """The file, or the range of it that was asked for; a redirect to the bucket's own link where ``_goes_there``.

    ``max_age_s`` 0: whoever may read it is asked at every use. Raises ``unknown-id``, ``bad-range``, ``storage-down``.
    """
    size = await asyncio.to_thread(stored_size, gateway, file.key) if file.bytes is None else file.bytes
    tag = f'"{file.etag}"'
    shown_as = disposition(file.name, "download" in request.query_params)
    headers = SAFE | {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": f"private, max-age={max_age_s}",
        "Content-Disposition": shown_as,
    }
    if tag in [t.strip().removeprefix("W/") for t in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    if max_age_s and size >= LEAST_REDIRECTED and _goes_there(request, gateway):
        link = await asyncio.to_thread(
            functools.partial(
                gateway.bucket_links.of,
                file.key,
                content_type=file.content_type,
                disposition=shown_as,
                at_most_s=max_age_s,
            )
        )
        return Response(status_code=307, headers=SAFE | {"Location": link, "Cache-Control": "no-store"})
    wanted = None
    if request.headers.get("if-range", tag) == tag:
        wanted = parse_range(request.headers.get("range", ""), size)
    start, end = wanted or (0, size - 1)
    headers["Content-Length"] = str(end - start + 1)
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    status = 206 if wanted else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=file.content_type)
    try:
        handle = await asyncio.to_thread(gateway.storage.open, file.key, start, end - start + 1)
    except (FileNotFoundError, ValueError) as e:
        raise _unknown(file.key) from e
    return StreamingResponse(_read(handle, end - start + 1), status, headers, media_type=file.content_type)


def _goes_there(request: Request, gateway: Gateway) -> bool:
    """Whether the file may come from the bucket: not for scripts of a page (``fetch``), which need not be allowed to
    read from there, and not for ``HEAD``, which a link is not made for."""
    mode = request.headers.get("sec-fetch-mode", "no-cors")
    return gateway.bucket_links.is_on and request.method == "GET" and mode in ("no-cors", "navigate")


def stored_size(gateway: Gateway, key: str) -> int:
    """Size of a stored file in bytes. Raises ``unknown-id``."""
    try:
        return gateway.storage.size(key)
    except (FileNotFoundError, ValueError) as e:
        raise _unknown(key) from e


def _unknown(key: str) -> HuashengError:
    return HuashengError("unknown-id", kind="file", id=key.rsplit("/", 1)[-1][:80])


async def _read(handle: IO[bytes], length: int) -> AsyncIterator[bytes]:
    with handle:
        left = length
        try:
            while left > 0 and (data := await asyncio.to_thread(handle.read, min(CHUNK, left))):
                left -= len(data)
                yield data
        except HuashengError as e:
            # after the headers are sent only a broken connection can say "incomplete"
            raise ConnectionAbortedError(e.slug) from e
