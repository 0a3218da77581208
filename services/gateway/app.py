"""Puts the gateway together: its parts, the HTTP app, the order in which things start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI

from services.common import metrics
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.gateway.api import (
    assets,
    conversations,
    docs,
    jobs,
    pages,
    problems,
    speech,
    system,
    trainings,
    voices,
    work,
)
from services.gateway.api.middleware import Middleware
from services.gateway.clients import Clients
from services.gateway.context import Gateway
from services.gateway.jobs.avatar import avatar
from services.gateway.jobs.dialogue import dialogue
from services.gateway.jobs.hub import Hub
from services.gateway.jobs.runner import Runner
from services.gateway.jobs.training import training
from services.gateway.jobs.video import video
from services.gateway.media.signing import Signer, load_secret
from services.gateway.settings import GatewaySettings
from services.gateway.store.assets import Assets
from services.gateway.store.avatar_voices import AvatarVoices
from services.gateway.store.conversations import Conversations
from services.gateway.store.db import Database
from services.gateway.store.idempotency import Idempotency
from services.gateway.store.jobs import Jobs

log = logging.getLogger("huasheng.gateway")
STALE_S = 3600.0
"""A part file this old belongs to an upload that died with its process."""


@contextlib.asynccontextmanager
async def gateway_parts(settings: GatewaySettings, shared: SharedSettings) -> AsyncIterator[Gateway]:
    """A running gateway: database open, services watched, unfinished jobs taken up again."""
    storage = Storage(shared.storage_url)
    db = await asyncio.to_thread(Database, settings)
    hub, clients, job_table = Hub(), Clients(settings), Jobs(db, settings.max_queued_jobs)
    runner = Runner(settings, job_table, hub, {})
    gateway = Gateway(
        settings,
        storage,
        db,
        Signer(load_secret(settings), settings.link_hours),
        hub,
        clients,
        job_table,
        Assets(db, storage, settings),
        Conversations(db),
        AvatarVoices(db),
        Idempotency(db),
        runner,
    )
    handlers = {"dialogue": dialogue, "video": video, "avatar": avatar, "training": training}
    runner.handlers = {k: functools.partial(h, gateway) for k, h in handlers.items()}
    await asyncio.to_thread(_prepare_folders, settings, storage)
    clients.watch()
    try:
        await runner.start()
        yield gateway
    finally:
        hub.close()
        await runner.stop()
        await clients.close()
        await asyncio.to_thread(db.close)


def _prepare_folders(settings: GatewaySettings, storage: Storage) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    metrics.watch_disk("gateway", settings.data_dir)
    if storage.is_local:
        Path(storage.root).mkdir(parents=True, exist_ok=True)
        metrics.watch_disk("storage", Path(storage.root))
    for part in (settings.data_dir / "uploads").glob("*.part"):
        if time.time() - part.stat().st_mtime > STALE_S:
            part.unlink(missing_ok=True)


def create_app(settings: GatewaySettings, gateway: Gateway) -> FastAPI:
    """The HTTP app over a running gateway."""
    app = FastAPI(
        title="Huasheng 画声",
        version=system.VERSION,
        summary="A talking digital human: speech or text in, talking-face video out.",
        description="Field by field here; events, timings and habits in docs/api.md.",
        license_info={"name": "Apache-2.0"},
        responses=problems.responses("internal"),
        docs_url=None,
        redoc_url=None,
    )
    app.state.gateway = gateway
    problems.install(app)
    for router in (
        assets.router,
        jobs.router,
        work.router,
        trainings.router,
        conversations.router,
        voices.router,
        speech.router,
        system.router,
        system.probes,
        docs.router,
        pages.router,
    ):
        app.include_router(router)
    app.add_middleware(Middleware, hosts=settings.hosts())
    return app
