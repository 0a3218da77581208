"""Runs the five services as separate processes on this machine, watches and stops them; used by run, demo and tests.

python -m tools.system          start everything on the default ports and stay until Ctrl-C
"""

from __future__ import annotations

import argparse
import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

from services.common import healthcheck

ROOT = Path(__file__).resolve().parents[1]
SERVICES = {
    "asr": "huasheng.asr.v1.AsrService",
    "llm": "huasheng.llm.v1.LlmService",
    "tts": "huasheng.tts.v1.TtsService",
    "render": "huasheng.render.v1.RenderService",
    "gateway": "huasheng.gateway.v1.GatewayService",
}
DEFAULT_PORTS = {"asr": 50051, "llm": 50052, "tts": 50053, "render": 50054, "gateway": 50050, "http": 5001}
METRICS_PORTS = {"asr": 9101, "llm": 9102, "tts": 9103, "render": 9104, "gateway": 9105}
"""Metrics ports of the engine services; the gateway's metrics are on its HTTP port."""
STOP_S = 12.0


class SystemError_(Exception):
    """The system cannot start or run; the message is for people."""


def free_ports(names: list[str]) -> dict[str, int]:
    """Ports nobody listens on, one for each name."""
    sockets = {name: socket.socket() for name in names}
    try:
        for s in sockets.values():
            s.bind(("127.0.0.1", 0))
        return {name: int(s.getsockname()[1]) for name, s in sockets.items()}
    finally:
        for s in sockets.values():
            s.close()


def chosen_ports() -> dict[str, int]:
    """The default ports, or those that ``<SERVICE>_PORT`` and ``GATEWAY_HTTP_PORT`` name."""
    variables = {name: "GATEWAY_HTTP_PORT" if name == "http" else f"{name.upper()}_PORT" for name in DEFAULT_PORTS}
    try:
        return {name: int(os.environ.get(variables[name], port)) for name, port in DEFAULT_PORTS.items()}
    except ValueError as e:
        raise SystemError_(f"a port setting is not a number: {e}") from e


