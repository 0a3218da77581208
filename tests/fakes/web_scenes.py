"""Videos of several scenes on the fake server. A scene that says "fail" ends the video, and the failure names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from services.common.errors import HuashengError

if TYPE_CHECKING:
    from tests.fakes.web_script import World

Row = dict[str, Any]
SCENE_S = 2.0


async def make(world: World, job: Row, at: Callable[[World, Row, str, float], None]) -> None:
    """Speaks all scenes, then draws one after the other."""
    params, partial = job["params"], job["partial"]
    states = [
        {"index": n, "text": s.get("text"), "start_s": None, "end_s": None, "state": "waiting", "warnings": []}
        for n, s in enumerate(params["scenes"])
    ]
    partial["scenes"] = states

    def tell(n: int, state: str) -> None:
        states[n]["state"] = state
        world.tell("scene", {"id": job["id"], "kind": "video", **states[n]})

    at(world, job, "tts", 0.05)
    for n in range(len(states)):
        tell(n, "speaking")
        await world.sleep(0.3)
        states[n] |= {"start_s": n * SCENE_S, "end_s": n * SCENE_S + SCENE_S - 0.4}
        tell(n, "spoken")
    for n, state in enumerate(states):
        tell(n, "drawing")
        at(world, job, "render", 0.2 + 0.7 * n / len(states))
        world.stage += f"-{n}"
        await world.sleep(0.5)
        if "fail" in (state["text"] or ""):
            raise HuashengError("no-face", name="avatar", scene=n + 1)
        tell(n, "drawn")
    job["result"] = result(job, states)


def result(job: Row, states: list[Row]) -> Row:
    """What the job made: the files that were asked for."""
    params, number = job["params"], job["id"]
    form = params.get("format") or {}
    width, height = form.get("width") or 512, form.get("height") or 512
    files = (params.get("subtitles") or {}).get("files") or []
    return {
        "video_url": f"/media/{number}.{form.get('container') or 'mp4'}?exp=1922270400&sig=1",
        "audio_url": "/media/tone.wav?sig=1",
        "subtitles_url": "/media/words.vtt?sig=1" if "vtt" in files else None,
        "subtitles_urls": {kind: f"/media/words.{kind}?sig=1" for kind in files},
        "duration_s": SCENE_S * len(states),
        "width": width,
        "height": height,
        "fps": 25.0,
        "frames": 100,
        "passthrough_frames": 0,
        "engine": "atlas",
        "voice_id": "zf_xiaoxiao",
        "text": states[0]["text"],
        "avatar_id": params["scenes"][0].get("avatar_id"),
        "bytes": 195_181,
        "fallbacks": [],
        "warnings": [],
        "scenes": states,
        "timings_ms": {"tts": 900, "render_first_frame": 640, "render": 3100, "total": 4200},
    }
