"""Engines are named in settings, registered as ``"module:Class"`` and imported only when chosen."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from services.common.errors import HuashengError


def engine_class(registry: Mapping[str, str], name: str, service: str) -> type:
    """The class registered under ``name``. Raises ``unknown-engine``; import errors pass through."""
    if name not in registry:
        raise HuashengError("unknown-engine", service=service, engine=name, engines=", ".join(registry))
    module, _, cls = registry[name].partition(":")
    found: type = getattr(importlib.import_module(module), cls)
    return found
