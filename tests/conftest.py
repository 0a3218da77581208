"""The whole real system, started once for all tests that want it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.common.settings import SharedSettings
from services.common.weights import WeightsError, folder, manifest
from tools.system import System, free_ports


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    try:
        for group in manifest():
            folder(group, SharedSettings().weights_dir)
    except WeightsError as e:
        pytest.skip(f"weights are not here: {e}")
    data: Path = tmp_path_factory.mktemp("system")
    ports = free_ports(["asr", "llm", "tts", "render", "gateway", "http"])
    with System(data, ports=ports, metrics=False) as running:
        running.start()
        running.wait_ready()
        yield running
