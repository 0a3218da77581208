"""Marks through the real gateway and fake engines: what leaves is labelled and signed, and is known again."""

import contextlib
import io
import json
import sqlite3
import wave
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np

from services.common.audio import wav_bytes
from services.gateway.marks.rhythm import rhythm
from tests.fakes.media import jpeg, portrait
from tests.integration.gateway.conftest import World, open_world

TEXT = "第一句话在这里。第二句话也在这里。第三句话还在这里。"


async def verified(world: World, data: bytes, name: str = "a.mp4") -> dict[str, Any]:
    answer = await world.http.post("/api/v1/verify", files={"file": (name, data)})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def made(world: World, **more: Any) -> dict[str, Any]:
    job = (await world.post("videos", {"text": TEXT, **more})).json()
    done = await world.done(job["id"])
    assert done["state"] == "succeeded", done
    return done


async def got(world: World, url: str) -> bytes:
    answer = await world.http.get(url)
    assert answer.status_code == 200, answer.text
    return answer.content


def label_of(data: bytes) -> dict[str, str]:
    with av.open(io.BytesIO(data)) as container:
        return json.loads(container.metadata["AIGC"])


async def test_a_video_is_labelled_signed_and_known(world: World) -> None:
    job = await made(world)
    data = await got(world, job["result"]["video_url"])
    label = label_of(data)
    assert (label["Label"], label["ContentProducer"], label["ProduceID"]) == ("1", "huasheng", job["id"])
    assert set(label) == {
        "Label",
        "ContentProducer",
        "ProduceID",
        "ReservedCode1",
        "ContentPropagator",
        "PropagateID",
        "ReservedCode2",
    }
    found = await verified(world, data)
    assert (found["made_here"], found["evidence"], found["unchanged"]) == (True, "file", True)
    assert found["made"]["job_id"] == job["id"] and found["made"]["engine"] == "fake-render"
    assert found["label"]["is_ours"] and found["manifest"]["is_ours"] and found["manifest"]["state"] == "valid"
    assert found["manifest"]["source_type"] == "compositeWithTrainedAlgorithmicMedia"
    assert found["manifest"]["ingredients"] == ["source clip", "voice"]
    described = world.storage.read(world.storage.key(world.storage.uri(f"results/{job['id']}/video.mp4")) + ".json")
    assert json.loads(described)["visible_mark"] == "start"


async def test_the_words_are_asked_of_the_render_service_in_the_viewers_language(world: World) -> None:
    await made(world)
    job = (await world.post("videos", {"text": TEXT}, **{"Accept-Language": "en-GB"})).json()
    await world.done(job["id"])
    first, second = world.fakes.render.script.seen[-2:]
    assert (first.mark.language, first.mark.throughout) == ("zh", False), "that of the text, where nobody says one"
    assert (second.mark.language, second.mark.throughout) == ("en", False)


async def test_a_changed_byte_is_seen(world: World) -> None:
    job = await made(world)
    data = bytearray(await got(world, job["result"]["video_url"]))
    at = bytes(data).rindex(b"mdat") + 40
    data[at] ^= 1
    found = await verified(world, bytes(data))
    assert found["unchanged"] is False
    assert found["manifest"]["state"] == "changed"
    assert found["manifest"]["problems"] == ["assertion.bmffHash.mismatch"]


async def test_speech_is_labelled_while_it_is_streamed(world: World) -> None:
    data = (await world.http.post("/api/v1/speech", json={"text": TEXT})).content
    assert label_of(data)["ProduceID"].startswith("s_")
    job = await made(world)
    wav = await got(world, job["result"]["audio_url"])
    assert label_of(wav)["ProduceID"] == job["id"]
    with wave.open(io.BytesIO(wav)) as w:
        assert w.getnframes() > 0
    found = await verified(world, wav, "a.wav")
    assert (found["evidence"], found["manifest"]["source_type"]) == ("file", "trainedAlgorithmicMedia")


