"""The job of a video of scenes: makes it, publishes it, and keeps its pieces for a video that redoes some of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from services.common import tracing
from services.common.errors import HuashengError
from services.gateway.context import Gateway
from services.gateway.jobs.recorder import PUBLISH_PROGRESS
from services.gateway.jobs.run import JobRun
from services.gateway.jobs.steps import durable_step
from services.gateway.marks.marker import Made
from services.gateway.studio.export import export
from services.gateway.studio.kept import forget_pieces
from services.gateway.studio.making import Making

MIME_TYPES = {"webm": 'video/webm; codecs="vp09.00.10.08, opus"', "mov": "video/quicktime"}


async def make_studio_video(gateway: Gateway, run: JobRun, kind: type[Making] = Making) -> dict[str, Any]:
    """One durable step: what was spoken and drawn before a crash is found again by its digests."""

    async def make() -> dict[str, Any]:
        run.start_over()
        run.report("tts", 0.0)
        run.partial |= {"warnings": [], "fallbacks": []}
        making = kind(gateway, run)
        try:
            await making.make()
            return await _publish(gateway, run, making) | making.more()
        finally:
            making.close()

    try:
        return await durable_step(run, "studio", make)
    except Exception:  # not where the gateway stops or has lost the job: who continues it uses what is kept
        await asyncio.to_thread(forget_pieces, gateway.storage, run.id)
        raise


async def _publish(gateway: Gateway, run: JobRun, making: Making) -> dict[str, Any]:
    """Mark and publish the finished files. Returns keys and facts for the job's result."""
    plan, drawn, container = making.plan, making.drawn, making.plan.video.container
    if drawn is None:
        raise HuashengError("service-down", service="render")
    making.close_files()
    film = making.video if container == "mp4" else run.folder / f"video.{container}"
    if container != "mp4":
        run.report("export", run.progress)
        await making.in_thread(lambda: _export(gateway, run, making, film))
    run.report("publish", PUBLISH_PROGRESS)
    base = f"results/{run.id}/video"
    subtitles = making.captioning.files(plan)
    made = _made(run, making)

    def publish_files() -> dict[str, Any]:
        files: dict[str, Path] = {f"{base}.{container}": film, f"{base}.wav": making.sound}
        about = {"job_id": run.id, "kind": run.kind, "engine": drawn.engine}
        published = gateway.marker.publish(made, files, about)
        for name, data in subtitles.items():
            gateway.storage.put(f"{base}.{name}", data)
        return {
            "video_key": f"{base}.{container}",
            "audio_key": f"{base}.wav",
            "subtitles_key": f"{base}.vtt" if "vtt" in subtitles else None,
            "subtitles_keys": {name: f"{base}.{name}" for name in subtitles},
            "bytes": published[f"{base}.{container}"]["bytes"],
        }

    with tracing.span("publish"):
        keys = await making.in_thread(publish_files)
    run.timings.mark("total")
    p = run.params
    return keys | {
        "duration_s": round(making.frames / plan.video.fps, 3),
        "width": plan.video.width,
        "height": plan.video.height,
        "fps": plan.video.fps,
        "frames": making.frames,
        "passthrough_frames": making.passthrough,
        "start_frame": 0,
        "end_frame": 0,
        "mime_type": MIME_TYPES.get(container, making.mime_type),
        "engine": drawn.engine,
        "restorer": plan.restorer,
        "voice_id": made.voice_id.split(", ")[0] or None,
        "fallbacks": run.partial["fallbacks"],
        "warnings": [w for scene in run.partial["scenes"] for w in scene["warnings"]],  # in their order
        "scenes": run.partial["scenes"],
        "pieces": making.pieces,
        "reused_pieces": len(making.store.reused),
        "loudness_lufs": making.mixed.loudness_lufs,
        "text": p["text"],
        "avatar_id": p["avatar_id"],
        "model": p["model"],
        "audio_asset_id": p["audio_asset_id"],
        "timings_ms": dict(run.timings.ms),
    }


def _export(gateway: Gateway, run: JobRun, making: Making, target: Path) -> None:
    video = making.plan.video
    export(
        making.video,
        making.sound,
        target,
        video.container,
        label=gateway.marker.label(run.id),
        quality=video.quality,
        cancelled=making.cancelled,
    )


def _made(run: JobRun, making: Making) -> Made:
    assert making.drawn
    restorer = {"restorer": making.plan.restorer["name"]} if making.plan.restorer else {}
    speakers = [making.speakers[k] for k in sorted(making.speakers)]
    return Made(
        id=run.id,
        owner=run.owner,
        kind=run.kind,
        engine=making.drawn.engine,
        is_sound_made=bool(speakers),
        source_sha256=_each(making.sources),
        avatar_id=_each([str(s.params.get("avatar_id") or "") for s in making.plan.scenes]),
        voice_id=_each([f.voice_id for f in speakers]),
        model_id=_each([str(s.params.get("model") or "") for s in making.plan.scenes]),
        used=({"tts": _each([f.engine for f in speakers])} if speakers else {}) | restorer,
    )


def _each(values: list[str]) -> str:
    """What differs among them, in their order."""
    return ", ".join(dict.fromkeys(v for v in values if v))
