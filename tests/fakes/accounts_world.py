"""A gateway with accounts in a thread of its own, for tests of the page, which are not asynchronous."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
from huasheng.tts.v1 import tts_pb2

from tests.fakes import media, people, web_media
from tests.integration.gateway.conftest import World, open_world

T = TypeVar("T")
WAIT_S = 120


class AccountsWorld:
    """The gateway, its fakes, and its people: ``ann``, the admin, and those that a test adds."""

    def __init__(self, loop: asyncio.AbstractEventLoop, world: World, admin: people.Person) -> None:
        self._loop = loop
        self.world, self.ann = world, admin

    @property
    def url(self) -> str:
        return self.world.gateway.url

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of something asynchronous."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_S)

    def member(self, name: str, role: str = "member") -> people.Person:
        return self.do(people.member(self.world, self.ann, name, role))

    def invite(self, name: str) -> str:
        """The path of the link with which a new person chooses a password."""
        made = self.do(self.ann.post("users", {"name": name}))
        assert made.status_code == 201, made.text
        return "/password#" + str(made.json()["link"]).split("#")[1]

    def get(self, person: people.Person, path: str) -> Any:
        answer = self.do(person.http.get(f"/api/v1/{path}"))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def cookie(self, person: people.Person) -> dict[str, Any]:
        """The session of a person as a browser keeps it."""
        (found,) = [c for c in person.http.cookies.jar if c.name == "huasheng_session"]
        return {"name": found.name, "value": found.value, "url": self.url, "httpOnly": True, "sameSite": "Lax"}

    def avatar(self, person: people.Person, name: str) -> str:
        """A finished avatar of a person, with a picture; its id."""
        return self.do(self._avatar(person, name))

    async def _avatar(self, person: people.Person, name: str) -> str:
        picture = {"file": ("me.jpg", web_media.thumbnail())}
        asset = (await person.http.post("/api/v1/assets", files=picture)).json()["id"]
        body = {"asset_id": asset, "name": name, "consent": {"statement": "self"}}
        job = await self._finished(person, await person.post("avatars", body))
        made = self.world.fakes.render.avatars[job["result"]["avatar_id"]]
        storage, key = self.world.storage, f"avatars/{made.avatar_id}"
        storage.put(f"{key}/thumbnail.jpg", web_media.thumbnail())
        storage.put(f"{key}/idle.mp4", web_media.movie(2.0, sound=False))
        made.idle_uri = storage.uri(f"{key}/idle.mp4")
        return str(made.avatar_id)

    def video(self, person: people.Person, text: str) -> str:
        """A finished video of a person that plays; its id."""
        return self.do(self._video(person, text))

    async def _video(self, person: people.Person, text: str) -> str:
        job = await self._finished(person, await person.post("videos", {"text": text}))
        self.world.storage.put(f"results/{job['id']}/video.mp4", web_media.movie(3.0))
        return str(job["id"])

    def voice(self, person: people.Person, name: str) -> str:
        """A cloned voice of a person; its id."""
        self.world.fakes.tts.clones = tts_pb2.Cloning(engine="fake-clone")
        fields = {"name": name, "language": "zh-CN", "transcript": "你好", "consent": "x", "consent_by": person.name}
        upload = {"file": ("v.wav", media.wav(media.tone(5)))}
        form = fields | {"consent_statement": "self"}
        answer: httpx.Response = self.do(person.http.post("/api/v1/voices", data=form, files=upload))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["voice_id"])

    async def _finished(self, person: people.Person, started: httpx.Response) -> dict[str, Any]:
        assert started.status_code == 202, started.text
        path = f"/api/v1/jobs/{started.json()['id']}"
        async with asyncio.timeout(WAIT_S):
            while (job := (await person.http.get(path)).json())["state"] not in ("succeeded", "failed"):
                await asyncio.sleep(0.02)
        assert job["state"] == "succeeded", job
        found: dict[str, Any] = job
        return found


@contextlib.contextmanager
def accounts_world(folder: Path, *, set_up: bool = True, **environment: str) -> Iterator[AccountsWorld]:
    """``set_up``: whether the first admin has been made already."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def do(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(WAIT_S)

    stack = contextlib.AsyncExitStack()
    limits = {"GATEWAY_LIMIT_REQUESTS_PER_MINUTE": "0"}
    try:
        world = do(stack.enter_async_context(open_world(folder, GATEWAY_AUTH="accounts", **limits, **environment)))
        admin = do(people.first_admin(world)) if set_up else people.Person("", "", people.browser(world))
        yield AccountsWorld(loop, world, admin)
    finally:
        do(stack.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
