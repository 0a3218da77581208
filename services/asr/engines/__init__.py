"""Recognition engines by name; modules are imported, and weights loaded, only when an engine is used."""

from __future__ import annotations

import threading

from services.asr.engines.base import AsrEngine
from services.asr.settings import AsrSettings
from services.common import metrics
from services.common.engines import engine_class
from services.common.errors import HuashengError
from services.common.settings import SharedSettings

ENGINES = {
    "whisper": "services.asr.engines.whisper:WhisperEngine",
    "sphinx": "services.asr.engines.sphinx:SphinxEngine",
    "google": "services.asr.engines.google:GoogleEngine",
}


class Engines:
    """The engines of a running service: each loaded once, on first use."""

    def __init__(self, settings: AsrSettings, shared: SharedSettings, registry: dict[str, str] | None = None) -> None:
        self.settings, self.shared = settings, shared
        self.registry = ENGINES if registry is None else registry
        self._loaded: dict[str, AsrEngine] = {}
        self._lock = threading.Lock()
        for name in settings.engine_names():
            self._class(name)

    def _class(self, name: str) -> type[AsrEngine]:
        return engine_class(self.registry, name, "asr")

    def get(self, name: str = "") -> AsrEngine:
        """The engine, loaded; the default one for an empty name. Blocks while loading.

        Raises ``unknown-engine`` and ``engine-unavailable``.
        """
        name = name or self.settings.engine_names()[0]
        if engine := self._loaded.get(name):
            return engine
        if why := self.unavailable(name):
            raise HuashengError("engine-unavailable", engine=name, why=why)
        with self._lock:
            if name not in self._loaded:
                engine = self._class(name)(self.settings, self.shared)
                engine.load()
                self._loaded[name] = engine
                metrics.ENGINE_LOADED.labels("asr", name).set(1)
            return self._loaded[name]

    def unavailable(self, name: str) -> str:
        """Why the engine cannot be used; empty when it can. Raises ``unknown-engine``."""
        cls = self._class(name)
        if name not in self.settings.engine_names():
            return f"it is not enabled; add {name} to ASR_ENGINES and start the asr service again"
        return cls.unavailable(self.settings, self.shared)

    def all(self) -> list[tuple[type[AsrEngine], str]]:
        """Every engine that exists and why it cannot be used (empty: it can), enabled ones first, in their order."""
        names = self.settings.engine_names()
        names += [n for n in self.registry if n not in names]
        return [(self._class(n), self.unavailable(n)) for n in names]
