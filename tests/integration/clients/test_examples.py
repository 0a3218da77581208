"""The examples and every Python program in a README really run."""

import asyncio
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from huasheng import AsyncHuasheng
from huasheng.tts.v1 import tts_pb2

from tests.fakes import media
from tests.integration.clients.conftest import frames, seconds
from tests.integration.gateway.conftest import World

ROOT = Path(__file__).resolve().parents[3]
CLIENT = ROOT / "clients" / "python"
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md", CLIENT / "README.md", CLIENT / "README.zh-CN.md"]
PROGRAMS = {
    program: f"{readme.relative_to(ROOT)}-{i}"
    for readme in reversed(READMES)
    for i, program in enumerate(re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.S))
}
"""Each once, however many pages show it."""
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def run(world: World, folder: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(CLIENT / "src"), "HUASHENG_URL": world.gateway.url}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, out.decode()
    return out.decode()


@pytest.fixture
def folder(world: World, hs: AsyncHuasheng, tmp_path: Path) -> Path:
    """Where a reader might stand."""
    world.fakes.tts.clones = tts_pb2.Cloning(engine="fake-clone")
    (tmp_path / "question.wav").write_bytes(media.wav(media.tone(1)))
    (tmp_path / "li_na.wav").write_bytes(media.wav(media.tone(4)))
    pictures = [np.full((64, 64, 3), i, np.uint8) for i in range(50)]
    (tmp_path / "me.mp4").write_bytes(media.video(pictures, sound=media.tone(2)))
    return tmp_path


@pytest.mark.parametrize("program", PROGRAMS, ids=PROGRAMS.values())
async def test_programs_in_the_readmes(world: World, folder: Path, program: str) -> None:
    out = await run(world, folder, "-c", program)
    for name in re.findall(r'"([\w.]+\.(?:mp4|wav))"', program):
        if name not in ("me.mp4", "question.wav", "li_na.wav"):
            data = (folder / name).read_bytes()
            assert frames(data) if name.endswith("mp4") else seconds(data)
    if "ProblemError" in program:
        assert out.startswith("415 unsupported-media ")


async def test_examples(world: World, folder: Path) -> None:
    examples = CLIENT / "examples"
    out = await run(world, folder, str(examples / "video.py"), "你好，世界。", "hello.mp4")
    assert "64×64" in out
    assert (folder / "hello.vtt").read_text(encoding="utf-8").startswith("WEBVTT")
    out = await run(world, folder, str(examples / "dialogue.py"), "question.wav", "answer.mp4")
    assert "first picture after" in out
    out = await run(world, folder, str(examples / "training.py"), "me.mp4", "你好", "me_says.mp4")
    assert "me_steps3000" in out
    out = await run(world, folder, str(examples / "live.py"), "live.wav", "你是谁？", "你能做什么？")
    assert out.count("?") == 2 and world.fakes.llm.reply[:5] in out
    assert seconds((folder / "live.wav").read_bytes()) > 2
    for name in ("hello.mp4", "answer.mp4", "me_says.mp4"):
        assert frames((folder / name).read_bytes())
