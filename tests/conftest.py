"""What tests of all kinds share: a service over gRPC, and the whole real system, started once."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.common.serving import Service
from services.common.settings import ServiceSettings, SharedSettings
from services.common.weights import WeightsError, folder, manifest
from tests.fakes import serving
from tests.fakes.ports import free_port
from tests.skips import pytest_addoption, pytest_make_collect_report, pytest_runtest_makereport
from tools.system import System

__all__ = ["pytest_addoption", "pytest_make_collect_report", "pytest_runtest_makereport"]  # hooks


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Under ``--dist loadgroup`` tests that share an expensive fixture run in one process, so that it is made once."""
    for item in items:
        if group := shared_fixture(item):
            item.add_marker(pytest.mark.xdist_group(group))


def shared_fixture(item: pytest.Item) -> str:
    """What a test shares with others: the real system, or a fixture of its module; ``""`` for nothing."""
    if {"system", "real"} & set(getattr(item, "fixturenames", ())):
        return "system"
    info = getattr(item, "_fixtureinfo", None)  # pytest offers no public way to a fixture's scope before the run
    fixtures = [f[-1] for f in info.name2fixturedefs.values()] if info else []
    return item.nodeid.split("::")[0] if any(f.scope == "module" and f.baseid for f in fixtures) else ""


@pytest.fixture
async def serve() -> AsyncIterator[serving.Serve]:
    """Serves a service over gRPC on a port of its own until the test is over: ``running = await serve(service)``."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            service: Service, settings: ServiceSettings | None = None, *, load: bool = True
        ) -> serving.Running:
            return await stack.enter_async_context(serving.served(service, settings, load=load))

        yield start


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    try:
        for group in manifest():
            folder(group, SharedSettings().weights_dir)
    except WeightsError as e:
        pytest.skip(f"weights are not here: {e}")
    data: Path = tmp_path_factory.mktemp("system")
    ports = {name: free_port() for name in ("asr", "llm", "tts", "render", "gateway", "http")}
    with System(data, ports=ports, metrics=False) as running:
        running.start()
        running.wait_ready()
        yield running
