"""The video job: text or recorded speech to a video of the avatar saying it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

from services.common.aio import iterate_in_thread
from services.gateway.api.views import fallback_row
from services.gateway.context import Gateway
from services.gateway.jobs.recorder import Recorder
from services.gateway.jobs.runner import JobRun
from services.gateway.media.decoding import pcm_chunks
from services.gateway.turn.events import Spoken
from services.gateway.turn.stages import Drawing, Flow, Look, draw, listen, play, recite, speak
from services.gateway.voices import job_voice


async def video(gateway: Gateway, run: JobRun) -> dict[str, Any]:
    """One durable step; with subtitles of recorded speech, one before it that recognises the words."""
    p = run.params
    look = Look(
        run.owner,
        p.get("avatar_id") or "",
        p.get("engine") or "",
        p.get("model") or "",
        p.get("device") or "",
        p.get("max_side_px") or 0,
    )
    voice = replace(job_voice(run.owner, p), language=p.get("language") or "")
    asset = None
    segments: list[list[Any]] = []
    if asset_id := p.get("audio_asset_id"):
        asset = await asyncio.to_thread(gateway.assets.get, run.owner, asset_id)
        if p.get("subtitles"):
            uri = gateway.storage.uri(asset["key"])

            async def recognise() -> dict[str, Any]:
                run.at("asr")
                t = await listen(
                    gateway.clients,
                    run.timings,
                    uri=uri,
                    language=p.get("language") or "",
                    engine=(p.get("engines") or {}).get("asr") or "",
                    alone=voice.alone,
                )
                return {"segments": t.segments, "fallbacks": [fallback_row(f) for f in t.fallbacks]}

            heard = await run.step("subtitles", recognise)
            segments, run.partial["fallbacks"] = heard["segments"], heard.get("fallbacks", [])

    async def make() -> dict[str, Any]:
        run.start_over()
        run.at("render" if asset else "tts", 0.0)
        recorder = Recorder(run, p.get("text") or "", asset["duration_s"] if asset else None)
        flow, drawing = Flow(), Drawing(maxsize=32)
        try:
            with contextlib.ExitStack() as stack:
                if asset:
                    rate = min(max(asset["sample_rate_hz"] or 16000, 16000), 48000)
                    path = await asyncio.to_thread(stack.enter_context, gateway.storage.local(asset["key"]))

                    def chunks() -> Iterator[bytes]:
                        return pcm_chunks(path, rate, asset["name"])

                    pcm: AsyncIterator[bytes] = iterate_in_thread(chunks)
                    flow.start(play(pcm, rate, drawing))
                else:
                    clauses: asyncio.Queue[str | None] = asyncio.Queue(maxsize=16)
                    flow.start(recite(p["text"], clauses))
                    flow.start(speak(flow, gateway.clients, run.timings, voice, clauses, drawing))
                flow.start(draw(flow, gateway.clients, run.timings, look, drawing))
                async with contextlib.aclosing(flow.events()) as events:
                    async for event in events:
                        await recorder.take(event)
            words = [Spoken(t, a, b) for t, a, b in segments] if asset else recorder.spoken
            made = await recorder.publish(gateway.storage, "video", words if p.get("subtitles") else None)
        finally:
            recorder.close(complete=False)
        run.timings.mark("total")
        return made | {
            "text": p.get("text"),
            "avatar_id": p.get("avatar_id"),
            "model": p.get("model"),
            "audio_asset_id": p.get("audio_asset_id"),
            "timings_ms": dict(run.timings.ms),
        }

    return await run.step("render", make)
