"""What there is: uploads, people, voices, models, conversations, engines."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Literal

from huasheng._async.download import download
from huasheng._async.transport import AsyncTransport
from huasheng._files import FileInput, OnBytes, open_upload
from huasheng._protocol import LONG_S, UPLOAD_S, Call, at, given, items, key, model, nothing
from huasheng.accounts import Statement
from huasheng.models import (
    Asset,
    Conversation,
    ConversationDetail,
    Device,
    Engines,
    Model,
    SystemInfo,
    Transcription,
    Voice,
    VoiceList,
)

PAGE = 200


class AsyncAssets:
    """Uploaded files."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def upload(
        self,
        file: FileInput,
        *,
        name: str | None = None,
        progress: OnBytes | None = None,
        idempotency_key: str | None = None,
        timeout: float = UPLOAD_S,
    ) -> Asset:
        """Upload a video, a recording or a picture: a path, bytes, or a file open in binary mode.

        ``progress(sent, total)`` is called in bytes; total is None for a pipe, which is not sent twice either.
        Raises ``RefusedError``: 413 ``too-large``, 415 ``unsupported-media``, 422 ``empty-file``, ``corrupt-media``,
        ``too-short``, ``too-long``, ``too-big-picture``; ``OSError`` when the file cannot be read.
        """
        with open_upload(file, name, progress) as body:
            return await self._transport.call(
                Call("POST", at("assets"), model(Asset), upload=body, headers=key(idempotency_key), timeout_s=timeout)
            )

    async def list(
        self, *, kind: Literal["video", "audio", "image"] | None = None, limit: int = 50, before: str | None = None
    ) -> list[Asset]:
        """Uploads, newest first; ``before`` an id: older ones than that."""
        query = given(kind=kind, limit=limit, before=before)
        return await self._transport.call(Call("GET", at("assets"), items(model(Asset)), params=query))

    async def iterate(self, *, kind: Literal["video", "audio", "image"] | None = None) -> AsyncGenerator[Asset]:
        """All uploads, newest first, a page at a time."""
        before = None
        while page := await self.list(kind=kind, limit=PAGE, before=before):
            for asset in page:
                yield asset
            before = page[-1].id

    async def get(self, asset_id: str) -> Asset:
        """One upload. Raises ``NotFoundError``."""
        return await self._transport.call(Call("GET", at("assets", asset_id), model(Asset)))

    async def delete(self, asset_id: str) -> None:
        """Delete an upload. Raises ``NotFoundError``; ``RefusedError`` ``in-use`` while a job needs it."""
        await self._transport.call(Call("DELETE", at("assets", asset_id), nothing))

    async def download(self, asset_id: str, path: str | Path, *, progress: OnBytes | None = None) -> Path:
        """Fetch an upload back; see ``download`` of the client."""
        return await download(self._transport, at("assets", asset_id, "content"), path, progress)


