"""The scenes of a video as its job works on them: who is drawn, in what format, and how far each one is."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from huasheng.render.v1 import render_pb2

from services.common.clauses import weight
from services.common.errors import HuashengError
from services.common.script import language_of
from services.gateway.catalogue.avatars import drawn_avatar, drawn_of_job
from services.gateway.catalogue.restorer import usable_restorer
from services.gateway.context import Gateway
from services.gateway.jobs.recorder import SECONDS_PER_WEIGHT
from services.gateway.jobs.records import Clause, TextWarning
from services.gateway.jobs.run import JobRun
from services.gateway.studio import formats
from services.gateway.studio.types import Cue, SpokenScene
from services.gateway.turn import events as turn
from services.gateway.turn.choices import AvatarChoice, VisibleMark


@dataclass
class Scene:
    """One scene at work."""

    index: int
    params: dict[str, Any]
    """Those of the whole request, with the scene's own over them."""
    choice: AvatarChoice
    avatar: Any
    """``Avatar`` of the render service."""
    composition: render_pb2.Composition
    draws_parts: bool
    expected_s: float
    spoken: asyncio.Future[SpokenScene]
    first_frame: int = 0
    """Of the whole video; known once all scenes before are spoken."""
    frames: int = 0
    cues: list[Cue] = field(default_factory=list)
    state: str = "waiting"
    warnings: list[turn.TextWarning] = field(default_factory=list)

    def report(self, run: JobRun, fps: float, state: str) -> None:
        """Show the scene's state to those who watch the job."""
        self.state = state
        run.partial["scenes"] = [
            *run.partial["scenes"][: self.index],
            self.record(fps),
            *run.partial["scenes"][self.index + 1 :],
        ]
        run.publish("scene", **{k: v for k, v in self.record(fps).items() if k != "clauses"})

    def record(self, fps: float) -> dict[str, Any]:
        """As the job shows it; times in seconds of the whole video, null until they are known."""
        is_spoken = self.spoken.done() and not self.spoken.cancelled() and self.spoken.exception() is None
        start_s = self.first_frame / fps
        clauses = self.spoken.result().clauses if is_spoken else []
        return {
            "index": self.index,
            "text": self.params["text"],
            "start_s": round(start_s, 3) if is_spoken else None,
            "end_s": round((self.first_frame + self.frames) / fps, 3) if is_spoken else None,
            "state": self.state,
            "warnings": [TextWarning.of(w).model_dump() for w in self.warnings],
            "clauses": [
                Clause(
                    index=k, text=c.text, start_s=round(start_s + c.start_s, 3), end_s=round(start_s + c.end_s, 3)
                ).model_dump()
                for k, c in enumerate(clauses)
            ],
        }


@dataclass
class Plan:
    """The whole video."""

    video: formats.VideoFormat
    scenes: list[Scene]
    folder: Path
    restorer: dict[str, str] | None
    """Name and licence of the face restorer, where one is used."""

    @property
    def expected_s(self) -> float:
        """How long it is, as far as it is known."""
        return sum(s.frames / self.video.fps if s.frames else s.expected_s for s in self.scenes)

    @property
    def frames(self) -> int:
        """Pictures of all scenes."""
        return sum(s.frames for s in self.scenes)

    def place(self, first_frame: int) -> None:
        """Find out where the scenes begin, from those that are spoken; an intro may come before."""
        for scene in self.scenes:
            scene.first_frame = first_frame
            first_frame += scene.frames


def frames_of(seconds: float, fps: float) -> int:
    """Pictures that last for all of a sound."""
    return max(1, math.ceil(seconds * fps - 1e-6))


def of_scene(error: HuashengError, index: int) -> HuashengError:
    """An error that names the scene that it is about; one that is about a service stays as it is."""
    if error.retryable or error.slug == "cancelled":
        return error
    return HuashengError(error.slug, **error.params | {"scene": index + 1})


async def open_plan(gateway: Gateway, run: JobRun) -> Plan:
    """Who is drawn in every scene, and how. Raises ``unknown-id`` with the number of the scene, and
    ``restorer-unavailable``."""
    p = run.params
    listed = await gateway.clients.call("render", "ListEngines", render_pb2.ListEnginesRequest())
    engines = {e.name: e for e in listed.engines}
    restorer = usable_restorer(listed) if p.get("restore") else None
    known: dict[AvatarChoice, Any] = {}
    chosen: list[tuple[dict[str, Any], AvatarChoice]] = []
    for index, own in enumerate(p["scenes"]):
        params = p | own
        try:
            choice = await drawn_of_job(gateway, run.owner, params)
            if choice not in known:
                known[choice] = await drawn_avatar(gateway.clients, choice)
        except HuashengError as e:
            raise of_scene(e, index) from e
        chosen.append((params, choice))
    video = formats.video_format(p["format"], known[chosen[0][1]])
    overlays = await _overlays(gateway, run, video)
    scenes = []
    for index, (params, choice) in enumerate(chosen):
        avatar = known[choice]
        background = await _background(gateway, run, params["background"])
        composition = formats.composition_of(video, avatar, params["framing"] or "auto", background, overlays)
        engine = engines.get(choice.engine or avatar.engine)
        # drawn in parts only where its pictures are the video's: others would not fit to the picture
        in_parts = bool(engine and engine.draws_parts) and avatar.fps == video.fps and float(video.fps).is_integer()
        scene = Scene(
            index=index,
            params=params,
            choice=replace(choice, mark=_mark(gateway, p)),
            avatar=avatar,
            composition=composition,
            draws_parts=in_parts,
            expected_s=await _expected_s(gateway, run, params),
            spoken=asyncio.get_running_loop().create_future(),
        )
        if formats.is_enlarged(composition.crop, avatar, video):
            scene.warnings.append(turn.TextWarning("enlarged", avatar.name, ""))
        scenes.append(scene)
    run.partial["scenes"] = [s.record(video.fps) for s in scenes]
    return Plan(video, scenes, run.folder, restorer)


def _mark(gateway: Gateway, params: dict[str, Any]) -> VisibleMark | None:
    first = params["scenes"][0]["text"] or ""
    return gateway.marker.visible(params.get("viewer_language") or language_of(first))


async def _expected_s(gateway: Gateway, run: JobRun, params: dict[str, Any]) -> float:
    if params["text"] is not None:
        pace = run.book.number(f"speech/{params.get('voice_id') or params.get('language') or ''}", SECONDS_PER_WEIGHT)
        seconds = weight(params["text"]) * pace
    else:
        asset = await asyncio.to_thread(gateway.assets.get, run.owner, params["audio_asset_id"])
        seconds = asset["duration_s"] or 0.0
    return max(0.5, seconds + float(params["pause_s"]))


async def _background(gateway: Gateway, run: JobRun, asked: dict[str, Any] | None) -> render_pb2.Background | None:
    uri = ""
    if asked and asked.get("asset_id"):
        row = await asyncio.to_thread(gateway.assets.get, run.owner, asked["asset_id"])
        uri = gateway.storage.uri(row["key"])
    return formats.background_message(asked, uri)


async def _overlays(gateway: Gateway, run: JobRun, video: formats.VideoFormat) -> list[render_pb2.Overlay]:
    asked = run.params["logo"]
    if not asked:
        return []
    row = await asyncio.to_thread(gateway.assets.get, run.owner, asked["asset_id"])
    return [formats.logo_overlay(asked, row, gateway.storage.uri(row["key"]), video)]
