import pytest

from services.common.engines import load_engine_settings
from services.common.settings import load
from services.render.devices import cpu
from services.render.engines.registry import REGISTRY
from services.render.settings import RenderSettings


def test_defaults_are_as_documented() -> None:
    settings = RenderSettings()
    assert (settings.port, settings.metrics_port, settings.engine_names()) == (50054, 9104, ["atlas"])
    found = load_engine_settings(REGISTRY)
    assert sorted(found) == ["joygen", "musetalk", "synctalk"] and found["joygen"] is found["musetalk"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RENDER_ENGINES", "atlas,nothing"),
        ("RENDER_ENGINES", ""),
        ("RENDER_PRESET", "quick"),
        ("RENDER_CRF", "99"),
        ("RENDER_MAX_SIDE", "64"),
        ("RENDER_PORT", "x"),
        ("RENDER_DEVICE", "gpu"),
        ("RENDER_MAX_BATCH", "0"),
        ("RENDER_SYNCTALK_PRELOAD", "3"),
    ],
)
def test_wrong_settings_end_the_start(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as e:
        load(RenderSettings)
        load_engine_settings(REGISTRY)
    assert e.value.code == 2
    assert name in capsys.readouterr().err


def test_the_processor_is_told_with_its_memory() -> None:
    found = cpu()
    assert found.device == "cpu"
    assert found.name
    assert 0 < found.used_bytes < found.memory_bytes
