"""Checks words before they are said: against a list of the operator, and by a moderation service.

The service is any that answers ``POST {url}`` as OpenAI's ``/v1/moderations`` does: ``{"results": [{"flagged": …}]}``.
What is refused is counted and noted, its words are not.
"""

from __future__ import annotations

import asyncio
import logging
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import httpx
from prometheus_client import Counter

from services.common.errors import HuashengError
from services.common.settings import secret
from services.gateway.settings import GatewaySettings

log = logging.getLogger("huasheng.gateway.moderation")
CHECKED = Counter("huasheng_moderation_total", "Texts that were checked before they were said", ["by", "verdict"])
CONTEXT = 300
"""Characters of what was said before that are checked again with the next words: a phrase may cross clauses."""
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_APART = re.compile(r"[\W_]+")
_SPACED = re.compile(r"(?<=[\u3400-\u9fff]) | (?=[\u3400-\u9fff])")


def plain(text: str) -> str:
    """A text as it is compared: width, case, accents and punctuation do not count, nor spaces between Chinese."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    without = "".join(c for c in letters if not unicodedata.combining(c))
    return _SPACED.sub("", _APART.sub(" ", unicodedata.normalize("NFKC", without)).strip())


def read_words(path: Path) -> re.Pattern[str] | None:
    """The phrases of a file, one a line, ``#`` before comments; None for none. Raises ``SystemExit``.

    Phrases with Chinese characters are found anywhere, others as whole words.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise SystemExit(f"gateway: GATEWAY_MODERATION_WORDS={path} cannot be read as UTF-8 text: {e}") from e
    phrases = {plain(line) for line in lines if not line.lstrip().startswith("#")} - {""}
    parts = [re.escape(p) if _HAN.search(p) else rf"\b{re.escape(p)}\b" for p in sorted(phrases)]
    return re.compile("|".join(parts)) if parts else None


class Moderation:
    """For one event loop."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self.on_refused: Callable[[str], None] = lambda _by: None
        """Notes in the audit log whose words were refused, which the context says; blocks. Gets by what: ``list`` or
        ``service``."""
        self._words = read_words(settings.moderation_words) if settings.moderation_words else None
        self._http = httpx.AsyncClient(timeout=settings.moderation_s) if settings.moderation_url else None

    async def close(self) -> None:
        """Close the connections."""
        if self._http:
            await self._http.aclose()

    async def check(self, text: str, before: str = "") -> None:
        """Raises ``words-refused``; ``moderation-down`` when the service gives no answer: nothing is said unchecked.

        ``before`` is what was said right before and was checked then.
        """
        whole = f"{before[-CONTEXT:]} {text}"
        if self._words:
            await self._judge("list", bool(self._words.search(plain(whole))))
        if self._http:
            await self._judge("service", await self._is_flagged(self._http, whole))

    async def _judge(self, by: str, is_bad: bool) -> None:
        CHECKED.labels(by, "refused" if is_bad else "passed").inc()
        if is_bad:
            log.warning("words were refused", extra={"by": by})
            await asyncio.to_thread(self.on_refused, by)
            raise HuashengError("words-refused")

    async def _is_flagged(self, http: httpx.AsyncClient, text: str) -> bool:
        s = self._settings
        key = secret(s.moderation_key, s.moderation_key_file)
        body = {"input": text} | ({"model": s.moderation_model} if s.moderation_model else {})
        try:
            answer = await http.post(
                s.moderation_url, json=body, headers={"Authorization": f"Bearer {key}"} if key else {}
            )
            answer.raise_for_status()
            return any(bool(r["flagged"]) for r in answer.json()["results"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as e:
            CHECKED.labels("service", "failed").inc()
            log.error("the moderation service gives no answer", extra={"why": type(e).__name__})
            raise HuashengError("moderation-down") from e
