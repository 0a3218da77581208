"""Requests made to break something: texts that are none, bodies, addresses, headers, and clients that never finish."""

import asyncio
import json
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from huasheng.common.v1 import common_pb2
from huasheng.gateway.v1 import gateway_pb2

from services.common.errors import from_rpc
from tests.fakes.media import tone, wav
from tests.fakes.problems import problem
from tests.integration.gateway.conftest import World, open_world
from tests.integration.gateway.test_turn_rpc import Request, ask

NO_TEXT = ["x \\ud800", "\\udfff", "\\u0000", "a\\u0007b", "\\u001b[2J", "\\u007f", "\\u0085"]
"""As JSON writes them."""
TEXT_CALLS = [
    ("videos", '{"text": "%s"}'),
    ("dialogues", '{"text": "%s"}'),
    ("dialogues", '{"text": "你好", "persona": "%s"}'),
    ("speech", '{"text": "%s"}'),
    ("speech", '{"text": "你好", "voice_id": "%s"}'),
    ("avatars", '{"asset_id": "a_1", "name": "%s"}'),
    ("trainings", '{"video_asset_id": "a_1", "name": "%s"}'),
    ("videos", '{"text": "a", "%s": 1}'),
    ("videos", '{"text": "a", "engines": {"tts": "%s"}}'),
    ("videos", '{"text": "a", "no": [[{"x": ["%s"]}]]}'),
]


async def raw(world: World, path: str, body: str) -> httpx.Response:
    return await world.http.post(f"/api/v1/{path}", content=body, headers={"content-type": "application/json"})


async def test_what_is_no_text_is_refused_everywhere_and_leaves_nothing(world: World) -> None:
    for path, body in TEXT_CALLS:
        for text in NO_TEXT:
            problem(await asyncio.wait_for(raw(world, path, body % text), 60), 422, "bad-character")
    sound = wav(tone(1))
    for field in ("language", "engine"):
        form = {"files": {"file": ("a.wav", sound)}, "data": {field: "z\x00h"}}
        problem(await world.http.post("/api/v1/transcriptions", **form), 422, "bad-character")
    for query in ("limit=1&before=%00", "before=a%1b", "%00=1"):
        problem(await world.http.get(f"/api/v1/jobs?{query}"), 422, "bad-character")
    assert (await world.http.get("/api/v1/jobs")).json() == {"items": []}
    assert (await world.http.get("/api/v1/assets")).json() == {"items": []}


async def test_line_breaks_tabs_and_pairs_of_halves_are_text(world: World) -> None:
    """Also a letter with its accent apart: nothing is normalised."""
    body = '{"text": "你好\\r\\n\\tcafe\\u0301 \\ud83d\\ude00"}'
    job = (await raw(world, "videos", body)).json()
    assert job["params"]["text"] == "你好\r\n\tcafe\u0301 😀"
    assert (await world.done(job["id"]))["state"] == "succeeded"


