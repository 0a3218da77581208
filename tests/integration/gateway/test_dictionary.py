"""How a text will be said, the dictionary, and what a result tells of words that were not said."""

from __future__ import annotations

import json

import pytest

from services.common.errors import HuashengError
from tests.fakes.problems import problem
from tests.integration.gateway.conftest import World

WARNING = {"reason": "left-out", "text": "Привет", "script": "Cyrillic"}


async def put(world: World, word: str, say: str, language: str) -> None:
    answer = await world.http.put(f"/api/v1/pronunciations/{word}", json={"say": say, "language": language})
    assert answer.status_code == 200, answer.text


async def test_preview_tells_words_pronunciation_and_what_is_left_out(world: World) -> None:
    await put(world, "重庆", "chong2 qing4", "zh")
    answer = await world.post("speech/preview", {"text": " 你好 Привет ", "voice_id": "v_zh"})
    assert answer.json() == {
        "clauses": [
            {
                "text": "你好 Привет",
                "spoken": "你好 Привет",
                "language": "zh",
                "pronunciation": "ni3 hao3",
                "left_out": ["Привет"],
            }
        ],
        "warnings": [WARNING],
    }
    (asked,) = world.fakes.tts.previews
    assert (asked.voice_id, asked.owner) == ("v_zh", "local")
    assert [(p.word, p.say, p.language) for p in asked.pronunciations] == [("重庆", "chong2 qing4", "zh")]
    problem(await world.post("speech/preview", {"text": " "}), 422, "empty-text")


async def test_the_dictionary_goes_with_all_that_is_spoken_and_results_name_what_was_left_out(world: World) -> None:
    await put(world, "GIF", "/dʒɪf/", "en")
    speech = await world.post("speech", {"text": "你好 Привет"})
    assert json.loads(speech.headers["x-warnings"]) == [WARNING]
    assert "x-warnings" not in (await world.post("speech", {"text": "你好"})).headers
    made = await world.post("videos", {"text": "你好 Привет。"})
    video = await world.done(made.json()["id"])
    assert video["state"] == "succeeded" and video["result"]["warnings"] == [WARNING]
    asked = await world.post("dialogues", {"text": "你是谁？"})
    dialogue = await world.done(asked.json()["id"])
    assert dialogue["state"] == "succeeded" and dialogue["result"]["warnings"] == []
    for config in world.fakes.tts.configs:
        assert [(p.word, p.say) for p in config.pronunciations] == [("GIF", "/dʒɪf/")]


async def test_an_entry_that_the_engine_cannot_follow_is_named_wherever_it_speaks(world: World) -> None:
    await put(world, "GIF", "/dʒɪf/", "en")
    ignored = [{"reason": "entry-ignored", "text": "GIF", "script": ""}]
    assert (await world.post("speech/preview", {"text": "这是 GIF"})).json()["warnings"] == ignored
    assert json.loads((await world.post("speech", {"text": "这是 GIF"})).headers["x-warnings"]) == ignored
    made = await world.post("videos", {"text": "这是 GIF。"})
    assert (await world.done(made.json()["id"]))["result"]["warnings"] == ignored


async def test_words_are_added_changed_listed_and_deleted(world: World) -> None:
    await put(world, "Kokoro", "ko ko ro", "en")
    await put(world, "kokoro", "/koʊkɔɹoʊ/", "en")  # the same word in another case
    await put(world, "曾", "zeng1", "zh")
    items = (await world.http.get("/api/v1/pronunciations")).json()["items"]
    assert [(e["word"], e["say"]) for e in items] == [("kokoro", "/koʊkɔɹoʊ/"), ("曾", "zeng1")]
    assert (await world.http.delete("/api/v1/pronunciations/KOKORO")).status_code == 204
    problem(await world.http.delete("/api/v1/pronunciations/kokoro"), 404, "unknown-id")


@pytest.mark.parametrize(
    ("say", "language", "reason"),
    [
        ("chong qing", "zh", "pinyin-unclear"),
        ("chong2 qqq4", "zh", "pinyin-unclear"),
        ("/ʒÞ/", "en", "ipa-unclear"),
        ("/dʒɪf", "en", "ipa-unclear"),
        ("重庆", "en", "respelling-unclear"),
    ],
)
async def test_a_wrong_pronunciation_is_refused_with_what_is_wrong(
    world: World, say: str, language: str, reason: str
) -> None:
    answer = await world.http.put("/api/v1/pronunciations/x", json={"say": say, "language": language})
    assert problem(answer, 422, reason)["hint"]


async def test_a_file_goes_out_and_in_again(world: World) -> None:
    await put(world, "行,长", "hang2 zhang3", "zh")
    await put(world, "JSON", "jay son", "en")
    text = (await world.http.get("/api/v1/pronunciations/export")).text
    assert text.splitlines()[0] == "word,say,language"
    for word in ("行,长", "JSON"):
        await world.http.delete(f"/api/v1/pronunciations/{word}")
    assert (await world.post("pronunciations/import", {"csv": text})).json() == {"imported": 2}
    items = (await world.http.get("/api/v1/pronunciations")).json()["items"]
    assert {e["word"] for e in items} == {"行,长", "JSON"}
    assert (await world.post("pronunciations/import", {"csv": "\ufeff曾,zeng1\ngif,jiff\n"})).json() == {"imported": 2}
    refused = await world.post("pronunciations/import", {"csv": "好,hao3\n坏,hua,zh"})
    problem(refused, 422, "pinyin-unclear")
    assert "好" not in (await world.http.get("/api/v1/pronunciations")).text, "all or none"
    many = "\n".join(f"w{i},ma1,zh" for i in range(1001))
    problem(await world.post("pronunciations/import", {"csv": many}), 409, "dictionary-full")


async def test_speech_does_not_fail_with_the_check_of_what_it_leaves_out(world: World) -> None:
    world.fakes.tts.preview_error = HuashengError("service-slow", service="tts")
    speech = await world.post("speech", {"text": "你好"})
    assert speech.status_code == 200 and len(speech.content) > 1000
    assert [w["reason"] for w in json.loads(speech.headers["x-warnings"])] == ["not-checked"]