def port_taken(port: int) -> bool:
    """Whether somebody listens on the port."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def die_with_parent() -> None:
    """For ``preexec_fn``: the child ends with the thread that started it."""
    # Linux: the child gets SIGKILL when we vanish without stopping it, so that nothing is ever left behind
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@dataclass
class System:
    """The five processes. Use as a context manager; leaving it stops them all."""

    data: Path
    """Folder of database, storage and logs."""
    ports: dict[str, int] = field(default_factory=lambda: dict(DEFAULT_PORTS))
    metrics: bool = True
    """Whether the services open their metrics ports."""
    env: dict[str, str] = field(default_factory=dict)
    restart: bool = True
    """Whether a service that dies is started again, as a container engine would."""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    """What the services show each other, unless the environment says what: other users of this machine have it not."""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _logs: dict[str, IO[bytes]] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Address of the public API."""
        return f"http://127.0.0.1:{self.ports['http']}"

    def environment(self) -> dict[str, str]:
        """Environment of the processes."""
        env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'protos' / 'gen'}", "PYTHONUNBUFFERED": "1"}
        if not env.get("HUASHENG_STORAGE_URL", "").startswith("s3://"):
            env["HUASHENG_STORAGE_URL"] = f"file://{self.data / 'storage'}"
        env["GATEWAY_DATA_DIR"] = str(self.data / "gateway")
        for name in SERVICES:
            upper = name.upper()
            env[f"{upper}_PORT"] = str(self.ports[name])
            env[f"{upper}_METRICS_PORT"] = str(METRICS_PORTS[name] if self.metrics else 0)
            if name == "gateway":
                env["GATEWAY_HTTP_PORT"] = str(self.ports["http"])
            else:
                env[f"GATEWAY_{upper}_ADDRESS"] = f"127.0.0.1:{self.ports[name]}"
        env |= self.env
        if not env.keys() & {"HUASHENG_SERVICE_TOKEN", "HUASHENG_SERVICE_TOKEN_FILE"}:
            env["HUASHENG_SERVICE_TOKEN"] = self.token
        return env

    def start(self) -> None:
        """Start all processes. Raises ``SystemError_`` when a port is taken or the disk is full."""
        wanted = dict(self.ports) | ({f"{k} metrics": v for k, v in METRICS_PORTS.items()} if self.metrics else {})
        if taken := [f"{port} ({name})" for name, port in wanted.items() if port_taken(port)]:
            ports = ", ".join(taken)
            raise SystemError_(f"port in use: {ports}. Is Huasheng running already? Stop it, or see `ss -ltnp`.")
        self.data.mkdir(parents=True, exist_ok=True)
        if (free := shutil.disk_usage(self.data).free) < 500_000_000:
            raise SystemError_(f"no disk space: {free / 1e6:.0f} MB free in {self.data}, at least 500 MB are needed.")
        (self.data / "logs").mkdir(exist_ok=True)
        for name in SERVICES:
            self.start_one(name)
        if self.restart:
            threading.Thread(target=self._watch, daemon=True).start()

    def start_one(self, name: str) -> None:
        """Start (again) one process; its log goes to ``logs/<name>.log``."""
        if name not in self._logs:
            self._logs[name] = (self.data / "logs" / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", f"services.{name}"],
            cwd=ROOT,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._logs[name],
            stderr=self._logs[name],
            start_new_session=True,  # Ctrl-C reaches only us; we stop them in order
            preexec_fn=die_with_parent,
        )

    def _watch(self) -> None:
        deaths: dict[str, int] = dict.fromkeys(SERVICES, 0)
        # children die with the thread that started them, so this thread must outlive those it started again
        self._restart_the_dead(deaths)
        self._stopped.wait()

    def _restart_the_dead(self, deaths: dict[str, int]) -> None:
        while not self._stopping.wait(0.3):
            for name, process in list(self.processes.items()):
                code = process.poll()
                # exit 1 or 2 is a clear refusal to start; anything else is a crash
                if code is None or code in (1, 2):
                    continue
                deaths[name] += 1
                print(f"{name} ended with {code}; starting it again", file=sys.stderr)
                if self._stopping.wait(min(10.0, 0.2 * 2 ** min(deaths[name], 6))):
                    return
                self.start_one(name)

    def ready(self) -> dict[str, bool]:
        """Which services answer and have their weights loaded."""
        out = {}
        for name, full_name in SERVICES.items():
            out[name] = not healthcheck.check(f"127.0.0.1:{self.ports[name]}", full_name, timeout_s=1)
        return out

    def wait_ready(self, timeout_s: float = 300, report: bool = False) -> None:
        """Wait until all services are ready, optionally printing each. Raises ``SystemError_`` with the log's end."""
        start, seen = time.monotonic(), set[str]()
        while time.monotonic() - start < timeout_s:
            for name, ok in self.ready().items():
                if ok and name not in seen:
                    seen.add(name)
                    if report:
                        print(f"  {name:8} ready after {time.monotonic() - start:4.1f} s", flush=True)
            if len(seen) == len(SERVICES):
                return
            for name, process in self.processes.items():
                if process.poll() in (1, 2):
                    raise SystemError_(f"{name} did not start:\n{self.log_tail(name)}")
            time.sleep(0.1)
        missing = ", ".join(sorted(set(SERVICES) - seen))
        raise SystemError_(f"not ready after {timeout_s:.0f} s: {missing}; logs are in {self.data / 'logs'}")

    def log_tail(self, name: str, lines: int = 8) -> str:
        """The last lines of a service's log."""
        text = (self.data / "logs" / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.strip().splitlines()[-lines:])

    def kill(self, name: str) -> None:
        """Kill one process as a crash would (SIGKILL)."""
        self.processes[name].kill()
        self.processes[name].wait()

    def stop(self) -> None:
        """Stop all processes, gateway first; what does not stop in time is killed."""
        self._stopping.set()
        order = ["gateway", *(n for n in SERVICES if n != "gateway")]
        for name in order:
            if name in self.processes and self.processes[name].poll() is None:
                self.processes[name].terminate()
        deadline = time.monotonic() + STOP_S
        for name in order:
            process = self.processes.get(name)
            if process is None:
                continue
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                print(f"{name} did not stop in {STOP_S:.0f} s: killed", file=sys.stderr)
                process.kill()
                process.wait()
        self._stopped.set()
        for log in self._logs.values():
            log.close()

    def __enter__(self) -> System:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()


def interruptible() -> None:
    """Make SIGTERM end the program like Ctrl-C does, so that ``finally`` blocks run."""

    def stop(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)  # a background shell job starts with SIGINT ignored


def main() -> None:
    """Start everything on the default ports and stay until Ctrl-C."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, default=ROOT / ".data", help="folder of database, storage and logs")
    parser.add_argument("--no-metrics", action="store_true", help="open no metrics ports")
    args = parser.parse_args()
    interruptible()
    try:
        with System(args.data.resolve(), ports=chosen_ports(), metrics=not args.no_metrics) as system:
            print(f"starting five services; logs in {system.data / 'logs'}", flush=True)
            system.start()
            system.wait_ready(report=True)
            print(f"\nHuasheng 画声 is up: {system.url}   (Ctrl-C stops it)\n", flush=True)
            while all(p.poll() not in (1, 2) for p in system.processes.values()):
                time.sleep(0.5)
            raise SystemError_("a service stopped; see its log")
    except SystemError_ as e:
        sys.exit(f"huasheng: {e}")
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)


if __name__ == "__main__":
    main()
