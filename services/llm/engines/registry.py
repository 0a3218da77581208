"""Language engines by name; modules are imported, and engines loaded, only when one is used."""

from __future__ import annotations

import logging
import threading

from services.common import metrics
from services.common.engines import engine_class
from services.common.errors import HuashengError
from services.llm.engines.base import LlmEngine
from services.llm.settings import LlmSettings

log = logging.getLogger("huasheng.llm")

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
        """The engine, loaded; the first one for an empty name. Blocks while loading.

        Raises ``unknown-engine``, ``engine-unavailable`` and ``llm-no-key``.
        """
        name = name or self.settings.engine_names()[0]
        if error := self.unavailable(name):
            raise error
        if engine := self._loaded.get(name):
            return engine
        with self._lock:
            if name not in self._loaded:
                engine = self._class(name)(self.settings)
                engine.load()
                self._loaded[name] = engine
                metrics.ENGINE_LOADED.labels("llm", name).set(1)
            return self._loaded[name]

    def load(self) -> None:
        """Load all that can be, ahead of the need. Raises what is wrong with the first where none can."""
        wrong: list[HuashengError] = []
        for name in self.settings.engine_names():
            try:
                self.get(name)
            except HuashengError as e:
                log.warning("engine not available", extra={"engine": name, "reason": e.slug})
                wrong.append(e)
        if not self._loaded:
            raise wrong[0]

    def require(self, name: str) -> None:
        """Refuse a name that a request must not ask for. Raises ``unknown-engine`` and ``engine-unavailable``."""
        self._class(name)
        if name not in self.settings.engine_names():
            raise self._not_enabled(name)

    def _not_enabled(self, name: str) -> HuashengError:
        why = f"it is not enabled; add {name} to LLM_ENGINES and start the llm service again"
        return HuashengError("engine-unavailable", engine=name, why=why)

    def unavailable(self, name: str) -> HuashengError | None:
        """Why the engine cannot be used, or ``None``. Raises ``unknown-engine``."""
        cls = self._class(name)
        return cls.unavailable(self.settings) if name in self.settings.engine_names() else self._not_enabled(name)

    def all(self) -> list[tuple[type[LlmEngine], HuashengError | None]]:
        """Every engine that exists and why it cannot be used, enabled ones first, in their order."""
        names = self.settings.engine_names()
        names += [n for n in self.registry if n not in names]
        return [(self._class(n), self.unavailable(n)) for n in names]
