"""Builds the gateway: its parts, the HTTP app, the order in which they start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from services.common import logs
from services.common.access.callers import ServiceAccess
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.gateway import disk
from services.gateway.accounts import acts
from services.gateway.accounts.access import Access
from services.gateway.accounts.clip_vault import ClipVault, clip_secret
from services.gateway.accounts.consent_challenges import ChallengeStore
from services.gateway.accounts.consents import ConsentStore
from services.gateway.accounts.shares import ShareStore
from services.gateway.accounts.stored_days import keep_noting
from services.gateway.accounts.stores import Accounts
from services.gateway.api import (
    assets,
    avatars,
    batches,
    consents,
    conversations,
    dialogues,
    dictionary,
    docs,
    drafts,
    dubbings,
    gallery,
    jobs,
    me,
    openapi,
    pages,
    problems,
    shares,
    sign_in,
    sign_in_oidc,
    speech,
    system,
    trainings,
    users,
    verify,
    videos,
    voice_cloning,
    voices,
)
from services.gateway.api.middleware import Middleware
from services.gateway.api.web_files import NOT_COMPRESSED
from services.gateway.batches.starting import keep_starting
from services.gateway.clients import Clients
from services.gateway.context import Gateway
from services.gateway.jobs.capacity import Capacity
from services.gateway.jobs.handlers import HANDLERS
from services.gateway.jobs.hub import Hub
from services.gateway.jobs.lease import Lease
from services.gateway.jobs.runner import Runner
from services.gateway.live import socket as live_socket
from services.gateway.live.endings import LiveEndings, keep_ending
from services.gateway.live.sessions import LiveSessions
from services.gateway.marks.marker import Marker
from services.gateway.marks.verifier import Verifier
from services.gateway.media.bucket_links import BucketLinks
from services.gateway.media.prober import Prober
from services.gateway.media.signing import Signer, load_secret
from services.gateway.readiness import Readiness
from services.gateway.settings import GatewaySettings
from services.gateway.store.assets import AssetStore
from services.gateway.store.avatar_voices import AvatarVoiceStore
from services.gateway.store.batches import BatchStore
from services.gateway.store.conversations import ConversationStore
from services.gateway.store.db import Database
from services.gateway.store.dictionary import DictionaryStore
from services.gateway.store.drafts import DraftStore
from services.gateway.store.gallery import GalleryStore
from services.gateway.store.idempotency import IdempotencyStore
from services.gateway.store.jobs import JobStore
from services.gateway.store.live_endings import LiveEndingStore
from services.gateway.store.provenance import ProvenanceStore
from services.gateway.store.replicas import ReplicaStore
from services.gateway.version import VERSION

if TYPE_CHECKING:
    from services.gateway.accounts.oidc_sign_in import OpenIdSignIn

log = logging.getLogger("huasheng.gateway")
STALE_S = 3600.0
"""Age of a part file, in seconds, from which on it is what a crash left of an upload."""


@contextlib.asynccontextmanager
async def gateway_parts(
    settings: GatewaySettings, shared: SharedSettings, access: ServiceAccess
) -> AsyncIterator[Gateway]:
    """A running gateway: database open, services watched, unfinished jobs continued."""
    storage = Storage(shared.storage_url, shared)
    await asyncio.to_thread(_check, storage)
    db = await asyncio.to_thread(Database, settings)
    accounts = Accounts(db, settings)
    hub, clients, job_store = Hub(), Clients(settings, access), JobStore(db, settings.max_queued_jobs)
    prober, secret = Prober(settings), load_secret(settings)
    clients.moderation.on_refused = functools.partial(_note_refusal, accounts, job_store)
    consents, live = ConsentStore(db), LiveSessions(settings)
    add_made = functools.partial(accounts.quotas.add_made, storage)
    lease = Lease(ReplicaStore(db), settings.executor_id, lambda: live.slots_needed)
    capacity = Capacity(settings, clients, lease, functools.partial(setattr, live, "slots"))
    marker = await asyncio.to_thread(Marker, settings, secret, storage, ProvenanceStore(db), consents)
    runner = Runner(settings, job_store, lease, capacity, hub, add_made)
    gateway = Gateway(
        settings=settings,
        storage=storage,
        db=db,
        signer=Signer(secret, settings.link_hours),
        bucket_links=await asyncio.to_thread(BucketLinks, storage, settings),
        marker=marker,
        verifier=Verifier(marker, prober),
        hub=hub,
        clients=clients,
        jobs=job_store,
        assets=AssetStore(db, storage, settings, prober),
        conversations=ConversationStore(db),
        avatar_voices=AvatarVoiceStore(db),
        dictionary=DictionaryStore(db),
        drafts=DraftStore(db),
        batches=BatchStore(db),
        gallery=GalleryStore(db),
        idempotency=IdempotencyStore(db),
        runner=runner,
        readiness=Readiness(db, runner),
        live=live,
        endings=LiveEndings(LiveEndingStore(db), live),
        accounts=accounts,
        openid=_openid(settings, accounts, secret),
        shares=ShareStore(db, secret),
        consents=consents,
        challenges=ChallengeStore(db),
        clips=ClipVault(storage, clip_secret(settings.consent_key_file, secret)),
        weights_dir=shared.weights_dir,
    )
    await asyncio.to_thread(_prepare_folders, settings, storage)
    clients.watch()
    try:
        await gateway.runner.start({kind: functools.partial(handle, gateway) for kind, handle in HANDLERS.items()})
        tasks = [asyncio.ensure_future(work(gateway)) for work in (keep_starting, keep_noting, keep_ending)]
        try:
            yield gateway
        finally:
            for task in tasks:
                task.cancel()
    finally:
        hub.close()
        await prober.close()
        await gateway.runner.stop()
        await clients.moderation.close()
        await clients.close()
        await asyncio.to_thread(db.close)


def _check(storage: Storage) -> None:
    try:
        storage.check()
    except HuashengError as e:
        raise SystemExit(f"gateway: cannot start: {e.text('detail', 'en')} {e.text('hint', 'en')}") from e


def _note_refusal(accounts: Accounts, job_store: JobStore, by: str) -> None:
    """Whose words were refused: of the request or conversation, in a job its owner's."""
    if not accounts.is_on:
        return
    job_id, act = logs.job_id.get(), acts.current.get()
    user = accounts.users.of_owner(job_store.owner_and_kind(job_id)[0]) if job_id else None
    who, address = (act.who, act.address) if act and not job_id else (None, "")
    what = f"{by} {job_id or logs.turn_id.get()}".strip()
    accounts.audit.add("words refused", what, who=who, user=user, name="system", address=address)


