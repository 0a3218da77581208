"""The page's files: addresses with a hash, what browsers keep, compression, and the page for unknown addresses."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse
from starlette.middleware.gzip import GZipMiddleware

from services.gateway.api import problems, web_files

WAV = b"RIFF" + bytes(5000)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    def index(request: Request) -> Response:
        return web_files.index_page(request)

    @app.get("/static/{name:path}")
    def files(request: Request, name: str) -> Response:
        return web_files.static_file(request, name)

    @app.get("/sound")
    def sound() -> Response:
        return Response(WAV, media_type="audio/wav")

    @app.get("/part")
    def part() -> Response:
        return Response(b"x" * 5000, 206, {"Content-Range": "bytes 0-4999/9000"}, media_type="text/plain")

    @app.get("/events")
    def events() -> Response:
        return StreamingResponse(iter(["data: " + "x" * 2000 + "\n\n"]), media_type="text/event-stream")

    app.add_middleware(GZipMiddleware, exclude_content_types=web_files.NOT_COMPRESSED)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page") as found:
        yield found


async def test_index_names_every_file_under_the_hash_and_every_module_beforehand(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.headers["cache-control"] == "no-cache"
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    versions = {a.split("/")[2] for a in addresses}
    assert len(versions) == 1 and re.fullmatch("[0-9a-f]{16}", versions.pop())
    for address in addresses:
        answer = await client.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    preloaded = set(re.findall(r'modulepreload" href="/static/\w+/([^"]+)"', page.text))
    written = {p.relative_to(web_files.WEB).as_posix() for p in web_files.WEB.rglob("*.js")}
    # the script itself; one that runs before anything is drawn, those in the audio thread, four of types only
    worklets = {"core/capture_worklet", "live/microphone_worklet", "live/sound_worklet"}
    others = {
        "main",
        "core/initial_theme",
        "core/types",
        "core/account_types",
        "studio/types",
        "dubbing/types",
    } | worklets
    assert written - preloaded == {f"js/{name}.js" for name in others}


async def test_the_page_is_not_sent_twice(client: httpx.AsyncClient) -> None:
    tag = (await client.get("/")).headers["etag"]
    again = await client.get("/", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


async def test_another_versions_address_has_the_file_of_today_and_is_not_kept(client: httpx.AsyncClient) -> None:
    old = await client.get("/static/0123456789abcdef/js/main.js")
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")
    plain = await client.get("/static/js/main.js")
    assert (plain.content, plain.headers["cache-control"]) == (old.content, "no-cache")


def test_a_changed_file_changes_the_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "js").mkdir()
    (tmp_path / "index.html").write_text('<script type="module" src="/static/js/main.js"></script>')
    (tmp_path / "js/main.js").write_text('import { a } from "./a.js";\nimport {\n  b,\n} from "./b.js";\n')
    (tmp_path / "js/a.js").write_text('export * from "./c.js";\nconst text = "not an import from ./x.js";\n')
    for name in ("b", "c"):
        (tmp_path / f"js/{name}.js").write_text("")
    monkeypatch.setattr(web_files, "WEB", tmp_path)
    monkeypatch.setattr(web_files, "CHECK_S", 0.0)
    monkeypatch.setattr(web_files, "_now", None)
    first = web_files.web_files()
    assert re.findall(r'modulepreload" href="/static/\w+/js/(\w)', first.index.decode()) == ["a", "b", "c"]
    assert web_files.web_files().version == first.version
    (tmp_path / "js/c.js").write_text("export const c = 1;")
    assert web_files.web_files().version != first.version
    assert web_files.web_files().contents["js/c.js"] == b"export const c = 1;"


@pytest.mark.parametrize("name", ["..%2fsettings.py", "%00", "js", "x" * 5000, "js/main.js/"])
async def test_nothing_else_is_served(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(f"/static/{name}", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_text_is_compressed_but_never_media_ranges_or_events(client: httpx.AsyncClient) -> None:
    def encoding(answer: httpx.Response) -> str | None:
        return answer.headers.get("content-encoding")

    async with client.stream("GET", "/static/js/main.js") as answer:
        packed = b"".join([part async for part in answer.aiter_raw()])
    assert encoding(answer) == "gzip" and answer.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(packed) == (web_files.WEB / "js/main.js").read_bytes()
    assert len(packed) < len(gzip.decompress(packed)) / 1.5
    assert encoding(await client.get("/static/js/main.js", headers={"Accept-Encoding": "identity"})) is None
    for path in ("/sound", "/part", "/events"):
        assert encoding(await client.get(path)) is None, path


async def test_unknown_addresses_are_a_page_for_people_and_a_problem_for_programs(client: httpx.AsyncClient) -> None:
    people = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "zh"}
    page = await client.get("/no/such/page", headers=people)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert 'id="app"' in page.text and "content-security-policy" in page.headers
    again = await client.get("/no/such/page", headers=people | {"If-None-Match": page.headers["etag"]})
    assert again.status_code == 404, "an error is never 'not modified'"
    for path, headers in (("/api/v1/nothing", people), ("/no/such/page", {}), ("/openapi.jsn", people)):
        answer = await client.get(path, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
        assert answer.json()["reason"] == "no-such-call"
    assert (await client.post("/no/such/page", headers=people)).json()["reason"] == "no-such-call"
