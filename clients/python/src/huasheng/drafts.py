"""What the gateway tells about drafts, field by field as in its OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from huasheng._answer import Answer


class DraftHead(Answer):
    """A draft in the list; ``version`` grows with every change."""

    id: str
    name: str
    version: int
    created_at: datetime
    updated_at: datetime


class Draft(DraftHead):
    """A draft with its script: a request as ``videos.create`` makes it, which may be unfinished."""

    script: dict[str, Any]
