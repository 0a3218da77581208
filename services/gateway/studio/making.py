"""Makes a video of scenes: speech, drawing and joining at the same time, each as soon as it has what it needs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

from services.gateway.context import Gateway
from services.gateway.jobs.recorder import RENDERED_PROGRESS
from services.gateway.jobs.run import JobRun
from services.gateway.marks.label import mp4_with
from services.gateway.studio import extras
from services.gateway.studio.captioning import Captioning
from services.gateway.studio.drawing import Drawing, Piece
from services.gateway.studio.joining import Film
from services.gateway.studio.kept import KeptPieces
from services.gateway.studio.scenes import Plan, Scene, open_plan
from services.gateway.studio.sound import Around, Bed, Mix, mix
from services.gateway.studio.speaking import Speaking
from services.gateway.studio.speech import SpeakerFacts
from services.gateway.studio.track import TRACK_HZ, write_track
from services.gateway.studio.types import SpokenScene
from services.gateway.turn.pieces import Drawn

T = TypeVar("T")
SPEECH_SHARE = 0.1
"""How much of a job's progress speaking is."""


class Making:
    """One attempt of one job. ``close`` must be called in any case; ``close_files`` before the files are used."""

    begins = SPEECH_SHARE
    """Progress of the job when drawing begins."""

    def __init__(self, gateway: Gateway, run: JobRun) -> None:
        self._gateway, self._run = gateway, run
        earlier = run.params.get("from_job_id") or ""
        self.speech_store = KeptPieces(gateway.storage, run.id, earlier, run.folder, ".pcm")
        self.store = KeptPieces(gateway.storage, run.id, earlier, run.folder, ".mp4")
        self.captioning = Captioning(gateway, run)
        self.video = run.folder / "video.mp4"
        self.sound = run.folder / "sound.wav"
        self.drawn: Drawn | None = None
        """Of the first piece."""
        self.sources: list[str] = []
        """SHA-256 of the clips and portraits that are shown."""
        self.speakers: dict[int, SpeakerFacts] = {}
        """Who spoke, by scene; nobody in recordings."""
        self.mixed: Mix
        self.frames = self.passthrough = 0
        self.mime_type = ""
        self.pieces = 0
        self.is_stopped = False
        self._around: tuple[extras.Extra | None, extras.Extra | None] = (None, None)
        self._film: Film | None = None
        self._file: IO[bytes] | None = None

    async def make(self) -> None:
        """Make the film and its sound. Raises ``HuashengError``; ``OSError`` when the disk is full."""
        run = self._run
        self.plan = plan = await open_plan(self._gateway, run)
        self._expect(plan)
        speaking = Speaking(self._gateway, run, plan, self.speech_store, self.captioning.wants_words, self._spoken)
        self.speakers = speaking.facts
        await self._draw(plan, speaking.speak_all())

    def _expect(self, plan: Plan) -> None:
        """Estimate how long the job takes."""
        run = self._run
        drawn = [str(run.params.get(k) or "") for k in ("engine", "model", "avatar_id")]
        self._rate_keys = ["/".join(["studio", *drawn, str(plan.video.height)]), "studio"]
        run.plan(self._rate_keys, plan.expected_s)

    async def _draw(self, plan: Plan, speak: Coroutine[Any, Any, None]) -> None:
        """Draw the scenes, each as soon as it is spoken, and join them."""
        try:
            async with asyncio.TaskGroup() as tasks:
                restorer = plan.restorer["name"] if plan.restorer else ""
                drawing = Drawing(
                    self._gateway.clients, self.store, tasks, plan.video.fps, self._begun, self._reported, restorer
                )
                tasks.create_task(drawing.draw(plan.scenes))
                speaking = tasks.create_task(speak)
                tasks.create_task(self._join(drawing, speaking))
        except ExceptionGroup as group:  # the first reason: a full disk must not become an unknown error
            raise group.exceptions[0] from None
        self.pieces = drawing.count

    def more(self) -> dict[str, Any]:
        """What the job's result has besides, of videos of this kind."""
        return {}

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Blocking work, whose end is waited for even when the job is cancelled: what it writes is removed after it."""
        task = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self.is_stopped = True
            await asyncio.wait([task])
            raise

    def cancelled(self) -> bool:
        """Whether blocking work should end."""
        return self.is_stopped

    async def _convert(self, like: Path) -> tuple[extras.Extra | None, extras.Extra | None]:
        """Intro and outro at the size and rate of the video, encoded like a piece of it."""
        intro, outro = (self._run.params[f"{name}_asset_id"] for name in ("intro", "outro"))
        made = [await self.in_thread(partial(self._converted, i, like)) if i else None for i in (intro, outro)]
        return made[0], made[1]

    def _converted(self, asset_id: str, like: Path) -> extras.Extra:
        video = self.plan.video
        row = self._gateway.assets.get(self._run.owner, asset_id)
        with self._gateway.storage.local(row["key"]) as source:
            size = (video.width, video.height)
            return extras.convert(source, row["name"], self._run.folder, size, video.fps, like, self.cancelled)

    async def _spoken(self, scene: Scene, spoken: SpokenScene) -> None:
        plan, run = self.plan, self._run
        await self.captioning.add(scene, spoken)
        plan.place(0)
        scene.state = "spoken"
        run.plan(self._rate_keys, plan.expected_s)
        done = sum(s.frames > 0 for s in plan.scenes) / len(plan.scenes)
        run.report(run.stage if run.stage == "render" else "tts", max(run.progress, SPEECH_SHARE * done))

    def _begun(self, scene: Scene) -> None:
        scene.report(self._run, self.plan.video.fps, "drawing")

    async def _reported(self, drawn_s: float) -> None:
        run = self._run
        share = min(1.0, drawn_s / self.plan.expected_s)
        progress = self.begins + (RENDERED_PROGRESS - self.begins) * share
        run.report("render", max(run.progress, progress), done=share)

    async def _join(self, drawing: Drawing, speaking: asyncio.Task[None]) -> None:
        first = await drawing.pieces.get()
        assert first
        like, self.drawn = await first.drawn
        self._around = intro, outro = await self._convert(like)
        await speaking
        plan, run = self.plan, self._run
        plan.place(intro.frames if intro else 0)  # where scenes begin is final now
        run.partial["scenes"] = [s.record(plan.video.fps) for s in plan.scenes]
        self.mixed = await self.in_thread(self._mix)
        self._film = film = await asyncio.to_thread(Film, like, plan.video.fps, self.sound)
        self.mime_type = film.mime_type
        out = self._writer(plan)
        out(film.head, 0)
        if intro:
            await self._give(film.add(intro.pictures, intro.frames), out)
        piece: Piece | None = first
        while piece is not None:
            path, drawn = await piece.drawn
            self.passthrough += drawn.passthrough_frames
            self.sources.append(drawn.source_sha256)
            await self._give(film.add(path, piece.frames, piece.spare), out)
            path.unlink(missing_ok=True)
            if piece.is_last:
                piece.scene.report(run, plan.video.fps, "drawn")
            piece = await drawing.pieces.get()
        if outro:
            await self._give(film.add(outro.pictures, outro.frames), out)
        await self._give(film.finish(), out)
        self.frames = film.frames

    async def _give(self, fragments: Any, out: Callable[[bytes, int], None]) -> None:
        while (made := await asyncio.to_thread(next, fragments, None)) is not None:
            out(*made)

    def _writer(self, plan: Plan) -> Callable[[bytes, int], None]:
        """Takes the bytes of the film: for all to see while they grow, unless it is made into another container."""
        run = self._run
        if plan.video.is_transparent:
            file = self._file = self.video.open("wb", buffering=0)

            def keep(data: bytes, _end_us: int) -> None:
                file.write(data)

            return keep
        video = run.new_video()
        count = itertools.count()

        def write(data: bytes, end_us: int) -> None:
            was_playable = video.is_playable
            # whoever follows the growing file has its label as well
            labelled = data if next(count) else mp4_with(data, self._gateway.marker.label(run.id))
            video.append(labelled, end_us > 0)
            if video.is_playable and not was_playable:
                run.publish("video", url=f"/api/v1/jobs/{run.id}/video", start_frame=0)

        return write

    def _mix(self) -> Mix:
        p, folder = self._run.params, self._run.folder
        track = folder / "speech-track.pcm"
        write_track([s.spoken.result() for s in self.plan.scenes], self.plan.scenes, self.plan.video.fps, track)
        asked = p["sound"] or {"loudness_lufs": -16 if p["text"] is None and not p["audio_asset_id"] else None}
        intro, outro = ((Around(e.sound, e.seconds) if e else None) for e in self._around)
        music, bed = asked.get("music"), None
        settings = {
            "loudness_lufs": asked["loudness_lufs"],
            "intro": intro,
            "outro": outro,
            "cancelled": self.cancelled,
        }
        try:
            if not music:
                return mix(track, TRACK_HZ, self.sound, **settings)
            row = self._gateway.assets.get(self._run.owner, music["asset_id"])
            with self._gateway.storage.local(row["key"]) as path:
                levels = {k: music[k] for k in ("level_db", "duck_db", "fade_in_s", "fade_out_s")}
                bed = Bed(path, row["name"], **levels)
                return mix(track, TRACK_HZ, self.sound, bed=bed, **settings)
        finally:
            track.unlink(missing_ok=True)

    def close_files(self) -> None:
        """The film is whole."""
        if self._film:
            self._film.close()
        if self._file:
            self._file.close()
        if self._run.video:
            self._run.video.close(complete=True)

    def close(self) -> None:
        """Give up what is open; files that are whole stay so."""
        self.is_stopped = True
        if self._run.video:
            self._run.video.close(complete=False)
        self.close_files()
