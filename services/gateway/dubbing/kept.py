"""What a dubbing found out and keeps with its job, so that it is not found out again."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from services.gateway.turn.pieces import PartStore


async def kept_facts(
    store: PartStore, what: str, wanted: Any, make: Callable[[], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    """What ``make`` answers for ``wanted`` (JSON), from the store where it was made before."""
    key = hashlib.sha256(json.dumps([what, wanted], ensure_ascii=False, sort_keys=True).encode()).hexdigest()
    if found := await asyncio.to_thread(store.find, key):
        found[0].unlink()
        return dict(found[1])
    facts = await make()
    nothing = store.folder / f"{key[:32]}.facts"
    nothing.write_bytes(b"")
    await asyncio.to_thread(store.keep, key, nothing, facts)
    return facts
