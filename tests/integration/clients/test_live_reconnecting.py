"""The Python client's live conversation before a gateway that keeps losing it, goes away for a moment, or ends it."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import websockets
from huasheng import AsyncHuasheng, ConnectionFailedError, live

WELCOME = {
    "type": "welcome",
    "protocol": 1,
    "session": "l_1",
    "conversation_id": "c_1",
    "transport": "webcodecs",
    "resume_s": 1.2,
    "idle_limit_s": 60,
    "total_limit_s": 600,
    "seq": -1,
}
Behave = Callable[[websockets.ServerConnection, int, dict[str, Any]], Awaitable[None]]


class Gateway:
    """``behave(socket, number of the connection, hello)``; ``refuse`` of the first connections after the first."""

    def __init__(self, behave: Behave, refuse: int = 0) -> None:
        self.behave, self.refuse = behave, refuse
        self.hellos: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []

    async def __aenter__(self) -> "Gateway":
        self.server = await websockets.serve(self.talk, "127.0.0.1", 0, process_request=self.check)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        await self.server.wait_closed()

    def check(self, connection: websockets.ServerConnection, _request: Any) -> Any:
        if self.hellos and self.refuse:
            self.refuse -= 1
            return connection.respond(503, "the proxy finds nobody\n")
        return None

    async def talk(self, socket: websockets.ServerConnection) -> None:
        hello = json.loads(await socket.recv())
        self.hellos.append(hello)
        await self.behave(socket, len(self.hellos), hello)


async def welcome(socket: websockets.ServerConnection, *, resumed: bool) -> None:
    await socket.send(json.dumps({**WELCOME, "resumed": resumed}))


async def items(gateway: Gateway) -> list[Any]:
    out: list[Any] = []
    async with AsyncHuasheng(gateway.url) as hs, hs.live.connect() as talk:
        async for item in talk.items():
            out.append(item)
    return out


async def test_a_connection_that_is_lost_again_and_again_ends_and_does_not_spin() -> None:
    async def behave(socket: websockets.ServerConnection, number: int, _hello: dict[str, Any]) -> None:
        if number == 1:
            await welcome(socket, resumed=False)
        socket.transport.abort()

    async with Gateway(behave) as gateway:
        with pytest.raises(ConnectionFailedError):
            await items(gateway)
        assert 2 <= len(gateway.hellos) <= 6


async def test_a_proxy_without_a_gateway_for_a_moment_is_waited_for() -> None:
    async def behave(socket: websockets.ServerConnection, number: int, hello: dict[str, Any]) -> None:
        await welcome(socket, resumed=number > 1)
        if number == 1:
            await socket.send(json.dumps({"type": "state", "state": "listening", "seq": 7}))
            await socket.close(1012)
        else:
            assert (hello["session"], hello["last_seq"]) == ("l_1", 7)
            await socket.close(1000)

    async with Gateway(behave, refuse=1) as gateway:
        got = await items(gateway)
        assert [type(i) for i in got] == [live.Welcome, live.State, live.Reconnecting, live.Welcome]
        assert [i.resumed for i in got if isinstance(i, live.Welcome)] == [False, True]


async def test_what_the_gateway_ended_is_not_taken_up_again() -> None:
    async def behave(socket: websockets.ServerConnection, _number: int, _hello: dict[str, Any]) -> None:
        await welcome(socket, resumed=False)
        await socket.close(1011)

    async with Gateway(behave) as gateway:
        with pytest.raises(ConnectionFailedError):
            await items(gateway)
        assert len(gateway.hellos) == 1


async def test_what_is_asked_while_the_connection_is_lost_is_asked_when_it_is_back() -> None:
    async def behave(socket: websockets.ServerConnection, number: int, _hello: dict[str, Any]) -> None:
        await welcome(socket, resumed=number > 1)
        if number == 1:
            socket.transport.abort()
            return
        gateway.messages.append(json.loads(await socket.recv()))
        await socket.close(1000)

    async with Gateway(behave) as gateway:
        async with AsyncHuasheng(gateway.url) as hs, hs.live.connect() as talk:
            async for item in talk.items():
                if isinstance(item, live.Reconnecting):
                    await talk.say("还在吗？")
        assert gateway.messages == [{"type": "text", "text": "还在吗？"}]
