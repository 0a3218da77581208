"""What the service says of its engines, models, devices and trainings."""

from pathlib import Path

from huasheng.render.v1 import render_pb2 as pb

from services.common.settings import SharedSettings
from services.render.server import make_service
from services.render.settings import RenderSettings
from tests.fakes.render_rig import END, FAKES, Rig, config, refused
from tests.fakes.serving import Serve


async def test_models_engines_and_devices_are_listed(rig: Rig) -> None:
    models = (await rig.stub.ListModels(pb.ListModelsRequest(owner="local"))).models
    assert [(m.model_id, m.owner) for m in models] == [("fake", "builtin")]
    engines = (await rig.stub.ListEngines(pb.ListEnginesRequest())).engines
    assert [(e.name, e.available, e.is_default, e.reason) for e in engines] == [
        ("fake", True, True, ""),
        ("broken", False, False, "it has no wheels"),
    ]
    device = (await rig.stub.ListDevices(pb.ListDevicesRequest())).devices[0]
    assert device.device == "cpu"
    assert device.name
    assert 0 < device.used_bytes < device.memory_bytes


async def test_before_it_has_loaded_the_service_says_so(tmp_path: Path, serve: Serve) -> None:
    settings = RenderSettings.model_construct(**{**RenderSettings().model_dump(), "engines": "fake"})
    service = make_service(settings, SharedSettings(storage_url=f"file://{tmp_path}"), FAKES)
    stub = (await serve(service, settings, load=False)).stub
    assert (await refused(stub.StreamRender(iter([config(), END])))).slug == "service-loading"
