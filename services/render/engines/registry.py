"""Rendering engines by name; each is imported only when it is chosen."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from services.common.engines import EngineSet, OwnSettings, Registry, make_engine_set
from services.common.errors import HuashengError
from services.common.settings import SharedSettings
from services.render.engines.base import RenderEngine

if TYPE_CHECKING:  # the settings read the names of the registry
    from services.render.settings import RenderSettings

log = logging.getLogger("huasheng.render")

REGISTRY: dict[str, str] = {
    "atlas": "services.render.engines.atlas.engine:AtlasEngine",
    "joygen": "services.render.engines.joygen.engine:JoygenEngine",
    "musetalk": "services.render.engines.joygen.musetalk:MusetalkEngine",
    "synctalk": "services.render.engines.synctalk.engine:SynctalkEngine",
}


def make_engines(
    settings: RenderSettings, shared: SharedSettings, own: OwnSettings | None = None, registry: Registry = REGISTRY
) -> EngineSet[RenderEngine]:
    """The engines that the settings name, loaded at start; the first one must load. Others are not imported.

    ``own``: settings of engines, else the environment's.
    """
    return make_engine_set("render", settings, shared, registry, own or {}, needs_first=True, imports_all=False)


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
