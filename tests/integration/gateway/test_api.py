"""The REST API call by call: problems, avatars, videos, voices, engines, pages."""

import re
import struct

from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from tests.fakes import media
from tests.fakes.problems import problem
from tests.integration.gateway.conftest import World


async def test_wrong_requests(world: World) -> None:
    raw = await world.http.post("/api/v1/dialogues", content=b"{no", headers={"content-type": "application/json"})
    problem(raw, 422, "bad-request")
    for path, body in [
        ("dialogues", {}),
        ("dialogues", {"text": 7}),
        ("dialogues", {"text": "a", "audio_asset_id": "b"}),
        ("videos", {"text": "a", "unknown_field": 1}),
        ("videos", {"text": "a", "max_side_px": 1}),
        ("avatars", {"name": "x"}),
        ("trainings", {"video_asset_id": "a", "steps": "many"}),
        ("speech", {"text": "a", "speed": 9}),
    ]:
        found = problem(await world.post(path, body), 422, "bad-request")
        assert found["errors"][0]["field"].startswith("body")
    assert "audio_asset_id or text" in problem(await world.post("dialogues", {}), 422, "bad-request")["detail"]
    problem(await world.post("videos", {"text": " \n"}), 422, "empty-text")
    problem(await world.post("videos", {"text": "字" * 5001}), 422, "long-text")
    problem(await world.http.post("/api/v1/assets", json={}), 422, "bad-request")
    problem(await world.http.post("/api/v1/assets", files={"other": ("a", b"b")}), 422, "bad-request")
    problem(await world.http.get("/api/v1/jobs?limit=1000"), 422, "bad-request")
    problem(await world.http.get("/nowhere"), 404, "no-such-call")
    wrong = await world.http.put("/api/v1/jobs")
    problem(wrong, 405, "wrong-method")
    assert "GET" in wrong.headers["allow"]
    for path in ("assets/a_no", "jobs/j_no", "jobs/j_no/events", "jobs/j_no/video", "conversations/no", "avatars/no"):
        problem(await world.http.get(f"/api/v1/{path}"), 404, "unknown-id")
    problem(await world.http.get("/api/v1/voices/no/sample"), 404, "unknown-voice")
    for path, body in [
        ("avatars", {"asset_id": "a_no", "name": "x"}),
        ("videos", {"audio_asset_id": "a_no"}),
        ("videos", {"text": "a", "avatar_id": "no"}),
        ("dialogues", {"text": "a", "conversation_id": "c_no"}),
    ]:
        problem(await world.post(path, body), 404, "unknown-id")
    chosen = await world.http.get("/api/v1/jobs/j_no", headers={"Accept-Language": "fr;q=0.9, zh-CN;q=0.8, en;q=0.5"})
    assert chosen.json()["title"] == "未找到"
    given = await world.http.get("/api/v1/jobs/j_no", headers={"X-Request-Id": "mine-1"})
    assert given.json()["request_id"] == "mine-1"
    odd = await world.http.get("/healthz", headers={"X-Request-Id": "bad id\tx"})
    assert re.fullmatch(r"[0-9a-f]{32}", odd.headers["x-request-id"])


async def test_other_web_sites_are_refused(world: World) -> None:
    problem(await world.post("videos", {"text": "a"}, Origin="https://evil.example"), 403, "foreign-origin")
    problem(await world.http.get("/api/v1/jobs", headers={"Host": "rebound.example"}), 403, "foreign-origin")
    own = await world.post("videos", {"text": "a"}, Origin=world.gateway.url)
    assert own.status_code == 202


