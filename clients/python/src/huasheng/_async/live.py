"""Live conversations: one WebSocket for sound up, and events, pictures and sound down."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

import httpx
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from huasheng import live
from huasheng._async._io import Socket, open_socket, receive, sleep
from huasheng._async.transport import AsyncTransport
from huasheng._playback import REPORT_S, Playback, Playhead
from huasheng._protocol import CONNECT_S, at, backoff, given, is_passing, read_problem
from huasheng.errors import ConnectionFailedError, HuashengError, of_problem

log = logging.getLogger("huasheng")
MAX_UNSENT = 100
"""Messages that may wait for a lost connection to come back."""


class AsyncLive:
    """Conversations in real time."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    @asynccontextmanager
    async def connect(
        self,
        *,
        avatar_id: str | None = None,
        model: str | None = None,
        voice_id: str | None = None,
        language: str | None = None,
        conversation_id: str | None = None,
        persona: str | None = None,
        patience: float | None = None,
        listening: live.Listening = "off",
        greet: bool | None = None,
        engines: Mapping[str, str] | None = None,
        fallback: bool | None = None,
        max_side_px: int | None = None,
        transport: live.Transport = "webcodecs",
        playback: Playback = "real-time",
        timeout: float = CONNECT_S,
    ) -> AsyncIterator[AsyncConversation]:
        """A conversation, until the block is left.

            async with hs.live.connect() as talk:
                await talk.say("你是谁？")
                async for item in talk.items():
                    if isinstance(item, Clause):
                        print(item.text)
                    if isinstance(item, Timings):
                        break

        ``listening``: whether ``microphone`` is listened to: ``auto``, ``push`` (between ``push(True)`` and
        ``push(False)``) or ``off``. ``patience``: 0.5–3, factor on the pauses that end an utterance. ``playback``: who
        plays: ``real-time`` as if it were played as it comes, ``instant``, or ``own``: you call ``played``. The rest as
        in ``dialogues.create``. Raises ``ConnectionFailedError``, ``ProblemError``.
        """
        hello = given(
            can=[transport],
            avatar_id=avatar_id,
            model=model,
            voice_id=voice_id,
            language=language,
            conversation_id=conversation_id,
            persona=persona,
            patience=patience,
            listening=listening,
            greet=greet,
            engines=dict(engines) if engines else None,
            fallback=fallback,
            max_side_px=max_side_px,
        )
        talk = AsyncConversation(self._transport, hello, Playhead(playback), timeout)
        await talk.open()
        try:
            yield talk
        finally:
            await talk.aclose()


