"""A network that breaks: a TCP proxy whose connections are cut after so many bytes of answer."""

from __future__ import annotations

import asyncio
import contextlib


class CuttingProxy:
    """Between a client and ``127.0.0.1:port``. ``plan``: for each connection in turn, the bytes of answer that it lets
    through before it is reset; connections after the plan are left alone.
    """

    def __init__(self, port: int, plan: list[int]) -> None:
        self._port, self.plan = port, plan
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        assert self._server
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> CuttingProxy:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._connection(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        limit = self.plan[self.connections] if self.connections < len(self.plan) else None
        self.connections += 1
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        up = asyncio.create_task(_pump(reader, back, None))
        try:
            await _pump(there, writer, limit)
        finally:
            up.cancel()
            for end in (writer, back):
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()


async def _pump(source: asyncio.StreamReader, to: asyncio.StreamWriter, limit: int | None) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            if limit is not None:
                data, limit = data[:limit], limit - len(data)
            to.write(data)
            await to.drain()
            if limit is not None and limit <= 0:
                return
