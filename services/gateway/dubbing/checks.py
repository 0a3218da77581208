"""What is wrong with a dubbing, found before its work starts."""

from __future__ import annotations

import asyncio
from typing import Any

from services.common.errors import HuashengError
from services.gateway.api.checks import kind_words
from services.gateway.catalogue.voices import check_voice
from services.gateway.context import Gateway
from services.gateway.dubbing.film_avatar import film_avatar_id
from services.gateway.store.db import Row
from services.gateway.studio.checks import moderate


async def check_film(gateway: Gateway, owner: str, asset_id: str) -> Row:
    """A film with sound that is not too long. Raises ``unknown-id``, ``wrong-kind``, ``no-audio``, ``silent-audio``,
    ``too-long``."""
    row, limit_s = await asyncio.to_thread(gateway.assets.get, owner, asset_id), gateway.settings.max_dubbing_s
    if row["kind"] != "video":
        raise HuashengError(
            "wrong-kind", name=row["name"], **kind_words(row["kind"]), needed="a film with sound", needed_zh="有声视频"
        )
    if not row["has_audio"]:
        raise HuashengError("no-audio", name=row["name"])
    if row["silent"]:
        raise HuashengError("silent-audio", name=row["name"])
    if row["duration_s"] > limit_s:
        raise HuashengError("too-long", name=row["name"], seconds=round(row["duration_s"]), limit=round(limit_s))
    return row


async def check_speaker(gateway: Gateway, owner: str, params: dict[str, Any]) -> None:
    """Raises as ``check_voice``."""
    voice_owner, own_id = await asyncio.to_thread(gateway.shares.resolve, owner, "voice", params["voice_id"] or "")
    engine = (params["engines"] or {}).get("tts") or ""
    await check_voice(gateway.clients, voice_owner, own_id or None, engine, params["synthesis"], waits=False)


async def film_params(
    gateway: Gateway, owner: str, params: dict[str, Any], *, is_moderated: bool = True
) -> dict[str, Any]:
    """What a job that makes a film needs besides its request's ``params``: the table, the voice and the film.

    Raises ``unknown-id``, ``dubbing-unfinished`` for a script that has no table (yet), ``empty-text`` where nothing is
    to be said, ``words-refused``, and as ``check_film`` and ``check_voice``.
    """
    dubbing = params["dubbing"]
    script = await asyncio.to_thread(gateway.jobs.get, owner, dubbing["job_id"])
    if script["kind"] != "dubbing":
        raise HuashengError("unknown-id", kind="job", id=dubbing["job_id"])
    if script["state"] != "succeeded":
        raise HuashengError("dubbing-unfinished", id=dubbing["job_id"])
    asset = await check_film(gateway, owner, script["params"]["film_asset_id"])
    made, asked = script["result"], script["params"]
    names = ("start_s", "end_s", "text", "translation")
    sentences = dubbing["sentences"] or [{n: s[n] for n in names} for s in made["sentences"]]
    said = [s["translation"].strip() for s in sentences if s["translation"].strip()]
    if not said:
        raise HuashengError("empty-text")
    if is_moderated:
        await moderate(gateway, said)
    # the voice that the script spoke with by default is its default here: what it spoke is found again
    voice_id = asked["voice_id"] if dubbing["voice_id"] in (None, made["voice_id"]) else dubbing["voice_id"]
    more = {
        "dubbing": dubbing | {"sentences": sentences},
        "film_asset_id": asset["id"],
        "avatar_id": film_avatar_id(asset["id"]),
        "avatar_name": asset["name"],
        "from_job_id": script["id"],
        "language": asked["language"],
        "voice_id": voice_id,
        "synthesis": asked["synthesis"],
        "engines": params["engines"] or asked["engines"],
        "fallback": params["fallback"] and asked["fallback"],
    }
    await check_speaker(gateway, owner, params | more)
    return more
