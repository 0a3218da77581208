"""The programs of the cookbook's pages on the command and on MCP really run."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from huasheng.tts.v1 import tts_pb2

from tests.fakes import media
from tests.fakes.command import SOURCE, Command
from tests.fakes.waiting import PATIENCE_S
from tests.integration.clients.conftest import frames, seconds
from tests.integration.gateway.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAGES = Path(__file__).resolve().parents[3] / "docs" / "cookbook"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (PAGES / page).read_text(encoding="utf-8"), re.S)


@pytest.fixture
def kitchen(world: World, huasheng: Command) -> Command:
    """Where a reader might stand: both programs on the path, a few files at hand."""
    world.fakes.tts.clones = tts_pb2.Cloning(engine="fake-clone")
    world.fakes.render.draws_parts = True
    pictures = [np.full((64, 64, 3), i, np.uint8) for i in range(50)]
    (huasheng.home / "me.mp4").write_bytes(media.video(pictures, sound=media.tone(2)))
    (huasheng.home / "question.wav").write_bytes(media.wav(media.tone(1)))
    (huasheng.home / "li_na.wav").write_bytes(media.wav(media.tone(4)))
    programs = huasheng.home / "bin"
    programs.mkdir()
    for name, module in (("huasheng", "huasheng.cli"), ("huasheng-mcp", "huasheng.mcp_server")):
        file = programs / name
        file.write_text(f'#!/bin/sh\nPYTHONPATH={SOURCE} exec {sys.executable} -m {module} "$@"\n')
        file.chmod(0o755)
    huasheng.environment["PATH"] = f"{programs}:{os.environ['PATH']}"
    return huasheng


async def run(kitchen: Command, *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *words, cwd=kitchen.home, env=kitchen.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    async with asyncio.timeout(2 * PATIENCE_S):
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


@pytest.mark.parametrize("program", blocks("cli.md", "sh"), ids=lambda p: p.splitlines()[0][:40])
async def test_shell_programs(kitchen: Command, program: str) -> None:
    await run(kitchen, "bash", "-euo", "pipefail", "-c", program)
    for name in re.findall(r"(?:-o|>) ([\w.]+\.(?:mp4|wav))", program):
        if name != "empty.mp4":
            data = (kitchen.home / name).read_bytes()
            assert frames(data) if name.endswith("mp4") else seconds(data)


async def test_python_programs(world: World, kitchen: Command) -> None:
    (program,) = blocks("mcp.md", "python")
    await kitchen("login", "--url", world.gateway.url)  # the SDK hands HOME on, and not where settings are
    stored = kitchen.home / "config" / "huasheng"
    (kitchen.home / ".config").mkdir()
    stored.rename(kitchen.home / ".config" / "huasheng")
    out = await run(kitchen, sys.executable, "-c", program)
    assert "100% succeeded" in out and "The video of job" in out
    assert frames((kitchen.home / "hello.mp4").read_bytes()) == 10


async def test_the_pages_name_what_there_is(kitchen: Command) -> None:
    text = (PAGES / "cli.md").read_text(encoding="utf-8")
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.M)}
    shown = (await kitchen("--help")).text
    assert told == {int(code) for code in re.findall(r"^\s+(\d+)  ", shown, re.M)}
    for command in re.findall(r"^  ([a-z]+) ", shown.partition("Commands:")[2].partition("Exit codes")[0], re.M):
        assert f"huasheng {command}" in text, command
