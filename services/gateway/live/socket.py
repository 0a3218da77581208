"""``WS /api/v1/live``: one socket of a live session; ``docs/live.md`` describes what goes over it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from services.common import metrics
from services.common.characters import check_json
from services.common.errors import HuashengError, problem
from services.gateway.accounts import acts
from services.gateway.accounts.access import address_of, check_need, check_page, identify
from services.gateway.accounts.principal import Principal
from services.gateway.accounts.rules import Need
from services.gateway.api.origin import foreign
from services.gateway.api.problems import language
from services.gateway.context import Gateway
from services.gateway.ids import new_id
from services.gateway.live import messages as m
from services.gateway.live.frames import MICROPHONE, MediaFrame
from services.gateway.live.session import LiveSession
from services.gateway.live.setup import choices

log = logging.getLogger("huasheng.gateway.live")
router = APIRouter()

HELLO_S = 10.0
SEND_S = 10.0
"""How long the client may take for one message."""
MAX_SOUND = 6400
"""Largest microphone frame in bytes: 200 ms."""
OK, REFUSED, RESTART, FULL = 1000, 1008, 1012, 1013


@router.websocket("/api/v1/live")
async def live(socket: WebSocket) -> None:
    """A live conversation."""
    gateway: Gateway = socket.app.state.gateway
    is_foreign = bool(foreign(socket.headers, gateway.settings.hosts(), changes=True))
    if is_foreign and (not gateway.accounts.is_on or foreign(socket.headers, gateway.settings.hosts(), changes=False)):
        await socket.close(REFUSED)
        return
    await socket.accept()
    lang, code = language(socket), OK
    try:
        await _serve(gateway, socket, lang)
    except HuashengError as e:
        metrics.ERRORS.labels("gateway", e.slug).inc()
        code = FULL if e.slug == "live-full" else REFUSED
        with contextlib.suppress(Exception):  # the client may be gone
            await socket.send_text(m.Error(fatal=True, problem=problem(e, lang)).model_dump_json())
    except WebSocketDisconnect:
        return
    except Exception as e:
        log.exception("unexpected error", exc_info=e)
        code = 1011
        with contextlib.suppress(Exception):
            error = HuashengError("internal", service="gateway")
            await socket.send_text(m.Error(fatal=True, problem=problem(error, lang)).model_dump_json())
    with contextlib.suppress(Exception):
        await socket.close(code)


async def _serve(gateway: Gateway, socket: WebSocket, lang: str) -> None:
    reader = _Reader(socket)
    try:
        async with asyncio.timeout(HELLO_S):
            hello = await reader.hello()
    except TimeoutError as e:
        raise HuashengError("bad-request", what="The first message must be hello.") from e
    if hello.protocol != m.PROTOCOL:
        raise HuashengError("bad-request", what=f"protocol must be {m.PROTOCOL}.")
    who, sessions = await _admitted(gateway, socket, hello), gateway.live
    if who.via != "local":
        acts.current.set(acts.Act(who, address_of(socket)))
    found = sessions.find(hello.session, who) if hello.session else None
    if found:
        await found.attach(hello)
        await _exchange(socket, reader, found, resumed=True, gateway=gateway)
        return
    chosen = await choices(gateway, who, hello)
    most = gateway.accounts.quotas.limits(who)["live_sessions"]
    waiting = asyncio.create_task(reader.read_ahead())
    try:

        async def on_position(position: int) -> None:
            await socket.send_text(m.Queue(position=position).model_dump_json())
            await socket.send_text(m.StateMessage(state="queued").model_dump_json())

        place = sessions.place(who.owner, most, on_position)
        entering = asyncio.create_task(place.__aenter__())
        await asyncio.wait({entering, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not entering.done():
            entering.cancel()
            await asyncio.gather(entering, return_exceptions=True)
            await waiting  # raises: the client left
        await entering
    finally:
        await reader.stop_reading_ahead(waiting)
    session = LiveSession(gateway, chosen, new_id("l"), sessions.report_rate)
    sessions.add(session)
    if who.via != "local":
        await asyncio.to_thread(gateway.accounts.audit.add, "live", session.id, who=who, address=address_of(socket))
    task = asyncio.create_task(_run(gateway, session, lang, place))
    session.task = task
    await _exchange(socket, reader, session, resumed=False, gateway=gateway)


async def _admitted(gateway: Gateway, socket: WebSocket, hello: m.Hello) -> Principal:
    """Who talks. Raises as ``identify`` and ``_check``; refusals stand in the audit log."""
    who: Principal | None = None
    try:
        who = await identify(gateway.accounts, socket, hello.token)
        _check(gateway, socket, hello, who)
    except HuashengError as e:
        secret = socket.headers.get("authorization", "").partition(" ")[2].strip()
        note = gateway.accounts.refusals.note
        await note(e.slug, "live", who=who, secret=secret, address=address_of(socket))
        raise
    return who


def _check(gateway: Gateway, socket: WebSocket, hello: m.Hello, who: Principal) -> None:
    """A page elsewhere needs a token that names its origin. Raises ``foreign-origin``, ``not-allowed``."""
    origin = socket.headers.get("origin", "")
    if who.via == "token":
        if origin not in who.origins:
            raise HuashengError("foreign-origin", origin=origin[:100] or "?")
        if hello.avatar_id != who.avatar_id or any(
            (hello.model, hello.voice_id, hello.conversation_id, hello.persona, hello.engines)
        ):
            raise HuashengError("not-allowed", need="create")
    elif origin and foreign(socket.headers, gateway.settings.hosts(), changes=True):
        raise HuashengError("foreign-origin", origin=origin[:100])
    check_page(socket, who, changes=True)
    check_need(who, Need.LIVE)


async def _run(
    gateway: Gateway, session: LiveSession, lang: str, place: contextlib.AbstractAsyncContextManager[None]
) -> None:
    try:
        await session.run(lang)
    finally:
        gateway.live.remove(session)
        await place.__aexit__(None, None, None)


async def _exchange(
    socket: WebSocket, reader: _Reader, session: LiveSession, *, resumed: bool, gateway: Gateway
) -> None:
    """Until the client leaves for good or the session ends; a lost connection leaves the session alone for a while."""
    settings = gateway.settings
    welcome = m.Welcome(
        session=session.id,
        resumed=resumed,
        conversation_id=session.chosen.conversation_id,
        transport=session.turns.transport,
        resume_s=settings.live_resume_s,
        idle_limit_s=settings.live_idle_s,
        total_limit_s=settings.live_total_s,
    )
    await socket.send_text(welcome.model_dump_json())
    writing = asyncio.create_task(_write(socket, session))
    reading = asyncio.create_task(reader.run(session))
    running = session.task
    try:
        await asyncio.wait({writing, reading, running}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await _flush(socket, session)
            await running  # raises why it ended
            return
        if reading.done() and not reading.exception():
            await asyncio.wait({running}, timeout=5)  # it said good-bye
            return
        failed = (reading if reading.done() else writing).exception()
        session.detach(settings.live_resume_s)
        if failed and not isinstance(failed, WebSocketDisconnect | RuntimeError):
            raise failed
    finally:
        writing.cancel()
        reading.cancel()
        await asyncio.gather(writing, reading, return_exceptions=True)


async def _write(socket: WebSocket, session: LiveSession) -> None:
    while True:
        await _send(socket, await session.outbox.next())


async def _send(socket: WebSocket, message: str | bytes) -> None:
    sending: Awaitable[None] = socket.send_text(message) if isinstance(message, str) else socket.send_bytes(message)
    try:
        async with asyncio.timeout(SEND_S):
            await sending
    except TimeoutError as e:
        raise HuashengError("live-slow") from e


async def _flush(socket: WebSocket, session: LiveSession) -> None:
    """What still waits at the end."""
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(0.05):
                waiting = await session.outbox.next()
            await _send(socket, waiting)


class _Reader:
    """What the client sends. Sound that comes before the session is ready is kept."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._early: list[m.ClientMessage | bytes] = []

    async def hello(self) -> m.Hello:
        """The first message; sound before it is kept. Raises ``bad-request``, ``WebSocketDisconnect``."""
        while True:
            item = await self._next()
            if isinstance(item, m.Hello):
                return item
            if not isinstance(item, bytes):
                raise HuashengError("bad-request", what="The first message must be hello.")
            self._keep(item)

    def _keep(self, item: m.ClientMessage | bytes) -> None:
        self._early.append(item)
        del self._early[:-500]  # 10 s of sound

    async def read_ahead(self) -> None:
        """Keep what comes until cancelled. Ends with ``WebSocketDisconnect`` when the client leaves."""
        while True:
            self._keep(await self._next())

    async def stop_reading_ahead(self, task: asyncio.Task[None]) -> None:
        """End ``read_ahead``."""
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def run(self, session: LiveSession) -> None:
        """Hand everything to the session until the client says good-bye."""
        for item in self._early:
            await self._deliver(session, item)
        self._early.clear()
        while True:
            item = await self._next()
            await self._deliver(session, item)
            if isinstance(item, m.Bye):
                return

    async def _deliver(self, session: LiveSession, item: m.ClientMessage | bytes) -> None:
        if isinstance(item, bytes):
            session.hearing.feed(item)
        elif isinstance(item, m.Ping):
            await session.outbox.event(m.Pong(at=item.at))
        elif isinstance(item, m.Hello):
            raise HuashengError("bad-request", what="hello came twice.")
        else:
            await session.inbox.put(item)

    async def _next(self) -> m.ClientMessage | bytes:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        if (data := message.get("bytes")) is not None:
            try:
                frame = MediaFrame.decoded(data)
            except ValueError as e:
                raise HuashengError("bad-request", what="A binary frame has a head of 20 bytes.") from e
            if frame.kind != MICROPHONE or len(frame.data) > MAX_SOUND or len(frame.data) % 2:
                raise HuashengError("bad-request", what="A microphone frame holds up to 200 ms of 16-bit samples.")
            return frame.data
        try:
            said = m.CLIENT.validate_json(message.get("text") or "")
            check_json(said.model_dump(), "message")
            return said
        except ValidationError as e:
            first = e.errors(include_input=False)[0]
            where = ".".join(str(p) for p in first["loc"])
            raise HuashengError("bad-request", what=f"{where}: {first['msg']}") from e
