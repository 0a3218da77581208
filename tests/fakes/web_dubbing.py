"""Dubbing on the fake server: scripts of four sentences, and films of them.

In a film named ``*quiet*`` nobody speaks; a translation with "endless" does not fit, one with "fail" ends the film.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from services.common.errors import HuashengError

if TYPE_CHECKING:
    from tests.fakes.web_script import World

Row = dict[str, Any]
At = Callable[["World", Row, str, float], None]
FILM_S = 12.0
MODEL: Row = {
    "service": "llm",
    "name": "openai",
    "available": True,
    "reason": "",
    "is_default": True,
    "languages": ["zh", "en"],
    "license": "",
    "description": "A language model",
    "models": ["qwen3:8b"],
    "can_train": False,
    "cannot_train_reason": "",
    "cannot_train_cause": "",
    "breaker": "closed",
    "breaker_reason": "",
    "breaker_retry_s": 0.0,
    "default_steps": 0,
    "training_clip": None,
    "needs_model": False,
    "videos_only": False,
}
"""A language model that translates; without one nothing is dubbed."""
SAID = (
    (0.4, 2.6, 2.9, "大家好，我是画声。", "Hello everyone, I am Huasheng.", 2.4, 1.0, "fits"),
    (3.1, 5.4, 2.7, "今天我们聊一聊数字人。", "Today we will talk a little about digital humans.", 3.0, 1.12, "fast"),
    (5.8, 7.1, 1.6, "它们会说话。", "They are able to speak, and to be understood by everybody.", 3.1, 1.15, "long"),
    (7.4, 11.0, 4.2, "感谢收看，我们下次再见，祝您生活愉快。", "Thank you, and goodbye.", 1.7, 0.85, "fits"),
)


def sentence(n: int) -> Row:
    start_s, end_s, slot_s, text, translation, spoken_s, speed, fit = SAID[n]
    return {
        "index": n,
        "start_s": start_s,
        "end_s": end_s,
        "slot_s": slot_s,
        "text": text,
        "translation": translation,
        "spoken_s": spoken_s,
        "speed": speed,
        "fit": fit,
        "warnings": [],
    }


async def write(world: World, job: Row, at: At) -> None:
    """The script: all sentences are recognised, then translated, then spoken one by one."""
    params, partial = job["params"], job["partial"]
    name = str(world.assets[params["film_asset_id"]]["name"])
    at(world, job, "asr", 0.05)
    await world.sleep(0.3)
    if "quiet" in name:
        raise HuashengError("no-speech")
    lines = [sentence(n) | {"translation": "", "spoken_s": None, "speed": 1.0, "fit": "fits"} for n in range(len(SAID))]
    partial["sentences"] = lines

    def tell(line: Row, **news: Any) -> None:
        line |= news
        world.tell("sentence", {"id": job["id"], "kind": "dubbing", **line})

    for line in lines:
        tell(line)
    at(world, job, "llm", 0.2)
    await world.sleep(0.3)
    for n, line in enumerate(lines):
        tell(line, translation=sentence(n)["translation"])
    for n, line in enumerate(lines):
        at(world, job, "tts", 0.4 + 0.15 * n)
        world.stage += f"-{n}"
        await world.sleep(0.3)
        tell(line, **{k: sentence(n)[k] for k in ("spoken_s", "speed", "fit")})
    job["result"] = {
        **{k: params[k] for k in ("film_asset_id", "language")},
        "source_language": "zh",
        "voice_id": params.get("voice_id") or "af_heart",
        "duration_s": FILM_S,
        "glossary": params.get("glossary") or [],
        "synthesis": {},
        "sentences": lines,
        "warnings": [],
        "fallbacks": [],
        "timings_ms": {"asr": 900, "llm": 1400, "tts": 2100, "total": 4400},
    }


async def film(world: World, job: Row, at: At) -> None:
    """The film of a table."""
    params = job["params"]
    said = [s["translation"] for s in params["dubbing"]["sentences"]]
    for n in range(3):
        at(world, job, "landmarks", 0.1 * n)
        world.stage += f"-{n}"
        await world.sleep(0.3)
    at(world, job, "tts", 0.35)
    await world.sleep(0.2)
    for n, words in enumerate(said, 1):
        if "endless" in words:
            raise HuashengError("dubbing-too-long", sentence=n, seconds="3.2")
        if "fail" in words:
            raise HuashengError("service-down", service="render")
    at(world, job, "render", 0.5)
    await world.sleep(0.5)
    job["result"] = {
        "video_url": f"/media/{job['id']}.mp4?exp=1922270400&sig=1",
        "audio_url": None,
        "subtitles_url": "/media/words.vtt?sig=1",
        "subtitles_urls": {kind: f"/media/words.{kind}?sig=1" for kind in ("srt", "vtt")},
        "duration_s": FILM_S,
        "width": 512,
        "height": 512,
        "fps": 25.0,
        "frames": 300,
        "passthrough_frames": 24,
        "engine": "atlas",
        "voice_id": "af_heart",
        "text": said[0],
        "avatar_id": None,
        "bytes": 195_181,
        "fallbacks": [],
        "warnings": [],
        "timings_ms": {"tts": 900, "render_first_frame": 640, "render": 3100, "total": 4200},
    }
