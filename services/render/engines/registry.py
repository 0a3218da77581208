"""Rendering engines by name; each is imported only when it is chosen."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from services.common.engines import EngineSet
from services.common.errors import HuashengError
from services.render.engines.base import RenderEngine

log = logging.getLogger("huasheng.render")

REGISTRY: dict[str, str] = {
    "atlas": "services.render.engines.atlas.engine:AtlasEngine",
    "joygen": "services.render.engines.joygen.engine:JoygenEngine",
    "musetalk": "services.render.engines.joygen.musetalk:MusetalkEngine",
    "synctalk": "services.render.engines.synctalk.engine:SynctalkEngine",
}


def make_engines(
    names: Sequence[str], make: Callable[[type[RenderEngine]], RenderEngine], registry: Mapping[str, str] = REGISTRY
) -> EngineSet[RenderEngine]:
    """The engines that the settings name, loaded at start; the first one must load. Others are not imported."""
    return EngineSet("render", names, registry, make, needs_first=True, imports_all=False)


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
