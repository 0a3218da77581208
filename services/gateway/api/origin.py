"""Requests that another site's page made, or that came under a name that is not ours (DNS rebinding)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit


def foreign(headers: Mapping[str, str], hosts: frozenset[str], *, changes: bool) -> str:
    """The other site that made a request, or the name under which it was made; empty when there is none.

    ``hosts``: names that are ours, empty for any. ``changes``: whether it may change something, so that the page that
    made it must be ours too.
    """
    host = headers.get("host", "")
    name = _split(f"//{host}")[0]
    known = name in hosts or f"[{name}]" in hosts
    if (hosts and not known) or (host and not name):
        return host or "?"
    origin = headers.get("origin", "")
    return origin if changes and origin and _split(origin)[1] != host else ""


def _split(address: str) -> tuple[str, str]:
    """Host name, and host with port, of an address; empty for what is none."""
    try:
        parts = urlsplit(address)
        return parts.hostname or "", parts.netloc
    except ValueError:
        return "", ""
