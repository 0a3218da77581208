"""Rendering engines by name; each is imported only when it is chosen."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from services.common import metrics
from services.common.engines import engine_class
from services.common.errors import HuashengError
from services.common.weights import WeightsError
from services.render.engines.base import RenderEngine

log = logging.getLogger("huasheng.render")

REGISTRY: dict[str, str] = {
    "atlas": "services.render.engines.atlas.engine:AtlasEngine",
    "joygen": "services.render.engines.joygen.engine:JoygenEngine",
    "musetalk": "services.render.engines.joygen.musetalk:MusetalkEngine",
    "synctalk": "services.render.engines.synctalk.engine:SynctalkEngine",
}

NOT_ENABLED = "it is not enabled; add {} to RENDER_ENGINES and start the render service again"


@dataclass(frozen=True)
class EngineState:
    """One configured engine: loaded, or why not."""

    name: str
    engine: RenderEngine | None
    why_not: str
    about: type[RenderEngine] | None = None
    """What it says of itself, also where it cannot be loaded; None when not even that could be read."""


class Engines:
    """The engines that the settings name; the first is the default."""

    def __init__(
        self,
        names: Sequence[str],
        make: Callable[[type[RenderEngine]], RenderEngine],
        registry: Mapping[str, str] = REGISTRY,
    ) -> None:
        self.names, self.registry, self._make = list(names), registry, make
        self.loaded: dict[str, RenderEngine] = {}
        self._why_not: dict[str, str] = {}
        self._about: dict[str, type[RenderEngine]] = {}

    def load(self) -> None:
        """Load all. Raises ``engine-unavailable`` for the default one; others are logged and listed with the reason."""
        for name in self.names:
            try:
                self._about[name] = engine_class(self.registry, name, "render")
                engine = self._make(self._about[name])
                engine.load()
            except (HuashengError, ImportError, WeightsError) as e:
                why = e.params.get("why", e.text("detail", "en")) if isinstance(e, HuashengError) else str(e)
                if name == self.names[0]:
                    raise HuashengError("engine-unavailable", engine=name, why=why) from e
                log.warning("engine not available", extra={"engine": name, "why": why})
                self._why_not[name] = why
                continue
            self.loaded[name] = engine
            metrics.ENGINE_LOADED.labels("render", name).set(1)

    def get(self, name: str = "") -> RenderEngine:
        """The engine of that name, the default for "". Raises ``unknown-engine`` and ``engine-unavailable``."""
        name = name or self.names[0]
        if name in self.loaded:
            return self.loaded[name]
        if name in self.names:
            raise HuashengError("engine-unavailable", engine=name, why=self.state(name).why_not)
        raise HuashengError("unknown-engine", service="render", engine=name, engines=", ".join(self.names))

    def state(self, name: str) -> EngineState:
        """What is known of an engine, configured or not."""
        if name not in self.names:
            return EngineState(name, None, NOT_ENABLED.format(name))
        return EngineState(
            name, self.loaded.get(name), self._why_not.get(name, "it is still loading"), self._about.get(name)
        )


@contextmanager
def engine_errors(engine: str) -> Iterator[None]:
    """Turns what an engine raises unexpectedly into ``engine-failed``, with the trace in the log."""
    try:
        yield
    except (HuashengError, OSError):  # OSError: a full disk has its own answer
        raise
    except Exception as e:
        log.exception("engine failed", extra={"engine": engine})
        raise HuashengError("engine-failed", engine=engine, why=type(e).__name__) from e
