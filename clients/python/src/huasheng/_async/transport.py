"""Sends calls: tries again where that is harmless, keeps to deadlines, turns answers into values or exceptions."""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import httpx

from huasheng._async._io import sleep
from huasheng._files import Upload
from huasheng._protocol import (
    READ_S,
    Call,
    Deadline,
    Settings,
    at,
    broken,
    model,
    nothing,
    parse_answer,
    pause,
    read_problem,
    too_large,
)
from huasheng.errors import ConnectionFailedError, HuashengError, NotFoundError
from huasheng.models import SystemInfo

T = TypeVar("T")
log = logging.getLogger("huasheng")


class AsyncTransport:
    """One gateway. ``http`` is closed with it only if it was made here."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient | None) -> None:
        self.settings = settings
        self._http = http or httpx.AsyncClient()
        self._is_ours = http is None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._is_ours:
            await self._http.aclose()

    async def call(self, call: Call[T]) -> T:
        """Make a call. Raises every ``HuashengError`` but ``JobError``."""
        deadline = Deadline(call.timeout_s, call.name)
        attempt = 1
        while True:
            try:
                response = await self._open(call, deadline, READ_S)
                try:
                    data = await self._read(response, call.name, deadline)
                finally:
                    await response.aclose()
                return parse_answer(call, data, response.headers)
            except HuashengError as e:
                if attempt > 1 and call.parse is nothing and isinstance(e, NotFoundError):
                    return call.parse(None)  # the try before deleted it, only its answer was lost
                if call.upload and isinstance(e, ConnectionFailedError):
                    await self._check_size(call.upload, deadline)
                wait = pause(e, attempt, call, deadline)
                log.warning("%s: try %d failed (%s), next in %.1f s", call.name, attempt, type(e).__name__, wait)
            attempt += 1
            await sleep(wait)

    async def _check_size(self, upload: Upload, deadline: Deadline) -> None:
        """Whether a broken upload was a refused one: a gateway that reads no further closes the connection, and its
        answer is lost while we are still sending. Raises ``RefusedError`` ``too-large``.
        """
        ask = Call("GET", at("system"), model(SystemInfo))
        try:
            async with self.stream(ask, deadline) as response:
                data = await self._read(response, ask.name, deadline)
                limits = parse_answer(ask, data, response.headers).limits
        except HuashengError:
            return  # the upload's own failure is what is told
        if upload.total and upload.total > limits.get("upload_bytes", math.inf):
            raise too_large(upload.total, limits["upload_bytes"])

    @asynccontextmanager
    async def stream(
        self, call: Call[Any], deadline: Deadline, read_s: float = READ_S
    ) -> AsyncIterator[httpx.Response]:
        """An answer whose body is still to come; tried once. Raises as ``call`` does."""
        response = await self._open(call, deadline, read_s)
        try:
            yield response
        finally:
            await response.aclose()

    async def pieces(self, response: httpx.Response, what: str, deadline: Deadline) -> AsyncIterator[bytes]:
        """The body as it comes. Raises ``ConnectionFailedError`` when it breaks off, ``DeadlineError``."""
        try:
            async for piece in response.aiter_bytes():
                deadline.left()
                yield piece
        except httpx.TransportError as e:
            raise broken(e, what, deadline) from e

    async def _open(self, call: Call[Any], deadline: Deadline, read_s: float) -> httpx.Response:
        request = self._request(call, deadline, read_s)
        try:
            response = await self._http.send(request, stream=True)
            if response.status_code == 307 and call.method == "GET" and (there := response.next_request):
                # a file comes from a bucket, which gets no key of ours: httpx leaves it out for another host
                await response.aclose()
                response = await self._http.send(there, stream=True)
        except httpx.TransportError as e:
            raise broken(e, call.name, deadline) from e
        if response.is_success:
            return response
        try:
            data = await self._read(response, call.name, deadline)
        finally:
            await response.aclose()
        raise read_problem(response, data)

    def _request(self, call: Call[Any], deadline: Deadline, read_s: float) -> httpx.Request:
        upload = call.upload
        if upload:
            upload.check = deadline.left
        return self._http.build_request(
            call.method,
            self.settings.resolve(call.path),
            params=dict(call.params) or None,
            json=call.body,
            data=upload.fields if upload else None,
            files={"file": (upload.name, cast(Any, upload))} if upload else None,
            headers={**self.settings.headers(), **call.headers},
            timeout=deadline.timeouts(read_s),
        )

    async def _read(self, response: httpx.Response, what: str, deadline: Deadline) -> bytes:
        out = bytearray()
        async for piece in self.pieces(response, what, deadline):
            out += piece
        return bytes(out)
