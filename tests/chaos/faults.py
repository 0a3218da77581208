"""What may happen to a system. Each fault begins, lasts, and is over when the system is whole again."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import signal
from collections.abc import Awaitable, Callable

from tests.chaos.system import System
from tests.fakes.program import Program

CLOCK_S = 60
SLOW_DELAY_S, SLOW_BYTES_PER_S = 0.1, 256_000
ENGINES = ("llm", "tts", "render")
MATRIX = [
    *(("kill", s) for s in ("gateway", *ENGINES)),
    *(("stop", s) for s in ("gateway", *ENGINES)),
    *(("cut", s) for s in ("postgres", *ENGINES)),
    *(("slow", s) for s in ("postgres", *ENGINES)),
    ("crash", "postgres"),
    ("restart", "postgres"),
    ("disk", "storage"),
    ("clock", "gateway"),
]
"""Every fault with every service that it can happen to."""


async def happen(system: System, fault: str, service: str, seconds: float) -> None:
    """Let it happen for so long; returns when all is whole again."""
    await _HOW[fault](system, service, seconds)
    await system.until_whole()


def missing(system: System, fault: str) -> str:
    """Why a fault cannot be made here; empty when it can."""
    if fault == "disk" and not system.has_own_disk:
        return "no small disk can be mounted (needs root)"
    return ""


def _victim(system: System, service: str) -> Program:
    return random.choice(system.programs[service])


async def _kill(system: System, service: str, seconds: float) -> None:
    victim = _victim(system, service)
    await victim.kill()
    # often it is started again at once, and sometimes nobody is there for long
    await asyncio.sleep(random.choice((1.0, seconds)))
    victim.start()


async def _stop(system: System, service: str, seconds: float) -> None:
    victim = _victim(system, service)
    victim.send(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    victim.send(signal.SIGCONT)


async def _cut(system: System, service: str, seconds: float) -> None:
    networks = system.networks[service]
    for network in networks:
        network.cut()
    await asyncio.sleep(seconds)
    for network in networks:
        network.heal()


async def _slow(system: System, service: str, seconds: float) -> None:
    networks = system.networks[service]
    for network in networks:
        network.slow(SLOW_DELAY_S, SLOW_BYTES_PER_S)
    await asyncio.sleep(seconds)
    for network in networks:
        network.heal()


async def _crash(system: System, _service: str, seconds: float) -> None:
    await asyncio.to_thread(system.server.stop)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(system.server.start)


async def _restart(system: System, _service: str, _seconds: float) -> None:
    await asyncio.to_thread(system.server.stop, "fast")
    await asyncio.to_thread(system.server.start)


async def _disk(system: System, _service: str, seconds: float) -> None:
    filler = system.storage / "filler"
    try:
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as out:
            while True:  # until nothing fits any more
                out.write(bytes(shutil.disk_usage(system.storage).free or 1))
        await asyncio.sleep(seconds)
    finally:
        filler.unlink()


async def _clock(system: System, _service: str, seconds: float) -> None:
    clock = system.clock_of(random.randrange(len(system.gateways)))
    clock.write_text(str(random.choice((-CLOCK_S, CLOCK_S))))
    await asyncio.sleep(seconds)
    clock.write_text("0")


_HOW: dict[str, Callable[[System, str, float], Awaitable[None]]] = {
    "kill": _kill,
    "stop": _stop,
    "cut": _cut,
    "slow": _slow,
    "crash": _crash,
    "restart": _restart,
    "disk": _disk,
    "clock": _clock,
}
