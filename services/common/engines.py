"""Engines are named in settings, registered as ``"module:Class"`` and imported only when chosen."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping

from services.common.errors import HuashengError


def engine_class(registry: Mapping[str, str], name: str, service: str) -> type:
    """The class registered under ``name``. Raises ``unknown-engine``; import errors pass through."""
    if name not in registry:
        raise HuashengError("unknown-engine", service=service, engine=name, engines=", ".join(registry))
    module, _, cls = registry[name].partition(":")
    found: type = getattr(importlib.import_module(module), cls)
    return found


def require_known(registry: Mapping[str, str], names: Iterable[str], setting: str) -> None:
    """End the program with status 2, as for any wrong setting, when a name is not registered."""
    for name in names:
        if name not in registry:
            sys.stderr.write(f"bad setting {setting}: there is no engine {name}; there are {', '.join(registry)}\n")
            sys.exit(2)
