"""Withdrawing consent: the face or voice goes, all that could show it anew goes, what was made stays, with a mark."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from huasheng.render.v1 import render_pb2
from huasheng.tts.v1 import tts_pb2

from services.common.errors import HuashengError
from services.gateway.catalogue.avatars import list_avatars, list_models
from services.gateway.catalogue.voices import samples_folder, tag_of
from services.gateway.dubbing.film_avatar import PREFIX
from services.gateway.store.db import Row
from services.gateway.store.job_things import named_in
from services.gateway.studio.kept import forget_kept

if TYPE_CHECKING:
    from services.gateway.context import Gateway

WAIT_S = 30.0
"""How long jobs that were cancelled may take to end before their files are removed."""
NAMES = ("avatar_id", "model", "voice_id")
"""Fields of a job that name a face or a voice."""


async def withdraw_consent(gateway: Gateway, consent: Row) -> None:
    """Delete what a consent was given for. Raises ``service-down``: then it may be withdrawn again."""
    owner, kind, resource_id = consent["owner"], consent["kind"], consent["resource_id"]
    clients = gateway.clients
    models = [m for m in await list_models(clients, owner) if m.owner == owner] if kind != "voice" else []
    avatars = [a.avatar_id for a in await list_avatars(clients, owner) if a.owner == owner] if kind != "voice" else []
    gone = {resource_id}
    if kind == "training":
        made = [m for m in models if m.training_id == resource_id]
        gone |= {m.model_id for m in made} | {m.avatar_id for m in made if m.avatar_id}
        # of one that made no model: render names the avatar of a training after its clip
        gone |= {a for a in avatars if a.startswith("t-") and consent["sha256"][:8] in a}
    gone |= {m.model_id for m in models if m.avatar_id in gone}
    shared = await asyncio.to_thread(gateway.shares.ids_of, owner, gone)
    await gateway.endings.of_things(owner, gone, shared)
    await _stop_jobs(gateway, _uses(owner, gone, shared))
    for avatar_id in gone & set(avatars):
        await _delete_avatar(gateway, owner, avatar_id)
    if resource_id.startswith(PREFIX):  # of a film that is dubbed, which is in no list
        await _delete_avatar(gateway, owner, resource_id)
    for model in models:
        if model.model_id in gone:
            await _delete_model(gateway, owner, model.model_id)
    if kind == "voice":
        await _delete_voice(gateway, owner, resource_id)
    if kind == "training":
        await asyncio.to_thread(gateway.storage.delete, f"trainings/{owner}/{resource_id}")
    # what began while it was deleted; nothing can begin with it now
    await gateway.endings.of_things(owner, gone, shared)
    await _stop_jobs(gateway, _uses(owner, gone, shared))
    await asyncio.to_thread(_forget, gateway, consent, gone, shared)


def _uses(owner: str, gone: set[str], shared: set[str]) -> Callable[[Row], bool]:
    """Whether a job shows or speaks with what is ``gone``: the owner's own, and others' by a share."""

    def uses(job: Row) -> bool:
        if job["owner"] != owner:
            return bool(shared & named_in(job["params"], *NAMES))
        return bool(gone & named_in(job["params"], *NAMES, "training_id")) or job["id"].replace("j_", "p-") in gone

    return uses


def _forget(gateway: Gateway, consent: Row, gone: set[str], shared: set[str]) -> None:
    """Rows and files: shares, the source, pieces from which a video could be made anew, and the statement's clip."""
    owner, kind = consent["owner"], consent["kind"]
    for job in gateway.jobs.mark_withdrawn(_uses(owner, gone, shared)):
        forget_kept(gateway.storage, job["id"])
        gateway.jobs.set_stored(job["id"], gateway.accounts.quotas.size_of(gateway.storage, job["id"], job["result"]))
        gateway.shares.forget(job["owner"], "video", job["id"])
    if kind == "voice":  # others may have heard scenes in it: what is kept for an hour is soon spoken anew
        gateway.storage.delete("previews" if shared else f"previews/{tag_of(owner)}")
    for row in gateway.assets.search(owner, None, 10_000, None):
        if row["sha256"] == consent["sha256"]:
            gateway.assets.delete(owner, row["id"])
    for identity in gone:
        for what in ("avatar", "model", "voice"):
            gateway.shares.forget(owner, what, identity)
    gateway.consents.withdraw(owner, kind, consent["resource_id"])
    forget_clips(gateway, [consent])


async def _delete_avatar(gateway: Gateway, owner: str, avatar_id: str) -> None:
    """With its models."""
    request = render_pb2.DeleteAvatarRequest(owner=owner, avatar_id=avatar_id)
    with _known():
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


def forget_clips(gateway: Gateway, records: list[Row]) -> None:
    """Delete what is kept of the clips of consents."""
    for record in records:
        if record["clip"] and record["clip"]["kept"] == "encrypted":
            gateway.clips.forget(record["id"])
            gateway.consents.forget_clip(record)


async def _stop_jobs(gateway: Gateway, uses: Callable[[Row], bool]) -> None:
    await stop_jobs(gateway, [r for r in await asyncio.to_thread(gateway.jobs.unfinished) if uses(r)])


async def stop_jobs(gateway: Gateway, rows: list[Row]) -> None:
    """Cancel jobs, and wait a while for their ends."""
    ids = [r["id"] for r in rows]
    for row in rows:
        await gateway.runner.cancel(row["owner"], row["id"])
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WAIT_S):
            while set(ids) - await asyncio.to_thread(gateway.jobs.over, ids):
                await asyncio.sleep(0.2)
