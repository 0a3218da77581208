"""The client: one gateway and everything it offers."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from huasheng._async.accounts import (
    AsyncAccount,
    AsyncAudit,
    AsyncConsents,
    AsyncShares,
    AsyncTokens,
    AsyncUsers,
)
from huasheng._async.batches import AsyncBatches
from huasheng._async.dictionary import AsyncDictionary
from huasheng._async.download import DOWNLOAD_S, download
from huasheng._async.drafts import AsyncDrafts
from huasheng._async.dubbings import AsyncDubbings
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
from huasheng._files import FileInput, OnBytes, open_upload
from huasheng._protocol import LONG_S, Call, Settings, at, model
from huasheng.verification import Verification


class AsyncHuasheng:
    """A Huasheng gateway.

        async with AsyncHuasheng() as hs:
            job = await hs.videos.create(text="大家好", subtitles=True)
            result = await hs.jobs.result(job, on_event=print)
            await hs.download(result.video_url, "hello.mp4")

    ``url``: else ``HUASHENG_URL``, else http://127.0.0.1:5001. ``api_key``: of an account, else ``HUASHENG_API_KEY``;
    ``token`` (else ``HUASHENG_TOKEN``) instead of it where a proxy asks for one; sent as the bearer token to the
    gateway and nowhere else. ``language``: ``zh`` or ``en``, of problems. ``http``: your own httpx client
    (proxies, certificates); it stays open. Every call has a deadline, fails with a ``HuashengError``, and is tried
    again where that is harmless: lost connections, 429 and 503 with their ``Retry-After``. What creates carries an
    ``Idempotency-Key``, so a repeat does nothing twice.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        api_key: str | None = None,
        language: str | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        transport = AsyncTransport(Settings.choose(url, token, language, api_key), http)
        self._transport = transport
        self.account = AsyncAccount(transport)
        self.assets = AsyncAssets(transport)
        self.audit = AsyncAudit(transport)
        self.avatars = AsyncAvatars(transport)
        self.batches = AsyncBatches(transport)
        self.consents = AsyncConsents(transport)
        self.conversations = AsyncConversations(transport)
        self.dialogues = AsyncDialogues(transport)
        self.dictionary = AsyncDictionary(transport)
        self.drafts = AsyncDrafts(transport)
        self.dubbings = AsyncDubbings(transport)
        self.jobs = AsyncJobs(transport)
        self.live = AsyncLive(transport)
        self.models = AsyncModels(transport)
        self.shares = AsyncShares(transport)
        self.speech = AsyncTextToSpeech(transport)
        self.system = AsyncSystem(transport)
        self.tokens = AsyncTokens(transport)
        self.trainings = AsyncTrainings(transport)
        self.transcriptions = AsyncTranscriptions(transport)
        self.users = AsyncUsers(transport)
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

    async def verify(
        self, file: FileInput, *, progress: OnBytes | None = None, timeout: float = LONG_S
    ) -> Verification:
        """Whether a video, sound or picture was made by this gateway, and what its marks say; it is not kept.

        Raises ``RefusedError``: those of uploads.
        """
        with open_upload(file, None, progress) as body:
            call = Call("POST", at("verify"), model(Verification), upload=body, timeout_s=timeout)
            return await self._transport.call(call)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.aclose()
