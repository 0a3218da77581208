"""The live socket of ``docs/live.md``, played from a script: answers of real H.264 and a tone, for the page's tests.

A typed question is answered at once. A test says through ``Live.tell`` what is heard, and loses the connection with
``Live.lose``. Media goes through the gateway's own ``Outbox``, so that what is sent ahead and again is as it really is.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import av
import numpy as np
from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from services.gateway.live import messages as m
from services.gateway.live.frames import MP4, PICTURE, SOUND, MediaFrame
from services.gateway.live.outbox import Outbox
from tests.fakes import web_media

router = APIRouter()
SECONDS = 3.0
Clause = tuple[str, float, float]
CLAUSES: tuple[Clause, ...] = (("你好！", 0.0, 1.0), ("我是画声。", 1.0, 2.0), ("我听到了。", 2.0, SECONDS))
END_FRAME = 30
LEAD_IN = 11
"""Pictures that are decoded and not shown; more than the player keeps decoded."""


@dataclass
class Live:
    """What the page sent, and what the test does with it."""

    received: list[dict[str, Any]] = field(default_factory=list)
    microphone: bytearray = field(default_factory=bytearray)
    sessions: dict[str, Session] = field(default_factory=dict)
    refusal: m.Error | None = None
    forgets: bool = False
    """Whether no session can be taken up again."""
    clauses: tuple[Clause, ...] = CLAUSES
    """Of every answer: words, from when to when in seconds."""
    words_s: float = 0.0
    """From a question to the words of its answer."""
    thinks_s: float = 0.3
    """From the words of an answer to its first picture."""
    loop: asyncio.AbstractEventLoop | None = None
    socket: WebSocket | None = None

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [r for r in self.received if r["type"] == kind]

    def tell(self, *events: Any) -> None:
        """Send events, from the test's thread."""
        session = list(self.sessions.values())[-1]
        assert self.loop
        for event in events:
            asyncio.run_coroutine_threadsafe(session.outbox.event(event), self.loop).result(10)

    def lose(self) -> None:
        """Break the connection, from the test's thread."""
        assert self.loop and self.socket
        asyncio.run_coroutine_threadsafe(self.socket.close(1012), self.loop).result(10)


@cache
def units(seconds: float) -> tuple[bytes, list[tuple[int, bool, bytes]]]:
    """The decoder's configuration; and time in µs, whether a key picture, and data of each picture."""
    with av.open(io.BytesIO(web_media.movie(seconds)), "r") as container:
        stream = container.streams.video[0]
        found = [
            (round(float(p.pts * p.time_base) * 1e6), p.is_keyframe, bytes(p))
            for p in container.demux(stream)
            if p.size and p.pts is not None and p.time_base
        ]
        return bytes(stream.codec_context.extradata or b""), found


