"""What a video is found by: its name and text, whatever their case, and the avatars and models that it draws."""

from __future__ import annotations

from services.gateway.store.db import Row


def words(name: str, params: Row) -> str:
    """Name and text, in folded case, each after a line break."""
    sentences = (params.get("dubbing") or {}).get("sentences") or []
    texts = [params.get("text"), *(scene.get("text") for scene in _scenes(params))]
    texts += [s.get("translation") for s in sentences]
    return "\n".join(["", name, *(t for t in texts if t)]).casefold()


def drawn(params: Row) -> str:
    """Ids of avatars and models between blanks; ``builtin`` where neither is named."""
    ids = {i for part in (params, *_scenes(params)) for i in (part.get("avatar_id"), part.get("model")) if i}
    return f" {' '.join(sorted(ids) or ['builtin'])} "


def _scenes(params: Row) -> list[Row]:
    return params.get("scenes") or []