class AsyncVoices:
    """Voices, those of the engines and those cloned here."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(self) -> list[Voice]:
        """The voices that can speak."""
        return (await self.overview()).items

    async def overview(self) -> VoiceList:
        """The voices, and why others cannot be cloned here."""
        return await self._transport.call(Call("GET", at("voices"), model(VoiceList)))

    async def create(
        self,
        file: FileInput,
        *,
        name: str,
        consent: str,
        consent_by: str,
        consent_statement: Statement | None = None,
        language: str | None = None,
        transcript: str | None = None,
        weights: str | None = None,
        progress: OnBytes | None = None,
        idempotency_key: str | None = None,
        timeout: float = LONG_S,
    ) -> Voice:
        """Clone a voice from 3 to 10 seconds of clean speech.

        ``consent``: the statement of the voice's owner; ``consent_by``: who gives it; both are recorded.
        ``consent_statement``: what kind of statement it is, required with accounts.
        ``transcript``: what is said, recognised when left out; ``weights``: one of ``overview().cloning_weights``, the
        first when left out. Raises ``ServerError`` ``cloning-unavailable`` where no engine can; ``RefusedError``
        ``too-short``, ``too-long``, ``voice-noisy``, ``voice-clipped``, ``no-speech``, ….
        """
        stated = {"consent": consent, "consent_by": consent_by, "consent_statement": consent_statement}
        fields = given(name=name, language=language, transcript=transcript, weights=weights, **stated)
        with open_upload(file, None, progress, fields) as body:
            return await self._transport.call(
                Call("POST", at("voices"), model(Voice), upload=body, headers=key(idempotency_key), timeout_s=timeout)
            )

    async def add_clip(
        self,
        voice_id: str,
        file: FileInput,
        *,
        transcript: str | None = None,
        consent_statement: Statement | None = None,
        progress: OnBytes | None = None,
        idempotency_key: str | None = None,
        timeout: float = LONG_S,
    ) -> Voice:
        """Add a recording of the same person to a cloned voice. Raises as ``create`` does; ``voice-full``.

        ``consent_statement``: about this recording, required with accounts.
        """
        fields = given(transcript=transcript, consent_statement=consent_statement)
        with open_upload(file, None, progress, fields) as body:
            path = at("voices", voice_id, "clips")
            return await self._transport.call(
                Call("POST", path, model(Voice), upload=body, headers=key(idempotency_key), timeout_s=timeout)
            )

    async def remove_clip(self, voice_id: str, clip_id: str) -> Voice:
        """Take a recording out of a cloned voice. Raises ``RefusedError`` ``voice-last-clip``; ``NotFoundError``."""
        return await self._transport.call(Call("DELETE", at("voices", voice_id, "clips", clip_id), model(Voice)))

    async def rename(self, voice_id: str, name: str) -> Voice:
        """Give a cloned voice another name. Raises ``NotFoundError``; ``RefusedError`` ``builtin-stays``."""
        return await self._transport.call(Call("PATCH", at("voices", voice_id), model(Voice), body={"name": name}))

    async def delete(self, voice_id: str) -> None:
        """Delete a cloned voice. Raises ``NotFoundError``; ``RefusedError`` ``builtin-stays``."""
        await self._transport.call(Call("DELETE", at("voices", voice_id), nothing))

    async def sample(self, voice_id: str, path: str | Path) -> Path:
        """Save a sentence in this voice as WAV; made when first asked for."""
        return await download(self._transport, at("voices", voice_id, "sample"), path)


class AsyncModels:
    """Models that draw."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(self) -> list[Model]:
        """Built-in and trained models."""
        return await self._transport.call(Call("GET", at("models"), items(model(Model))))

    async def get(self, model_id: str) -> Model:
        """One model. Raises ``NotFoundError``."""
        return await self._transport.call(Call("GET", at("models", model_id), model(Model)))

    async def delete(self, model_id: str) -> None:
        """Delete a trained model; its avatar stays. Raises ``RefusedError`` ``builtin-stays``, ``in-use``."""
        await self._transport.call(Call("DELETE", at("models", model_id), nothing))


class AsyncConversations:
    """What was said."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def list(self, *, limit: int = 50, before: str | None = None) -> list[Conversation]:
        """Conversations, the last used first."""
        query = given(limit=limit, before=before)
        return await self._transport.call(Call("GET", at("conversations"), items(model(Conversation)), params=query))

    async def iterate(self) -> AsyncGenerator[Conversation]:
        """All conversations, a page at a time."""
        before = None
        while page := await self.list(limit=PAGE, before=before):
            for conversation in page:
                yield conversation
            before = page[-1].id

    async def get(self, conversation_id: str) -> ConversationDetail:
        """One conversation with its messages. Raises ``NotFoundError``."""
        return await self._transport.call(Call("GET", at("conversations", conversation_id), model(ConversationDetail)))

    async def rate(self, conversation_id: str, job_id: str, rating: Literal["up", "down"] | None) -> None:
        """Say whether an answer was good; ``job_id`` is its message's, None takes it back. Raises ``NotFoundError``."""
        path = at("conversations", conversation_id, "answers", job_id, "rating")
        await self._transport.call(Call("PUT", path, nothing, body={"rating": rating}))

    async def delete(self, conversation_id: str) -> None:
        """Delete a conversation; its videos stay until their jobs are forgotten. Raises ``NotFoundError``."""
        await self._transport.call(Call("DELETE", at("conversations", conversation_id), nothing))


class AsyncTranscriptions:
    """Speech to text."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self,
        file: FileInput,
        *,
        language: str | None = None,
        engine: str | None = None,
        fallback: bool = True,
        progress: OnBytes | None = None,
        timeout: float = LONG_S,
    ) -> Transcription:
        """What is said in a recording or video; it is not kept.

        ``engine`` is asked first; ``fallback=False``: fail rather than let another do its work (``fallbacks`` tells).

        Raises ``RefusedError``: ``silent-audio``, ``no-speech``, and those of uploads.
        """
        fields = given(language=language, engine=engine, fallback=None if fallback else "false")
        with open_upload(file, None, progress, fields) as body:
            return await self._transport.call(
                Call("POST", at("transcriptions"), model(Transcription), upload=body, timeout_s=timeout)
            )


class AsyncSystem:
    """What this gateway has."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def get(self) -> SystemInfo:
        """Versions, health of every service, limits, disk and queues."""
        return await self._transport.call(Call("GET", at("system"), model(SystemInfo)))

    async def engines(self) -> Engines:
        """The engines of all services, and why those that cannot be used cannot."""
        return await self._transport.call(Call("GET", at("engines"), model(Engines)))

    async def devices(self) -> list[Device]:
        """What the render service can run on."""
        return await self._transport.call(Call("GET", at("devices"), items(model(Device))))
