"""The command ``huasheng`` as a process of its own, as a shell starts it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.waiting import PATIENCE_S

SOURCE = Path(__file__).resolve().parents[2] / "clients" / "python" / "src"
OURS = ("HUASHENG_URL", "HUASHENG_API_KEY", "HUASHENG_TOKEN", "LANG", "LC_ALL", "LC_MESSAGES")


@dataclass
class Done:
    """How it ended."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def data(self) -> Any:
        """The one line of JSON on stdout."""
        (line,) = self.text.splitlines()
        return json.loads(line)

    @property
    def problem(self) -> dict[str, Any]:
        """The failure that ``--json`` tells on stderr."""
        found: dict[str, Any] = json.loads(self.err.splitlines()[-1])
        assert found["exit_code"] == self.code
        error: dict[str, Any] = found["error"]
        return error


class Command:
    """The command with a home of its own, and no settings but those given."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.started: list[asyncio.subprocess.Process] = []
        plain = {k: v for k, v in os.environ.items() if k not in OURS}
        self.environment = {
            **plain,
            "PYTHONPATH": str(SOURCE),
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "LANG": "C.UTF-8",
            **environment,
        }

    async def start(self, *arguments: str | Path, program: str = "huasheng.cli") -> asyncio.subprocess.Process:
        pipe = subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            program,
            *map(str, arguments),
            cwd=self.home,
            env=self.environment,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
        )
        self.started.append(process)
        return process

    async def end_all(self) -> None:
        """What a test that failed has left."""
        for process in self.started:
            if process.returncode is None:
                process.kill()
                await process.communicate()

    async def __call__(self, *arguments: str | Path, stdin: bytes = b"", code: int = 0) -> Done:
        """Run it to its end, which must be ``code``."""
        return await self.end(await self.start(*arguments), stdin, code)

    async def end(self, process: asyncio.subprocess.Process, stdin: bytes = b"", code: int = 0) -> Done:
        async with asyncio.timeout(PATIENCE_S):
            out, err = await process.communicate(stdin)
        done = Done(process.returncode or 0, out, err.decode())
        assert done.code == code, f"{done.code}\n{done.err}\n{out[:2000]!r}"
        return done
