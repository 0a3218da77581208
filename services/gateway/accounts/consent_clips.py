"""A consent clip: the person in a file says a random number before the camera. Checked here: the number and the face.

It shows that the person was there and agreed, now. It does not stop a forger who can make a talking video of them.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.accounts.spoken_number import digits_in, wrong_digits
from services.gateway.store.db import Row
from services.gateway.turn.stages import recognise
from services.gateway.turn.timings import Timings

if TYPE_CHECKING:
    from services.gateway.context import Gateway

MOST_S = 60.0
"""Longest clip, in seconds."""
MOST_MB = 64
"""Largest clip; it is encrypted as a whole."""


async def checked_clip(gateway: Gateway, owner: str, challenge_id: str, clip: Row, source: Row) -> dict[str, Any]:
    """What a clip showed, for the record of the consent. The challenge is used up by that, whatever the verdict is.

    ``clip`` and ``source`` are uploads. Raises ``wrong-kind``, ``no-audio``, ``too-long``, ``too-large``, what
    ``ChallengeStore.use`` raises, ``consent-number``, ``consent-face``, ``no-face``, ``two-faces``, and what the
    services raise: then the challenge is still good.
    """
    _check_file(clip, source)
    challenge = await asyncio.to_thread(gateway.challenges.use, owner, challenge_id)
    try:
        wrong = await _wrong_digits(gateway, challenge, clip)
        faces = await _faces(gateway, owner, clip, source)
    except HuashengError as e:
        if e.retryable or e.reason.http >= 500:
            await asyncio.to_thread(gateway.challenges.give_back, challenge_id)
        raise
    return {
        "sha256": clip["sha256"],
        "content_type": clip["content_type"],
        "verdict": {
            "number": challenge["number"],
            "wrong_digits": wrong,
            "face_distance": round(faces.distance, 3),
        },
        "recorded_at": time.time(),
        "kept": gateway.settings.consent_clip_keep,
    }


def _check_file(clip: Row, source: Row) -> None:
    name = clip["name"]
    if clip["kind"] != "video":
        words = {"audio": ("a recording", "录音"), "image": ("a picture", "图片")}[clip["kind"]]
        raise HuashengError("wrong-kind", name=name, kind=words[0], kind_zh=words[1], needed="a film", needed_zh="视频")
    if clip["id"] == source["id"]:
        raise HuashengError("bad-request", what="the clip is a film of its own, not the one that is used")
    if not clip["has_audio"]:
        raise HuashengError("no-audio", name=name)
    if clip["duration_s"] > MOST_S:
        raise HuashengError("too-long", name=name, seconds=round(clip["duration_s"]), limit=round(MOST_S))
    if clip["bytes"] > MOST_MB * 2**20:
        raise HuashengError("too-large", limit_mb=MOST_MB)


async def _wrong_digits(gateway: Gateway, challenge: Row, clip: Row) -> int:
    await gateway.clients.loaded("asr")
    uri = gateway.storage.uri(clip["key"])
    said = await recognise(gateway.clients, Timings(), uri=uri, language=challenge["language"])
    wrong = wrong_digits(challenge["number"], digits_in(said.text))
    if wrong is None:
        raise HuashengError("consent-number")
    return wrong


async def _faces(gateway: Gateway, owner: str, clip: Row, source: Row) -> render_pb2.CompareFacesResponse:
    request = render_pb2.CompareFacesRequest(
        owner=owner, first_uri=gateway.storage.uri(source["key"]), second_uri=gateway.storage.uri(clip["key"])
    )
    try:
        found: render_pb2.CompareFacesResponse = await gateway.clients.call(
            "render", "CompareFaces", request, gateway.settings.consent_faces_s
        )
    except HuashengError as e:
        if e.slug in ("no-face", "two-faces"):  # render knows the files by their storage keys
            seen = clip if e.params.get("name") == clip["key"] else source
            raise HuashengError(e.slug, **e.params | {"name": seen["name"]}) from e
        raise
    if not found.is_same:
        raise HuashengError("consent-face")
    return found
