"""Takes the events of a flow and makes of them a growing video, a sound file, subtitles and news for the watchers."""

from __future__ import annotations

import asyncio
import dataclasses
import wave
from pathlib import Path
from typing import Any

from services.common.clauses import weight
from services.common.errors import HuashengError
from services.common.storage import Storage
from services.gateway.api.views import fallback_row
from services.gateway.jobs.runner import JobRun
from services.gateway.media.subtitles import webvtt
from services.gateway.turn import events as turn

SECONDS_PER_WEIGHT = 0.25
"""Speech takes about this long per unit of ``clauses.weight``; only used to guess how far a job is."""


class Recorder:
    """Records one attempt of one job. ``close`` must be called, whatever happens."""

    def __init__(self, run: JobRun, text: str = "", speech_s: float | None = None) -> None:
        self.run = run
        self.video = run.new_video()
        self.voice: turn.VoiceHeader | None = None
        self.picture: turn.VideoHeader | None = None
        self.summary: turn.Summary | None = None
        self.spoken: list[turn.Spoken] = []
        self.reply = text
        self.llm_engine = ""
        self._wave: wave.Wave_write | None = None
        self._heard_s = 0.0
        self._speech_s = speech_s
        run.partial.pop("clauses", None)  # those of an attempt before
        kept = ("asr", "llm") if text and run.kind == "dialogue" else ("asr",)  # the services that are not asked again
        run.partial["fallbacks"] = [f for f in run.partial.get("fallbacks", []) if f["service"] in kept]
        self._is_spoken = speech_s is not None

    @property
    def _expected_s(self) -> float:
        if self._speech_s is not None:
            return self._speech_s
        return max(weight(self.reply) * SECONDS_PER_WEIGHT, self._heard_s, 0.5)

    async def take(self, event: turn.Event) -> None:
        """One event of the flow. Raises ``OSError`` when the disk is full."""
        run = self.run
        match event:
            case turn.Fallback():
                told = fallback_row(event)
                run.partial["fallbacks"] = [*run.partial["fallbacks"], told]
                run.tell("fallback", **told)
            case turn.Reply(is_last=False):
                self.reply += event.text
                run.partial["reply"] = self.reply
                run.tell("reply", delta=event.text, text=self.reply)
                run.at("llm" if not self._wave else run.stage)
            case turn.Reply():
                self.llm_engine = event.engine
                run.partial |= {"reply": self.reply, "reply_engine": event.engine, "reply_is_whole": True}
                await run.save()  # the next attempt does not ask again
            case turn.VoiceHeader():
                self.voice = event
            case turn.Spoken() if not event.text and self.spoken:  # the stretch before goes on
                self.spoken[-1] = dataclasses.replace(self.spoken[-1], end_s=event.end_s)
                *before, last = run.partial["clauses"]
                run.partial["clauses"] = [*before, {**last, "end_s": round(event.end_s, 3)}]
            case turn.Spoken():
                clause = {
                    "index": len(self.spoken),
                    "text": event.text,
                    "start_s": round(event.start_s, 3),
                    "end_s": round(event.end_s, 3),
                }
                self.spoken.append(event)
                run.partial["clauses"] = [*run.partial.get("clauses", []), clause]
                run.tell("clause", **clause)
            case turn.Sound():
                self._write(event.pcm)
                if not self.video.is_playable:
                    run.at("tts", run.progress)
            case turn.VideoHeader():
                self.picture = event
                run.partial["start_frame"] = event.start_frame
            case turn.Media():
                was_playable = self.video.is_playable
                self.video.append(event.data, event.end_us > 0)
                if self.video.is_playable and not was_playable:
                    start = self.picture.start_frame if self.picture else 0
                    run.tell("video", url=f"/api/v1/jobs/{run.id}/video", start_frame=start)
                self._progress(event.end_us / 1e6)
            case turn.Drawn():
                self._progress(event.seconds)
            case turn.Summary():
                self.summary = event
            case _:
                pass

    def _progress(self, drawn_s: float) -> None:
        if drawn_s > 0:
            self.run.at("render", max(self.run.progress, min(0.98, drawn_s / self._expected_s)))

    def _write(self, pcm: bytes) -> None:
        if self._wave is None:
            assert self.voice is not None
            self._wave = wave.open(str(self.wav_path), "wb")  # noqa: SIM115  # closed by close()
            self._wave.setnchannels(1)
            self._wave.setsampwidth(2)
            self._wave.setframerate(self.voice.rate)
        self._wave.writeframesraw(pcm)
        self._heard_s += len(pcm) / 2 / (self.voice.rate if self.voice else 1)

    @property
    def wav_path(self) -> Path:
        """Where the speech is recorded."""
        return self.run.folder / "speech.wav"

    def close(self, complete: bool) -> None:
        """End the files."""
        if self._wave:
            self._wave.close()
            self._wave = None
        self.video.close(complete)

    async def publish(self, storage: Storage, stem: str, subtitles: list[turn.Spoken] | None = None) -> dict[str, Any]:
        """Hand the finished files out. Returns keys and facts for the job's result."""
        if not self.summary or not self.picture:
            raise HuashengError("service-down", service="render")
        self.run.at("publish", 0.99)
        self.close(complete=True)
        base = f"results/{self.run.id}/{stem}"
        about = {"job_id": self.run.id, "kind": self.run.kind, "engine": self.picture.engine}

        def work() -> dict[str, Any]:
            video = storage.publish(f"{base}.mp4", self.video.path, {**about, "content_type": "video/mp4"})
            out = {"video_key": f"{base}.mp4", "audio_key": None, "subtitles_key": None, "bytes": video["bytes"]}
            if self.wav_path.exists():
                storage.publish(f"{base}.wav", self.wav_path, {**about, "content_type": "audio/wav"})
                out["audio_key"] = f"{base}.wav"
            if subtitles is not None:
                storage.put(f"{base}.vtt", webvtt(subtitles).encode())
                out["subtitles_key"] = f"{base}.vtt"
            return out

        published = await asyncio.to_thread(work)
        return published | {
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
            "voice_id": self.voice.voice_id if self.voice else None,
            "fallbacks": self.run.partial["fallbacks"],
        }