async def test_what_is_no_text_is_refused_over_grpc(world: World) -> None:
    for config in (
        gateway_pb2.TurnConfig(text="a\x00b"),
        gateway_pb2.TurnConfig(text="你好", persona="\x1b[2J"),
        gateway_pb2.TurnConfig(text="你好", voice_id="\x07"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as e:
            [p async for p in ask(world, Request(config=config), Request(end=common_pb2.EndOfInput()))]
        assert from_rpc(e.value, "gateway").slug == "bad-character"


async def test_a_body_that_is_no_upload_is_bounded(world: World) -> None:
    big = json.dumps({"text": "好" * 400_000}, ensure_ascii=False).encode()
    for content in (big, iter_of(big)):
        answer = await world.http.post("/api/v1/videos", content=content, headers={"content-type": "application/json"})
        problem(answer, 413, "too-large-body")
    form = "multipart/form-data; boundary=x"
    answer = await world.http.post("/api/v1/videos", content=iter_of(big), headers={"content-type": form})
    problem(answer, 413, "too-large-body")
    answer = await world.http.request("DELETE", "/api/v1/jobs/j_no", content=iter_of(big))
    problem(answer, 413, "too-large-body")
    for more in (b"", b"Expect: 100-continue\r\n"):
        head = b"POST /api/v1/videos HTTP/1.1\r\nHost: localhost\r\nContent-Length: 471859200\r\n" + more + b"\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", world.gateway.http_port)
        writer.write(head)
        assert b" 413 " in await asyncio.wait_for(reader.readline(), 60)
        writer.close()


async def iter_of(data: bytes) -> Any:
    for at in range(0, len(data), 65536):
        yield data[at : at + 65536]


async def test_bombs_of_nesting_and_of_digits(world: World) -> None:
    for body in (
        "[" * 100_000,
        '{"text":' + '{"a":' * 50_000,
        '{"text": "a", "max_side_px": ' + "9" * 5000 + "}",
        '{"text": "a", "max_side_px": 1e999}',
        '{"text": "a", "synthesis": {"speed": ' + "9" * 4000 + "}}",
        '{"text": "a", "synthesis": {"speed": NaN}}',
        '{"text": "a", "synthesis": {"seed": -1e308}}',
        '"\\ud800"',
        "null",
    ):
        answer = await raw(world, "videos", body)
        assert answer.status_code == 422, (body[:40], answer.text[:200])


async def test_addresses_and_headers_that_are_none(world: World) -> None:
    for path in ("/static/%00", "/%00", "/api/v1/jobs/%00", "/docs/%00", "/api/v1/avatars/%00"):
        problem(await world.http.get(path), 404, "no-such-call")
    problem(await world.http.get("/api/v1/jobs", headers={"host": "["}), 403, "foreign-origin")
    answer = await world.http.post("/api/v1/videos", json={"text": "a"}, headers={"origin": "http://["})
    problem(answer, 403, "foreign-origin")
    form = f"multipart/form-data; boundary={'b' * 300}"
    answer = await world.http.post("/api/v1/assets", content=b"--b", headers={"content-type": form})
    problem(answer, 422, "bad-request")


async def test_open_to_the_network_it_still_answers_only_to_its_own_names(tmp_path: Path) -> None:
    opened = {"GATEWAY_HOST": "0.0.0.0", "GATEWAY_OPEN_TO_ANYONE": "true", "GATEWAY_ALLOWED_HOSTS": "localhost,gateway"}
    async with open_world(tmp_path, **opened) as world:
        for host, status in (("evil.example", 403), ("[", 403), ("localhost:5001", 200), ("gateway", 200)):
            assert (await world.http.get("/api/v1/jobs", headers={"host": host})).status_code == status, host
        for probe in ("/healthz", "/readyz", "/metrics"):
            assert (await world.http.get(probe, headers={"host": "10.1.2.3:5001"})).status_code == 200


async def test_invented_methods_and_paths_make_no_series_of_their_own(world: World) -> None:
    for n in range(20):
        await world.http.request(f"M{n}", f"/nowhere/{n}")
    lines = [s for s in (await world.http.get("/metrics")).text.splitlines() if s.startswith("huasheng_http_seconds_c")]
    assert [s for s in lines if 'method="OTHER"' in s]
    assert not [s for s in lines if 'method="M' in s or "nowhere" in s]


async def test_an_upload_that_breaks_off_leaves_no_trace(world: World) -> None:
    head = (
        b"POST /api/v1/assets HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
        b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF'
    )
    for _ in range(5):
        _reader, writer = await asyncio.open_connection("127.0.0.1", world.gateway.http_port)
        writer.write(head)
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.close()
    _reader, writer = await asyncio.open_connection("127.0.0.1", world.gateway.http_port)
    writer.write(b"POST /api/v1/videos HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{")
    await writer.drain()
    writer.close()
    await asyncio.sleep(0.5)
    assert not list((world.folder / "data" / "uploads").glob("*"))
    assert "Traceback" not in world.gateway.log
    assert (await world.http.get("/api/v1/jobs")).status_code == 200


async def test_the_same_turn_id_twice_keeps_both_turns(world: World) -> None:
    conversation = ""
    for text in ("你好", "然后呢"):
        config = gateway_pb2.TurnConfig(text=text, conversation_id=conversation)
        call = ask(world, Request(config=config), Request(end=common_pb2.EndOfInput()), turn_id="same")
        conversation = [p async for p in call][-1].finished.conversation_id
    detail = (await world.http.get(f"/api/v1/conversations/{conversation}")).json()
    assert [m["text"] for m in detail["messages"] if m["role"] == "user"] == ["你好", "然后呢"]
