"""Receives a multipart upload as a stream: to disk piece by piece, refused the moment it is too large."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_to_bytes

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from services.common.errors import HuashengError

_EXTENDED = re.compile(rb";\s*filename\*\s*=\s*\"?(utf-8|iso-8859-1)'[^']*'([^;\"\s]*)", re.IGNORECASE)
_FLUSH = 1 << 20
_MAX_FIELDS = 20
_MAX_FIELD = 64 * 1024
_ENVELOPE = 256 * 1024
"""Bytes that boundaries and other fields may add to a request."""


@dataclass
class Upload:
    """A received file and the form's other fields. The caller removes ``path``."""

    path: Path
    filename: str = ""
    size: int = 0
    fields: dict[str, str] = field(default_factory=dict)


class _Form:
    """Collects the parser's output: file bytes in a buffer, other fields as strings."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self._header = (bytearray(), bytearray())
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._value = bytearray()
        self._in_file = False

    def callbacks(self) -> dict[str, object]:
        """As ``MultipartParser`` wants them."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda d, a, b: self._header[0].extend(d[a:b]),
            "on_header_value": lambda d, a, b: self._header[1].extend(d[a:b]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._start,
            "on_part_data": self._data,
            "on_part_end": self._end,
        }

    def _begin(self) -> None:
        self._headers, self._value = {}, bytearray()

    def _end_header(self) -> None:
        self._headers[bytes(self._header[0]).lower()] = bytes(self._header[1])
        self._header[0].clear()
        self._header[1].clear()

    def _start(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"")
        _, options = parse_options_header(disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        extended = _extended_filename(disposition)
        self._in_file = self._name == "file" and (extended is not None or b"filename" in options)
        if self._in_file:
            if self.filename is not None:
                raise HuashengError("bad-request", what="one file at a time, in the field `file`")
            plain = options.get(b"filename", b"").decode("utf-8", "replace")
            self.filename = plain if extended is None else extended

    def _data(self, data: bytes, a: int, b: int) -> None:
        if self._in_file:
            self.buffer += data[a:b]
            return
        self._value += data[a:b]
        if len(self._value) > _MAX_FIELD:
            raise HuashengError("bad-request", what=f"the field {self._name[:40]} is too long")

    def _end(self) -> None:
        if not self._in_file:
            self.fields[self._name] = self._value.decode("utf-8", "replace")
            if len(self.fields) > _MAX_FIELDS:
                raise HuashengError("bad-request", what="too many fields")


def _extended_filename(disposition: bytes) -> str | None:
    """The name in ``filename*=UTF-8''…``. Forms should not hold it (RFC 7578), but some clients send nothing else."""
    found = _EXTENDED.search(disposition)
    if not found:
        return None
    charset, value = found[1].decode("ascii").lower(), unquote_to_bytes(found[2])
    return value.decode("latin-1" if charset == "iso-8859-1" else "utf-8", "replace")


async def receive(request: Request, folder: Path, limit: int) -> Upload:
    """Write the field ``file`` of at most ``limit`` bytes to a temporary file in ``folder``.

    Raises ``too-large`` without reading the rest, ``bad-request`` when the file is missing or the form is broken,
    ``disk-full``.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    # RFC 2046 allows 70 characters; the parser refuses more than 256 with an error of its own
    if kind != b"multipart/form-data" or not 1 <= len(options.get(b"boundary", b"")) <= 256:
        raise HuashengError("bad-request", what="send the file as multipart/form-data in the field `file`")
    too_large = HuashengError("too-large", limit_mb=limit // 2**20)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit + _ENVELOPE:
        raise too_large
    form = _Form()
    parser = MultipartParser(options[b"boundary"], form.callbacks())  # type: ignore[arg-type]
    try:
        handle, name = await asyncio.to_thread(_make, folder)
    except OSError as e:
        raise _storage_error(e) from e
    upload = Upload(Path(name))
    try:
        with os.fdopen(handle, "wb", buffering=0) as out:
            async for data in request.stream():
                parser.write(data)
                if upload.size + len(form.buffer) > limit:
                    raise too_large
                if len(form.buffer) >= _FLUSH:
                    upload.size += await _flush(form, out)
            parser.finalize()
            upload.size += await _flush(form, out)
        if form.filename is None:
            raise HuashengError("bad-request", what="the field `file` is missing")
    except BaseException as e:
        upload.path.unlink(missing_ok=True)
        if isinstance(e, FormParserError):
            raise HuashengError("bad-request", what="the multipart form is broken") from e
        if isinstance(e, OSError) and not isinstance(e, HuashengError):
            raise _storage_error(e) from e
        raise
    upload.filename, upload.fields = form.filename, form.fields
    return upload


def _make(folder: Path) -> tuple[int, str]:
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.mkstemp(dir=folder, suffix=".part")


async def _flush(form: _Form, out: object) -> int:
    data, form.buffer = form.buffer, bytearray()
    view = memoryview(data)
    while view:  # an unbuffered write may take less than all
        view = view[await asyncio.to_thread(out.write, view) :]  # type: ignore[attr-defined]
    return len(data)


def _storage_error(error: OSError) -> Exception:
    return HuashengError("disk-full") if error.errno == 28 else error
