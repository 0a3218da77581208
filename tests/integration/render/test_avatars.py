"""Preparing, listing and deleting avatars over real gRPC with an engine that draws a dot."""

import asyncio
from pathlib import Path

import grpc
import pytest
from huasheng.render.v1 import render_pb2 as pb

from services.render.media.read import probe, read_frames
from tests.fakes.clips import clip, numbered
from tests.fakes.media import blank, png, tone
from tests.fakes.render_engine import IDLE, FakeEngine
from tests.fakes.render_rig import END, FAKES, Rig, config, kinds, open_rig, refused, sound, whole
from tests.fakes.serving import Serve
from tests.fakes.waiting import PATIENCE_S, until


async def test_the_builtin_avatar_is_there_and_stays(rig: Rig) -> None:
    listed = (await rig.stub.ListAvatars(pb.ListAvatarsRequest(owner="local"))).avatars
    assert [(a.avatar_id, a.owner, a.kind) for a in listed] == [("builtin", "builtin", "portrait")]
    for uri in (listed[0].thumbnail_uri, listed[0].idle_uri):
        assert rig.storage.exists(rig.storage.key(uri))
    error = await refused(rig.stub.DeleteAvatar(pb.DeleteAvatarRequest(owner="local", avatar_id="builtin")))
    assert error.slug == "builtin-stays"


async def test_preparing_tells_progress_then_the_avatar(rig: Rig) -> None:
    answers = await rig.prepare()
    fractions = [a.progress.fraction for a in answers[:-1]]
    assert fractions == sorted(fractions)
    made = answers[-1].avatar
    assert (made.avatar_id, made.name, made.engine, made.width, made.height, made.fps) == (
        "ann",
        "Ann",
        "fake",
        192,
        128,
        25,
    )
    assert list(made.report.warnings) == ["side-view"]
    listed = (await rig.stub.ListAvatars(pb.ListAvatarsRequest(owner="local"))).avatars
    assert [a.avatar_id for a in listed] == ["builtin", "ann"]
    assert not rig.leftovers()


async def test_the_idle_loop_is_the_whole_loop(rig: Rig) -> None:
    made = (await rig.prepare())[-1].avatar
    with rig.storage.local(rig.storage.key(made.idle_uri)) as path:
        assert (probe(path).frames, probe(path).has_audio) == (IDLE, False)
        levels = [float(p[:8].mean()) for _, p in read_frames(path)]
    assert levels == pytest.approx([40 + i for i in range(IDLE)], abs=2.5)


async def test_the_same_source_is_prepared_once(rig: Rig) -> None:
    await rig.prepare()
    before = FakeEngine.prepared
    again = await rig.prepare(name="Anna")
    assert FakeEngine.prepared == before
    assert again[-1].avatar.name == "Anna"
    await rig.prepare(data=png(blank(320)))
    assert FakeEngine.prepared == before + 1


async def test_a_newer_engine_prepares_again_from_the_kept_source(rig: Rig) -> None:
    await rig.prepare()
    before = FakeEngine.prepared
    rig.storage.delete("assets/ann")
    FakeEngine.version = "2"
    answers = await whole(rig, [config(avatar_id="ann"), *sound(tone(0.2)), END])
    assert kinds(answers)[-1] == "summary"
    assert FakeEngine.prepared == before + 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty-file"),
        (b"just text\n" * 50, "unsupported-media"),
        (png(blank(50)), "too-small-picture"),
        (png(blank(256)) + b"no face", "no-face"),
    ],
)
async def test_bad_sources_are_refused_and_leave_nothing(rig: Rig, data: bytes, reason: str) -> None:
    uri = rig.put("assets/bad", data)
    request = pb.PrepareAvatarRequest(avatar_id="bad", owner="local", source_uri=uri, name="Bob")
    error = await refused(rig.stub.PrepareAvatar(request))
    assert error.slug == reason
    assert error.params.get("name", "Bob") == "Bob"
    assert sorted(p.name for p in (rig.root / "avatars").rglob("*.json")) == ["avatar.json", "face.json"]  # the builtin
    assert not rig.leftovers()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"avatar_id": "../x"}, "bad-request"),
        ({"owner": "a/b"}, "bad-request"),
        ({"avatar_id": ""}, "bad-request"),
        ({"avatar_id": "builtin"}, "builtin-stays"),
        ({"source_uri": "file:///etc/passwd"}, "unknown-id"),
        ({"engine": "none"}, "unknown-engine"),
        ({"engine": "broken"}, "engine-unavailable"),
    ],
)
async def test_wrong_names_are_refused(rig: Rig, change: dict[str, str], reason: str) -> None:
    uri = rig.put("assets/a", png(blank(256)))
    request = pb.PrepareAvatarRequest(**{"avatar_id": "a", "owner": "local", "source_uri": uri, **change})
    assert (await refused(rig.stub.PrepareAvatar(request))).slug == reason


async def test_a_missing_source_is_refused(rig: Rig) -> None:
    request = pb.PrepareAvatarRequest(avatar_id="a", owner="local", source_uri=rig.storage.uri("assets/none"))
    assert (await refused(rig.stub.PrepareAvatar(request))).slug == "unknown-id"


async def test_long_and_large_videos_are_used_in_part_with_warnings(rig: Rig, tmp_path: Path) -> None:
    pictures = numbered(40, width=2048, height=128)
    path = clip(tmp_path / "a.mp4", pictures, 25, [i * 1.6 for i in range(40)])
    answers = await rig.prepare("long", path.read_bytes())
    assert list(answers[-1].avatar.report.warnings) == ["only-first-part", "scaled-down", "side-view"]