class AsyncConversation:
    """One conversation. ``items`` must be consumed: it also says what was played, and connects again."""

    def __init__(self, transport: AsyncTransport, hello: Mapping[str, Any], playhead: Playhead, timeout: float) -> None:
        self._settings, self._timeout = transport.settings, timeout
        self._hello = dict(hello)
        self._playhead = playhead
        self._socket: Socket | None = None
        self._unsent: list[str] = []
        self._welcome: live.Welcome | None = None
        self._last_sequence = -1
        self._lost_at: float | None = None
        self._tries = 0
        """Attempts to connect again since then."""

    @property
    def conversation_id(self) -> str:
        """Where the conversation is kept; empty before ``Welcome``."""
        return self._welcome.conversation_id if self._welcome else ""

    @property
    def position_us(self) -> int:
        """What was heard of the answer of the moment, in microseconds."""
        return self._playhead.position_us()

    async def items(self) -> AsyncGenerator[live.LiveEvent | live.Media]:
        """Events and media as they come, until the gateway ends the conversation or you stop.

        After a lost connection it goes on where it was: ``Reconnecting``, then ``Welcome``. Raises ``ProblemError``
        when a limit or a failure ends the conversation, ``ConnectionFailedError`` when it cannot be taken up again,
        ``AnswerError``.
        """
        while True:
            try:
                message = await self._next()
            except ConnectionClosed as e:
                if e.rcvd and e.rcvd.code == 1000:
                    return
                if not self._welcome or (e.rcvd and e.rcvd.code in live.FINAL):
                    raise ConnectionFailedError(f"live: {e}") from e
                if self._lost_at is None:
                    self._lost_at, self._tries = time.monotonic(), 0
                    yield live.Reconnecting(why=str(e))
                await self._reconnect(self._welcome, e)
                continue
            if message is None:
                continue
            item = live.parse_message(message)
            sequence = item.sequence if isinstance(item, live.Media) else item.seq
            self._last_sequence = max(self._last_sequence, sequence)
            if isinstance(item, live.Media) and item.gen < self._playhead.gen:
                continue
            self._note(item)
            yield item

    def _note(self, item: live.LiveEvent | live.Media) -> None:
        self._playhead.follow(item)
        if isinstance(item, live.Error) and item.fatal:
            raise of_problem(item.problem)
        if isinstance(item, live.Welcome):
            if not item.resumed:
                self._last_sequence = -1
            self._welcome, self._lost_at = item, None
            self._hello["conversation_id"] = item.conversation_id

    async def _next(self) -> str | bytes | None:
        """The next message, or None when nothing came for a moment. Raises ``ConnectionClosed``."""
        assert self._socket, "closed"
        message = await receive(self._socket, REPORT_S)
        if report := self._playhead.report():
            await self._socket.send(json.dumps(report))
        return message

    async def say(self, text: str) -> None:
        """Ask by text; an answer that is being said is interrupted."""
        await self._send("text", text=text)

    async def microphone(self, pcm: bytes) -> None:
        """Sound of the user: 16-bit samples at 16 kHz, mono, little-endian. Dropped while the connection is lost."""
        for frame in live.microphone_frames(pcm):
            try:
                if self._socket:
                    await self._socket.send(frame)
            except ConnectionClosed:
                return  # `items` connects again

    async def listen(self, mode: live.Listening) -> None:
        """Change how the microphone is listened to."""
        self._hello["listening"] = mode
        await self._send("listen", mode=mode)

    async def push(self, on: bool) -> None:
        """With ``listening="push"``: begin an utterance, or end it."""
        await self._send("talk", on=on)

    async def interrupt(self) -> None:
        """Stop the answer; what was heard of it is kept."""
        await self._send("interrupt", gen=self._playhead.gen, heard_us=self._playhead.position_us())

    async def change(
        self,
        *,
        voice_id: str | None = None,
        language: str | None = None,
        patience: float | None = None,
        persona: str | None = None,
    ) -> None:
        """Change what is given: voice and persona from the next answer on, the rest from the user's next words on.

        The event ``Settings`` tells what is used.
        """
        await self._send("settings", **given(voice_id=voice_id, language=language, patience=patience, persona=persona))

    async def again(self, what: Literal["continue", "ask"]) -> None:
        """Say the rest of an interrupted answer, or answer the last question anew."""
        await self._send("again", what=what)

    async def played(self, gen: int, us: int, *, is_end: bool = False) -> None:
        """With ``playback="own"``: your player is there. Say it every 200 ms, and at the end."""
        if gen == self._playhead.gen:
            self._playhead.set_position(us, is_end)
        await self._send("played", gen=gen, us=us, is_end=is_end)

    async def idle(self, frame: int) -> None:
        """Which picture of the avatar's idle loop you show: the answer begins there."""
        await self._send("idle", frame=frame)

    async def _send(self, kind: str, **fields: Any) -> None:
        message = json.dumps({"type": kind, **fields}, ensure_ascii=False)
        try:
            if self._socket:
                await self._socket.send(message)
                return
        except ConnectionClosed:
            log.warning("live: connection lost, %s is sent when it is back", kind)
        self._unsent.append(message)
        del self._unsent[:-MAX_UNSENT]

    async def open(self, **more: Any) -> None:
        """Connect and say hello. Raises ``ConnectionFailedError``, ``ProblemError``."""
        url = self._settings.resolve(at("live")).replace("http", "ws", 1)
        try:
            self._socket = await open_socket(url, self._settings.headers(), self._timeout)
            hello = {"type": "hello", "protocol": live.PROTOCOL, **self._hello, **more}
            await self._socket.send(json.dumps(hello, ensure_ascii=False))
            while self._unsent:
                await self._socket.send(self._unsent[0])
                self._unsent.pop(0)
        except InvalidStatus as e:
            r = e.response
            answer = httpx.Response(r.status_code, headers=list(r.headers.raw_items()))
            raise read_problem(answer, bytes(r.body or b"")) from e
        except (OSError, WebSocketException) as e:
            why = str(e) or type(e).__name__
            raise ConnectionFailedError(f"live: {why}. Does the gateway run, and is its address right?") from e

    async def _reconnect(self, welcome: live.Welcome, lost: Exception) -> None:
        """Connect again, as long as the gateway keeps the session. Raises ``HuashengError``."""
        gen, us = self._playhead.gen, self._playhead.position_us()
        again = {"session": welcome.session, "last": {"gen": gen, "us": us}, "last_seq": self._last_sequence}
        end = (self._lost_at or time.monotonic()) + welcome.resume_s
        while True:
            if self._tries:
                await sleep(backoff(self._tries))
            if time.monotonic() > end:
                raise ConnectionFailedError(f"live: {lost}") from lost
            self._tries += 1
            try:
                return await self.open(**again)
            except HuashengError as e:
                if not is_passing(e):
                    raise
                lost = e

    async def aclose(self) -> None:
        """Say good-bye."""
        socket, self._socket = self._socket, None
        if socket:
            with suppress(ConnectionClosed):  # the gateway was faster
                await socket.send(json.dumps({"type": "bye"}))
            await socket.close()
