"""The files of the page, under addresses that hold a hash of all of them.

``/static/<hash>/js/main.js`` never changes, so browsers keep it for a year and ask only for ``index.html`` again. The
page's modules import each other by relative paths: whoever comes from a hashed address stays in it. ``index.html`` also
names every module of the page beforehand (``modulepreload``); without that each depth of imports costs a round trip.
"""

from __future__ import annotations

import hashlib
import mimetypes
import posixpath
import re
import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePosixPath

from fastapi import Request
from fastapi.responses import Response
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES

from services.common.errors import HuashengError

WEB = Path(__file__).parent.parent / "web"
POLICY = (
    "default-src 'self'; media-src 'self' blob:{media}; img-src 'self' blob: data:{media}; connect-src 'self'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""``media``: the bucket, where files are redirected to it. Scripts never are: see ``files.py``."""
HEADERS = {
    "Content-Security-Policy": POLICY.format(media=""),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(self), geolocation=()",
}
NOT_COMPRESSED = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "application/octet-stream", "text/vtt")
"""Media, archives and event streams, and whatever is served with ranges: those count the bytes of the file itself."""
ASK_AGAIN = "no-cache"
KEEP = "public, max-age=31536000, immutable"
CHECK_S = 1.0
ENTRY = "js/main.js"
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".webmanifest": "application/manifest+json"}
_HASHED = re.compile(r"([0-9a-f]{16})/(.+)")
_IMPORT = re.compile(r"""(?:^|[;\s])(?:import|export)\s[^;"']*?["'](\.[^"']+)["']""", re.MULTILINE)


@dataclass(frozen=True)
class WebFiles:
    """All files of the page as they are now, by their paths below the web folder."""

    version: str
    """A hash of all names and contents."""
    index: bytes
    """``index.html`` with the addresses of this version."""
    contents: dict[str, bytes]
    checked_at: float
    state: tuple[tuple[str, int, int], ...]


_now: WebFiles | None = None


def web_files() -> WebFiles:
    """The page's files; read again when one has changed, which is looked at once a second."""
    global _now
    if _now and time.monotonic() - _now.checked_at < CHECK_S:
        return _now
    paths = sorted(p for p in WEB.rglob("*") if p.is_file())
    state = tuple((p.relative_to(WEB).as_posix(), s.st_mtime_ns, s.st_size) for p in paths for s in [p.stat()])
    _now = replace(_now, checked_at=time.monotonic()) if _now and _now.state == state else _read(state)
    return _now


def _read(state: tuple[tuple[str, int, int], ...]) -> WebFiles:
    contents = {name: (WEB / name).read_bytes() for name, _, _ in state}
    digest = hashlib.sha256()
    for name, data in contents.items():
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    version = digest.hexdigest()[:16]
    links = "".join(f'<link rel="modulepreload" href="/static/{name}" />\n    ' for name in modules(contents))
    index = contents["index.html"].decode().replace('<script type="module"', f'{links}<script type="module"')
    index = index.replace('="/static/', f'="/static/{version}/')
    return WebFiles(version, index.encode(), contents, checked_at=time.monotonic(), state=state)


def modules(contents: dict[str, bytes]) -> list[str]:
    """The modules that ``main.js`` needs, directly or not; nearest first."""
    found = [ENTRY]
    for name in found:
        for target in _IMPORT.findall(contents[name].decode()):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
            if path not in found:
                found.append(path)
    return found[1:]


def index_page(request: Request, status: int = 200) -> Response:
    """The one page; its script reads the address. ``status`` 404 for an address that it has no page for."""
    return file_answer(request, web_files().index, suffix=".html", status=status)


def static_file(request: Request, name: str) -> Response:
    """A file of the page, ``name`` with the hash of the files before it or without. Raises ``no-such-call``."""
    files, caching = web_files(), ASK_AGAIN
    if hashed := _HASHED.fullmatch(name):
        # another version's address is answered with the file of today, which must not be kept under it
        version, name = hashed.groups()
        caching = KEEP if version == files.version else ASK_AGAIN
    data = files.contents.get(name)
    if data is None:
        raise HuashengError("no-such-call", path=request.scope["path"][:200])
    return file_answer(request, data, suffix=PurePosixPath(name).suffix, caching=caching)


def file_answer(request: Request, data: bytes, *, suffix: str, caching: str = ASK_AGAIN, status: int = 200) -> Response:
    """A file with its type, its tag and the page's headers; 304 when the browser has it."""
    # weak: the same tag stands for the compressed form
    tag = f'W/"{hashlib.sha256(data).hexdigest()[:20]}"'
    headers = HEADERS | {"ETag": tag, "Cache-Control": caching}
    gateway = getattr(request.app.state, "gateway", None)
    if gateway and gateway.bucket_links.is_on:
        headers["Content-Security-Policy"] = POLICY.format(media=f" {gateway.bucket_links.origin}")
    if status == 200 and tag.removeprefix("W/") in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(data, status, headers, media_type=_media_type(suffix))


@cache
def _media_type(suffix: str) -> str:
    return _TYPES.get(suffix) or mimetypes.guess_type(f"x{suffix}")[0] or "application/octet-stream"


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks for a page at an address where nothing is; programs get the problem as JSON."""
    path = request.scope["path"]
    programs = path.startswith(("/api/", "/static/", "/openapi", "/upload_file"))
    return request.method in ("GET", "HEAD") and not programs and "text/html" in request.headers.get("accept", "")
