"""Keeps how much each person has stored, day by day. One replica does it for all."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from services.common.errors import HuashengError

if TYPE_CHECKING:
    from services.gateway.context import Gateway

log = logging.getLogger("huasheng.gateway.accounts")
EVERY_S = 600.0
"""What is stored and deleted within such a time around midnight (UTC) may count on the wrong day."""


async def keep_noting(gateway: Gateway) -> None:
    """Write today's figures now and again until cancelled; nothing without accounts."""
    while gateway.accounts.is_on:
        try:
            if gateway.runner.lease.leads:
                await asyncio.to_thread(gateway.accounts.quotas.note_stored)
        except HuashengError as e:
            log.warning("what is stored cannot be written down", extra={"reason": e.slug})
        except Exception:
            log.exception("what is stored cannot be written down")
        await asyncio.sleep(EVERY_S)
