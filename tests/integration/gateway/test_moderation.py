"""Nothing is said unchecked: texts, answers of the language model, live; counted, noted, and never repeated."""

from __future__ import annotations

from pathlib import Path

from tests.fakes import people
from tests.fakes.http_script import Call, Server, running
from tests.fakes.live_client import live_client
from tests.fakes.problems import problem
from tests.integration.gateway.conftest import open_world


async def test_a_list_is_kept_everywhere(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("坏话\n", encoding="utf-8")
    async with open_world(tmp_path, GATEWAY_AUTH="accounts", GATEWAY_MODERATION_WORDS=str(tmp_path / "words.txt")) as w:
        ann = await people.first_admin(w)
        w.http = ann.http
        for path in ("videos", "speech"):
            refused = await ann.post(path, {"text": "我要说坏话。"})
            assert "坏话" not in str(problem(refused, 422, "words-refused"))
        w.fakes.llm.reply = "好的。我说一句坏，话给你听。"
        job = await w.done((await ann.post("dialogues", {"text": "说一句"})).json()["id"])
        assert job["state"] == "failed" and job["error"]["reason"] == "words-refused"
        assert "坏" not in "".join(w.fakes.tts.script.seen), "it never reached the voice"
        cookie = "; ".join(f"{k}={v}" for k, v in ann.http.cookies.items())
        async with live_client(w.gateway.url, None, Cookie=cookie, Origin=w.gateway.url) as client:
            await client.until("welcome")
            await client.send("text", text="说一句")
            assert (await client.until("error"))["problem"]["reason"] == "words-refused"
        rows = (await ann.http.get("/api/v1/audit")).json()["items"]
        refused = [(r["actor"], r["object"]) for r in rows if r["action"] == "words refused"]
        assert refused.count(("ann", "list")) == 2 and refused.count(("ann", f"list {job['id']}")) == 1, refused
        assert len(refused) == 4 and {who for who, _ in refused} == {"ann"}, "the live one has its turn's id"
        figures = (await ann.http.get("/metrics")).text
        assert 'huasheng_moderation_total{by="list",verdict="refused"} ' in figures
        assert "坏话" not in w.gateway.log and "坏话" not in str(rows)


async def test_a_service_judges_and_nothing_is_said_while_it_is_away(tmp_path: Path) -> None:
    seen: list[str] = []

    def judge(call: Call) -> None:
        seen.append(call.data.decode())
        assert call.headers["Authorization"] == "Bearer key-1"
        call.status(200, {"results": [{"flagged": "pirate" in seen[-1]}]})

    def broken(call: Call) -> None:
        call.status(500, {"error": "x"})

    with running(Server([judge, judge, broken], "/v1/moderations")) as server:
        settings = {"GATEWAY_MODERATION_URL": server.url, "GATEWAY_MODERATION_KEY": "key-1"}
        async with open_world(tmp_path, **settings, GATEWAY_RETRY_S="0") as world:
            assert (await world.post("speech", {"text": "Hello."})).status_code == 200
            problem(await world.post("videos", {"text": "I am a pirate."}), 422, "words-refused")
            problem(await world.post("videos", {"text": "Hello."}), 503, "moderation-down")
            problem(await world.post("speech", {"text": "Hello."}), 503, "moderation-down")
            assert "key-1" not in world.gateway.log
    assert len(seen) == 2
