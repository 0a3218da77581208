"""The composed stack on a real Docker engine: built, started once for all tests, always taken down."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from tests.containers.stack import FILES, Stack, run
from tools.system import SERVICES, free_ports


@pytest.fixture(scope="session")
def engine() -> None:
    if not shutil.which("docker"):
        pytest.skip("docker is missing")
    for command, what in (
        (("docker", "info"), "no Docker daemon answers"),
        (("docker", "compose", "version"), "docker compose v2 is missing"),
    ):
        if subprocess.run(command, capture_output=True, timeout=30, check=False).returncode:
            pytest.skip(what)


@pytest.fixture(scope="session")
def images(engine: None) -> None:
    """All images, built one after the other: two builds at once only slow each other down."""
    for service in (*SERVICES, "prometheus"):
        command = ("docker", "compose", *FILES, "build", "-q", service)
        run(*command, timeout_s=1200, env={"DOCKER_BUILDKIT": "1", "HUASHENG_PORT": "0", "PROMETHEUS_PORT": "0"})


@pytest.fixture(scope="session")
def stack(images: None) -> Iterator[Stack]:
    ports = free_ports(["page", "prometheus"])
    env = {"HUASHENG_PORT": str(ports["page"]), "PROMETHEUS_PORT": str(ports["prometheus"])}
    cores = os.cpu_count() or 1
    stack = Stack(f"huasheng-test-{os.getpid()}", env | ({"HUASHENG_CPUS": "1"} if cores < 2 else {}))
    try:
        stack.compose("up", "-d", "--wait", "--wait-timeout", "480", timeout_s=520)
        yield stack
    except BaseException:
        print(stack.compose("ps", "-a"), stack.compose("logs", "--tail=40"))
        raise
    finally:
        stack.compose("down", "-v", "--remove-orphans", "--timeout", "15", timeout_s=180)


@pytest.fixture
def client(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, timeout=60) as client:
        yield client
