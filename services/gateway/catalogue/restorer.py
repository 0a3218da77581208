"""The face restorer of the render service: whether there is one that can be used, and its licence."""

from __future__ import annotations

from typing import Any

from huasheng.render.v1 import render_pb2

from services.common.errors import HuashengError
from services.gateway.clients import Clients


def usable_restorer(listed: Any) -> dict[str, str]:
    """Name and licence of the restorer in a ``ListEnginesResponse``. Raises ``restorer-unavailable``."""
    if not listed.HasField("restorer"):
        raise HuashengError("restorer-unavailable", cause="no-restorer")
    if listed.restorer.problem:
        raise HuashengError("restorer-unavailable", why=listed.restorer.problem)
    return {"name": listed.restorer.name, "licence": listed.restorer.licence}


async def restorer_of_job(clients: Clients, params: dict[str, Any]) -> dict[str, str] | None:
    """Name and licence of the restorer that a job uses, None for one that wants none. Raises as ``usable_restorer``."""
    if not params.get("restore"):
        return None
    return usable_restorer(await clients.call("render", "ListEngines", render_pb2.ListEnginesRequest()))


async def check_restorer(clients: Clients, params: dict[str, Any]) -> None:
    """Raises ``restorer-unavailable``. A render service that is down is no error here: the job will wait for it."""
    if not params.get("restore"):
        return
    try:
        listed = await clients.call("render", "ListEngines", render_pb2.ListEnginesRequest(), waits=False)
    except HuashengError as e:
        if not e.retryable:
            raise
        return
    usable_restorer(listed)
