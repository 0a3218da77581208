"""What people cost who only keep the page open: idle watchers of ``/api/v1/events``."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import statistics
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from benchmarks.load.own_system import Own, Wanted, machine, own_system

SETTLE_S = 8.0


async def _watch(url: str, alive: list[int]) -> None:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n")
    try:
        if b"200" not in await reader.readline():
            return
        alive[0] += 1
        try:
            while await reader.read(65536):
                pass
        finally:
            alive[0] -= 1
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _second(own: Own, seconds: float) -> dict[str, float]:
    """Processor milliseconds of the gateway in a second, and what a request takes meanwhile."""
    cpu, began, took = own.gateway_cpu_s(), time.monotonic(), []
    async with httpx.AsyncClient(base_url=own.urls[0], trust_env=False, timeout=60) as http:
        while time.monotonic() - began < seconds:
            at = time.perf_counter()
            (await http.get("/api/v1/jobs?limit=1")).raise_for_status()
            took.append((time.perf_counter() - at) * 1000)
            await asyncio.sleep(0.5)
    return {
        "cpu_ms_per_s": round((own.gateway_cpu_s() - cpu) / (time.monotonic() - began) * 1000, 1),
        "get_jobs_ms": round(statistics.median(took), 1),
        "rss_mb": round(own.gateways[0].rss_mb(), 1),
    }


async def idle_watchers(count: int, seconds: float) -> dict[str, Any]:
    """The gateway without and with so many watchers: at first, and after ``seconds``."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 1000), hard))
    wanted = Wanted(is_render_real=False, settings={"GATEWAY_MAX_CONNECTIONS": str(count + 100)})
    async with own_system(wanted) as own:
        await asyncio.sleep(SETTLE_S)
        found: dict[str, Any] = {"watchers": count, "without": await _second(own, seconds / 2)}
        alive = [0]
        tasks = []
        for n in range(count):
            tasks.append(asyncio.create_task(_watch(own.urls[0], alive)))
            if n % 50 == 49:
                await asyncio.sleep(0.1)
        end = time.monotonic() + 60
        while alive[0] < count and time.monotonic() < end:
            await asyncio.sleep(0.2)
        await asyncio.sleep(SETTLE_S)
        found["at_first"] = await _second(own, seconds / 2)
        await asyncio.sleep(seconds)
        found["later"] = await _second(own, seconds / 2)
        found["alive"] = alive[0]
        found["cpu_ms_per_watcher_s"] = round(
            (found["later"]["cpu_ms_per_s"] - found["without"]["cpu_ms_per_s"]) / count, 4
        )
        found["machine"] = machine()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return found
