"""Dubbing: the script of a film in another language."""

from __future__ import annotations

from typing import cast

from huasheng._async.transport import AsyncTransport
from huasheng._async.work import start, stated
from huasheng._protocol import given
from huasheng.accounts import Statement
from huasheng.dubbing import DubbingResult
from huasheng.jobs import Job
from huasheng.requests import ConsentRequest, EngineChoice, Synthesis, Term


class AsyncDubbings:
    """Scripts of films in another language; ``videos.create(dubbing=...)`` makes a film of one."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self,
        *,
        film_asset_id: str,
        language: str,
        source_language: str | None = None,
        voice_id: str | None = None,
        glossary: list[Term] | None = None,
        synthesis: Synthesis | None = None,
        engines: EngineChoice | None = None,
        fallback: bool | None = None,
        consent: Statement | ConsentRequest | None = None,
        idempotency_key: str | None = None,
    ) -> Job[DubbingResult]:
        """Recognise what is said in an uploaded film, translate it into ``language`` (BCP 47), speak it once and fit it
        to the film's time. ``glossary``: terms and how they are translated. ``consent``: required with accounts.

        Raises ``RefusedError``: ``wrong-kind``, ``no-audio``, ``too-long``, ``no-language-model``, ``unknown-voice``;
        ``NotFoundError``; ``BusyError`` ``queue-full``.
        """
        body = given(
            film_asset_id=film_asset_id,
            language=language,
            source_language=source_language,
            voice_id=voice_id,
            glossary=glossary,
            synthesis=synthesis,
            engines=engines,
            fallback=fallback,
            consent=stated(consent),
        )
        return cast(Job[DubbingResult], await start(self._transport, "dubbings", idempotency_key, body))
