"""Sign-ins that were sent to the OpenID provider and are not back yet: bound to their browser by a cookie.

The cookie holds random bits, an end and the page to go to, with a keyed hash of all. ``state``, ``nonce`` and the PKCE
verifier are keyed hashes of the same: no table is needed, any replica can finish what another began, and who reads the
cookie still knows neither verifier nor nonce.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.common.errors import HuashengError
from services.gateway.accounts.credentials import new_secret

GOOD_S = 600
LONGEST_NEXT = 500
"""Characters of a page's address: it has to fit into a cookie."""


@dataclass(frozen=True)
class Pending:
    """What one sign-in is known by."""

    state: str
    nonce: str
    verifier: str
    """For PKCE (RFC 7636): 43 characters."""
    next: str
    """Path of the page to go to afterwards."""


def own_path(given: str) -> str:
    """``given`` when it leads to a page of ours. Raises ``bad-request`` for another site.

    Browsers take ``//host`` and ``/\\host`` for a host, and leave out tabs and line ends before they look.
    """
    is_plain = given.isprintable() and "\\" not in given and len(given) <= LONGEST_NEXT
    if is_plain and given.startswith("/") and not given.startswith("//") and not urlsplit(given).netloc:
        return given
    raise HuashengError("bad-request", what="next: a path of this site, such as /videos")


class PendingSignIns:
    """Begins sign-ins and finds them again."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def begin(self, next_path: str) -> tuple[str, Pending]:
        """A new sign-in, and the value of its cookie. Raises ``bad-request`` for a ``next_path`` that is not ours."""
        page = base64.urlsafe_b64encode(own_path(next_path).encode()).decode().rstrip("=")
        body = f"{int(time.time()) + GOOD_S}.{new_secret()}.{page}"
        return f"{body}.{self._hash('cookie', body)}", self._pending(body)

    def find(self, cookie: str, state: str) -> Pending:
        """The sign-in that this browser began. Raises ``sign-in-stale`` for any other, and after 10 minutes."""
        body, _, mac = cookie.rpartition(".")
        if not hmac.compare_digest(mac.encode(), self._hash("cookie", body).encode()):
            raise HuashengError("sign-in-stale")
        found = self._pending(body)
        if int(body.split(".")[0]) < time.time() or not hmac.compare_digest(found.state.encode(), state.encode()):
            raise HuashengError("sign-in-stale")
        return found

    def _pending(self, body: str) -> Pending:
        page = body.split(".")[2]
        return Pending(
            state=self._hash("state", body),
            nonce=self._hash("nonce", body),
            verifier=self._hash("verifier", body),
            next=base64.urlsafe_b64decode(page + "=" * (-len(page) % 4)).decode(),
        )

    def _hash(self, use: str, body: str) -> str:
        found = hmac.new(self._key, f"openid {use}\n{body}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(found).decode().rstrip("=")
