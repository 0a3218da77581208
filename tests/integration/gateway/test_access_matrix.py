"""Every route of the gateway with every kind of credential."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route

from services.gateway.accounts.rules import RULES, Need, need_of
from services.gateway.app import create_app
from services.gateway.settings import GatewaySettings
from tests.fakes import media, people
from tests.integration.gateway.conftest import World, open_world

UNKNOWN = "x_none"
ENDS = {"DELETE /api/v1/sign-in", "DELETE /api/v1/me", "DELETE /api/v1/me/sessions", "PUT /api/v1/me/password"}
"""They end the session that asks, so that each gets one of its own."""
OWN_REFUSALS = {"GET /api/v1/media/{key:path}": "stale-link"}
"""The link's signature is the gate."""


def routes(app: Any) -> Iterator[tuple[str, str]]:
    """Method and template of every route."""

    def walk(found: Any, prefix: str) -> Iterator[tuple[str, str]]:
        for route in found:
            inner = getattr(route, "original_router", None) or getattr(route, "router", None)
            if isinstance(route, APIRoute | Route):
                for method in sorted(route.methods or ()):
                    yield method, prefix + route.path
            elif inner is not None:
                yield from walk(inner.routes, prefix)

    yield from walk(app.routes, "")


ALL = sorted({(m, p) for m, p in routes(create_app(GatewaySettings(), None)) if m != "OPTIONS"})  # type: ignore[arg-type]
RULED = {rule for rules in RULES.values() for rule in rules}
PAGES = [(m, p) for m, p in ALL if f"{'GET' if m == 'HEAD' else m} {p}" not in RULED]
CALLS = [(m, p) for m, p in ALL if (m, p) not in PAGES and m != "HEAD"]


def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    assert len(CALLS) > 70
    for method, path in PAGES:
        assert method in ("GET", "HEAD") and not path.startswith("/api/"), f"{method} {path} has no rule"
    assert {f"{m} {p}" for m, p in ALL} | {"WS /api/v1/live"} >= RULED, "rules for routes that are not there"


def test_what_nobody_ruled_is_closed() -> None:
    assert need_of("POST", "/api/v1/new") is Need.ADMIN
    assert need_of("POST", "/new") is Need.ADMIN
    assert need_of("TRACE", "/api/v1/jobs") is Need.ADMIN
    assert need_of("GET", "/api/v1/jobs/") is Need.ADMIN
    assert need_of("HEAD", "/api/v1/jobs") is Need.READ


async def call(http: httpx.AsyncClient, method: str, path: str) -> tuple[int, dict[str, Any]]:
    """Status and problem of a request without a body; an endless answer is left at once."""
    async with http.stream(method, path) as answer:
        is_problem = answer.headers.get("content-type") == "application/problem+json"
        await answer.aread() if is_problem else None
        return answer.status_code, answer.json() if is_problem else {}


def filled(path: str, **ids: str) -> str:
    return re.sub(r"{(\w+)(:path)?}", lambda m: ids.get(m.group(1), UNKNOWN), path)


class Cast:
    """One of each kind."""

    def __init__(self, world: World, admin: people.Person) -> None:
        self.world, self.admin = world, admin
        self.clients: dict[str, httpx.AsyncClient] = {}

    async def fill(self) -> None:
        w = self.world
        owner = await people.member(w, self.admin, "owner")
        self.owner, self.other = owner, await people.member(w, self.admin, "other")
        token = await owner.post("tokens", {"origins": ["https://shop.example"]})
        assert token.status_code == 201, token.text
        expired = await owner.key("read", "create", "live", days=1e-6)
        self.clients = {
            "nobody": people.program(w),
            "owner": owner.http,
            "other": self.other.http,
            "admin": self.admin.http,
            "read": people.program(w, await owner.key("read")),
            "create": people.program(w, await owner.key("create")),
            "live": people.program(w, await owner.key("live")),
            "admin-key": people.program(w, await self.admin.key("admin")),
            "expired": people.program(w, expired),
            "forged": people.program(w, expired[:-4] + "AAAA"),
            "token": people.program(w, token.json()["token"]),
        }


MAY: dict[Need, set[str]] = {
    Need.NOTHING: {
        "nobody",
        "owner",
        "other",
        "admin",
        "read",
        "create",
        "live",
        "admin-key",
        "expired",
        "forged",
        "token",
    },
    Need.OPEN: {"nobody", "owner", "other", "admin", "read", "create", "live", "admin-key"},
    Need.READ: {"owner", "other", "admin", "read"},
    Need.LINK_OR_READ: {"owner", "other", "admin", "read"},
    Need.CREATE: {"owner", "other", "admin", "create"},
    Need.LIVE: {"owner", "other", "admin", "live"},
    Need.PERSON: {"owner", "other", "admin"},
    Need.ADMIN: {"admin", "admin-key"},
    Need.SCRAPE: {"nobody", "owner", "other", "admin", "admin-key"},
}
"""Who passes each gate. A bad key is refused also where none is needed. Without a key the figures may be read
from this machine. Tokens are for the socket alone."""


@pytest.fixture
async def cast(tmp_path: Path) -> AsyncIterator[Cast]:
    limits = {"GATEWAY_LIMIT_REQUESTS_PER_MINUTE": "0", "GATEWAY_LIMIT_QUEUED_JOBS": "0"}
    async with open_world(tmp_path, GATEWAY_AUTH="accounts", **limits) as world:
        found = Cast(world, await people.first_admin(world))
        await found.fill()
        yield found


