"""The dialogue job: a recorded or typed question to a video of the answer."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

from services.common import logs
from services.common.script import language_of
from services.gateway.api.views import fallback_row
from services.gateway.avatars import shown_idle
from services.gateway.context import Gateway
from services.gateway.jobs.recorder import Recorder
from services.gateway.jobs.runner import JobRun
from services.gateway.turn.pipeline import Turn, hear, run_turn
from services.gateway.turn.stages import Look
from services.gateway.voices import job_voice


async def dialogue(gateway: Gateway, run: JobRun) -> dict[str, Any]:
    """Two durable steps: hear the question, answer it."""
    p = run.params
    logs.turn_id.set(run.id)
    look = Look(run.owner, p.get("avatar_id") or "", p.get("engine") or "", p.get("model") or "")
    voice, engines = job_voice(run.owner, p), p.get("engines") or {}
    heard: dict[str, Any] = {"text": p.get("text"), "language": p.get("language") or "", "engine": None}
    if asset_id := p.get("audio_asset_id"):
        asset = await asyncio.to_thread(gateway.assets.get, run.owner, asset_id)
        uri = gateway.storage.uri(asset["key"])

        async def listen() -> dict[str, Any]:
            run.at("asr")
            turn = Turn(
                look,
                voice,
                uri=uri,
                language=p.get("language") or "",
                asr_engine=engines.get("asr") or "",
                alone=voice.alone,
            )
            t = await hear(gateway.clients, turn, run.timings)
            return {
                "text": t.text,
                "language": t.language,
                "engine": t.engine,
                "ms": run.timings.ms["asr"],
                "fallbacks": [fallback_row(f) for f in t.fallbacks],
            }

        heard = await run.step("listen", listen)
        if "asr" not in run.timings.ms:  # the step was done before a crash
            run.timings.known("asr", heard["ms"])
    language = heard["language"] or language_of(heard["text"])
    run.partial |= {"transcript": heard["text"], "language": language}
    run.partial["fallbacks"] = heard.get("fallbacks", []) + [
        f for f in run.partial.get("fallbacks", []) if f["service"] != "asr"
    ]
    for told in heard.get("fallbacks", []):
        run.tell("fallback", **told)
    run.tell("transcript", text=heard["text"], language=language)

    async def answer() -> dict[str, Any]:
        run.start_over()
        run.at("llm", 0.0)
        known = run.partial["reply"] if run.partial.get("reply_is_whole") else ""
        history = await asyncio.to_thread(
            gateway.conversations.history, run.owner, p["conversation_id"], gateway.settings.max_history, run.id
        )
        idle = await shown_idle(gateway, run.owner, look, p.get("idle_frame"), run.created_at)
        turn = Turn(
            replace(look, idle=idle),
            voice,
            text=heard["text"],
            language=heard["language"],
            history=history,
            reply=known,
            persona=p.get("persona") or "",
            llm_engine=engines.get("llm") or "",
            llm_model=engines.get("llm_model") or "",
            alone=voice.alone,
        )
        recorder = Recorder(run, text=known)
        recorder.llm_engine = run.partial.get("reply_engine", "")
        try:
            async with contextlib.aclosing(run_turn(gateway.clients, turn, run.timings)) as events:
                async for event in events:
                    await recorder.take(event)
            made = await recorder.publish(gateway.storage, "reply")
        finally:
            recorder.close(complete=False)
        await asyncio.to_thread(
            gateway.conversations.add_turn, run.owner, p["conversation_id"], run.id, heard["text"], recorder.reply
        )
        run.timings.mark("total")
        used = {
            "asr": heard["engine"],
            "llm": recorder.llm_engine,
            "tts": recorder.voice.engine if recorder.voice else None,
            "render": made["engine"],
        }
        return made | {
            "conversation_id": p["conversation_id"],
            "transcript": heard["text"],
            "language": language,
            "reply": recorder.reply,
            "avatar_id": p.get("avatar_id"),
            "model": p.get("model"),
            "engines": used,
            "timings_ms": dict(run.timings.ms),
        }

    return await run.step("answer", answer)
