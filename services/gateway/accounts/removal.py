"""Removing what belongs to people: after consent is withdrawn, and with a whole account."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from google.protobuf.json_format import MessageToDict
from huasheng.render.v1 import render_pb2
from huasheng.tts.v1 import tts_pb2

from services.common.errors import HuashengError
from services.gateway.accounts.shares import Kind
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
from services.gateway.store.job_things import named_in
from services.gateway.store.jobs import ACTIVE

if TYPE_CHECKING:
    from services.gateway.context import Gateway

log = logging.getLogger("huasheng.gateway.accounts")
REMOVED = "(removed)"
"""Stands in the audit log for the name of somebody whose account was removed."""
WAIT_S = 30.0
"""How long jobs that were cancelled may take to end before their files are removed."""


async def withdraw_consent(gateway: Gateway, consent: Row) -> None:
    """Delete what a consent was given for. Raises ``service-down``: then it may be withdrawn again."""
    owner, kind, resource_id = consent["owner"], consent["kind"], consent["resource_id"]
    gone = {resource_id}
    models = await list_models(gateway.clients, owner) if kind != "voice" else []
    if kind == "training":
        made = [m for m in models if m.training_id == resource_id]
        gone = {m.model_id for m in made} | {m.avatar_id for m in made if m.avatar_id}
    gone |= {m.model_id for m in models if m.avatar_id in gone}
    await _stop(gateway, owner, gone | {resource_id})
    clients = gateway.clients
    for avatar in await list_avatars(clients, owner) if kind != "voice" else []:
        if avatar.avatar_id in gone and avatar.owner == owner:
            await _delete_avatar(gateway, owner, avatar.avatar_id)
    for model in models:
        if model.model_id in gone and model.owner == owner and model.avatar_id not in gone:
            await clients.call(
                "render", "DeleteModel", render_pb2.DeleteModelRequest(owner=owner, model_id=model.model_id)
            )
    if kind == "voice":
        await _delete_voice(gateway, owner, resource_id)
    await asyncio.to_thread(_forget_source, gateway, consent, gone)
    await asyncio.to_thread(_forget_clips, gateway, [consent])


async def _delete_avatar(gateway: Gateway, owner: str, avatar_id: str) -> None:
    """With its models."""
    request = render_pb2.DeleteAvatarRequest(owner=owner, avatar_id=avatar_id)
    await gateway.clients.call("render", "DeleteAvatar", request)
    await asyncio.to_thread(gateway.avatar_voices.set, owner, avatar_id, None)


async def _delete_model(gateway: Gateway, owner: str, model_id: str) -> None:
    with _known():  # went with its avatar
        await gateway.clients.call(
            "render", "DeleteModel", render_pb2.DeleteModelRequest(owner=owner, model_id=model_id)
        )


async def _delete_voice(gateway: Gateway, owner: str, voice_id: str) -> None:
    with _known():
        await gateway.clients.call("tts", "DeleteVoice", tts_pb2.DeleteVoiceRequest(owner=owner, voice_id=voice_id))
    await asyncio.to_thread(gateway.storage.delete, samples_folder(owner, voice_id))


@contextlib.contextmanager
def _known() -> Iterator[None]:
    """What was deleted before is no error."""
    try:
        yield
    except HuashengError as e:
        if e.slug not in ("unknown-id", "unknown-voice"):
            raise


def _forget_source(gateway: Gateway, consent: Row, gone: set[str]) -> None:
    owner = consent["owner"]
    for row in gateway.assets.search(owner, None, 10_000, None):
        if row["sha256"] == consent["sha256"]:
            gateway.assets.delete(owner, row["id"])
    kinds: tuple[Kind, ...] = ("avatar", "model", "voice")
    for kind in kinds:
        for identity in gone:
            gateway.shares.forget(owner, kind, identity)
    gateway.consents.mark_jobs(owner, gone)
    gateway.consents.withdraw(owner, consent["kind"], consent["resource_id"])


def _forget_clips(gateway: Gateway, records: list[Row]) -> None:
    """Delete what is kept of the clips of consents."""
    for record in records:
        if record["clip"] and record["clip"]["kept"] == "encrypted":
            gateway.clips.forget(record["id"])
            gateway.consents.forget_clip(record)


async def _stop(gateway: Gateway, owner: str, used: set[str] | None = None) -> None:
    """End an owner's jobs and conversations; only those that use one of ``used`` where that is given."""

    def concerns(params: dict[str, object]) -> bool:
        names = ("avatar_id", "model", "voice_id", "training_id")
        return used is None or bool(used & named_in(params, *names))

    for session in gateway.live.of_owner(owner):
        drawn = session.chosen.avatar
        if used is None or used & {drawn.avatar_id, drawn.model_id, session.chosen.voice.voice_id}:
            await session.refuse(HuashengError("unknown-id", kind="avatar", id=drawn.avatar_id or "-"))
    rows = await asyncio.to_thread(gateway.jobs.search, owner, states=ACTIVE, limit=10_000)
    cancelled = [r["id"] for r in rows if concerns(r["params"]) or (used and r["id"].replace("j_", "p-") in used)]
    for job_id in cancelled:
        await gateway.runner.cancel(owner, job_id)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WAIT_S):
            while set(cancelled) - await asyncio.to_thread(gateway.jobs.over, cancelled):
                await asyncio.sleep(0.2)


async def remove_account(gateway: Gateway, user: Row) -> None:
    """Delete a person and all that is theirs: rows here, files in storage, what tts and render keep.

    Consent that they gave stays without their name, for videos that others still have. The account is closed first; a
    service that is down is an error, and the removal can be asked for again. Raises ``last-admin``, ``service-down``.
    """
    accounts, owner = gateway.accounts, user["owner"]
    await asyncio.to_thread(accounts.users.change, user["id"], disabled=True)
    await asyncio.to_thread(accounts.sessions.end_all, user["id"])
    await gateway.live.end_of(user["id"])
    await _stop(gateway, owner)
    clients = gateway.clients
    voices = [v.voice_id for v in (await list_voices(clients, owner)).voices if v.is_cloned]
    await clients.call_all("render", "ForgetOwner", render_pb2.ForgetOwnerRequest(owner=owner))
    await clients.call_all("tts", "ForgetOwner", tts_pb2.ForgetOwnerRequest(owner=owner))
    for voice_id in voices:
        await asyncio.to_thread(gateway.storage.delete, samples_folder(owner, voice_id))
    await asyncio.to_thread(_remove_rows, gateway, owner)
    await asyncio.to_thread(accounts.users.delete, user["id"])
    log.warning("an account was removed", extra={"user": user["id"]})


def _remove_rows(gateway: Gateway, owner: str) -> None:
    for asset in gateway.assets.search(owner, None, 100_000, None):
        gateway.storage.delete(f"assets/{asset['id']}")
    _forget_clips(gateway, gateway.consents.of_owner(owner))
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