async def test_a_cancelled_preparation_leaves_nothing(rig: Rig) -> None:
    FakeEngine.prepare_s = 3
    uri = rig.put("assets/a", png(blank(256)))
    call = rig.stub.PrepareAvatar(pb.PrepareAvatarRequest(avatar_id="a", owner="local", source_uri=uri))
    async for answer in call:
        if answer.progress.fraction > 0:
            break
    assert rig.leftovers()
    call.cancel()
    await until(lambda: not rig.leftovers())
    assert not (rig.root / "avatars/local/a").exists()


async def test_deleting_an_avatar(rig: Rig) -> None:
    await rig.prepare()
    await rig.stub.DeleteAvatar(pb.DeleteAvatarRequest(owner="local", avatar_id="ann"))
    assert not (rig.root / "avatars/local/ann").exists()
    error = await refused(rig.stub.DeleteAvatar(pb.DeleteAvatarRequest(owner="local", avatar_id="ann")))
    assert error.slug == "unknown-id"
    assert (await refused(rig.stub.StreamRender(iter([config(avatar_id="ann"), END])))).slug == "unknown-id"


async def test_one_avatar_is_found_by_its_id(rig: Rig) -> None:
    made = (await rig.prepare())[-1].avatar
    builtin = (await rig.stub.ListAvatars(pb.ListAvatarsRequest(owner="local"))).avatars[0]
    assert (await rig.stub.GetAvatar(pb.GetAvatarRequest(owner="local", avatar_id="ann"))).avatar == made
    for owner, avatar_id in (("local", ""), ("local", "builtin"), ("eve", "builtin")):
        found = (await rig.stub.GetAvatar(pb.GetAvatarRequest(owner=owner, avatar_id=avatar_id))).avatar
        assert found == builtin
    for avatar_id in ("nobody", "No Such Name", "../ann", "a" * 5000):
        error = await refused(rig.stub.GetAvatar(pb.GetAvatarRequest(owner="local", avatar_id=avatar_id)))
        assert (error.slug, error.params["kind"]) == ("unknown-id", "avatar")
    assert (await refused(rig.stub.GetAvatar(pb.GetAvatarRequest(avatar_id="ann")))).slug == "bad-request"


async def test_other_owners_see_nothing(rig: Rig) -> None:
    await rig.prepare()
    asked = pb.GetAvatarRequest(owner="eve", avatar_id="ann")
    assert (await refused(rig.stub.GetAvatar(asked))).slug == "unknown-id"
    listed = (await rig.stub.ListAvatars(pb.ListAvatarsRequest(owner="eve"))).avatars
    assert [a.avatar_id for a in listed] == ["builtin"]
    assert (
        await refused(rig.stub.DeleteAvatar(pb.DeleteAvatarRequest(owner="eve", avatar_id="ann")))
    ).slug == "unknown-id"


async def test_all_that_an_owner_had_is_forgotten(rig: Rig) -> None:
    await rig.prepare()
    await rig.prepare("bob")
    rig.put("models/local/m/model.json", b"{}")
    rig.put("trainings/local/t/progress.json", b"{}")
    other = pb.PrepareAvatarRequest(avatar_id="eve", owner="eve", source_uri=rig.put("assets/e", png(blank(256))))
    assert [m async for m in rig.stub.PrepareAvatar(other)]
    await rig.stub.ForgetOwner(pb.ForgetOwnerRequest(owner="local"))
    left = [p.relative_to(rig.root).as_posix() for p in rig.root.rglob("*") if "local" in p.parts and p.is_file()]
    assert left == []
    for owner, names in (("local", ["builtin"]), ("eve", ["builtin", "eve"])):
        listed = (await rig.stub.ListAvatars(pb.ListAvatarsRequest(owner=owner))).avatars
        assert [a.avatar_id for a in listed] == names
    await rig.stub.ForgetOwner(pb.ForgetOwnerRequest(owner="local"))
    for owner, slug in (("builtin", "builtin-stays"), ("../eve", "bad-request"), ("", "bad-request")):
        assert (await refused(rig.stub.ForgetOwner(pb.ForgetOwnerRequest(owner=owner)))).slug == slug


async def test_more_than_may_wait_are_refused_and_places_are_given_back(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = await open_rig(serve, tmp_path, FAKES, engines="fake", max_waiting=2)
    monkeypatch.setattr(FakeEngine, "prepare_s", 600.0)

    def request(name: str) -> pb.PrepareAvatarRequest:
        uri = rig.put(f"assets/{name}", png(blank(256)) + name.encode())
        return pb.PrepareAvatarRequest(avatar_id=name, owner="local", source_uri=uri, name=name)

    calls = []
    for i in range(3):  # one after the other: the first is at work, the last one waits
        calls.append(rig.stub.PrepareAvatar(request(f"a{i}")))
        assert (await calls[-1].read()).progress.stage == "wait"
    error = await refused(rig.stub.PrepareAvatar(request("a3")))
    assert (error.slug, error.params["limit"]) == ("busy", "3")
    calls[2].cancel()

    async def has_room() -> bool:
        call = rig.stub.PrepareAvatar(request("a4"))
        try:
            return bool((await call.read()).progress.stage)
        except grpc.aio.AioRpcError:
            return False
        finally:
            call.cancel()

    async with asyncio.timeout(PATIENCE_S):
        while not await has_room():
            await asyncio.sleep(0.02)
    monkeypatch.setattr(FakeEngine, "prepare_s", 0.0)
    for call in calls[:2]:
        call.cancel()
