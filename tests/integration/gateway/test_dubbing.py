"""Dubbing through the real gateway and fake engine services: the script, and the film that is made of it, decoded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fakes.dubbing import ROOM_HZ, SECONDS, SENTENCES, VOICE_HZ, film, lines_in, translator
from tests.fakes.dubbing import SEGMENTS as HEARD
from tests.fakes.media import blank, png, tone, wav
from tests.fakes.tiny_video import FPS
from tests.fakes.waiting import until
from tests.integration.gateway.conftest import World, open_world
from tests.integration.gateway.test_studio_scenes import greys, made, sound

SAID = {"大家好，我是画声。": "Hello, I'm Huasheng, hi!", "再见。": "Bye, bye now."}
TTS_HZ = 220


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, HUASHENG_WEIGHTS_DIR=str(tmp_path / "none")) as w:
        w.fakes.asr.segments = list(HEARD)
        w.fakes.asr.text = "".join(t for t, _, _ in HEARD)
        w.fakes.llm.translate = translator(
            lambda text, _most: SAID.get(text, "The weather is fine, so we go for a walk.")
        )
        w.fakes.tts.follows_speed = True
        yield w


async def asset_of(world: World, data: bytes = b"", name: str = "film.mp4") -> str:
    response = await world.upload(data or film(), name)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


async def script(world: World, **changed: Any) -> dict[str, Any]:
    body = {"film_asset_id": changed.pop("film_asset_id", "") or await asset_of(world), "language": "en", **changed}
    response = await world.post("dubbings", body)
    assert response.status_code == 202, response.text
    done = await world.done(response.json()["id"])
    assert done["state"] == "succeeded", done["error"]
    return done


def level_db(samples: np.ndarray, rate: int, hz: float, start_s: float, end_s: float) -> float:
    """How loud a tone is between two times."""
    part = samples[int(start_s * rate) : int(end_s * rate)]
    t = np.arange(part.size) / rate
    return float(20 * np.log10(abs(np.mean(part * np.exp(-2j * np.pi * hz * t))) * 2 + 1e-9))


async def test_a_script_is_a_table_of_sentences_that_fit(world: World) -> None:
    world.fakes.tts.seconds_per_character = 0.1
    done = await script(world, glossary=[{"source": "画声", "target": "Huasheng"}, {"source": "天气", "target": "sky"}])
    table = done["result"]
    assert [s["text"] for s in table["sentences"]] == SENTENCES
    assert (table["source_language"], table["language"], table["voice_id"]) == ("zh", "en", "v_zh")
    first, second, third = table["sentences"]
    assert first["start_s"] == pytest.approx(1.0, abs=0.15)
    assert second["end_s"] == pytest.approx(7.0, abs=0.15)
    assert third["slot_s"] == pytest.approx(third["end_s"] - third["start_s"] + SECONDS - third["end_s"], abs=0.2)
    assert (first["fit"], third["fit"]) == ("fast", "fits")
    assert 1.0 < first["speed"] <= 1.15
    assert (first["warnings"], second["warnings"]) == ([], ["glossary-missed"])
    question = world.fakes.llm.script.seen[0].messages[-1].content
    assert "画声 = Huasheng" in question
    assert "天气 = sky" in question
    assert {most for _, most, _ in lines_in(question)} != {lines_in(question)[0][1]}, "each line has its own limit"
    assert done["partial"]["sentences"] == table["sentences"]


async def test_what_is_too_long_is_asked_for_again_and_then_spoken_faster(world: World) -> None:
    long = "This is much too long to be said in the time that there is, and it goes on and on."
    asked: list[tuple[str, int]] = []

    def say(text: str, most: int) -> str:
        asked.append((text, most))
        return text.rsplit("=> ", 1)[-1][:most] if "=>" in text else long

    world.fakes.llm.translate = translator(say)
    table = (await script(world))["result"]
    again = [(t, n) for t, n in asked if "=>" in t]
    assert again, "asked for shorter ones"
    for s in table["sentences"]:
        assert s["spoken_s"] <= 1.15 * s["slot_s"] + 0.15
    world.fakes.llm.translate = translator(lambda _text, _most: long)  # one that never becomes shorter
    world.fakes.llm.script.seen.clear()
    table = (await script(world))["result"]
    assert table["sentences"][2]["fit"] == "long"
    assert table["sentences"][2]["speed"] == 1.15
    assert len(world.fakes.llm.script.seen) == 3, "twice at most"


async def test_a_film_of_the_script(world: World) -> None:
    made_script = await script(world)
    world.fakes.tts.script.seen.clear()
    body = {
        "dubbing": {"job_id": made_script["id"], "second": True},
        "subtitles": {"files": ["srt"], "burn": True},
    }
    done = await made(world, body)
    result = done["result"]
    assert world.fakes.tts.script.seen == [], "nothing is spoken twice"
    data = (await world.http.get(result["video_url"])).content
    assert len(greys(data)) == result["frames"] == SECONDS * FPS
    assert result["duration_s"] == SECONDS
    samples, rate = sound(data)
    assert samples.size / rate == pytest.approx(SECONDS, abs=0.1)
    sentences = result["dubbing"]["sentences"]
    assert result["dubbing"]["job_id"] == made_script["id"]
    for s in sentences:
        inside = s["start_s"] + 0.1, s["end_s"] - 0.1
        new, old = (level_db(samples, rate, hz, *inside) for hz in (TTS_HZ, VOICE_HZ))
        assert new > -25, s
        assert old < new - 30, "the old voice is gone"
    between = level_db(samples, rate, ROOM_HZ, 8.0, 8.4)
    assert between == pytest.approx(level_db(samples, rate, ROOM_HZ, 11.2, 11.8), abs=1)
    assert between > -40, "what else is heard stays"
    assert [w["reason"] for w in result["warnings"]] == ["background-ducked"]
    config = world.fakes.render.script.seen[-1]
    assert config.avatar_id.startswith("f-")
    assert config.composition.captions.cues
    srt = (await world.http.get(result["subtitles_urls"]["srt"])).text
    assert "Bye, bye now." in srt
    assert "再见" in srt

    silent = [s | {} for s in made_script["result"]["sentences"]]
    sentences = [{k: s[k] for k in ("start_s", "end_s", "text", "translation")} for s in silent]
    sentences[0]["translation"] = ""
    sentences[2]["translation"] = "So long!"
    prepared = world.fakes.render.avatars.keys() & {config.avatar_id}
    second = await made(world, {"dubbing": {"job_id": made_script["id"], "sentences": sentences, "background": "drop"}})
    assert prepared
    assert set(world.fakes.tts.script.seen) == {"So long!"}, "measured, and spoken at its speed"
    samples, rate = sound((await world.http.get(second["result"]["video_url"])).content)
    assert level_db(samples, rate, ROOM_HZ, 1.5, 3.0) < -60
    assert level_db(samples, rate, VOICE_HZ, 1.5, 3.0) < -60
    assert level_db(samples, rate, TTS_HZ, 1.5, 3.0) < -60

    # the hidden avatar goes with its script; films stay
    found = (await world.http.get("/api/v1/avatars")).json()["items"]
    assert [a["id"] for a in found] == ["builtin"]
    assert (await world.http.delete(f"/api/v1/jobs/{made_script['id']}?forget=true")).status_code == 204
    assert config.avatar_id not in world.fakes.render.avatars
    assert (await world.http.get(result["video_url"])).status_code == 200


async def test_words_that_do_not_fit_into_the_film(world: World) -> None:
    made_script = await script(world)
    sentences = [{"start_s": 0.0, "end_s": 11.0, "text": "", "translation": "word " * 40}]
    body = {"dubbing": {"job_id": made_script["id"], "sentences": sentences}}
    drawn = len(world.fakes.render.script.seen)
    done = await world.done((await world.post("videos", body)).json()["id"])
    assert done["error"]["reason"] == "dubbing-too-long"
    assert done["error"]["params"]["sentence"] == "1"
    assert len(world.fakes.render.script.seen) == drawn, "refused before drawing"


async def test_refusals(world: World) -> None:
    picture = (await world.upload(png(blank(64)), "a.png")).json()["id"]
    recording = await asset_of(world, wav(tone(2)), "a.wav")
    mute = await asset_of(world, mute_film(), "mute.mp4")
    good = await asset_of(world)
    for asset, wanted in (
        (picture, "wrong-kind"),
        (recording, "wrong-kind"),
        (mute, "no-audio"),
        ("a_no", "unknown-id"),
    ):
        response = await world.post("dubbings", {"film_asset_id": asset, "language": "en"})
        assert response.json()["reason"] == wanted
    for more, wanted in (({"voice_id": "nobody"}, "unknown-voice"), ({"language": "no language"}, "bad-request")):
        response = await world.post("dubbings", {"film_asset_id": good, "language": "en", **more})
        assert response.json()["reason"] == wanted, response.text
    world.fakes.llm.models = []
    response = await world.post("dubbings", {"film_asset_id": good, "language": "en"})
    assert response.json()["reason"] == "no-language-model"
    world.fakes.llm.models = ["m"]
    made_script = await script(world, film_asset_id=good)
    of_script = {"dubbing": {"job_id": made_script["id"]}}
    for body in (
        {"framing": "head"},
        {"format": {"ratio": "9:16"}},
        {"background": {"kind": "blur"}},
        {"text": "你好"},
        {"scenes": [{"text": "你好"}]},
        {"intro_asset_id": good},
        {"avatar_id": "builtin"},
        {"subtitles": {"second_language": "fr"}},
        {"sound": {"music": {"asset_id": recording}}},
    ):
        response = await world.post("videos", of_script | body)
        assert response.json()["reason"] == "bad-request", body
    response = await world.post("videos", {"dubbing": {"job_id": "j_nobody"}})
    assert response.json()["reason"] == "unknown-id"
    world.fakes.asr.segments, world.fakes.asr.text = [], ""
    silent = await world.post("dubbings", {"film_asset_id": await asset_of(world, film(24)), "language": "en"})
    done = await world.done(silent.json()["id"])
    assert done["error"]["reason"] == "no-speech"


def mute_film() -> bytes:
    from tests.fakes.media import video

    return video([blank(64)] * 25)


async def test_kill_9_and_what_is_found_again(world: World) -> None:
    asset = await asset_of(world)
    world.fakes.tts.script.hold.clear()
    job = (await world.post("dubbings", {"film_asset_id": asset, "language": "en"})).json()
    await until(lambda: bool(world.fakes.tts.script.seen))
    await world.gateway.kill()
    heard, asked = len(world.fakes.asr.script.seen), len(world.fakes.llm.script.seen)
    world.fakes.tts.script.hold.set()
    await world.gateway.start()
    done = await world.done(job["id"])
    assert done["state"] == "succeeded", done
    assert len(world.fakes.asr.script.seen) == heard
    assert len(world.fakes.llm.script.seen) == asked
    world.fakes.render.script.hold.clear()
    film_job = (await world.post("videos", {"dubbing": {"job_id": job["id"]}})).json()
    await world.until(film_job["id"], "running", stage="prepare")
    refused = await world.http.delete(f"/api/v1/jobs/{job['id']}?forget=true")
    assert refused.json()["reason"] == "in-use"
    assert (await world.http.delete(f"/api/v1/assets/{asset}")).json()["reason"] == "in-use"
    await world.gateway.kill()
    world.fakes.render.script.hold.set()
    await world.gateway.start()
    done = await world.done(film_job["id"])
    assert done["state"] == "succeeded", done
    assert (await world.http.delete(f"/api/v1/assets/{asset}")).status_code == 204
    assert not [a for a in world.fakes.render.avatars if a.startswith("f-")]


async def test_cancelling_leaves_nothing(world: World) -> None:
    world.fakes.tts.script.hold.clear()
    asset = await asset_of(world)
    job = (await world.post("dubbings", {"film_asset_id": asset, "language": "en"})).json()
    await world.until(job["id"], "running", stage="tts")
    assert len((await world.job(job["id"]))["partial"]["sentences"]) == 3, "the table is there while it works"
    await world.http.delete(f"/api/v1/jobs/{job['id']}")
    assert (await world.done(job["id"]))["state"] == "cancelled"
    await asyncio.sleep(0.3)
    assert not list((world.folder / "storage" / "results").glob(f"{job['id']}*"))
    world.fakes.tts.script.hold.set()


async def test_a_repeat_with_the_same_key_is_the_same_job(world: World) -> None:
    body = {"film_asset_id": await asset_of(world), "language": "en"}
    first, second = [await world.post("dubbings", body, **{"Idempotency-Key": "k1"}) for _ in range(2)]
    assert first.json()["id"] == second.json()["id"]
    await world.done(first.json()["id"])
