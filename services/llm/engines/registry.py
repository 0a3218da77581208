"""The engines of the llm service, by name."""

from __future__ import annotations

from services.common.engines import EngineSet, OwnSettings, Registry, make_engine_set
from services.common.settings import SharedSettings
from services.llm.engines.base import LlmEngine
from services.llm.settings import LlmSettings

REGISTRY = {
    "faq": "services.llm.engines.faq.engine:FaqEngine",
    "zhipu": "services.llm.engines.zhipu.engine:ZhipuEngine",
    "openai": "services.llm.engines.openai.engine:OpenAiEngine",
}


def make_engines(
    settings: LlmSettings, shared: SharedSettings, own: OwnSettings | None = None, registry: Registry = REGISTRY
) -> EngineSet[LlmEngine]:
    """The engines that the settings name, loaded on first use. ``own``: settings of engines, else the environment's."""
    return make_engine_set("llm", settings, shared, registry, own or {}, retries=True)
