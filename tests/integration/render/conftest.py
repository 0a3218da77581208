import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
from huasheng.render.v1 import render_pb2_grpc

from services.common import serving
from services.common.settings import SharedSettings
from services.common.storage import Storage
from services.common.weights import WeightsError, folder
from services.render.server import make_service
from services.render.settings import RenderSettings
from tests.fakes.render_engine import FakeEngine
from tests.fakes.render_rig import FAKES, Rig


@pytest.fixture(autouse=True)
def _switches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("frame_s", "prepare_s", "fail_at", "version", "yuv"):
        monkeypatch.setattr(FakeEngine, name, getattr(FakeEngine, name))
    FakeEngine.prepared = 0
    FakeEngine.last = None
    FakeEngine.open_sessions = 0
    yield


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    try:
        folder("portrait", SharedSettings().weights_dir)
    except WeightsError:
        pytest.skip("the portrait is not here; run: make weights")
    settings = RenderSettings.model_construct(
        **{**RenderSettings().model_dump(), "engines": "fake,broken", "max_sessions": 3}
    )
    shared = SharedSettings(storage_url=f"file://{tmp_path}/storage")
    service = make_service(settings, shared, FAKES)
    server, _, port = await serving.start(service, serving.with_port(settings, 0))
    await asyncio.to_thread(service.load)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=serving.CHANNEL_OPTIONS) as channel:
        yield Rig(render_pb2_grpc.RenderServiceStub(channel), Storage(shared.storage_url), tmp_path / "storage")
    await server.stop(1)
