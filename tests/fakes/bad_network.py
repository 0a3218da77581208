"""A TCP proxy that is the network between two processes: it may fall silent, break, or be slow, and recover."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

PIECE = 16_384
RESET = struct.pack("ii", 1, 0)
"""A socket with this option ends with RST."""


class BadNetwork:
    """Between its own port and ``127.0.0.1:port``. As long as nothing is said it carries everything at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._carries = asyncio.Event()
        self._carries.set()
        self._delay_s, self._bytes_per_s = 0.0, 0.0

    @property
    def port(self) -> int:
        assert self._server
        return int(self._server.sockets[0].getsockname()[1])

    async def open(self) -> BadNetwork:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return self

    async def close(self) -> None:
        assert self._server
        self._server.close()
        self.reset()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Carry nothing any more, in neither direction, and tell nobody."""
        self._carries.clear()

    def slow(self, delay_s: float, bytes_per_s: float) -> None:
        """Each piece comes later, and large ones take their time."""
        self._delay_s, self._bytes_per_s = delay_s, bytes_per_s

    def heal(self) -> None:
        """Carry all again; the connections that were there are broken when they were cut, as routers forget them."""
        was_cut = not self._carries.is_set()
        self._carries.set()
        self._delay_s = self._bytes_per_s = 0.0
        if was_cut:
            self.reset()

    def reset(self) -> None:
        """Break all connections."""
        for task in self._tasks:
            task.cancel()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._connection(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends, is_broken = [writer], True
        pumps: list[asyncio.Task[None]] = []
        try:
            await self._carries.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
            ends.append(back)
            pumps = [asyncio.create_task(self._pump(reader, back)), asyncio.create_task(self._pump(there, writer))]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            is_broken = False
        except OSError:
            pass  # nobody listens there: the caller is refused
        finally:
            for pump in pumps:
                pump.cancel()
            for end in ends:
                if is_broken:
                    with contextlib.suppress(OSError):
                        end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    end.transport.abort()
                else:
                    end.close()

    async def _pump(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(PIECE):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s + len(data) / self._bytes_per_s)
                await self._carries.wait()
                to.write(data)
                await to.drain()
