"""Recognition engines by name; modules are imported, and weights loaded, only when an engine is used."""

from __future__ import annotations

import logging
import threading

from services.asr.engines.base import AsrEngine, primary
from services.asr.settings import AsrSettings
from services.common import metrics
from services.common.engines import engine_class
from services.common.errors import HuashengError
from services.common.settings import SharedSettings

log = logging.getLogger("huasheng.asr")

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
        """The engine, loaded; the first one for an empty name. Blocks while loading.

        Raises ``unknown-engine`` and ``engine-unavailable``.
        """
        name = name or self.settings.engine_names()[0]
        if error := self.unavailable(name):
            raise error
        if engine := self._loaded.get(name):
            return engine
        with self._lock:
            if name not in self._loaded:
                engine = self._class(name)(self.settings, self.shared)
                engine.load()
                self._loaded[name] = engine
                metrics.ENGINE_LOADED.labels("asr", name).set(1)
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
        why = f"it is not enabled; add {name} to ASR_ENGINES and start the asr service again"
        return HuashengError("engine-unavailable", engine=name, why=why)

    def unavailable(self, name: str) -> HuashengError | None:
        """Why the engine cannot be used, or ``None``. Raises ``unknown-engine``."""
        cls = self._class(name)
        if name not in self.settings.engine_names():
            return self._not_enabled(name)
        why = cls.unavailable(self.settings, self.shared)
        return HuashengError("engine-unavailable", engine=name, why=why) if why else None

    def knows(self, name: str, language: str | None, other: str) -> bool:
        """Whether it is made for a language, or for all that the other engine is made for."""
        known = set(self._class(name).languages)
        return bool(language and primary(language) in known) or known >= set(self._class(other).languages)

    def works_ahead(self, name: str) -> bool:
        """Whether it may be asked before an utterance has ended."""
        return self._class(name).works_ahead

    def all(self) -> list[tuple[type[AsrEngine], HuashengError | None]]:
        """Every engine that exists and why it cannot be used, enabled ones first, in their order."""
        names = self.settings.engine_names()
        names += [n for n in self.registry if n not in names]
        return [(self._class(n), self.unavailable(n)) for n in names]
