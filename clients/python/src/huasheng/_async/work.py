"""What makes work: avatars, trainings, videos, dialogues. Each answers with a job; ``jobs.result`` waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from huasheng._async.transport import AsyncTransport
from huasheng._protocol import LONG_S, SHORT_S, Call, Raw, at, given, items, key, model, nothing
from huasheng.accounts import Statement
from huasheng.batches import BulkAnswer, TagUse
from huasheng.jobs import AvatarResult, DialogueResult, Job, TrainingResult, VideoResult, parse_job
from huasheng.models import Avatar
from huasheng.requests import (
    Background,
    ConsentRequest,
    CueText,
    Dubbing,
    EngineChoice,
    Format,
    Framing,
    Logo,
    Scene,
    Sound,
    Subtitles,
    Synthesis,
)
from huasheng.scenes import ScenePreview


async def start(transport: AsyncTransport, path: str, idempotency_key: str | None, body: dict[str, Any]) -> Job[Any]:
    """Make work; once for each key."""
    # a consent clip is listened to and looked at before the answer
    within = LONG_S if "clip_asset_id" in body.get("consent", {}) else SHORT_S
    call = Call("POST", at(path), parse_job, body=body, headers=key(idempotency_key), timeout_s=within)
    return await transport.call(call)


def stated(consent: Statement | ConsentRequest | None) -> ConsentRequest | None:
    """A statement as a request has it."""
    return {"statement": consent} if isinstance(consent, str) else consent


_preview = model(ScenePreview)


class AsyncAvatars:
    """Prepared people."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self,
        *,
        asset_id: str,
        name: str,
        engine: str | None = None,
        consent: Statement | ConsentRequest | None = None,
        idempotency_key: str | None = None,
    ) -> Job[AvatarResult]:
        """Prepare a person from an uploaded video or portrait. ``consent``: required with accounts; with a
        consent clip where the installation wants one.

        Raises ``NotFoundError``, ``RefusedError``.
        """
        body = given(asset_id=asset_id, name=name, engine=engine, consent=stated(consent))
        return cast(Job[AvatarResult], await start(self._transport, "avatars", idempotency_key, body))

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
        consent: Statement | ConsentRequest | None = None,
        idempotency_key: str | None = None,
    ) -> Job[TrainingResult]:
        """Train a model on an uploaded video. ``steps``: 100–100000, the engine's own number for None. ``consent``:
        required with accounts.

        The same video and steps again go on with an unfinished training.

        Raises ``ServerError`` ``training-unavailable`` where no engine can; ``RefusedError`` ``wrong-kind``,
        ``no-audio``, ``unknown-engine``; ``NotFoundError``.
        """
        told = given(engine=engine, steps=steps, device=device, name=name, consent=stated(consent))
        body = {"video_asset_id": video_asset_id, **told}
        return cast(Job[TrainingResult], await start(self._transport, "trainings", idempotency_key, body))


