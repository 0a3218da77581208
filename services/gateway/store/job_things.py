"""What a job's parameters name: avatars, models, voices, files; those of single scenes as well."""

from __future__ import annotations

from typing import Any


def named_in(params: Any, *names: str) -> set[str]:
    """The values of all fields with one of these names, at any depth; a name that begins with ``_`` stands for all that
    end with it."""
    if isinstance(params, list):
        return {value for item in params for value in named_in(item, *names)}
    if not isinstance(params, dict):
        return set()
    found: set[str] = set()
    for key, value in params.items():
        if isinstance(value, str):
            if value and any(key == n or (n.startswith("_") and f"_{key}".endswith(n)) for n in names):
                found.add(value)
        else:
            found |= named_in(value, *names)
    return found
