"""The script of the fake server: what happens, and when, after a job was asked for."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, StreamingResponse

from services.common.errors import HuashengError, problem
from services.gateway.api.web_files import HEADERS
from tests.fakes import web_dubbing, web_facts, web_live, web_media, web_scenes

Row = dict[str, Any]
OVER = ("succeeded", "failed", "cancelled")
REPLY = {
    "zh": "你好！我是画声的数字人。你说的话，我听到了。",
    "en": "Hello! I am the digital human of Huasheng. I heard what you said.",
}
LENGTH_S = 4.0
EXPIRES = 1922270400
"""When the links of videos expire: noon of 30 November 2030."""
END_FRAME, IDLE_LEAD = 30, 12
"""Where in the idle loop (50 frames) every reply ends; how far after the frame shown every reply starts."""
CLAUSE_STARTS_S = (0.0, 2.4, 3.0)
"""When the three sentences of a reply begin; by their lengths one would guess otherwise."""


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class World:
    """Everything the fake server knows."""

    pace: float = 1.0
    held: set[str] = field(default_factory=set)
    """Stages in which jobs stay until the test has seen them: ``queued``, ``asr``, ``check``, ``landmarks-2``…"""
    stage: str = ""
    """The stage that a job entered last."""
    jobs: dict[str, Row] = field(default_factory=dict)
    assets: dict[str, Row] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    avatars: list[Row] = field(default_factory=web_facts.avatars)
    models: list[Row] = field(default_factory=list)
    voices: list[Row] = field(default_factory=web_facts.voices)
    can_clone: bool = False
    weights: list[str] = field(default_factory=list)
    speech_fails: bool = False
    pronunciations: dict[str, Row] = field(default_factory=dict)
    fallbacks: list[Row] = field(default_factory=list)
    unsaid: list[Row] = field(default_factory=list)
    """Warnings of every answer."""
    """Engines that the services pass over."""
    resting: str = ""
    """Name of an engine whose breaker is open."""
    restorer: Row | None = None
    """The operator's face restorer, as ``GET /engines`` has it."""
    conversations: dict[str, Row] = field(default_factory=dict)
    ratings: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Conversation, turn and rating."""
    consents: list[Row] = field(default_factory=list)
    batches: dict[str, Row] = field(default_factory=dict)
    drafts: dict[str, Row] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    can_train: bool = False
    engines: list[Row] = field(default_factory=list)
    """Beside the usual ones."""
    breaks: int = 0
    """How many growing videos break off after their second fragment."""
    listeners: list[asyncio.Queue[tuple[str, Row]]] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: itertools.count(1))
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    live: web_live.Live = field(default_factory=web_live.Live)

    def tell(self, event: str, data: Row) -> None:
        for queue in self.listeners:
            queue.put_nowait((event, json.loads(json.dumps(data))))

    async def sleep(self, seconds: float) -> None:
        left = seconds
        while left > 1e-6:  # in small steps: a test may slow the script down, or let it go on, at any moment
            step = min(left, 0.05 / max(self.pace, 0.05))
            await asyncio.sleep(step * self.pace)
            left -= step
        while self.stage in self.held:
            await asyncio.sleep(0.02)


def refuse(slug: str, request: Request, **params: object) -> JSONResponse:
    lang = request.query_params.get("lang") or request.headers.get("accept-language", "en")[:2]
    body = problem(HuashengError(slug, **params), lang, "req-5f0c21")
    return JSONResponse(body, body["status"], media_type="application/problem+json")  # type: ignore[arg-type]


def add_job(world: World, kind: str, params: Row) -> Row:
    number = f"j_{next(world.numbers):04d}"
    job: Row = {
        "id": number,
        "kind": kind,
        "state": "queued",
        "stage": "",
        "progress": 0.0,
        "eta_s": None,
        "queue_position": 1,
        "params": params,
        "partial": {"timings_ms": {}},
        "result": None,
        "error": None,
        "created_at": now(),
        "started_at": None,
        "finished_at": None,
        "events_url": f"/api/v1/jobs/{number}/events",
        "video_url": f"/api/v1/jobs/{number}/video" if kind in ("dialogue", "video") else None,
    }
    world.jobs[number] = job
    world.tell("progress", job)
    task = asyncio.ensure_future(work(world, job))
    world.tasks.add(task)
    task.add_done_callback(world.tasks.discard)
    job["_task"] = lambda: task
    return job


def shown(job: Row, lang: str = "en") -> Row:
    row = {k: v for k, v in job.items() if not k.startswith("_")}
    if isinstance(job["error"], HuashengError):
        row["error"] = problem(job["error"], lang, "req-77ab02")
    return row


async def work(world: World, job: Row) -> None:
    """Plays one job from queued to its end."""
    try:
        world.stage = "queued"
        await world.sleep(0.4)
        job |= {"state": "running", "started_at": now(), "queue_position": None}
        if "fail" in str(job["params"].get("text", "")):
            at(world, job, "llm", 0.2)
            await world.sleep(0.4)
            raise HuashengError("llm-unreachable", engine="openai", url="http://127.0.0.1:11434")
        if job["params"].get("text") == "silent":
            raise HuashengError("silent-audio", name="talk.wav")
        kinds = {"dialogue": dialogue, "video": video, "avatar": avatar, "training": train, "dubbing": script}
        await kinds[job["kind"]](world, job)
        job |= {"state": "succeeded", "progress": 1.0, "eta_s": 0.0}
    except asyncio.CancelledError:
        job["state"] = "cancelled"
    except HuashengError as e:
        job |= {"state": "failed", "error": e}
    job["finished_at"] = now()
    world.tell("done", shown(job))


def at(world: World, job: Row, stage: str, part: float) -> None:
    world.stage = stage
    job |= {"stage": stage, "progress": part, "eta_s": round((1 - part) * 6 * world.pace, 1)}
    world.tell("progress", {k: job[k] for k in ("id", "kind", "state", "stage", "progress", "eta_s", "queue_position")})


def timing(world: World, job: Row, stage: str, ms: float) -> None:
    job["partial"]["timings_ms"][stage] = ms
    world.tell("timing", {"id": job["id"], "kind": job["kind"], "stage": stage, "ms": ms})


def pass_over(world: World, job: Row, *services: str) -> None:
    for told in [f for f in world.fallbacks if f["service"] in services]:
        job["partial"]["fallbacks"] = [*job["partial"].get("fallbacks", []), told]
        world.tell("fallback", {"id": job["id"], "kind": job["kind"], **told})


async def dialogue(world: World, job: Row) -> None:
    params, partial = job["params"], job["partial"]
    head = {"id": job["id"], "kind": "dialogue"}
    timing(world, job, "queued", 40)
    heard = params.get("text") or "你能听见我说话吗？"
    lang = "zh" if re.search("[一-鿿]", heard) else "en"
    if params.get("audio_asset_id"):
        at(world, job, "asr", 0.05)
        await world.sleep(0.7)
        timing(world, job, "asr", 912)
        pass_over(world, job, "asr")
    partial |= {"transcript": heard, "language": lang}
    world.tell("transcript", {**head, "text": heard, "language": lang})
    at(world, job, "llm", 0.15)
    await world.sleep(0.3)
    timing(world, job, "llm_first_token", 38)
    pass_over(world, job, "llm")
    for piece in re.findall(r".{1,6}", REPLY[lang]):
        partial["reply"] = partial.get("reply", "") + piece
        world.tell("reply", {**head, "delta": piece, "text": partial["reply"]})
        await world.sleep(0.05)
    timing(world, job, "llm", 420)
    at(world, job, "tts", 0.3)
    await world.sleep(0.4)
    pass_over(world, job, "tts")
    said = re.findall(r"[^。！.!]+[。！.!]\s*", REPLY[lang])
    for index, (text, start, end) in enumerate(
        zip(said, CLAUSE_STARTS_S, (*CLAUSE_STARTS_S[1:], LENGTH_S), strict=True)
    ):
        clause = {"index": index, "text": text, "start_s": start, "end_s": end}
        partial.setdefault("clauses", []).append(clause)
        world.tell("clause", {**head, **clause})
    timing(world, job, "tts_first_audio", 380)
    for warning in world.unsaid:
        partial.setdefault("warnings", []).append(warning)
        world.tell("warning", {**head, **warning})
    await draw(world, job)
    timing(world, job, "tts", 1460)
    timing(world, job, "render", 3100)
    timing(world, job, "total", 4870)
    c = params.get("conversation_id") or f"c_{next(world.numbers)}"
    talk = world.conversations.setdefault(
        c, {"id": c, "title": heard, "created_at": now(), "updated_at": now(), "messages": []}
    )
    movie = f"/media/{job['id']}.mp4?sig=1"
    asked = world.assets.get(params.get("audio_asset_id") or "")
    plain = {"job_id": job["id"], "created_at": now()}
    talk["messages"] += [
        {
            "id": 1,
            "role": "user",
            "text": heard,
            "audio_url": asked and asked["url"],
            "video_url": None,
            "timings_ms": None,
            "clauses": None,
            **plain,
        },
        {
            "id": 2,
            "role": "assistant",
            "text": REPLY[lang],
            "audio_url": "/media/tone.wav?sig=1",
            "video_url": movie,
            "timings_ms": partial["timings_ms"],
            "clauses": partial["clauses"],
            "fallbacks": partial.get("fallbacks", []),
            "warnings": world.unsaid,
            **plain,
        },
    ]
    job["result"] = {
        "conversation_id": c,
        "transcript": heard,
        "language": lang,
        "reply": REPLY[lang],
        "duration_s": LENGTH_S,
        "audio_url": "/media/tone.wav?sig=1",
        "video_url": movie,
        "timings_ms": partial["timings_ms"],
        "voice_id": "zf_xiaoxiao",
        "avatar_id": params["avatar_id"],
        "start_frame": partial["start_frame"],
        "end_frame": END_FRAME,
        "fallbacks": partial.get("fallbacks", []),
        "warnings": world.unsaid,
    }


async def draw(world: World, job: Row) -> None:
    """Fragments come one by one; ``/video`` follows them."""
    job["_made"] = []
    pieces = web_media.fragments(web_media.movie(LENGTH_S))
    for n, piece in enumerate(pieces):
        job["_made"].append(piece)
        if n == 1:
            timing(world, job, "render_first_frame", 640)
            timing(world, job, "first_video", 1490)
            start = (job["params"].get("idle_frame") or 0) + IDLE_LEAD
            job["partial"]["start_frame"] = start
            news = {"id": job["id"], "kind": job["kind"], "url": job["video_url"], "start_frame": start}
            world.tell("video", news)
        at(world, job, "render", 0.4 + 0.55 * n / len(pieces))
        await world.sleep(0.25)
    at(world, job, "publish", 0.99)


async def script(world: World, job: Row) -> None:
    await web_dubbing.write(world, job, at)


async def video(world: World, job: Row) -> None:
    if job["params"].get("dubbing"):
        return await web_dubbing.film(world, job, at)
    if job["params"].get("scenes"):
        return await web_scenes.make(world, job, at)
    at(world, job, "tts", 0.1)
    await world.sleep(0.5)
    pass_over(world, job, "tts")
    await draw(world, job)
    p = job["params"]
    job["result"] = {
        "video_url": f"/media/{job['id']}.mp4?exp={EXPIRES}&sig=1",
        "audio_url": None,
        "duration_s": LENGTH_S,
        "width": 512,
        "height": 512,
        "fps": 25.0,
        "subtitles_url": "/media/words.vtt?sig=1" if p.get("subtitles") else None,
        "frames": 100,
        "passthrough_frames": 0,
        "engine": "atlas",
        "restorer": world.restorer if p.get("restore") else None,
        "voice_id": p.get("voice_id") or "zf_xiaoxiao",
        "text": p.get("text"),
        "avatar_id": p["avatar_id"],
        "bytes": 195_181,
        "fallbacks": job["partial"].get("fallbacks", []),
        "timings_ms": {"tts": 900, "render_first_frame": 640, "render": 3100, "total": 4200},
    }


async def avatar(world: World, job: Row) -> None:
    name = str(world.assets[job["params"]["asset_id"]]["name"])
    for n in range(8):
        at(world, job, "landmarks" if n < 6 else "idle", n / 8)
        world.stage += f"-{n}"
        await world.sleep(0.25)
        if n == 2 and "noface" in name:
            raise HuashengError("no-face", name=name)
    number, name = next(world.numbers), job["params"].get("name") or name
    made = web_facts.avatar(f"v_{number}", name, ["face-missing-in-part"], missing=("open",))
    world.avatars.insert(1, made)
    job["result"] = {"avatar_id": made["id"], "avatar": made, "report": made["report"]}


async def train(world: World, job: Row) -> None:
    """Twenty looks at a falling loss; a clip named ``*music*`` is refused, one named ``*short*`` does not help."""
    params, partial = job["params"], job["partial"]
    name, steps = str(params.get("name") or ""), int(params["steps"])
    at(world, job, "check", 0.02)
    await world.sleep(0.5)
    if "music" in name:
        raise HuashengError("no-speech")
    for n in range(1, 21):
        step = steps * n // 20
        told: Row = {"step": step, "steps": steps, "loss": round(1 / n + 0.02, 4), "warnings": ["sound-offset"]}
        told |= {"offset_ms": 120.0, "preview_url": "/media/face.jpg?sig=1"}
        point = {"step": step, "loss": told["loss"], "validation_loss": None}
        if n % 4 == 0:
            point["validation_loss"] = told["validation_loss"] = round(1.2 / n + 0.05, 4)
            told["curve"] = web_facts.curve(n / 20)
        partial |= told
        partial["history"] = [*partial.get("history", []), point]
        world.tell("training", {"id": job["id"], "kind": "training", **told})
        at(world, job, "fit", 0.05 + 0.9 * n / 20)
        world.stage += f"-{n}"
        await world.sleep(0.25)
    face = web_facts.avatar(f"v_{next(world.numbers)}", name, [])
    world.avatars.insert(1, face)
    made = web_facts.model(f"{params['training_id']}_steps{steps}", name, face["id"], "short" not in name)
    world.models.insert(0, made)
    job["result"] = {k: made[k] for k in ("model_id", "avatar_id", "before", "after", "warnings")} | {"model": made}


async def events(world: World, lang: str) -> AsyncIterator[str]:
    queue: asyncio.Queue[tuple[str, Row]] = asyncio.Queue()
    world.listeners.append(queue)
    try:
        active = [shown(j, lang) for j in world.jobs.values() if j["state"] not in OVER]
        yield f"event: snapshot\ndata: {json.dumps({'jobs': active})}\n\n"
        while True:
            event, data = await queue.get()
            if event == "done":
                data = shown(world.jobs[data["id"]], lang)
            yield f"event: {event}\ndata: {json.dumps(data)}\n\n"
    finally:
        world.listeners.remove(queue)


def follow(world: World, job: Row) -> StreamingResponse:
    """The growing MP4 of a job."""

    breaking = world.breaks > 0
    world.breaks -= breaking

    async def pieces() -> AsyncIterator[bytes]:
        sent = 0
        while True:
            made = job.get("_made", [])
            while sent < len(made):
                if breaking and sent == 2:
                    raise ConnectionAbortedError
                yield made[sent]
                sent += 1
            if job["state"] in OVER:
                return
            await asyncio.sleep(0.02)

    return StreamingResponse(pieces(), media_type="video/mp4", headers=HEADERS)
