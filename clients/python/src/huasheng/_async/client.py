"""The client: one gateway and everything it offers."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from huasheng._async.dictionary import AsyncDictionary
from huasheng._async.download import DOWNLOAD_S, download
from huasheng._async.jobs import AsyncJobs
from huasheng._async.live import AsyncLive
from huasheng._async.resources import (
    AsyncAssets,
    AsyncConversations,
    AsyncModels,
    AsyncSystem,
    AsyncTranscriptions,
    AsyncVoices,
)
from huasheng._async.speech import AsyncTextToSpeech
from huasheng._async.transport import AsyncTransport
from huasheng._async.work import AsyncAvatars, AsyncDialogues, AsyncTrainings, AsyncVideos
from huasheng._files import OnBytes
from huasheng._protocol import Settings


class AsyncHuasheng:
    """A Huasheng gateway.

        async with AsyncHuasheng() as hs:
            job = await hs.videos.create(text="大家好", subtitles=True)
            result = await hs.jobs.result(job, on_event=print)
            await hs.download(result.video_url, "hello.mp4")

    ``url``: else ``HUASHENG_URL``, else http://127.0.0.1:5001. ``token``: else ``HUASHENG_TOKEN``; sent as a bearer
    token to the gateway and nowhere else. ``language``: ``zh`` or ``en``, of problems. ``http``: your own httpx client
    (proxies, certificates); it stays open. Every call has a deadline, fails with a ``HuashengError``, and is tried
    again where that is harmless: lost connections, 429 and 503 with their ``Retry-After``. What creates carries an
    ``Idempotency-Key``, so a repeat does nothing twice.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        language: str | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        transport = AsyncTransport(Settings.choose(url, token, language), http)
        self._transport = transport
        self.assets = AsyncAssets(transport)
        self.avatars = AsyncAvatars(transport)
        self.conversations = AsyncConversations(transport)
        self.dialogues = AsyncDialogues(transport)
        self.dictionary = AsyncDictionary(transport)
        self.jobs = AsyncJobs(transport)
        self.live = AsyncLive(transport)
        self.models = AsyncModels(transport)
        self.speech = AsyncTextToSpeech(transport)
        self.system = AsyncSystem(transport)
        self.trainings = AsyncTrainings(transport)
        self.transcriptions = AsyncTranscriptions(transport)
        self.videos = AsyncVideos(transport)
        self.voices = AsyncVoices(transport)

    @property
    def url(self) -> str:
        """The gateway's address."""
        return self._transport.settings.url

    async def download(
        self, url: str, path: str | Path, *, progress: OnBytes | None = None, timeout: float = DOWNLOAD_S
    ) -> Path:
        """Save what a ``*_url`` leads to. Goes on where a connection broke off; ``path`` appears whole or not at all.

        ``progress(bytes, total)``; total is None while unknown. Raises ``RefusedError`` ``stale-link`` when the link
        has expired (ask for the job again), ``NotFoundError``, ``ConnectionFailedError``, ``DeadlineError``,
        ``OSError``.
        """
        return await download(self._transport, url, path, progress, timeout)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.aclose()