async def test_avatars(world: World) -> None:
    clip = media.video([media.np.zeros((64, 64, 3), media.np.uint8)] * 10)
    asset = (await world.upload(clip, "me.mp4")).json()
    world.fakes.render.script.hold.clear()
    job = (await world.post("avatars", {"asset_id": asset["id"], "name": "我"})).json()
    await world.until(job["id"], "running")
    problem(await world.http.delete(f"/api/v1/assets/{asset['id']}"), 409, "in-use")
    world.fakes.render.script.hold.set()
    done = await world.done(job["id"])
    assert done["state"] == "succeeded", done
    avatar_id = done["result"]["avatar_id"]
    assert re.fullmatch(r"[a-z0-9-]+", avatar_id)
    listed = (await world.http.get("/api/v1/avatars")).json()["items"]
    assert [a["id"] for a in listed] == ["builtin", avatar_id]
    assert listed[0]["is_builtin"]
    assert (await world.http.get(listed[1]["thumbnail_url"])).headers["content-type"] == "image/jpeg"
    assert listed[1]["idle_url"] is None
    assert (await world.http.get(f"/api/v1/avatars/{avatar_id}")).json()["name"] == "我"
    problem(await world.http.delete("/api/v1/avatars/builtin"), 409, "builtin-stays")
    assert (await world.http.delete(f"/api/v1/avatars/{avatar_id}")).status_code == 204
    sound = (await world.upload(media.wav(media.tone(1)))).json()
    problem(await world.post("avatars", {"asset_id": sound["id"], "name": "x"}), 422, "wrong-kind")
    world.fakes.render.script.error = HuashengError("no-face", name="me.mp4")
    refused = (await world.post("avatars", {"asset_id": asset["id"], "name": "x"})).json()
    failed = await world.done(refused["id"])
    assert (failed["state"], failed["error"]["reason"]) == ("failed", "no-face")
    chinese = (await world.http.get(f"/api/v1/jobs/{refused['id']}?lang=zh")).json()
    assert chinese["error"]["title"] == "没有找到人脸"


async def test_avatars_and_models_are_found_by_their_id_and_only_by_their_owner(world: World) -> None:
    render = world.fakes.render
    render.avatars["p-hers"] = render_pb2.Avatar(avatar_id="p-hers", owner="eve", name="Eve")
    render.models["hers"] = render_pb2.Model(model_id="hers", owner="eve", name="Eve")
    for path in ("avatars/no", "avatars/p-hers", "models/no", "models/hers"):
        problem(await world.http.get(f"/api/v1/{path}"), 404, "unknown-id")
        problem(await world.http.delete(f"/api/v1/{path}"), 404, "unknown-id")
    for body in ({"avatar_id": "p-hers"}, {"model": "hers"}, {"avatar_id": "builtin", "model": "no"}):
        problem(await world.post("videos", {"text": "a", **body}), 404, "unknown-id")
        problem(await world.post("dialogues", {"text": "a", **body}), 404, "unknown-id")
    assert (await world.http.get("/api/v1/models/builtin")).json()["before"] == {"x": 1}
    assert (await world.http.get("/api/v1/avatars/builtin")).json()["name"] == "画"
    render.lists, render.lookups = 0, 0
    made = (await world.post("videos", {"text": "你好", "avatar_id": "builtin", "model": "builtin"})).json()
    assert (await world.done(made["id"]))["state"] == "succeeded"
    assert (render.lists, render.lookups) == (0, 2), "one avatar, one model, no whole list"


async def test_videos_from_sound_with_subtitles(world: World) -> None:
    sound = (await world.upload(media.wav(media.tone(2)))).json()
    job = (await world.post("videos", {"audio_asset_id": sound["id"], "subtitles": True})).json()
    done = await world.done(job["id"])
    assert done["state"] == "succeeded", done
    assert done["result"]["duration_s"] == 2.0
    assert done["result"]["audio_url"] is None
    vtt = await world.http.get(done["result"]["subtitles_url"])
    assert vtt.headers["content-type"] == "text/vtt; charset=utf-8"
    assert vtt.text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:00.900\n你好，你是谁？")
    assert not world.fakes.render.script.seen[0].has_phonemes
    spoken = (await world.post("videos", {"text": "第一句。第二句。", "subtitles": True})).json()
    result = (await world.done(spoken["id"]))["result"]
    assert re.findall(r"--> .*\n(.*)", (await world.http.get(result["subtitles_url"])).text) == ["第一句。", "第二句。"]
    gallery = (await world.http.get("/api/v1/videos")).json()["items"]
    assert [v["id"] for v in gallery] == [spoken["id"], job["id"]]
    mute = (await world.upload(media.video([media.np.zeros((64, 64, 3), media.np.uint8)] * 10), "m.mp4")).json()
    problem(await world.post("videos", {"audio_asset_id": mute["id"]}), 422, "no-audio")


