"""Engine services are replaced one replica at a time under load, as a cluster does it: nobody notices."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from services.common.storage import Storage
from tests.fakes import serving
from tests.fakes.engine_services import ACCESS, Asr, Llm, Render
from tests.fakes.media import tone, wav
from tests.fakes.tts_service import Tts
from tests.fakes.waiting import until
from tests.integration.gateway.conftest import open_world


class Replicas:
    """Two replicas of every service."""

    def __init__(self, folder: Path) -> None:
        storage = Storage(f"file://{folder / 'storage'}")
        self._make: dict[str, Any] = {
            "asr": Asr,
            "llm": Llm,
            "tts": lambda: Tts(storage),
            "render": lambda: Render(storage),
        }
        self.running: dict[str, list[serving.Running]] = {name: [] for name in self._make}

    async def start(self, name: str, port: int = 0) -> serving.Running:
        return await serving.start(serving.service_of(name, self._make[name]()), port=port, access=ACCESS)

    async def replace(self, name: str, number: int) -> None:
        """Says that it serves no more, finishes its calls, and a new one comes in its place."""
        old = self.running[name][number]
        await old.board.servicer.enter_graceful_shutdown()
        await asyncio.sleep(0.5)  # preStop: those who call it have heard
        await old.stop(10)
        self.running[name][number] = await self.start(name, old.port)

    def environment(self) -> dict[str, str]:
        return {f"GATEWAY_{n.upper()}_ADDRESS": ",".join(r.address for r in rs) for n, rs in self.running.items()}


@contextlib.asynccontextmanager
async def two_of_each(folder: Path) -> AsyncIterator[Replicas]:
    replicas = Replicas(folder)
    for name, running in replicas.running.items():
        running += [await replicas.start(name), await replicas.start(name)]
    try:
        yield replicas
    finally:
        for running in replicas.running.values():
            for one in running:
                await one.stop(None)


async def test_no_request_and_no_job_fails_while_all_are_replaced(tmp_path: Path) -> None:
    async with two_of_each(tmp_path) as replicas, open_world(tmp_path, **replicas.environment()) as world:
        answers: list[httpx.Response] = []
        jobs: list[str] = []
        asset = (await world.upload(wav(tone(1)))).json()["id"]
        ended = asyncio.Event()

        async def read() -> None:
            while not ended.is_set():
                for path in ("avatars", "voices", "engines"):
                    answers.append(await world.http.get(f"/api/v1/{path}"))

        async def ask() -> None:
            while not ended.is_set():
                made = await world.post("dialogues", {"audio_asset_id": asset})
                answers.append(made)
                if made.is_success:
                    jobs.append(made.json()["id"])
                    await world.done(jobs[-1])

        users = [asyncio.create_task(user()) for user in (read, ask, ask)]
        for name in replicas.running:
            for number in range(2):
                await replicas.replace(name, number)
                target = len(jobs) + 2  # with the new one in its place
                await until(lambda most=target: len(jobs) >= most)  # type: ignore[misc]  # bound at once
        ended.set()
        await asyncio.gather(*users)
        assert [a.text for a in answers if not a.is_success] == []
        states = [(await world.done(j)) for j in jobs]
        assert [s["error"] for s in states if s["state"] != "succeeded"] == []
        assert len(jobs) >= 16
