"""Consent clips: a number said before the camera, and the face of the file; refused, kept, removed."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.common.errors import HuashengError
from tests.fakes import media, people
from tests.fakes.people import PASSWORD, Person
from tests.fakes.problems import problem
from tests.integration.gateway.conftest import World, open_world

FACE = media.png(media.portrait())
CLIP = media.video(media.rocking(1.5, 128), sound=media.tone(1.5))


class Clips:
    """A world with a person who records clips; the fakes hear and see what they are told."""

    def __init__(self, world: World, bob: Person, ann: Person) -> None:
        self.world, self.bob, self.ann = world, bob, ann

    async def upload(self, data: bytes, name: str) -> str:
        answer = await self.bob.http.post("/api/v1/assets", files={"file": (name, data)})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def challenge(self, lang: str = "zh") -> dict[str, Any]:
        answer = await self.bob.post(f"consents/challenges?lang={lang}", {})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def consent(self, said: str | None = None, **more: Any) -> dict[str, Any]:
        """The field of a request, with a clip in which ``said`` is heard, or else the number."""
        challenge = await self.challenge()
        self.world.fakes.asr.text = challenge["sentence"] if said is None else said
        clip = await self.upload(CLIP, "me.mp4")
        return {"statement": "self", "challenge_id": challenge["id"], "clip_asset_id": clip} | more

    async def ask(self, consent: dict[str, Any], **headers: str) -> httpx.Response:
        return await self.bob.http.post(
            "/api/v1/avatars",
            json={"asset_id": await self.upload(FACE, "me.png"), "name": "x", "consent": consent},
            headers=headers,
        )

    async def records(self) -> list[dict[str, Any]]:
        return list((await self.bob.http.get("/api/v1/consents")).json()["items"])

    async def assets(self) -> set[str]:
        return {a["id"] for a in (await self.bob.http.get("/api/v1/assets")).json()["items"]}


@asynccontextmanager
async def clips_of(folder: Path, clip: str, **environment: str) -> AsyncIterator[Clips]:
    async with open_world(folder, GATEWAY_AUTH="accounts", GATEWAY_CONSENT_CLIP=clip, **environment) as world:
        ann = await people.first_admin(world)
        yield Clips(world, await people.member(world, ann, "bob"), ann)


@pytest.fixture
async def clips(tmp_path: Path) -> AsyncIterator[Clips]:
    async with clips_of(tmp_path, "required") as found:
        yield found


async def test_required_clips_are_asked_for_by_everything_but_made_up_faces(clips: Clips) -> None:
    texts = (await clips.bob.http.get("/api/v1/consents/texts")).json()
    assert (texts["required"], texts["clip"]) == (True, "required")
    for statement in ("self", "written"):
        problem(await clips.ask({"statement": statement}), 422, "consent-clip-needed")
    film = await clips.upload(CLIP, "film.mp4")
    body = {"video_asset_id": film, "consent": {"statement": "self"}}
    problem(await clips.bob.post("trainings", body), 422, "consent-clip-needed")
    assert (await clips.ask({"statement": "made-up"})).status_code == 202
    problem(await clips.ask({"statement": "self", "challenge_id": "c_1"}), 422, "bad-request")


async def test_a_clip_that_passed_is_recorded_as_hash_and_verdict(clips: Clips) -> None:
    consent = await clips.consent(statement="written")
    assert (await clips.ask(consent)).status_code == 202
    (record,) = await clips.records()
    clip = record["clip"]
    assert clip["sha256"] == hashlib.sha256(CLIP).hexdigest() and clip["kept"] == "hash" and clip["recorded_at"]
    assert clip["verdict"]["wrong_digits"] == 0 and clip["verdict"]["face_distance"] == 0.21
    assert consent["clip_asset_id"] not in await clips.assets(), "the film itself is gone"
    problem(await clips.bob.http.get(f"/api/v1/consents/{record['id']}/clip"), 404, "unknown-id")
    compared = clips.world.fakes.render.faces.seen[-1]
    assert consent["clip_asset_id"] in compared.second_uri and compared.owner != "local"
    assert clips.world.fakes.asr.script.seen[-1].language == "zh"
    problem(await clips.ask(consent | {"clip_asset_id": await clips.upload(CLIP, "a.mp4")}), 422, "consent-used")


async def test_trainings_take_clips_too(clips: Clips) -> None:
    body = {"video_asset_id": await clips.upload(CLIP, "film.mp4"), "consent": await clips.consent()}
    assert (await clips.bob.post("trainings", body)).status_code == 202
    (record,) = await clips.records()
    assert record["kind"] == "training" and record["clip"]["kept"] == "hash"


async def test_a_repeated_request_is_answered_without_a_second_check(clips: Clips) -> None:
    body = {"asset_id": await clips.upload(FACE, "me.png"), "name": "x", "consent": await clips.consent()}
    answers = [
        await clips.bob.http.post("/api/v1/avatars", json=body, headers={"Idempotency-Key": "once"}) for _ in range(2)
    ]
    assert [a.status_code for a in answers] == [202, 202] and answers[0].json()["id"] == answers[1].json()["id"]
    assert clips.world.fakes.render.faces.calls == 1


async def test_what_was_wrong_is_said_and_uses_the_number_up(clips: Clips) -> None:
    render = clips.world.fakes.render
    other_number = await clips.consent("我的号码是九八七六五四三二一")
    problem(await clips.ask(other_number), 422, "consent-number")
    problem(await clips.ask(other_number), 422, "consent-used")
    problem(await clips.ask(await clips.consent("")), 422, "consent-number")
    render.likeness.is_same = False
    problem(await clips.ask(await clips.consent()), 422, "consent-face")
    render.likeness.is_same = True
    consent = await clips.consent()
    clip_key = f"assets/{consent['clip_asset_id']}/content"
    render.faces.error, render.faces.error_times = HuashengError("no-face", name=clip_key), 1
    assert "me.mp4" in problem(await clips.ask(consent), 422, "no-face")["detail"]
    assert await clips.records() == []
    assert {"number", "sentence"} <= set(await clips.challenge("en"))


async def test_a_number_is_good_for_ten_minutes_and_its_owner(clips: Clips) -> None:
    consent = await clips.consent()
    with sqlite3.connect(clips.world.folder / "data" / "gateway.sqlite") as db:
        db.execute("UPDATE consent_challenges SET expires_at = expires_at - 601")
    problem(await clips.ask(consent), 422, "consent-expired")
    eves = (await clips.ann.post("consents/challenges", {})).json()
    problem(await clips.ask(await clips.consent(challenge_id=eves["id"])), 404, "unknown-id")


async def test_a_service_that_fails_leaves_the_number_good(clips: Clips) -> None:
    consent = await clips.consent()
    faces = clips.world.fakes.render.faces
    faces.error, faces.error_times = HuashengError("faces-unavailable", cause="still-loading"), 1
    problem(await clips.ask(consent), 503, "faces-unavailable")
    assert (await clips.ask(consent)).status_code == 202


async def test_files_that_are_no_clip_are_refused_before_the_number_is_used(clips: Clips) -> None:
    consent = await clips.consent()
    silent = await clips.upload(media.video(media.rocking(1.5, 128)), "mute.mp4")
    recording = await clips.upload(media.wav(media.tone(2)), "a.wav")
    for clip, slug in ((silent, "no-audio"), (recording, "wrong-kind")):
        problem(await clips.ask(consent | {"clip_asset_id": clip}), 422, slug)
    own = {"video_asset_id": consent["clip_asset_id"], "consent": consent}
    problem(await clips.bob.post("trainings", own), 422, "bad-request")
    assert (await clips.ask(consent)).status_code == 202


async def test_nobody_collects_numbers(clips: Clips) -> None:
    for _ in range(40):
        await clips.challenge()
    problem(await clips.bob.post("consents/challenges", {}), 429, "consent-too-many")


async def test_encrypted_clips_are_their_owners_and_go_with_consent_and_account(tmp_path: Path) -> None:
    async with clips_of(tmp_path, "optional", GATEWAY_CONSENT_CLIP_KEEP="encrypted") as clips:
        bob, folder = clips.bob, tmp_path / "storage" / "consents"
        assert (await clips.ask({"statement": "self"})).status_code == 202, "a clip may be left out"
        for _ in range(2):
            assert (await clips.ask(await clips.consent())).status_code == 202
        records = [r for r in await clips.records() if r["clip"]]
        assert [r["clip"]["kept"] for r in records] == ["encrypted"] * 2
        first, second = (f"/api/v1/consents/{r['id']}/clip" for r in records)
        answer = await bob.http.get(first)
        assert answer.content == CLIP and answer.headers["content-type"] == "video/mp4"
        assert answer.headers["content-disposition"].startswith("attachment")
        problem(await clips.ann.http.get(first), 404, "unknown-id")
        assert len(list(folder.iterdir())) == 2
        assert all(CLIP[:64] not in f.read_bytes() for f in folder.iterdir())
        withdrawn = await bob.post(f"consents/{records[0]['id']}/withdrawal", {})
        assert withdrawn.json()["clip"]["kept"] == "hash"
        problem(await bob.http.get(first), 404, "unknown-id")
        assert (await bob.http.get(second)).status_code == 200
        leaving = await bob.http.request("DELETE", "/api/v1/me", json={"name": "bob", "password": PASSWORD})
        assert leaving.status_code == 204 and not list(folder.iterdir())


async def test_where_clips_are_off_none_is_taken(tmp_path: Path) -> None:
    async with clips_of(tmp_path, "off") as clips:
        problem(await clips.bob.post("consents/challenges", {}), 422, "consent-clip-off")
        consent = {"statement": "self", "challenge_id": "c_1", "clip_asset_id": "a_1"}
        problem(await clips.ask(consent), 422, "consent-clip-off")
        assert (await clips.ask({"statement": "self"})).status_code == 202
