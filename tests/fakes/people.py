"""People with accounts on a gateway under test, each with a client of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from tests.integration.gateway.conftest import World

PASSWORD = "correct horse battery"


@dataclass
class Person:
    """Somebody who is signed in."""

    id: str
    name: str
    http: httpx.AsyncClient

    async def post(self, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        return await self.http.post(f"/api/v1/{path}", json=body or {})

    async def key(self, *scopes: str, **more: Any) -> str:
        made = await self.post("me/keys", {"name": "k", "scopes": scopes or ("read", "create"), **more})
        assert made.status_code == 201, made.text
        return str(made.json()["key"])


def browser(world: World) -> httpx.AsyncClient:
    """A client that behaves as the page does: it keeps cookies and names its origin."""
    return _client(world, {"Origin": world.gateway.url})


def program(world: World, key: str = "") -> httpx.AsyncClient:
    """A client with a key, or without anything."""
    return _client(world, {"Authorization": f"Bearer {key}"} if key else {})


def _client(world: World, headers: dict[str, str]) -> httpx.AsyncClient:
    client = httpx.AsyncClient(base_url=world.gateway.url, timeout=60, headers=headers)
    world.clients.append(client)
    return client


async def first_admin(world: World, name: str = "ann") -> Person:
    link = world.gateway.log.split("/setup#")[-1].split()[0]
    http = browser(world)
    made = await http.post("/api/v1/set-up", json={"link": link, "name": name, "password": PASSWORD})
    assert made.status_code == 201, made.text
    return Person((await http.get("/api/v1/me")).json()["id"], name, http)


async def member(world: World, admin: Person, name: str, role: str = "member") -> Person:
    made = await admin.post("users", {"name": name, "role": role})
    assert made.status_code == 201, made.text
    http = browser(world)
    link = made.json()["link"].split("#")[1]
    used = await http.post("/api/v1/password-links/use", json={"link": link, "password": PASSWORD})
    assert used.status_code == 200, used.text
    return Person(made.json()["user"]["id"], name, http)


async def sign_in(world: World, name: str, password: str = PASSWORD) -> httpx.Response:
    async with browser(world) as http:
        return await http.post("/api/v1/sign-in", json={"name": name, "password": password})
