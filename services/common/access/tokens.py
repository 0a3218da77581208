"""The shared token of the services: read, shown, compared."""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Iterable
from pathlib import Path

log = logging.getLogger("huasheng.access")

HEADER = "x-service-token"
"""Metadata of a call. Not ``authorization``: with accounts, people show their API keys there (``StreamTurn``)."""
LEAST = 32
"""Fewest characters of a token."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")


def parse(text: str) -> tuple[str, ...]:
    """One or two tokens, separated by commas or white space. Raises ``ValueError`` that does not show them."""
    found = tuple(re.split(r"[,\s]+", text.strip(", \t\r\n"))) if text.strip(", \t\r\n") else ()
    if not found:
        raise ValueError("it is empty")
    if len(found) > 2:
        raise ValueError("it holds more than two tokens")
    for token in found:
        if len(token) < LEAST:
            raise ValueError(f"a token needs at least {LEAST} characters (openssl rand -hex 32 makes one)")
        if not _TOKEN.fullmatch(token):
            raise ValueError("a token may hold letters, digits and . _ ~ + / = - only")
    return found


class Tokens:
    """The tokens that are valid now; the first is the one to show.

    ``file`` is read at every use, since a mounted secret changes under a running service. While it holds nothing that
    can be used (it is just being written), the last good tokens stay. Raises ``ValueError`` when there are none yet.
    """

    def __init__(self, text: str = "", file: Path | None = None) -> None:
        self._file, self._text = file, text
        self._problem = ""
        self._tokens: tuple[str, ...] = ()
        try:
            self._tokens = parse(self._read())
        except OSError as e:
            raise ValueError(f"cannot read {file}: {e.strerror}") from e

    def __repr__(self) -> str:
        return "Tokens()"

    def _read(self) -> str:
        if self._file is None:
            return self._text
        try:
            return self._file.read_text(encoding="ascii")
        except UnicodeDecodeError as e:
            raise ValueError("it is not plain text") from e

    def current(self) -> tuple[str, ...]:
        """One or two tokens."""
        if self._file is not None:
            problem = ""
            try:
                self._tokens = parse(self._read())
            except (OSError, ValueError) as e:
                problem = e.strerror or "" if isinstance(e, OSError) else str(e)
            if problem and problem != self._problem:
                log.warning("the token file %s cannot be used, the last tokens stay: %s", self._file, problem)
            self._problem = problem
        return self._tokens

    def header(self) -> tuple[str, str]:
        """What a caller sends as metadata."""
        return HEADER, self.current()[0]

    def accept(self, metadata: Iterable[tuple[str, str | bytes]] | None) -> bool:
        """Whether exactly one token was sent and it is valid, compared in constant time."""
        given = [v for k, v in metadata or () if k == HEADER]
        if len(given) != 1:
            return False
        sent = given[0].encode() if isinstance(given[0], str) else given[0]
        # all are compared: how long it takes does not tell which one was close
        return sum(hmac.compare_digest(token.encode(), sent) for token in self.current()) > 0
