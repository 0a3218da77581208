"""The Python client in front of the real gateway process; the engine services behind it are fakes."""

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import av
import pytest
import pytest_asyncio
from huasheng import AsyncHuasheng

from tests.fakes.command import Command
from tests.fakes.engine_services import Script
from tests.integration.gateway.conftest import World, open_world


def frames(data: bytes) -> int:
    """Pictures in an MP4, found by decoding it."""
    with av.open(io.BytesIO(data)) as container:
        return sum(1 for _ in container.decode(video=0))


def seconds(wav: bytes) -> float:
    """Length of a sound file, found by decoding it."""
    with av.open(io.BytesIO(wav)) as container:
        return sum(f.samples / f.sample_rate for f in container.decode(audio=0))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One gateway for a module: starting it is most of what these tests cost."""
    async with open_world(tmp_path_factory.mktemp("world")) as w:
        yield w


@pytest_asyncio.fixture(loop_scope="module")
async def hs(world: World) -> AsyncIterator[AsyncHuasheng]:
    async with AsyncHuasheng(world.gateway.url) as client:
        yield client
    for fake in (world.fakes.asr, world.fakes.llm, world.fakes.tts, world.fakes.render):
        fake.script.hold.set()
        fake.script = Script()


@pytest_asyncio.fixture(loop_scope="module")
async def huasheng(world: World, hs: AsyncHuasheng, tmp_path: Path) -> AsyncIterator[Command]:
    """The command, told where the gateway is; the fakes are as new after the test."""
    command = Command(tmp_path, HUASHENG_URL=world.gateway.url)
    yield command
    await command.end_all()


def kinds(events: list[Any]) -> list[str]:
    return [type(e).__name__ for e in events]
