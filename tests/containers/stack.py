"""Handles of the composed stack: compose commands, crashes, health."""

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import Any

from tools.system import ROOT

FILES = ("-f", "docker-compose.yml", "-f", "tests/containers/compose.yml")


def run(*command: str, timeout_s: float = 120, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@dataclass
class Stack:
    project: str
    env: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.env['HUASHENG_PORT']}"

    @property
    def prometheus(self) -> str:
        return f"http://127.0.0.1:{self.env['PROMETHEUS_PORT']}"

    def compose(self, *args: str, timeout_s: float = 300) -> str:
        command = ("docker", "compose", "-p", self.project, *FILES, "--ansi=never", *args)
        return run(*command, timeout_s=timeout_s, env=self.env)

    def inspect(self, service: str) -> dict[str, Any]:
        container = self.compose("ps", "-aq", service).split()[0]
        return json.loads(run("docker", "inspect", container))[0]

    def execute(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        full = ["docker", "exec", self.inspect(service)["Id"], *command]
        return subprocess.run(full, capture_output=True, text=True, timeout=30, check=False)

    def crash(self, service: str) -> str:
        """SIGKILL to the service's process, as the kernel does when memory runs out. Returns when it had started."""
        state = self.inspect(service)["State"]
        try:
            # not `docker kill`: the engine takes that for the operator's wish and does not start the container again
            os.kill(state["Pid"], signal.SIGKILL)
        except (PermissionError, ProcessLookupError):
            run("docker", "kill", "-s", "KILL", self.inspect(service)["Id"])
            run("docker", "start", self.inspect(service)["Id"])
        return state["StartedAt"]

    def wait_healthy(self, service: str, not_since: str = "", timeout_s: float = 300) -> float:
        """Wait until the service is healthy, and started later than ``not_since``. Returns how long it took."""
        began = time.monotonic()
        while time.monotonic() - began < timeout_s:
            state = self.inspect(service)["State"]
            if state["StartedAt"] != not_since and state.get("Health", {}).get("Status") == "healthy":
                return time.monotonic() - began
            time.sleep(0.5)
        raise AssertionError(f"{service} is not healthy again:\n{self.compose('logs', '--tail=30', service)}")
