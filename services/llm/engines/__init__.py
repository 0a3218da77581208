"""Language engines by name; modules are imported, and engines loaded, only when one is used."""

from __future__ import annotations

import threading

from services.common import metrics
from services.common.engines import engine_class
from services.common.errors import HuashengError
from services.llm.engines.base import LlmEngine
from services.llm.settings import LlmSettings

ENGINES = {
    "faq": "services.llm.engines.faq:FaqEngine",
    "zhipu": "services.llm.engines.zhipu:ZhipuEngine",
    "openai": "services.llm.engines.openai:OpenAiEngine",
}


class Engines:
    """The engines of a running service: each loaded once, on first use."""

    def __init__(self, settings: LlmSettings, registry: dict[str, str] | None = None) -> None:
        self.settings = settings
        self.registry = ENGINES if registry is None else registry
        self._loaded: dict[str, LlmEngine] = {}
        self._lock = threading.Lock()
        for name in settings.engine_names():
            self._class(name)

    def _class(self, name: str) -> type[LlmEngine]:
        return engine_class(self.registry, name, "llm")

    def get(self, name: str = "") -> LlmEngine:
        """The engine, loaded; the default one for an empty name. Blocks while loading.

        Raises ``unknown-engine``, ``engine-unavailable`` and ``llm-no-key``.
        """
        name = name or self.settings.engine_names()[0]
        if engine := self._loaded.get(name):
            return engine
        if error := self.unavailable(name):
            raise error
        with self._lock:
            if name not in self._loaded:
                engine = self._class(name)(self.settings)
                engine.load()
                self._loaded[name] = engine
                metrics.ENGINE_LOADED.labels("llm", name).set(1)
            return self._loaded[name]

    def unavailable(self, name: str) -> HuashengError | None:
        """Why the engine cannot be used, or ``None``. Raises ``unknown-engine``."""
        cls = self._class(name)
        if name not in self.settings.engine_names():
            why = f"it is not enabled; add {name} to LLM_ENGINES and start the llm service again"
            return HuashengError("engine-unavailable", engine=name, why=why)
        return cls.unavailable(self.settings)

    def all(self) -> list[tuple[type[LlmEngine], HuashengError | None]]:
        """Every engine that exists and why it cannot be used, enabled ones first, in their order."""
        names = self.settings.engine_names()
        names += [n for n in self.registry if n not in names]
        return [(self._class(n), self.unavailable(n)) for n in names]
