"""``huasheng talk``: a live conversation in a pipe and on a terminal, with and without sound."""

import asyncio
import json
import os
import pty
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from huasheng import AsyncHuasheng
from huasheng.asr.v1 import asr_pb2

from tests.fakes.command import SOURCE, Command
from tests.fakes.waiting import until
from tests.integration.gateway.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
DEVICES = Path(__file__).resolve().parents[2] / "fakes" / "sound_devices"
Heard = asr_pb2.StreamTranscribeResponse


def events(out: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.decode().splitlines()]


async def test_each_line_of_a_pipe_is_a_question(world: World, huasheng: Command, hs: AsyncHuasheng) -> None:
    done = await huasheng("talk", stdin="你是谁？\n\n你能做什么？".encode())
    reply = world.fakes.llm.reply
    lines = done.text.splitlines()
    assert [line for line in lines if line.startswith("?")] == ["? 你是谁？", "? 你能做什么？"]
    assert "".join(line.strip() for line in lines if line.startswith("  ")) == reply * 2 and not done.err


async def test_json_tells_what_happens_and_a_conversation_goes_on(
    world: World, huasheng: Command, hs: AsyncHuasheng
) -> None:
    first = events((await huasheng("talk", "--json", stdin="你是谁？\n".encode())).out)
    assert [e["text"] for e in first if e["type"] == "question"] == ["你是谁？"]
    assert "".join(e["text"] for e in first if e["type"] == "clause") == world.fakes.llm.reply
    assert first[-1]["type"] == "answered" and "session" not in first[0]
    kept = first[0]["conversation_id"]
    await huasheng("talk", "--conversation", kept, stdin="还有呢？\n/quit\nnever asked".encode())
    saved = await hs.conversations.get(kept)
    assert [m.text for m in saved.messages if m.role == "user"][:1] == ["你是谁？"]
    assert "never asked" not in [m.text for m in saved.messages]


async def test_what_the_gateway_refuses_ends_it(huasheng: Command) -> None:
    done = await huasheng("talk", "--conversation", "none", "--json", stdin=b"hello\n", code=4)
    assert done.problem["reason"] == "unknown-id"