async def test_others_are_told_less(world: World) -> None:
    """What another owner made: that, when and with which engine, and no job."""
    job = await made(world)
    data = await got(world, job["result"]["video_url"])
    await world.gateway.stop()
    database = next(world.folder.rglob("gateway.sqlite"))
    with sqlite3.connect(database) as db:
        db.execute("UPDATE made SET owner = 'somebody'")
    await world.gateway.start()
    world.http.base_url = httpx.URL(world.gateway.url)
    found = await verified(world, data)
    assert (found["made_here"], found["made"]["is_mine"]) == (True, False)
    assert (found["made"]["job_id"], found["made"]["job_url"]) == (None, None)
    assert job["id"] not in json.dumps(found["made"])


async def test_other_files_are_not_from_here(world: World) -> None:
    await made(world)
    noise = (0.1 * np.random.default_rng(3).standard_normal(16000 * 6)).astype(np.float32)
    for data, name in ((wav_bytes(noise, 16000), "a.wav"), (jpeg(portrait(256)), "a.jpg")):
        found = await verified(world, data, name)
        assert (found["made_here"], found["evidence"], found["made"]) == (False, "none", None)


async def test_a_label_alone_proves_nothing_of_the_content(world: World) -> None:
    job = await made(world)
    label = json.dumps(label_of(await got(world, job["result"]["video_url"])))
    out = io.BytesIO()
    with av.open(out, "w", format="mp3") as container:
        container.metadata["AIGC"] = label
        stream = container.add_stream("mp3", rate=16000, layout="mono")
        noise = (3000 * np.random.default_rng(4).standard_normal((1, 16000 * 5))).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(noise, format="s16p", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    found = await verified(world, out.getvalue(), "a.mp3")
    assert (found["made_here"], found["evidence"]) == (False, "label")
    assert found["label"]["is_ours"] and found["made"] is None


async def test_files_that_are_no_media_are_refused(world: World) -> None:
    answer = await world.http.post("/api/v1/verify", files={"file": ("a.mp4", b"not a film")})
    assert answer.json()["reason"] == "unsupported-media"
    assert not [p for p in (world.folder).rglob("uploads/*") if p.is_file()], "nothing is kept"


async def test_a_job_that_outlives_its_gateway_is_marked_once(world: World) -> None:
    world.fakes.render.script.hold.clear()
    job = (await world.post("videos", {"text": TEXT})).json()
    await world.until(job["id"], "running", stage="tts")
    await world.gateway.kill()
    world.fakes.render.script.hold.set()
    await world.gateway.start()
    done = await world.done(job["id"])
    assert done["state"] == "succeeded", done
    with contextlib.closing(sqlite3.connect(world.folder / "data" / "gateway.sqlite")) as db:
        assert db.execute("SELECT id FROM made").fetchall() == [(job["id"],)]
        assert len(db.execute("SELECT key FROM made_files").fetchall()) == 2
    found = await verified(world, await got(world, done["result"]["video_url"]))
    assert (found["evidence"], found["manifest"]["state"]) == ("file", "valid")
    assert not list((world.folder / "data" / "work").glob("*/*")), "nothing half marked is left"


async def test_an_operator_may_turn_words_off_and_tones_on(tmp_path: Path) -> None:
    async with open_world(tmp_path, GATEWAY_VISIBLE_MARK="off", GATEWAY_AUDIBLE_MARK="start") as world:
        assert "GATEWAY_VISIBLE_MARK is off" in world.gateway.log
        job = await made(world)
        assert not world.fakes.render.script.seen[-1].HasField("mark")
        found = await verified(world, await got(world, job["result"]["video_url"]))
        assert found["made"]["visible_mark"] == "off", "the manifest and the table keep it"
        with wave.open(io.BytesIO(await got(world, job["result"]["audio_url"]))) as w:
            tones, rest = w.readframes(len(rhythm(w.getframerate())) // 2), w.getnframes()
            assert tones == rhythm(w.getframerate())
            assert rest / w.getframerate() > job["result"]["duration_s"]
        said = (await world.http.post("/api/v1/speech", json={"text": TEXT})).content
        assert rhythm(24000) in said[:100_000]


async def test_no_request_turns_the_words_off(world: World) -> None:
    for field in ("mark", "visible_mark", "viewer_language"):
        answer = await world.post("videos", {"text": TEXT, field: "off"})
        assert answer.json()["reason"] == "bad-request"
