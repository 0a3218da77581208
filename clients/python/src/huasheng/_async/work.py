"""What makes work: avatars, trainings, videos, dialogues. Each answers with a job; ``jobs.result`` waits for it."""

from __future__ import annotations

from typing import Any, cast

from huasheng._async.transport import AsyncTransport
from huasheng._protocol import Call, at, given, items, key, model, nothing
from huasheng.jobs import AvatarResult, DialogueResult, Job, TrainingResult, VideoResult, parse_job
from huasheng.models import Avatar
from huasheng.requests import EngineChoice, Synthesis


async def _start(transport: AsyncTransport, path: str, idempotency_key: str | None, body: dict[str, Any]) -> Job[Any]:
    return await transport.call(Call("POST", at(path), parse_job, body=body, headers=key(idempotency_key)))


class AsyncAvatars:
    """Prepared people."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self, *, asset_id: str, name: str, engine: str | None = None, idempotency_key: str | None = None
    ) -> Job[AvatarResult]:
        """Prepare a person from an uploaded video or portrait. Raises ``NotFoundError``, ``RefusedError``."""
        body = given(asset_id=asset_id, name=name, engine=engine)
        return cast(Job[AvatarResult], await _start(self._transport, "avatars", idempotency_key, body))

    async def list(self) -> list[Avatar]:
        """Prepared avatars, the built-in one first."""
        return await self._transport.call(Call("GET", at("avatars"), items(model(Avatar))))

    async def get(self, avatar_id: str) -> Avatar:
        """One avatar. Raises ``NotFoundError``."""
        return await self._transport.call(Call("GET", at("avatars", avatar_id), model(Avatar)))

    async def delete(self, avatar_id: str) -> None:
        """Delete an avatar that you made. Raises ``NotFoundError``; ``RefusedError`` ``builtin-stays``."""
        await self._transport.call(Call("DELETE", at("avatars", avatar_id), nothing))

    async def set_voice(self, avatar_id: str, voice_id: str | None) -> Avatar:
        """Give an avatar a voice, which speaks where a request names none; None: the default of the language."""
        return await self._transport.call(
            Call("PATCH", at("avatars", avatar_id), model(Avatar), body={"voice_id": voice_id})
        )


class AsyncTrainings:
    """Models of one person."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self,
        *,
        video_asset_id: str,
        engine: str | None = None,
        steps: int | None = None,
        device: str | None = None,
        name: str | None = None,
        idempotency_key: str | None = None,
    ) -> Job[TrainingResult]:
        """Train a model on an uploaded video. ``steps``: 100–100000, the engine's own number for None.

        The same video and steps again go on with an unfinished training.

        Raises ``ServerError`` ``training-unavailable`` where no engine can; ``RefusedError`` ``wrong-kind``,
        ``no-audio``, ``unknown-engine``; ``NotFoundError``.
        """
        body = given(video_asset_id=video_asset_id, engine=engine, steps=steps, device=device, name=name)
        return cast(Job[TrainingResult], await _start(self._transport, "trainings", idempotency_key, body))


class AsyncVideos:
    """Videos of an avatar saying something."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self,
        *,
        text: str | None = None,
        audio_asset_id: str | None = None,
        avatar_id: str | None = None,
        voice_id: str | None = None,
        synthesis: Synthesis | None = None,
        engines: EngineChoice | None = None,
        fallback: bool | None = None,
        engine: str | None = None,
        model: str | None = None,
        device: str | None = None,
        language: str | None = None,
        subtitles: bool = False,
        max_side_px: int | None = None,
        idempotency_key: str | None = None,
    ) -> Job[VideoResult]:
        """Make the avatar say a text, or an uploaded recording: give one of the two.

        ``synthesis``: how to speak, of what ``voice.synthesis`` names. ``engines`` are asked first; ``fallback=False``:
        fail rather than let another do the work (which the result's ``fallbacks`` tell).

        Raises ``RefusedError``: ``empty-text``, ``long-text``, ``silent-audio``, ``too-long``, …; ``NotFoundError``;
        ``BusyError`` ``queue-full``.
        """
        body = given(
            text=text,
            audio_asset_id=audio_asset_id,
            avatar_id=avatar_id,
            voice_id=voice_id,
            synthesis=synthesis,
            engines=engines,
            fallback=fallback,
            engine=engine,
            model=model,
            device=device,
            language=language,
            subtitles=subtitles,
            max_side_px=max_side_px,
        )
        return cast(Job[VideoResult], await _start(self._transport, "videos", idempotency_key, body))

    async def list(self, *, limit: int = 50, before: str | None = None) -> list[Job[VideoResult]]:
        """The gallery: finished video jobs, newest first."""
        query = given(limit=limit, before=before)
        return await self._transport.call(Call("GET", at("videos"), items(parse_job), params=query))


class AsyncDialogues:
    """Questions, answered as a video of the avatar."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self,
        *,
        text: str | None = None,
        audio_asset_id: str | None = None,
        avatar_id: str | None = None,
        voice_id: str | None = None,
        synthesis: Synthesis | None = None,
        engines: EngineChoice | None = None,
        fallback: bool | None = None,
        conversation_id: str | None = None,
        engine: str | None = None,
        model: str | None = None,
        language: str | None = None,
        persona: str | None = None,
        idle_frame: int | None = None,
        idempotency_key: str | None = None,
    ) -> Job[DialogueResult]:
        """Ask a question, typed or as an uploaded recording: give one of the two.

        ``conversation_id`` of an answer before goes on with that conversation. ``persona`` tells the language model who
        the avatar is. Raises as ``videos.create`` does.
        """
        body = given(
            text=text,
            audio_asset_id=audio_asset_id,
            avatar_id=avatar_id,
            voice_id=voice_id,
            synthesis=synthesis,
            engines=engines,
            fallback=fallback,
            conversation_id=conversation_id,
            engine=engine,
            model=model,
            language=language,
            persona=persona,
            idle_frame=idle_frame,
        )
        return cast(Job[DialogueResult], await _start(self._transport, "dialogues", idempotency_key, body))