async def test_voices_and_speech(world: World) -> None:
    listed = (await world.http.get("/api/v1/voices")).json()["items"]
    assert [(v["voice_id"], v["gender"], v["is_default"]) for v in listed] == [
        ("v_zh", "female", True),
        ("v_en", "male", True),
    ]
    sample = await world.http.get(listed[0]["sample_url"])
    assert sample.headers["content-type"] == "audio/wav"
    assert sample.content[:4] == b"RIFF"
    calls = len(world.fakes.tts.script.seen)
    assert (await world.http.get(listed[0]["sample_url"])).content == sample.content
    assert len(world.fakes.tts.script.seen) == calls, "made once"
    spoken = await world.post("speech", {"text": "你好，世界。"})
    assert spoken.headers["content-type"] == "audio/wav"
    assert struct.unpack("<I", spoken.content[24:28])[0] == 24000
    head, _, rest = spoken.content.partition(b"data")
    assert b"AIGC" in head, "marked from its first bytes"
    assert len(rest) == 4 + 6 * 2400 * 2
    problem(await world.post("speech", {"text": "a", "voice_id": "nobody"}), 404, "unknown-voice")
    form = {"file": ("r.wav", media.wav(media.tone(4)))}
    cloned = await world.http.post("/api/v1/voices", files=form, data={"name": "我"})
    problem(cloned, 501, "cloning-unavailable")
    assert not list((world.folder / "storage" / "assets").glob("*/*"))
    problem(await world.http.delete("/api/v1/voices/v_zh"), 409, "builtin-stays")
    answer = await world.http.post("/api/v1/transcriptions", files=form)
    assert answer.json()["text"] == "你好，你是谁？"
    assert answer.json()["segments"] == [{"text": "你好，你是谁？", "start_s": 0.0, "end_s": 0.9}]
    assert not list((world.folder / "storage" / "assets").glob("*/*"))


async def test_engines_devices_and_a_service_that_is_down(world: World) -> None:
    await world.fakes.kill("tts")
    found = (await world.http.get("/api/v1/engines?lang=zh")).json()
    assert {e["service"] for e in found["items"]} == {"asr", "llm", "render"}
    assert [u["service"] for u in found["unreachable"]] == ["tts"]
    assert found["unreachable"][0]["problem"]["title"] == "服务不可用"
    down = problem(await world.http.get("/api/v1/voices"), 503, "service-down")
    assert down["params"] == {"service": "tts"}
    assert (await world.http.get("/api/v1/devices")).json()["items"][0]["device"] == "cpu"
    assert (await world.http.get("/api/v1/jobs")).status_code == 200


async def test_pages_and_the_old_upload(world: World) -> None:
    for path in ("/", "/model_training", "/video_generation", "/chat_system"):
        page = await world.http.get(path)
        assert page.status_code == 200
        assert "default-src 'self'" in page.headers["content-security-policy"]
        again = await world.http.get(path, headers={"If-None-Match": page.headers["etag"]})
        assert again.status_code == 304
    unknown = await world.http.get("/no/such/page", headers={"Accept": "text/html"})
    assert (unknown.status_code, unknown.text) == (404, page.text)
    problem(await world.http.get("/no/such/page"), 404, "no-such-call")
    script = await world.http.get("/static/js/main.js")
    assert script.headers["content-type"].startswith("text/javascript")
    problem(await world.http.get("/static/..%2fsettings.py"), 404, "no-such-call")
    old = await world.http.post("/upload_file", files={"file": ("a.wav", media.wav(media.tone(1)))})
    assert old.status_code == 200
    body = old.json()
    assert (body["status"], body["message"]) == ("success", "文件上传成功")
    assert (await world.http.get(f"/api/v1/assets/{body['filepath']}")).status_code == 200
    assert "/docs/swagger-ui-bundle.js" in (await world.http.get("/docs")).text
    for name in ("start.js", "swagger-ui.css", "swagger-ui-bundle.js"):
        assert (await world.http.get(f"/docs/{name}")).status_code == 200
    problem(await world.http.get("/docs/x.js"), 404, "no-such-call")
    spec = (await world.http.get("/openapi.json")).json()
    paths = {
        "/assets",
        "/avatars",
        "/trainings",
        "/models",
        "/videos",
        "/dialogues",
        "/voices",
        "/speech",
        "/transcriptions",
        "/jobs",
        "/engines",
        "/devices",
        "/system",
    }
    assert {f"/api/v1{p}" for p in sorted(paths)} <= set(spec["paths"])
    for path, calls in spec["paths"].items():
        for call in calls.values():
            assert call["summary"], path
            assert call["description"], path
