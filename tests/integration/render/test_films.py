"""A film over real gRPC: what is refused, where it is found, and what is drawn on it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from huasheng.common.v1 import common_pb2
from huasheng.render.v1 import render_pb2 as pb

from services.render.engines.registry import REGISTRY
from tests.fakes.clips import clip, numbered
from tests.fakes.media import Picture, blank, decoded, jpeg, png, portrait, tone, video, wav
from tests.fakes.render_engine import FakeEngine
from tests.fakes.render_rig import END, RATE, Rig, config, media, open_rig, refused, sound, whole
from tests.fakes.serving import Serve

SIDE = 288


async def prepare(rig: Rig, avatar_id: str, data: bytes, **how: object) -> pb.Avatar:
    uri = rig.put(f"assets/{avatar_id}", data)
    request = pb.PrepareAvatarRequest(
        avatar_id=avatar_id, owner="local", source_uri=uri, name="Ann", is_film=True, **how
    )
    return [m async for m in rig.stub.PrepareAvatar(request)][-1].avatar


def short_film() -> bytes:
    return video([blank(128)] * 30)


@pytest.mark.parametrize(
    ("data", "reason"),
    [(png(blank(256)), "wrong-kind"), (jpeg(blank(256)), "wrong-kind"), (wav(tone(2)), "wrong-kind")],
    ids=["png", "jpeg", "sound"],
)
async def test_only_a_film_is_one(rig: Rig, data: bytes, reason: str) -> None:
    uri = rig.put("assets/a", data)
    request = pb.PrepareAvatarRequest(avatar_id="a", owner="local", source_uri=uri, is_film=True)
    assert (await refused(rig.stub.PrepareAvatar(request))).slug == reason


async def test_a_film_longer_than_a_clip_is_taken_whole_and_one_beyond_the_limit_not_at_all(
    serve: Serve, tmp_path: Path
) -> None:
    rig = await open_rig(
        serve, tmp_path, {"fake": "tests.fakes.render_engine:FakeEngine"}, engines="fake", max_film_s=70
    )
    long = clip(tmp_path / "a.mp4", numbered(40), 25, [i * 1.7 for i in range(40)]).read_bytes()
    made = await prepare(rig, "long", long)
    assert made.kind == "film" and "only-first-part" not in made.report.warnings
    longer = clip(tmp_path / "b.mp4", numbered(40), 25, [i * 1.9 for i in range(40)]).read_bytes()
    request = pb.PrepareAvatarRequest(
        avatar_id="b", owner="local", source_uri=rig.put("assets/b", longer), name="Holiday", is_film=True
    )
    error = await refused(rig.stub.PrepareAvatar(request))
    assert error.slug == "too-long" and error.params == {"name": "Holiday", "seconds": "76.0", "limit": "70"}


async def test_a_film_is_in_no_list_and_is_found_deleted_and_forgotten(rig: Rig) -> None:
    made = await prepare(rig, "film", short_film())
    assert (made.kind, made.thumbnail_uri, made.idle_uri) == ("film", "", "")
    assert sorted(p.name for p in (rig.root / "avatars/local/film").iterdir()) == ["avatar.json", "engine", "source"]
    await rig.prepare("ann")
    listed = await rig.stub.ListAvatars(pb.ListAvatarsRequest(owner="local"))
    assert [a.avatar_id for a in listed.avatars] == ["builtin", "ann"]
    assert (await rig.stub.GetAvatar(pb.GetAvatarRequest(owner="local", avatar_id="film"))).avatar == made
    await rig.stub.DeleteAvatar(pb.DeleteAvatarRequest(owner="local", avatar_id="film"))
    assert (
        await refused(rig.stub.GetAvatar(pb.GetAvatarRequest(owner="local", avatar_id="film")))
    ).slug == "unknown-id"
    await prepare(rig, "film", short_film())
    await rig.stub.ForgetOwner(pb.ForgetOwnerRequest(owner="local"))
    assert not (rig.root / "avatars/local").exists()


async def test_the_same_file_as_film_and_as_avatar_are_two_preparations(rig: Rig) -> None:
    data = short_film()
    await prepare(rig, "a", data)
    count = FakeEngine.prepared
    assert (await prepare(rig, "a", data)).kind == "film" and FakeEngine.prepared == count
    assert (await rig.prepare("a", data))[-1].avatar.kind == "video" and FakeEngine.prepared == count + 1
    # a newer engine prepares it again, as the film that it is
    assert (await prepare(rig, "a", data)).kind == "film"
    FakeEngine.version = "2"
    await whole(rig, [config(avatar_id="a"), *sound(tone(0.4)), END])
    again = (await rig.stub.GetAvatar(pb.GetAvatarRequest(owner="local", avatar_id="a"))).avatar
    assert again.kind == "film" and again.idle_uri == ""


@pytest.mark.parametrize("how", [{"live": True}, {"start_frame": 3}])
async def test_a_film_is_drawn_from_its_beginning_and_not_live(rig: Rig, how: dict[str, object]) -> None:
    await prepare(rig, "film", short_film())
    error = await refused(rig.stub.StreamRender(iter([config(avatar_id="film", **how), END])))
    assert error.slug == "bad-request" and "first frame" in error.params["what"]


# drawn by the real engine

ABSENT = (40, 56)
"""Frames of ``talk`` that show something else."""
COUNT = 84


def talk() -> Iterator[Picture]:
    """The portrait, swaying on a ground that tells every frame from its neighbours, with a cut away and back and one
    nearer to the face."""
    still, near = portrait(SIDE), portrait(SIDE * 5 // 4)[10 : 10 + SIDE, 36 : 36 + SIDE]
    for i in range(COUNT):
        if ABSENT[0] <= i < ABSENT[1]:
            picture = np.full((SIDE, SIDE, 3), (90, 60, 40), np.uint8)
        else:
            shift = round(2 * np.sin(i / 9))
            picture = np.roll(near if i >= 66 else still, shift, 1).copy()
        picture[:24, :24] = 40 + 160 * (i % 2)
        picture[:24, 32:56] = 40 + 4 * (i % 50)
        yield np.ascontiguousarray(picture)


@pytest.fixture
async def studio(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """With a limit for avatars that is shorter than the film, and a built-in one that is made quickly."""
    monkeypatch.setattr("services.render.clip.portrait.LOOP_S", 0.4)
    groups = ("portrait", "face-mesh", "whisper-base", "caption-fonts")
    return await open_rig(serve, tmp_path, REGISTRY, groups, engines="atlas", max_avatar_s=2, slots=2)


def pictures(data: bytes) -> np.ndarray:
    with av.open(io.BytesIO(data)) as container:
        return np.stack([f.to_ndarray(format="bgr24") for f in container.decode(video=0)])


def noise_db(a: np.ndarray, b: np.ndarray) -> float:
    error = ((a.astype(np.float32) - b) ** 2).mean()
    return float(10 * np.log10(255**2 / max(1e-9, error)))


def said(seconds: float, from_s: float = 0) -> list[pb.StreamRenderRequest]:
    """So much of a babble, from a moment of it on, with its phonemes."""
    step, end = 0.12, from_s + seconds
    spans = [
        common_pb2.PhonemeSpan(
            phoneme="ɑm iuo"[k % 6].strip(),
            start_us=max(0, round((k * step - from_s) * 1e6)),
            end_us=round(((k + 1) * step - from_s) * 1e6),
        )
        for k in range(int(from_s / step), int(end / step) + 3)
    ]
    phonemes = pb.StreamRenderRequest(phonemes=pb.Phonemes(spans=spans))
    return [phonemes, *sound(np.zeros(round(seconds * RATE), np.float32)), END]


def asked(**how: object) -> pb.StreamRenderRequest:
    return config(avatar_id="film", has_phonemes=True, **how)


@pytest.mark.parametrize("rate", [25, Fraction(30000, 1001)], ids=["25", "29.97"])
async def test_frame_k_of_the_video_is_frame_k_of_the_film_with_another_mouth(
    studio: Rig, tmp_path: Path, rate: Fraction
) -> None:
    path = clip(tmp_path / "film.mp4", list(talk()), float(rate))
    film = await prepare(studio, "film", path.read_bytes())
    assert (film.frames, film.report.warnings) == (COUNT, ["face-missing-in-part"])
    assert film.fps == pytest.approx(float(rate))
    seconds = COUNT / float(rate)
    extra = 6
    made = await whole(studio, [asked(), *said(seconds + (extra - 0.5) / float(rate))])
    summary = made[-1].summary
    drawn, source = pictures(media(made)), pictures(path.read_bytes())
    assert summary.frames == len(drawn) == COUNT + extra
    assert ABSENT[1] - ABSENT[0] <= summary.passthrough_frames <= ABSENT[1] - ABSENT[0] + 4
    assert decoded(media(made))["fps"] == pytest.approx(float(rate), abs=0.001)
    padded = [*source, *[source[-1]] * extra]
    # away from the mouth, which is in the lower half of this portrait, each is its own and not its neighbour
    top = slice(0, SIDE // 3)
    for k, picture in enumerate(drawn):
        own = noise_db(picture[top], padded[k][top])
        assert own > 31, k
        assert k >= COUNT or all(own > noise_db(picture[top], padded[n][top]) for n in (k - 1, k + 1) if 0 <= n < COUNT)
    assert all(noise_db(drawn[k], source[k]) > 34 for k in range(ABSENT[0] + 1, ABSENT[1] - 1)), "untouched as a whole"
    spoken = [k for k in range(COUNT) if noise_db(drawn[k][SIDE // 3 :], source[k][SIDE // 3 :]) < 33]
    assert len(spoken) > COUNT // 4, "the mouth is drawn"

    size = pb.Composition(width=SIDE, height=SIDE, captions=_captions(seconds))
    composed = await whole(studio, [asked(composition=size), *said(seconds)])
    burned = pictures(media(composed))
    assert len(burned) == COUNT
    assert all(noise_db(burned[k][:32], source[k][:32]) > 32 for k in range(COUNT))
    assert np.abs(burned[50].astype(int) - source[50]).max() > 100, "words are burned in, also where nobody is seen"


def _captions(seconds: float) -> pb.Captions:
    end = round(seconds * 1e6)
    words = [pb.CueWord(text="Hello", start_us=0, end_us=end)]
    return pb.Captions(cues=[pb.Cue(start_us=0, end_us=end, lines=[pb.CueLine(words=words)])], place=0.9, size=0.1)


async def test_parts_of_a_film_are_the_whole(studio: Rig) -> None:
    film = await prepare(studio, "film", video(talk()))
    entire = await whole(studio, [asked(), *said(COUNT / 25)])
    parts = []
    for at, skip, count in ((0, 0, 30), (10, 20, 32), (50, 12, 0)):
        part = pb.VideoPart(at=at, skip=skip, count=count)
        parts.append(await whole(studio, [asked(part=part), *said((COUNT - at) / 25, at / 25)]))
    joined = np.concatenate([pictures(media(p)) for p in parts])
    expected = pictures(media(entire))
    assert joined.shape == expected.shape == (COUNT, film.height, film.width, 3)
    assert min(noise_db(a, b) for a, b in zip(joined, expected, strict=True)) > 34, "encoded from the same pictures"
    assert sum(p[-1].summary.passthrough_frames for p in parts) == entire[-1].summary.passthrough_frames > 0
