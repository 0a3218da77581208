"""A client of the whole real system."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tools.system import System


class Client(httpx.Client):
    """Talks to the system as a program would."""

    def upload(self, name: str, data: bytes) -> httpx.Response:
        return self.post("/api/v1/assets", files={"file": (name, data)})

    def asset(self, name: str, data: bytes) -> str:
        response = self.upload(name, data)
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    def wait(self, job_id: str, timeout_s: float = 180) -> dict[str, Any]:
        """The job when it is over."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            job: dict[str, Any] = self.get(f"/api/v1/jobs/{job_id}").json()
            if job["state"] not in ("queued", "running"):
                return job
            time.sleep(0.1)
        raise AssertionError(f"job {job_id} is still {job['state']} at {job['stage']} after {timeout_s} s")

    def wait_stage(self, job_id: str, stage: str, timeout_s: float = 60) -> dict[str, Any]:
        """The job once it has reached a stage (or is over)."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            job: dict[str, Any] = self.get(f"/api/v1/jobs/{job_id}").json()
            if job["stage"] == stage or job["state"] not in ("queued", "running"):
                return job
            time.sleep(0.02)
        raise AssertionError(f"job {job_id} never reached {stage}: {job}")


@pytest.fixture
def client(system: System) -> Iterator[Client]:
    with Client(base_url=system.url, timeout=120) as c:
        yield c
