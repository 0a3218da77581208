"""All live sessions of this gateway: who may begin, who waits, who may come back."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from prometheus_client import Gauge

from services.common.errors import HuashengError
from services.gateway.accounts.principal import Principal
from services.gateway.settings import GatewaySettings

if TYPE_CHECKING:
    from services.gateway.live.session import LiveSession

SESSIONS = Gauge("huasheng_live_sessions", "Live conversations", ["state"])
FPS = 25.0
LISTENING_SHARE = 2
"""People listen at least half of the time: so many sessions share what one speaking avatar needs."""


class LiveSessions:
    """For one event loop."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._waiting: deque[asyncio.Event] = deque()
        self._sessions: dict[str, LiveSession] = {}
        self._admitted = 0
        self._of: Counter[str] = Counter()
        """Places that owners have or wait for."""
        self._rate = 0.0
        self.slots = 1.0
        """Slots of the render replicas that are this gateway's share."""

    def report_rate(self, frames_per_second: float) -> None:
        """The render service drew so many pictures a second of work."""
        self._rate = frames_per_second if not self._rate else 0.8 * self._rate + 0.2 * frames_per_second

    @property
    def slots_needed(self) -> int:
        """Slots that the running sessions keep busy."""
        return -(-self._admitted // LISTENING_SHARE)

    @property
    def capacity(self) -> int:
        """How many sessions may run: the setting, and no more than can be drawn in time."""
        drawn = int(self._rate / FPS * LISTENING_SHARE * self.slots) if self._rate else self._settings.live_sessions
        return min(self._settings.live_sessions, max(1, drawn))

    @contextlib.asynccontextmanager
    async def place(
        self, owner: str, most: float, on_position: Callable[[int], Awaitable[None]]
    ) -> AsyncIterator[None]:
        """A place for a session, waited for in order; ``on_position`` gets the position whenever it changes.

        ``most``: places that the owner may have, waiting ones among them; 0 for any number. Raises ``live-full``,
        ``quota-live``.
        """
        if most and self._of[owner] >= most:
            raise HuashengError("quota-live", limit=int(most))
        self._of[owner] += 1
        try:
            if self._waiting or self._admitted >= self.capacity:
                await self._wait(on_position)
            self._admitted += 1
            self._count()
            try:
                yield
            finally:
                self._admitted -= 1
                self._count()
                self._call()
        finally:
            self._of[owner] -= 1
            self._of += Counter()  # forgets owners without places

    async def _wait(self, on_position: Callable[[int], Awaitable[None]]) -> None:
        if len(self._waiting) >= self._settings.live_waiting:
            raise HuashengError("live-full", limit=len(self._waiting))
        changed = asyncio.Event()
        self._waiting.append(changed)
        position = 0
        try:
            while True:
                self._count()
                now = self._waiting.index(changed) + 1
                if now == 1 and self._admitted < self.capacity:
                    return
                if now != position:
                    position = now
                    await on_position(position)
                changed.clear()
                await changed.wait()
        finally:
            self._waiting.remove(changed)
            self._call()

    def _call(self) -> None:
        for changed in self._waiting:
            changed.set()

    def _count(self) -> None:
        SESSIONS.labels("active").set(self._admitted)
        SESSIONS.labels("waiting").set(len(self._waiting))

    def add(self, session: LiveSession) -> None:
        """Keep a session so that its client can come back."""
        self._sessions[session.id] = session

    def remove(self, session: LiveSession) -> None:
        """The session is over."""
        self._sessions.pop(session.id, None)

    def draws(self, owner: str, avatar_or_model: str) -> bool:
        """Whether a conversation of this owner at this gateway shows the avatar, or is drawn by the model."""
        chosen = (s.chosen.avatar for s in self._sessions.values() if s.owner == owner)
        return any(avatar_or_model in (c.avatar_id, c.model_id) for c in chosen)

    def count_of(self, owner: str) -> int:
        """Conversations of this owner at this gateway."""
        return self._of[owner]

    def all(self) -> list[LiveSession]:
        """The conversations at this gateway."""
        return list(self._sessions.values())

    def find(self, session_id: str, who: Principal) -> LiveSession | None:
        """A session that still runs and was begun by the same person; by a token only with the same token."""
        found = self._sessions.get(session_id)
        if not found or found.owner != who.owner:
            return None
        begun = found.chosen.who
        return found if (begun.via == who.via != "token") or begun.credential_id == who.credential_id else None
