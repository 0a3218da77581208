"""What tests of all kinds share: a service over gRPC, and the whole real system, started once."""

from __future__ import annotations

import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from xdist.scheduler import LoadScopeScheduling

from services.common.serving import Service
from services.common.settings import ServiceSettings, SharedSettings
from services.common.weights import WeightsError, folder, manifest
from tests.fakes import serving
from tests.fakes.ports import free_port
from tests.fakes.s3_server import ALONE, KEYS, S3Server
from tests.fakes.waiting import wait_until
from tests.skips import pytest_addoption, pytest_make_collect_report, pytest_runtest_makereport
from tools.system import System

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell that starts the tests in the background ignores Ctrl-C for them, and all programs under test inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)

__all__ = ["pytest_addoption", "pytest_make_collect_report", "pytest_runtest_makereport"]  # hooks


LONGEST = (
    "tests/contract/test_tts_engine.py",
    "tests/contract/test_render_engine.py",
    "tests/contract/test_asr_telephone.py",
    "tests/integration/gateway/test_live.py",
    "tests/integration/gateway/test_chaos.py",
    "tests/contract/test_atlas_training.py",
    "tests/integration/gateway/test_generated_requests.py",
    "tests/integration/gateway/test_what_people_bring.py",
    "tests/integration/tools/test_system.py",
    "tests/unit/render/test_joygen_train.py",
    "tests/unit/render/test_joygen_nets.py",
)
"""They begin first, longest first, so that none is left to one process at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.split("::")[0], len(LONGEST)))


def pytest_collection_finish() -> None:
    """What collecting has made lives to the end: the garbage collector need not look at it again after every test."""
    gc.freeze()


class ByFile(LoadScopeScheduling):
    """Side by side (``-n``), all tests of a file run in one process, so that what they share is made once."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = nodeid.split("::")[0]
        return "system" if file.startswith("tests/system/") or file == "tests/e2e/test_real_system.py" else file


@pytest.hookimpl(optionalhook=True)  # there is none without xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    config.option.loadscopereorder = False  # the order of the files is ours, see LONGEST
    return ByFile(config, log)


@pytest.fixture
async def serve() -> AsyncIterator[serving.Serve]:
    """Serves a service over gRPC on a port of its own until the test is over: ``running = await serve(service)``."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            service: Service, settings: ServiceSettings | None = None, *, load: bool = True
        ) -> serving.Running:
            return await stack.enter_async_context(serving.served(service, settings, load=load))

        yield start


@pytest.fixture(scope="module", autouse=True)
def no_child_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A file leaves no process of its own to the next one, which may count them. System and page share theirs."""
    yield
    if request.node.nodeid.startswith(("tests/unit/", "tests/contract/", "tests/integration/")):
        wait_until(lambda: not psutil.Process().children())


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One for all tests of a file, each with a prefix of its own; other files count their child processes."""
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """A running S3 server, its keys in this process's environment."""
    for name, value in {**KEYS, **ALONE}.items():
        monkeypatch.setenv(name, value)
    return s3_server


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
