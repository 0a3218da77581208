"""Jobs with a nonce: asked for as a careful client asks, followed to their end, and judged by what they hold."""

from __future__ import annotations

import asyncio
import random
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

ENDED = ("succeeded", "failed", "cancelled")
POLL_S = 0.4
GIVE_UP_S = 180.0
"""A job without an end after this long counts as lost."""
REFUSED = ("queue-full", "quota-jobs", "rate-limited", "disk-full")
"""Reasons for which a system may honestly say no before it has accepted a job."""
NONCE = re.compile(r"(?<!\d)\d{12}(?!\d)")
SENTENCE = "编号{nonce}。"


def new_nonce() -> str:
    """Twelve digits that nobody else has."""
    return f"{secrets.randbelow(10**12):012d}"


@dataclass
class Asked:
    """One job, from the wish to its end. Times are ``time.monotonic()``."""

    kind: str
    """``dialogue`` or ``video``."""
    nonce: str = field(default_factory=new_nonce)
    asked_at: float = field(default_factory=time.monotonic)
    accepted_at: float = 0.0
    ended_at: float = 0.0
    ids: set[str] = field(default_factory=set)
    """Ids that answers to this one wish had; more than one means that it was done twice."""
    row: dict[str, Any] = field(default_factory=dict)
    """The job as it was seen last."""
    refused: str = ""
    """Why it was not accepted."""
    said: str = ""
    """What its subtitles or its reply say."""
    video_bytes: int = 0
    troubles: int = 0
    """Requests that failed and were made again."""

    @property
    def state(self) -> str:
        """Of the job; empty before it was accepted."""
        return str(self.row.get("state", ""))

    @property
    def seconds(self) -> float:
        """From the wish to the end."""
        return self.ended_at - self.asked_at

    def problems(self) -> list[str]:
        """What is wrong with it: ``lost``, ``failed: REASON``, ``doubled``, ``mixed up``, ``broken video``."""
        if self.refused:
            return []
        found = ["doubled"] if len(self.ids) > 1 else []
        if self.state not in ENDED:
            return [*found, "lost"]
        if self.state != "succeeded":
            return [*found, f"failed: {(self.row.get('error') or {}).get('reason', self.state)}"]
        if set(NONCE.findall(self.said)) != {self.nonce}:
            found.append("mixed up")
        if self.video_bytes != self.row["result"]["bytes"]:
            found.append("broken video")
        return found


class Users:
    """Clients of one or more gateways, which they choose by chance and change when one does not answer."""

    def __init__(self, urls: Sequence[str], key: str = "", timeout_s: float = 15.0, poll_s: float = POLL_S) -> None:
        """``key``: an API key, where the system has accounts."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._poll_s = poll_s
        self._http = [
            httpx.AsyncClient(
                base_url=url,
                headers=headers,
                timeout=timeout_s,
                trust_env=False,
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=100),
            )
            for url in urls
        ]

    async def close(self) -> None:
        """Close all connections."""
        for http in self._http:
            await http.aclose()

    async def make(self, asked: Asked, give_up_s: float = GIVE_UP_S, **fields: Any) -> Asked:
        """Ask, follow to the end, look at what was made. ``fields`` are added to the request."""
        until = time.monotonic() + give_up_s
        body = {"text": SENTENCE.format(nonce=asked.nonce), "avatar_id": "builtin", **fields}
        if asked.kind == "video":
            body["subtitles"] = True
        headers = {"Idempotency-Key": asked.nonce}
        answer = await self._persist(asked, until, "POST", f"/api/v1/{asked.kind}s", json=body, headers=headers)
        if answer is None:
            asked.refused = asked.refused or "no answer"
            return asked
        asked.row, asked.accepted_at = answer.json(), time.monotonic()
        asked.ids.add(asked.row["id"])
        await self._follow(asked, until)
        return asked

    async def _follow(self, asked: Asked, until: float) -> None:
        job = asked.row["id"]
        while asked.state not in ENDED:
            await asyncio.sleep(self._poll_s)
            answer = await self._persist(asked, until, "GET", f"/api/v1/jobs/{job}")
            if answer is None:
                return
            asked.row = answer.json()
        asked.ended_at = time.monotonic()
        if asked.state != "succeeded":
            return
        result = asked.row["result"]
        video = await self._persist(asked, until, "GET", result["video_url"])
        asked.video_bytes = len(video.content) if video else -1
        if asked.kind == "dialogue":
            asked.said = result["reply"]
        elif subtitles := await self._persist(asked, until, "GET", result["subtitles_url"]):
            asked.said = subtitles.text

    async def _persist(self, asked: Asked, until: float, method: str, path: str, **more: Any) -> httpx.Response | None:
        """The good answer to a request, however often it takes; None when it is refused, or time is up."""
        while time.monotonic() < until:
            http = random.choice(self._http)
            try:
                answer = await http.request(method, path, **more)
            except httpx.TransportError:
                asked.troubles += 1
                await asyncio.sleep(self._poll_s)
                continue
            if answer.is_success:
                return answer
            reason = _reason(answer)
            if method == "POST" and reason in REFUSED:
                asked.refused = reason
                return None
            asked.troubles += 1
            if answer.status_code < 500 and reason not in ("idempotency-pending", "too-many-requests"):
                asked.refused = f"{answer.status_code} {reason}"
                return None
            await asyncio.sleep(self._poll_s)
        return None


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("reason", ""))
    except ValueError:
        return ""