class Session:
    """One conversation; answers one question at a time."""

    def __init__(self, live: Live, hello: m.Hello) -> None:
        self.live, self.hello, self.outbox = live, hello, Outbox()
        self.gen = 0
        self.transport = hello.can[0]
        self.question = ""
        self.answering: asyncio.Task[None] | None = None

    async def handle(self, message: Any) -> None:
        self.live.received.append(message.model_dump())
        match message:
            case m.Text():
                await self.interrupt("text", self.outbox.played_us)
                self.begin(message.text)
            case m.Again():
                self.begin("")
            case m.ChangeSettings():
                told = {k: v for k, v in message.model_dump().items() if v is not None}
                self.hello = self.hello.model_copy(update=told)
                kept = {k: getattr(self.hello, k) for k in ("voice_id", "language", "patience")}
                await self.outbox.event(m.SettingsChanged(**kept))
            case m.ChangeTransport():
                await self.change_transport(message)
            case m.Interrupt() if message.gen in (0, self.gen):
                await self.interrupt("hand", message.heard_us)
                await self.state("listening")
            case m.PlayedMessage() if message.gen == self.gen and self.answering:
                was = self.outbox.played_us
                await self.outbox.acknowledge(message, message.is_end)
                if was == 0 < message.us:
                    await self.state("speaking")
                if message.is_end:
                    self.answering = None
                    ms = {"llm": 420.0, "first_heard": 512.0}
                    await self.outbox.event(m.Timings(gen=self.gen, ms=ms))
                    await self.state("listening")
            case m.Ping():
                await self.outbox.event(m.Pong(at=message.at))

    async def state(self, state: m.State) -> None:
        await self.outbox.event(m.StateMessage(state=state))

    def begin(self, question: str, clauses: tuple[Clause, ...] = ()) -> None:
        self.question = question or self.question
        self.answering = asyncio.ensure_future(self.answer(question, clauses or self.live.clauses))

    async def change_transport(self, change: m.ChangeTransport) -> None:
        was_answering = bool(self.answering)
        heard_us = change.heard_us if change.gen == self.gen else 0
        await self.interrupt("player", heard_us)
        if not change.can:
            return
        self.transport = change.can[0]
        await self.outbox.event(m.TransportChanged(transport=self.transport))
        rest = tuple(clause for clause in self.live.clauses if clause[1] * 1e6 >= heard_us)
        if was_answering and rest:
            first = rest[0][1]
            moved = tuple((text, start - first, end - first) for text, start, end in rest)
            self.begin("" if rest != self.live.clauses else self.question, moved)

    async def interrupt(self, reason: m.Reason, heard_us: int) -> None:
        task, self.answering = self.answering, None
        if not task:
            return
        task.cancel()
        gen, self.gen = self.gen, self.gen + 1
        await self.outbox.begin(self.gen)
        heard = "".join(text for text, start, _ in self.live.clauses if start * 1e6 < heard_us)
        ms = {"llm": 420.0, "render_first_frame": 136.0} if heard else {}
        await self.outbox.event(m.Interrupted(gen=gen, heard_us=heard_us, heard=heard, reason=reason, ms=ms))

    async def answer(self, question: str, clauses: tuple[Clause, ...]) -> None:
        self.gen += 1
        gen = self.gen
        await self.outbox.begin(gen)
        await self.state("thinking")
        await asyncio.sleep(self.live.words_s)
        await self.outbox.event(m.Reply(gen=gen, text="".join(text for text, *_ in clauses)))
        await asyncio.sleep(self.live.thinks_s)
        seconds = clauses[-1][2]
        description, pictures = units(seconds)
        video = m.VideoFormat(
            width=web_media.SIZE,
            height=web_media.SIZE,
            fps=web_media.FPS,
            codec=f"avc1.{description[1:4].hex()}",
            description=base64.b64encode(description).decode(),
            mime_type=f'video/mp4; codecs="avc1.{description[1:4].hex()},mp4a.40.2"',
        )
        turn = m.Turn(
            gen=gen, turn=f"t_{gen}", question=question, video=video, sample_rate_hz=web_media.RATE, start_frame=3
        )
        await self.outbox.event(turn)
        for text, start, end in clauses:
            await self.outbox.event(m.Clause(gen=gen, text=text, start_us=round(start * 1e6), end_us=round(end * 1e6)))
        if self.transport == "mse":
            for piece in web_media.fragments(web_media.movie(seconds)):
                await self.outbox.media(MP4, gen, 0, piece)
        else:
            step = web_media.RATE // web_media.FPS
            for at, is_key, data in pictures[:LEAD_IN]:
                await self.outbox.media(PICTURE, gen, at - round(LEAD_IN / web_media.FPS * 1e6), data, is_key)
            for n, (at, is_key, data) in enumerate(pictures):
                tone = 0.2 * np.sin(2 * np.pi * 220 * (n * step + np.arange(step)) / web_media.RATE)
                await self.outbox.media(SOUND, gen, at, (tone * 32767).astype("<i2").tobytes())
                await self.outbox.media(PICTURE, gen, at, data, is_key)
                await asyncio.sleep(0.01)  # four times as fast as it is played
        for word in re.findall("[\u0400-\u04ff]+", question):  # as if the answer had repeated it
            await self.outbox.event(m.Warn(gen=gen, reason="left-out", text=word, script="Cyrillic"))
        await self.outbox.event(m.End(gen=gen, duration_us=round(seconds * 1e6), end_frame=END_FRAME))


@router.websocket("/api/v1/live")
async def live(socket: WebSocket) -> None:
    known: Live = socket.app.state.world.live
    await socket.accept()
    known.loop, known.socket = asyncio.get_running_loop(), socket
    hello = m.CLIENT.validate_json(await socket.receive_text())
    assert isinstance(hello, m.Hello)
    known.received.append(hello.model_dump())
    if known.refusal:
        await socket.send_text(known.refusal.model_dump_json())
        await socket.close(1013)
        return
    found = None if known.forgets else known.sessions.get(hello.session)
    session = found or Session(known, hello)
    name = hello.session if found else f"l_{len(known.sessions) + 1}"
    known.sessions[name] = session
    if found:
        if hello.last:
            await session.outbox.acknowledge(hello.last)
        await session.outbox.take_up(hello.last_seq)
    welcome = m.Welcome(
        session=name,
        resumed=found is not None,
        conversation_id=hello.conversation_id or "c_live",
        transport=session.transport,
        resume_s=30,
        idle_limit_s=300,
        total_limit_s=3600,
    )
    await socket.send_text(welcome.model_dump_json())
    if not found:
        await session.state("listening")
    writing = asyncio.ensure_future(_write(socket, session))
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                break
            if (data := message.get("bytes")) is not None:
                known.microphone += MediaFrame.decoded(data).data
            else:
                await session.handle(m.CLIENT.validate_json(message["text"]))
    writing.cancel()


async def _write(socket: WebSocket, session: Session) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            message = await session.outbox.next()
            await (socket.send_text(message) if isinstance(message, str) else socket.send_bytes(message))
