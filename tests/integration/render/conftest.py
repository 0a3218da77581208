from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.render_engine import FakeEngine
from tests.fakes.render_rig import FAKES, Rig, open_rig
from tests.fakes.serving import Serve


@pytest.fixture(autouse=True)
def _switches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("frame_s", "prepare_s", "fail_at", "hold_at", "version", "yuv"):
        monkeypatch.setattr(FakeEngine, name, getattr(FakeEngine, name))
    FakeEngine.prepared = 0
    FakeEngine.released.clear()
    FakeEngine.last = None
    FakeEngine.open_sessions = 0
    yield


@pytest.fixture
async def rig(tmp_path: Path, serve: Serve) -> Rig:
    return await open_rig(serve, tmp_path, FAKES, engines="fake,broken", max_sessions=3)
