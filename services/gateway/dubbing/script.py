"""The job of a dubbing's script: recognises what is said in a film, translates it, speaks it once and fits it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from services.common.errors import HuashengError
from services.gateway.context import Gateway
from services.gateway.dubbing.fitting import FASTEST, budget, set_slots, speed_of, usual_pace
from services.gateway.dubbing.kept import kept_facts
from services.gateway.dubbing.sentences import sentences_of, spaced
from services.gateway.dubbing.speaking import Speaker
from services.gateway.dubbing.table import GLOSSARY_MISSED, Line, missed
from services.gateway.dubbing.translating import Asked, parameters, translate
from services.gateway.jobs.records import Fallback, TextWarning
from services.gateway.jobs.run import JobRun
from services.gateway.jobs.steps import durable_step
from services.gateway.media.decoding import pcm_chunks
from services.gateway.store.db import Row
from services.gateway.studio.kept import KeptPieces, forget_pieces
from services.gateway.studio.speaking import heard_words
from services.gateway.studio.types import SpokenScene
from services.gateway.studio.words import words_of
from services.gateway.turn import events as turn

HEARD, TRANSLATED = 0.2, 0.4
"""Progress of a job whose film was heard, and of one whose sentences are translated."""
SHORTER = 2
"""How often a translation that is too long is asked for again."""
ROOM = 0.95
"""A shorter translation is asked for with a little less than fits: models write rather more."""
HEAR_HZ = 16000


async def make_script(gateway: Gateway, run: JobRun) -> dict[str, Any]:
    """One durable step: what was recognised, translated and spoken before a crash is found again by its digests."""

    async def make() -> dict[str, Any]:
        run.start_over()
        run.report("asr", 0.0)
        run.partial |= {"sentences": [], "warnings": [], "fallbacks": []}
        return await _Script(gateway, run).make()

    try:
        return await durable_step(run, "script", make)
    except Exception:  # not where the gateway stops or has lost the job: who continues it uses what is kept
        await asyncio.to_thread(forget_pieces, gateway.storage, run.id)
        raise


class _Script:
    def __init__(self, gateway: Gateway, run: JobRun) -> None:
        self._gateway, self._run, self._p = gateway, run, run.params
        self._store = KeptPieces(gateway.storage, run.id, "", run.folder, ".pcm")
        self._lines: list[Line] = []
        self._pace_key = f"dubbing/{self._p['voice_id'] or self._p['language']}"
        self._spoken_s = self._heard_letters = 0.0

    async def make(self) -> dict[str, Any]:
        run, p, gateway = self._run, self._p, self._gateway
        asset = await asyncio.to_thread(gateway.assets.get, run.owner, p["film_asset_id"])
        duration_s = float(asset["duration_s"])
        run.plan(["dubbing"], duration_s)
        heard = await heard_words(gateway, run.timings, asset, p | {"language": p["source_language"]}, self._store)
        self._fallbacks([turn.Fallback(**f) for f in heard["fallbacks"]])
        source = p["source_language"] or heard["language"]
        self._lines = await asyncio.to_thread(self._sentences, asset, heard["segments"], source)
        if not self._lines:
            raise HuashengError("no-speech")
        set_slots(self._lines, duration_s)
        self._show()
        run.report("llm", HEARD)
        run.timings.begin("llm")
        await self._translate([self._asked(line) for line in self._lines])
        run.timings.mark("llm", "llm")
        run.report("tts", TRANSLATED)
        speaker = await Speaker.of_job(gateway, run, p, self._store)
        await self._speak(speaker)
        if self._spoken_s:
            run.book.learn_number(self._pace_key, self._heard_letters / self._spoken_s)
        run.timings.mark("total")
        return {
            "film_asset_id": p["film_asset_id"],
            "language": p["language"],
            "source_language": source,
            "voice_id": speaker.facts.voice_id or p["voice_id"],
            "duration_s": round(duration_s, 3),
            "glossary": p["glossary"],
            "synthesis": p["synthesis"],
            "sentences": [line.record() for line in self._lines],
            "warnings": run.partial["warnings"],
            "fallbacks": run.partial["fallbacks"],
            "speech_s": round(self._spoken_s, 3),
            "pieces": len(self._lines),
            "timings_ms": dict(run.timings.ms),
        }

    def _sentences(self, asset: Row, segments: list[list[Any]], language: str) -> list[Line]:
        """What was recognised, as sentences with their times."""
        target = self._run.folder / "film.pcm"
        seconds = _decode(self._gateway, asset, target)
        clauses = [turn.SpokenClause(spaced(t), a, min(b, seconds)) for t, a, b in segments if t.strip()]
        return sentences_of(words_of(SpokenScene(target, HEAR_HZ, seconds, language, clauses)))

    def _asked(self, line: Line, given: str = "", pace: float = 0.0) -> Asked:
        pace = pace or self._run.book.number(self._pace_key, usual_pace(self._p["language"]))
        return Asked(line, budget(line.slot_s, pace), given)

    async def _translate(self, asked: list[Asked], tries: int = 0) -> dict[int, str]:
        """Translate lines; those that were asked for anew keep what they have until it is better."""
        language, glossary = self._p["language"], self._p["glossary"]

        async def make() -> dict[str, Any]:
            found = await translate(self._gateway.clients, asked, self._lines, language, glossary)
            return {"lines": {str(k): text for k, text in found.items()}}

        facts = await kept_facts(self._store, f"translated {tries}", parameters(asked, language, glossary), make)
        found = {int(k): str(text) for k, text in facts["lines"].items()}
        for line in self._lines:
            if line.index in found and not line.translation:
                self._set(line, found[line.index])
        self._show()
        return found

    def _set(self, line: Line, translation: str) -> None:
        line.translation = translation
        line.warnings = [GLOSSARY_MISSED] if missed(line, self._p["glossary"]) else []

    async def _speak(self, speaker: Speaker) -> None:
        """Speak all lines at speed 1, ask for shorter ones, then speak at the speed that each needs."""
        await self._each(self._lines, lambda line: self._measure(speaker, line))
        for tries in range(1, SHORTER + 1):
            long = [line for line in self._lines if (line.spoken_s or 0.0) > FASTEST * line.slot_s]
            if not long:
                break
            await self._shorten(speaker, long, tries)
        for line in self._lines:
            if line.spoken_s:
                line.speed, line.fit = speed_of(line.spoken_s, line.own_s, line.slot_s)
        self._show()
        await self._each(
            [line for line in self._lines if line.speed != 1.0], lambda line: self._at_speed(speaker, line)
        )

    async def _shorten(self, speaker: Speaker, long: list[Line], tries: int) -> None:
        asked = []
        for line in long:
            pace = len(line.translation) / (line.spoken_s or 1.0)
            asked.append(self._asked(line, line.translation, pace * FASTEST * ROOM))
        found = await self._translate(asked, tries)
        before = {line.index: (line.translation, line.spoken_s) for line in long}
        changed = [line for line in long if found.get(line.index, line.translation) != line.translation]
        for line in changed:
            self._set(line, found[line.index])
        await self._each(changed, lambda line: self._measure(speaker, line))
        for line in changed:  # what became no shorter stays as it was
            text, spoken_s = before[line.index]
            if (line.spoken_s or 0.0) >= (spoken_s or 0.0):
                self._set(line, text)
                line.spoken_s = spoken_s

    async def _each(self, lines: list[Line], work: Any) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                for line in lines:
                    tasks.create_task(work(line))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _measure(self, speaker: Speaker, line: Line) -> None:
        spoken = await speaker.say(line, 1.0)
        line.spoken_s = spoken.length_s
        self._spoken_s += spoken.length_s
        self._heard_letters += len(line.translation)
        self._fallbacks(spoken.facts.fallbacks)
        self._warn(line, spoken.scene.warnings)
        spoken.scene.pcm.unlink(missing_ok=True)
        self._show(line)

    async def _at_speed(self, speaker: Speaker, line: Line) -> None:
        spoken = await speaker.say(line, line.speed)
        self._spoken_s += spoken.length_s
        spoken.scene.pcm.unlink(missing_ok=True)
        self._show(line)

    def _warn(self, line: Line, warnings: list[turn.TextWarning]) -> None:
        for warning in warnings:
            record = TextWarning.of(warning).model_dump()
            if record not in self._run.partial["warnings"]:
                self._run.partial["warnings"] = [*self._run.partial["warnings"], record]
                self._run.publish("warning", **record, sentence=line.index)

    def _fallbacks(self, found: list[turn.Fallback]) -> None:
        for fallback in found:
            record = Fallback.of(fallback).model_dump()
            if record not in self._run.partial["fallbacks"]:
                self._run.partial["fallbacks"] = [*self._run.partial["fallbacks"], record]
                self._run.publish("fallback", **record)

    def _show(self, changed: Line | None = None) -> None:
        """The table as it stands, for those who watch."""
        run = self._run
        run.partial["sentences"] = [line.record() for line in self._lines]
        for line in self._lines if changed is None else [changed]:
            run.publish("sentence", **line.record())
        if changed is not None:
            done = sum(line.spoken_s is not None for line in self._lines) / len(self._lines)
            run.report("tts", max(run.progress, TRANSLATED + (0.98 - TRANSLATED) * done))


def _decode(gateway: Gateway, asset: Row, target: Path) -> float:
    """The sound of a film as 16-bit mono PCM at ``HEAR_HZ``. Returns its seconds."""
    with gateway.storage.local(asset["key"]) as path, target.open("wb") as file:
        for piece in pcm_chunks(path, HEAR_HZ, asset["name"]):
            file.write(piece)
        return file.tell() / 2 / HEAR_HZ
