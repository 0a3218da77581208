"""Clients that open a connection and never finish what they began are cut off; those that are only slow are not."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
import websockets
from fastapi import Request
from fastapi.responses import JSONResponse

from services.gateway import connections
from services.gateway.api import limits
from services.gateway.api.middleware import Middleware

BODY = b"POST /api/v1/assets HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Tells how long the body was."""
    body = b"".join([part async for part in Request(scope, receive).stream()])
    await JSONResponse({"bytes": len(body)})(scope, receive, send)


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(connections, "HEADERS_S", 0.5)
    monkeypatch.setattr(limits, "PIECE_S", 0.5)
    sock = connections.listen("127.0.0.1", 0)
    config = uvicorn.Config(
        Middleware(app, hosts=frozenset(), is_stopping=lambda: False),
        http=connections.Protocol,
        log_config=None,
        lifespan="off",
        ws="none",
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]  # pytest has its own
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    while not server.started:
        await asyncio.sleep(0.01)
    yield sock.getsockname()[1]
    server.should_exit = True
    await serving


async def exchange(port: int, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """What comes back until the server ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(pause_s)
    try:
        return await asyncio.wait_for(reader.read(), 20)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_headers_that_never_end(port: int) -> None:
    assert await exchange(port) == b""
    assert await exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\nX-A: ") == b""
    whole = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = await exchange(port, whole, b"GET / HTTP/1.1\r\n")
    assert answer.count(b"HTTP/1.1") == 1 and b'{"bytes":0}' in answer, "the second request is cut off"


async def test_a_body_that_never_ends(port: int) -> None:
    answer = await exchange(port, BODY, b"abc")
    assert answer.startswith(b"HTTP/1.1 408") and b"connection: close" in answer.lower()
    assert json.loads(answer.split(b"\r\n\r\n")[1])["reason"] == "slow-request"


async def test_a_body_that_comes_slowly(port: int) -> None:
    parts = [b"a" * 10] * 10
    answer = await exchange(port, BODY.replace(b"Host: a", b"Host: a\r\nConnection: close"), *parts, pause_s=0.1)
    assert answer.startswith(b"HTTP/1.1 200") and b'{"bytes":100}' in answer


async def test_a_byte_now_and_then_is_not_enough(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PATIENCE_S", 0.5)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(BODY)
    answer = asyncio.create_task(reader.readline())
    for _ in range(100):
        if answer.done():
            break
        writer.write(b"a")
        await asyncio.wait({answer}, timeout=0.2)
    assert (await answer).startswith(b"HTTP/1.1 408")
    writer.close()


async def test_a_websocket_is_no_slow_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be silent for longer than the headers of a request may take."""
    monkeypatch.setattr(connections, "HEADERS_S", 0.3)

    async def echo(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        message = await receive()
        await send({"type": "websocket.send", "text": message["text"]})

    sock = connections.listen("127.0.0.1", 0)
    config = uvicorn.Config(echo, http=connections.Protocol, log_config=None, lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    while not server.started:
        await asyncio.sleep(0.01)
    async with websockets.connect(f"ws://127.0.0.1:{sock.getsockname()[1]}", proxy=None) as socket_:
        await asyncio.sleep(1)
        await socket_.send("hello")
        assert await asyncio.wait_for(socket_.recv(), 20) == "hello"
    server.should_exit = True
    await serving


async def test_small_packets_are_sent_at_once(port: int) -> None:
    """TCP_NODELAY on accepted connections: asyncio sets it where the listening socket names its protocol."""
    with connections.listen("127.0.0.1", 0) as sock:
        assert sock.proto == socket.IPPROTO_TCP
        made: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        class Seen(asyncio.Protocol):
            def connection_made(self, transport: Any) -> None:
                made.set_result(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                transport.close()

        server = await asyncio.get_running_loop().create_server(Seen, sock=sock)
        _reader, writer = await asyncio.open_connection(*sock.getsockname())
        assert await asyncio.wait_for(made, 10)
        writer.close()
        server.close()
