"""Requests per minute of a person or a key: a full bucket that drains with each request and fills steadily."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from fastapi import Request

from services.common.errors import HuashengError
from services.gateway.accounts.principal import Principal
from services.gateway.settings import GatewaySettings

MOST = 10_000
"""Callers remembered; the longest quiet ones are forgotten first."""


@dataclass
class _Bucket:
    tokens: float
    at: float


class RequestRates:
    """In the memory of one replica, so that no request costs a write: behind two replicas twice as many pass."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._default = settings.limit_requests_per_minute
        self._buckets: dict[str, _Bucket] = {}

    def check(self, who: Principal, request: Request) -> None:
        """Take one request of a caller, and note on it what is left. Raises ``too-many-requests``."""
        if limit := who.limits.get("requests_per_minute", self._default):
            self.take(who.key_id or who.user_id, limit, request)

    def take(self, caller: str, limit: float, request: Request) -> None:
        """Take one of ``limit`` requests a minute of ``caller``. Raises ``too-many-requests``."""
        now = time.monotonic()
        bucket = self._buckets.pop(caller, None) or _Bucket(limit, now)
        bucket.tokens = min(limit, bucket.tokens + (now - bucket.at) * limit / 60)
        bucket.at = now
        self._buckets[caller] = bucket  # at the end: the first of the dict is the one that was quiet for longest
        if len(self._buckets) > MOST:
            del self._buckets[next(iter(self._buckets))]
        until_full = math.ceil((limit - bucket.tokens) * 60 / limit)
        request.state.rate_limit = (int(limit), max(0, int(bucket.tokens) - 1), until_full)
        if bucket.tokens < 1:
            seconds = math.ceil((1 - bucket.tokens) * 60 / limit)
            raise HuashengError("too-many-requests", limit=int(limit), retry_s=seconds)
        bucket.tokens -= 1