class AsyncVideos:
    """Videos of avatars saying something."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self,
        *,
        text: str | None = None,
        audio_asset_id: str | None = None,
        scenes: list[Scene] | None = None,
        dubbing: Dubbing | None = None,
        avatar_id: str | None = None,
        voice_id: str | None = None,
        synthesis: Synthesis | None = None,
        engines: EngineChoice | None = None,
        fallback: bool | None = None,
        engine: str | None = None,
        model: str | None = None,
        device: str | None = None,
        language: str | None = None,
        subtitles: bool | Subtitles = False,
        format: Format | None = None,
        background: Background | None = None,
        framing: Framing | None = None,
        sound: Sound | None = None,
        intro_asset_id: str | None = None,
        outro_asset_id: str | None = None,
        logo: Logo | None = None,
        from_job_id: str | None = None,
        restore: bool = False,
        max_side_px: int | None = None,
        idempotency_key: str | None = None,
    ) -> Job[VideoResult]:
        """Make the avatar say a text, or an uploaded recording, or make a video of ``scenes``, or a film that speaks
        the script of a ``dubbing``: give one of the four.

        ``synthesis``: how to speak, of what ``voice.synthesis`` names. ``engines`` are asked first; ``fallback=False``:
        fail rather than let another do the work (which the result's ``fallbacks`` tell). ``format`` and what follows it
        belong to the whole video. ``from_job_id``: a video before, of which every scene that is the same is taken.
        ``restore``: the operator's face restorer goes over the drawn face (``restorer`` of ``system.engines()``).

        Raises ``RefusedError``: ``empty-text``, ``long-text``, ``silent-audio``, ``too-long``, …; ``NotFoundError``;
        ``BusyError`` ``queue-full``.
        """
        body = given(
            text=text,
            audio_asset_id=audio_asset_id,
            scenes=scenes,
            dubbing=dubbing,
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
            format=format,
            background=background,
            framing=framing,
            sound=sound,
            intro_asset_id=intro_asset_id,
            outro_asset_id=outro_asset_id,
            logo=logo,
            from_job_id=from_job_id,
            restore=restore,
            max_side_px=max_side_px,
        )
        return cast(Job[VideoResult], await start(self._transport, "videos", idempotency_key, body))

    async def change(
        self, job_id: str, *, name: str | None = None, tags: Sequence[str] | None = None
    ) -> Job[VideoResult]:
        """Name a video (80 characters; "" takes the name away), tag it (12 tags of 40); None leaves what is there.

        Raises ``NotFoundError``.
        """
        body = given(name=name, tags=tags)
        call = Call("PATCH", at("videos", job_id), parse_job, body=body)
        return cast(Job[VideoResult], await self._transport.call(call))

    async def delete(self, ids: Sequence[str]) -> BulkAnswer:
        """Delete up to 200 videos and their files. The answer names those that were not deleted, and why."""
        body = {"ids": list(ids), "action": "delete"}
        return await self._transport.call(Call("POST", at("videos", "bulk"), model(BulkAnswer), body=body))

    async def zip(self, ids: Sequence[str]) -> bytes:
        """Up to 200 videos and their subtitles as a zip file. Raises ``NotFoundError`` when none of them is there."""
        call = Call(
            "POST", at("videos", "bulk"), _data, body={"ids": list(ids), "action": "zip"}, timeout_s=LONG_S, is_raw=True
        )
        return await self._transport.call(call)

    async def tags(self) -> list[TagUse]:
        """The tags of your videos."""
        return await self._transport.call(Call("GET", at("videos", "tags"), items(model(TagUse))))

    async def preview(
        self,
        *,
        text: str | None = None,
        audio_asset_id: str | None = None,
        avatar_id: str | None = None,
        model: str | None = None,
        voice_id: str | None = None,
        language: str | None = None,
        synthesis: Synthesis | None = None,
        background: Background | None = None,
        framing: Framing | None = None,
        pause_s: float | None = None,
        cues: list[CueText] | None = None,
        engines: EngineChoice | None = None,
        fallback: bool | None = None,
    ) -> ScenePreview:
        """Speak one scene at once: its sound (a link that is good for half an hour at least) and its subtitles.

        Raises as ``create``.
        """
        body = given(
            text=text,
            audio_asset_id=audio_asset_id,
            avatar_id=avatar_id,
            model=model,
            voice_id=voice_id,
            language=language,
            synthesis=synthesis,
            background=background,
            framing=framing,
            pause_s=pause_s,
            cues=cues,
            engines=engines,
            fallback=fallback,
        )
        call = Call("POST", at("videos", "preview"), _preview, body=body, timeout_s=LONG_S)
        return await self._transport.call(call)

    async def list(
        self,
        *,
        q: str | None = None,
        tag: str | None = None,
        avatar_id: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[Job[VideoResult]]:
        """The gallery: finished video jobs, newest first. ``q``: words that are all in name or text; ``avatar_id``: of
        an avatar or model."""
        query = given(q=q, tag=tag, avatar_id=avatar_id, limit=limit, before=before)
        return await self._transport.call(Call("GET", at("videos"), items(parse_job), params=query))


def _data(raw: Raw) -> bytes:
    return raw.data


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
        return cast(Job[DialogueResult], await start(self._transport, "dialogues", idempotency_key, body))
