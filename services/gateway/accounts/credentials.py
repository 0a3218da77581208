"""Random secrets, their hashes, and passwords (Argon2id with the library's defaults, RFC 9106)."""

from __future__ import annotations

import hashlib
import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.common.errors import HuashengError

SHORTEST, LONGEST = 10, 200
"""Characters of a password."""
FEWEST_DIFFERENT = 5
_hasher = PasswordHasher()
_at_once = threading.BoundedSemaphore(2)
"""One hash takes 64 MB: people who sign in together wait for each other."""
_NOBODY = _hasher.hash(secrets.token_hex(16))
"""Checked where there is no such user, so that the time of the answer does not show it."""


def new_secret() -> str:
    """256 random bits as 43 characters."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """SHA-256 in hex: what has 256 random bits needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def hash_password(password: str, name: str) -> str:
    """The hash that is kept. Raises ``weak-password``."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise HuashengError("weak-password", least=SHORTEST, most=LONGEST)
    if len(set(password)) < FEWEST_DIFFERENT or password.casefold() == name.casefold():
        raise HuashengError("weak-password", least=SHORTEST, most=LONGEST)
    with _at_once:
        return _hasher.hash(password)


def is_password(kept: str, password: str) -> bool:
    """Whether the password is the one whose hash is ``kept``; as slow for an empty hash."""
    with _at_once:
        try:
            return _hasher.verify(kept or _NOBODY, password[: LONGEST + 1]) and bool(kept)
        except (VerificationError, InvalidHashError):
            return False
