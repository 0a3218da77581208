"""StreamRender with ``access_units`` over real gRPC, with an engine that draws a dot."""

import asyncio
import io
import json

import av
import numpy as np
import pytest
from huasheng.common.v1 import common_pb2
from huasheng.render.v1 import render_pb2 as pb

from services.render.avatars.idle import LOOP_VERSION
from services.render.avatars.store import AvatarRecord
from tests.fakes.access_units import decoded_units, pictures
from tests.fakes.media import tone
from tests.fakes.render_engine import IDLE
from tests.fakes.render_rig import END, Rig, config, kinds, media, rest, sound, whole
from tests.fakes.waiting import PATIENCE_S

LIVE = {"live": True, "access_units": True}


def lumas(mp4: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(mp4)) as container:
        return [f.to_ndarray()[: f.height] for f in container.decode(video=0)]


def loop(rig: Rig, owner: str = "builtin", avatar: str = "builtin") -> list[np.ndarray]:
    return lumas(rig.storage.read(f"avatars/{owner}/{avatar}/idle.mp4"))


def far(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b).mean())


async def test_pictures_are_those_of_the_mp4(rig: Rig) -> None:
    speech = list(sound(tone(1.99)))
    units = await whole(rig, [config(start_frame=7, **LIVE), *speech, END])
    film = lumas(media(await whole(rig, [config(start_frame=7, live=True), *speech, END])))
    header, found = units[0].header, pictures(units)
    assert set(kinds(units)) <= {"header", "picture", "progress", "summary"}
    assert header.video_codec == "avc1." + header.video_description[1:4].hex()
    assert (header.width, header.height, header.fps, header.mime_type) == (192, 128, 25, "")
    assert [p.pts_us for p in found] == [40_000 * i for i in range(50)]
    assert {p.duration_us for p in found} == {40_000}
    assert [p.loop_frame for p in found] == [(7 + i) % IDLE for i in range(50)]
    assert [i for i, p in enumerate(found) if p.key] == [0, 18, 43]
    shown = decoded_units(header.video_description, [p.data for p in found])
    assert len(film) == len(shown) == 50
    assert all(np.array_equal(a, b) for a, b in zip(film, shown, strict=True))
    assert (units[-1].summary.frames, units[-1].summary.end_frame) == (50, 7)


async def test_every_key_picture_begins_anew(rig: Rig) -> None:
    answers = await whole(rig, [config(**LIVE), *sound(tone(2)), END])
    description, found = answers[0].header.video_description, pictures(answers)
    whole_stream = decoded_units(description, [p.data for p in found])
    keys = [i for i, p in enumerate(found) if p.key]
    assert keys == [0, 25]
    later = decoded_units(description, [p.data for p in found[25:]])
    assert all(np.array_equal(a, b) for a, b in zip(whole_stream[25:], later, strict=True))


async def test_a_picture_leaves_with_the_last_sample_of_its_sound(rig: Rig) -> None:
    call = rig.stub.StreamRender()
    await call.write(config(**LIVE))
    assert (await call.read()).WhichOneof("payload") == "header"
    for number in range(5):
        (message,) = sound(tone(0.04), at_s=0.04 * number)
        await call.write(message)
        answer = await asyncio.wait_for(call.read(), PATIENCE_S)
        assert answer.picture.pts_us == 40_000 * number
    await call.write(END)
    assert (await rest(call))[-1].summary.frames == 5


async def test_after_an_interrupt_a_decoder_can_begin_anew(rig: Rig) -> None:
    call = rig.stub.StreamRender()
    await call.write(config(start_frame=3, **LIVE))
    for message in sound(tone(0.4)):
        await call.write(message)
    answers = [await asyncio.wait_for(call.read(), PATIENCE_S) for _ in range(6)]
    await call.write(pb.StreamRenderRequest(interrupt=common_pb2.Interrupt(generation=2)))
    while answers[-1].WhichOneof("payload") != "interrupted":
        answers.append(await asyncio.wait_for(call.read(), PATIENCE_S))
    before = pictures(answers)
    assert answers[-1].interrupted.sent_us == before[-1].pts_us + 40_000
    for message in sound(tone(0.4), at_s=9):
        await call.write(message)
    await call.write(END)
    after = pictures(await rest(call))
    assert after[0].key
    assert not after[1].key
    assert [p.pts_us for p in after] == [before[-1].pts_us + 40_000 * (i + 1) for i in range(10)]
    assert len(decoded_units(answers[0].header.video_description, [p.data for p in after])) == 10


@pytest.mark.parametrize(("start", "before"), [(0, 0), (25, 0), (40, 15), (49, 24), (IDLE + 3, 3)])
async def test_the_lead_in_brings_the_decoder_to_the_loops_own_picture(rig: Rig, start: int, before: int) -> None:
    answers = await whole(rig, [config(start_frame=start, lead_in=True, **LIVE), *sound(tone(0.4)), END])
    found = pictures(answers)
    assert [p.pts_us for p in found] == [40_000 * i for i in range(-before, 10)]
    assert [p.loop_frame for p in found] == [(start + i) % IDLE for i in range(-before, 10)]
    assert [p.key for p in found[: before + 1]] == [i == 0 for i in range(before + 1)]
    assert answers[-1].summary.frames == 10
    shown, idle = decoded_units(answers[0].header.video_description, [p.data for p in found]), loop(rig)
    for picture, place in zip(shown[:before], range(start - before, start), strict=True):
        assert np.array_equal(picture, idle[place % IDLE])


async def test_a_stored_loop_of_before_is_drawn_again_when_the_avatar_is_opened(rig: Rig) -> None:
    await rig.prepare()
    key = "avatars/local/ann/avatar.json"
    record = AvatarRecord.from_json(rig.storage.read(key))
    assert record.loop_version == LOOP_VERSION
    before = json.loads(record.to_json())
    del before["loop_version"]  # as avatars of before have it
    rig.storage.put(key, json.dumps(before).encode())
    rig.storage.put("avatars/local/ann/idle.mp4", b"old")
    await whole(rig, [config(avatar_id="ann", **LIVE), END])
    assert AvatarRecord.from_json(rig.storage.read(key)) == record
    assert len(loop(rig, "local", "ann")) == IDLE
    assert far(loop(rig, "local", "ann")[5], loop(rig)[5]) == 0
