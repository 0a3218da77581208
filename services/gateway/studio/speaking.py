"""Speaks all scenes of a video, two at a time, and makes them whole pictures long."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from services.common.errors import HuashengError
from services.common.pronunciation import Pronunciation
from services.gateway.catalogue.voices import speaker_of_job
from services.gateway.context import Gateway
from services.gateway.jobs.records import Fallback, TextWarning
from services.gateway.jobs.run import JobRun
from services.gateway.media.decoding import pcm_chunks
from services.gateway.store.db import Row
from services.gateway.studio.scenes import Plan, Scene, frames_of, of_scene
from services.gateway.studio.script import parse_script
from services.gateway.studio.speech import SpeakerFacts, speak_scene
from services.gateway.studio.types import SpokenScene
from services.gateway.turn import events as turn
from services.gateway.turn.choices import VoiceChoice
from services.gateway.turn.pieces import PartStore
from services.gateway.turn.stages import recognise
from services.gateway.turn.timings import Timings

AT_ONCE = 2
LOWEST_HZ, HIGHEST_HZ = 16000, 48000
"""Sample rates between which recorded speech goes to the render service."""


class Speaking:
    """Speaks the scenes of a plan. ``store`` keeps stretches, and what was recognised in recordings."""

    def __init__(
        self,
        gateway: Gateway,
        run: JobRun,
        plan: Plan,
        store: PartStore,
        wants_words: bool,
        spoke: Callable[[Scene, SpokenScene], Awaitable[None]],
    ) -> None:
        """``wants_words``: of recordings as well, for subtitles; ``spoke`` gets each scene with its speech before it is
        drawn."""
        self._gateway, self._run, self._plan, self._store = gateway, run, plan, store
        self._wants_words, self._spoke = wants_words, spoke
        self.facts: dict[int, SpeakerFacts] = {}
        """Who spoke, by scene; nobody in recordings."""

    async def speak_all(self) -> None:
        """Speak all scenes. Raises what goes wrong, with the number of the scene."""
        dictionary = await asyncio.to_thread(self._gateway.dictionary.all, self._run.owner)
        waiting = iter(self._plan.scenes)

        async def some() -> None:
            for scene in waiting:  # shared: each takes the next one
                scene.report(self._run, self._plan.video.fps, "speaking")
                try:
                    await self._speak(scene, dictionary)
                except HuashengError as e:
                    raise of_scene(e, scene.index) from e

        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(AT_ONCE):
                    tasks.create_task(some())
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _speak(self, scene: Scene, dictionary: list[Pronunciation]) -> None:
        target = self._plan.folder / f"scene-{scene.index}.pcm"
        gateway, run, p = self._gateway, self._run, scene.params
        if p["text"] is not None:
            spoken, facts = await say_scene(gateway, run.owner, run.timings, p, dictionary, self._store, target)
            self.facts[scene.index] = facts
        else:
            spoken, facts = await hear_scene(gateway, run.owner, run.timings, p, self._store, target, self._wants_words)
        self._add_fallbacks(facts.fallbacks)
        scene.warnings += spoken.warnings
        scene.frames = await asyncio.to_thread(_lengthen, spoken, scene.params["pause_s"], self._plan.video.fps)
        spoken = replace(spoken, seconds=scene.frames / self._plan.video.fps)
        await self._spoke(scene, spoken)
        for warning in scene.warnings:
            record = TextWarning.of(warning).model_dump()
            self._run.partial["warnings"] = [*self._run.partial["warnings"], record]
            self._run.publish("warning", **record, scene=scene.index)
        scene.spoken.set_result(spoken)

    def _add_fallbacks(self, fallbacks: list[turn.Fallback]) -> None:
        known = self._run.partial["fallbacks"]
        for fallback in fallbacks:
            record = Fallback.of(fallback).model_dump()
            if record not in known:
                known = self._run.partial["fallbacks"] = [*known, record]
                self._run.publish("fallback", **record)


async def say_scene(
    gateway: Gateway,
    owner: str,
    timings: Timings,
    params: dict[str, Any],
    dictionary: Iterable[Pronunciation],
    store: PartStore,
    target: Path,
) -> tuple[SpokenScene, SpeakerFacts]:
    """Speak the text of a scene, whose ``params`` are those of a request with the scene's own over them, into
    ``target``. Raises ``ssml-broken``, and what finding the voice and speaking raise."""
    voice = replace(VoiceChoice.of_params(owner, params, dictionary), language=params["language"] or "")
    voice = await speaker_of_job(gateway, owner, voice, params)
    script = parse_script(params["text"], params["language"] or "")
    return await speak_scene(gateway.clients, timings, script, voice, store, target)


async def hear_scene(
    gateway: Gateway,
    owner: str,
    timings: Timings,
    params: dict[str, Any],
    store: PartStore,
    target: Path,
    wants_words: bool,
) -> tuple[SpokenScene, SpeakerFacts]:
    """Decode the recording of a scene into ``target``, and recognise its words where they are wanted."""
    asset = await asyncio.to_thread(gateway.assets.get, owner, params["audio_asset_id"])
    rate_hz = min(max(asset["sample_rate_hz"] or LOWEST_HZ, LOWEST_HZ), HIGHEST_HZ)

    def decode() -> int:
        with gateway.storage.local(asset["key"]) as path, target.open("wb") as file:
            for piece in pcm_chunks(path, rate_hz, asset["name"]):
                file.write(piece)
            return file.tell() // 2

    samples = await asyncio.to_thread(decode)
    spoken = SpokenScene(target, rate_hz, samples / rate_hz, params["language"] or "")
    if not wants_words or params["cues"]:
        return spoken, SpeakerFacts()
    heard = await heard_words(gateway, timings, asset, params, store)
    clauses = [turn.SpokenClause(text, start_s, end_s) for text, start_s, end_s in heard["segments"]]
    fallbacks = [turn.Fallback(**f) for f in heard["fallbacks"]]
    return replace(spoken, clauses=clauses, language=heard["language"]), SpeakerFacts(fallbacks=fallbacks)


async def heard_words(
    gateway: Gateway, timings: Timings, asset: Row, params: dict[str, Any], store: PartStore
) -> dict[str, Any]:
    """What is said in a recording or film: ``segments``, ``language`` and ``fallbacks``; once for each file and choice.

    ``params`` has the ``language`` that is spoken, or None.
    """
    engine = (params.get("engines") or {}).get("asr") or ""
    wanted = f"heard {asset['sha256']} {params['language'] or ''} {engine} {params.get('fallback', True)}"
    key = hashlib.sha256(wanted.encode()).hexdigest()
    if found := await asyncio.to_thread(store.find, key):
        found[0].unlink()
        return found[1]
    transcript = await recognise(
        gateway.clients,
        timings,
        uri=gateway.storage.uri(asset["key"]),
        language=params["language"] or "",
        engine=engine,
        no_fallback=not params.get("fallback", True),
    )
    heard: dict[str, Any] = {
        "segments": transcript.segments,
        "language": transcript.language,
        "fallbacks": [vars(f) for f in transcript.fallbacks],
    }
    nothing = store.folder / f"{key[:32]}.pcm"
    nothing.write_bytes(b"")
    await asyncio.to_thread(store.keep, key, nothing, heard)
    return heard


def _lengthen(spoken: SpokenScene, pause_s: float, fps: float) -> int:
    """Add the pause after a scene, and silence to the end of its last picture. Returns its pictures."""
    frames = frames_of(spoken.seconds + pause_s, fps)
    size = spoken.pcm.stat().st_size
    with spoken.pcm.open("r+b") as file:
        file.truncate(max(size, 2 * round(frames * spoken.rate_hz / fps)))  # what is beyond the end reads as zeros
    return frames
