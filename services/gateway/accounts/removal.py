"""Removing a person with all that is theirs, and collecting it for the export."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from google.protobuf.json_format import MessageToDict
from huasheng.render.v1 import render_pb2
from huasheng.tts.v1 import tts_pb2

from services.gateway.accounts.withdrawal import forget_clips, stop_jobs
from services.gateway.catalogue.avatars import list_avatars, list_models
from services.gateway.catalogue.voices import list_voices, samples_folder, tag_of
from services.gateway.store.account_tables import (
    audit,
    consent_challenges,
    consents,
    share_guests,
    shares,
    usage,
    users,
)
from services.gateway.store.db import (
    Row,
    assets,
    avatar_voices,
    batch_rows,
    batches,
    conversations,
    drafts,
    idempotency,
    interruptions,
    jobs,
    live_timings,
    messages,
    pronunciations,
    ratings,
    video_tags,
)

if TYPE_CHECKING:
    from services.gateway.context import Gateway

log = logging.getLogger("huasheng.gateway.accounts")
REMOVED = "(removed)"
"""Stands in the audit log for the name of somebody whose account was removed."""


async def remove_account(gateway: Gateway, user: Row) -> None:
    """Delete a person and all that is theirs: rows here, files in storage, what tts and render keep.

    Consent that they gave stays without their name, for videos that others still have. The account is closed first; a
    service that is down is an error, and the removal can be asked for again. Raises ``last-admin``, ``service-down``.
    """
    accounts, owner = gateway.accounts, user["owner"]
    await asyncio.to_thread(accounts.users.change, user["id"], disabled=True)
    await asyncio.to_thread(accounts.sessions.end_all, user["id"])
    await gateway.endings.of_owner(owner)
    await asyncio.to_thread(gateway.batches.cancel_all, owner)
    await _stop_jobs_of(gateway, owner)
    clients = gateway.clients
    voices = [v.voice_id for v in (await list_voices(clients, owner)).voices if v.is_cloned]
    await clients.call_all("render", "ForgetOwner", render_pb2.ForgetOwnerRequest(owner=owner))
    await clients.call_all("tts", "ForgetOwner", tts_pb2.ForgetOwnerRequest(owner=owner))
    for voice_id in voices:
        await asyncio.to_thread(gateway.storage.delete, samples_folder(owner, voice_id))
    await _stop_jobs_of(gateway, owner)  # rows of batches that were being started
    await asyncio.to_thread(_remove_rows, gateway, owner)
    await asyncio.to_thread(accounts.users.delete, user["id"])
    log.warning("an account was removed", extra={"user": user["id"]})


async def _stop_jobs_of(gateway: Gateway, owner: str) -> None:
    await stop_jobs(gateway, [r for r in await asyncio.to_thread(gateway.jobs.unfinished) if r["owner"] == owner])


def _remove_rows(gateway: Gateway, owner: str) -> None:
    for asset in gateway.assets.search(owner, None, 100_000, None):
        gateway.storage.delete(f"assets/{asset['id']}")
    forget_clips(gateway, gateway.consents.of_owner(owner))
    with gateway.db.begin() as c:
        made = list(c.scalars(sa.select(jobs.c.id).where(jobs.c.owner == owner)))
    for job_id in made:
        gateway.storage.delete(f"results/{job_id}")
    gateway.storage.delete(f"previews/{tag_of(owner)}")
    gateway.marker.made.forget_owner(owner)
    with gateway.db.begin() as c:
        talks = sa.select(conversations.c.id).where(conversations.c.owner == owner)
        for table in (interruptions, live_timings, ratings):
            c.execute(sa.delete(table).where(table.c.conversation_id.in_(talks)))
        shared = sa.select(shares.c.id).where(shares.c.owner == owner)
        c.execute(
            sa.delete(share_guests).where(sa.or_(share_guests.c.share_id.in_(shared), share_guests.c.owner == owner))
        )
        theirs = (messages, conversations, batch_rows, batches, video_tags, jobs, assets, avatar_voices)
        for owned in (*theirs, pronunciations, drafts, idempotency, shares, usage, consent_challenges):
            c.execute(sa.delete(owned).where(owned.c.owner == owner))
        c.execute(sa.update(consents).where(consents.c.owner == owner).values(given_by=""))
        c.execute(
            sa.update(audit)
            .where(audit.c.actor_id.in_(sa.select(users.c.id).where(users.c.owner == owner)))
            .values(actor="(removed)")
        )


async def things_elsewhere(gateway: Gateway, owner: str) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """What render and tts keep of a person, for the export: records by name, and storage keys of files.

    Raises ``service-down``.
    """
    clients, storage = gateway.clients, gateway.storage
    avatars = [a for a in await list_avatars(clients, owner) if a.owner == owner]
    models = [m for m in await list_models(clients, owner) if m.owner == owner]
    voices = [v for v in (await list_voices(clients, owner)).voices if v.is_cloned]
    uris = [u for a in avatars for u in (a.thumbnail_uri, a.idle_uri)]
    uris += [u for m in models for u in (m.preview_uri, m.before_video_uri, m.after_video_uri)]
    uris += [c.uri for v in voices for c in v.clips]
    records = {"avatars": avatars, "models": models, "voices": voices}
    plain = {n: [MessageToDict(m, preserving_proto_field_name=True) for m in found] for n, found in records.items()}
    return plain, [storage.key(u) for u in uris if u]
