"""The video job: text or recorded speech to a video of the avatar saying it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

from huasheng.render.v1 import render_pb2

from services.common.aio import iterate_in_thread
from services.common.clauses import weight
from services.common.script import language_of
from services.gateway.catalogue.avatars import drawn_avatar, drawn_of_job
from services.gateway.catalogue.restorer import restorer_of_job
from services.gateway.catalogue.voices import speaker_of_job
from services.gateway.context import Gateway
from services.gateway.dubbing.film import FilmMaking
from services.gateway.jobs.part_files import PartFiles
from services.gateway.jobs.recorder import SECONDS_PER_WEIGHT, Recorder
from services.gateway.jobs.records import Fallback
from services.gateway.jobs.run import JobRun
from services.gateway.jobs.steps import durable_step
from services.gateway.media.decoding import pcm_chunks
from services.gateway.store.db import Row
from services.gateway.studio.handler import make_studio_video
from services.gateway.turn.choices import AvatarChoice, VoiceChoice
from services.gateway.turn.events import SpokenClause
from services.gateway.turn.parts import LONG_S
from services.gateway.turn.pipeline import InParts, video_of_recording, video_of_text
from services.gateway.turn.stages import recognise

LOWEST_HZ, HIGHEST_HZ = 16000, 48000
"""Sample rates between which recorded speech goes to the render service."""


async def make_video(gateway: Gateway, run: JobRun) -> dict[str, Any]:
    """One durable step; with subtitles of recorded speech, one before it that recognises the words."""
    p = run.params
    if p.get("dubbing"):
        return await make_studio_video(gateway, run, FilmMaking)
    if p.get("scenes"):
        return await make_studio_video(gateway, run)
    mark = gateway.marker.visible(p.get("viewer_language") or language_of(p.get("text") or ""))
    avatar = replace(await drawn_of_job(gateway, run.owner, p), mark=mark)
    dictionary = await asyncio.to_thread(gateway.dictionary.all, run.owner)
    voice = replace(VoiceChoice.of_params(run.owner, p, dictionary), language=p.get("language") or "")
    asset: Row | None = None
    segments: list[list[Any]] = []
    if asset_id := p.get("audio_asset_id"):
        asset = await asyncio.to_thread(gateway.assets.get, run.owner, asset_id)
        if p.get("subtitles"):
            recognised = await _recognise_words(gateway, run, asset)
            segments, run.partial["fallbacks"] = recognised["segments"], recognised.get("fallbacks", [])

    restorer = await restorer_of_job(gateway.clients, p)
    parts = await _in_parts(gateway, run, avatar, asset)

    async def make() -> dict[str, Any]:
        run.start_over()
        run.report("render" if asset else "tts", 0.0)
        speech_s = asset["duration_s"] if asset else None
        recorder = Recorder(run, gateway.marker, p.get("text") or "", speech_s, restorer)
        try:
            if asset:
                async with _speech_of(gateway, asset) as (pcm, sample_rate_hz):
                    await recorder.record(
                        video_of_recording(gateway.clients, run.timings, avatar, pcm, sample_rate_hz, parts)
                    )
                clauses = [SpokenClause(text, start_s, end_s) for text, start_s, end_s in segments]
            else:
                spoken_by = await speaker_of_job(gateway, run.owner, voice, p)
                await recorder.record(video_of_text(gateway.clients, run.timings, avatar, spoken_by, p["text"], parts))
                clauses = recorder.clauses
            published = await recorder.publish(gateway.storage, "video", clauses if p.get("subtitles") else None)
        finally:
            recorder.close(complete=False)
        run.timings.mark("total")
        return published | {
            "text": p.get("text"),
            "avatar_id": p.get("avatar_id"),
            "model": p.get("model"),
            "audio_asset_id": p.get("audio_asset_id"),
            "restorer": restorer,
            "timings_ms": dict(run.timings.ms),
        }

    try:
        made = await durable_step(run, "render", make)
    except Exception:
        await _remove_parts(parts)
        raise
    await _remove_parts(parts)  # not where the gateway stops or has lost the job: who continues it uses them
    return made


async def _in_parts(gateway: Gateway, run: JobRun, avatar: AvatarChoice, asset: Row | None) -> InParts | None:
    """How a video is shared out to several renderers; None for one that is short, or whose engine draws no parts."""
    text = run.params.get("text") or ""
    seconds = asset["duration_s"] if asset else weight(text) * SECONDS_PER_WEIGHT
    if (seconds or 0.0) < LONG_S:
        return None
    drawn = await drawn_avatar(gateway.clients, avatar)
    engines = await gateway.clients.call("render", "ListEngines", render_pb2.ListEnginesRequest())
    draws_parts = any(e.name == drawn.engine and e.draws_parts for e in engines.engines)
    if not draws_parts or not float(drawn.fps).is_integer():
        return None
    return InParts(PartFiles(gateway.storage, run.id, run.folder), drawn.fps)


async def _remove_parts(parts: InParts | None) -> None:
    if parts and isinstance(parts.store, PartFiles):
        await asyncio.to_thread(parts.store.remove)


async def _recognise_words(gateway: Gateway, run: JobRun, asset: Row) -> dict[str, Any]:
    """What is said in a recording, with times: ``segments`` and ``fallbacks``."""
    p = run.params

    async def recognise_words() -> dict[str, Any]:
        run.report("asr")
        transcript = await recognise(
            gateway.clients,
            run.timings,
            uri=gateway.storage.uri(asset["key"]),
            language=p.get("language") or "",
            engine=(p.get("engines") or {}).get("asr") or "",
            no_fallback=not p.get("fallback", True),
        )
        return {
            "segments": transcript.segments,
            "fallbacks": [Fallback.of(f).model_dump() for f in transcript.fallbacks],
        }

    return await durable_step(run, "subtitles", recognise_words)


@contextlib.asynccontextmanager
async def _speech_of(gateway: Gateway, asset: Row) -> AsyncIterator[tuple[AsyncIterator[bytes], int]]:
    """The speech of an upload as 16-bit mono PCM, and its sample rate in Hz."""
    sample_rate_hz = min(max(asset["sample_rate_hz"] or LOWEST_HZ, LOWEST_HZ), HIGHEST_HZ)
    with contextlib.ExitStack() as stack:
        path = await asyncio.to_thread(stack.enter_context, gateway.storage.local(asset["key"]))

        def decode() -> Iterator[bytes]:
            return pcm_chunks(path, sample_rate_hz, asset["name"])

        yield iterate_in_thread(decode), sample_rate_hz
