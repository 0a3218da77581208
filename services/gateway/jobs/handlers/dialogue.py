"""The dialogue job: a recorded or typed question to a video of the answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from services.common import logs
from services.common.script import language_of
from services.gateway.catalogue.avatars import drawn_of_job, idle_position
from services.gateway.catalogue.voices import speaker_of_job
from services.gateway.context import Gateway
from services.gateway.jobs.recorder import Recorder
from services.gateway.jobs.records import Fallback
from services.gateway.jobs.run import JobRun
from services.gateway.jobs.steps import durable_step
from services.gateway.turn.choices import AvatarChoice, VoiceChoice
from services.gateway.turn.pipeline import Turn, recognise_question, run_turn


@dataclass(frozen=True)
class Question:
    """A question as text."""

    text: str
    language: str
    """As given or recognised; empty when neither."""
    engine: str | None = None
    """The engine that recognised it; None for a typed question."""
    fallbacks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def shown_language(self) -> str:
        """The language, from the script of the text when it is not known."""
        return self.language or language_of(self.text)


async def answer_question(gateway: Gateway, run: JobRun) -> dict[str, Any]:
    """Two durable steps: recognise the question (unless it is typed), answer it."""
    logs.turn_id.set(run.id)
    question = await _question(gateway, run)
    run.partial |= {"transcript": question.text, "language": question.shown_language}
    later = [f for f in run.partial.get("fallbacks", []) if f["service"] != "asr"]
    run.partial["fallbacks"] = question.fallbacks + later
    for fallback in question.fallbacks:
        run.publish("fallback", **fallback)
    run.publish("transcript", text=question.text, language=question.shown_language)

    async def answer() -> dict[str, Any]:
        return await _answer(gateway, run, question)

    return await durable_step(run, "answer", answer)


async def _question(gateway: Gateway, run: JobRun) -> Question:
    """The typed question, or the words of the recorded one."""
    p = run.params
    asset_id, language = p.get("audio_asset_id"), p.get("language") or ""
    if not asset_id:
        return Question(p["text"], language)
    asset = await asyncio.to_thread(gateway.assets.get, run.owner, asset_id)
    turn = replace(
        _turn(run), uri=gateway.storage.uri(asset["key"]), asr_engine=(p.get("engines") or {}).get("asr") or ""
    )

    async def recognise() -> dict[str, Any]:
        run.report("asr")
        transcript = await recognise_question(gateway.clients, turn, run.timings)
        return {
            "text": transcript.text,
            "language": transcript.language,
            "engine": transcript.engine,
            "ms": run.timings.ms["asr"],
            "fallbacks": [Fallback.of(f).model_dump() for f in transcript.fallbacks],
        }

    recognised = await durable_step(run, "listen", recognise)
    if "asr" not in run.timings.ms:  # the step was finished before a crash
        run.timings.set("asr", recognised["ms"])
    return Question(recognised["text"], recognised["language"], recognised["engine"], recognised.get("fallbacks", []))


async def _answer(gateway: Gateway, run: JobRun, question: Question) -> dict[str, Any]:
    """The result: the files of the answer, its text and how it was made."""
    p = run.params
    run.start_over()
    run.report("llm", 0.0)
    known_reply = run.partial["reply"] if run.partial.get("reply_is_whole") else ""
    turn = await _turn_to_answer(gateway, run, question, known_reply)
    recorder = Recorder(run, gateway.marker, text=known_reply)
    recorder.llm_engine = run.partial.get("reply_engine", "")
    try:
        await recorder.record(run_turn(gateway.clients, turn, run.timings))
        published = await recorder.publish(gateway.storage, "reply")
    finally:
        recorder.close(complete=False)
    await asyncio.to_thread(
        gateway.conversations.add_turn,
        run.owner,
        p["conversation_id"],
        turn_id=run.id,
        question=question.text,
        reply=recorder.reply,
    )
    run.timings.mark("total")
    return published | {
        "conversation_id": p["conversation_id"],
        "transcript": question.text,
        "language": question.shown_language,
        "reply": recorder.reply,
        "avatar_id": p.get("avatar_id"),
        "model": p.get("model"),
        "engines": {
            "asr": question.engine,
            "llm": recorder.llm_engine,
            "tts": recorder.speech.engine if recorder.speech else None,
            "render": published["engine"],
        },
        "timings_ms": dict(run.timings.ms),
    }


async def _turn_to_answer(gateway: Gateway, run: JobRun, question: Question, known_reply: str) -> Turn:
    p, engines, turn = run.params, run.params.get("engines") or {}, _turn(run)
    turn = replace(turn, avatar=await drawn_of_job(gateway, run.owner, p))
    history = await asyncio.to_thread(
        gateway.conversations.history,
        run.owner,
        p["conversation_id"],
        limit=gateway.settings.max_history,
        without_turn=run.id,
    )
    dictionary = await asyncio.to_thread(gateway.dictionary.all, run.owner)
    idle = await idle_position(gateway.clients, turn.avatar, p.get("idle_frame"), run.created_at)
    voice = await speaker_of_job(gateway, run.owner, turn.voice, p)
    return replace(
        turn,
        avatar=replace(turn.avatar, idle=idle, mark=gateway.marker.visible(p.get("viewer_language") or "")),
        voice=replace(voice, dictionary=tuple(dictionary)),
        text=question.text,
        language=question.language,
        history=history,
        reply=known_reply,
        persona=p.get("persona") or "",
        llm_engine=engines.get("llm") or "",
        llm_model=engines.get("llm_model") or "",
    )


def _turn(run: JobRun) -> Turn:
    """What both steps have in common."""
    voice = VoiceChoice.of_params(run.owner, run.params)
    return Turn(
        AvatarChoice.of_params(run.owner, run.params),
        voice,
        language=run.params.get("language") or "",
        no_fallback=voice.no_fallback,
    )
