"""Capability URLs: a path with an expiry and a keyed hash of both, so that a media link needs no header."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import os
import secrets
import time
from pathlib import Path
from urllib.parse import quote

from services.common.errors import HuashengError
from services.gateway.settings import GatewaySettings

log = logging.getLogger("huasheng.gateway")
BRIEF_S = 1800
SHORTEST_SECRET = 32
"""Fewest characters of a key, as for the setting."""


def load_secret(settings: GatewaySettings) -> bytes:
    """The signing key: from the settings, else made once and kept in the data folder, readable by its owner only.

    A file that is empty or cut short, as a full disk or a crash may have left it, is replaced, with a warning: links
    signed with the old key end, which people get again by asking, and nobody could have guessed the old key's rest.
    Raises ``SystemExit`` when the key cannot be kept.
    """
    if settings.secret:
        return settings.secret.encode()
    path = settings.data_dir / "secret"
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        kept = path.read_bytes().strip() if path.exists() else b""
        if len(kept) >= SHORTEST_SECRET:
            return kept
        if path.exists():
            log.warning(
                "the key that signs media links was empty or cut short: a new one is made", extra={"file": path}
            )
        return _make_secret(path)
    except OSError as e:
        raise SystemExit(f"gateway: the key that signs media links cannot be kept in {path}: {e.strerror}") from e


def _make_secret(path: Path) -> bytes:
    """A new key, whole on disk before it has its name."""
    part = path.with_name(f".secret-{secrets.token_hex(8)}")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as f:
            f.write(secrets.token_hex(32))
            f.flush()
            os.fsync(f.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return path.read_bytes()


class Signer:
    """Signs paths and checks them."""

    def __init__(self, secret: bytes, hours: int) -> None:
        self._secret, self._step = secret, hours * 1800

    def sign(self, path: str) -> str:
        """``path?exp=…&sig=…``. Valid for half to all of the set time: rounded, so that caches see one URL."""
        expires = (int(time.time()) // self._step + 2) * self._step
        return f"{quote(path)}?exp={expires}&sig={self._mac(path, expires)}"

    def media(self, key: str) -> str:
        """Link to a stored result file."""
        return self.sign(f"/api/v1/media/{key}")

    def brief_media(self, key: str) -> str:
        """The same for what another person shares: good for an hour at most, so that a withdrawn share soon ends."""
        path = f"/api/v1/media/{key}"
        expires = (int(time.time()) // BRIEF_S + 2) * BRIEF_S
        return f"{quote(path)}?exp={expires}&sig={self._mac(path, expires)}"

    def asset(self, asset_id: str) -> str:
        """Link to an upload."""
        return self.sign(f"/api/v1/assets/{asset_id}/content")

    def check(self, path: str, exp: str, sig: str) -> int:
        """Seconds until the link expires. Raises ``stale-link`` when it has expired or is forged."""
        left = int(exp) - int(time.time()) if exp.isascii() and exp.isdigit() and len(exp) < 12 else 0
        if left <= 0 or not hmac.compare_digest(self._mac(path, int(exp)).encode(), sig.encode()):
            raise HuashengError("stale-link")
        return left

    def _mac(self, path: str, expires: int) -> str:
        digest = hmac.new(self._secret, f"{expires}\n{path}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:18]).decode()
