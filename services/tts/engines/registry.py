"""The engines of the tts service, by name."""

from __future__ import annotations

from services.common.engines import EngineSet, OwnSettings, Registry, make_engine_set
from services.common.settings import SharedSettings
from services.tts.engines.base import TtsEngine
from services.tts.settings import TtsSettings

REGISTRY = {
    "kokoro": "services.tts.engines.kokoro.engine:KokoroEngine",
    "gpt_sovits": "services.tts.engines.gpt_sovits.engine:GptSovitsEngine",
}


def make_engines(
    settings: TtsSettings, shared: SharedSettings, own: OwnSettings | None = None, registry: Registry = REGISTRY
) -> EngineSet[TtsEngine]:
    """The engines that the settings name, loaded at start. ``own``: settings of engines, else the environment's."""
    return make_engine_set("tts", settings, shared, registry, own or {}, retries=False)