async def test_sound_that_is_not_there_is_told(huasheng: Command) -> None:
    none = huasheng.home / "none"
    none.mkdir()
    (none / "sounddevice.py").write_text("raise ModuleNotFoundError('sounddevice')")
    bare = Command(huasheng.home, **{**huasheng.environment, "PYTHONPATH": f"{none}:{SOURCE}"})
    assert "pip install 'huasheng-client[sound]'" in (await bare("talk", "--microphone", code=2)).err
    (none / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    assert "libportaudio2" in (await bare("talk", "--loudspeaker", code=2)).err


async def until_told(process: asyncio.subprocess.Process, kind: str) -> dict[str, Any]:
    assert process.stdout
    while line := await process.stdout.readline():
        told: dict[str, Any] = json.loads(line)
        if told["type"] == kind:
            return told
    raise AssertionError(f"no {kind}")


async def until_noted(process: asyncio.subprocess.Process) -> None:
    """One press of Ctrl-C is heard; two at once would be one signal."""
    assert process.stderr
    async with asyncio.timeout(60):
        while b"once more" not in await process.stderr.readline():
            assert process.returncode is None


async def test_ctrl_c_stops_the_answer_and_twice_leaves(world: World, huasheng: Command) -> None:
    process = await huasheng.start("talk", "--json")
    assert process.stdin
    process.stdin.write("你是谁？\n".encode())
    world.fakes.render.script.hold.clear()
    async with asyncio.timeout(60):
        await until_told(process, "question")
        process.send_signal(signal.SIGINT)
        assert (await until_told(process, "interrupted"))["reason"] == "hand"
        await until_noted(process)
        world.fakes.render.script.hold.set()
        process.stdin.write("你能做什么？\n".encode())
        await until_told(process, "answered")
        process.send_signal(signal.SIGINT)
        await until_noted(process)
        process.send_signal(signal.SIGINT)
        await process.wait()
    await huasheng.end(process, code=130)


class Terminal:
    """The command as somebody sits before it."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self.shown = b""

    async def start(self, *words: str) -> None:
        self.master, slave = pty.openpty()
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "huasheng.cli", *words),
            cwd=self._command.home,
            env={**self._command.environment, "TERM": "xterm", "COLUMNS": "200"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        self._command.started.append(self.process)
        os.close(slave)
        asyncio.get_running_loop().add_reader(self.master, self._read)

    def _read(self) -> None:
        try:
            self.shown += os.read(self.master, 65536)
        except OSError:  # the other end is closed
            asyncio.get_running_loop().remove_reader(self.master)

    async def until(self, text: str) -> None:
        try:
            await until(lambda: text in self.shown.decode("utf-8", "replace"))
        except TimeoutError:
            raise AssertionError(f"no {text} in {self.shown!r}") from None

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    async def end(self) -> int:
        async with asyncio.timeout(60):
            code = await self.process.wait()
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)
        return code


async def test_on_a_terminal_lines_are_answered_as_they_are_typed(world: World, huasheng: Command) -> None:
    terminal = Terminal(huasheng)
    await terminal.start("talk", "--no-microphone", "--no-loudspeaker")
    terminal.type("你是谁？\n")
    await terminal.until(world.fakes.llm.reply[-5:])
    terminal.type("/quit\n")
    assert await terminal.end() == 0


async def test_login_asks_and_does_not_show_the_key(world: World, huasheng: Command) -> None:
    terminal = Terminal(huasheng)
    await terminal.start("login")
    await terminal.until("Address of the gateway")
    terminal.type(f"{world.gateway.url}\n")
    await terminal.until("API key")
    terminal.type("hs_secret\n")
    await terminal.until("stored in")
    assert await terminal.end() == 0
    assert b"hs_secret" not in terminal.shown


async def test_a_video_shows_how_far_it_is_on_a_terminal(world: World, huasheng: Command) -> None:
    terminal = Terminal(huasheng)
    world.fakes.render.script.hold.clear()
    await terminal.start("video", "大家好。", "-o", "v.mp4")
    await terminal.until("video tts")
    terminal.process.send_signal(signal.SIGINT)
    await terminal.until("is cancelled")
    assert await terminal.end() == 130


async def test_it_is_spoken_and_heard_where_there_are_devices(world: World, huasheng: Command) -> None:
    """With devices that play into a file, and whose microphone hears silence."""
    played = huasheng.home / "played.pcm"
    with_sound = Command(
        huasheng.home,
        **{**huasheng.environment, "PYTHONPATH": f"{DEVICES}:{SOURCE}", "FAKE_SOUND_FILE": str(played)},
    )
    before = world.fakes.asr.live_bytes
    process = await with_sound.start("talk", "--json", "--microphone", "--loudspeaker")
    await until(lambda: world.fakes.asr.live_bytes > before)
    for event in (
        Heard(speech_started=asr_pb2.SpeechStarted(pts_us=0)),
        Heard(speech_ended=asr_pb2.SpeechEnded(pts_us=1)),
        Heard(final=asr_pb2.Final(text="你好", language="zh", engine="fake-asr")),
    ):
        await world.fakes.asr.live.put(event)
    async with asyncio.timeout(60):
        assert (await until_told(process, "question"))["text"] == "你好"
        answered = await until_told(process, "answered")
    assert answered["timings_ms"]
    whole = int(len(world.fakes.llm.reply) * 0.1 * 24000) * 2
    await until(lambda: played.exists() and len(played.read_bytes().strip(b"\0")) > 0.9 * whole)
    process.send_signal(signal.SIGINT)
    await until_noted(process)
    process.send_signal(signal.SIGINT)
    await process.wait()
    await with_sound.end(process, code=130)
