"""A system of processes on this machine to put load on: so many gateways and renderers, each with its own share of CPU.

Real gateways, real render services (atlas), a real llm service in front of a model that repeats the question; speech is
a fake that costs nothing, unless the real one is asked for: a voice of its own would use up the processors first.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import sqlalchemy as sa

from benchmarks.load.quota import Quotas, quotas
from tests.fakes import llm_http, postgres
from tests.fakes.program import Program
from tools.system import free_ports

START_S = 180.0


@dataclass(frozen=True)
class Wanted:
    """What the system shall be."""

    gateways: int = 1
    renderers: int = 1
    cores: float = 0.0
    """Of each renderer; 0 for no limit."""
    is_render_real: bool = True
    is_speech_real: bool = False
    settings: dict[str, str] = field(default_factory=dict)
    """More environment of the gateways."""


class Own:
    """The running system."""

    def __init__(self, folder: Path, wanted: Wanted) -> None:
        self.wanted, self._folder = wanted, folder
        self._token, self._secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        names = ["asr", "llm", "tts", *(f"render{n}" for n in range(wanted.renderers))]
        self._ports = free_ports([*names, *(f"{what}{n}" for n in range(wanted.gateways) for what in ("http", "grpc"))])
        self.urls = [f"http://127.0.0.1:{self._ports[f'http{n}']}" for n in range(wanted.gateways)]
        self.gateways: list[Program] = []
        self.renderers: list[Program] = []
        self.others: list[Program] = []
        self.database_url = ""

    def _shared(self) -> dict[str, str]:
        return {
            "HUASHENG_STORAGE_URL": f"file://{self._folder / 'storage'}",
            "HUASHENG_SERVICE_TOKEN": self._token,
            "HUASHENG_LOG_FORMAT": "text",
            "HUASHENG_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }

    def _program(self, name: str, environment: dict[str, str], *command: str) -> Program:
        program = Program(name, self._folder / f"{name}.log", lambda: self._shared() | environment, *command)
        program.start()
        return program

    def _fake(self, name: str, port: str, slots: int) -> Program:
        door = f"{name}:{self._ports[port]}"
        return self._program(port, {}, "tests.fakes.engine_process", door, "--delay", "0", "--slots", str(slots))

    def _real(self, name: str, port: str, **more: str) -> Program:
        upper = name.upper()
        own = {f"{upper}_PORT": str(self._ports[port]), f"{upper}_METRICS_PORT": "0", **more}
        return self._program(port, own, f"services.{name}")

    def start(self, database_url: str, model_url: str) -> None:
        """Start all programs."""
        w, self.database_url = self.wanted, database_url
        for n in range(w.renderers):
            own = f"render{n}"
            self.renderers.append(
                self._real("render", own, RENDER_SLOTS="1") if w.is_render_real else self._fake("render", own, 1)
            )
        llm = {"LLM_ENGINES": "openai", "LLM_OPENAI_URL": model_url, "LLM_OPENAI_MODEL": "repeats"}
        self.others += [
            self._fake("asr", "asr", 8),
            self._real("llm", "llm", **llm),
            self._real("tts", "tts") if w.is_speech_real else self._fake("tts", "tts", 64),
        ]
        renderers = ",".join(f"127.0.0.1:{self._ports[f'render{n}']}" for n in range(w.renderers))
        for n in range(w.gateways):
            own_settings = {
                "GATEWAY_EXECUTOR_ID": f"g{n}",
                "GATEWAY_DATA_DIR": str(self._folder / f"g{n}"),
                "GATEWAY_DATABASE_URL": database_url,
                "GATEWAY_SECRET": self._secret,
                "GATEWAY_HTTP_PORT": str(self._ports[f"http{n}"]),
                "GATEWAY_PORT": str(self._ports[f"grpc{n}"]),
                "GATEWAY_METRICS_PORT": "0",
                "GATEWAY_MAX_QUEUED_JOBS": "100000",
                "GATEWAY_RENDER_ADDRESS": renderers,
                **{f"GATEWAY_{s.upper()}_ADDRESS": f"127.0.0.1:{self._ports[s]}" for s in ("asr", "llm", "tts")},
                **w.settings,
            }
            self.gateways.append(self._program(f"g{n}", own_settings, "services.gateway"))

    async def until_ready(self) -> None:
        """Until the gateways see all services and every renderer. Raises ``SystemExit`` with the end of a log."""
        end, seen = time.monotonic() + START_S, ""
        async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
            for url, program in zip(self.urls, self.gateways, strict=True):
                while True:
                    with contextlib.suppress(httpx.TransportError):
                        seen = (await http.get(f"{url}/readyz")).text
                        slots = _figure((await http.get(f"{url}/metrics")).text, 'huasheng_render_slots{state="total"}')
                        if '"services_down":[]' in seen and slots >= self.wanted.renderers:
                            break
                    if time.monotonic() > end or not program.is_alive:
                        raise SystemExit(f"the system is not ready: {seen}\n{program.tail()}")
                    await asyncio.sleep(0.2)

    def limit(self, made: Quotas) -> None:
        """Give each renderer its share; after the start, which would take long within it."""
        for program in self.renderers:
            assert program.process
            made.limit(program.name, program.process.pid, self.wanted.cores)

    def gateway_cpu_s(self) -> float:
        """Processor time of all gateways so far."""
        return float(sum(g.cpu_s() for g in self.gateways))

    def spent(self) -> dict[str, float]:
        """So far: processor milliseconds by kind of program, transactions and kB of the database, kB of the storage."""
        kinds = {"gateway": self.gateways, "render": self.renderers}
        kinds |= {name: [p for p in self.others if p.name == name] for name in ("llm", "tts")}
        found = {f"{kind}_cpu_ms": sum(p.cpu_s() for p in some) * 1000 for kind, some in kinds.items()}
        engine = sa.create_engine(self.database_url)
        with engine.connect() as c:
            asked = "SELECT xact_commit, pg_database_size(datname) FROM pg_stat_database WHERE datname = 'postgres'"
            transactions, size = c.execute(sa.text(asked)).one()
        engine.dispose()
        files = [p for p in (self._folder / "storage").rglob("*") if p.is_file()]
        stored = sum(p.stat().st_size for p in files)
        return found | {"transactions": transactions, "database_kb": size / 1000, "storage_kb": stored / 1000}

    async def stop(self) -> None:
        """Stop all programs."""
        await asyncio.gather(*(p.stop() for p in self.gateways))
        await asyncio.gather(*(p.stop() for p in (*self.renderers, *self.others)))


def _figure(metrics: str, name: str) -> float:
    return next((float(line.rpartition(" ")[2]) for line in metrics.splitlines() if line.startswith(name)), 0.0)


def repeat(call: Any) -> None:
    """A language model that says the question again."""
    call.events([llm_http.chunk(call.body["messages"][-1]["content"]), llm_http.chunk(finish="stop"), llm_http.DONE])


@contextlib.asynccontextmanager
async def own_system(wanted: Wanted) -> AsyncIterator[Own]:
    """Started for the block, with PostgreSQL, and thrown away afterwards."""
    if postgres.BIN is None:
        raise SystemExit("no PostgreSQL server is installed (Debian: postgresql)")
    async with AsyncExitStack() as stack:
        made = stack.enter_context(quotas())
        if wanted.cores and made.missing:
            raise SystemExit(f"no share of the processors can be given: {made.missing}")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="huasheng-load-")))
        server = stack.enter_context(postgres.running())
        model = stack.enter_context(llm_http.serving(repeat))
        own = Own(folder, wanted)
        stack.push_async_callback(own.stop)
        own.start(server.url, model.url)
        await own.until_ready()
        if wanted.cores:
            own.limit(made)
        yield own


def machine() -> str:
    """What the figures were taken on, and how busy it was."""
    return f"{psutil.cpu_count()} cores, load {psutil.getloadavg()[0]:.1f}"
