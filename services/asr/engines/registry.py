"""The engines of the asr service, by name."""

from __future__ import annotations

from services.asr.engines.base import AsrEngine
from services.asr.settings import AsrSettings
from services.common.engines import EngineSet, OwnSettings, Registry, make_engine_set
from services.common.settings import SharedSettings

REGISTRY = {
    "whisper": "services.asr.engines.whisper.engine:WhisperEngine",
    "sphinx": "services.asr.engines.sphinx.engine:SphinxEngine",
    "google": "services.asr.engines.google.engine:GoogleEngine",
}


def make_engines(
    settings: AsrSettings, shared: SharedSettings, own: OwnSettings | None = None, registry: Registry = REGISTRY
) -> EngineSet[AsrEngine]:
    """The engines that the settings name, loaded on first use. ``own``: settings of engines, else the environment's."""
    return make_engine_set("asr", settings, shared, registry, own or {}, retries=True)
