"""Engines, devices and state of the whole system, for users, operators and probes."""

from __future__ import annotations

import asyncio
import shutil
from importlib.metadata import version
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from huasheng.asr.v1 import asr_pb2
from huasheng.llm.v1 import llm_pb2
from huasheng.render.v1 import render_pb2
from huasheng.tts.v1 import tts_pb2
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

from services.common.errors import HuashengError, catalogue, problem
from services.common.metrics import ERRORS
from services.gateway.api import schemas
from services.gateway.api.deps import Context, Lang, Owner, RequestId
from services.gateway.api.problems import responses
from services.gateway.context import Gateway
from services.gateway.jobs.records import iso
from services.gateway.version import VERSION

router = APIRouter(prefix="/api/v1", tags=["system"])
probes = APIRouter(tags=["system"])
BREAKERS: dict[int, Literal["closed", "open", "half-open"]] = {1: "closed", 2: "open", 3: "half-open"}
"""By ``BreakerState``."""
_REQUESTS: dict[str, Any] = {
    "asr": asr_pb2.ListEnginesRequest,
    "llm": llm_pb2.ListEnginesRequest,
    "tts": tts_pb2.ListEnginesRequest,
    "render": render_pb2.ListEnginesRequest,
}


@router.get("/engines", response_model=schemas.Engines)
async def engines(gateway: Context, lang: Lang, rid: RequestId) -> Any:
    """The engines of all services, and why those that cannot be used cannot."""

    async def ask(service: str) -> Any:
        try:
            return await gateway.clients.call(service, "ListEngines", _REQUESTS[service]())
        except HuashengError as e:
            return e

    answers = dict(zip(_REQUESTS, await asyncio.gather(*(ask(s) for s in _REQUESTS)), strict=True))
    items: list[schemas.Engine] = []
    unreachable: list[schemas.Unreachable] = []
    restorer: schemas.Restorer | None = None
    for service, found in answers.items():
        if isinstance(found, HuashengError):
            why = schemas.Problem.model_validate(problem(found, lang, rid))
            unreachable.append(schemas.Unreachable(service=service, problem=why))
        else:
            items += [_engine(service, e, lang) for e in found.engines]
            if service == "render" and found.HasField("restorer"):
                r = found.restorer
                restorer = schemas.Restorer(name=r.name, licence=r.licence, problem=r.problem)
    return schemas.Engines(items=items, unreachable=unreachable, restorer=restorer)


def _why(shown: bool, text: str, error: Any, lang: str) -> str:
    """An ``Error`` of an engine in words of the reader: why, or what is wrong and what to do. ``text``: in English."""
    if not shown or error.reason not in catalogue():
        return text
    found = HuashengError(error.reason, **error.params)
    if found.params.keys() & {"why", "cause"}:
        return found.why(lang)
    return f"{found.text('detail', lang)} {found.text('hint', lang)}"


def _engine(service: str, info: Any, lang: str) -> schemas.Engine:
    """An engine, from its ``EngineInfo``."""
    return schemas.Engine(
        service=service,
        name=info.name,
        available=info.available,
        reason=_why(info.HasField("problem"), info.reason, info.problem, lang),
        is_default=info.is_default,
        languages=list(info.languages),
        license=info.license,
        description=info.description,
        models=list(info.models),
        can_train=info.can_train,
        cannot_train_reason=_why(
            info.HasField("cannot_train_problem"), info.cannot_train_reason, info.cannot_train_problem, lang
        ),
        cannot_train_cause=info.cannot_train_problem.params.get("cause", ""),
        breaker=BREAKERS.get(info.breaker, ""),
        breaker_reason=_why(info.HasField("breaker_problem"), info.breaker_reason, info.breaker_problem, lang),
        breaker_retry_s=info.breaker_retry_s,
        default_steps=info.default_steps,
        training_clip=_training_clip(info.training_clip) if info.HasField("training_clip") else None,
        needs_model=info.needs_model,
        videos_only=info.videos_only,
    )


def _training_clip(clip: Any) -> schemas.TrainingClip:
    return schemas.TrainingClip(least_s=clip.least_s, short_s=clip.short_s, most_s=clip.most_s)


@router.get("/devices", response_model=schemas.Items[schemas.Device], responses=responses("service-down"))
async def devices(gateway: Context) -> Any:
    """What the render service can run on."""
    found = await gateway.clients.call("render", "ListDevices", render_pb2.ListDevicesRequest())
    items = [
        schemas.Device(device=d.device, name=d.name, memory_bytes=d.memory_bytes, used_bytes=d.used_bytes)
        for d in found.devices
    ]
    return schemas.Items(items=items)


@router.get("/system", response_model=schemas.SystemInfo)
async def system(gateway: Context, owner: Owner, lang: Lang) -> Any:
    """Versions, health of every service, limits, disk and queues."""
    s = gateway.settings
    services = []
    for h in gateway.clients.health.values():
        error = h.problem()
        why = f"{error.text('detail', lang)} {error.text('hint', lang)}" if error else ""
        state = {"service": h.service, "status": h.status, "why": why, "address": h.address, "since": iso(h.since)}
        services.append(schemas.ServiceState(**state))
    counts = await asyncio.to_thread(gateway.jobs.queue_counts)
    disk = shutil.disk_usage(_storage_folder(gateway))
    return schemas.SystemInfo(
        version=VERSION,
        status="ok" if all(x.status == "serving" for x in services) else "degraded",
        accounts=gateway.accounts.is_on,
        owner=owner,
        libraries={name: version(name) for name in ("fastapi", "grpcio", "dbos", "av")},
        services=services,
        limits={
            "upload_bytes": s.upload_mb * 2**20,
            "audio_s": s.max_audio_s,
            "video_s": s.max_video_s,
            "text_chars": s.max_text_chars,
            "script_chars": s.max_script_chars,
            "dubbing_s": s.max_dubbing_s,
            "question_chars": s.max_question_chars,
            "picture_side_px": s.max_side_px,
            "queued_jobs": s.max_queued_jobs,
        },
        disk={"free_bytes": disk.free, "total_bytes": disk.total},
        queues=[
            schemas.QueueState(
                queue=q, waiting=counts.get((q, "queued"), 0), running=counts.get((q, "running"), 0), concurrency=n
            )
            for q, n in gateway.runner.capacity.limits.items()
        ],
    )


def _storage_folder(gateway: Gateway) -> str:
    """The folder whose disk is watched: the storage when it is a folder, else the gateway's data folder."""
    return gateway.storage.root if gateway.storage.is_local else str(gateway.settings.data_dir)


@probes.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}


@probes.get("/readyz", responses={503: {"description": "Cannot take jobs, or is about to stop."}})
async def readyz(gateway: Context) -> Response:
    """Whether jobs can be accepted: database and queue. A service that is down only makes jobs wait."""
    missing = await gateway.readiness.missing()
    down = [h.service for h in gateway.clients.health.values() if h.status != "serving"]
    body = {"status": "unready" if missing else "ok", "missing": missing, "services_down": down}
    return JSONResponse(body, 503 if missing else 200)


@probes.get("/metrics", response_class=Response)
async def metrics(gateway: Context, request: Request) -> Response:
    """Prometheus metrics; as OpenMetrics, with ids of traces, for those who ask for that."""
    try:
        await gateway.runner.refresh_gauges()
    except HuashengError as e:  # jobs cannot be counted: the other figures are wanted all the more
        ERRORS.labels("gateway", e.slug).inc()
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(REGISTRY), media_type=media_type)
