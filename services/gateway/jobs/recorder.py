"""Writes the events of a turn to files while they arrive (video, speech, subtitles) and reports progress."""

from __future__ import annotations

import asyncio
import dataclasses
import wave
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from services.common import tracing
from services.common.clauses import weight
from services.common.errors import HuashengError
from services.common.storage import Storage
from services.gateway.jobs.records import Clause, Fallback, TextWarning
from services.gateway.jobs.run import JobRun
from services.gateway.marks.label import mp4_with
from services.gateway.marks.marker import Made, Marker
from services.gateway.media.subtitles import webvtt
from services.gateway.turn import events as turn

SECONDS_PER_WEIGHT = 0.25
"""Seconds of speech per unit of ``clauses.weight`` until a voice has been measured; only used to estimate progress."""
RENDERED_PROGRESS, PUBLISH_PROGRESS = 0.98, 0.99
"""Progress of a job whose video is rendered, and of one whose files are being published."""


class Recorder:
    """Records one attempt of one job. ``close`` must be called in any case.

    ``text`` is the text to speak, as far as it is known; ``speech_s`` the length of recorded speech; ``restorer`` name
    and licence of the face restorer that is used.
    """

    def __init__(
        self,
        run: JobRun,
        marker: Marker,
        text: str = "",
        speech_s: float | None = None,
        restorer: dict[str, str] | None = None,
    ) -> None:
        self.run, self.marker, self.restorer = run, marker, restorer
        self.video = run.new_video()
        self.speech: turn.SpeechHeader | None = None
        self.picture: turn.VideoHeader | None = None
        self.summary: turn.VideoSummary | None = None
        self.clauses: list[turn.SpokenClause] = []
        self.reply = text
        self.llm_engine = ""
        self._wave: wave.Wave_write | None = None
        self._recorded_s = 0.0
        self._speech_s = speech_s
        p = run.params
        self._pace_key = f"speech/{p.get('voice_id') or p.get('language') or ''}"
        drawn = [str(p.get(k) or "") for k in ("engine", "model", "avatar_id", "device", "max_side_px")]
        self._rate_keys = ["/".join([run.kind, *drawn]), f"{run.kind}/{drawn[0]}", run.kind]
        run.plan(self._rate_keys, self._expected_s)
        run.partial.pop("clauses", None)  # those of an earlier attempt
        run.partial["warnings"] = []
        kept = ("asr", "llm") if text and run.kind == "dialogue" else ("asr",)  # services that are not asked again
        run.partial["fallbacks"] = [f for f in run.partial.get("fallbacks", []) if f["service"] in kept]

    async def record(self, events: AsyncGenerator[turn.Event, None]) -> None:
        """Record all events, then close the generator. Raises what it raises; ``OSError`` when the disk is full."""
        async with aclosing(events):
            async for event in events:
                await self._add(event)

    async def _add(self, event: turn.Event) -> None:
        match event:
            case turn.Fallback():
                self._add_fallback(event)
            case turn.Reply():
                await self._add_reply(event)
            case turn.SpeechHeader():
                self.speech = event
            case turn.SpokenClause():
                self._add_clause(event)
            case turn.TextWarning():
                self._add_warning(event)
            case turn.SpeechAudio():
                self._add_audio(event.pcm)
            case turn.VideoHeader():
                self.picture = event
                self.run.partial["start_frame"] = event.start_frame
            case turn.Media():
                self._add_media(event)
            case turn.RenderProgress():
                self._report_rendered(event.rendered_s)
            case turn.VideoSummary():
                self.summary = event
            case _:
                pass

    def _add_fallback(self, event: turn.Fallback) -> None:
        fallback = Fallback.of(event).model_dump()
        self.run.partial["fallbacks"] = [*self.run.partial["fallbacks"], fallback]
        self.run.publish("fallback", **fallback)

    def _add_warning(self, event: turn.TextWarning) -> None:
        warning = TextWarning.of(event).model_dump()
        self.run.partial["warnings"] = [*self.run.partial["warnings"], warning]
        self.run.publish("warning", **warning)

    async def _add_reply(self, event: turn.Reply) -> None:
        run = self.run
        if event.is_last:
            self.llm_engine = event.engine
            run.partial |= {"reply": self.reply, "reply_engine": event.engine, "reply_is_whole": True}
            await run.save()  # the next attempt does not ask again
            return
        self.reply += event.text
        run.partial["reply"] = self.reply
        run.publish("reply", delta=event.text, text=self.reply)
        run.report(run.stage if self._wave else "llm")

    def _add_clause(self, event: turn.SpokenClause) -> None:
        partial = self.run.partial
        if not event.text and self.clauses:  # the clause before continues
            self.clauses[-1] = dataclasses.replace(self.clauses[-1], end_s=event.end_s)
            *before, last = partial["clauses"]
            partial["clauses"] = [*before, {**last, "end_s": round(event.end_s, 3)}]
            return
        clause = Clause(
            index=len(self.clauses), text=event.text, start_s=round(event.start_s, 3), end_s=round(event.end_s, 3)
        ).model_dump()
        self.clauses.append(event)
        partial["clauses"] = [*partial.get("clauses", []), clause]
        self.run.publish("clause", **clause)

    def _add_audio(self, pcm: bytes) -> None:
        assert self.speech is not None
        rate = self.speech.sample_rate_hz
        if self._wave is None:
            self._wave = wave.open(str(self.wav_path), "wb")  # noqa: SIM115  # closed by close()
            self._wave.setnchannels(1)
            self._wave.setsampwidth(2)
            self._wave.setframerate(rate)
        self._wave.writeframesraw(pcm)
        self._recorded_s += len(pcm) / 2 / rate
        if not self.video.is_playable:
            self.run.report("tts", self.run.progress)

    def _add_media(self, event: turn.Media) -> None:
        was_playable = self.video.is_playable
        # whoever follows the growing file has its label as well
        data = event.data if event.end_us else mp4_with(event.data, self.marker.label(self.run.id))
        self.video.append(data, event.end_us > 0)
        if self.video.is_playable and not was_playable:
            start_frame = self.picture.start_frame if self.picture else 0
            self.run.publish("video", url=f"/api/v1/jobs/{self.run.id}/video", start_frame=start_frame)
        self._report_rendered(event.end_us / 1e6)

    def _report_rendered(self, rendered_s: float) -> None:
        if rendered_s > 0:
            rendered = min(RENDERED_PROGRESS, rendered_s / self._expected_s)
            self.run.plan(self._rate_keys, self._expected_s)
            self.run.report("render", max(self.run.progress, rendered), done=rendered)

    @property
    def _expected_s(self) -> float:
        if self._speech_s is not None:
            return self._speech_s
        pace = self.run.book.number(self._pace_key, SECONDS_PER_WEIGHT)
        return max(weight(self.reply) * pace, self._recorded_s, 0.5)

    @property
    def wav_path(self) -> Path:
        """Where the speech is recorded."""
        return self.run.folder / "speech.wav"

    def close(self, complete: bool) -> None:
        """Close the files."""
        if self._wave:
            self._wave.close()
            self._wave = None
        self.video.close(complete)

    async def publish(
        self, storage: Storage, stem: str, subtitles: list[turn.SpokenClause] | None = None
    ) -> dict[str, Any]:
        """Mark and publish the finished files as ``stem``. Returns keys and facts for the job's result."""
        if not self.summary or not self.picture:
            raise HuashengError("service-down", service="render")
        self.run.plan(self._rate_keys, self.summary.duration_s)
        if self._speech_s is None and (words := weight(self.reply)):
            self.run.book.learn_number(self._pace_key, self._recorded_s / words)
        self.run.report("publish", PUBLISH_PROGRESS)
        self.close(complete=True)
        base = f"results/{self.run.id}/{stem}"
        about = {"job_id": self.run.id, "kind": self.run.kind, "engine": self.picture.engine}
        made = self._made(self.picture)

        def publish_files() -> dict[str, Any]:
            files = {f"{base}.mp4": self.video.path}
            keys = {"video_key": f"{base}.mp4", "audio_key": None, "subtitles_key": None}
            if self.wav_path.exists():
                files[f"{base}.wav"] = self.wav_path
                keys["audio_key"] = f"{base}.wav"
            keys["bytes"] = self.marker.publish(made, files, about)[f"{base}.mp4"]["bytes"]
            if subtitles is not None:
                storage.put(f"{base}.vtt", webvtt(subtitles).encode())
                keys["subtitles_key"] = f"{base}.vtt"
            return keys

        with tracing.span("publish"):
            keys = await asyncio.to_thread(publish_files)
        return keys | {
            "duration_s": round(self.summary.duration_s, 3),
            "width": self.picture.width,
            "height": self.picture.height,
            "fps": self.picture.fps,
            "frames": self.summary.frames,
            "passthrough_frames": self.summary.passthrough_frames,
            "start_frame": self.picture.start_frame,
            "end_frame": self.summary.end_frame,
            "mime_type": self.picture.mime_type,
            "engine": self.picture.engine,
            "voice_id": self.speech.voice_id if self.speech else None,
            "fallbacks": self.run.partial["fallbacks"],
            "warnings": self.run.partial["warnings"],
        }

    def _made(self, picture: turn.VideoHeader) -> Made:
        p, speech = self.run.params, self.speech
        restorer = {"restorer": self.restorer["name"]} if self.restorer else {}
        return Made(
            id=self.run.id,
            owner=self.run.owner,
            kind=self.run.kind,
            engine=picture.engine,
            is_sound_made=speech is not None,
            source_sha256=picture.source_sha256,
            avatar_id=p.get("avatar_id") or "",
            voice_id=speech.voice_id if speech else "",
            model_id=p.get("model") or "",
            used=({"tts": speech.engine, "llm": self.llm_engine} if speech else {}) | restorer,
        )
