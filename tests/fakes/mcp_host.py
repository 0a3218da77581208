"""The MCP server as a process of its own, with the SDK's client before it, over both transports."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.fakes.command import Command
from tests.fakes.waiting import PATIENCE_S

PROGRAM = "huasheng.mcp_server"


@asynccontextmanager
async def session_of(streams: Any) -> AsyncIterator[ClientSession]:
    limit = timedelta(seconds=PATIENCE_S)
    async with ClientSession(streams[0], streams[1], read_timeout_seconds=limit) as session:
        await session.initialize()
        yield session


@asynccontextmanager
async def over_stdio(command: Command, *words: str) -> AsyncIterator[ClientSession]:
    asked = StdioServerParameters(
        command=sys.executable, args=["-m", PROGRAM, *words], env=command.environment, cwd=command.home
    )
    async with stdio_client(asked) as streams, session_of(streams) as session:
        yield session


@asynccontextmanager
async def http_server(command: Command, *words: str) -> AsyncIterator[str]:
    """Its address, which it tells when it listens."""
    process = await command.start("--http", "--port", "0", *words, program=PROGRAM)
    assert process.stderr
    try:
        async with asyncio.timeout(PATIENCE_S):
            line = (await process.stderr.readline()).decode()
        assert line.startswith("huasheng-mcp: http://"), line + (await process.stderr.read()).decode()
        yield line.split()[1]
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            await process.communicate()


@asynccontextmanager
async def over_http(command: Command, *words: str, token: str = "") -> AsyncIterator[ClientSession]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        http_server(command, *words) as url,
        httpx.AsyncClient(headers=headers, timeout=PATIENCE_S) as http,
        streamable_http_client(url, http_client=http) as streams,
        session_of(streams) as session,
    ):
        yield session


def text_of(result: Any) -> str:
    """The words of an answer."""
    return str(result.content[0].text)
