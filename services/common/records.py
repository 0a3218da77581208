"""Reads the JSON files that describe what is kept in storage; one that is damaged must not hide the others."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")
_adapters: dict[type[Any], TypeAdapter[Any]] = {}


def read_record(cls: type[T], data: bytes) -> T:
    """The dataclass that a file holds as JSON. Raises ``ValueError`` when it does not, also for a wrong type."""
    if cls not in _adapters:
        _adapters[cls] = TypeAdapter(cls)
    found: T = _adapters[cls].validate_json(data)
    return found
