"""Settings that lie beside an engine: the class ``Settings`` in the module ``settings`` of the engine's folder."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping

from pydantic_settings import BaseSettings

from services.common.settings import load


def settings_class(registry: Mapping[str, str], name: str) -> type[BaseSettings] | None:
    """The class of an engine's own settings, None where it has none. Loads nothing else of the engine."""
    folder = registry[name].partition(":")[0].rpartition(".")[0]
    if importlib.util.find_spec(f"{folder}.settings") is None:
        return None
    found: type[BaseSettings] = importlib.import_module(f"{folder}.settings").Settings
    return found


def load_engine_settings(registry: Mapping[str, str]) -> dict[str, BaseSettings]:
    """The own settings of all engines, enabled or not; on a wrong value print which and exit with status 2."""
    classes = {name: settings_class(registry, name) for name in registry}
    loaded = {cls: load(cls) for cls in dict.fromkeys(classes.values()) if cls}
    return {name: loaded[cls] for name, cls in classes.items() if cls}


def refused_as_default(registry: Mapping[str, str], name: str) -> str:
    """Why an engine cannot be the first of the list, "" when it can."""
    return str(getattr(settings_class(registry, name), "refused_as_default", ""))