async def test_every_route_with_every_credential(cast: Cast) -> None:
    tried, wrong = 0, []
    for method, template in CALLS:
        rule, path = f"{method} {template}", filled(template)
        need = next(n for n, rules in RULES.items() if rule in rules)
        for kind, client in cast.clients.items():
            http = client
            if rule in ENDS and kind in ("owner", "other", "admin"):
                if rule == "DELETE /api/v1/me":
                    continue  # test_erasure.py
                name = {"admin": "ann"}.get(kind, kind)
                http = people.browser(cast.world)
                await http.post("/api/v1/sign-in", json={"name": name, "password": people.PASSWORD})
            status, body = await call(http, method, path)
            tried += 1
            passes = kind in MAY[need]
            reason = body.get("reason", "")
            if passes:
                is_right = status not in (401, 403) or OWN_REFUSALS.get(rule) == reason
            elif kind in ("nobody", "expired", "forged"):
                is_right = status == 401 and reason == ("sign-in-needed" if kind == "nobody" else "key-refused")
            else:
                is_right = status == 403 and reason == "not-allowed"
            if not is_right:
                wrong.append(f"{rule} as {kind}: {status} {reason}")
            if http is not client:
                await http.aclose()
                if rule == "DELETE /api/v1/me/sessions":  # ended the cast's own session too
                    signed = await client.post(
                        "/api/v1/sign-in",
                        json={"name": {"admin": "ann"}.get(kind, kind), "password": people.PASSWORD},
                    )
                    assert signed.status_code == 200
    assert not wrong, "\n".join(wrong)
    assert tried > 800, "the cells"


async def test_others_things_answer_like_things_that_do_not_exist(cast: Cast) -> None:
    """Status and body are the same but for the id itself, and nothing is changed."""
    owner, other = cast.owner.http, cast.other.http
    asset = (await owner.post("/api/v1/assets", files={"file": ("a.wav", media.wav(media.tone(2)))})).json()["id"]
    asked = await cast.owner.post("dialogues", {"text": "你好"})
    job = asked.json()["id"]
    for _ in range(600):
        row = (await owner.get(f"/api/v1/jobs/{job}")).json()
        if row["state"] == "succeeded":
            break
        await asyncio.sleep(0.05)
    assert row["state"] == "succeeded", row
    conversation = row["result"]["conversation_id"]
    made = await cast.owner.post("avatars", {"asset_id": await picture(owner), "name": "me", **consent()})
    avatar_job = made.json()["id"]
    for _ in range(600):
        row = (await owner.get(f"/api/v1/jobs/{avatar_job}")).json()
        if row["state"] in ("succeeded", "failed"):
            break
        await asyncio.sleep(0.05)
    avatar = row["result"]["avatar"]["avatar_id"]
    key = (await cast.owner.http.get("/api/v1/me/keys")).json()["items"][0]["id"]
    session = (await cast.owner.http.get("/api/v1/me/sessions")).json()["items"][0]["id"]
    draft = (await cast.owner.post("drafts", {"script": {}})).json()["id"]
    batch = (await cast.owner.post("batches", {"template": {"text": "{{a}}"}, "rows": [{"a": "好"}]})).json()["id"]
    ids = {
        "batch_id": batch,
        "draft_id": draft,
        "asset_id": asset,
        "job_id": job,
        "conversation_id": conversation,
        "avatar_id": avatar,
        "key_id": key,
        "session_id": session,
    }
    seen = 0
    for method, template in CALLS:
        names = re.findall(r"{(\w+)}", template)
        if not set(names) & set(ids) or "share" in template:
            continue
        theirs = filled(template, **ids)
        missing = filled(template, **{n: _unlike(ids[n]) for n in names if n in ids})
        body: dict[str, Any] = {"rating": "up"} if "rating" in template else {"voice_id": None}
        body = {"script": {}, "version": 1} if "draft" in template else body
        body = {"name": "x"} if "videos" in template else body
        content = {"json": body} if method in ("PUT", "PATCH") else {}
        a, b = await other.request(method, theirs, **content), await other.request(method, missing, **content)
        assert a.status_code == b.status_code == 404, (method, theirs, a.text, b.text)
        assert _shape(a, ids) == _shape(b, {n: _unlike(i) for n, i in ids.items()}), (method, template)
        seen += 1
    assert seen >= 15
    for path in (
        "assets",
        "jobs",
        "conversations",
        "videos",
        "pronunciations",
        "drafts",
        "batches",
        "shares",
        "consents",
    ):
        assert (await other.get(f"/api/v1/{path}")).json()["items"] == [], path
    avatars = (await other.get("/api/v1/avatars")).json()["items"]
    assert [a["avatar_id"] for a in avatars] == ["builtin"]
    for body in ({"text": "x", "avatar_id": avatar}, {"audio_asset_id": asset}):
        assert (await cast.other.post("videos", body)).status_code == 404
    assert (await owner.get(f"/api/v1/jobs/{job}")).json()["state"] == "succeeded"
    assert (await owner.get(f"/api/v1/avatars/{avatar}")).status_code == 200


def consent() -> dict[str, Any]:
    return {"consent": {"statement": "self"}}


async def picture(http: httpx.AsyncClient) -> str:
    upload = {"file": ("me.png", media.png(media.portrait()))}
    answer = await http.post("/api/v1/assets", files=upload)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def _unlike(identity: str) -> str:
    """An id of the same form that does not exist."""
    return identity[:-4] + ("0000" if not identity.endswith("0000") else "1111")


def _shape(answer: httpx.Response, ids: dict[str, str]) -> str:
    text = answer.text.replace(answer.headers["x-request-id"], "")
    for name, identity in ids.items():
        text = text.replace(identity, name)
    return text + str(sorted(k for k in answer.headers if k not in ("date", "content-length")))