def _openid(settings: GatewaySettings, accounts: Accounts, secret: bytes) -> OpenIdSignIn | None:
    if not settings.oidc_issuer:
        return None
    from services.gateway.accounts.oidc_sign_in import OpenIdSignIn  # its libraries cost every start 0.3 s

    return OpenIdSignIn(settings, accounts, secret)


def _prepare_folders(settings: GatewaySettings, storage: Storage) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    disk.watch("gateway", settings.data_dir)
    if storage.is_local:
        disk.watch("storage", Path(storage.root))
    for part in (settings.data_dir / "uploads").glob("*.part"):
        if time.time() - part.stat().st_mtime > STALE_S:
            part.unlink(missing_ok=True)


def create_app(settings: GatewaySettings, gateway: Gateway) -> FastAPI:
    """The HTTP app over a running gateway."""
    app = FastAPI(
        title="Huasheng 画声",
        version=VERSION,
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
        dubbings.router,
        trainings.router,
        conversations.router,
        voices.router,
        voice_cloning.router,
        speech.router,
        dictionary.router,
        drafts.router,
        batches.router,
        gallery.router,
        verify.router,
        system.router,
        system.probes,
        sign_in.router,
        sign_in_oidc.router,
        me.router,
        users.router,
        shares.router,
        consents.router,
        docs.router,
        pages.router,
    ):
        app.include_router(router)
    app.include_router(live_socket.router)
    app.add_middleware(GZipMiddleware, compresslevel=6, exclude_content_types=NOT_COMPRESSED)
    app.add_middleware(Access, gateway=gateway)
    app.add_middleware(Middleware, hosts=settings.hosts(), is_stopping=lambda: gateway.readiness.is_stopping)
    return app
