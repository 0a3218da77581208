"""Builds the gateway: its parts, the HTTP app, the order in which they start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.gateway import disk
from services.gateway.api import (
    assets,
    avatars,
    conversations,
    dialogues,
    dictionary,
    docs,
    jobs,
    openapi,
    pages,
    problems,
    speech,
    system,
    trainings,
    videos,
    voice_cloning,
    voices,
)
from services.gateway.api.middleware import Middleware
from services.gateway.api.web_files import NOT_COMPRESSED
from services.gateway.clients import Clients
from services.gateway.context import Gateway
from services.gateway.jobs.handlers import HANDLERS
from services.gateway.jobs.hub import Hub
from services.gateway.jobs.runner import Runner
from services.gateway.live import socket as live_socket
from services.gateway.live.sessions import LiveSessions
from services.gateway.media.prober import Prober
from services.gateway.media.signing import Signer, load_secret
from services.gateway.settings import GatewaySettings
from services.gateway.store.assets import AssetStore
from services.gateway.store.avatar_voices import AvatarVoiceStore
from services.gateway.store.conversations import ConversationStore
from services.gateway.store.db import Database
from services.gateway.store.dictionary import DictionaryStore
from services.gateway.store.idempotency import IdempotencyStore
from services.gateway.store.jobs import JobStore

log = logging.getLogger("huasheng.gateway")
STALE_S = 3600.0
"""Age of a part file, in seconds, from which on it is what a crash left of an upload."""


@contextlib.asynccontextmanager
async def gateway_parts(settings: GatewaySettings, shared: SharedSettings) -> AsyncIterator[Gateway]:
    """A running gateway: database open, services watched, unfinished jobs continued."""
    storage = Storage(shared.storage_url)
    db = await asyncio.to_thread(Database, settings)
    hub, clients, job_store = Hub(), Clients(settings), JobStore(db, settings.max_queued_jobs)
    prober = Prober(settings)
    gateway = Gateway(
        settings=settings,
        storage=storage,
        db=db,
        signer=Signer(load_secret(settings), settings.link_hours),
        hub=hub,
        clients=clients,
        jobs=job_store,
        assets=AssetStore(db, storage, settings, prober),
        conversations=ConversationStore(db),
        avatar_voices=AvatarVoiceStore(db),
        dictionary=DictionaryStore(db),
        idempotency=IdempotencyStore(db),
        runner=Runner(settings, job_store, hub),
        live=LiveSessions(settings),
    )
    await asyncio.to_thread(_prepare_folders, settings, storage)
    clients.watch()
    try:
        await gateway.runner.start({kind: functools.partial(handle, gateway) for kind, handle in HANDLERS.items()})
        yield gateway
    finally:
        hub.close()
        await prober.close()
        await gateway.runner.stop()
        await clients.close()
        await asyncio.to_thread(db.close)


def _prepare_folders(settings: GatewaySettings, storage: Storage) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    disk.watch("gateway", settings.data_dir)
    if storage.is_local:
        Path(storage.root).mkdir(parents=True, exist_ok=True)
        disk.watch("storage", Path(storage.root))
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
    openapi.install(app)
    for router in (
        assets.router,
        jobs.router,
        avatars.router,
        videos.router,
        dialogues.router,
        trainings.router,
        conversations.router,
        voices.router,
        voice_cloning.router,
        speech.router,
        dictionary.router,
        system.router,
        system.probes,
        docs.router,
        pages.router,
    ):
        app.include_router(router)
    app.include_router(live_socket.router)
    app.add_middleware(GZipMiddleware, compresslevel=6, exclude_content_types=NOT_COMPRESSED)
    app.add_middleware(Middleware, hosts=settings.hosts())
    return app
