"""Parts of the settings of engines that ask a model server."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator


def _extra(members: dict[str, Any]) -> dict[str, Any]:
    if taken := {"model", "messages", "stream", "max_tokens", "temperature"} & set(members):
        raise ValueError(f"{', '.join(sorted(taken))}: the service sets these itself")
    return members


Extra = Annotated[dict[str, Any], AfterValidator(_extra)]
"""Further members of each request; those that the service sets itself are refused."""
