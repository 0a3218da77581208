"""Makes a dubbed film: the table is spoken and placed, and the film's own pictures get new lips, in their own order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
from huasheng.common.v1 import common_pb2
from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.catalogue.avatars import drawn_of_job
from services.gateway.catalogue.restorer import usable_restorer
from services.gateway.dubbing.background import background
from services.gateway.dubbing.captions import film_cues
from services.gateway.dubbing.film_avatar import prepared
from services.gateway.dubbing.fitting import Timed, placed, set_slots, speed_of
from services.gateway.dubbing.mixing import mix_dubbing
from services.gateway.dubbing.separation import stems_of
from services.gateway.dubbing.speaking import Pcm, Speaker, Spoken
from services.gateway.dubbing.table import Line, lines_of
from services.gateway.jobs.records import Fallback
from services.gateway.studio import formats
from services.gateway.studio.making import Making
from services.gateway.studio.scenes import Plan, Scene
from services.gateway.studio.sound import Mix
from services.gateway.studio.types import SpokenScene
from services.gateway.turn import events as turn

PREPARED, SPOKEN = 0.35, 0.4
"""Progress of a job whose film is prepared, and of one whose sentences are spoken."""


class FilmMaking(Making):
    """The making of one dubbed film, as that of a video with one scene whose avatar is the film."""

    begins = SPOKEN

    async def make(self) -> None:
        """Make the film and its sound. Raises ``dubbing-too-long``, and as ``Making.make``."""
        run, gateway = self._run, self._gateway
        self._asset = asset = await asyncio.to_thread(gateway.assets.get, run.owner, run.params["film_asset_id"])
        run.plan(["dubbed"], asset["duration_s"])
        run.report("prepare", 0.0)
        avatar = await prepared(gateway, run.owner, asset, self._preparing)
        self.plan = plan = await self._plan(avatar)
        scene = plan.scenes[0]
        run.report("tts", max(run.progress, PREPARED))
        self._lines = await self._speak(scene, plan.video.fps)
        await self._draw(plan, _nothing())

    def more(self) -> dict[str, Any]:
        """What was dubbed, and from which script."""
        sentences = [line.record() for line in self._lines]
        return {"dubbing": {"job_id": self._run.params["dubbing"]["job_id"], "sentences": sentences}}

    def _preparing(self, stage: str, share: float) -> None:
        self._run.report(stage, max(self._run.progress, PREPARED * share))

    async def _plan(self, avatar: Any) -> Plan:
        """One scene that is as long as the film, at its size and rate."""
        run, gateway, p = self._run, self._gateway, self._run.params
        video = formats.video_format(None, avatar)
        choice = await drawn_of_job(gateway, run.owner, p)
        engines = await gateway.clients.call("render", "ListEngines", render_pb2.ListEnginesRequest())
        in_parts = any(e.name == avatar.engine and e.draws_parts for e in engines.engines)
        scene = Scene(
            index=0,
            params=p | {"text": None, "cues": None, "pause_s": 0.0},
            choice=replace(choice, mark=gateway.marker.visible(p.get("viewer_language") or p["language"])),
            avatar=avatar,
            composition=formats.composition_of(video, avatar, "whole", None, []),
            draws_parts=in_parts and float(video.fps).is_integer(),
            expected_s=avatar.frames / video.fps,
            spoken=asyncio.get_running_loop().create_future(),
            frames=avatar.frames,
        )
        run.partial["scenes"] = [scene.record(video.fps)]
        return Plan(video, [scene], run.folder, usable_restorer(engines) if p.get("restore") else None)

    async def _speak(self, scene: Scene, fps: float) -> list[Line]:
        """Speak the table onto one track as long as the film. Returns its lines, with their new times."""
        run, p, seconds = self._run, self._run.params, scene.frames / fps
        lines = [line for line in lines_of(p["dubbing"]["sentences"]) if line.start_s < seconds]
        self._spans = [(line.start_s, line.end_s) for line in lines]
        set_slots(lines, seconds)
        said = [line for line in lines if line.translation]
        if not said:
            raise HuashengError("empty-text")
        speaker = await Speaker.of_job(self._gateway, run, p, self.speech_store)
        done = 0

        async def speak(line: Line) -> Spoken:
            nonlocal done
            spoken = await speaker.say(line, 1.0)
            line.spoken_s = spoken.length_s
            line.speed, line.fit = speed_of(spoken.length_s, line.own_s, line.slot_s)
            if line.speed != 1.0:
                spoken = await speaker.say(line, line.speed)
            done += 1
            run.report("tts", PREPARED + (SPOKEN - PREPARED) * done / len(said))
            return spoken

        try:
            async with asyncio.TaskGroup() as tasks:
                speaking = [tasks.create_task(speak(line)) for line in said]
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        spoken = [task.result() for task in speaking]
        self.speakers = {0: speaker.facts}
        for fallback in speaker.facts.fallbacks:
            record = Fallback.of(fallback).model_dump()
            run.partial["fallbacks"] = [*run.partial["fallbacks"], record]
            run.publish("fallback", **record)
        starts = placed([Timed(line, s.length_s) for line, s in zip(said, spoken, strict=True)], seconds)
        for line, start, one in zip(said, starts, spoken, strict=True):
            line.start_s, line.end_s = start, start + one.length_s
        await self._finish(scene, said, spoken, starts, seconds)
        return lines

    async def _finish(
        self, scene: Scene, said: list[Line], spoken: list[Spoken], starts: list[float], seconds: float
    ) -> None:
        track = await asyncio.to_thread(_track, self, spoken, starts, seconds, self._run.params["language"], said)
        for one in spoken:
            scene.warnings += [w for w in one.scene.warnings if w not in scene.warnings]
        if self.captioning.wants_words:
            second = bool(self._run.params["dubbing"]["second"])
            scene.cues = await asyncio.to_thread(film_cues, track, said, second)
            self.captioning.burn(scene)
        scene.state = "spoken"
        scene.spoken.set_result(track)

    def _mix(self) -> Mix:
        p, scene = self._run.params, self.plan.scenes[0]
        seconds = scene.frames / self.plan.video.fps
        spoken = scene.spoken.result()
        stems = stems_of(self._gateway.weights_dir)
        with self._gateway.storage.local(self._asset["key"]) as film:
            found = background(film, self._asset["name"], seconds, self._spans, self._run.folder, stems, self._check)
        keeps = p["dubbing"]["background"] == "keep"
        if keeps:
            scene.warnings.append(turn.TextWarning(found.how, "", ""))
            self._run.partial["scenes"] = [scene.record(self.plan.video.fps)]
        return mix_dubbing(
            spoken.pcm,
            spoken.rate_hz,
            seconds,
            self.sound,
            background=found,
            keeps=keeps,
            loudness_lufs=(p["sound"] or {}).get("loudness_lufs"),
            cancelled=self.cancelled,
        )

    def _check(self) -> None:
        if self.is_stopped:
            raise HuashengError("cancelled")


async def _nothing() -> None:
    """All is spoken already."""


def _track(
    making: FilmMaking, spoken: list[Spoken], starts: list[float], seconds: float, language: str, lines: list[Line]
) -> SpokenScene:
    """All sentences at their times, with their phonemes; silence between them."""
    rate = spoken[0].scene.rate_hz
    whole: Pcm = np.zeros(round(seconds * rate), np.int16)
    clauses: list[turn.SpokenClause] = []
    spans: list[common_pb2.PhonemeSpan] = []
    has_phonemes = all(one.scene.spans for one in spoken)
    for one, start_s, line in zip(spoken, starts, lines, strict=True):
        samples, at = one.samples(rate), round(start_s * rate)
        samples = samples[: len(whole) - at]
        whole[at : at + len(samples)] = samples
        clauses.append(turn.SpokenClause(line.translation, start_s, start_s + one.length_s))
        shift = round((start_s - one.first_s) * 1e6)
        until = round((start_s + one.length_s) * 1e6)
        for span in one.scene.spans if has_phonemes else ():
            begin, end = max(span.start_us + shift, round(start_s * 1e6)), min(span.end_us + shift, until)
            if end > begin:
                spans.append(common_pb2.PhonemeSpan(phoneme=span.phoneme, start_us=begin, end_us=end))
        one.scene.pcm.unlink(missing_ok=True)
    target = making.plan.folder / "dubbing.pcm"
    target.write_bytes(whole.tobytes())
    return SpokenScene(target, rate, seconds, language, clauses, spans)
