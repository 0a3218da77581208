"""A PostgreSQL server of its own, where one is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.ports import free_port

BIN = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


class Postgres:
    """A server that can be stopped and started again."""

    def __init__(self, folder: Path, port: int, become: tuple[str, ...]) -> None:
        self.url = f"postgresql+psycopg://huasheng@127.0.0.1:{port}/postgres"
        self._folder, self._become = folder, become
        self._options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"

    def run(self, program: str, *arguments: Path | str) -> None:
        command = [*self._become, BIN / program, *arguments]  # type: ignore[operator]  # the caller looked for it
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self) -> None:
        folder = self._folder
        self.run("pg_ctl", "-D", folder / "db", "-o", self._options, "-w", "-l", folder / "log", "start")

    def stop(self, mode: str = "immediate") -> None:
        """``immediate``: as a crash would; ``fast``: in good order, without waiting for those who are connected."""
        self.run("pg_ctl", "-D", self._folder / "db", "-m", mode, "-w", "stop")


@contextmanager
def running() -> Iterator[Postgres]:
    """A server that is thrown away afterwards. ``BIN`` must not be None."""
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    # a program becomes the user, not subprocess: that would fork this process with the threads of gRPC
    become = ("runuser", "-u", user, "--") if user else ()
    folder = Path(tempfile.mkdtemp(prefix="huasheng-pg-"))
    try:
        if user:
            shutil.chown(folder, user)
        how = ("-U", "huasheng", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
        made = Postgres(folder, free_port(), become)
        made.run("initdb", "-D", folder / "db", *how)
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
